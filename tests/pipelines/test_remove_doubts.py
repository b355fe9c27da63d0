"""What is said of selections that are hardly an object, and that nothing is said of those that may well be one."""

import numpy as np
import pytest

from avfusion.clip import Box, Drawn, Mask, Point, Prompt, Words
from avfusion.pipelines.remove_doubts import doubt

CLICK = (Point(5, 5),)


def blocks(*boxes: tuple[int, int, int, int]) -> Mask:
    mask = np.zeros((120, 200), bool)
    for left, top, right, bottom in boxes:
        mask[top:bottom, left:right] = True
    return mask


BODY = (60, 20, 120, 100)
FAR = [(10, 10, 40, 40), (150, 10, 190, 50), (10, 80, 40, 110), (150, 80, 180, 110)]


@pytest.mark.parametrize(
    ("mask", "prompts", "words"),
    [
        (blocks((0, 0, 200, 90)), CLICK, "covers 75% of the picture"),
        (blocks((0, 0, 200, 90)), (Box(0, 0, 200, 90),), "covers 75%"),
        (blocks(*FAR), CLICK, "in 4 pieces"),
        (blocks(*FAR), (Point(12, 12), Point(155, 15, object=2)), ""),
        (blocks((0, 0, 200, 90)), (Drawn(blocks(BODY)),), ""),
        (blocks(*FAR), (Words("ducks"),), ""),
        (blocks(BODY), CLICK, ""),
        (blocks((0, 0, 200, 60)), CLICK, ""),
        (blocks(BODY, (5, 5, 12, 12), (180, 5, 187, 12), (5, 100, 12, 107), (180, 100, 187, 107)), CLICK, ""),
        (blocks(*((left, 20, left + 12, 100) for left in range(40, 120, 14))), CLICK, ""),
        (blocks(), CLICK, ""),
    ],
)
def test_what_is_odd_is_said(mask: Mask, prompts: tuple[Prompt, ...], words: str) -> None:
    said = doubt(mask, prompts)
    assert words in said
    assert bool(said) == bool(words)
    assert "\n" not in said
