"""Everything in a picture without prompts: a grid of clicks on a SAM model, and each good mask of theirs once.

A. Kirillov et al., "Segment Anything", ICCV 2023, appendix B, as `SamAutomaticMaskGenerator` of the authors'
segment-anything package does it. Kept as it is there: the grid, the batches, three masks for each click, the filters by
expected overlap and by stability, boxes and non-maximum suppression from masks at the picture's size, crops, and the
order; so the masks are the same ones. Not as there: a mask is drawn at the picture's size, a few at a time, only if the
model's own score is good enough and if its stability could be, by a bound worked out at low resolution; all three masks
of 1024 clicks would be 25 GB at 1080p. Nothing is done about small holes and islands, and a mask of no pixels is
nothing.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from avfusion.clip import Mask, Rgb

CHUNK_BYTES = 128 * 1024**2
"""Masks at the picture's size are made so many bytes of logits at a time."""

EDGE_PX = 20.0
"""A mask of a crop that comes so near to its edge is a part of something that goes on behind it."""

ROUNDING = 1e-4
"""More than interpolation in float32 can be off, in parts of the largest logit."""

Crop = tuple[int, int, int, int]
"""x0, y0, x1, y1 in pixels of the picture; x1, y1 just outside."""


@dataclass(frozen=True)
class AutomaticSettings:
    """The defaults are those of the authors.

    least_score: of the overlap that the model expects. least_stability: overlap of the masks where the logit is above
    and below the threshold by `stability_offset`. most_overlap: of the boxes of two masks, else the one with the lower
    score goes. Each layer of crops halves their sides, which overlap by `crop_overlap` of the picture's shorter side in
    the first; `crop_point_step`: how many times fewer clicks a side has from layer to layer.
    """

    points_per_side: int = 32
    points_per_batch: int = 64
    least_score: float = 0.88
    least_stability: float = 0.95
    stability_offset: float = 1.0
    most_overlap: float = 0.7
    crop_layers: int = 0
    crop_overlap: float = 512 / 1500
    crop_point_step: int = 1


@dataclass(frozen=True, eq=False)
class Found:
    """One thing in a picture.

    bits: uint8 [H, ceil(W/8)], as `numpy.packbits` makes them. box: x0, y0, x1, y1 in pixels; x1, y1 just outside.
    score: the overlap that the model expects. stability: how little the mask depends on where logits are cut, 0..1.
    """

    bits: NDArray[np.uint8]
    size: tuple[int, int]
    box: Crop
    score: float
    stability: float

    @property
    def mask(self) -> Mask:
        """bool [H, W]."""
        return np.unpackbits(self.bits, axis=1, count=self.size[1]).view(np.bool_)


class ClickableModel(Protocol):
    """What is needed of a model of the SAM family; tensors are on its device."""

    def encode(self, rgb: Rgb) -> Any: ...

    def decode_clicks(self, embedding: Any, places: NDArray[np.float64]) -> tuple[Any, Any]:
        """places: [n, 2], x and y in pixels, one click for each thing. Logits float32 [n, 3, h, w], at the decoder's
        own resolution, and scores float32 [n, 3]."""
        ...

    def enlarge(self, embedding: Any, logits: Any) -> Any:
        """Logits [n, h, w] -> [n, H, W] by bilinear steps; above 0 is the thing."""
        ...

    def shown(self, embedding: Any) -> tuple[float, float]:
        """(height, width) in the decoder's pixels of the part, from its upper left corner, that shows the picture."""
        ...


@dataclass(frozen=True, eq=False)
class _Drafts:
    """Tensors. logits: [n, h, w]; scores, stability: [n]; boxes: [n, 4] in the picture, x1, y1 on the last pixel."""

    logits: Any
    scores: Any
    stability: Any
    boxes: Any

    def where(self, chosen: Any) -> _Drafts:
        return _Drafts(self.logits[chosen], self.scores[chosen], self.stability[chosen], self.boxes[chosen])


