"""Every voice engine on every recording in a folder: length, time, peaks, joins, channels.

    python benchmarks/voice_every_file.py DIR --target FILE [--target FILE ...] [--also CLIP ...] [--only WORD]

world-knn speaks as the target. so-vits, rvc (with pitch and without) and autovc have seeded random weights of a tiny
size: what they say is noise, but how long it is, when, how loud and in which channels does not depend on the weights.

samples off: against the file's own count. lag: what can be measured of each, see `LAGS`. peak: dBTP; -1 is allowed.
joins: the first file and those of --also, cut into pieces of 3 s; the steepest step from sample to sample around a join
over the steepest of the two pieces there, by themselves; two signals that fade over at equal power reach 1.41, a click
much more. balance: by how much the level between the two channels changed, in dB, in stereo files. Exits with 1 on any
miss.
"""

from __future__ import annotations

import argparse
import logging
import math
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parent.parent
# In a checkout that is not installed.
sys.path.insert(1, str(ROOT))

from avfusion.clip import Sound  # noqa: E402
from avfusion.engines.registry import lend  # noqa: E402
from avfusion.media.recording import hear, probe_recording  # noqa: E402
from avfusion.media.store import StoredSound  # noqa: E402
from avfusion.metrics.voice import lag  # noqa: E402
from avfusion.pipelines.convert_voice import VoiceSettings, convert_voice  # noqa: E402
from avfusion.voice import Reference, Speaker, VoiceEngine  # noqa: E402
from avfusion.voice.autovc_mel import RATE_HZ, mel_of, wave_of  # noqa: E402
from avfusion.voice.blocks import Blocks, converted, pieces  # noqa: E402
from avfusion.voice.one_channel import heard  # noqa: E402
from avfusion.voice.opening import ModelFiles  # noqa: E402
from avfusion.voice.world_pitch import track  # noqa: E402

ENDINGS = (".wav", ".flac", ".mp3")
BLOCKS = Blocks(longest_s=3.0, search_s=1.5, context_s=1.0)
MOST_LAG_MS, MOST_PEAK_DB, MOST_STEP, MOST_BALANCE_DB = 5.0, -0.9, 1.5, 1.0
# Quieter steps than this are no clicks, whatever is beside them.
QUIET_STEP = 0.002
# Up to so much a lag is looked for; below this likeness, or with fewer voiced milliseconds, there is nothing to
# measure it by.
REACH_MS, LEAST_ALIKE, LEAST_VOICED = 40.0, 0.5, 500

Lag = Callable[[Sound, Sound], float]


@dataclass(frozen=True)
class Candidate:
    """An engine with a voice. lag: source, result -> milliseconds, NaN where there is nothing to measure by."""

    label: str
    engine: str
    files: ModelFiles | None
    target: tuple[Path, ...]
    settings: VoiceSettings
    lag: Lag


@dataclass(frozen=True)
class Row:
    """One file through one engine. NaN: not measured there."""

    samples_off: int
    lag_ms: float
    peak_db: float
    step: float
    balance_db: float
    channels_kept: bool


def envelope_lag(source: Sound, result: Sound) -> float:
    return 1000 * lag(source.samples.mean(axis=0), result.samples.mean(axis=0), source.rate_hz)


def melody_lag(source: Sound, result: Sound) -> float:
    """By the two melodies: where, moved in time, they are most alike over what is voiced in both. Octaves, which noise
    easily seems to be off by, do not count."""
    ours, theirs = _melody(source), _melody(result)
    reach = round(REACH_MS)
    alike = np.full(2 * reach + 1, -1.0)
    inner = ours[reach:-reach]
    for late in range(-reach, reach + 1):
        moved = theirs[reach + late : len(theirs) - reach + late]
        both = (inner > 0) & (moved > 0)
        if both.sum() > LEAST_VOICED:
            alike[late + reach] = np.cos(2 * np.pi * np.log2(inner[both] / moved[both])).mean()
    best = int(alike.argmax())
    if alike[best] < LEAST_ALIKE or not 0 < best < 2 * reach:
        return math.nan
    before, at, after = alike[best - 1 : best + 2]
    return best - reach + 0.5 * (before - after) / min(before - 2 * at + after, -1e-12)


