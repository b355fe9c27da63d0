"""The tracker's way from a key frame in one direction, kept on disk and found there again."""

from __future__ import annotations

import contextlib
import hashlib
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import cv2
import numpy as np

from avfusion.clip import Clip, Frame, Mask, MaskTrack, Rgb
from avfusion.media.journal import Journal, packed, unpacked
from avfusion.media.masks import TrackFolder, overlay, read_track
from avfusion.media.target import writing
from avfusion.pipelines.follow import Follower
from avfusion.pipelines.frame import one_frame
from avfusion.pipelines.keys import Direction
from avfusion.pipelines.progress import Teller
from avfusion.tracking import Example, Tracked, Tracker

_ASIDE = "tracker"


@dataclass(frozen=True, eq=False)
class Known:
    """A key frame, the masks that hold there, and what the objects are called that are followed by their words."""

    frame: int
    masks: Mapping[int, Mask]
    words: Mapping[int, str] = field(default_factory=dict)

    def digest(self) -> str:
        return f"{self.frame} {masks_digest(self.masks)} {sorted(self.words.items())}"


@dataclass(frozen=True, eq=False)
class Start:
    """What a run starts from. lesson: a digest of the frames that say what the objects look like.

    by_way_of: the key frame before this one on the way: the tracker comes from there, so that it knows more than this
    frame shows.
    """

    key: Known
    direction: Direction
    lesson: str = ""
    by_way_of: Known | None = None

    def digest(self, engine: str) -> str:
        come = "" if self.by_way_of is None else self.by_way_of.digest()
        said = f"{engine} {self.lesson} {self.direction} {come} {self.key.digest()}"
        return hashlib.sha256(said.encode()).hexdigest()[:32]


@dataclass(frozen=True, eq=False)
class Run:
    """Masks and confidences after `start`, up to and with frame `reach`; the track's other frames are empty."""

    name: str
    reach: int
    track: MaskTrack


def masks_digest(masks: Mapping[int, Mask]) -> str:
    said = hashlib.sha256()
    for number, mask in sorted(masks.items()):
        said.update(str((number, mask.shape)).encode())
        said.update(np.packbits(mask).tobytes())
    return said.hexdigest()


def way(start: Start, reach: int) -> int:
    """How many frames the tracker has to go."""
    come = start.key if start.by_way_of is None else start.by_way_of
    return abs(start.key.frame - come.frame) + abs(reach - start.key.frame)


