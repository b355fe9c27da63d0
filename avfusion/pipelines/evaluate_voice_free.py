"""A converted voice judged without the target saying the same words: beside its source, and what the target is like."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from avfusion.clip import Sound
from avfusion.errors import NothingFound, UsageError
from avfusion.metrics.voice import SpokenFrames, analyse, keeping
from avfusion.metrics.voice_likeness import likeness, voice_ears
from avfusion.pipelines.convert_voice_given import read_short
from avfusion.pipelines.evaluate_voice import without_nan

_TO_DB = 10 * math.sqrt(2) / math.log(10)
_HEARD_S = 60.0


@dataclass(frozen=True)
class VoiceJudgement:
    """lag_s to loudness_error_db: of the result against the source, as `metrics.voice.Keeping` has them.

    pitch_*_hz: medians of the first minute. *_distance_db: between the mean mel-cepstrum of speech there and that of
    the target, in decibels: how far the voice is away on the whole, whatever is said. variance_ratio: global variance
    over the target's. *_similarity: of the voices to the target's, as `metrics.voice_likeness` has it; NaN without
    Resemblyzer. Those of the target are NaN without one.
    """

    source: Path
    result: Path
    lag_s: float
    drift_s: float
    duration_error_s: float
    loudness_error_db: float
    pitch_source_hz: float
    pitch_result_hz: float
    pitch_target_hz: float = math.nan
    source_distance_db: float = math.nan
    result_distance_db: float = math.nan
    variance_ratio: float = math.nan
    source_similarity: float = math.nan
    result_similarity: float = math.nan

    def as_json(self) -> dict[str, Any]:
        paths = {"source": str(self.source), "result": str(self.result)}
        found: dict[str, Any] = without_nan(asdict(self) | paths)
        return found


def judge_voice(source: Path | str, result: Path | str, target: Sequence[Path | str] = ()) -> VoiceJudgement:
    """Measures a result beside the recording that it was made from and, if there are some, recordings of the target.

    Raises `UsageError` (different rates), `NothingFound` (nobody speaks in one of them), and what reading them raises.
    """
    source, result = Path(source), Path(result)
    before, after = read_short(source), read_short(result)
    if before.rate_hz != after.rate_hz:
        raise UsageError(
            f"{result}: has {after.rate_hz} Hz, and {source} {before.rate_hz}. Give the result at the source's rate."
        )
    kept = keeping(before.samples.mean(axis=0), after.samples.mean(axis=0), before.rate_hz)
    was, made = _frames(source, before), _frames(result, after)
    judged = {
        "lag_s": kept.lag_s,
        "drift_s": kept.drift_s,
        "duration_error_s": kept.duration_error_s,
        "loudness_error_db": kept.loudness_error_db,
        "pitch_source_hz": _median_hz([was]),
        "pitch_result_hz": _median_hz([made]),
    }
    targets = [read_short(Path(path)) for path in target]
    heard = [_frames(Path(path), sound) for path, sound in zip(target, targets, strict=True)]
    if heard:
        goal = np.concatenate([frames.cepstra[frames.speech] for frames in heard])
        judged |= {
            "pitch_target_hz": _median_hz(heard),
            "source_distance_db": _apart_db(was, goal),
            "result_distance_db": _apart_db(made, goal),
            "variance_ratio": _variance_ratio(made, goal),
        }
    ears = voice_ears() if targets else None
    if ears is not None:
        wanted = ears.voice([_start(sound) for sound in targets])
        judged |= {
            "source_similarity": likeness(ears.voice([_start(before)]), wanted),
            "result_similarity": likeness(ears.voice([_start(after)]), wanted),
        }
    return VoiceJudgement(source, result, **judged)


def _frames(path: Path, sound: Sound) -> SpokenFrames:
    mono = sound.samples.mean(axis=0)[: round(_HEARD_S * sound.rate_hz)]
    frames = analyse(mono, sound.rate_hz)
    if not mono.any() or not (frames.f0_hz > 0).any():
        raise NothingFound(f"{path}: nobody speaks in the first minute. Give a recording of a voice.")
    return frames


def _start(sound: Sound) -> Sound:
    return Sound(sound.samples[:, : round(_HEARD_S * sound.rate_hz)], sound.rate_hz)


def _median_hz(heard: Sequence[SpokenFrames]) -> float:
    voiced = np.concatenate([frames.f0_hz[frames.speech & (frames.f0_hz > 0)] for frames in heard])
    return float(np.median(voiced)) if len(voiced) else math.nan


def _apart_db(frames: SpokenFrames, goal: NDArray[np.float64]) -> float:
    apart = frames.cepstra[frames.speech].mean(axis=0) - goal.mean(axis=0)
    return _TO_DB * float(np.sqrt((apart**2).sum()))


def _variance_ratio(frames: SpokenFrames, goal: NDArray[np.float64]) -> float:
    """The geometric mean over all coefficients, as in `Likeness`."""
    ratios = frames.cepstra[frames.speech].var(axis=0) / np.maximum(goal.var(axis=0), 1e-12)
    return float(np.exp(np.log(np.maximum(ratios, 1e-12)).mean()))