def _melody(sound: Sound) -> NDArray[np.float64]:
    """Hz every millisecond, 0 where there is none; between two frames of 5 ms that are voiced, a straight line."""
    found = track(sound.samples.mean(axis=0).astype(np.float64), sound.rate_hz)
    times = np.arange(5 * (len(found) - 1)) / 5
    lower = times.astype(int)
    voiced = (found[lower] > 0) & (found[np.minimum(lower + 1, len(found) - 1)] > 0)
    return np.where(voiced, np.interp(times, np.arange(len(found)), found), 0.0)


def spectra_lag(source: Sound, result: Sound) -> float:
    """Of what stands around AutoVC's network: the source's mel spectra made sound again, in place of the result."""
    wave = heard(source, RATE_HZ)
    return 1000 * lag(wave, wave_of(mel_of(wave, seed=0), count=wave.size, seed=0), RATE_HZ)


def unknown_lag(source: Sound, result: Sound) -> float:
    return math.nan


LAGS = {
    "world-knn": "of the envelopes",
    "so-vits": "of the melodies: its source signal follows the pitch, whatever the weights are",
    "rvc": "of the melodies, as so-vits",
    "rvc, no pitch": "none: with random weights neither envelope nor melody is the source's (the decoder is rvc's)",
    "autovc": "of the envelopes, the source's mel spectra through everything but the network",
}


def candidates(target: tuple[Path, ...], folder: Path) -> Iterator[Candidate]:
    from tests.voice.tiny_rvc import checkpoint, save
    from tests.voice.tiny_voices import tiny_voice

    def voice(name: str) -> ModelFiles | None:
        # Each finds its content encoder in a cache of its own, and nothing of the user's.
        os.environ["HF_HOME"] = str(_made(folder / name) / "hub")
        return tiny_voice(name, folder / name)

    plain, kept = VoiceSettings(), VoiceSettings(semitones=0)
    yield Candidate("world-knn", "world-knn", None, target, plain, envelope_lag)
    yield Candidate("so-vits", "so-vits", voice("so-vits"), (), kept, melody_lag)
    yield Candidate("rvc", "rvc", voice("rvc"), (), plain, melody_lag)
    flat = ModelFiles(save(_made(folder / "flat"), checkpoint("v2", 40_000, f0=False)))
    yield Candidate("rvc, no pitch", "rvc", flat, (), plain, unknown_lag)
    yield Candidate("autovc", "autovc", voice("autovc"), target, plain, spectra_lag)


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def loaded(path: Path) -> Sound:
    samples, rate_hz = soundfile.read(path, dtype="float32", always_2d=True)
    return Sound(np.ascontiguousarray(samples.T), rate_hz)


def through(candidate: Candidate, engine: VoiceEngine, media: Path, folder: Path, *, with_joins: bool) -> Row:
    recording = probe_recording(media)
    sound = hear(recording, folder / "heard")
    out = folder / "out.wav"
    report = convert_voice(
        media, out=out, target=candidate.target, model=candidate.files, engine=candidate.engine,
        settings=candidate.settings, device="cpu",
    )  # fmt: skip
    source, result = Sound(sound.read(), sound.rate_hz), loaded(out)
    counted = soundfile.info(media).frames if media.suffix in (".wav", ".flac") else sound.count
    same_shape = result.samples.shape[0] == source.samples.shape[0]
    return Row(
        samples_off=result.samples.shape[1] - counted,
        lag_ms=candidate.lag(source, result),
        peak_db=math.nan if report.true_peak_db is None else report.true_peak_db,
        step=steepest(candidate, engine, sound) if with_joins else 0.0,
        balance_db=abs(_balance_db(result) - _balance_db(source)) if same_shape else math.inf,
        channels_kept=same_shape and result.rate_hz == source.rate_hz,
    )


def steepest(candidate: Candidate, engine: VoiceEngine, sound: StoredSound) -> float:
    """Of all joins; 0 where the sound is too short for any."""
    target = Reference(tuple(map(loaded, candidate.target))) if candidate.target else Speaker()
    made: list[NDArray[np.float32]] = []

    def convert(samples: NDArray[np.float32]) -> NDArray[np.float32]:
        made.append(engine.convert(Sound(samples, sound.rate_hz), target).samples)
        return made[-1]

    cuts = list(pieces(sound, BLOCKS))
    if len(cuts) < 2:
        return 0.0
    whole = np.concatenate(list(converted(sound, convert, BLOCKS)), axis=1)
    context, around = round(BLOCKS.context_s * sound.rate_hz), round(BLOCKS.fade_s * sound.rate_hz)
    worst = 0.0
    for place, (start, cut) in enumerate(cuts[:-1]):
        first, second = max(0, start - context), max(0, cut - context)
        near = slice(max(0, cut - around), cut + around)
        alone = max(
            _step(made[place][:, near.start - first : near.stop - first]),
            _step(made[place + 1][:, near.start - second : near.stop - second]),
        )
        worst = max(worst, _step(whole[:, near]) / max(alone, QUIET_STEP))
    return worst


