"""What a prediction of queries costs: classes, pixels and outlines of matched masks, and how masks jump in time.

B. Cheng et al., "Masked-attention mask transformer" (CVPR 2022), section 3.3, over every layer of the decoder; to them
AV2TS adds the likeness of masks from one picture to the next.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from avfusion.sounding.networks.layers import Dice, Tensor
from avfusion.sounding.networks.matching import COSTS, Costs, Target, at_points, draw_unsure_points, match_all

_SMALLEST = 1e-16


@dataclass(frozen=True)
class LossSettings:
    """costs: of matching, and what the same parts of the loss are multiplied by. no_object: what a query without a
    target counts for in the class loss. cosine: of jumps in time. points: at which a mask is judged."""

    costs: Costs = COSTS
    no_object: float = 0.1
    cosine: float = 10.0
    points: int = 12544


def clip_losses(
    class_logits: Sequence[Tensor],
    mask_logits: Sequence[Tensor],
    targets: Sequence[Target | None],
    settings: LossSettings,
    *,
    pictures: int,
    dice: Dice,
) -> dict[str, Tensor]:
    """Sums over the decoder's layers, under the names class, mask, dice and cosine; under total they are weighed.

    For each layer, in the order of computing, class_logits [B * T, Q, classes + 1] and mask_logits [B * T, Q, h, w];
    pictures: T. targets: one a picture, None where nobody annotated: such a picture counts for cosine alone. Points
    are drawn from `dice` layer by layer, so the same state of it gives the same loss.
    """
    import torch

    annotated = [place for place, target in enumerate(targets) if target is not None]
    known = [target for target in targets if target is not None]
    zero = mask_logits[0].sum() * 0.0
    sums = {"class": zero, "mask": zero, "dice": zero, "cosine": zero}
    if known:
        chosen = torch.tensor(annotated, device=mask_logits[0].device)
        for classes, masks in zip(class_logits, mask_logits, strict=True):
            for part, loss in layer_losses(classes[chosen], masks[chosen], known, settings, dice=dice).items():
                sums[part] = sums[part] + loss
    for masks in mask_logits[:-1]:
        sums["cosine"] = sums["cosine"] + jumps(masks.unflatten(0, (-1, pictures)))
    costs = settings.costs
    weighed = costs.classes * sums["class"] + costs.masks * sums["mask"] + costs.dice * sums["dice"]
    return sums | {"total": weighed + settings.cosine * sums["cosine"]}


def layer_losses(
    class_logits: Tensor, mask_logits: Tensor, targets: Sequence[Target], settings: LossSettings, *, dice: Dice
) -> dict[str, Tensor]:
    """The class, mask and dice losses of one layer. class_logits [N, Q, classes + 1], mask_logits [N, Q, h, w].

    The first is a mean over queries, weighed by what each counts for; the others are means over true masks.
    """
    import torch

    pairs = match_all(class_logits, mask_logits, targets, costs=settings.costs, points=settings.points, dice=dice)
    device = mask_logits.device
    pictures = torch.cat([torch.full_like(queries, place) for place, (queries, _) in enumerate(pairs)]).to(device)
    queries = torch.cat([found for found, _ in pairs]).to(device)
    classes = torch.cat([target.classes[which] for target, (_, which) in zip(targets, pairs, strict=True)]).to(device)
    true = torch.cat([target.masks[which] for target, (_, which) in zip(targets, pairs, strict=True)]).to(device)
    alone = torch.arange(len(true), device=device)
    masks, dices = mask_losses(mask_logits[pictures, queries], true, alone, len(true), settings, dice)
    return {"class": class_loss(class_logits, pictures, queries, classes, settings), "mask": masks, "dice": dices}


def jumps(mask_logits: Tensor) -> Tensor:
    """How unlike all masks of a picture are to those of the next: mask_logits [B, T, Q, h, w] -> a number, 0 for T = 1.

    With l = 1 - cosine it is l * exp(-l), the mean over pairs and clips: small changes are smoothed away, and from
    l = 1 on (a cut) the pull gets weaker again.
    """
    flat = mask_logits.flatten(2)
    if flat.shape[1] < 2:
        return flat.sum() * 0.0
    # Lengths once for each picture, and no picture divided by its own: these are the largest tensors of the loss.
    squares = (flat * flat).sum(2).clamp(min=_SMALLEST)
    alike = (flat[:, :-1] * flat[:, 1:]).sum(2) * (squares[:, :-1] * squares[:, 1:]).rsqrt()
    unlike = 1 - alike
    return (unlike * (-unlike).exp()).mean()


def class_loss(logits: Tensor, pictures: Tensor, queries: Tensor, classes: Tensor, settings: LossSettings) -> Tensor:
    """Cross-entropy, where the last class is for queries that no target was matched to."""
    import torch
    from torch.nn import functional

    nothing = logits.shape[-1] - 1
    wanted = torch.full(logits.shape[:2], nothing, device=logits.device)
    wanted[pictures, queries] = classes
    weight = torch.ones(nothing + 1, device=logits.device)
    weight[nothing] = settings.no_object
    return functional.cross_entropy(logits.flatten(0, 1).float(), wanted.flatten(), weight)


def mask_losses(
    logits: Tensor, true: Tensor, things: Tensor, count: int, settings: LossSettings, dice: Dice
) -> tuple[Tensor, Tensor]:
    """Cross-entropy and dice of logits [M, h, w] against true [M, H, W] at points where the logits are unsure, means
    over things.

    things: int64 [M], of which of `count` things each is a mask. The masks of one thing are judged as one.
    """
    import torch
    from torch.nn import functional

    logits = logits.float()
    with torch.no_grad():
        where = draw_unsure_points(dice, logits, settings.points)
        wanted = at_points(true[:, None].float(), where)[:, 0]
    found = at_points(logits[:, None], where)[:, 0]
    surprise = functional.binary_cross_entropy_with_logits(found, wanted, reduction="none").mean(1)
    sure = found.sigmoid()
    sums = torch.stack([surprise, (sure * wanted).sum(1), sure.sum(1) + wanted.sum(1), torch.ones_like(surprise)])
    surprise, common, both, masks = sums.new_zeros(4, count).index_add(1, things, sums)
    pixels = (surprise / masks.clamp(min=1)).sum() / max(count, 1)
    return pixels, (1 - (2 * common + 1) / (both + 1)).sum() / max(count, 1)
