"""The sound that goes with a clip's pictures: its own or another one, from the first frame on."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np

from avfusion.clip import Clip, Sound
from avfusion.errors import CannotRead
from avfusion.media.audio import Samples, sound_blocks
from avfusion.media.container import opened
from avfusion.media.recording import probe_recording
from avfusion.media.store import store
from avfusion.media.write import NewSound
from avfusion.media.write_sound import write_sound

NO_SOUND = "there is no sound in this file. Give a clip with sound."


def sound_for(clip: Clip, sound: Path | Sound | None, *, needed: bool) -> Sound:
    """float32 [channels, n] whose sample 0 goes with the clip's first frame, no longer than the clip.

    sound: a recording or clip whose first sample goes with the first frame, or samples; None: the clip's own first
    track. needed: without any, `CannotRead` is raised; else there are no samples.
    """
    if isinstance(sound, Sound):
        return cut_sound(sound, Fraction(0), clip.duration_s)
    if sound is not None:
        return _read(Path(sound), None, clip.duration_s)
    if not clip.sounds:
        if needed:
            raise CannotRead(f"{clip.path}: {NO_SOUND}")
        return Sound(np.zeros((1, 0), np.float32), 16_000)
    begin_s = clip.time(0) if clip.sound_span is None else clip.sound_span[0]
    return _read(clip.path, begin_s, clip.duration_s)


def sound_shown(clip: Clip, sound: Path | Sound | None, folder: Path) -> bool | NewSound:
    """What a film of the clip plays when it was looked at with this sound: that, in the place of its first track.

    It is stored in `folder`. False, for no sound at all, where the clip has no track for it.
    """
    if sound is None or not clip.sounds:
        return sound is None
    track, heard = clip.sounds[0], sound_for(clip, sound, needed=True)
    samples = np.zeros((track.channels, round(clip.duration_s * track.rate_hz)), np.float32)
    mixed = heard.samples if len(heard.samples) == track.channels else heard.samples.mean(axis=0, keepdims=True)
    resampled = _resampled(mixed, heard.rate_hz, track.rate_hz)[:, : samples.shape[1]]
    samples[:, : resampled.shape[1]] = resampled
    stored = store(folder / "played", [samples], channels=track.channels, rate_hz=track.rate_hz)
    return NewSound(track.stream, replace(stored, first=round(clip.time(0) * track.rate_hz)))


def as_file(sound: Sound, path: Path) -> Path:
    """The sound as a WAV at `path`. Raises `CannotWrite`."""
    channels, count = sound.samples.shape
    write_sound(path, [sound.samples], rate_hz=sound.rate_hz, channels=channels, count=count, tags={})
    return path


def _resampled(samples: Samples, from_hz: int, to_hz: int) -> Samples:
    if from_hz == to_hz or not samples.size:
        return samples
    from scipy.signal import resample_poly

    step = math.gcd(from_hz, to_hz)
    return np.asarray(resample_poly(samples, to_hz // step, from_hz // step, axis=1), np.float32)


def cut_sound(sound: Sound, start_s: Fraction, duration_s: Fraction) -> Sound:
    """The part of a sound that begins at `start_s`; shorter where the sound ends before."""
    start, count = round(start_s * sound.rate_hz), round(duration_s * sound.rate_hz)
    return replace(sound, samples=sound.samples[:, start : start + count])


def _read(path: Path, begin_s: Fraction | None, duration_s: Fraction) -> Sound:
    """begin_s: on the file's clock; None: where its sound begins."""
    track = probe_recording(path).sounds[0]
    with opened(path) as container:
        blocks = sound_blocks(container, container.streams[track.stream])
        begin = None if begin_s is None else round(begin_s * track.rate_hz)
        samples = _placed(blocks, begin, track.channels, round(duration_s * track.rate_hz))
    return Sound(samples, track.rate_hz)


def _placed(blocks: Iterable[tuple[int, Samples]], begin: int | None, channels: int, count: int) -> Samples:
    """Samples begin..begin+count-1 of a row of blocks, in one array; silence before the first block."""
    out = np.zeros((channels, count), np.float32)
    end = 0
    for first, block in blocks:
        begin = first if begin is None else begin
        start = first - begin
        if start >= count:
            break
        part = block[:, max(0, -start) : count - start]
        start = max(0, start)
        out[:, start : start + part.shape[1]] = part
        end = max(end, start + part.shape[1])
    return out[:, :end]
