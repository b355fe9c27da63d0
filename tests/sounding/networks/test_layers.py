"""Layers of named weights: equal to torch's own, drawn the same from the same seed."""

import pytest
import torch

from avfusion.sounding.networks.layers import (
    attention,
    conv2d,
    draw_attention,
    draw_conv2d,
    draw_linear,
    draw_norm,
    draw_table,
    group_norm,
    join_heads,
    linear,
    sine_places,
    split_heads,
)  # fmt: skip
from tests.sounding.networks.loosened import loosened


def dice(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_attention_is_torchs_own() -> None:
    drawn = loosened(draw_attention(dice(), "look", 16))
    theirs = torch.nn.MultiheadAttention(16, 4, batch_first=True)
    state = {f"out_proj.{part}": drawn[f"look.out.{part}"] for part in ("weight", "bias")}
    for part in ("weight", "bias"):
        state[f"in_proj_{part}"] = torch.cat([drawn[f"look.{name}.{part}"] for name in ("query", "key", "value")])
    theirs.load_state_dict(state)
    query, key, value = (torch.randn(2, count, 16, generator=dice(count)) for count in (3, 7, 7))
    may_look = torch.rand(2, 1, 3, 7, generator=dice(9)) > 0.5
    may_look[..., 0] = True
    expected, _ = theirs(query, key, value, attn_mask=~may_look.expand(-1, 4, -1, -1).flatten(0, 1))
    torch.testing.assert_close(attention(drawn, "look", query, key, value, heads=4, may_look=may_look), expected)


def test_heads_come_back() -> None:
    x = torch.randn(2, 5, 12, generator=dice())
    assert split_heads(x, 3).shape == (2, 3, 5, 4)
    assert torch.equal(join_heads(split_heads(x, 3)), x)


@pytest.mark.parametrize(("channels", "groups"), [(256, 32), (48, 16), (8, 8)])
def test_norms_of_groups(channels: int, groups: int) -> None:
    x = torch.randn(2, channels, 3, 3, generator=dice()) * 5 + 2
    found = group_norm(draw_norm("norm", channels), "norm", x)
    torch.testing.assert_close(
        found.unflatten(1, (groups, -1)).mean(dim=(2, 3, 4)), torch.zeros(2, groups), atol=1e-5, rtol=0
    )


def test_what_is_drawn_keeps_the_deviation() -> None:
    drawn = draw_linear(dice(), "a", 400, 400) | draw_conv2d(dice(), "b", 64, 64, 3)
    x = torch.randn(500, 400, generator=dice(1))
    assert linear(drawn, "a", x).std().item() == pytest.approx(1, abs=0.05)
    picture = torch.randn(4, 64, 20, 20, generator=dice(2))
    assert conv2d(drawn, "b", picture).std().item() == pytest.approx(1, abs=0.05)


def test_a_seed_gives_one_layer() -> None:
    first, again, other = (draw_table(dice(seed), "t", 3, 4)["t"] for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_every_place_is_told_apart() -> None:
    places = sine_places(6, 9, 16, torch.zeros(1)).flatten(1).T
    apart = torch.cdist(places, places) + 10 * torch.eye(54)
    assert apart.min() > 0.05
