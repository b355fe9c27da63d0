"""What separates a voice from the rest, and long sound through it: piece after piece, faded into each other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

import numpy as np

from avfusion.errors import InputError
from avfusion.media.audio import Samples
from avfusion.media.store import StoredSound

Tell = Callable[[float], None]
"""Called after each piece with the seconds of sound that are done; what it raises ends the work."""


class Separator(Protocol):
    """Lent by the registry for the ability "separation"."""

    @property
    def name(self) -> str: ...

    def voice_of(self, sound: StoredSound, path: Path, *, tell: Tell | None = None) -> StoredSound:
        """The voice in `sound`, as many samples as it, written to `path`; `sound` minus it is the background.

        Memory does not grow with the sound. Raises InputError (samples that are no numbers), CannotWrite, and what
        `tell` raises.
        """
        ...


def in_pieces(
    sound: StoredSound, voice: Callable[[Samples], Samples], *, piece_s: float, overlap_s: float, tell: Tell | None
) -> Iterator[Samples]:
    """All of `sound` through `voice` [channels, n] -> [channels, n], `piece_s` at a time.

    Neighbours are the same voice in the same sound, so that their fades over `overlap_s` add up to 1.
    """
    piece, overlap = round(piece_s * sound.rate_hz), round(overlap_s * sound.rate_hz)
    step = piece - overlap
    rise = (np.arange(overlap, dtype=np.float32) + 0.5) / overlap
    tail: Samples | None = None
    for start in range(0, max(sound.count - overlap, 1), step):
        is_last = start + step >= sound.count - overlap
        # The last piece looks back: what is left may be too short to tell voice and background apart in.
        begin = max(0, min(start, sound.count - piece)) if is_last else start
        mixed = sound.read(begin, sound.count if is_last else start + piece)
        if not np.isfinite(mixed).all():
            raise InputError("The sound has samples that are no numbers. Save the recording anew, and give that.")
        found = voice(mixed)[:, start - begin :]
        if tail is not None:
            found[:, :overlap] = tail * (1 - rise) + found[:, :overlap] * rise
        if tell is not None:
            tell(min(sound.count, start + step) / sound.rate_hz if not is_last else float(sound.duration_s))
        if is_last:
            yield found
            return
        tail = found[:, step:].copy()
        yield found[:, :step]
