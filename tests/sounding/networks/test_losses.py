"""Losses: those of transformers with the same points, and what pictures without a truth and time add."""

import math

import numpy as np
import pytest
import torch

from avfusion.sounding.networks.losses import LossSettings, clip_losses, jumps, layer_losses
from avfusion.sounding.networks.matching import Target, target_of


def dice(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def prediction(pictures: int, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    drawn = dice(seed)
    classes = torch.randn(pictures, 5, 4, generator=drawn)
    return classes.requires_grad_(), torch.randn(pictures, 5, 8, 8, generator=drawn).requires_grad_()


def truths(pictures: int) -> list[Target]:
    random = np.random.default_rng(1)
    return [target_of(random.integers(0, 3, (16, 16)).astype(np.uint8)) for _ in range(pictures)]


def test_a_layer_costs_what_it_costs_in_transformers() -> None:
    from transformers import Mask2FormerConfig
    from transformers.models.mask2former.modeling_mask2former import Mask2FormerLoss

    classes, masks = prediction(2)
    targets = truths(2)
    settings = LossSettings(points=60)
    config = Mask2FormerConfig(num_labels=3, train_num_points=60)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(5)
        theirs = Mask2FormerLoss(config, {})(
            masks, classes, [target.masks for target in targets], [target.classes for target in targets]
        )
    ours = layer_losses(classes, masks, targets, settings, dice=dice(5))
    names = {"class": "loss_cross_entropy", "mask": "loss_mask", "dice": "loss_dice"}
    for part, name in names.items():
        torch.testing.assert_close(ours[part], theirs[name])


def test_a_perfect_prediction_costs_nothing() -> None:
    (target,) = truths(1)
    masks = torch.cat([target.masks, torch.zeros(2, 16, 16)])[None] * 80 - 40
    classes = torch.full((1, 5, 4), -40.0)
    classes[0, torch.arange(5), torch.tensor([0, 1, 2, 3, 3])] = 40.0
    wide = masks.repeat_interleave(8, dim=2).repeat_interleave(8, dim=3)
    big = Target(target.classes, target.masks.repeat_interleave(8, dim=1).repeat_interleave(8, dim=2))
    losses = layer_losses(classes, wide, [big], LossSettings(points=500), dice=dice())
    assert losses["class"] < 1e-6
    # Points are drawn where the logits are unsure: along the outlines, where what is true is between 0 and 1 too.
    assert losses["dice"] < 0.25


def test_pictures_without_a_truth_count_for_time_alone() -> None:
    classes, masks = prediction(4)
    first, second = truths(2)
    settings = LossSettings(points=40)
    losses = clip_losses([classes] * 2, [masks] * 2, [first, None, second, None], settings, pictures=2, dice=dice())
    alone = clip_losses([classes[::2]] * 2, [masks[::2]] * 2, [first, second], settings, pictures=1, dice=dice())
    for part in ("class", "mask", "dice"):
        torch.testing.assert_close(losses[part], alone[part])
    assert alone["cosine"] == 0
    torch.testing.assert_close(losses["cosine"], jumps(masks.unflatten(0, (2, 2))))
    (gradient,) = torch.autograd.grad(losses["class"], classes)
    assert gradient[1].abs().sum() == 0
    assert gradient[2].abs().sum() > 0


def test_the_total_is_weighed() -> None:
    classes, masks = prediction(2)
    losses = clip_losses([classes] * 3, [masks] * 3, truths(2), LossSettings(points=40), pictures=2, dice=dice())
    parts = 2 * losses["class"] + 5 * losses["mask"] + 5 * losses["dice"] + 10 * losses["cosine"]
    torch.testing.assert_close(losses["total"], parts)


def test_nothing_annotated_still_has_a_gradient() -> None:
    classes, masks = prediction(2)
    losses = clip_losses([classes] * 2, [masks] * 2, [None, None], LossSettings(), pictures=2, dice=dice())
    losses["total"].backward()
    assert masks.grad is not None
    assert masks.grad.abs().sum() > 0


@pytest.mark.parametrize(("sign", "expected"), [(1.0, 0.0), (-1.0, 2 * math.exp(-2)), (0.0, math.exp(-1))])
def test_jumps_of_like_opposite_and_unlike_masks(sign: float, expected: float) -> None:
    first = torch.randn(3, 2, 4, 4, generator=dice())
    other = sign * first if sign else torch.zeros_like(first)
    assert jumps(torch.stack([first, other], dim=1)).item() == pytest.approx(expected, abs=1e-6)


def test_the_same_dice_give_the_same_loss() -> None:
    classes, masks = prediction(2)
    totals = [
        clip_losses([classes], [masks], truths(2), LossSettings(points=30), pictures=2, dice=dice(seed))["total"]
        for seed in (1, 1, 2)
    ]
    assert totals[0] == totals[1] != totals[2]
