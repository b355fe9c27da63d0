"""A sounding engine on a clip of a data set: which class sounds where, on the frames that are scored."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from avfusion.clip import Clip, Sound
from avfusion.datasets.avs_clip import AvsClip, frame_time
from avfusion.datasets.avs_predictions import is_named
from avfusion.datasets.classes import CLASSES, NUMBER_OF
from avfusion.engines.registry import Settled, settle
from avfusion.errors import NothingFound
from avfusion.media.probe import probe
from avfusion.pipelines.evaluate_avs_paint import painted_by
from avfusion.pipelines.evaluate_avs_scores import Prediction
from avfusion.pipelines.locate_find import Located, find
from avfusion.pipelines.picture_clip import clip_of_pictures
from avfusion.pipelines.progress import ShouldStop, Teller

_ONE_A_SECOND = Fraction(1)


@dataclass(frozen=True)
class EngineChoice:
    """engine: of the ability `sounding`; tracker and segmenter carry on from its prompts, and namer says what a source
    is that the engine gives no name. `auto` takes the best that is ready."""

    engine: str = "auto"
    tracker: str = "auto"
    segmenter: str = "auto"
    namer: str = "auto"
    device: str = "auto"


@dataclass(frozen=True, eq=False)
class Predicted:
    """frames: [H, W] for each frame of the clip: uint8 class numbers, or without names 0 and 1; of a painter that names
    nothing float32, how sure it is, 0..1.

    abstained: why there is nothing in them, "" where the engine did not abstain. used: what worked, by ability; nothing
    where no mask could be made of what was found. notes: of the engines, and not of this clip or that.
    """

    frames: Sequence[Prediction]
    abstained: str = ""
    used: Mapping[str, Settled] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def pictures_of(clip: AvsClip) -> Clip:
    """The moving pictures where the set has them, else its frames, one a second. Raises `CannotRead`."""
    return clip_of_pictures(clip.frames, _ONE_A_SECOND) if clip.video is None else probe(clip.video)


def predict(
    clip: AvsClip, pictures: Clip, sound: Path | Sound, choice: EngineChoice, should_stop: ShouldStop | None = None
) -> Predicted:
    """What the engine finds with that sound: the masks of its sources, followed, or what it paints itself. In AVSS and
    OV it is told the 70 names; what it does not name is left out.

    Raises what `find` and `painted_by` raise.
    """
    settled = settle("sounding", choice.engine, choice.device)
    if settled.engine.paints:
        waiting = Teller("painting", 0, None, should_stop).check
        frames = painted_by(settled, clip, sound, waiting)
        return Predicted(frames, used={"sounding": settled}, notes=_unused(settled, choice))
    labels = CLASSES[1:] if is_named(clip) else ()
    nothing = np.zeros((pictures.height_px, pictures.width_px), np.uint8)
    with tempfile.TemporaryDirectory(prefix="avfusion-") as folder:
        try:
            located = find(
                pictures, folder=Path(folder), engine=choice.engine, tracker=choice.tracker,
                segmenter=choice.segmenter, namer=choice.namer, device=choice.device, labels=labels, sound=sound,
                should_stop=should_stop,
            )  # fmt: skip
        except NothingFound as error:
            return Predicted([nothing] * len(clip.frames), str(error))
        found = [_numbers(located, _frame_of(clip, pictures, k), is_named(clip)) for k in range(len(clip.frames))]
    return Predicted(found, located.sources.abstained, located.used, _notes_on(located))


def _unused(settled: Settled, choice: EngineChoice) -> tuple[str, ...]:
    """Said where somebody named an engine that has nothing to do."""
    named = {"--tracker": choice.tracker, "--segmenter": choice.segmenter, "--namer": choice.namer}
    unused = [f"{option} {name}" for option, name in named.items() if name != "auto"]
    if not unused:
        return ()
    return (f"{settled.engine.name} paints each picture itself: {' and '.join(unused)} had nothing to do.",)


def _notes_on(located: Located) -> tuple[str, ...]:
    """Without what tracking says of this clip or that: where a click would help, nobody clicks here."""
    of_tracking = () if located.tracking is None else located.tracking.notes
    return tuple(note for note in located.notes if note not in of_tracking)


def _frame_of(clip: AvsClip, pictures: Clip, place: int) -> int:
    return place if clip.video is None else pictures.index_at(pictures.time(0) + frame_time(place))


def _numbers(located: Located, frame: int, named: bool) -> NDArray[np.uint8]:
    """Where sources overlap, the surer one's number stays."""
    track = located.track
    if not named:
        return track.union(frame).astype(np.uint8)
    out = np.zeros((track.height_px, track.width_px), np.uint8)
    for heard in sorted(located.heard, key=lambda heard: heard.confidence):
        if heard.number in track.bits and heard.name in NUMBER_OF:
            out[track.mask(frame, heard.number)] = NUMBER_OF[heard.name]
    return out
