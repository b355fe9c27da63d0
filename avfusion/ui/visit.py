"""One visitor: their clip, their clicks, their track and their run. Files lie in the job's folder, frames nowhere."""

from __future__ import annotations

import contextlib
import os
import shutil
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from avfusion.clip import Clip, Mask, Prompt
from avfusion.jobs.home import hold, home, job_folder, new_job
from avfusion.pipelines.progress import OnProgress, ShouldStop
from avfusion.pipelines.track import Tracking
from avfusion.ui.clicks import Selection
from avfusion.ui.fairly import fairly
from avfusion.ui.limits import brought
from avfusion.ui.runs import Result, Run
from avfusion.ui.span import Span, covers
from avfusion.ui.words import Wording

RUN = "run"
# A run stops at its next frame; whoever deletes its files waits for that, and not for ever.
_PATIENCE_S = 10.0
_PATIENCE_FOR_A_PIECE_S = 30.0


@dataclass(frozen=True)
class TrackOf:
    """What a track was made from: while this stays the same, the track need not be made again."""

    prompts: tuple[Prompt, ...]
    tracker: str = "auto"
    segmenter: str = "auto"
    span: Span | None = None


@dataclass(frozen=True, eq=False)
class Made:
    """A finished track and what it was made from."""

    made_from: TrackOf
    tracking: Tracking


class Visit:
    """What the page keeps for one visitor between their clicks. The page's state holds this one object.

    Change it under `lock`: two clicks of one visitor may be on their way at the same time. is_stopped: whether the
    visitor stopped what they began last.
    """

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.is_stopped = False
        self._folder: Path | None = None
        self._held = contextlib.ExitStack()
        self.clip: Clip | None = None
        self.selection = Selection()
        self.span: Span | None = None
        self.tracking_turn = threading.Lock()
        self._runs: list[tuple[str, Run[Any]]] = []
        self._tracks: tuple[Made, ...] = ()
        self._round = 0

    @property
    def wording(self) -> Wording:
        """What is said of the selection."""
        return Wording()

    def doubt(self, shown: Mask) -> str:
        """What is odd about the selection that is shown on a frame, bool [H, W]; here nothing ever is."""
        return ""

    @property
    def folder(self) -> Path:
        """The job's folder, made when it is first needed. Raises `CannotWrite`."""
        with self.lock:
            if self._folder is None:
                self._folder = job_folder(new_job())
                self._held = hold(self._folder)
            return self._folder

    def open(self, path: Path) -> Clip:
        """Takes a clip in and forgets the one before. Raises what probing raises, and `TooLarge`."""
        self.forget()
        with self.lock, self.folder_for("clip") as folder:
            self.clip = brought(linked(path, folder))
            return self.clip

    def show(self, clip: Clip, selection: Selection) -> None:
        """As `open`, for a clip that stays where it is."""
        self.forget()
        with self.lock:
            self.clip, self.selection = clip, selection

    def take_over(self, clip: Clip, selection: Selection) -> Clip:
        """As `open`, with a selection, for a clip that another part of the page has open and may close."""
        if clip.path.is_relative_to(home() / "jobs"):
            clip = self.open(clip.path)
            with self.lock:
                self.selection = selection
        else:
            self.show(clip, selection)
        return clip

    def forget(self) -> None:
        """Back to the beginning: no clip, no clicks, no files."""
        self.stop()
        for _, run in self._runs:  # not under the lock, which they may want before they end
            run.wait(_PATIENCE_S)
        with self.lock:
            self.clip, self.selection, self.span, self._tracks = None, Selection(), None, ()
            if self._folder is not None:
                self._held.close()
                shutil.rmtree(self._folder, ignore_errors=True)
                self._folder = None

    def start(self, work: Callable[[OnProgress, ShouldStop], Result], *, kind: str = RUN) -> Run[Result]:
        """Work that belongs to this visit: it is stopped with it, or with all of its kind. It begins in its turn."""
        with self.lock:
            run = Run(fairly(work))
            self._runs = [*((other, known) for other, known in self._runs if known.is_alive), (kind, run)]
            return run

    def stop(self, kind: str | None = None) -> None:
        """Asks what runs to stop: all of it, or what is of one kind."""
        for other, run in self._runs:
            if kind in (None, other):
                run.stop()

    def stop_and_wait(self, kind: str) -> None:
        """Stops what runs of one kind, and returns when it has: a piece that is being converted is converted first."""
        self.is_stopped = True
        self.stop(kind)
        for other, run in self._runs:
            if other == kind:
                run.wait(_PATIENCE_FOR_A_PIECE_S)

    @property
    def track_folder(self) -> Path:
        """Where the tracker finds again what it tracked before in this clip."""
        return self.folder / "track"

    def wanted(self, tracker: str, segmenter: str) -> TrackOf:
        """What a track would be made from now."""
        with self.lock:
            return TrackOf(self.selection.prompts, tracker, segmenter, self.span)

    def track_for(self, wanted: TrackOf) -> Tracking | None:
        """The track made from exactly this and at least as much of the clip, if there is one."""
        with self.lock:
            for made in reversed(self._tracks):
                same = replace(made.made_from, span=wanted.span) == wanted
                if same and self.clip is not None and covers(made.made_from.span, wanted.span, self.clip.frame_count):
                    return made.tracking
            return None

    def will_track(self) -> None:
        """From now on only the newest track is sure to stay readable."""
        with self.lock:
            self._tracks = self._tracks[-1:]

    def keep_track(self, made_from: TrackOf, tracking: Tracking) -> None:
        with self.lock:
            self._tracks = (*self._tracks[-1:], Made(made_from, tracking))

    @property
    def known(self) -> Made | None:
        """The track to go by: the newest one that says nothing but what the clicks say, or else the newest."""
        with self.lock:
            if not self.selection.prompts:
                return None
            log = self.selection.prompts
            fitting = [made for made in self._tracks if log[: len(made.made_from.prompts)] == made.made_from.prompts]
            return next(reversed(fitting or self._tracks), None)

    @property
    def tracking(self) -> Tracking | None:
        """The last track, if it still fits the clicks and all of the part that counts."""
        with self.lock:
            made, clip = self.known, self.clip
            if made is None or clip is None or made.made_from.prompts != self.selection.prompts:
                return None
            return made.tracking if covers(made.made_from.span, self.span, clip.frame_count) else None

    @contextlib.contextmanager
    def folder_for(self, purpose: str) -> Iterator[Path]:
        """An empty folder of this visit; the one before it of the same purpose goes. It goes too if the block fails."""
        with self.lock:
            self._round += 1
            folder = self.folder / f"{purpose}-{self._round}"
            for old in self.folder.glob(f"{purpose}-*"):
                shutil.rmtree(old, ignore_errors=True)
            folder.mkdir(parents=True)
        try:
            yield folder
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise

    def exports(self) -> list[Path]:
        """The files with masks that were made of the present clip, the oldest first."""
        return sorted(
            (file for purpose in ("masks", "rle", "matte") for file in self.folder.glob(f"{purpose}-*/*")),
            key=lambda file: file.stat().st_mtime,
        )


def linked(path: Path, folder: Path) -> Path:
    """The file under `folder`: an upload disappears from the upload cache after a while."""
    own = folder / path.name
    try:
        os.link(path, own)
    except OSError:
        shutil.copyfile(path, own)
    return own


def close(visit: Visit | None) -> None:
    """The end of a session: nothing of it stays."""
    if visit is not None:
        visit.forget()
