"""What a visitor gives to a training before it begins: recordings of a voice, and files to begin with."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from html import escape
from pathlib import Path

from avfusion.errors import AvfusionError, CannotRead, UsageError
from avfusion.media.recording import probe_recording
from avfusion.pipelines.train_voice_given import ENDINGS, pieces_in
from avfusion.ui import words
from avfusion.ui.voice_training_jobs import StartFiles
from avfusion.voice.inspect_file import inspect_file
from avfusion.voice.train_so_vits_prepare import FEWEST_PIECES, LONGEST_S, SHORTEST_S

ASK = (
    f"{FEWEST_PIECES} recordings of one speaker or more, of {SHORTEST_S:g} s at least; of longer ones than "
    f"{LONGEST_S:g} s one is enough. Minutes of clean speech make a voice, and so do hours."
)
_LISTED = 8


@dataclass(frozen=True)
class Given:
    """A recording. pieces: the most that a training can cut it into."""

    path: Path
    duration_s: float
    pieces: int


class Desk:
    """One visitor's place. Change it under `lock`."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.recordings: tuple[Given, ...] = ()
        self.start = StartFiles()
        self.has_arrived = False

    def __deepcopy__(self, memo: object) -> Desk:
        """Gradio begins each session with a copy of what the page was built with: an empty place."""
        return Desk()

    def add(self, paths: Sequence[Path]) -> str:
        """More recordings. What there is now, and a line for each file that is none, which is not kept."""
        refused = ""
        for path in paths:
            try:
                found = look_at(path)
            except AvfusionError as error:
                refused += words.problem(error, path)
                continue
            with self.lock:
                self.recordings = (*self.recordings, found)
        return refused + self.said()

    def clear(self) -> str:
        with self.lock:
            self.recordings = ()
        return self.said()

    def said(self) -> str:
        """The recordings, and whether they are enough."""
        with self.lock:
            given = self.recordings
        if not given:
            return words.note(ASK)
        total_s, pieces = sum(one.duration_s for one in given), sum(one.pieces for one in given)
        names = ", ".join(one.path.name for one in given[:_LISTED]) + (", …" if len(given) > _LISTED else "")
        count = "1 recording" if len(given) == 1 else f"{len(given)} recordings"
        line = f"<b>{count}, {words.clock(total_s)}</b> {escape(names)}"
        little = "" if pieces >= FEWEST_PIECES else words.note(f"That is too little: {ASK}")
        return f'<p class="note taken">{line}</p>{little}'

    def add_start(self, paths: Sequence[Path]) -> str:
        """Files to begin with; one of a kind counts. What there is now, and a line for each that is of no use."""
        refused = ""
        for path in paths:
            try:
                kind = kind_of_start(path)
            except AvfusionError as error:
                refused += words.problem(error, path)
                continue
            with self.lock:
                self.start = replace(self.start, **{kind: path})
        return refused + self.said_of_start()

    def clear_start(self) -> str:
        with self.lock:
            self.start = StartFiles()
        return self.said_of_start()

    def said_of_start(self) -> str:
        with self.lock:
            start = self.start
        parts = (
            (start.generator, "generator"),
            (start.discriminator, "discriminator"),
            (start.config, "configuration"),
        )
        return "".join(
            f'<p class="note taken"><b>{escape(path.name)}</b> {what}</p>' for path, what in parts if path is not None
        )


def look_at(path: Path) -> Given:
    """Raises CannotRead and what `probe_recording` raises."""
    if path.suffix.lower() not in ENDINGS:
        raise CannotRead(f"{path}: is not taken as a recording. Give WAV, FLAC, MP3, OGG, M4A or a clip with sound.")
    duration_s = float(probe_recording(path).sounds[0].duration_s)
    return Given(path, duration_s, pieces_in(path))


def kind_of_start(path: Path) -> str:
    """Which field of `StartFiles` it is. Raises CannotRead and UsageError."""
    if path.suffix.lower() == ".json":
        return "config"
    facts = inspect_file(path)
    if facts.engine == "so-vits":
        return "generator"
    if facts.kind.startswith("a discriminator (D_"):
        return "discriminator"
    raise UsageError(f"{path}: {facts.kind}. A training begins with a G_*.pth and D_*.pth of so-vits.")
