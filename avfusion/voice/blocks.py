"""Long sound through an engine that takes short pieces: cut where it is quiet, put together without a seam."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from avfusion.media.audio import Samples
from avfusion.media.store import StoredSound

Convert = Callable[[Samples], Samples]
"""float32 [channels, n] -> the same shape."""


@dataclass(frozen=True)
class Blocks:
    """How sound is cut, in seconds.

    longest: no piece is longer, without what it is shown of its neighbours. search: the cut lies within so much of its
    end, where it is quietest. context: what a piece is shown of the sound on either side. fade: over which two pieces
    go over into each other.
    """

    longest_s: float = 20.0
    search_s: float = 8.0
    context_s: float = 1.0
    fade_s: float = 0.02


def converted(sound: StoredSound, convert: Convert, blocks: Blocks | None = None) -> Iterator[Samples]:
    """The whole sound through `convert`, piece after piece, as many samples as it had; memory does not grow with it.

    Two pieces meet at equal power; where both say the same (a pause that was left alone), their sum stays the same.
    """
    blocks = blocks or Blocks()
    context, half = round(blocks.context_s * sound.rate_hz), max(1, round(blocks.fade_s * sound.rate_hz / 2))
    tail: Samples | None = None
    for start, stop in pieces(sound, blocks):
        begin, end = max(0, start - context), min(sound.count, stop + context)
        out = convert(sound.read(begin, end))
        if out.shape != (sound.channels, end - begin):
            raise ValueError(f"a piece of {end - begin} samples came back as {out.shape}")
        first = start if tail is None else start + half
        if tail is not None:
            yield _faded(tail, out[:, start - half - begin : start + half - begin])
        is_last = stop == sound.count
        yield out[:, first - begin : (stop if is_last else stop - half) - begin]
        tail = None if is_last else out[:, stop - half - begin : stop + half - begin].copy()


def pieces(sound: StoredSound, blocks: Blocks) -> Iterator[tuple[int, int]]:
    """(start, stop) of the pieces, one after the other."""
    longest, search = round(blocks.longest_s * sound.rate_hz), round(blocks.search_s * sound.rate_hz)
    start = 0
    while sound.count - start > longest:
        stop = _quietest(sound, start + longest - search, start + longest)
        yield start, stop
        start = stop
    yield start, sound.count


def _quietest(sound: StoredSound, first: int, last: int) -> int:
    """The middle of the quietest 100 ms; of several, the last."""
    window = max(1, round(0.1 * sound.rate_hz))
    power = np.square(sound.read(first, last), dtype=np.float64).sum(axis=0)
    if len(power) <= window:
        return last
    total = np.concatenate([[0.0], np.cumsum(power)])
    level = np.maximum(total[window:] - total[:-window], 0)
    # Rounding of the sums shall not decide between two silences.
    quiet = np.flatnonzero(level <= level.min() + 1e-12 * total[-1])
    return first + int(quiet[-1]) + window // 2


def _faded(before: Samples, after: Samples) -> Samples:
    """From one to the other over their whole length [channels, n]."""
    angle = np.pi / 2 * (np.arange(before.shape[1]) + 0.5) / before.shape[1]
    down, up = np.cos(angle), np.sin(angle)
    return (before * (down / _level(before, after, down, up)) + after * (up / _level(before, after, down, up))).astype(
        np.float32
    )


def _level(before: Samples, after: Samples, down: NDArray[np.float64], up: NDArray[np.float64]) -> NDArray[np.float64]:
    """How loud the sum of both is at each moment, for sounds of equal power that are as alike as these are."""
    power = float(np.sqrt(np.square(before, dtype=np.float64).sum() * np.square(after, dtype=np.float64).sum()))
    alike = float((before.astype(np.float64) * after).sum()) / power if power > 0 else 1.0
    return np.sqrt(1 + 2 * max(alike, 0.0) * down * up)
