"""The tracking engines with learnt weights: rows for the catalogue, the best first."""

from __future__ import annotations

from avfusion.engines.engine import Engine

TRACKED: tuple[Engine, ...] = ()
"""Masks carried from frame to frame."""
