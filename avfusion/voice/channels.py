"""Which channels of a sound a voice can be in: the deep one of 5.1 and silent ones are nobody's."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from avfusion.media.audio import Samples
from avfusion.media.store import StoredSound, store

# A voice has most of its power between here and 4 kHz, a deep channel next to nothing above 120 Hz.
_LOWEST_HZ, _ORDER = 300.0, 8
# So far below the loudest channel nobody hears a voice.
_FAINT_DB = -40.0
# A sound that begins at once is a click to a filter.
_SETTLED_S = 0.1


def speaking_channels(sound: StoredSound) -> tuple[int, ...]:
    """Numbers of the channels whose power above 300 Hz is within 40 dB of the strongest one's; all where none has any.

    Reads the whole sound once; memory does not grow with it.
    """
    from scipy.signal import butter, sosfilt

    every = tuple(range(sound.channels))
    if sound.channels == 1:
        return every
    sections = butter(_ORDER, min(_LOWEST_HZ, 0.4 * sound.rate_hz), "highpass", fs=sound.rate_hz, output="sos")
    memory = np.zeros((len(sections), sound.channels, 2))
    power = np.zeros(sound.channels)
    unsettled = min(round(_SETTLED_S * sound.rate_hz), sound.count // 2)
    for block in sound.blocks():
        above, memory = sosfilt(sections, block, axis=1, zi=memory)
        power += np.square(above[:, unsettled:]).sum(axis=1)
        unsettled = max(0, unsettled - block.shape[1])
    least = power.max() * 10 ** (_FAINT_DB / 10)
    return tuple(channel for channel in every if power[channel] > least) or every


def only(sound: StoredSound, channels: tuple[int, ...], path: Path) -> StoredSound:
    """Those channels of a sound, at `path`; where they are all of it, the sound as it lies."""
    if len(channels) == sound.channels:
        return sound
    blocks = (block[list(channels)] for block in sound.blocks())
    return replace(store(path, blocks, channels=len(channels), rate_hz=sound.rate_hz), first=sound.first)


def put_among(sound: StoredSound, channels: tuple[int, ...], new: StoredSound, path: Path) -> StoredSound:
    """`sound` with `new` in the place of those channels, at `path`; bit for bit as it was in all others."""
    if len(channels) == sound.channels:
        return new

    def blocks() -> Iterator[Samples]:
        for block, made in zip(sound.blocks(), new.blocks(), strict=True):
            block[list(channels)] = made
            yield block

    return replace(store(path, blocks(), channels=sound.channels, rate_hz=sound.rate_hz), first=sound.first)
