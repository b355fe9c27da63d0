"""OV-AVSS as a painter: which pixels sound, and which of any names given they go by."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from avfusion.clip import Clip, Sound
from avfusion.datasets.classes import BACKGROUND, CLASSES
from avfusion.sounding import Sources, Tell, Wish
from avfusion.sounding.checkpoint import Checkpoint
from avfusion.sounding.naming import ClipNamer
from avfusion.sounding.networks.masked_decoder import Predictions
from avfusion.sounding.networks.ov_avss import OvAvssNetwork
from avfusion.sounding.open_names import PaintSettings, paint_closed, paint_names
from avfusion.sounding.painted import Painted, at_once_in, check_numbers, resized_to, seen_and_heard
from avfusion.sounding.painted_sources import sources_by

_ANYTHING = Wish()


class OvAvssPainter:
    """An OV-AVSS network on its device: a `Painter` and a `Locator`. namer: gives the names, on its own device; None
    for a network with classes of its own."""

    def __init__(
        self,
        name: str,
        checkpoint: Checkpoint,
        namer: ClipNamer | None,
        device: str = "cpu",
        settings: PaintSettings | None = None,
    ) -> None:
        card, network = checkpoint.card, checkpoint.network
        self.name, self.setting, self.size_px = name, card.setting, card.size_px
        self.at_once = at_once_in(card.setting)
        self._said = card.names
        self._namer = namer
        self._settings = settings or PaintSettings()
        self._device = device
        self._network: OvAvssNetwork = network.on(device)
        self._network.set_training(False)

    def paint(
        self,
        pictures: NDArray[np.uint8],
        sound: Sound,
        labels: tuple[str, ...] = (),
        *,
        shape: tuple[int, int] | None = None,
        waiting: Callable[[], None] = lambda: None,
    ) -> Painted:
        """See `Painter`. Labels that the network's folder has no words for are left out, if it has words for any. What
        sounds and gets none of the names has the last one, which is ""."""
        import torch

        height, width = shape or pictures.shape[1:3]
        names = self._names(labels)
        probabilities = np.empty((len(pictures), height, width), np.float32)
        numbers = np.empty(probabilities.shape, np.uint8)
        for start, stop, rgb, log_mel in seen_and_heard(self, pictures, sound, waiting):
            with torch.inference_mode():
                predictions = self._network.predict(rgb.to(self._device), log_mel.to(self._device))
                check_numbers(predictions, self)
                for place in range(start, stop):
                    probabilities[place] = self._sounding(predictions, place - start, height, width)
                seen = np.stack([resized_to(picture, (height, width)) for picture in pictures[start:stop]])
                numbers[start:stop] = self._named(predictions, seen, names)
        numbers[(numbers == 0) & (probabilities > 0.5)] = len(names) + 1
        return Painted(probabilities, numbers, (BACKGROUND, *names, ""))

    def locate(self, clip: Clip, sound: Sound, wish: Wish = _ANYTHING, *, folder: Path, tell: Tell) -> Sources:
        """See `Locator`."""
        return sources_by(self, clip, sound, wish, tell)

    def _names(self, labels: tuple[str, ...]) -> tuple[str, ...]:
        if self._namer is None:
            return CLASSES[1:]
        known = tuple(label for label in labels if label in self._said)
        return known or labels or tuple(self._said) or CLASSES[1:]

    def _sounding(self, predictions: Predictions, place: int, height: int, width: int) -> NDArray[np.float32]:
        """float32 [height, width], of one picture."""
        one = Predictions(predictions.classes[-1:], (predictions.masks[-1][:, :, place : place + 1],))
        background = self._network.maps(one, height=height, width=width)[0, 0]
        found: NDArray[np.float32] = (1 - background).float().cpu().numpy()
        return found

    def _named(self, predictions: Predictions, seen: NDArray[np.uint8], names: tuple[str, ...]) -> NDArray[np.uint8]:
        """uint8 [T, H, W], 1 for the first name, 0 for what has none."""
        classes, masks = predictions.classes[-1][0], predictions.masks[-1][0]
        if self._namer is None:
            return paint_closed(classes, masks, seen.shape[1:3], self._settings).numbers
        words = tuple(self._said.get(name, name) for name in names)
        return paint_names(classes, masks, seen, words, self._namer, self._settings).numbers
