"""Names for the things that OV-AVSS found in a clip, by CLIP, and the pictures painted with them.

namer = load_clip_namer(folder, name="clip-vit-b16", device="cpu")
painted = paint_names(predictions.classes[-1][0], predictions.masks[-1][0], rgb, ("dog", "cat"), namer)

R. Guo et al., "Open-vocabulary audio-visual semantic segmentation" (ACM MM 2024): its classifier, OVCM.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from avfusion.errors import UsageError
from avfusion.sounding.naming import ClipNamer
from avfusion.sounding.networks.layers import Tensor

_SQUARES_AT_ONCE = 64


@dataclass(frozen=True)
class PaintSettings:
    """pairs: of a query and a name, so many of the best are looked at. score: above which a pair is painted.

    with_objectness: the score is the name's share times how sure the query is that it stands for something that sounds.
    The authors learn that and do not use it: off is as they published it.
    """

    pairs: int = 10
    score: float = 0.3
    with_objectness: bool = True


PUBLISHED = PaintSettings(with_objectness=False)


@dataclass(frozen=True)
class Scored:
    """A query that was painted, under the number of its class, in 1.."""

    query: int
    number: int
    score: float


@dataclass(frozen=True, eq=False)
class PaintedNames:
    """numbers: uint8 [T, H, W], 0 for what does not sound. scored: what they were painted by, the best first; also
    where nothing of one is to be seen for what was painted before."""

    numbers: NDArray[np.uint8]
    scored: tuple[Scored, ...]


def paint_names(
    class_logits: Tensor,
    mask_logits: Tensor,
    rgb: NDArray[np.uint8],
    names: tuple[str, ...],
    namer: ClipNamer,
    settings: PaintSettings = PaintSettings(),
) -> PaintedNames:
    """Of one clip: class_logits [Q, 2], mask_logits [Q, T, h, w], rgb uint8 [T, H, W, 3] -> numbers 1..len(names) in
    the pictures' size.

    A query's picture is cut out wherever its mask is, seen by CLIP on black, and compared with the names; the mean over
    pictures makes shares of the names. Raises `UsageError` for more than 255 names or none.
    """
    import torch

    if not 1 <= len(names) <= np.iinfo(np.uint8).max:
        raise UsageError(f"{len(names)} names: give 1 to {np.iinfo(np.uint8).max}.")
    objectness = class_logits.float().softmax(-1)[:, 0]
    shares = torch.zeros(len(class_logits), len(names))
    for query, masks in enumerate(mask_logits):
        # A share is 1 at most, so nothing of such a query could be painted.
        if settings.with_objectness and objectness[query] <= settings.score:
            continue
        shares[query] = name_shares(_resized(masks, rgb.shape[1:3]), rgb, names, namer).cpu()
    scores = shares * objectness.cpu()[:, None] if settings.with_objectness else shares
    return _paint(scores, mask_logits, rgb.shape[1:3], settings)


def paint_closed(
    class_logits: Tensor,
    mask_logits: Tensor,
    size: tuple[int, int],
    settings: PaintSettings = PaintSettings(),
) -> PaintedNames:
    """The same by the query's own classes, where the network has them: class_logits [Q, classes + 1], where class 0 is
    the background; size: (height, width) -> numbers 1..classes - 1."""
    return _paint(class_logits.float().softmax(-1)[:, 1:-1].cpu(), mask_logits, size, settings)


def name_shares(logits: Tensor, rgb: NDArray[np.uint8], names: tuple[str, ...], namer: ClipNamer) -> Tensor:
    """float32 [names] that add up to 1, of one query; all 0 where its mask is empty in every picture.

    logits: [T, H, W], in the pictures' size.
    """
    import torch

    squares = list(_squares(logits, rgb, namer.size_px))
    if not squares:
        return torch.zeros(len(names))
    stacked: Tensor = torch.stack(squares)
    likeness = [namer.likeness(part, names) for part in stacked.split(_SQUARES_AT_ONCE)]
    return torch.cat(likeness).mean(0).softmax(-1)


def _squares(logits: Tensor, rgb: NDArray[np.uint8], size_px: int) -> Iterator[Tensor]:
    """[3, size_px, size_px] in 0..1 for each picture in which the mask is not empty."""
    import torch

    for picture, mask in zip(rgb, logits, strict=True):
        if (mask > 0).any():
            seen = torch.from_numpy(picture).to(mask.device).permute(2, 0, 1).float() / 255
            yield cut_out(seen, mask, size_px)


def cut_out(picture: Tensor, logits: Tensor, size_px: int) -> Tensor:
    """[3, size_px, size_px]: what a mask has of a picture [3, H, W] in 0..1, times how likely it has it.

    logits: [H, W]. The part is the square whose upper left corner is that of the mask's tight box, as wide as the
    longer side of the box; ROI align (K. He et al., "Mask R-CNN", ICCV 2017, section 3) gives it its size. Beyond the
    picture, one pixel further, it is black.
    """
    import torch
    from torchvision.ops import roi_align

    rows, columns = (logits > 0).nonzero(as_tuple=True)
    top, left = rows.min(), columns.min()
    side = torch.maximum(rows.max() - top, columns.max() - left) + 1
    square = torch.stack([left, top, left + side, top + side])[None].float()
    both = torch.cat([picture, logits.float().sigmoid()[None]])[None]
    part: Tensor = roi_align(both, [square], output_size=size_px, aligned=True)[0]
    return part[:3] * part[3:]


def _paint(scores: Tensor, mask_logits: Tensor, size: tuple[int, ...], settings: PaintSettings) -> PaintedNames:
    """scores: [Q, k] -> numbers 1..k. What is painted first stays."""
    best = scores.flatten().topk(min(settings.pairs, scores.numel()))
    scored = tuple(
        Scored(place // scores.shape[1], place % scores.shape[1] + 1, score)
        for place, score in zip(best.indices.tolist(), best.values.tolist(), strict=True)
        if score > settings.score
    )
    numbers = np.zeros((mask_logits.shape[1], *size), np.uint8)
    for one in scored:
        inside = (_resized(mask_logits[one.query], size) > 0).cpu().numpy()
        numbers[inside & (numbers == 0)] = one.number
    return PaintedNames(numbers, scored)


def _resized(logits: Tensor, size: tuple[int, ...]) -> Tensor:
    """[T, h, w] -> [T, *size]."""
    from torch.nn import functional

    return functional.interpolate(logits[None].float(), size=size, mode="bilinear", align_corners=False)[0]
