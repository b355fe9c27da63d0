"""What the Compare tab draws: answers over the frame, and where engines agree, with a legend."""

from __future__ import annotations

from html import escape

import cv2
import numpy as np
from numpy.typing import NDArray

from avfusion.clip import Clip, Rgb
from avfusion.media.masks import overlay
from avfusion.pipelines.compare import Answer
from avfusion.pipelines.compare_pictures import heat_colours
from avfusion.ui.clicks import shown_size
from avfusion.ui.drawing import Labels, inline, marked
from avfusion.ui.looking import shown

_CARD_PX = 640
_JPEG_QUALITY = 86
_HEAT_OPACITY = 0.72
# So many objects are drawn with smooth edges, each on its own; more than that in one go.
_FEW = 6


def answer_picture(clip: Clip, frame: int, answer: Answer | None, at: int) -> Rgb:
    """The frame as displayed, with an answer's masks of their frame `at` over it; None: the frame alone."""
    picture = shown(clip, frame)
    if answer is None or answer.masks is None:
        return picture
    labels = answer.masks.labels(at)
    if len(answer.masks.objects) <= _FEW:
        return marked(picture, clip, labels=labels)
    return overlay(picture, _enlarged(labels, clip))


def _enlarged(labels: Labels, clip: Clip) -> Labels:
    return cv2.resize(labels, shown_size(clip), interpolation=cv2.INTER_NEAREST)


def small(picture: Rgb) -> str:
    """A picture for a card, as an address that holds it."""
    scale = min(1.0, _CARD_PX / max(picture.shape[:2]))
    size = (round(picture.shape[1] * scale), round(picture.shape[0] * scale))
    return inline(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), _JPEG_QUALITY)


def heat(clip: Clip, frame: int, share: NDArray[np.float32]) -> Rgb:
    """The frame in grey, coloured where engines see the object. share: float32 [H, W], 0..1 of the engines."""
    grey = cv2.cvtColor(cv2.cvtColor(shown(clip, frame), cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    large = cv2.resize(share, shown_size(clip), interpolation=cv2.INTER_NEAREST)
    mixed = cv2.addWeighted(heat_colours(large), _HEAT_OPACITY, grey, 1 - _HEAT_OPACITY, 0)
    out: Rgb = np.where((large > 0)[..., None], mixed, grey)
    return out


def legend(count: int) -> str:
    """Which colour says how many of `count` engines."""
    steps = heat_colours((np.arange(1, count + 1) / count).astype(np.float32))
    entries = "".join(
        f'<li><i style="background:rgb({r} {g} {b})"></i>{number} of {count}</li>'
        for number, (r, g, b) in enumerate(steps.tolist(), 1)
    )
    return f'<ul class="legend"><li><i class="none"></i>none</li>{entries}</ul>'


def image(picture: Rgb, alt: str) -> str:
    return f'<img class="answer-picture" alt="{escape(alt)}" src="{small(picture)}">'
