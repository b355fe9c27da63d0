"""Runs that outlive a click: where their files are, how they are found again."""
