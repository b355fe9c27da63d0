"""Prompts become pixels exactly where they were put, or are refused with a line that helps."""

from __future__ import annotations

import numpy as np
import pytest

from avfusion.clip import Box, Drawn, Point, Prompt, Scribble, Sounding, Words
from avfusion.errors import AvfusionError, MaskSizeMismatch, NoPrompt, PromptOutside, UsageError
from avfusion.segmentation.hints import read_hints


def test_a_click_is_one_pixel_and_a_later_click_on_it_corrects_it() -> None:
    hints = read_hints([Point(3.7, 4.2), Point(8, 9)], 20, 30, "grabcut")[1]
    assert np.argwhere(hints.keep).tolist() == [[4, 3], [9, 8]]
    assert not hints.drop.any()
    corrected = read_hints([Point(3.7, 4.2), Point(8, 9), Point(3, 4, keep=False)], 20, 30, "grabcut")[1]
    assert np.argwhere(corrected.keep).tolist() == [[9, 8]]
    assert np.argwhere(corrected.drop).tolist() == [[4, 3]]


def test_a_stroke_covers_its_points_and_its_width() -> None:
    hints = read_hints([Scribble(((5, 10), (25, 10)), width_px=5)], 20, 30, "grabcut")[1]
    assert hints.keep[10, 5:26].all()
    assert hints.keep[:, 15].sum() == 5


def test_what_is_kept_of_one_object_is_dropped_of_the_others() -> None:
    hints = read_hints([Point(3, 4), Point(20, 9, object=2)], 20, 30, "grabcut")
    assert hints[1].drop[9, 20]
    assert hints[2].drop[4, 3]


def test_corners_of_the_picture_are_inside() -> None:
    hints = read_hints([Point(0, 0), Point(29.9, 19.9), Box(0, 0, 30, 20)], 20, 30, "grabcut")
    assert hints[1].keep[0, 0]
    assert hints[1].keep[19, 29]
    assert hints[1].box == (0, 0, 30, 20)


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
        read_hints([prompt], 20, 30, "grabcut")
    assert "\n" not in str(raised.value)


def test_no_prompt_at_all_is_refused() -> None:
    with pytest.raises(NoPrompt):
        read_hints([], 20, 30, "grabcut")
