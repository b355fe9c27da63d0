"""Eyes and ears for small networks: taught to tell made things and made timbres apart before anything else.

The published networks begin with eyes that know ImageNet and ears that know AudioSet. For sizes that nobody published
weights of, this is what stands in their place: pictures of the eight base kinds (`datasets.scenes`) whose every pixel
is to be named, and seconds of sound whose timbres are to be named. Pictures and sounds are not brought together here,
nor is anything said of which thing makes which sound.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from avfusion.datasets.scenes import draw_scene
from avfusion.datasets.scenes_settings import BASE_KINDS, SceneSettings
from avfusion.sounding.networks.backbones import maps_of, set_training
from avfusion.sounding.networks.layers import Tensor
from avfusion.sounding.networks.log_mel import for_pictures, log_mel_examples

_SECONDS = 5
_NUMBERS = {kind.name: number for number, kind in enumerate(BASE_KINDS)}
_BACKGROUND_COUNTS = 0.3
_STRIDE = 4


@dataclass(frozen=True)
class StartSettings:
    """scenes: of five pictures and seconds each. eye_steps, ear_steps: of learning, with batches of pictures and of
    seconds."""

    scenes: int = 900
    eye_steps: int = 1200
    eye_batch: int = 32
    ear_steps: int = 1000
    ear_batch: int = 64
    rate: float = 2e-3
    seed: int = 0


@dataclass(frozen=True, eq=False)
class Lessons:
    """rgb: uint8 [n, H, W, 3]. kinds: uint8 [n, H, W], 0 for the background, 1 + the place in `BASE_KINDS`. log_mel:
    float32 [n, 96, 64]. timbres: float32 [n, 8], 1 for those that are heard."""

    rgb: NDArray[np.uint8]
    kinds: NDArray[np.uint8]
    log_mel: NDArray[np.float32]
    timbres: NDArray[np.float32]


Tell = Callable[[str, int, int], None]
"""tell(what, done, total); it may raise to stop."""


def draw_lessons(size_px: int, settings: StartSettings, tell: Tell) -> Lessons:
    """Scenes of one to two sources and one to two silent things, quiet or noisy."""
    rgb, kinds, log_mel, timbres = [], [], [], []
    for number in range(settings.scenes):
        random = np.random.default_rng([settings.seed, number])
        scene = draw_scene(
            SceneSettings(
                size_px=size_px, seconds=_SECONDS, sources=int(random.integers(1, 3)),
                movers=int(random.integers(1, 3)), taking_turns=True, rest_share=0.1,
                overlap=float(random.choice([0.0, 0.3])), noise_db=(None, 20.0, 10.0, 5.0)[int(random.integers(4))],
            ),
            int(random.integers(2**62)),
            is_moving=False,
        )  # fmt: skip
        labels = np.zeros((_SECONDS, size_px, size_px), np.uint8)
        heard = np.zeros((_SECONDS, len(BASE_KINDS)), np.float32)
        for thing, kind in enumerate(scene.kinds):
            labels[scene.masks[thing]] = 1 + _NUMBERS[kind.name]
            heard[scene.sounds[thing], _NUMBERS[kind.name]] = 1
        rgb.append(scene.frames)
        kinds.append(labels)
        log_mel.append(for_pictures(log_mel_examples(scene.sound.samples[0]), _SECONDS, repeat_last=True))
        timbres.append(heard)
        tell("drawing lessons", number + 1, settings.scenes)
    return Lessons(np.concatenate(rgb), np.concatenate(kinds), np.concatenate(log_mel), np.concatenate(timbres))


def teach_ears(
    tokens: Callable[[Tensor], Tensor], learnt: list[Tensor], lessons: Lessons, settings: StartSettings, tell: Tell
) -> float:
    """tokens: log-mel [n, 96, 64] -> what the ears make of it, [n, ..., width]. The share of right answers at last."""
    import torch
    from torch.nn import functional

    dice, random = torch.Generator().manual_seed(settings.seed), np.random.default_rng([settings.seed, 1])

    def said(places: NDArray[np.int64]) -> Tensor:
        heard = tokens(torch.from_numpy(lessons.log_mel[places]))
        return heard.flatten(1, -2).mean(1) if heard.dim() > 2 else heard

    width = said(np.arange(1)).shape[-1]
    head = _head(width, len(BASE_KINDS), dice)
    learner = _Learner([*learnt, *head], settings.rate, settings.ear_steps)
    right = 0.0
    for step in range(settings.ear_steps):
        places = random.integers(len(lessons.log_mel), size=settings.ear_batch)
        wanted = torch.from_numpy(lessons.timbres[places])
        answers = said(places) @ head[0] + head[1]
        learner.step(functional.binary_cross_entropy_with_logits(answers, wanted))
        right = _smoothed(right, float(((answers > 0) == (wanted > 0)).float().mean()), step)
        tell("teaching ears", step + 1, settings.ear_steps)
    return right


def teach_eyes(backbone: Any, lessons: Lessons, settings: StartSettings, tell: Tell) -> float:
    """backbone: as `backbones.draw_backbone` gives it. The share of pixels on things that are named right at last."""
    import torch
    from torch.nn import functional

    dice, random = torch.Generator().manual_seed(settings.seed), np.random.default_rng([settings.seed, 2])
    classes = 1 + len(BASE_KINDS)
    size = [side // _STRIDE for side in lessons.kinds.shape[1:]]
    with torch.no_grad():
        widths = [level.shape[1] for level in maps_of(backbone, _pictures(lessons.rgb[:1]))]
    heads = [_head(width, classes, dice) for width in widths]
    weight = torch.ones(classes)
    weight[0] = _BACKGROUND_COUNTS
    learner = _Learner(
        [*backbone.parameters(), *(part for head in heads for part in head)], settings.rate, settings.eye_steps
    )
    set_training(backbone, True)
    right = 0.0
    for step in range(settings.eye_steps):
        places = random.integers(len(lessons.rgb), size=settings.eye_batch)
        rgb = _pictures(lessons.rgb[places])
        wanted = torch.from_numpy(lessons.kinds[places][:, _STRIDE // 2 :: _STRIDE, _STRIDE // 2 :: _STRIDE]).long()
        if step % 2:
            rgb, wanted = rgb.flip(-1), wanted.flip(-1)
        answers = torch.zeros(())
        for level, (matrix, shift) in zip(maps_of(backbone, rgb), heads, strict=True):
            named = torch.einsum("nchw,ck->nkhw", level, matrix) + shift[:, None, None]
            answers = answers + functional.interpolate(named, size=size, mode="bilinear", align_corners=False)
        learner.step(functional.cross_entropy(answers, wanted, weight))
        on_things = wanted > 0
        right = _smoothed(right, float((answers.argmax(1) == wanted)[on_things].float().mean()), step)
        tell("teaching eyes", step + 1, settings.eye_steps)
    set_training(backbone, False)
    return right


class _Learner:
    """Adam whose rate rises for fifty steps and then falls to 0 in a straight line."""

    def __init__(self, parts: list[Tensor], rate: float, steps: int) -> None:
        import torch

        self._parts, self._rate, self._steps, self._done = parts, rate, steps, 0
        self._optimizer = torch.optim.AdamW(parts, lr=rate)

    def step(self, loss: Tensor) -> None:
        import torch

        for group in self._optimizer.param_groups:
            group["lr"] = self._rate * (1 - self._done / self._steps) * min(1.0, (self._done + 1) / 50)
        self._optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self._parts, 1.0)
        self._optimizer.step()
        self._done += 1


def _head(width: int, classes: int, dice: Any) -> list[Tensor]:
    import torch

    matrix = torch.randn((width, classes), generator=dice) * width**-0.5
    return [matrix.requires_grad_(), torch.zeros(classes).requires_grad_()]


def _pictures(rgb: NDArray[np.uint8]) -> Tensor:
    import torch

    return torch.from_numpy(rgb).permute(0, 3, 1, 2).float()


def _smoothed(before: float, now: float, step: int) -> float:
    """A running mean over some fifty steps."""
    keep = min(step / (step + 1), 0.98)
    return keep * before + (1 - keep) * now
