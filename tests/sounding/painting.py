"""Painters whose answer is known: networks that look at nothing but their biases, and one that looks for a colour."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from avfusion.clip import Clip, Sound
from avfusion.datasets.avs_clip import Setting
from avfusion.datasets.classes import BACKGROUND
from avfusion.sounding import Sources, Tell, Wish
from avfusion.sounding.checkpoint import write_checkpoint
from avfusion.sounding.networks.av2ts import Av2tsNetwork, draw_av2ts
from avfusion.sounding.networks.av2ts_config import AV2TS_TINY
from avfusion.sounding.painted import Painted
from avfusion.sounding.painted_sources import sources_by

_ANYTHING = Wish()


def loose_network(setting: Setting, seed: int = 3, favoured: tuple[int, ...] = ()) -> Av2tsNetwork:
    """Random, with maps that are not flat. favoured: classes that win over the others."""
    from tests.sounding.networks.loosened import loosened

    config = replace(AV2TS_TINY, classes=2 if setting in ("s4", "ms3") else 71)
    network = draw_av2ts(config, seed)
    weights = loosened({name: part.detach() for name, part in network.weights.items()})
    weights["masks.classes.bias"][list(favoured)] += 6
    return replace(network, weights={name: part.requires_grad_() for name, part in weights.items()})


def network_saying(setting: Setting, number: int, sure: float = 1.0) -> Av2tsNetwork:
    """Its map of the class `number` is `sure` everywhere, and those of all others are 0: only its biases speak."""
    network = loose_network(setting)
    weights = {name: part.detach().clone() for name, part in network.weights.items()}
    for name in ("masks.classes.weight", "masks.mask.2.weight", "masks.mask.2.bias"):
        weights[name].zero_()
    # Every mask is a half everywhere, so each query says twice its part; what is left is nothing.
    classes, queries = network.config.classes, network.config.tokens
    shares = torch.full((classes + 1,), 1e-12)
    shares[number] = 2 * sure / queries
    shares[classes] = 1 - shares[number]
    weights["masks.classes.bias"] = shares.log()
    return replace(network, weights={name: part.requires_grad_() for name, part in weights.items()})


def trained_folder(folder: Path, setting: Setting = "ms3", network: Av2tsNetwork | None = None, note: str = "") -> Path:
    """As a training leaves it."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    write_checkpoint(
        folder, kind="av2ts", setting=setting, size_px=64, network=network or loose_network(setting), note=note
    )
    return folder


@dataclass(eq=False)
class ColourPainter:
    """Paints what is red as sounding, as surely as it is red, while the sound is loud; and what is green as a frog.

    windows: how many pictures it was shown at a time.
    """

    name: str = "colours"
    setting: Setting = "avss"
    size_px: int = 64
    at_once: int = 10
    windows: list[int] = field(default_factory=list)

    def paint(
        self,
        pictures: NDArray[np.uint8],
        sound: Sound,
        labels: tuple[str, ...] = (),
        *,
        shape: tuple[int, int] | None = None,
        waiting: Callable[[], None] = lambda: None,
    ) -> Painted:
        assert shape is None
        waiting()
        self.windows.append(len(pictures))
        assert sound.samples.shape[1] == len(pictures) * sound.rate_hz
        loud = np.abs(sound.samples).reshape(len(sound.samples), len(pictures), -1).max(axis=(0, 2)) > 0.01
        shares = pictures.astype(np.float32) / 255
        red, green = shares[..., 0], shares[..., 1]
        numbers = np.where(red >= green, 1, 2).astype(np.uint8)
        probabilities = np.maximum(red, green) * loud[:, None, None]
        return Painted(probabilities, np.where(probabilities > 0.5, numbers, 0).astype(np.uint8),
                       (BACKGROUND, "devil", "frog"))  # fmt: skip

    def locate(self, clip: Clip, sound: Sound, wish: Wish = _ANYTHING, *, folder: Path, tell: Tell) -> Sources:
        return sources_by(self, clip, sound, wish, tell)
