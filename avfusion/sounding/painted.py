"""Pictures of a clip, one a second, and its sound -> how likely each pixel sounds, and what it is.

painted = painter.paint(pictures, sound)
masks = painted.probabilities > 0.5
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol, runtime_checkable

import cv2
import numpy as np
from numpy.typing import NDArray

from avfusion.clip import Rgb, Sound
from avfusion.datasets.avs_clip import Setting
from avfusion.datasets.classes import BACKGROUND
from avfusion.errors import InputError
from avfusion.sounding.networks.layers import Tensor
from avfusion.sounding.networks.log_mel import RATE_HZ, Examples, for_pictures, log_mel_examples
from avfusion.sounding.networks.masked_decoder import Predictions
from avfusion.voice.one_channel import heard

NAMELESS: tuple[str, ...] = (BACKGROUND, "")
"""Names of a painter that has none: something sounds, and nobody knows what."""

_OF_FIVE: tuple[Setting, ...] = ("s4", "ms3")


@dataclass(frozen=True, eq=False)
class Painted:
    """probabilities: float32 [T, H, W] in 0..1, above 0.5 where something sounds. numbers: uint8 [T, H, W], the place
    in `names` of what it is; names[0] is the background. most: the probability where the painter is as sure as it can
    be; of a softmax over two numbers in 0..1 that is no more than 0.73."""

    probabilities: NDArray[np.float32]
    numbers: NDArray[np.uint8]
    names: tuple[str, ...]
    most: float = 1.0

    @property
    def sure(self) -> NDArray[np.float32]:
        """float32 [T, H, W]: the probabilities, spread over all of 0..1, 0.5 where they are."""
        spread = 0.5 + (self.probabilities - np.float32(0.5)) * np.float32(0.5 / (self.most - 0.5))
        return np.clip(spread, 0, 1, out=spread)


@runtime_checkable
class Painter(Protocol):
    """What paints every picture of a clip by itself, as networks do that were trained for it."""

    @property
    def name(self) -> str: ...

    @property
    def setting(self) -> Setting:
        """What it was trained for: s4 and ms3 say that something sounds, the others also what."""
        ...

    @property
    def size_px(self) -> int:
        """The side of the squares that it sees."""
        ...

    @property
    def at_once(self) -> int:
        """So many pictures at most it looks at together."""
        ...

    def paint(
        self,
        pictures: NDArray[np.uint8],
        sound: Sound,
        labels: tuple[str, ...] = (),
        *,
        shape: tuple[int, int] | None = None,
        waiting: Callable[[], None] = ...,
    ) -> Painted:
        """pictures: uint8 [T, H, W, 3], the k-th shows the time k + 15/16 s of the sound. labels: the names there are,
        for those that can name anything; none for all that it knows. shape: (height, width) of what is painted; that of
        the pictures if left out. waiting: called between windows; it may raise."""
        ...


def windows(count: int, at_once: int) -> list[tuple[int, int]]:
    """(start, stop) of equal parts, none longer than `at_once`: [(0, 5), (5, 11)] for 11 and 10."""
    parts = -(-count // at_once)
    edges = [place * count // parts for place in range(parts + 1)] if parts else []
    return list(pairwise(edges))


def seen_and_heard(
    painter: Painter, pictures: NDArray[np.uint8], sound: Sound, waiting: Callable[[], None]
) -> Iterator[tuple[int, int, Tensor, Tensor]]:
    """(start, stop, rgb [1, T, 3, size_px, size_px] in 0..255, log-mel [1, T, 96, 64]) of each window, as networks take
    them, on the CPU."""
    import torch

    for start, stop in windows(len(pictures), painter.at_once):
        waiting()
        seen = np.stack([squashed(picture, painter.size_px) for picture in pictures[start:stop]])
        log_mel = heard_between(sound, start, stop, painter.setting)
        yield start, stop, torch.from_numpy(seen).permute(0, 3, 1, 2).float()[None], torch.from_numpy(log_mel)[None]


def check_numbers(predictions: Predictions, painter: Painter) -> None:
    """Raises `InputError` where what the network says last is no numbers: weights may all be finite, and absurd."""
    import torch

    if not all(bool(torch.isfinite(said[-1]).all()) for said in (predictions.classes, predictions.masks)):
        raise InputError(
            f"engine {painter.name}: its predictions are no numbers; train it anew, its weights are absurd."
        )


def at_once_in(setting: Setting) -> int:
    """As many pictures as the clips have on which networks for it are trained."""
    return 5 if setting in _OF_FIVE else 10


def squashed(picture: Rgb, size_px: int) -> Rgb:
    """uint8 [size_px, size_px, 3], as networks see a picture of any size, in training too."""
    return resized_to(picture, (size_px, size_px))


def resized_to(picture: Rgb, shape: tuple[int, int]) -> Rgb:
    """uint8 [height, width, 3]."""
    if picture.shape[:2] == shape:
        return picture
    return np.asarray(cv2.resize(picture, shape[::-1], interpolation=cv2.INTER_AREA), np.uint8)


def heard_between(sound: Sound, start_s: int, stop_s: int, setting: Setting) -> Examples:
    """float32 [stop_s - start_s, 96, 64]: the log-mel that goes with the pictures of those seconds. What the sound does
    not last for is filled up as in the data set of that setting. Raises InputError (samples that are no numbers)."""
    part = Sound(sound.samples[:, start_s * sound.rate_hz : stop_s * sound.rate_hz], sound.rate_hz)
    examples = log_mel_examples(heard(part, RATE_HZ))
    return for_pictures(examples, stop_s - start_s, repeat_last=setting in _OF_FIVE)