def _step(samples: NDArray[np.float32]) -> float:
    return float(np.abs(np.diff(samples, axis=1)).max(initial=0.0))


def _balance_db(sound: Sound) -> float:
    if len(sound.samples) != 2:
        return 0.0
    left, right = (float((channel.astype(np.float64) ** 2).mean()) + 1e-12 for channel in sound.samples)
    return 10 * math.log10(left / right)


def misses(row: Row) -> list[str]:
    checks = {
        f"{row.samples_off:+d} samples": row.samples_off != 0,
        f"lag {row.lag_ms:+.1f} ms": abs(row.lag_ms) >= MOST_LAG_MS,
        f"peak {row.peak_db:.2f} dBTP": row.peak_db > MOST_PEAK_DB,
        f"step {row.step:.2f} at a join": row.step > MOST_STEP,
        f"balance off by {row.balance_db:.2f} dB": row.balance_db > MOST_BALANCE_DB,
        "other channels or another rate": not row.channels_kept,
    }
    return [what for what, is_missed in checks.items() if is_missed]


def show(label: str, rows: list[Row]) -> None:
    late = [row.lag_ms for row in rows if math.isfinite(row.lag_ms)]
    lags = f"{max(late, key=abs):+6.2f} ({len(late):2})" if late else f"{'-':>11}"
    off, peak = max((row.samples_off for row in rows), key=abs), max(row.peak_db for row in rows)
    step, balance = max(row.step for row in rows), max(row.balance_db for row in rows)
    kept = sum(row.channels_kept for row in rows)
    print(
        f"| {label:13} | {len(rows):5} | {off:11} | {lags:13} | {peak:8.2f} | {step:5.2f} | {balance:7.2f} | {kept:8} |"
    )


def panned(path: Path, out: Path) -> Path:
    """A recording as stereo with the right channel 12 dB lower: where a voice stands must be heard afterwards."""
    sound = loaded(path)
    soundfile.write(out, np.stack([sound.samples[0], 0.25 * sound.samples[0]], axis=1), sound.rate_hz)
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--target", type=Path, action="append", required=True)
    parser.add_argument("--also", type=Path, action="append", default=[])
    parser.add_argument("--only", default="", help="only the engines whose name has this in it")
    parser.add_argument("--every", type=int, default=1, help="only each so many-th file, for a first look")
    given = parser.parse_args()
    found: list[str] = []
    with tempfile.TemporaryDirectory(prefix="avfusion-bench-") as name:
        folder = Path(name)
        logging.disable(logging.INFO)  # so-vits-svc-fork tells how long everything took
        os.environ |= {"AVFUSION_HOME": str(folder / "home"), "HF_HUB_OFFLINE": "1"}
        os.environ.pop("HF_HUB_CACHE", None)
        files = sorted(path for path in given.folder.rglob("*") if path.suffix in ENDINGS)[:: given.every]
        files += [*given.also, panned(files[0], folder / "panned.wav")]
        cut = [files[0], *given.also]
        print("| engine        | files | samples off | lag ms (files)| peak dBTP| joins | balance | channels |")
        print(f"|{'-' * 15}|{'-' * 7}|{'-' * 13}|{'-' * 15}|{'-' * 10}|{'-' * 7}|{'-' * 9}|{'-' * 10}|")
        for candidate in candidates(tuple(given.target), folder):
            if given.only not in candidate.label:
                continue
            with lend(candidate.engine, "voice", "cpu") as opener:
                engine = opener.open(candidate.files, candidate.settings.options())
                rows = [through(candidate, engine, path, folder, with_joins=path in cut) for path in files]
            show(candidate.label, rows)
            for path, row in zip(files, rows, strict=True):
                found += [f"{candidate.label}, {path.name}: {what}" for what in misses(row)]
    print("\n".join(f"lag, {label}: {what}" for label, what in LAGS.items()))
    print("\n".join(found) or "no misses")
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
