"""A clip in windows that overlap, as long as a video network takes them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Span = tuple[int, int]
"""First frame, and the one after the last."""

_STRIDE = 4
"""Frames that the network holds in one, after the first, which it holds alone."""


def windows(frame_count: int, length: int, overlap: int) -> list[Span]:
    """Spans of at most `length` frames that cover a clip; each begins with the last `overlap` frames of the one before.

    The last may be short, but is never made of known frames alone.
    """
    spans = [(0, min(length, frame_count))]
    while spans[-1][1] < frame_count:
        start = spans[-1][1] - overlap
        spans.append((start, min(start + length, frame_count)))
    return spans


def whole_length(count: int) -> int:
    """The next number of frames that the network takes: 1, 5, 9, ..."""
    return -(-(count - 1) // _STRIDE) * _STRIDE + 1


def crossfaded(before: NDArray[np.float32], after: NDArray[np.float32]) -> NDArray[np.float32]:
    """The same frames out of two windows, float32 [n, ...] each: from the first window's to the second's."""
    share = (np.arange(1, len(before) + 1, dtype=np.float32) / (len(before) + 1)).reshape(-1, *[1] * (before.ndim - 1))
    return before + share * (after - before)
