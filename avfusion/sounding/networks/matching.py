"""Which query answers for which true mask, judged at random points.

B. Cheng et al., "Masked-attention mask transformer for universal image segmentation" (CVPR 2022), section 3.3; the
points after A. Kirillov et al., "PointRend" (CVPR 2020), section 4.1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from avfusion.sounding.networks.layers import Dice, Tensor

IGNORED = 255
"""The label of pixels that belong to no class."""


@dataclass(frozen=True, eq=False)
class Target:
    """What is in one picture. classes: int64 [k]. masks: float32 [k, H, W] of zeros and ones."""

    classes: Tensor
    masks: Tensor


@dataclass(frozen=True)
class Costs:
    """What a wrong class, wrong pixels and a wrong outline count for."""

    classes: float = 2.0
    masks: float = 5.0
    dice: float = 5.0


COSTS = Costs()


def target_of(labels: NDArray[np.uint8]) -> Target:
    """One mask for each class that is there, background (0) among them. labels: uint8 [H, W], 255 for no class."""
    import torch

    classes = np.setdiff1d(labels, [IGNORED])
    masks = (labels[None] == classes[:, None, None]).astype(np.float32)
    return Target(torch.from_numpy(classes.astype(np.int64)), torch.from_numpy(masks))


def draw_points(dice: Dice, sets: int, count: int, like: Tensor) -> Tensor:
    """[sets, count, 2]: x and y in 0..1 of the picture, on the device of `like`."""
    import torch

    return torch.rand((sets, count, 2), generator=dice).to(like.device)


def at_points(maps: Tensor, points: Tensor) -> Tensor:
    """maps [N, C, H, W] at points [N, P, 2] -> [N, C, P], between pixel centres linearly; outside is 0."""
    from torch.nn import functional

    return functional.grid_sample(maps, 2 * points[:, :, None] - 1, align_corners=False)[..., 0]


def draw_unsure_points(
    dice: Dice, logits: Tensor, count: int, *, oversample: float = 3.0, importance: float = 0.75
) -> Tensor:
    """[N, count, 2] for each of the logits [N, H, W]: mostly where they are closest to 0.

    oversample * count points are drawn, of which the importance * count least sure stay; the rest is drawn anew.
    """
    import torch

    drawn = draw_points(dice, len(logits), int(count * oversample), logits)
    unsure = int(count * importance)
    doubt = -at_points(logits[:, None], drawn)[:, 0].abs()
    chosen = doubt.topk(unsure, dim=1).indices
    kept = drawn.gather(1, chosen[..., None].expand(-1, -1, 2))
    return torch.cat([kept, draw_points(dice, len(logits), count - unsure, logits)], dim=1)


Pairs: TypeAlias = tuple[Tensor, Tensor]
"""(queries, targets), int64 [k] each, one beside the other."""


def match(class_logits: Tensor, mask_logits: Tensor, target: Target, *, costs: Costs, points: int, dice: Dice) -> Pairs:
    """The pairs of the least cost all together, every target with its own query, in one picture.

    class_logits [Q, classes + 1], mask_logits [Q, h, w], of any size; all masks are compared at the same points. Where
    there are more targets than queries, those stay alone that cost most.
    """
    return match_all(class_logits[None], mask_logits[None], [target], costs=costs, points=points, dice=dice)[0]


def match_all(
    class_logits: Tensor, mask_logits: Tensor, targets: Sequence[Target], *, costs: Costs, points: int, dice: Dice
) -> list[Pairs]:
    """As `match` in each of N pictures, all at once: class_logits [N, Q, classes + 1], mask_logits [N, Q, h, w]; the
    true masks are of one height and width."""
    import torch

    with torch.no_grad():
        where = draw_points(dice, len(targets), points, mask_logits)
        found = at_points(mask_logits.float(), where)
        true = at_points(filled([target.masks for target in targets]).to(found), where)
        classes = filled([target.classes for target in targets]).to(class_logits.device)
        cost = costs_of(class_logits, classes, sums_at_points(found, true), points, costs)
    return pairs_of_least(cost, [len(target.classes) for target in targets])


def filled(parts: Sequence[Tensor]) -> Tensor:
    """Parts [k, ...] of any k as one tensor [N, most, ...], with zeros after what there is; most is 1 at least."""
    most = max(1, *(len(part) for part in parts))
    rows = parts[0].new_zeros((len(parts), most, *parts[0].shape[1:]))
    for row, part in zip(rows, parts, strict=True):
        row[: len(part)] = part
    return rows


def sums_at_points(logits: Tensor, true: Tensor) -> Tensor:
    """[3, N, Q, k] of logits [N, Q, P] against true [N, k, P]: binary cross-entropy, what is common, and what each has,
    added up over points, without an [N, Q, k, P] in memory.

    The cross-entropy is softplus(x) - x where the truth is 1 and softplus(x) where it is 0.
    """
    import torch
    from torch.nn import functional

    found = logits.sigmoid()
    surprise = functional.softplus(logits).sum(-1)[..., None] - logits @ true.mT
    return torch.stack([surprise, found @ true.mT, found.sum(-1)[..., None] + true.sum(-1)[:, None]])


def costs_of(class_logits: Tensor, classes: Tensor, sums: Tensor, points: int | Tensor, costs: Costs) -> Tensor:
    """[N, Q, k] of class_logits [N, Q, classes + 1] against classes [N, k], and of masks by their `sums_at_points`.

    points: that were added up, for all or [N, 1, 1].
    """
    likely = class_logits.float().softmax(-1)
    cost = -costs.classes * likely.gather(2, classes[:, None].expand(-1, likely.shape[1], -1))
    surprise, common, both = sums
    return cost + costs.masks * surprise / points + costs.dice * (1 - (2 * common + 1) / (both + 1))


def pairs_of_least(cost: Tensor, counts: Sequence[int]) -> list[Pairs]:
    """Of each cost [Q, k], of whose columns the first so many count, the pairs that cost least all together."""
    import torch
    from scipy.optimize import linear_sum_assignment

    bounded = cost.nan_to_num(nan=1e6, posinf=1e6, neginf=-1e6).cpu().numpy()
    pairs = []
    for table, count in zip(bounded, counts, strict=True):
        queries, which = linear_sum_assignment(table[:, :count])
        pairs.append((torch.from_numpy(queries.astype(np.int64)), torch.from_numpy(which.astype(np.int64))))
    return pairs
