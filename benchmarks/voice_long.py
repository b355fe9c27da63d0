"""Long sound through `avfusion voice` with world-knn: memory, speed, length and time against its minutes.

    python benchmarks/voice_long.py DIR --target FILE [--target FILE ...] [--minutes 1,6,60] [--rate 16000]

What is said in DIR (its recordings in order, over and over, at one rate) is made as long as asked. Each length is a
process of its own. MiB: its peak of resident memory. CPU: its seconds of computing, user and system, for each second of
sound; that figure, unlike the clock's, does not depend on who else uses the machine. lag: of half a minute at the
beginning, in the middle and at the end, in milliseconds. Exits with 1 where a sample is missing or added, where a lag
is 5 ms or more, or where the longest needs 1.1 times the memory of the one before it.
"""

from __future__ import annotations

import argparse
import itertools
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from avfusion.metrics.voice import lag
from avfusion.voice.one_channel import resampled

ENDINGS = (".wav", ".flac", ".mp3")
WINDOW_S, MOST_LAG_MS, MOST_GROWTH = 30, 5.0, 1.1
PROGRAM = "import sys; from avfusion.cli import main; main()"


@dataclass(frozen=True)
class Row:
    """What one length needed. lags_ms: at the beginning, in the middle, at the end."""

    minutes: float
    peak_mib: float
    cpu: float
    clock: float
    samples_off: int
    lags_ms: tuple[float, float, float]


def recordings(folder: Path, rate_hz: int) -> Iterator[NDArray[np.float32]]:
    """[n] each, over and over."""
    paths = sorted(path for path in folder.rglob("*") if path.suffix in ENDINGS)
    for path in itertools.cycle(paths):
        samples, own_hz = soundfile.read(path, dtype="float32", always_2d=True)
        yield resampled(samples.mean(axis=1), own_hz, rate_hz)


def long_sound(folder: Path, out: Path, minutes: float, rate_hz: int) -> int:
    """Writes so much speech to `out`; how many samples it has."""
    left = count = round(minutes * 60 * rate_hz)
    with soundfile.SoundFile(out, "w", rate_hz, 1, "PCM_16") as file:
        for samples in recordings(folder, rate_hz):
            file.write(samples[:left])
            left -= len(samples[:left])
            if not left:
                return count
    raise ValueError("unreachable")


def windows(path: Path) -> list[NDArray[np.float64]]:
    """Half a minute at the beginning, in the middle and at the end."""
    with soundfile.SoundFile(path) as file:
        size = min(file.frames, WINDOW_S * file.samplerate)
        found = []
        for start in (0, (file.frames - size) // 2, file.frames - size):
            file.seek(start)
            found.append(file.read(size))
    return found


def measured(source: Path, out: Path, minutes: float, targets: list[Path]) -> Row:
    command = [sys.executable, "-c", PROGRAM, "voice", str(source), "--quiet", "--out", str(out)]
    began_s = time.monotonic()
    process = os.posix_spawn(
        sys.executable, [*command, *itertools.chain(*(("--target", str(path)) for path in targets))], os.environ
    )
    _, status, used = os.wait4(process, 0)
    clock_s = time.monotonic() - began_s
    if status:
        sys.exit(f"avfusion voice ended with {os.waitstatus_to_exitcode(status)}")
    info, given = soundfile.info(out), soundfile.info(source)
    late = [1000 * lag(one, other, info.samplerate) for one, other in zip(windows(source), windows(out), strict=True)]
    return Row(
        minutes,
        peak_mib=used.ru_maxrss / 1024,
        cpu=(used.ru_utime + used.ru_stime) / (60 * minutes),
        clock=clock_s / (60 * minutes),
        samples_off=info.frames - given.frames,
        lags_ms=(late[0], late[1], late[2]),
    )


def misses(rows: list[Row]) -> list[str]:
    found = []
    for row in rows:
        if row.samples_off:
            found.append(f"{row.minutes:g} min: {row.samples_off:+d} samples")
        if max(map(abs, row.lags_ms)) >= MOST_LAG_MS:
            found.append(f"{row.minutes:g} min: lag {max(row.lags_ms, key=abs):.2f} ms")
    if len(rows) > 1 and rows[-1].peak_mib > MOST_GROWTH * rows[-2].peak_mib:
        found.append(f"memory grows: {rows[-2].peak_mib:.0f} to {rows[-1].peak_mib:.0f} MiB")
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--target", type=Path, action="append", required=True)
    parser.add_argument("--minutes", default="1,6,60")
    parser.add_argument("--rate", type=int, default=16_000)
    given = parser.parse_args()
    rows = []
    print("| minutes | MiB | CPU s/s | clock s/s | samples off | lag, beginning | middle | end |")
    print("|---|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory(prefix="avfusion-bench-") as name:
        for minutes in map(float, given.minutes.split(",")):
            source, out = Path(name) / "long.wav", Path(name) / "out.wav"
            long_sound(given.folder, source, minutes, given.rate)
            row = measured(source, out, minutes, given.target)
            late = " | ".join(f"{value:+.2f}" for value in row.lags_ms)
            print(
                f"| {minutes:g} | {row.peak_mib:.0f} | {row.cpu:.3f} | {row.clock:.3f} | {row.samples_off} | {late} |",
                flush=True,
            )
            rows.append(row)
    found = misses(rows)
    print("\n".join(found) or "no misses")
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
