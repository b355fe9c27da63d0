"""From key frames to the weights of a network that knows their objects."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray

from avfusion.clip import Frame, Mask
from avfusion.tracking import Example
from avfusion.tracking.dreams import Batch, DreamSettings, Source, dream
from avfusion.tracking.network import NetworkSettings, Weights, half_precision, run
from avfusion.tracking.window import Window, cut_mask, cut_planes, window_around

if TYPE_CHECKING:
    from torch import Tensor

Tell = Callable[[int, int], None]
"""tell(done, total); may raise to stop."""


@dataclass(frozen=True)
class LearningSettings:
    """steps: for the first key frame; more_steps: for each that is added; rates: of AdamW, at their highest.

    later_...: for learning while the object is followed: every so many frames, from so many of the newest sure frames.

    margin, most_pixels: as the window in which the object will be followed. around: how much of the picture beyond the
    object the dreams are made of, in the object's longer sides.
    """

    steps: int = 400
    more_steps: int = 60
    batch: int = 4
    rate: float = 2e-3
    more_rate: float = 8e-4
    later_every: int = 8
    later_kept: int = 6
    later_steps: int = 2
    later_batch: int = 3
    later_rate: float = 5e-4
    margin: float = 0.3
    around: float = 0.9
    most_pixels: int = 40_000
    seed: int = 0
    dreams: DreamSettings = field(default_factory=DreamSettings)
    network: NetworkSettings = field(default_factory=NetworkSettings)


@dataclass(frozen=True, eq=False)
class Lesson:
    """One object on one key frame: what dreams are made of, and their size (height, width) in pixels."""

    source: Source
    size: tuple[int, int]


def lessons(example: Example, settings: LearningSettings, device: str) -> list[Lesson]:
    """A lesson for every object that the example shows."""
    shown = [mask for _, mask in sorted(example.masks.items()) if mask.any()]
    return [_lesson(example.frame, mask, settings, device) for mask in shown]


def train(weights: Weights, course: Sequence[Sequence[Lesson]], settings: LearningSettings, tell: Tell) -> Weights:
    """Weights after the course: lessons by example, the newest example last. Half of the steps go to the newest.

    The loss is cross entropy and the intersection over union that is lacking.
    """
    import torch

    is_first = len(course) == 1
    steps, rate = (settings.steps, settings.rate) if is_first else (settings.more_steps, settings.more_rate)
    turns = _in_turn([lesson for example in course[:-1] for lesson in example], list(course[-1]))
    # One object may be looked for with no guess at all; which of several is meant, only the guess tells.
    alone = max(map(len, course)) == 1
    random = torch.Generator().manual_seed(settings.seed + len(course))
    weights = {name: value.clone().requires_grad_() for name, value in weights.items()}
    optimizer = torch.optim.AdamW(list(weights.values()), lr=rate, weight_decay=1e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, total_steps=steps + 1, pct_start=0.1)
    for step in range(steps):
        tell(step, steps)
        lesson = next(turns)
        batch = dream(lesson.source, settings.batch, lesson.size, settings.dreams, random, blind=alone)
        loss = _loss(weights, batch, settings)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        schedule.step()
    tell(steps, steps)
    return {name: value.detach() for name, value in weights.items()}


class Pupil:
    """Weights that go on learning while the object is followed, from frames of which one is sure.

    Every second step goes back to the key frames, so that what the user said is not forgotten.
    """

    def __init__(self, weights: Weights, key_lessons: Sequence[Lesson], settings: LearningSettings) -> None:
        import torch

        self.weights = {name: value.clone().requires_grad_() for name, value in weights.items()}
        self._optimizer = torch.optim.AdamW(list(self.weights.values()), lr=settings.later_rate, weight_decay=1e-3)
        self._random = torch.Generator().manual_seed(settings.seed)
        self._settings = settings
        self._key_lessons = list(key_lessons)
        self._later: deque[Lesson] = deque(maxlen=settings.later_kept * len(self._key_lessons))
        self._turn = 0

    def see(self, later: Sequence[Lesson]) -> None:
        """Takes the lessons of one more frame, and learns a little."""
        self._later.extend(later)
        for _ in range(self._settings.later_steps):
            from_keys = self._turn % 2 == 0 or not self._later
            lessons = self._key_lessons if from_keys else self._later
            self._step(lessons[self._turn // 2 % len(lessons)])
            self._turn += 1

    def _step(self, lesson: Lesson) -> None:
        alone = len(self._key_lessons) == 1
        batch = dream(
            lesson.source, self._settings.later_batch, lesson.size, self._settings.dreams, self._random, blind=alone
        )
        loss = _loss(self.weights, batch, self._settings)
        self._optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        self._optimizer.step()


def _in_turn(older: list[Lesson], newest: list[Lesson]) -> Iterator[Lesson]:
    """The newest example's lessons, every second one from the older ones if there are any."""
    if not older:
        return itertools.cycle(newest)
    both = zip(itertools.cycle(newest), itertools.cycle(older), strict=False)
    return itertools.chain.from_iterable(both)


def _loss(weights: Weights, batch: Batch, settings: LearningSettings) -> Tensor:
    import torch
    from torch.nn import functional

    device = batch.pictures.device.type
    with torch.autocast(device, dtype=torch.bfloat16, enabled=half_precision(device)):
        odds = run(weights, settings.network, batch.pictures, batch.guess)
    entropy = functional.binary_cross_entropy_with_logits(odds, batch.truth)
    share = odds.sigmoid()
    both = (share * batch.truth).sum((1, 2, 3))
    either = (share + batch.truth - share * batch.truth).sum((1, 2, 3))
    return entropy + 0.5 * (1 - (both + 1) / (either + 1)).mean()


def _lesson(frame: Frame, mask: Mask, settings: LearningSettings, device: str) -> Lesson:
    import torch

    inner, outer = _windows(mask, settings)
    picture = np.dstack(cut_planes(frame.yuv, outer))
    cover = cut_mask(mask, outer)
    hole = cv2.dilate((cover > 0.02).view(np.uint8), np.ones((5, 5), np.uint8))
    behind = cv2.inpaint(picture, hole, 5, cv2.INPAINT_TELEA)
    middle = (
        (inner.x0 + inner.width_px / 2 - outer.x0) / outer.scale_x,
        (inner.y0 + inner.height_px / 2 - outer.y0) / outer.scale_y,
    )
    stride = settings.network.stride
    height, width = (max(stride, round(side / stride) * stride) for side in inner.shape)
    source = Source(_planes(picture, device), _planes(behind, device), torch.from_numpy(cover)[None].to(device), middle)
    return Lesson(source, (height, width))


def _windows(mask: Mask, settings: LearningSettings) -> tuple[Window, Window]:
    """The window in which the object is followed, and a larger one at the same scale."""
    box = cv2.boundingRect(mask.view(np.uint8))
    inner = window_around(box, mask.shape, margin=settings.margin, most_pixels=settings.most_pixels)
    wide = window_around(box, mask.shape, margin=settings.around, most_pixels=10**9)
    most = round(wide.width_px * wide.height_px / (inner.scale_x * inner.scale_y))
    return inner, window_around(box, mask.shape, margin=settings.around, most_pixels=most)


def _planes(picture: NDArray[Any], device: str) -> Tensor:
    import torch

    return torch.from_numpy(np.ascontiguousarray(picture.transpose(2, 0, 1))).to(device).float() / 255