def everything(
    model: ClickableModel, rgb: Rgb, settings: AutomaticSettings = AutomaticSettings(), *, embedding: Any = None
) -> list[Found]:
    """What is in the picture, the best first; with crops, what was found in the smallest first.

    embedding: the model's of the whole picture, where it is known.
    """
    import torch

    size = (rgb.shape[0], rgb.shape[1])
    found: list[Found] = []
    areas: list[float] = []
    with torch.inference_mode():
        crops = list(crop_boxes(size, settings))
        for layer, crop in crops:
            x0, y0, x1, y1 = crop
            known = embedding if layer == 0 and embedding is not None else model.encode(rgb[y0:y1, x0:x1])
            more = _in_crop(model, known, crop, layer, size, settings)
            found += more
            areas += [float((x1 - x0) * (y1 - y0))] * len(more)
        if len(crops) > 1:
            last_pixel = np.array([[x0, y0, x1 - 1, y1 - 1] for x0, y0, x1, y1 in (each.box for each in found)])
            chosen = _apart(torch.as_tensor(last_pixel.reshape(-1, 4)), 1 / torch.tensor(areas), settings)
            found = [found[number] for number in chosen.tolist()]
    return found


def crop_boxes(size: tuple[int, int], settings: AutomaticSettings) -> Iterator[tuple[int, Crop]]:
    """(layer, crop): the whole picture (height, width) first, then 2, 4, ... crops a side, column by column."""
    height, width = size
    yield 0, (0, 0, width, height)
    for layer in range(1, settings.crop_layers + 1):
        count = 2**layer
        overlap = int(settings.crop_overlap * min(size) * (2 / count))
        crop_w, crop_h = (math.ceil((overlap * (count - 1) + length) / count) for length in (width, height))
        for column, row in product(range(count), repeat=2):
            x0, y0 = (crop_w - overlap) * column, (crop_h - overlap) * row
            yield layer, (x0, y0, min(x0 + crop_w, width), min(y0 + crop_h, height))


def _in_crop(
    model: ClickableModel, embedding: Any, crop: Crop, layer: int, size: tuple[int, int], settings: AutomaticSettings
) -> list[Found]:
    """What is in one crop, the best first."""
    import torch

    x0, y0, x1, y1 = crop
    count = int(settings.points_per_side / settings.crop_point_step**layer)
    steps = np.linspace(1 / (2 * count), 1 - 1 / (2 * count), count)
    places = np.stack([np.tile(steps, count), np.repeat(steps, count)], 1) * (x1 - x0, y1 - y0)
    parts = [
        _of_clicks(model, embedding, places[start : start + settings.points_per_batch], crop, size, settings)
        for start in range(0, len(places), settings.points_per_batch)
    ]
    drafts = _Drafts(*(torch.cat([getattr(part, name) for part in parts])
                       for name in ("logits", "scores", "stability", "boxes")))  # fmt: skip
    drafts = drafts.where(_apart(drafts.boxes, drafts.scores, settings))
    if not len(drafts.logits):
        return []
    bits: list[NDArray[np.uint8]] = []
    for logits in drafts.logits.split(_planes(crop)):
        masks = (model.enlarge(embedding, logits) > 0).cpu().numpy()
        bits += [np.packbits(np.pad(mask, ((y0, size[0] - y1), (x0, size[1] - x1))), axis=1) for mask in masks]
    return [
        Found(packed, size, (left, top, right + 1, bottom + 1), score, stability)
        for packed, (left, top, right, bottom), score, stability in zip(
            bits, drafts.boxes.tolist(), drafts.scores.tolist(), drafts.stability.tolist(), strict=True
        )
    ]


