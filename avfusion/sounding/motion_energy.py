"""How much each small place of the picture moves from frame to frame, the camera's own motion taken out."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from avfusion.clip import Clip, Frame
from avfusion.tracking.motion import GRID_PX, coarse_flow, fit_affine

Plane = NDArray[np.uint8]

# A cut changes the thumbnail by this much (of 255), and by so many times the usual change.
_CUT_CHANGE, _CUT_TIMES = 18.0, 6.0
_THUMB = (16, 9)
_LEAST_SIDE_PX = 16


@dataclass(frozen=True)
class MotionSettings:
    """longer_side_px: of the pictures that are looked at. cell_px: side of a cell on them. blur_px: sigma. rate_hz: so
    many pictures a second at the most. window_s: so much of a clip is looked at as one; longer ones in equal parts."""

    longer_side_px: int = 192
    cell_px: int = 4
    blur_px: float = 1.0
    rate_hz: float = 31.0
    window_s: float = 20.0


@dataclass(frozen=True, eq=False)
class Motion:
    """A stretch of a clip without cuts.

    frames: int [n + 1], the frames looked at. edges_s: float64 [n + 1], their times after the clip's first frame.
    energy: float32 [n, rows, columns], mean change of brightness (of 255) of each cell from one to the next.
    """

    frames: NDArray[np.int64]
    edges_s: NDArray[np.float64]
    energy: NDArray[np.float32]


def motions(
    clip: Clip, settings: MotionSettings, *, on_frame: Callable[[Frame], None] = lambda _: None
) -> Iterator[Motion]:
    """The clip from window to window, each ended early by a cut. on_frame: called for each frame; may raise to stop."""
    start_s = float(clip.time(0))
    step = max(1, int(np.ceil(float(clip.fps) / settings.rate_hz)))
    window_s = float(clip.duration_s) / windows_of(clip, settings)
    row = _Row(settings)
    with contextlib.closing(clip.frames()) as frames:
        for frame in frames:
            on_frame(frame)
            if frame.index % step:
                continue
            time_s = float(frame.time) - start_s
            picture = _small(frame, settings)
            if row.is_cut(picture) or row.length_s(time_s) > window_s + 1e-6:
                yield from row.taken()
            row.add(frame.index, time_s, picture)
    yield from row.taken()


def windows_of(clip: Clip, settings: MotionSettings) -> int:
    """How many windows a clip has, cuts not counted."""
    return max(1, int(np.ceil(float(clip.duration_s) / settings.window_s)))


class _Row:
    """Cells of one window, as they come in."""

    def __init__(self, settings: MotionSettings) -> None:
        self._settings = settings
        self._frames: list[int] = []
        self._times_s: list[float] = []
        self._energy: list[NDArray[np.float32]] = []
        self._changes: list[float] = []
        self._last: Plane | None = None

    def is_cut(self, picture: Plane) -> bool:
        if self._last is None:
            return False
        change = float(cv2.absdiff(_thumb(picture), _thumb(self._last)).mean())
        usual = float(np.median(self._changes[-25:])) if self._changes else change
        self._changes.append(change)
        return change > _CUT_CHANGE and change > _CUT_TIMES * usual

    def length_s(self, time_s: float) -> float:
        return time_s - self._times_s[0] if self._times_s else 0.0

    def add(self, frame: int, time_s: float, picture: Plane) -> None:
        if self._last is not None and self._frames:
            self._energy.append(_change(self._last, picture, self._settings))
        self._frames.append(frame)
        self._times_s.append(time_s)
        self._last = picture

    def taken(self) -> Iterator[Motion]:
        """What there is, if it is anything; then empty."""
        if self._energy:
            yield Motion(np.array(self._frames), np.array(self._times_s), np.stack(self._energy))
        self._frames, self._times_s, self._energy = [], [], []


def _change(before: Plane, after: Plane, settings: MotionSettings) -> NDArray[np.float32]:
    """float32 [rows, columns]: what is left of the difference once `before` lies on `after` as the camera moved."""
    size = (after.shape[1], after.shape[0])
    here = cv2.GaussianBlur(after.astype(np.float32), (0, 0), settings.blur_px)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    differences = []
    for camera in (np.eye(2, 3), _camera(before, after)):
        moved = cv2.warpAffine(before.astype(np.float32), camera, size, flags=flags, borderValue=-1e4)
        seen = moved >= 0
        there = cv2.GaussianBlur(np.where(seen, moved, after), (0, 0), settings.blur_px)
        differences.append(np.abs(here - there) * seen)
    # A large thing may pull the camera's motion with it, and then a still background would seem to move.
    difference = min(differences, key=lambda each: float(np.median(each)))
    cells = (max(1, size[0] // settings.cell_px), max(1, size[1] // settings.cell_px))
    return np.asarray(cv2.resize(difference, cells, interpolation=cv2.INTER_AREA), np.float32)


def _camera(before: Plane, after: Plane) -> NDArray[np.float64]:
    """[2, 3]: from places of `after` to where most of the picture says that they were in `before`."""
    flow = coarse_flow(after, before)
    rows, columns = np.mgrid[0 : flow.shape[0] : GRID_PX, 0 : flow.shape[1] : GRID_PX]
    points = np.column_stack([columns.ravel(), rows.ravel()]).astype(np.float64)
    vectors = flow[::GRID_PX, ::GRID_PX].reshape(-1, 2).astype(np.float64)
    return np.asarray(fit_affine(points, vectors, np.ones(len(points))) + np.eye(2, 3))


def _small(frame: Frame, settings: MotionSettings) -> Plane:
    luma = frame.yuv[0]
    scale = min(1.0, settings.longer_side_px / max(luma.shape))
    size = (max(_LEAST_SIDE_PX, round(luma.shape[1] * scale)), max(_LEAST_SIDE_PX, round(luma.shape[0] * scale)))
    return np.asarray(cv2.resize(luma, size, interpolation=cv2.INTER_AREA), np.uint8)


def _thumb(picture: Plane) -> Plane:
    return np.asarray(cv2.resize(picture, _THUMB, interpolation=cv2.INTER_AREA), np.uint8)
