"""Made things cut out of made pictures, as OV-AVSS's masks would cut them out, and the words for them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from avfusion.datasets.scenes_looks import SHAPES, TEXTURES, Sprite, draw_background, draw_sprite
from avfusion.datasets.scenes_settings import BASE_KINDS, NOVEL_KINDS, Kind, SceneSettings
from avfusion.sounding.networks.layers import Tensor
from avfusion.sounding.open_names import cut_out

Look: TypeAlias = tuple[str, str]
"""A shape and a texture."""

NOVEL_LOOKS: tuple[Look, ...] = tuple((kind.shape, kind.texture) for kind in NOVEL_KINDS)
LOOKS: tuple[Look, ...] = tuple(
    (shape, texture) for shape in SHAPES for texture in TEXTURES if (shape, texture) not in NOVEL_LOOKS
)
"""All that are taught: of 64 the 56 that no novel kind has."""

# Pictures of made sets, and how many cells wide the masks are that networks for two cores give.
_FROM_PX, _TO_PX, _MASK_CELLS = 128, 224, 32
_REFERENCE_PX = 224
_ROOM_PX = 10
_SHARP_SHARE = 0.3


def caption(look: Look) -> str:
    """("star", "striped") -> "striped star"."""
    return f"{look[1]} {look[0]}"


def made_captions(kinds: Sequence[Kind] = (*BASE_KINDS, *NOVEL_KINDS)) -> dict[str, str]:
    """Label -> what such a thing looks like, in words: "wolf" -> "plain triangle"."""
    return {kind.name: caption((kind.shape, kind.texture)) for kind in kinds}


def draw_cut_out(look: Look, size_px: int, random: np.random.Generator) -> Tensor:
    """float32 [3, size_px, size_px] in 0..1: the thing on black, as `open_names.cut_out` gives it: sometimes by a mask
    without a fault, and otherwise by one that is coarse, soft, and a little too large or too small."""
    import torch

    picture_px = int(random.integers(_FROM_PX, _TO_PX, endpoint=True))
    radius_px = random.uniform(*SceneSettings().radius_px) * picture_px / _REFERENCE_PX
    picture, covered = _pictured(draw_sprite(*look, radius_px, random), random)
    if random.random() < _SHARP_SHARE:
        logits = np.where(covered > 0.5, 10, -10).astype(np.float32)
    else:
        logits = _coarse(covered, picture_px / _MASK_CELLS, random)
    seen = torch.from_numpy(picture).permute(2, 0, 1) / 255
    return cut_out(seen, torch.from_numpy(logits), size_px)


def _pictured(sprite: Sprite, random: np.random.Generator) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The thing with a little background around it, and with the sensor's noise: a picture [side, side, 3] in 0..255,
    and how much of each pixel it covers."""
    room = (_ROOM_PX, _ROOM_PX)
    layer = np.pad(sprite, (room, room, (0, 0)))
    opacity = layer[..., 3:]
    picture = draw_background(layer.shape[0], layer.shape[1], random) * (1 - opacity) + layer[..., :3]
    picture = picture + SceneSettings().grain * random.standard_normal(picture.shape)
    return np.clip(picture, 0, 255).astype(np.float32), opacity[..., 0]


def _coarse(covered: NDArray[np.float32], cell_px: float, random: np.random.Generator) -> NDArray[np.float32]:
    """Logits of a mask of cells so wide; somewhere they are above 0."""
    side = covered.shape[0]
    cells = max(round(side / cell_px), 3)
    coarse = cv2.resize(covered, (cells, cells), interpolation=cv2.INTER_AREA)
    coarse = cv2.GaussianBlur(coarse, (0, 0), random.uniform(0.2, 0.8))
    above = random.uniform(0.25, 0.55) * coarse.max()
    logits = random.uniform(6, 20) * (coarse - above) + random.normal(0, 0.3, coarse.shape)
    fine: NDArray[np.float32] = cv2.resize(logits.astype(np.float32), (side, side), interpolation=cv2.INTER_LINEAR)
    return fine if (fine > 0).any() else fine - fine.max() + 1
