"""The recordings that are given to a training: who speaks in which, and whether there are enough of them."""

from __future__ import annotations

import math
from pathlib import Path

from avfusion.errors import CannotRead, UsageError
from avfusion.media.recording import probe_recording
from avfusion.voice.train_so_vits_prepare import CUT_WITHIN_S, FEWEST_PIECES, LONGEST_S, SHORTEST_S, Recordings, too_few

# Notes and transcripts may lie beside recordings; a file with one of these endings has to be one.
ENDINGS = {
    ".wav", ".flac", ".mp3", ".ogg", ".opus", ".m4a", ".aac", ".wma", ".aif", ".aiff", ".mp4", ".mov", ".mkv", ".webm",
}  # fmt: skip


def recordings_in(folder: Path, speaker: str) -> Recordings:
    """Speaker -> recordings, both in order. Those in `folder` itself are of one speaker, else each folder in it is.

    Raises CannotRead (no such folder, no recordings, one that cannot be read), InputError (too few of a speaker) and
    UsageError (recordings both in the folder and in folders of it; a name for several speakers).
    """
    if not folder.is_dir():
        raise CannotRead(f"{folder}: there is no such folder. Give a folder of recordings.")
    own = [path for path in sorted(folder.iterdir()) if _is_recording(path)]
    others = {
        part.name: found
        for part in sorted(folder.iterdir())
        if part.is_dir() and (found := [path for path in sorted(part.rglob("*")) if _is_recording(path)])
    }
    if not own and not others:
        raise CannotRead(f"{folder}: there are no recordings in this folder ({', '.join(sorted(ENDINGS))}).")
    if own and others:
        raise UsageError(
            f"{folder}: holds recordings, and so does {next(iter(others))} in it. Put those of each speaker into a "
            "folder of their own, or all those of one speaker into one."
        )
    if others and speaker:
        raise UsageError(f"{speaker}: each folder in {folder} is a speaker of its own name. Leave the name out.")
    recordings = {speaker or folder.resolve().name: own} if own else others
    for name, paths in recordings.items():
        if (count := sum(map(pieces_in, paths))) < FEWEST_PIECES:
            raise too_few(name, count)
    return recordings


def _is_recording(path: Path) -> bool:
    return path.is_file() and path.suffix.lower() in ENDINGS and not path.name.startswith(".")


def pieces_in(path: Path) -> int:
    """The most pieces that it can be cut into, as its header says. Raises CannotRead."""
    duration_s = float(probe_recording(path).sounds[0].duration_s)
    if not duration_s:  # not every file says how long it is
        return FEWEST_PIECES
    if duration_s <= LONGEST_S:
        return int(duration_s >= SHORTEST_S)
    return math.ceil(duration_s / (LONGEST_S - CUT_WITHIN_S))
