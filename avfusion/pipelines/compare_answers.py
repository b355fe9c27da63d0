"""What engines answered that were all asked the same: masks, seconds, memory, scores, and how far they agree."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from avfusion.clip import Clip, MaskTrack
from avfusion.metrics.agreement import share

Kind = Literal["asked", "everything", "clip"]
"""What was compared: what the prompts mean on one frame, everything that is on it, or an object through a clip."""

_DIGITS = 6


@dataclass(frozen=True)
class Scores:
    """Against a truth: IoU of the region (J for a clip), and F of its boundary; means over frames for a clip."""

    iou: float
    boundary_f: float


@dataclass(frozen=True, eq=False)
class Answer:
    """What one engine said, and what it took.

    ability: `segmentation` for a picture or a frame of a clip, `tracking` for a whole clip. masks: of the frames that
    were compared, numbered from 0; None where it failed, and then `problem` says why in one line. labels: what the
    engine calls the object, where it has names; of everything in a picture, the name of each segment. confidence: the
    mean over objects and frames. load_s: 0 where the engine was loaded already. seconds: for all frames, learning
    included, loading left out. frames_per_s: without learning. peak_memory_bytes: above what was in use before, on the
    engine's device, with its weights if they had to be loaded; None where that cannot be known. flicker: as
    `avfusion.metrics.flicker` has it, for clips. scores: where there is a truth.
    """

    engine: str
    ability: str
    masks: MaskTrack | None
    labels: tuple[str, ...] = ()
    confidence: float = 0.0
    load_s: float = 0.0
    seconds: float = 0.0
    frames_per_s: float = 0.0
    peak_memory_bytes: int | None = None
    device: str = ""
    revision: str = ""
    flicker: float | None = None
    scores: Scores | None = None
    problem: str = ""
    learning_s: float = 0.0

    def as_json(self) -> dict[str, Any]:
        """Everything but the masks, of which only the objects' numbers are said."""
        return {
            "engine": self.engine,
            "ability": self.ability,
            "objects": [] if self.masks is None else list(self.masks.objects),
            "labels": list(self.labels),
            "confidence": round(self.confidence, _DIGITS),
            "iou": None if self.scores is None else round(self.scores.iou, _DIGITS),
            "boundary_f": None if self.scores is None else round(self.scores.boundary_f, _DIGITS),
            "flicker": None if self.flicker is None else round(self.flicker, _DIGITS),
            "seconds": round(self.seconds, _DIGITS),
            "learning_s": round(self.learning_s, _DIGITS),
            "load_s": round(self.load_s, _DIGITS),
            "frames_per_s": round(self.frames_per_s, 3),
            "peak_memory_bytes": self.peak_memory_bytes,
            "device": self.device,
            "revision": self.revision,
            "problem": self.problem,
        }


@dataclass(frozen=True, eq=False)
class Comparison:
    """Several answers to the same question.

    frames: (start, stop) in the clip; answers' masks count from `start`. iou: float64 [n, n] over the answers that have
    masks, in their order; the mean over frames, 1 on the diagonal. engines: the names of those n. least_agreed: the
    frame of the clip on which they agree least.
    """

    clip: Clip
    frames: tuple[int, int]
    answers: tuple[Answer, ...]
    iou: NDArray[np.float64]
    engines: tuple[str, ...]
    kind: Kind = "asked"
    least_agreed: int = 0

    @property
    def with_masks(self) -> tuple[Answer, ...]:
        return tuple(answer for answer in self.answers if answer.masks is not None)

    def as_json(self) -> dict[str, Any]:
        return {
            "clip": self.clip.path.name,
            "kind": self.kind,
            "width_px": self.clip.width_px,
            "height_px": self.clip.height_px,
            "frames": list(self.frames),
            "answers": [answer.as_json() for answer in self.answers],
            "engines": list(self.engines),
            "iou": [[round(value, _DIGITS) for value in row] for row in self.iou.tolist()],
            "least_agreed_frame": self.least_agreed,
        }


def agreement(comparison: Comparison, frame: int) -> NDArray[np.float32]:
    """float32 [H, W], 0..1: the share of the engines that see an object (any, where there are several) in each pixel.

    frame: one of the compared frames, as the clip numbers them. Without any answer it is 0 everywhere.
    """
    start, stop = comparison.frames
    if not start <= frame < stop:
        raise ValueError(f"frame {frame} was not compared: {start} to {stop - 1}")
    masks = [answer.masks.union(frame - start) for answer in comparison.answers if answer.masks is not None]
    return share(masks, (comparison.clip.height_px, comparison.clip.width_px))
