"""The result of a conversion -> a recording, or the clip with its pictures packet for packet."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import av

from avfusion.errors import UnknownFormat, UsageError
from avfusion.media.container import first_video, opened
from avfusion.media.recording import Recording
from avfusion.media.revoice import CLIP_FORMATS, clip_format_of, write_revoiced
from avfusion.media.store import StoredSound, store
from avfusion.media.write_sound import SOUND_FORMATS, sound_format_of, write_sound


def is_clip(out: Path) -> bool:
    """Whether the ending is that of a clip. Raises `UnknownFormat` for one that is known to nobody."""
    endings = [form.ending for form in (*SOUND_FORMATS, *CLIP_FORMATS)]
    if out.suffix.lower() not in endings:
        raise UnknownFormat(f"{out}: no output format has this ending. Use {', '.join(endings)}.")
    return any(form.ending == out.suffix.lower() for form in CLIP_FORMATS)


def check_out(out: Path, recording: Recording, *, is_preview: bool) -> None:
    """Raises `UnknownFormat` and `UsageError` for what could not be written in the end."""
    channels = recording.sounds[0].channels
    if not is_clip(out):
        if channels > sound_format_of(out).channels:
            raise UnknownFormat(f"{out}: {out.suffix} files do not hold {channels} channels. Use .wav or .flac.")
        return
    if not recording.has_picture:
        raise UsageError(f"{out}: there are no pictures in {recording.path}. Use .wav, .flac or .mp3.")
    if is_preview:
        raise UsageError(f"{out}: a preview is sound alone. Use .wav, .flac or .mp3.")
    form = clip_format_of(out)
    with opened(recording.path) as container:
        name = first_video(container).codec_context.codec.canonical_name  # type: ignore[union-attr]
    with av.open(os.devnull, "w", format=form.muxer) as output:
        holds = name in output.supported_codecs
    if not holds:
        raise UnknownFormat(f"{out}: {form.ending} files do not hold {name} video as it is. Use .mkv.")


def heard_start(sound: StoredSound, seconds: float, path: Path) -> StoredSound:
    """The first seconds of a sound, or all of it, as a sound of its own at `path`."""
    count = min(sound.count, max(1, round(seconds * sound.rate_hz)))
    beginning = replace(sound, count=count).blocks()
    return replace(store(path, beginning, channels=sound.channels, rate_hz=sound.rate_hz), first=sound.first)


def write_out(out: Path, recording: Recording, sound: StoredSound, *, tag: str) -> tuple[str, ...]:
    """Writes the sound, or the clip with it; notes for the user. tag: goes into the file as its comment, where
    there is one."""
    tags = {"comment": tag} if tag else {}
    if is_clip(out):
        return write_revoiced(
            out, recording.path, recording.sounds[0], sound.blocks(), first=sound.first, count=sound.count, tags=tags
        )
    write_sound(
        out, sound.blocks(), rate_hz=sound.rate_hz, channels=sound.channels, count=sound.count, tags=tags
    )  # fmt: skip
    return ()
