"""Speakers who read the same sentences -> how like the target an engine's results are, and how well they keep time."""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from avfusion.clip import Sound
from avfusion.engines.registry import lend
from avfusion.errors import CannotRead, UsageError
from avfusion.metrics.voice import CepstralRule, Likeness, SpokenFrames, analyse, compare, keeping
from avfusion.metrics.voice_likeness import VoiceEars, likeness, voice_ears
from avfusion.pipelines.convert_voice import VoiceSettings
from avfusion.pipelines.convert_voice_given import read_short, settled_voice
from avfusion.pipelines.progress import OnProgress, ShouldStop, Teller
from avfusion.voice import Reference, Speaker, VoiceEngine
from avfusion.voice.opening import ModelFiles
from avfusion.voice.world import WorldKnn

_ENDINGS = (".wav", ".flac", ".mp3")


@dataclass(frozen=True)
class VoiceScore:
    """One test sentence of one pair, or the mean over several; as `Likeness` and `Keeping` of `metrics.voice` say.

    source_db: the distortion of the source as it came. f0_ratio: of the mean pitch over that of the target's sentence.
    duration_error_s: of the result against the source. real_time_factor: of the engine alone, without reading.
    similarity, source_similarity: of the result and of the source to the target's voice, as `metrics.voice_likeness`
    has it; NaN without Resemblyzer.
    """

    pair: str
    sentence: str
    distortion_db: float
    source_db: float
    variance_ratio: float
    f0_rmse_hz: float
    f0_correlation: float
    f0_ratio: float
    lag_s: float
    drift_s: float
    duration_error_s: float
    loudness_error_db: float
    real_time_factor: float
    similarity: float = math.nan
    source_similarity: float = math.nan


@dataclass(frozen=True)
class VoiceEvaluation:
    """pairs: means over the sentences of each; overall: over all of them; a figure that some have not is left out."""

    dataset: Path
    engine: str
    device: str
    revision: str
    reference: tuple[str, ...]
    rule: CepstralRule
    sentences: tuple[VoiceScore, ...]
    pairs: tuple[VoiceScore, ...]
    overall: VoiceScore

    def as_json(self) -> dict[str, Any]:
        return without_nan(asdict(self) | {"dataset": str(self.dataset), "rule": str(self.rule)})


@dataclass(frozen=True, eq=False)
class Judge:
    """Who knows the target's voice, and says how much another sounds like it."""

    ears: VoiceEars
    target: NDArray[np.float64] | None

    def likeness(self, sound: Sound) -> float:
        return likeness(self.ears.voice([sound]), self.target)


