"""One row of tokens: shapes at full size, what comes out at first, and that both sides reach each other."""

import torch

from avfusion.sounding.networks.fusion import FIRST_SCALE, FusionConfig, draw_fusion, fuse
from tests.sounding.networks.loosened import loosened, unused

TINY = FusionConfig(width=16, tokens=6, blocks=1, heads=4)


def inputs() -> tuple[torch.Tensor, torch.Tensor]:
    dice = torch.Generator().manual_seed(1)
    return torch.randn(2, 16, 16, 24, generator=dice), torch.randn(2, 6, 16, generator=dice)


def weights() -> dict[str, torch.Tensor]:
    return draw_fusion(torch.Generator().manual_seed(0), "fused", TINY)


def test_full_size() -> None:
    config = FusionConfig()
    drawn = {name: part.to("meta") for name, part in draw_fusion(torch.Generator(), "fused", config).items()}
    assert drawn["fused.down.weight"].shape == (256, 4096, 1, 1)
    features, heard = torch.zeros(5, 256, 56, 56, device="meta"), torch.zeros(5, 96, 256, device="meta")
    seen, heard = fuse(drawn, "fused", config, features, heard)
    assert seen.shape == (5, 256, 14, 14)
    assert heard.shape == (5, 96, 256)


def test_at_first_the_normed_input_comes_out() -> None:
    seen, heard = fuse(weights(), "fused", TINY, *inputs())
    torch.testing.assert_close(seen.mean(1), torch.zeros(2, 4, 6), atol=50 * FIRST_SCALE, rtol=0)
    torch.testing.assert_close(heard.std(2, unbiased=False), torch.ones(2, 6), atol=50 * FIRST_SCALE, rtol=0)


def test_what_is_heard_reaches_what_is_seen_and_the_other_way() -> None:
    drawn = loosened(weights())
    features, heard = (part.requires_grad_() for part in inputs())
    seen, told = fuse(drawn, "fused", TINY, features, heard)
    (from_sound,) = torch.autograd.grad(seen[0].square().sum(), heard, retain_graph=True)
    (from_picture,) = torch.autograd.grad(told[0].square().sum(), features)
    for gradient in (from_sound, from_picture):
        assert gradient[0].any()
        assert not gradient[1].any()


def test_every_weight_is_used() -> None:
    drawn = {name: part.requires_grad_() for name, part in loosened(weights()).items()}
    seen, heard = fuse(drawn, "fused", TINY, *inputs())
    (seen.square().sum() + heard.square().sum()).backward()
    assert unused(drawn) == []
