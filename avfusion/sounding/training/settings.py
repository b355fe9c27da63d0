"""How a network is trained: the published ways, and one for two cores."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias

from avfusion.errors import UsageError
from avfusion.sounding.networks.losses import LossSettings

Precision: TypeAlias = Literal["fp32", "bf16", "fp16"]


@dataclass(frozen=True)
class Changes:
    """What is done to the pictures of a clip in training, all alike.

    scales: by how much they are enlarged, one of them at random; then a part of the old size is cut out, or what is
    missing is filled and counts for nothing. colour: 0 for none, 1 for the changes of SSD (W. Liu et al., ECCV 2016,
    section 2.2). flip: half of the clips are mirrored.
    """

    scales: tuple[float, ...] = (1.0,)
    colour: float = 1.0
    flip: bool = True


@dataclass(frozen=True)
class TrainingSettings:
    """steps: in all, with those before a resume. batch: clips in a step, of all processes together. pictures: of a clip
    at most, a random row of them where it has more. rate: of learning, falling to 0 as (1 - step / steps) ^ power,
    after `warm_up` steps in which it rises; backbones, and ears that are learnt, learn at `backbone_share` of it.
    clip_norm: the largest length of all gradients together. save_every, validate_every: steps. validate_clips: so many
    of the validation split at most.
    """

    steps: int
    batch: int
    size_px: int = 224
    pictures: int = 5
    rate: float = 1e-4
    warm_up: int = 0
    backbone_share: float = 0.1
    weight_decay: float = 0.05
    clip_norm: float = 0.01
    power: float = 0.9
    precision: Precision = "fp32"
    save_every: int = 1000
    validate_every: int = 1000
    validate_clips: int = 100
    seed: int = 0
    changes: Changes = field(default_factory=Changes)
    losses: LossSettings = field(default_factory=LossSettings)

    def __post_init__(self) -> None:
        for name in ("steps", "batch", "size_px", "pictures", "save_every", "validate_every", "validate_clips"):
            if getattr(self, name) < 1:
                raise UsageError(f"{name.replace('_', ' ')} is {getattr(self, name)}; it is 1 at least.")
        if self.size_px % 32:
            raise UsageError(f"Pictures of {self.size_px} pixels: give a multiple of 32.")
        for name in ("rate", "clip_norm"):
            if not 0 < getattr(self, name) < math.inf:
                raise UsageError(f"{name.replace('_', ' ')} {getattr(self, name):g}: give a number above 0.")

    def rate_at(self, step: int) -> float:
        """Of the step after `step` others."""
        rising = min(1.0, (step + 1) / (self.warm_up + 1))
        return self.rate * rising * (1 - min(step, self.steps) / self.steps) ** self.power


_ZOOMED = Changes(scales=(0.5, 0.75, 1.0, 1.25, 1.5, 1.75, 2.0))

PUBLISHED = {
    ("av2ts", "s4"): TrainingSettings(steps=180_000, batch=4, changes=_ZOOMED),
    ("av2ts", "ms3"): TrainingSettings(steps=40_000, batch=4, changes=_ZOOMED),
    ("av2ts", "avss"): TrainingSettings(steps=180_000, batch=8),
    ("ov-avss", "ov"): TrainingSettings(steps=96_228, batch=1, size_px=352, losses=LossSettings(cosine=0.0)),
}
"""With the large backbones; OV-AVSS's paper lowers the rate in two steps and trains at three sizes, up to 480 pixels
for the shorter side."""


def for_two_cores(published: TrainingSettings, steps: int = 1500) -> TrainingSettings:
    """The same for the small networks: fewer and smaller pictures, a higher rate, as many points as a small mask has,
    and less weight on masks that stay as they are, which a network that knows little takes for the whole task."""
    return replace(
        published, steps=steps, batch=8, size_px=96, rate=2e-3, warm_up=20, backbone_share=0.2, save_every=100,
        validate_every=250, changes=Changes(colour=0.5), losses=replace(published.losses, points=400, cosine=1.0),
    )  # fmt: skip


def for_first_pictures(settings: TrainingSettings) -> TrainingSettings:
    """Where nobody annotated more than the first picture of a clip, more clips say more than more pictures do."""
    return replace(settings, batch=2 * settings.batch, pictures=2)