class Runs:
    """All runs of one engine on one clip. A run is made once; a longer one from the same start takes its place."""

    def __init__(
        self,
        clip: Clip,
        folder: Path,
        *,
        engine: str,
        shots: Sequence[int],
        teller: Teller,
        piece_frames: int | None = None,
    ) -> None:
        """piece_frames: what the tracker knows is put aside every so many frames, so that a run that is killed on its
        way is gone on with there; None: it is begun anew."""
        self._clip, self._folder, self._engine, self._teller = clip, folder, engine, teller
        self._piece_frames = piece_frames
        self._cuts = frozenset(shots[1:])
        with writing(folder):
            folder.mkdir(parents=True, exist_ok=True)

    def get(
        self, start: Start, reach: int, tracker: Callable[[], Tracker], sure: Callable[[], Sequence[Example]]
    ) -> Run:
        """The run as far as `reach`, from disk if it is there; `tracker` and `sure` are only asked if it is not."""
        name = start.digest(self._engine)
        known = self._known(name, start.key.frame, reach)
        if known is not None:
            self._teller.skip(way(start, reach))
            return known
        for old in self._folder.glob(f"{name}.*"):
            if self._piece_frames is None or old.suffix not in (".part", ".aside"):
                shutil.rmtree(old, ignore_errors=True)
        part, whole = self._folder / f"{name}.part", self._folder / f"{name}.{reach}"
        clip, aside = self._clip, None
        if self._piece_frames is not None:
            aside = Journal(self._folder / f"{name}.aside")
        out = TrackFolder(
            part,
            width_px=clip.width_px,
            height_px=clip.height_px,
            frame_count=clip.frame_count,
            engine=self._engine,
        )
        try:
            first = start.by_way_of or start.key
            self._go(start, reach, Follower(tracker, first.masks, sure, first.words), out, aside)
            out.seal()
            with writing(whole):
                part.rename(whole)
        finally:
            if aside is None or whole.exists():
                shutil.rmtree(part, ignore_errors=True)
                shutil.rmtree(self._folder / f"{name}.aside", ignore_errors=True)
        track = self._read(whole)
        assert track is not None
        return Run(name, reach, track)

    def forget(self, *, but: Sequence[Run], at_most: int) -> None:
        """Drops runs that are not among `but`, the oldest first, until `at_most` of them are left for undo and redo."""
        names = {run.name for run in but}
        others = [path for path in self._folder.iterdir() if path.stem not in names]
        for path in sorted(others, key=lambda path: path.stat().st_mtime)[: max(0, len(others) - at_most)]:
            shutil.rmtree(path, ignore_errors=True)

    def _known(self, name: str, frame: int, reach: int) -> Run | None:
        for path in self._folder.glob(f"{name}.*"):
            there = path.suffix[1:]
            if there.isdigit() and abs(int(there) - frame) >= abs(reach - frame):
                track = self._read(path)
                return None if track is None else Run(name, int(there), track)
        return None

    def _read(self, path: Path) -> MaskTrack | None:
        clip = self._clip
        return read_track(
            path, width_px=clip.width_px, height_px=clip.height_px, frame_count=clip.frame_count, engine=self._engine
        )

    def _go(self, start: Start, reach: int, follower: Follower, out: TrackFolder, aside: Journal | None) -> None:
        key = start.key
        begin = self._taken_up(follower, out, aside, most=abs(reach - key.frame), key=key.frame)
        if begin is not None:
            self._teller.skip(way(start, begin))
        elif start.by_way_of is not None:
            self._come(start.by_way_of.frame, key, reach, follower)
        # A tracker that has come here has seen this frame.
        seen = begin if begin is not None else key.frame if start.by_way_of is not None else None
        for frame, tracked in self._followed(key.frame if begin is None else begin, reach, follower, seen=seen):
            if frame.index == key.frame:
                continue
            for number, mask in tracked.masks.items():
                out.put(frame.index, number, mask, tracked.confidence[number])
            if aside is not None and abs(frame.index - key.frame) % (self._piece_frames or 1) == 0:
                _put_aside(follower, out, aside, frame.index)
            self._teller.step(partial(_shown, frame, tracked.masks))

    def _come(self, come: int, key: Known, reach: int, follower: Follower) -> None:
        """From the key frame before, to where this one corrects what is followed."""
        for frame, _ in self._followed(come, key.frame, follower):
            if frame.index != come:
                self._teller.step()
        follower.correct(frame, key.masks, turns=(come < key.frame) != (reach > key.frame), words=key.words)

    def _taken_up(
        self, follower: Follower, out: TrackFolder, aside: Journal | None, *, most: int, key: int
    ) -> int | None:
        """The frame at which the tracker was put aside in an earlier run, if it was on this run's way."""
        note = None if aside is None else aside.find(_ASIDE)
        if aside is None or note is None or abs(int(note["frame"]) - key) > most:
            return None
        state = aside.load(note["file"])
        if state is None:
            return None
        follower.restore(unpacked(state, "follower"), lambda index: one_frame(self._clip, index))
        out.take_up({int(number): kept for number, kept in unpacked(state, "confidence").items()})
        return int(note["frame"])

    def _followed(
        self, first: int, last: int, follower: Follower, *, seen: int | None = None
    ) -> Iterator[tuple[Frame, Tracked]]:
        """Frames first..last, forwards or backwards, and what the follower says; `seen` is passed over."""
        forwards = first <= last
        start, stop = (first, last + 1) if forwards else (last, first + 1)
        with contextlib.closing(self._clip.frames(start, stop, backwards=not forwards)) as frames:
            for frame in frames:
                if frame.index == seen:
                    continue
                after_cut = (frame.index if forwards else frame.index + 1) in self._cuts and frame.index != first
                yield frame, follower.step(frame, after_cut=after_cut)


def _put_aside(follower: Follower, out: TrackFolder, aside: Journal, frame: int) -> None:
    """The masks up to this frame lie in their files; this says so, and what the tracker knows. The last one counts."""
    state = follower.state()
    if state is None:
        return
    confidence = {str(number): kept for number, kept in out.confidence().items()}
    out.flush()
    before, name = aside.find(_ASIDE), f"{frame}.npz"
    aside.save(name, packed({"follower": state, "confidence": confidence}))
    aside.note(_ASIDE, files=[name], file=name, frame=frame)
    if before is not None:
        (aside.folder / before["file"]).unlink(missing_ok=True)


def _shown(frame: Frame, masks: Mapping[int, Mask]) -> Rgb:
    height, width = frame.rgb.shape[:2]
    labels = np.zeros((height, width), np.uint8)
    for number, mask in masks.items():
        labels[mask] = number
    scale = min(1.0, 640 / max(height, width))
    size = (round(width * scale), round(height * scale))
    small = cv2.resize(frame.rgb, size, interpolation=cv2.INTER_AREA)
    return overlay(small, cv2.resize(labels, size, interpolation=cv2.INTER_NEAREST))
