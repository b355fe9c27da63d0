"""What a comparison looks like: an answer over its frame, an answer's mask, and where the engines agree."""

from __future__ import annotations

import base64
import io
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from avfusion.clip import Rgb
from avfusion.media.masks import overlay, palette
from avfusion.pipelines.compare_answers import Answer, Comparison, agreement
from avfusion.pipelines.frame import one_frame

_HEAT_OPACITY = 0.72
_JPEG_QUALITY = 88


def shown_frame(comparison: Comparison) -> int:
    """The frame that pictures show: the one that is compared, or of a clip the one on which engines agree least."""
    return comparison.least_agreed if comparison.kind == "clip" else comparison.frames[0]


def original(comparison: Comparison) -> Rgb:
    return one_frame(comparison.clip, shown_frame(comparison)).rgb


def labels_of(comparison: Comparison, answer: Answer) -> NDArray[np.uint8]:
    """uint8 [H, W] on the frame that is shown: the object's number, 0 for background."""
    assert answer.masks is not None
    return answer.masks.labels(shown_frame(comparison) - comparison.frames[0])


def over(picture: Rgb, labels: NDArray[np.uint8]) -> Rgb:
    return overlay(picture, labels)


def save_mask(labels: NDArray[np.uint8], path: Path) -> None:
    """A palette PNG whose pixel value is the object's number."""
    image = Image.fromarray(labels)
    image.putpalette(palette())
    image.save(path)


def heat(comparison: Comparison, picture: Rgb) -> Rgb:
    """The picture in grey, in the colours of `heat_colours` wherever at least one engine sees an object."""
    share = agreement(comparison, shown_frame(comparison))
    grey = cv2.cvtColor(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    mixed = cv2.addWeighted(heat_colours(share), _HEAT_OPACITY, grey, 1 - _HEAT_OPACITY, 0)
    out: Rgb = np.where((share > 0)[..., None], mixed, grey)
    return out


def heat_colours(share: NDArray[np.float32]) -> NDArray[np.uint8]:
    """uint8 [..., 3] for 0..1 on viridis, whose steps look equally far apart, to colour-blind people too."""
    values = np.rint(np.clip(share, 0, 1) * 255).astype(np.uint8)
    coloured = cv2.applyColorMap(values.reshape(1, -1), cv2.COLORMAP_VIRIDIS)
    return cv2.cvtColor(coloured, cv2.COLOR_BGR2RGB).reshape(*values.shape, 3)


def inline(picture: Rgb, *, most_px: int) -> str:
    """A picture as an address that holds it, at most so many pixels wide or high."""
    scale = min(1.0, most_px / max(picture.shape[:2]))
    size = (max(1, round(picture.shape[1] * scale)), max(1, round(picture.shape[0] * scale)))
    small = picture if scale == 1 else cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    held = io.BytesIO()
    Image.fromarray(np.asarray(small, np.uint8)).save(held, "jpeg", quality=_JPEG_QUALITY, optimize=True)
    return f"data:image/jpeg;base64,{base64.b64encode(held.getvalue()).decode('ascii')}"
