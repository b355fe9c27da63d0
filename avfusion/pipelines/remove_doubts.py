"""Whether what a click or a box selected looks like one thing to take away: asked before a whole clip is worked on."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from avfusion.clip import Box, Mask, Point, Prompt, Scribble

_MOST_SHARE = 0.6
# Pieces of at least this share of the selection count, and lie apart where no gap of this share of the picture closes.
_PIECE_SHARE, _APART_SHARE = 0.03, 0.02
_MOST_PIECES = 3
# A selection whose largest piece is most of it is one thing with odd bits.
_MAIN_SHARE = 0.8
_LOOK_PX = 320


def doubt(mask: Mask, prompts: Sequence[Prompt]) -> str:
    """What is odd about bool [H, W], the selection by `prompts` on one frame, in a line; empty where nothing is.

    Masks that were drawn or given are taken as they are, and words may mean many things.
    """
    numbers = {prompt.object for prompt in prompts}
    if not prompts or not all(isinstance(prompt, Point | Box | Scribble) for prompt in prompts) or not mask.any():
        return ""
    share = float(mask.mean())
    if share > _MOST_SHARE:
        return (
            f"What is selected covers {share:.0%} of the picture, so that little is left to fill it from. "
            "Is it the object? Draw a box round the object, or mark what is beside it."
        )
    count = _pieces(mask)
    if len(numbers) == 1 and count > _MOST_PIECES:
        return (
            f"What is selected lies in {count} pieces apart from each other. "
            "Is it the object? Draw a box round the object, or mark what is beside it."
        )
    return ""


def _pieces(mask: Mask) -> int:
    """How many pieces of some size lie apart; 1 where one of them is most of it."""
    scale = min(1.0, _LOOK_PX / max(mask.shape))
    size = (max(1, round(mask.shape[1] * scale)), max(1, round(mask.shape[0] * scale)))
    small = np.asarray(cv2.resize(mask.astype(np.float32), size, interpolation=cv2.INTER_AREA) > 0.5, np.uint8)
    gap_px = max(1, round(_APART_SHARE * max(size)))
    near = cv2.dilate(small, np.ones((gap_px + 1, gap_px + 1), np.uint8))
    count, regions = cv2.connectedComponents(near)
    shares = np.bincount(regions[small > 0], minlength=count) / max(1, int(small.sum()))
    return 1 if shares.max(initial=0) >= _MAIN_SHARE else int((shares >= _PIECE_SHARE).sum())
