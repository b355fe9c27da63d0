"""A painter on a clip of a data set, as the benchmarks' own code runs networks: its own maps on the scored frames."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np

from avfusion.clip import Sound
from avfusion.datasets.avs_clip import SIZE_PX, AvsClip
from avfusion.datasets.avs_predictions import is_named
from avfusion.datasets.classes import CLASSES, NUMBER_OF
from avfusion.engines.registry import Settled, lend
from avfusion.errors import UsageError
from avfusion.media.pictures import read_picture
from avfusion.pipelines.evaluate_avs_scores import Prediction
from avfusion.pipelines.locate_sound import sound_for
from avfusion.pipelines.picture_clip import clip_of_pictures
from avfusion.sounding.painted import Painter, resized_to


def painted_by(
    settled: Settled, clip: AvsClip, sound: Path | Sound, waiting: Callable[[], None] = lambda: None
) -> list[Prediction]:
    """`paint_clip` by an engine of the catalogue that paints. Raises `EngineNotReady` and as that does."""
    with lend(settled.engine.name, "sounding", settled.device) as lent:
        painter: Painter = lent
        return paint_clip(painter, clip, sound, waiting)


def paint_clip(
    painter: Painter, clip: AvsClip, sound: Path | Sound | None = None, waiting: Callable[[], None] = lambda: None
) -> list[Prediction]:
    """For each frame: in S4, MS3 and v2 float32 [H, W], how sure it is that something sounds; in AVSS and OV uint8
    [H, W], class numbers. They are 224 x 224, in v2 of the frames' own size.

    sound: what is heard instead of the clip's own. Raises `UsageError` where names are scored and the painter was
    trained without, `CannotRead`, and what `waiting` raises.
    """
    if is_named(clip) and painter.setting in ("s4", "ms3"):
        raise UsageError(
            f"{painter.name} was trained for {painter.setting}, where nothing has a name: it cannot be scored as "
            f"{clip.setting}. Give --setting {painter.setting}, or another engine."
        )
    frames = [read_picture(path)[..., :3] for path in clip.frames]
    pictures = np.stack([resized_to(frame, frames[0].shape[:2]) for frame in frames])
    heard = sound_for(clip_of_pictures(clip.frames, Fraction(1)), clip.sound if sound is None else sound, needed=True)
    shape = None if clip.setting == "v2" else (SIZE_PX, SIZE_PX)
    labels = CLASSES[1:] if is_named(clip) else ()
    painted = painter.paint(pictures, heard, labels, shape=shape, waiting=waiting)
    if not is_named(clip):
        return list(painted.probabilities)
    numbers = np.array([NUMBER_OF.get(name, 0) for name in painted.names], np.uint8)
    return list(numbers[painted.numbers])
