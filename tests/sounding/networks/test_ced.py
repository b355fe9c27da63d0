"""CED: equal to the published network on weights that anyone can draw, and what it says of files of other networks."""

from pathlib import Path

import numpy as np
import pytest
import torch

from avfusion.errors import CannotRead
from avfusion.sounding.networks.ced import CED_MINI, CedConfig, ced_shapes, ced_tokens, draw_ced, from_published
from tests.voice.tiny_rvc import seeded

TINY = CedConfig(width=16, depth=2, heads=2)
SOURCE = Path("ced.safetensors")


@pytest.mark.real_data
def test_equals_the_published_network(shared_data: Path) -> None:
    published = np.load(shared_data / "parity" / "ced_mini.npz")
    weights = {name: seeded(name, shape) for name, shape in ced_shapes(CED_MINI).items()}
    tokens = ced_tokens(weights, CED_MINI, torch.from_numpy(published["log_mel"]))
    np.testing.assert_allclose(tokens.numpy(), published["tokens"], rtol=1e-4, atol=1e-4)


@pytest.mark.real_data
def test_has_the_published_names_and_shapes(shared_data: Path) -> None:
    lines = (shared_data.parent / "reference" / "shapes" / "ced_mini.txt").read_text().splitlines()
    published = dict(line.split("\t") for line in lines if not line.startswith("#"))
    ours = {name: str(shape) for name, shape in ced_shapes(CED_MINI).items()}
    assert ours.items() <= published.items()
    assert {name.split(".")[0] for name in published.keys() - ours.keys()} == {"init_bn", "outputlayer"}


def test_tokens_are_those_of_each_example_alone() -> None:
    weights = draw_ced(torch.Generator().manual_seed(0), TINY)
    log_mel = torch.randn(3, 64, 96, generator=torch.Generator().manual_seed(1))
    tokens = ced_tokens(weights, TINY, log_mel)
    assert tokens.shape == (3, 24, 16)
    torch.testing.assert_close(tokens[1:2], ced_tokens(weights, TINY, log_mel[1:2]))


@pytest.mark.parametrize("prefix", ["", "encoder."])
def test_published_names_are_taken(prefix: str) -> None:
    drawn = draw_ced(torch.Generator().manual_seed(0), TINY)
    extra = {"outputlayer.0.weight": torch.ones(16), "init_bn.1.num_batches_tracked": torch.tensor(3)}
    state = {f"{prefix}{name}": tensor for name, tensor in {**drawn, **extra}.items()}
    assert from_published(state, TINY, SOURCE) == drawn


def test_files_of_other_networks_are_refused() -> None:
    drawn = draw_ced(torch.Generator().manual_seed(0), TINY)
    with pytest.raises(CannotRead, match=r"norm\.weight should be \(16,\) and is nothing"):
        from_published({name: tensor for name, tensor in drawn.items() if name != "norm.weight"}, TINY, SOURCE)
    with pytest.raises(CannotRead, match=r"is \(1, 16, 1, 63\)"):
        from_published(drawn, CedConfig(width=8, depth=2, heads=2), SOURCE)
    with pytest.raises(CannotRead, match=r"blocks\.2"):
        from_published({**drawn, "blocks.2.norm1.weight": torch.ones(16)}, TINY, SOURCE)
