"""The brush of step 2: strokes on the displayed picture -> a mask of the full frame, taken as it was painted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np

from avfusion.clip import Clip, Drawn, Mask
from avfusion.errors import AvfusionError
from avfusion.ui.clicks import Place, Selection, shown_size
from avfusion.ui.looking import shown_labels
from avfusion.ui.visit import Visit

# A painted mask weighs as much as a grey picture: of those before the last ones only the log stays.
_PAINTED_BACK = 20
_SHIFT = 4


def painted(
    visit: Visit, clip: Clip, frame: int, places: Sequence[Place], *, width_px: float, keep: bool, segmenter: str
) -> Selection:
    """The selection after a stroke of the brush: what is seen of the chosen object on the frame, with it or without.

    places, width_px: in pixels of the displayed picture.
    """
    selection = visit.selection
    try:
        labels = shown_labels(visit, clip, frame, segmenter)
    except AvfusionError:  # what could not be found by clicks can be painted
        labels = None
    before = labels == selection.chosen if labels is not None else np.zeros((clip.height_px, clip.width_px), bool)
    stroke = brushed(clip, places, width_px)
    mask = before | stroke if keep else before & ~stroke
    if not keep and not before.any():
        return selection
    last = selection.prompts[-1] if selection.prompts else None
    goes_on = isinstance(last, Drawn) and (last.frame, last.object) == (frame, selection.chosen)
    log = selection.prompts[:-1] if goes_on else selection.prompts
    return replace(
        selection, prompts=(*log, Drawn(mask, frame, selection.chosen)), corner=None,
        past=(*selection.past[-_PAINTED_BACK:], selection.prompts), future=(),
    )  # fmt: skip


def brushed(clip: Clip, places: Sequence[Place], width_px: float) -> Mask:
    """bool [H, W] of the full frame: a round brush drawn through places of the displayed picture."""
    width, height = shown_size(clip)
    drawn = np.zeros((height, width), np.uint8)
    path = np.rint(np.array(places, np.float64).reshape(-1, 1, 2) * 2**_SHIFT).astype(np.int32)
    if len(places) == 1:
        x, y = path[0, 0]
        cv2.circle(drawn, (int(x), int(y)), round(width_px / 2 * 2**_SHIFT), 255, -1, cv2.LINE_8, _SHIFT)
    else:
        cv2.polylines(drawn, [path], False, 255, max(1, round(width_px)), cv2.LINE_8, _SHIFT)
    full = cv2.resize(drawn, (clip.width_px, clip.height_px), interpolation=cv2.INTER_LINEAR)
    return full > 127
