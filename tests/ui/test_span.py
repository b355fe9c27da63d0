"""In and out points."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from avfusion.ui.span import Span, covers, ending_at, starting_at

COUNT = 12
frames = st.integers(0, COUNT - 1)
spans = st.none() | st.tuples(frames, st.integers(1, COUNT)).filter(
    lambda span: span[0] < span[1] and span != (0, COUNT)
)


@given(spans, frames)
def test_a_point_counts_and_what_is_left_is_a_part_of_the_clip(span: Span | None, frame: int) -> None:
    began, ended = starting_at(span, frame, COUNT) or (0, COUNT), ending_at(span, frame, COUNT) or (0, COUNT)
    assert began[0] == frame
    assert ended[1] == frame + 1
    for start, stop in (began, ended):
        assert 0 <= start < stop <= COUNT


@given(spans, frames)
def test_the_other_end_stays_where_it_can(span: Span | None, frame: int) -> None:
    start, stop = span or (0, COUNT)
    began, ended = starting_at(span, frame, COUNT) or (0, COUNT), ending_at(span, frame, COUNT) or (0, COUNT)
    assert began[1] == (stop if stop > frame else COUNT)
    assert ended[0] == (start if start <= frame else 0)


def test_the_whole_clip_is_none() -> None:
    assert starting_at((3, COUNT), 0, COUNT) is None
    assert ending_at((0, 4), COUNT - 1, COUNT) is None


@given(spans, spans)
def test_covering_is_about_frames(outer: Span | None, inner: Span | None) -> None:
    wide, narrow = (set(range(*(span or (0, COUNT)))) for span in (outer, inner))
    assert covers(outer, inner, COUNT) == (narrow <= wide)
