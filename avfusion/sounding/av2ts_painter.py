"""AV2TS as a painter: which pixels sound, and with a network for AVSS of which class they are."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from avfusion.clip import Clip, Sound
from avfusion.datasets.classes import CLASSES
from avfusion.sounding import Sources, Tell, Wish
from avfusion.sounding.checkpoint import Checkpoint
from avfusion.sounding.networks.av2ts import Av2tsNetwork
from avfusion.sounding.networks.layers import Tensor
from avfusion.sounding.networks.masked_decoder import Predictions
from avfusion.sounding.painted import NAMELESS, Painted, at_once_in, check_numbers, seen_and_heard
from avfusion.sounding.painted_sources import sources_by

_ANYTHING = Wish()

MOST = 1 / (1 + math.exp(-1))
"""What a softmax gives where the map of a class is 1 and that of the background 0."""


class Av2tsPainter:
    """An AV2TS network on its device: a `Painter` and a `Locator`."""

    def __init__(self, name: str, checkpoint: Checkpoint, device: str = "cpu") -> None:
        card, network = checkpoint.card, checkpoint.network
        self.name, self.setting, self.size_px = name, card.setting, card.size_px
        self.at_once = at_once_in(card.setting)
        self._device = device
        self._network: Av2tsNetwork = network.on(device)
        self._network.set_training(False)
        self._names = NAMELESS if self._network.config.classes == len(NAMELESS) else CLASSES

    def paint(
        self,
        pictures: NDArray[np.uint8],
        sound: Sound,
        labels: tuple[str, ...] = (),
        *,
        shape: tuple[int, int] | None = None,
        waiting: Callable[[], None] = lambda: None,
    ) -> Painted:
        """See `Painter`. It knows the classes that it was trained on, whatever the labels."""
        height, width = shape or pictures.shape[1:3]
        probabilities = np.empty((len(pictures), height, width), np.float32)
        numbers = np.empty(probabilities.shape, np.uint8)
        for start, stop, rgb, log_mel in seen_and_heard(self, pictures, sound, waiting):
            predictions = self._predicted(rgb, log_mel)
            check_numbers(predictions, self)
            for place in range(start, stop):
                probabilities[place], numbers[place] = self._painted(predictions, place - start, height, width)
        return Painted(probabilities, numbers, self._names, MOST)

    def locate(self, clip: Clip, sound: Sound, wish: Wish = _ANYTHING, *, folder: Path, tell: Tell) -> Sources:
        """See `Locator`."""
        return sources_by(self, clip, sound, wish, tell)

    def _predicted(self, rgb: Tensor, log_mel: Tensor) -> Predictions:
        import torch

        with torch.inference_mode():
            return self._network.predict(rgb.to(self._device), log_mel.to(self._device))

    def _painted(
        self, predictions: Predictions, place: int, height: int, width: int
    ) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
        """One picture: with 71 classes the maps of a clip at its full size are gigabytes."""
        import torch

        here = np.s_[place : place + 1]
        one = Predictions((predictions.classes[-1][here],), (predictions.masks[-1][here],))
        with torch.inference_mode():
            maps = self._network.maps(one, height=height, width=width)[0]
            return sounding_in(maps).cpu().numpy(), maps.argmax(0).to(torch.uint8).cpu().numpy()


def sounding_in(maps: Tensor) -> Tensor:
    """[classes, H, W] -> [H, W]: a softmax over the background and the best of the other classes. With two classes it
    is the published one, and with more it is above 0.5 where the class is not the background."""
    import torch

    return torch.stack([maps[0], maps[1:].amax(0)]).softmax(0)[1]
