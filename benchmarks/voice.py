"""world-knn on speakers who read the same sentences: distortion, variance, pitch, time, loudness, speed.

    python benchmarks/voice.py DIR [--pairs p225-p226,p226-p225] [--reference 003,...] [--test 021,...]

DIR holds SPEAKER/SPEAKER_SENTENCE.wav, as VCTK has it. Each pair is source-target; without --pairs it is every ordered
pair of the folders in DIR. Of each target the reference sentences are the engine's recordings of it; the test sentences
of the source are converted and compared with the target's own. "source" is the source as it came; "copy" is the source
on the same way with nothing changed, voiced parts through WORLD and back, beside itself. F0 of the result is over that
of the target, means of voiced frames by Praat's method: of its reference (what the engine knows) and test sentences.
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
import time
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from soundfile import read

from avfusion.clip import Sound
from avfusion.metrics.voice import SpokenFrames, analyse, compare, keeping
from avfusion.voice import Reference
from avfusion.voice.world import WorldKnn
from avfusion.voice.world_pitch import track
from avfusion.voice.world_put_on import put_on
from avfusion.voice.world_speech import band_of, listen

REFERENCE = ("003", "008", "011", "016", "019")
TEST = ("021", "022", "023", "024")
COLUMNS = (
    "source",
    "mcd",
    "gv",
    "f0/ref",
    "f0/test",
    "f0 corr",
    "f0 rmse",
    "lag ms",
    "drift ms",
    "loud dB",
    "peak",
    "rtf",
    "copy",
)


class Sentences:
    """The recordings in a folder, each read and analysed once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.analysed = lru_cache(maxsize=None)(self._analysed)

    def sound(self, speaker: str, sentence: str) -> Sound:
        samples, rate_hz = read(self.folder / speaker / f"{speaker}_{sentence}.wav", dtype="float32", always_2d=True)
        return Sound(np.ascontiguousarray(samples.T), rate_hz)

    def _analysed(self, speaker: str, sentence: str) -> SpokenFrames:
        sound = self.sound(speaker, sentence)
        return analyse(sound.samples[0], sound.rate_hz)


def mean_f0_hz(sounds: list[Sound]) -> float:
    tracks = []
    for sound in sounds:
        samples = sound.samples.mean(axis=0).astype(np.float64)
        tracks.append(track(samples, sound.rate_hz))
    found = np.concatenate(tracks)
    return float(found[found > 0].mean())


def copy_distortion(sound: Sound, original: SpokenFrames) -> float:
    samples = sound.samples.mean(axis=0).astype(np.float64)
    speech = listen(samples, sound.rate_hz, band_of(sound.rate_hz))
    # A pitch that stayed exactly would not go through the vocoder.
    again = put_on(sound, samples, speech, None, speech.f0_hz * (1 + 1e-9))
    return compare(analyse(again.samples[0], sound.rate_hz), original).distortion_db


def scores(
    sentences: Sentences, source: str, target: str, reference: tuple[str, ...], test: tuple[str, ...]
) -> Iterator[dict[str, float | str]]:
    """One row for each test sentence, and what only all of them together have in the first."""
    engine = WorldKnn()
    recordings = Reference(tuple(sentences.sound(target, sentence) for sentence in reference))
    engine.prepare(recordings, sentences.sound(source, test[0]).rate_hz)
    converted = []
    for sentence in test:
        sound = sentences.sound(source, sentence)
        began_s = time.monotonic()
        result = engine.convert(sound, recordings)
        took_s = time.monotonic() - began_s
        converted.append(result)
        truth, before = sentences.analysed(target, sentence), sentences.analysed(source, sentence)
        likeness = compare(analyse(result.samples[0], result.rate_hz), truth)
        kept = keeping(sound.samples[0], result.samples[0], sound.rate_hz)
        row: dict[str, float | str] = {
            "pair": f"{source}-{target}",
            "sentence": sentence,
            "source": compare(before, truth).distortion_db,
            "mcd": likeness.distortion_db,
            "gv": likeness.variance_ratio,
            "f0/ref": math.nan,
            "f0/test": math.nan,
            "f0 corr": likeness.f0_correlation,
            "f0 rmse": likeness.f0_rmse_hz,
            "lag ms": 1000 * kept.lag_s,
            "drift ms": 1000 * kept.drift_s,
            "loud dB": kept.loudness_error_db,
            "peak": float(np.abs(result.samples).max()),
            "rtf": took_s / float(sound.duration_s),
            "copy": copy_distortion(sound, before),
        }
        if sentence == test[-1]:
            ours = mean_f0_hz(converted)
            row["f0/ref"] = ours / mean_f0_hz(list(recordings.recordings))
            row["f0/test"] = ours / mean_f0_hz([sentences.sound(target, name) for name in test])
        yield row


def show(label: str, values: NDArray[np.float64]) -> None:
    print(
        f"{label:18}" + "".join(f"{value:9.2f}" if math.isfinite(value) else f"{'':9}" for value in values), flush=True
    )


def names(text: str) -> tuple[str, ...]:
    return tuple(text.split(","))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--pairs", type=names, default=())
    parser.add_argument("--reference", type=names, default=REFERENCE)
    parser.add_argument("--test", type=names, default=TEST)
    parser.add_argument("--json", type=Path, help="writes every row here")
    chosen = parser.parse_args()
    sentences = Sentences(chosen.folder)
    speakers = sorted(folder.name for folder in chosen.folder.iterdir() if folder.is_dir())
    pairs = [tuple(pair.split("-")) for pair in chosen.pairs] or list(itertools.permutations(speakers, 2))
    print(f"{'':18}" + "".join(f"{column:>9}" for column in COLUMNS))
    rows = []
    for source, target in pairs:
        for row in scores(sentences, source, target, chosen.reference, chosen.test):
            show(f"{row['pair']} {row['sentence']}", np.array([row[column] for column in COLUMNS], float))
            rows.append(row)
    every = np.array([[row[column] for column in COLUMNS] for row in rows], float)
    show("mean", np.nanmean(every, axis=0))
    print(
        compare(sentences.analysed(pairs[0][0], chosen.test[0]), sentences.analysed(pairs[0][0], chosen.test[0])).rule
    )
    if chosen.json:
        chosen.json.write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
