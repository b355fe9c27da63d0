"""What is learnt from: clips as arrays, changed a little each time they are seen, in batches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from avfusion.sounding.networks.layers import Tensor
from avfusion.sounding.networks.matching import IGNORED
from avfusion.sounding.training.settings import Changes, TrainingSettings

# SSD's own widths: of brightness, contrast, saturation and hue (in degrees).
_BRIGHTNESS, _CONTRAST, _SATURATION, _HUE_DEG = 32.0, 0.5, 0.5, 36.0


@dataclass(frozen=True, eq=False)
class Example:
    """rgb: uint8 [T, H, W, 3]. log_mel: float32 [T, 96, 64]. labels: uint8 [T, H, W], numbers of classes, 255 for
    none. annotated: bool [T]; where it is False, labels say nothing."""

    name: str
    rgb: NDArray[np.uint8]
    log_mel: NDArray[np.float32]
    labels: NDArray[np.uint8]
    annotated: NDArray[np.bool_]


class Examples(Protocol):
    """Clips to learn from, of one size."""

    def __len__(self) -> int: ...

    def read(self, index: int) -> Example: ...


@dataclass(frozen=True, eq=False)
class Batch:
    """names: [B]. rgb: float32 [B, T, 3, H, W] in 0..255. log_mel: float32 [B, T, 96, 64]. labels: uint8 [B, T, H, W].
    annotated: bool [B, T]. Tensors on the CPU."""

    names: tuple[str, ...]
    rgb: Tensor
    log_mel: Tensor
    labels: Tensor
    annotated: Tensor


def chosen_for(step: int, count: int, batch: int, seed: int) -> list[int]:
    """Which of `count` examples the step after `step` others learns from: all in turn, in another order each time."""
    chosen: list[int] = []
    place = step * batch
    while len(chosen) < batch:
        round_, within = divmod(place + len(chosen), count)
        order = np.random.default_rng([seed, round_]).permutation(count)
        chosen += order[within : within + batch - len(chosen)].tolist()
    return chosen


def batch_for(
    step: int, examples: Examples, settings: TrainingSettings, *, process: int = 0, processes: int = 1
) -> Batch:
    """What this one of several processes learns from in the step after `step` others, the same whenever it is asked.

    Where clips have more pictures than `settings.pictures`, a random row of them; the batch goes by its shortest clip.
    """
    places = chosen_for(step, len(examples), settings.batch, settings.seed)
    ours = list(enumerate(places))[process::processes]
    randoms = [np.random.default_rng([settings.seed, step, place, 1]) for place, _ in ours]
    found = [examples.read(index) for _, index in ours]
    pictures = min(settings.pictures, *(len(example.rgb) for example in found))
    cut = [_row(example, pictures, random) for example, random in zip(found, randoms, strict=True)]
    return batch_of([changed(example, settings.changes, random) for example, random in zip(cut, randoms, strict=True)])


def batch_of(examples: Sequence[Example]) -> Batch:
    """Examples of one size and length."""
    import torch

    rgb = torch.from_numpy(np.stack([example.rgb for example in examples]))
    return Batch(
        names=tuple(example.name for example in examples),
        rgb=rgb.permute(0, 1, 4, 2, 3).float(),
        log_mel=torch.from_numpy(np.stack([example.log_mel for example in examples])),
        labels=torch.from_numpy(np.stack([example.labels for example in examples])),
        annotated=torch.from_numpy(np.stack([example.annotated for example in examples])),
    )


def _row(example: Example, pictures: int, random: np.random.Generator) -> Example:
    """Of those in which something is annotated, if there are any."""
    every = range(len(example.rgb) - pictures + 1)
    told = [first for first in every if example.annotated[first : first + pictures].any()] or list(every)
    first = told[int(random.integers(len(told)))]
    here = slice(first, first + pictures)
    return Example(
        example.name, example.rgb[here], example.log_mel[here], example.labels[here], example.annotated[here]
    )


def changed(example: Example, changes: Changes, random: np.random.Generator) -> Example:
    """All pictures of the clip in the same way, truths with them; the sound stays."""
    scale = float(random.choice(changes.scales))
    rgb, labels = _zoomed(example.rgb, example.labels, scale, random)
    if changes.flip and random.random() < 0.5:
        rgb, labels = rgb[:, :, ::-1], labels[:, :, ::-1]
    rgb = _coloured(rgb, changes.colour, random)
    return Example(
        example.name, np.ascontiguousarray(rgb), example.log_mel, np.ascontiguousarray(labels), example.annotated
    )


def _zoomed(
    rgb: NDArray[np.uint8], labels: NDArray[np.uint8], scale: float, random: np.random.Generator
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Enlarged, then a part of the old size; what is missing is grey (128) and ignored."""
    if scale == 1.0:
        return rgb, labels
    height, width = labels.shape[1:]
    size = (round(width * scale), round(height * scale))
    x, y = (int(random.integers(abs(new - old), endpoint=True)) for new, old in zip(size, (width, height), strict=True))
    big_rgb = np.stack([cv2.resize(picture, size, interpolation=cv2.INTER_LINEAR) for picture in rgb])
    big_labels = np.stack([cv2.resize(truth, size, interpolation=cv2.INTER_NEAREST) for truth in labels])
    if scale > 1:
        here = np.s_[:, y : y + height, x : x + width]
        return big_rgb[here].astype(np.uint8), big_labels[here].astype(np.uint8)
    out_rgb, out_labels = np.full_like(rgb, 128), np.full_like(labels, IGNORED)
    here = np.s_[:, y : y + size[1], x : x + size[0]]
    out_rgb[here], out_labels[here] = big_rgb, big_labels
    return out_rgb, out_labels


def _coloured(rgb: NDArray[np.uint8], strength: float, random: np.random.Generator) -> NDArray[np.uint8]:
    """Brightness, contrast, saturation and hue, each in half of the clips."""
    if strength == 0:
        return rgb
    by = strength * random.uniform(-1, 1, 4) * (random.random(4) < 0.5)
    if not by.any():
        return rgb
    flat = rgb.reshape(-1, rgb.shape[2], 3)
    if by[2] or by[3]:
        hsv = cv2.cvtColor(flat, cv2.COLOR_RGB2HSV_FULL).astype(np.float32)
        hsv[..., 0] = (hsv[..., 0] + by[3] * _HUE_DEG / 360 * 256) % 256
        hsv[..., 1] = np.clip(hsv[..., 1] * (1 + by[2] * _SATURATION), 0, 255)
        flat = cv2.cvtColor(hsv.astype(np.uint8), cv2.COLOR_HSV2RGB_FULL)
    table = np.clip((np.arange(256) + by[0] * _BRIGHTNESS) * (1 + by[1] * _CONTRAST), 0, 255)
    return np.asarray(cv2.LUT(flat, np.rint(table).astype(np.uint8))).reshape(rgb.shape)
