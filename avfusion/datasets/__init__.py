"""Datasets in the layouts that the field uses: read, written, and made."""
