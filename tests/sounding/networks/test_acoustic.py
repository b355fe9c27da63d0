"""Attention over time in the sound: shapes, any number of pictures, patches and clips that do not mix."""

import pytest
import torch

from avfusion.sounding.networks.acoustic import AcousticConfig, draw_acoustic, hear
from tests.sounding.networks.loosened import loosened, unused

TINY = AcousticConfig(size=16, width=24, blocks=2, heads=4)


def weights(config: AcousticConfig = TINY) -> dict[str, torch.Tensor]:
    return loosened(draw_acoustic(torch.Generator().manual_seed(0), "heard", config))


def tokens(pictures: int, seed: int = 1) -> torch.Tensor:
    return torch.randn(pictures, 6, 16, generator=torch.Generator().manual_seed(seed))


def test_full_size() -> None:
    config = AcousticConfig()
    drawn = {name: part.to("meta") for name, part in draw_acoustic(torch.Generator(), "heard", config).items()}
    heard = hear(drawn, "heard", config, torch.zeros(10, 24, 256, device="meta"), 5)
    assert heard.tokens.shape == (10, 96, 256)
    assert heard.when is not None
    assert heard.when.shape == (2, 8, 5, 5)
    assert sum(part.numel() for part in drawn.values()) == 3 * (4 * 256**2 + 8 * 256**2 + 10 * 256) + 4 * 65792 + 512


@pytest.mark.parametrize("pictures", [1, 2, 5, 10])
def test_any_number_of_pictures(pictures: int) -> None:
    heard = hear(weights(), "heard", TINY, tokens(2 * pictures), pictures)
    assert heard.tokens.shape == (2 * pictures, 18, 24)
    assert heard.when.shape == (2, 4, pictures, pictures)


def test_clips_do_not_hear_each_other() -> None:
    both = hear(weights(), "heard", TINY, tokens(6), 3)
    first = hear(weights(), "heard", TINY, tokens(6)[:3], 3)
    torch.testing.assert_close(both.tokens[:3], first.tokens)
    torch.testing.assert_close(both.when[:1], first.when)


def test_the_first_tap_is_of_its_own_moment_and_the_last_of_all() -> None:
    one = hear(weights(), "heard", TINY, tokens(4), 4).tokens
    changed = tokens(4).clone()
    changed[3] = -changed[3]
    other = hear(weights(), "heard", TINY, changed, 4).tokens
    torch.testing.assert_close(one[:3, :6], other[:3, :6])
    assert (one[0, 12:] - other[0, 12:]).abs().amax(dim=1).min() > 1e-4


def test_patches_keep_their_places() -> None:
    order = torch.tensor([3, 0, 5, 1, 4, 2])
    whole = hear(weights(), "heard", TINY, tokens(4), 4)
    moved = hear(weights(), "heard", TINY, tokens(4)[:, order], 4)
    taps = whole.tokens.unflatten(1, (3, 6))
    torch.testing.assert_close(taps[:, :, order], moved.tokens.unflatten(1, (3, 6)))
    torch.testing.assert_close(whole.when, moved.when)


def test_scores_are_those_of_the_last_block_over_each_patch() -> None:
    """With one block they are the queries times the keys of the first norm, neither scaled nor turned to shares."""
    config = AcousticConfig(size=16, width=16, blocks=1, heads=4)
    drawn, x = weights(config), tokens(3)
    normed = torch.nn.functional.layer_norm(
        x, (16,), drawn["heard.blocks.0.norm1.weight"], drawn["heard.blocks.0.norm1.bias"]
    )
    q, k, _ = (normed @ drawn["heard.blocks.0.qkv.weight"].T).chunk(3, dim=-1)
    expected = torch.einsum("tphd,sphd->hts", q.unflatten(2, (4, 4)), k.unflatten(2, (4, 4))) / 6
    torch.testing.assert_close(hear(drawn, "heard", config, x, 3).when[0], expected)


def test_without_a_block_there_is_no_time() -> None:
    config = AcousticConfig(size=16, width=24, blocks=0)
    drawn = weights(config)
    heard = hear(drawn, "heard", config, tokens(4), 4)
    assert heard.when is None
    expected = tokens(4) @ drawn["heard.taps.0.weight"].T + drawn["heard.taps.0.bias"]
    torch.testing.assert_close(heard.tokens, expected)


def test_every_weight_is_used() -> None:
    drawn = {name: part.requires_grad_() for name, part in weights().items()}
    heard = hear(drawn, "heard", TINY, tokens(4), 4)
    (heard.tokens.square().sum() + heard.when.square().sum()).backward()
    assert unused(drawn) == []
