"""One visitor: their clip, their clicks, their track and their run. Files lie in the job's folder, frames nowhere."""

from __future__ import annotations

import contextlib
import os
import shutil
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from avfusion.clip import Clip, Mask, Prompt, Rgb
from avfusion.errors import TooLarge
from avfusion.jobs.home import job_folder, new_job
from avfusion.media.probe import probe
from avfusion.pipelines.frame import mask_frame, one_frame
from avfusion.pipelines.progress import OnProgress, ShouldStop
from avfusion.pipelines.track import Tracking
from avfusion.ui.clicks import Selection
from avfusion.ui.drawing import scaled, scaled_mask
from avfusion.ui.runs import Result, Run

LIMIT_VARIABLE = "AVFUSION_MAX_GIGAPIXELS"
_LIMIT_GIGAPIXELS = 200.0
# A run stops at its next frame; whoever deletes its files waits for that, and not for ever.
_PATIENCE_S = 10.0


@dataclass(frozen=True)
class TrackOf:
    """What a track was made from: while this stays the same, the track need not be made again."""

    prompts: tuple[Prompt, ...]
    tracker: str
    segmenter: str


class Visit:
    """What the page keeps for one visitor between their clicks. The page's state holds this one object.

    Change it under `lock`: two clicks of one visitor may be on their way at the same time.
    """

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self._folder: Path | None = None
        self.clip: Clip | None = None
        self.selection = Selection()
        self._runs: list[Run[Any]] = []
        self._track: tuple[TrackOf, Tracking] | None = None
        self._round = 0

    @property
    def folder(self) -> Path:
        """The job's folder, made when it is first needed. Raises `CannotWrite`."""
        with self.lock:
            if self._folder is None:
                self._folder = job_folder(new_job())
            return self._folder

    def open(self, path: Path) -> Clip:
        """Takes a clip in and forgets the one before. Raises what probing raises, and `TooLarge`."""
        self.forget()
        with self.lock, self.folder_for("clip") as folder:
            self.clip = check_work(probe(_linked(path, folder)))
            return self.clip

    def show(self, clip: Clip, selection: Selection) -> None:
        """As `open`, for a clip that stays where it is."""
        self.forget()
        with self.lock:
            self.clip, self.selection = clip, selection

    def forget(self) -> None:
        """Back to the beginning: no clip, no clicks, no files."""
        self.stop()
        for run in self._runs:  # not under the lock, which they may want before they end
            run.wait(_PATIENCE_S)
        with self.lock:
            self.clip, self.selection, self._track = None, Selection(), None
            if self._folder is not None:
                shutil.rmtree(self._folder, ignore_errors=True)
                self._folder = None

    def start(self, work: Callable[[OnProgress, ShouldStop], Result]) -> Run[Result]:
        """Work that belongs to this visit: it is stopped with it."""
        with self.lock:
            run = Run(work)
            self._runs = [*(known for known in self._runs if known.is_alive), run]
            return run

    def stop(self) -> None:
        """Asks everything that runs to stop."""
        for run in self._runs:
            run.stop()

    def track_for(self, made_from: TrackOf) -> Tracking | None:
        """The track made from exactly this, if there is one."""
        with self.lock:
            return self._track[1] if self._track and self._track[0] == made_from else None

    def keep_track(self, made_from: TrackOf, tracking: Tracking) -> None:
        with self.lock:
            self._track = (made_from, tracking)

    @property
    def tracking(self) -> Tracking | None:
        """The last track, if it still fits the clicks."""
        with self.lock:
            return self._track[1] if self._track and self._track[0].prompts == self.selection.prompts else None

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


def _linked(path: Path, folder: Path) -> Path:
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


def check_work(clip: Clip, environment: Mapping[str, str] | None = None) -> Clip:
    """The clip, if its pixels times frames are within AVFUSION_MAX_GIGAPIXELS (200: 53 minutes of 1080p30)."""
    limit = float((environment or os.environ).get(LIMIT_VARIABLE, _LIMIT_GIGAPIXELS))
    work = clip.width_px * clip.height_px * clip.frame_count / 1e9
    if work > limit:
        raise TooLarge(
            f"{clip.path.name}: {clip.frame_count} frames of {clip.width_px} x {clip.height_px} are {work:.3g} "
            f"gigapixels, and this page takes {limit:g}. Cut the clip or scale it down first."
        )
    return clip


@lru_cache(maxsize=24)
def shown(clip: Clip, frame: int) -> Rgb:
    """A frame at its displayed size. Read-only."""
    return scaled(one_frame(clip, frame).rgb, clip)


@lru_cache(maxsize=24)
def pointed_at(clip: Clip, prompts: tuple[Prompt, ...], frame: int, segmenter: str) -> Mask:
    """The mask that the prompts on a frame point at, full size. Read-only. Raises what `mask_frame` raises."""
    masks = list(mask_frame(clip, prompts, frame=frame, segmenter=segmenter).masks.values())
    union = masks[0].copy()
    for mask in masks[1:]:
        union |= mask
    return union


def shown_mask(visit: Visit, clip: Clip, frame: int, segmenter: str) -> Mask | None:
    """The mask to show over a frame: that of the clicks on it, or the tracked one; None where nothing is known."""
    own = visit.selection.on_frame(frame)
    if own:
        return scaled_mask(pointed_at(clip, own, frame, segmenter), clip)
    tracking = visit.tracking
    return scaled_mask(tracking.track.union(frame), clip) if tracking else None
