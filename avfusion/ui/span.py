"""In and out points: the part of the clip that counts. Plain values."""

from __future__ import annotations

Span = tuple[int, int]
"""Frames start..stop-1. None stands for the whole clip."""


def starting_at(span: Span | None, frame: int, count: int) -> Span | None:
    """The part begins at a frame; an end that would lie before it goes to the end of the clip."""
    stop = span[1] if span is not None and span[1] > frame else count
    return _unless_whole((frame, stop), count)


def ending_at(span: Span | None, frame: int, count: int) -> Span | None:
    """A frame is the last of the part; a beginning that would lie after it goes to the beginning of the clip."""
    start = span[0] if span is not None and span[0] <= frame else 0
    return _unless_whole((start, frame + 1), count)


def covers(outer: Span | None, inner: Span | None, count: int) -> bool:
    """Whether all frames of the one lie in the other."""
    (first, last), (start, stop) = outer or (0, count), inner or (0, count)
    return first <= start and stop <= last


def _unless_whole(span: Span, count: int) -> Span | None:
    return None if span == (0, count) else span