def _of_clicks(
    model: ClickableModel, embedding: Any, places: NDArray[np.float64], crop: Crop, size: tuple[int, int],
    settings: AutomaticSettings,
) -> _Drafts:  # fmt: skip
    """What one batch of clicks, in the crop's pixels, gives."""
    import torch

    logits, scores = (each.flatten(0, 1) for each in model.decode_clicks(embedding, places))
    good = scores > settings.least_score
    logits, scores = logits[good], scores[good]
    crop_size = (crop[3] - crop[1], crop[2] - crop[0])
    if settings.least_stability > 0:
        good = _may_be_stable(logits, model.shown(embedding), crop_size, settings)
        logits, scores = logits[good], scores[good]
    if not len(logits):  # there are networks that cannot enlarge nothing
        return _Drafts(logits, scores, scores, logits.new_zeros((0, 4), dtype=torch.int64))
    measured = [_measured(model.enlarge(embedding, part), settings) for part in logits.split(_planes(crop))]
    stability, boxes = (torch.cat(column) for column in zip(*measured, strict=True))
    boxes = boxes + boxes.new_tensor([crop[0], crop[1], crop[0], crop[1]])
    drafts = _Drafts(logits, scores, stability, boxes)
    # A comparison with what is no number, the stability of nothing, is false.
    good = (drafts.stability >= settings.least_stability) & (drafts.boxes[:, 2] >= drafts.boxes[:, 0])
    return drafts.where(good & ~_is_cut_off(drafts.boxes, crop, size))


def _may_be_stable(logits: Any, shown: tuple[float, float], size: tuple[int, int], settings: AutomaticSettings) -> Any:
    """bool [n]: False for those that surely are not stable enough when they are enlarged to `size`.

    Bilinear steps give every pixel a value between those of the 3 x 3 of the decoder's pixels around it. So pixels can
    only be above the upper cut where the highest of those is, and surely are above the lower cut where the lowest is.
    """
    from torch.nn.functional import max_pool2d

    slack = ROUNDING * float(logits.abs().max()) if len(logits) else 0.0
    weight = [
        logits.new_tensor(np.bincount(((np.arange(full) + 0.5) * part / full).astype(int), minlength=count)[:count])
        for full, part, count in zip(size, shown, logits.shape[1:], strict=True)
    ]

    def area(covered: Any) -> Any:
        return (covered.to(logits.dtype) @ weight[1]) @ weight[0]

    highest, lowest = (sign * max_pool2d(sign * logits[:, None], 3, 1, 1)[:, 0] for sign in (1, -1))
    most_inside = area(highest > settings.stability_offset - slack)
    least_union = area(lowest > slack - settings.stability_offset)
    return (most_inside > 0) & (most_inside >= (settings.least_stability - 1e-5) * least_union)


def _measured(logits: Any, settings: AutomaticSettings) -> tuple[Any, Any]:
    """Logits [n, H, W] -> stability [n], nan where nothing is; boxes [n, 4], x1, y1 on the last pixel."""
    import torch

    inside, union = (
        (logits > cut).sum(-1, dtype=torch.int16).sum(-1, dtype=torch.int32)
        for cut in (settings.stability_offset, -settings.stability_offset)
    )
    masks = logits > 0
    ends = []
    for lines in (masks.any(1), masks.any(2)):
        numbers = torch.arange(lines.shape[1], device=lines.device)
        ends += [torch.where(lines, numbers, lines.shape[1]).amin(1), torch.where(lines, numbers, -1).amax(1)]
    return inside / union, torch.stack([ends[0], ends[2], ends[1], ends[3]], 1)


def _is_cut_off(boxes: Any, crop: Crop, size: tuple[int, int]) -> Any:
    """bool [n]: which boxes end at an edge of the crop that is none of the picture."""
    import torch

    def near(edges: Crop) -> Any:
        return (boxes.float() - torch.tensor(edges, device=boxes.device).float()).abs() <= EDGE_PX

    return (near(crop) & ~near((0, 0, size[1], size[0]))).any(1)


def _apart(boxes: Any, scores: Any, settings: AutomaticSettings) -> Any:
    """Numbers of those that no better one covers, the best first."""
    import torch
    from torchvision.ops import batched_nms

    return batched_nms(boxes.float(), scores, torch.zeros(len(boxes), device=boxes.device), settings.most_overlap)


def _planes(crop: Crop) -> int:
    """How many masks of that size are drawn at a time."""
    x0, y0, x1, y1 = crop
    return max(1, CHUNK_BYTES // (4 * (x1 - x0) * (y1 - y0)))
