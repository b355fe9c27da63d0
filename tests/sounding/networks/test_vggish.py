"""VGGish: equal to the published layers one after the other, and what it says of files of other networks."""

from pathlib import Path

import pytest
import torch
from torch import nn

from avfusion.errors import CannotRead
from avfusion.sounding.networks.vggish import (
    VGGISH,
    VGGISH_TINY,
    VggishConfig,
    draw_vggish,
    from_published,
    vggish_shapes,
    vggish_vectors,
)  # fmt: skip

SOURCE = Path("vggish.pth")


class Published(nn.Module):
    """The layers of the port to PyTorch, whose vectors are read row by row, all channels of a place together."""

    def __init__(self, config: VggishConfig) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        before = 1
        for number, channels in enumerate(config.channels):
            layers += [nn.Conv2d(before, channels, 3, padding=1), nn.ReLU()]
            if number in (0, 1, 3, 5):
                layers.append(nn.MaxPool2d(2))
            before = channels
        self.features = nn.Sequential(*layers)
        self.embeddings = nn.Sequential(
            nn.Linear(before * 6 * 4, config.hidden), nn.ReLU(), nn.Linear(config.hidden, config.hidden), nn.ReLU(),
            nn.Linear(config.hidden, config.width), nn.ReLU(),
        )  # fmt: skip

    def forward(self, log_mel: torch.Tensor) -> torch.Tensor:
        maps: torch.Tensor = self.features(log_mel[:, None])
        found: torch.Tensor = self.embeddings(torch.einsum("nchw->nhwc", maps).reshape(len(maps), -1))
        return found


def test_equals_the_published_layers() -> None:
    torch.manual_seed(0)
    theirs = Published(VGGISH_TINY)
    log_mel = 2 * torch.randn(3, 96, 64, generator=torch.Generator().manual_seed(1)) - 2
    ours = from_published(theirs.state_dict(), VGGISH_TINY, SOURCE)
    with torch.no_grad():
        expected = theirs(log_mel)
    assert expected.any()
    torch.testing.assert_close(vggish_vectors(ours, log_mel), expected)


def test_is_as_large_as_the_published_one() -> None:
    with torch.device("meta"):
        theirs = Published(VGGISH)
        weights = {name: torch.empty(shape) for name, shape in vggish_shapes(VGGISH).items()}
        assert vggish_vectors(weights, torch.empty(5, 96, 64)).shape == (5, 128)
    assert {name: tuple(part.shape) for name, part in theirs.state_dict().items()} == vggish_shapes(VGGISH)


def test_files_of_other_networks_are_refused() -> None:
    drawn = draw_vggish(torch.Generator().manual_seed(0), VGGISH_TINY)
    whitened = {**drawn, "pproc.pca_means": torch.zeros(128, 1)}
    assert from_published(whitened, VGGISH_TINY, SOURCE) == drawn
    with pytest.raises(CannotRead, match=r"^vggish\.pth: no VGGish .* features\.0\.weight should be .* is nothing"):
        from_published({}, VGGISH_TINY, SOURCE)
    with pytest.raises(CannotRead, match=r"features\.0\.weight should be \(64, 1, 3, 3\) and is \(8, 1, 3, 3\)"):
        from_published(drawn, VGGISH, SOURCE)
    with pytest.raises(CannotRead, match=r"features\.16\.weight should be nothing"):
        from_published({**drawn, "features.16.weight": torch.ones(1)}, VGGISH_TINY, SOURCE)
