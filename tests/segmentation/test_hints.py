"""Prompts become pixels exactly where they were put, or are refused with a line that helps."""

from __future__ import annotations

import numpy as np
import pytest

from avfusion.clip import Box, Drawn, Point, Prompt, Scribble, Sounding, Words
from avfusion.errors import AvfusionError, MaskSizeMismatch, NoPrompt, PromptOutside, UsageError
from avfusion.segmentation.hints import Hints, check, pixels_of, touched


def test_a_click_is_one_pixel_and_a_later_click_on_it_corrects_it() -> None:
    hints = Hints.nothing((20, 30))
    for click in (Point(3.7, 4.2), Point(8, 9)):
        hints = hints.with_stroke(touched(click, 20, 30), keep=True)
    assert np.argwhere(hints.keep).tolist() == [[4, 3], [9, 8]]
    assert not hints.drop.any()
    corrected = hints.with_stroke(touched(Point(3, 4), 20, 30), keep=False)
    assert np.argwhere(corrected.keep).tolist() == [[9, 8]]
    assert np.argwhere(corrected.drop).tolist() == [[4, 3]]


def test_hints_hold_whatever_the_mask_says() -> None:
    hints = Hints.nothing((20, 30)).with_stroke(touched(Point(3, 4), 20, 30), keep=True)
    hints = hints.with_stroke(touched(Point(8, 9), 20, 30), keep=False)
    held = hints.hold(np.arange(30) > np.full((20, 1), 5))
    assert held[4, 3]
    assert not held[9, 8]
    assert held.sum() == 20 * 24


def test_a_stroke_covers_its_points_and_its_width() -> None:
    stroke = touched(Scribble(((5, 10), (25, 10)), width_px=5), 20, 30)
    assert stroke[10, 5:26].all()
    assert stroke[:, 15].sum() == 5


def test_corners_of_the_picture_are_inside() -> None:
    check([Point(0, 0), Point(29.9, 19.9), Box(0, 0, 30, 20)], 20, 30, "grabcut", known=())
    assert touched(Point(29.9, 19.9), 20, 30)[19, 29]
    assert pixels_of(Box(0.5, 0, 29.2, 20)) == (0, 0, 30, 20)


@pytest.mark.parametrize(
    ("prompt", "error", "words"),
    [
        (Point(30, 5), PromptOutside, "30x20"),
        (Point(-0.1, 5), PromptOutside, "30x20"),
        (Scribble(((5, 5), (5, 20))), PromptOutside, "5,20"),
        (Box(0, 0, 31, 20), PromptOutside, "0,0,31,20"),
        (Box(10, 5, 10, 9), UsageError, "width"),
        (Point(5, 5, keep=False), NoPrompt, "object 1"),
        (Drawn(np.ones((20, 31), bool)), MaskSizeMismatch, "31x20"),
        (Words("a dog"), UsageError, "words"),
        (Sounding(), UsageError, "sounds"),
    ],
)
def test_what_cannot_be_used_is_refused(prompt: Prompt, error: type[AvfusionError], words: str) -> None:
    with pytest.raises(error, match=words) as raised:
        check([prompt], 20, 30, "grabcut", known=())
    assert "\n" not in str(raised.value)


def test_no_prompt_at_all_is_refused() -> None:
    with pytest.raises(NoPrompt):
        check([], 20, 30, "grabcut", known=(1,))


def test_what_is_known_already_needs_nothing_to_keep() -> None:
    check([Point(5, 5, keep=False, object=3)], 20, 30, "grabcut", known=(3,))
    with pytest.raises(NoPrompt, match="object 3"):
        check([Point(5, 5, keep=False, object=3)], 20, 30, "grabcut", known=(1,))
