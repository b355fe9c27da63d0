"""Matching: pairs of the least cost, the same as transformers finds with the same points."""

import numpy as np
import pytest
import torch

from avfusion.sounding.networks.matching import (
    Costs,
    Target,
    at_points,
    draw_points,
    draw_unsure_points,
    match,
    target_of,
)  # fmt: skip


def dice(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_a_target_has_a_mask_for_each_class_that_is_there() -> None:
    labels = np.array([[0, 0, 7], [255, 3, 7]], np.uint8)
    target = target_of(labels)
    assert target.classes.tolist() == [0, 3, 7]
    np.testing.assert_array_equal(target.masks.sum(0), labels != 255)
    np.testing.assert_array_equal(target.masks[2], labels == 7)


def test_points_read_pixel_centres() -> None:
    maps = torch.arange(12.0).reshape(1, 1, 3, 4)
    centres = torch.tensor([[[(x + 0.5) / 4, (y + 0.5) / 3] for y in range(3) for x in range(4)]])
    torch.testing.assert_close(at_points(maps, centres)[0, 0], torch.arange(12.0))


def test_unsure_points_lie_where_the_logits_are_near_zero() -> None:
    ramp = torch.linspace(-8, 8, 64).expand(1, 64, 64)
    points = draw_unsure_points(dice(), ramp, 400)
    assert points.shape == (1, 400, 2)
    evenly = draw_points(dice(), 1, 400, ramp)
    assert at_points(ramp[None], points).abs().mean() < 0.6 * at_points(ramp[None], evenly).abs().mean()


def test_every_target_gets_the_query_that_looks_like_it() -> None:
    masks = torch.zeros(3, 16, 16)
    masks[0, :5], masks[1, 5:11], masks[2, 11:] = 1, 1, 1
    order = torch.tensor([2, 0, 1])
    logits = torch.cat([20 * masks[order] - 10, torch.full((2, 16, 16), -10.0)])
    queries, targets = match(
        torch.zeros(5, 5), logits, Target(torch.tensor([1, 1, 2]), masks), costs=Costs(), points=200, dice=dice()
    )
    assert dict(zip(queries.tolist(), targets.tolist(), strict=True)) == {0: 2, 1: 0, 2: 1}


@pytest.mark.parametrize("targets", [0, 1, 4, 9])
def test_pairs_are_those_of_transformers(targets: int) -> None:
    from transformers.models.mask2former.modeling_mask2former import Mask2FormerHungarianMatcher

    drawn = dice(3)
    classes, masks = torch.randn(6, 5, generator=drawn), torch.randn(6, 8, 8, generator=drawn)
    true = (torch.rand(targets, 32, 32, generator=drawn) > 0.5).float()
    target = Target(torch.randint(0, 4, (targets,), generator=drawn), true)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(5)
        matcher = Mask2FormerHungarianMatcher(cost_class=2.0, cost_mask=5.0, cost_dice=5.0, num_points=50)
        (theirs,) = matcher(masks[None], classes[None], [true], [target.classes])
    ours = match(classes, masks, target, costs=Costs(), points=50, dice=dice(5))
    assert [part.tolist() for part in ours] == [part.tolist() for part in theirs]
    assert len(ours[0]) == min(targets, 6)


def test_numbers_that_are_none_do_not_stop_it() -> None:
    masks = torch.full((2, 4, 4), float("nan"))
    queries, _ = match(
        torch.zeros(2, 3), masks, target_of(np.eye(4, dtype=np.uint8)), costs=Costs(), points=9, dice=dice()
    )
    assert sorted(queries.tolist()) == [0, 1]
