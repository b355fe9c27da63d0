"""Sound that is too long for memory: float32 samples in a plain file, read and written a block at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO

import numpy as np

from avfusion.media.audio import Samples
from avfusion.media.target import whole_file

BLOCK_SAMPLES = 65_536
_BYTES = 4


@dataclass(frozen=True)
class StoredSound:
    """Samples [channels, count] at `rate_hz`, lying one moment after the other at `path`. Any part can be read at any
    time; nothing stays open. first: the number of its first sample on the clock of the file that it comes from."""

    path: Path
    channels: int
    rate_hz: int
    count: int
    first: int = 0

    @property
    def duration_s(self) -> Fraction:
        return Fraction(self.count, self.rate_hz)

    def read(self, start: int = 0, stop: int | None = None) -> Samples:
        """float32 [channels, n]: samples start..stop-1. What lies before the sound or after it is silence."""
        stop = self.count if stop is None else stop
        first, last = max(start, 0), min(stop, self.count)
        out = np.zeros((self.channels, max(0, stop - start)), np.float32)
        if first < last:
            step = self.channels * _BYTES
            flat = np.fromfile(self.path, np.float32, (last - first) * self.channels, offset=first * step)
            out[:, first - start : last - start] = flat.reshape(-1, self.channels).T
        return out

    def blocks(self, size: int = BLOCK_SAMPLES) -> Iterator[Samples]:
        """All of it in order, `size` samples at a time."""
        for start in range(0, self.count, size):
            yield self.read(start, min(start + size, self.count))


def store(path: Path, blocks: Iterable[Samples], *, channels: int, rate_hz: int) -> StoredSound:
    """Writes blocks float32 [channels, n] to `path`, one after the other. Raises CannotWrite."""
    with whole_file(path) as part, part.open("wb") as file:
        count = sum(_append(file, block) for block in blocks)
    return StoredSound(path, channels, rate_hz, count)


def _append(file: BinaryIO, block: Samples) -> int:
    np.ascontiguousarray(block.T, np.float32).tofile(file)
    return int(block.shape[1])
