"""What a prediction of queries for whole clips costs: each is matched to a thing in all pictures of its clip at once.

B. Cheng et al., "Mask2Former for video instance segmentation" (2021), section 2; only pictures that somebody annotated
count. All layers of the decoder and all clips are reckoned together, for the sake of time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from avfusion.sounding.networks.layers import Dice, Tensor
from avfusion.sounding.networks.losses import LossSettings, class_loss, mask_losses
from avfusion.sounding.networks.matching import (
    IGNORED,
    Costs,
    Pairs,
    at_points,
    costs_of,
    draw_points,
    filled,
    pairs_of_least,
    sums_at_points,
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Tubes:
    """The things in B clips, at most k in one. classes: int64 [B, k]; masks: bool [B, k, T, H, W]; counts: how many of
    the k are there in each clip."""

    classes: Tensor
    masks: Tensor
    counts: tuple[int, ...]


def tubes_of(labels: Tensor, annotated: Tensor, *, one_class: bool) -> Tubes:
    """A thing for each class that is in a clip's annotated pictures, but for the background, 0.

    labels: uint8 [B, T, H, W], 255 for no class; annotated: bool [B, T]. one_class: all things are of class 0, and
    otherwise of the class that the labels say.
    """
    import torch

    classes, masks = [], []
    for clip, known in zip(labels, annotated, strict=True):
        there = torch.unique(clip[known])
        there = there[(there > 0) & (there != IGNORED)]
        classes.append((torch.zeros_like(there) if one_class else there).long())
        masks.append(clip[None] == there[:, None, None, None])
    return Tubes(filled(classes), filled(masks), tuple(len(some) for some in classes))


def video_losses(
    class_logits: Sequence[Tensor],
    mask_logits: Sequence[Tensor],
    tubes: Tubes,
    annotated: Tensor,
    settings: LossSettings,
    *,
    dice: Dice,
) -> dict[str, Tensor]:
    """Sums over the decoder's layers, under the names class, mask and dice; under total they are weighed.

    For each layer class_logits [B, Q, classes + 1] and mask_logits [B, Q, T, h, w]; annotated: bool [B, T]. A clip
    without an annotated picture counts for nothing. Under cosine, which is of single pictures, there is always 0.
    """
    import torch

    device, known = mask_logits[0].device, annotated.any(1)
    zero = mask_logits[0].sum() * 0.0
    sums = {"class": zero, "mask": zero, "dice": zero, "cosine": zero.detach()}
    if known.any():
        said = torch.stack([layer[known.to(device)] for layer in class_logits])
        masks = [layer[known.to(device)] for layer in mask_logits]
        there = Tubes(
            tubes.classes[known].to(device),
            tubes.masks[known].to(device),
            tuple(count for count, is_known in zip(tubes.counts, known.tolist(), strict=True) if is_known),
        )
        sums |= _known_losses(said, masks, there, annotated[known].to(device), settings, dice)
    costs = settings.costs
    weighed = costs.classes * sums["class"] + costs.masks * sums["mask"] + costs.dice * sums["dice"]
    return sums | {"total": weighed}


def _known_losses(
    said: Tensor, masks: Sequence[Tensor], tubes: Tubes, annotated: Tensor, settings: LossSettings, dice: Dice
) -> dict[str, Tensor]:
    """said: [L, B, Q, classes + 1]. In each layer as many queries are matched, so L times a mean is a sum over layers
    of means."""
    import torch

    layers = len(masks)
    pairs = match_tubes(said, masks, tubes, annotated, costs=settings.costs, points=settings.points, dice=dice)
    rows = torch.cat([torch.full_like(queries, row) for row, (queries, _) in enumerate(pairs)]).to(said.device)
    queries, which = (torch.cat(part).to(said.device) for part in zip(*pairs, strict=True))
    clips = rows % len(annotated)
    classes = class_loss(said.flatten(0, 1), rows, queries, tubes.classes[clips, which], settings)
    places = zip(masks, clips.chunk(layers), queries.chunk(layers), strict=False)
    found = torch.cat([layer[clip, query] for layer, clip, query in places])
    things, times = annotated[clips].nonzero(as_tuple=True)
    true = tubes.masks[clips[things], which[things], times]
    pixels, outlines = mask_losses(found[things, times], true, things, len(clips), settings, dice)
    return {"class": layers * classes, "mask": layers * pixels, "dice": layers * outlines}


def match_tubes(
    class_logits: Tensor,
    mask_logits: Sequence[Tensor],
    tubes: Tubes,
    annotated: Tensor,
    *,
    costs: Costs,
    points: int,
    dice: Dice,
) -> list[Pairs]:
    """The pairs of queries and things: in the first layer of each clip, then in the second, ...

    class_logits: [L, B, Q, classes + 1]; mask_logits: L of [B, Q, T, h, w]; annotated: bool [B, T], at least one
    picture of each clip. points: in each annotated picture, the same for all layers.
    """
    import torch

    layers = len(mask_logits)
    with torch.no_grad():
        maps = torch.cat([layer.transpose(1, 2)[annotated] for layer in mask_logits], dim=1).float()
        where = draw_points(dice, len(maps), points, maps)
        true = at_points(tubes.masks.transpose(1, 2)[annotated].to(maps), where)
        of_pictures = sums_at_points(at_points(maps, where), true)
        clips = annotated.nonzero()[:, 0]
        sums = of_pictures.new_zeros(3, len(annotated), *of_pictures.shape[2:]).index_add(1, clips, of_pictures)
        sums = sums.unflatten(2, (layers, -1)).transpose(1, 2).flatten(1, 2)
        judged = (points * annotated.sum(1)).repeat(layers)[:, None, None]
        cost = costs_of(class_logits.flatten(0, 1), tubes.classes.repeat(layers, 1), sums, judged, costs)
    return pairs_of_least(cost, tubes.counts * layers)
