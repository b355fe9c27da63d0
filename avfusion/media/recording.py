"""File -> its sound: a recording, or the sound track of a clip, as samples on disk from its first to its last."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from avfusion.clip import SoundTrack
from avfusion.errors import CannotRead, TooLarge
from avfusion.media.audio import Samples, sound_blocks
from avfusion.media.container import check_file, first_video, is_sound, opened
from avfusion.media.limits import Limits, check_length, time_in_words
from avfusion.media.pictures import is_picture
from avfusion.media.probe import sound_track
from avfusion.media.store import StoredSound, store

_MOST_CHANNELS = 8
_RATES_HZ = (4_000, 768_000)


@dataclass(frozen=True)
class Recording:
    """What holds sound. has_picture: whether it is a clip."""

    path: Path
    sounds: tuple[SoundTrack, ...]
    has_picture: bool


def probe_recording(path: Path | str) -> Recording:
    """What sound is in a file, without decoding any. Raises `CannotRead` and `TooLarge`."""
    path = Path(path)
    check_file(path)
    if is_picture(path):
        raise CannotRead(f"{path}: this is a picture, which has no sound. Give a recording, or a clip with sound.")
    with opened(path) as container:
        sounds = tuple(sound_track(stream) for stream in container.streams.audio if is_sound(stream))
        has_picture = first_video(container) is not None
    if not sounds:
        raise CannotRead(f"{path}: there is no sound in this file. Give a recording, or a clip with sound.")
    for track in sounds:
        _check(path, track)
    return Recording(path, sounds, has_picture)


def _check(path: Path, track: SoundTrack) -> None:
    if track.channels > _MOST_CHANNELS or not _RATES_HZ[0] <= track.rate_hz <= _RATES_HZ[1]:
        raise TooLarge(
            f"{path}: sound of {track.channels} channels at {track.rate_hz} Hz is not taken. "
            f"Give up to {_MOST_CHANNELS} channels at {_RATES_HZ[0]} to {_RATES_HZ[1]} Hz."
        )
    check_length(path, track.duration_s, Limits())


def hear(recording: Recording, path: Path, *, track: SoundTrack | None = None) -> StoredSound:
    """All samples of one track (the first if none is named), at `path`. It ends where the file says to the sample.

    Raises `CannotRead`, `CannotWrite`, and `TooLarge` for what is longer than its header said.
    """
    track = track or recording.sounds[0]
    begins: list[int] = []
    blocks = _blocks(recording, track, begins)
    sound = store(path, blocks, channels=track.channels, rate_hz=track.rate_hz)
    if not sound.count:
        path.unlink()
        raise CannotRead(f"{recording.path}: the sound cannot be decoded.")
    return replace(sound, first=begins[0])


def _blocks(recording: Recording, track: SoundTrack, begins: list[int]) -> Iterator[Samples]:
    """The track's samples; where each block begins on the file's clock goes to `begins`."""
    longest_s = Limits().seconds
    most = longest_s * track.rate_hz
    with opened(recording.path) as container:
        for begin, block in sound_blocks(container, container.streams[track.stream]):
            begins.append(begin)
            yield block
            most -= block.shape[1]
            if most < 0:
                raise TooLarge(
                    f"{recording.path}: more sound comes out of it than the {time_in_words(longest_s)} that are taken "
                    "here. Cut it first."
                )
