"""Early fusion: who hears what of whom."""

import pytest
import torch
from torch import nn

from avfusion.sounding.networks.early_fusion import EarlyFusionConfig, draw_early_fusion, fuse_early
from avfusion.sounding.networks.layers import Drawn
from tests.sounding.networks.loosened import loosened, unused

TINY = EarlyFusionConfig(width=8, heard=6, inner=16, heads=4)


def weights() -> Drawn:
    return loosened(draw_early_fusion(torch.Generator().manual_seed(0), "fused", TINY))


def inputs() -> tuple[list[torch.Tensor], torch.Tensor]:
    dice = torch.Generator().manual_seed(1)
    levels = [torch.randn(2, 8, *size, generator=dice) for size in ((4, 6), (2, 3))]
    return levels, torch.randn(2, 6, generator=dice)


@pytest.mark.parametrize("side", ["seen", "heard"])
def test_with_a_scale_of_nothing_a_side_stays_as_it_is(side: str) -> None:
    levels, heard = inputs()
    quiet = weights() | {f"fused.{side}.scale": torch.zeros(8 if side == "seen" else 6)}
    fused, told = fuse_early(quiet, "fused", TINY, levels, heard)
    same = all(torch.equal(one, other) for one, other in zip(fused, levels, strict=True))
    assert (same, torch.equal(told, heard)) == (side == "seen", side == "heard")


def test_all_places_of_a_picture_are_told_the_same() -> None:
    levels, heard = inputs()
    fused, _ = fuse_early(weights(), "fused", TINY, levels, heard)
    added = torch.cat([(one - other).flatten(2) for one, other in zip(fused, levels, strict=True)], dim=2)
    torch.testing.assert_close(added, added[:, :, :1].expand_as(added))
    assert not torch.allclose(added[0], added[1], atol=1e-3)


def test_the_sound_looks_at_all_places_as_torch_does_it() -> None:
    levels, heard = inputs()
    ours = weights() | {"fused.heard.scale": torch.ones(6)}
    _, told = fuse_early(ours, "fused", TINY, levels, heard)
    places = torch.cat([level.flatten(2).transpose(1, 2) for level in levels], dim=1)
    normed = nn.functional.layer_norm(places, (8,), ours["fused.seen.norm.weight"], ours["fused.seen.norm.bias"])
    asked = nn.functional.layer_norm(heard, (6,), ours["fused.heard.norm.weight"], ours["fused.heard.norm.bias"])
    to_heads = {part: ours[f"fused.{part}.weight"] for part in ("heard.query", "seen.query", "seen.value", "heard.out")}
    biases = [ours[f"fused.{part}.bias"] for part in ("heard.query", "seen.query", "seen.value")]
    theirs = nn.MultiheadAttention(16, 4, batch_first=True)
    eye = torch.eye(16)
    theirs.in_proj_weight.data, theirs.in_proj_bias.data = eye.repeat(3, 1), torch.zeros(48)
    theirs.out_proj.weight.data, theirs.out_proj.bias.data = eye, torch.zeros(16)
    query, key, value = (
        nn.functional.linear(x, to_heads[part], bias)
        for x, part, bias in zip((asked[:, None], normed, normed), to_heads, biases, strict=False)
    )
    seen = theirs(query, key, value)[0][:, 0]
    expected = heard + nn.functional.linear(seen, to_heads["heard.out"], ours["fused.heard.out.bias"])
    torch.testing.assert_close(told, expected)


def test_dropout_of_everything_leaves_what_the_biases_say() -> None:
    levels, heard = inputs()
    ours = weights()
    fused, told = fuse_early(ours, "fused", TINY, levels, heard, dropout=1.0)
    torch.testing.assert_close(told - heard, (ours["fused.heard.scale"] * ours["fused.heard.out.bias"]).expand(2, -1))
    said = ours["fused.seen.scale"] * ours["fused.seen.out.bias"]
    torch.testing.assert_close(fused[0] - levels[0], said[:, None, None].expand_as(fused[0]))


def test_every_weight_is_used() -> None:
    levels, heard = inputs()
    drawn = {name: tensor.requires_grad_() for name, tensor in weights().items()}
    fused, told = fuse_early(drawn, "fused", TINY, levels, heard)
    (sum(level.square().sum() for level in fused) + told.square().sum()).backward()
    assert unused(drawn) == []