class Sentences:
    """A folder with SPEAKER/SPEAKER_SENTENCE.wav, as VCTK has it. names: speaker -> sentence -> file."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.names = {
            speaker.name: {_sentence(path): path for path in sorted(speaker.iterdir()) if path.suffix in _ENDINGS}
            for speaker in sorted(folder.iterdir() if folder.is_dir() else ())
            if speaker.is_dir()
        }
        self.sound = lru_cache(maxsize=None)(self._sound)
        self.analysed = lru_cache(maxsize=None)(self._analysed)

    def in_common(self, speakers: Sequence[str]) -> list[str]:
        """Sentences that all of them read."""
        if not speakers:
            return []
        return sorted(set.intersection(*(set(self.names[speaker]) for speaker in speakers)))

    def _sound(self, speaker: str, sentence: str) -> Sound:
        return read_short(self.names[speaker][sentence])

    def _analysed(self, speaker: str, sentence: str) -> SpokenFrames:
        return _frames(self.sound(speaker, sentence))


def evaluate_voice(
    dataset: Path | str,
    *,
    engine: str = "auto",
    model: ModelFiles | None = None,
    speaker: str = "",
    pairs: Sequence[tuple[str, str]] = (),
    reference: Sequence[str] = (),
    test: Sequence[str] = (),
    device: str = "auto",
    seed: int = 0,
    on_progress: OnProgress | None = None,
    should_stop: ShouldStop | None = None,
) -> VoiceEvaluation:
    """Converts test sentences of each source and compares them with the target's own.

    dataset: a folder with SPEAKER/SPEAKER_SENTENCE.wav; who reads a sentence of the same name says the same words.
    pairs: (source, target); left out, every ordered pair. reference: the sentences that the engine hears of the target;
    left out, the first half of those in common. test: left out, the others. model: a voice that was learnt, of the
    target of every pair. Raises `CannotRead` for a folder that is laid out otherwise, `UsageError`.
    """
    sentences = Sentences(Path(dataset))
    chosen = tuple(pairs) or tuple(itertools.permutations(sentences.names, 2))
    reference, test = _split(sentences, chosen, tuple(reference), tuple(test))
    hears = model is None or engine == "autovc"
    settled = settled_voice((Path(dataset),) if hears else (), model, engine, device)
    teller = Teller("scoring", len(chosen) * len(test), on_progress, should_stop, "sentences")
    ears = voice_ears()
    rows: list[VoiceScore] = []
    with lend(settled.engine.name, "voice", settled.device) as opener:
        for source, target in chosen:
            known = Reference(tuple(sentences.sound(target, name) for name in reference))
            voice = known if opener.hears_target else Speaker(speaker)
            judge = None if ears is None else Judge(ears, ears.voice(known.recordings))
            opened = opener.open(model, VoiceSettings().options())
            if isinstance(opened, WorldKnn):  # once for all sentences, and no part of converting one of them
                opened.prepare(voice, sentences.sound(source, test[0]).rate_hz)
            for sentence in test:
                teller.check()
                rows.append(_scored(sentences, (source, target), sentence, opened, voice, seed, judge))
                teller.step()
    return VoiceEvaluation(
        dataset=sentences.folder,
        engine=settled.engine.name,
        device=settled.device,
        revision=settled.revision,
        reference=reference if hears else (),
        rule=CepstralRule(),
        sentences=tuple(rows),
        pairs=tuple(_mean(f"{a}-{b}", [row for row in rows if row.pair == f"{a}-{b}"]) for a, b in chosen),
        overall=_mean("all", rows),
    )


def _split(
    sentences: Sentences, pairs: Sequence[tuple[str, str]], reference: tuple[str, ...], test: tuple[str, ...]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Which sentences are heard and which are scored. Raises `CannotRead`, `UsageError`."""
    folder = sentences.folder
    if not folder.is_dir():
        raise CannotRead(f"{folder}: there is no such folder. Give a folder with SPEAKER/SPEAKER_SENTENCE.wav.")
    speakers = sorted({name for pair in pairs for name in pair})
    missing = next((name for name in speakers if name not in sentences.names), None)
    if missing is not None:
        raise UsageError(f"{folder}: there is no speaker {missing}. There are: {', '.join(sentences.names) or 'none'}.")
    common = sentences.in_common(speakers)
    if len(common) < 2:
        raise CannotRead(
            f"{folder}: no sentences that two speakers read. Lay it out as SPEAKER/SPEAKER_SENTENCE.wav, as VCTK is."
        )
    unknown = next((name for name in (*reference, *test) if name not in common), None)
    if unknown is not None:
        raise UsageError(f"{folder}: not every speaker reads sentence {unknown}. Common are {', '.join(common)}.")
    heard = reference or tuple(name for name in common if name not in test)[: (len(common) + 1) // 2]
    scored = test or tuple(name for name in common if name not in heard)
    if set(heard) & set(scored):
        raise UsageError("A sentence that the engine hears of the target cannot be a test of it too. Leave it out.")
    if not heard or not scored:
        raise UsageError(f"{folder}: every sentence is either heard or scored. Leave some for the other.")
    return heard, scored


def _scored(
    sentences: Sentences,
    pair: tuple[str, str],
    sentence: str,
    engine: VoiceEngine,
    voice: Reference | Speaker,
    seed: int,
    judge: Judge | None,
) -> VoiceScore:
    source, target = pair
    sound = sentences.sound(source, sentence)
    began_s = time.monotonic()
    result = engine.convert(sound, voice, seed=seed)
    took_s = time.monotonic() - began_s
    truth = sentences.analysed(target, sentence)
    likeness: Likeness = compare(_frames(result), truth)
    kept = keeping(sound.samples.mean(axis=0), result.samples.mean(axis=0), sound.rate_hz)
    return VoiceScore(
        pair=f"{source}-{target}",
        sentence=sentence,
        distortion_db=likeness.distortion_db,
        source_db=compare(sentences.analysed(source, sentence), truth).distortion_db,
        variance_ratio=likeness.variance_ratio,
        f0_rmse_hz=likeness.f0_rmse_hz,
        f0_correlation=likeness.f0_correlation,
        f0_ratio=likeness.f0_ratio,
        lag_s=kept.lag_s,
        drift_s=kept.drift_s,
        duration_error_s=kept.duration_error_s,
        loudness_error_db=kept.loudness_error_db,
        real_time_factor=took_s / float(sound.duration_s),
        similarity=math.nan if judge is None else judge.likeness(result),
        source_similarity=math.nan if judge is None else judge.likeness(sound),
    )


def _frames(sound: Sound) -> SpokenFrames:
    return analyse(sound.samples.mean(axis=0), sound.rate_hz)


def _mean(pair: str, rows: Sequence[VoiceScore]) -> VoiceScore:
    plain = [asdict(row) for row in rows]
    figures = [name for name, value in plain[0].items() if isinstance(value, float)]
    means = {name: _mean_of([row[name] for row in plain]) for name in figures}
    return VoiceScore(pair=pair, sentence="mean", **means)


def _mean_of(values: Sequence[float]) -> float:
    known = [value for value in values if math.isfinite(value)]
    return float(np.mean(known)) if known else math.nan


def _sentence(path: Path) -> str:
    """ "p225_021.wav" in the folder of p225 -> "021"."""
    return path.stem.removeprefix(path.parent.name).lstrip("_-")


def without_nan(value: Any) -> Any:
    """JSON has no NaN: null."""
    if isinstance(value, Mapping):
        return {name: without_nan(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [without_nan(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
