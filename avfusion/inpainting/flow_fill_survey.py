"""The first look through a clip: its shots, how the camera moves from frame to frame, and how the exposure does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from avfusion.clip import Clip, Frame, Mask, Masks
from avfusion.inpainting import Tell
from avfusion.inpainting.hole import hole_of
from avfusion.media.shots import find_shots

Homography: TypeAlias = NDArray[np.float64]
"""[3, 3]: takes (x, y, 1) of one picture to another, pixel centres at whole numbers."""

WORK_PX = 480
"""The longer side, at most, of the small pictures in which motion is measured."""

STILL_PX = 0.25
"""A camera that moves corners by less than this, in full-size pixels, against the shot's first frame stands still."""

_STILL_AGREE = 0.3
"""Of the corners, at least so many must be found again where they were for a camera that stands still."""

_CUT_AGREE = 0.1
_CUT_ALIKE = 0.5
"""A cut shows where hardly any corner is found again and the pictures at large do not correlate, beside what
`find_shots` finds: that one needs a quiet picture on either side."""

_CORNERS = 500
_FEWEST = 12
_NEAR_HOLE = np.ones((7, 7), np.uint8)


@dataclass(frozen=True, eq=False)
class Survey:
    """What is known of a clip of n frames before it is filled.

    shots: the first frame of each, 0 first. camera: [n, 3, 3], from a frame's pixels to those of the frame before it.
    exposure: [n, 3], the log of each channel's gain against the shot's first frame. is_still: one for each shot.
    """

    shots: tuple[int, ...]
    camera: Homography
    exposure: NDArray[np.float64]
    is_still: tuple[bool, ...]

    def spans(self) -> list[tuple[int, int, bool]]:
        """(first frame, one past the last, whether the camera stands still) of each shot."""
        ends = (*self.shots[1:], len(self.camera))
        return list(zip(self.shots, ends, self.is_still, strict=True))

    def towards(self, here: int, there: int) -> Homography:
        """From the pixels of frame `here` to those of its neighbour `there`."""
        return self.camera[here] if there < here else np.asarray(np.linalg.inv(self.camera[there]))


def work_scale(height_px: int, width_px: int) -> float:
    return min(1.0, WORK_PX / max(height_px, width_px))


def shrunk(picture: NDArray[np.uint8], scale: float) -> NDArray[np.uint8]:
    """uint8 [h, w] or [h, w, 3] of a picture in the size of the work."""
    if scale == 1:
        return picture
    size = (max(2, round(picture.shape[1] * scale)), max(2, round(picture.shape[0] * scale)))
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)


def shrunk_hole(hole: Mask, shape: tuple[int, ...]) -> Mask:
    """bool [h, w]: every small pixel that the hole touches."""
    if hole.shape == shape[:2]:
        return hole
    size = (shape[1], shape[0])
    return np.asarray(cv2.resize(hole.astype(np.float32), size, interpolation=cv2.INTER_AREA), np.float32) > 0


def survey(clip: Clip, holes: Masks, tell: Tell) -> Survey:
    """Looks at every frame once. Raises what `tell` raises, and `MaskSizeMismatch`."""
    watch = _Watch(clip, holes, tell)
    found = find_shots(clip, on_frame=watch.look)
    shots = _that_show_something(tuple(sorted({*found, *watch.cuts})), watch.is_blind)
    camera, steps, exposure = np.array(watch.camera), np.array(watch.still_px), np.array(watch.gain)
    is_still = []
    for first, end in zip(shots, (*shots[1:], clip.frame_count), strict=True):
        camera[first], exposure[first] = np.eye(3), 0
        exposure[first:end] = np.cumsum(exposure[first:end], 0)
        is_still.append(bool((steps[first + 1 : end] < STILL_PX).all()))
        if is_still[-1]:
            camera[first:end] = np.eye(3)
    return Survey(shots, camera, exposure, tuple(is_still))


def _that_show_something(shots: tuple[int, ...], is_blind: list[bool]) -> tuple[int, ...]:
    """Shots that are hole and nothing else go with the shot before them, or else with the one after."""
    ends = (*shots[1:], len(is_blind))
    kept = [first for first, end in zip(shots, ends, strict=True) if not all(is_blind[first:end])]
    return (0, *kept[1:])


class _Watch:
    """Measures each frame against the one before it, and against the frame since which nothing has moved."""

    def __init__(self, clip: Clip, holes: Masks, tell: Tell) -> None:
        self._clip, self._holes, self._tell = clip, holes, tell
        self._last: _Seen | None = None
        self._anchor: _Seen | None = None
        self.camera: list[Homography] = []
        self.still_px: list[float] = []
        self.gain: list[NDArray[np.float64]] = []
        self.is_blind: list[bool] = []
        self.cuts: list[int] = []

    def look(self, frame: Frame) -> None:
        self._tell("looking", frame.index, self._clip.frame_count)
        hole = hole_of(self._clip, self._holes, frame.index)
        seen = _Seen(frame.rgb, hole)
        camera, gain, moved_px = np.eye(3), np.zeros(3), np.inf
        if self._last is not None and self._anchor is not None:
            camera, agree = camera_motion(seen, self._last)
            if agree < _CUT_AGREE and _alike(seen, self._last) < _CUT_ALIKE:
                self.cuts.append(frame.index)
            gain = _gain(seen, self._last, camera)
            if self._anchor is not self._last:
                camera_since, agree = camera_motion(seen, self._anchor)
            else:
                camera_since = camera
            if agree >= _STILL_AGREE:
                moved_px = _corners_move_px(camera_since, seen.grey.shape) / seen.scale
        if moved_px >= STILL_PX:
            self._anchor = seen
        if len(seen.corners) >= _FEWEST or self._last is None:
            self._last = seen  # a frame that shows nothing is taken to lie where the one before it does
        self.camera.append(full_size(camera, seen.scale))
        self.still_px.append(moved_px)
        self.gain.append(gain)
        self.is_blind.append(bool(hole.all()))


class _Seen:
    """A small picture, uint8 [h, w, 3] and [h, w], where it shows no hole, and its corners."""

    def __init__(self, rgb: NDArray[np.uint8], hole: Mask) -> None:
        self.scale = work_scale(*hole.shape)
        self.rgb = shrunk(rgb, self.scale)
        self.grey = np.asarray(cv2.cvtColor(self.rgb, cv2.COLOR_RGB2GRAY), np.uint8)
        covered = shrunk_hole(hole, self.grey.shape).view(np.uint8)
        self.open = cv2.dilate(covered, _NEAR_HOLE) == 0
        found = cv2.goodFeaturesToTrack(self.grey, _CORNERS, 0.005, 6, mask=self.open.astype(np.uint8))
        self.corners = np.zeros((0, 1, 2), np.float32) if found is None else np.asarray(found, np.float32)


def camera_motion(here: _Seen, there: _Seen) -> tuple[Homography, float]:
    """From small pixels of `here` to those of `there`, and the share of corners that agree with it.

    Corners are followed (Lucas-Kanade), outliers left out (RANSAC). Too few corners give the identity.
    """
    if len(here.corners) < _FEWEST or len(there.corners) < _FEWEST:
        return np.eye(3), 1.0
    landed, found = _followed(here.grey, there.grey, here.corners)
    returned, back = _followed(there.grey, here.grey, landed)
    misses = np.abs(returned - here.corners).max((1, 2))
    at = np.rint(landed[:, 0]).astype(int)
    height, width = there.grey.shape
    inside = (at >= 0).all(1) & (at[:, 0] < width) & (at[:, 1] < height)
    is_open = there.open[np.clip(at[:, 1], 0, height - 1), np.clip(at[:, 0], 0, width - 1)]
    good = found & back & (misses < 0.5) & inside & is_open
    if good.sum() < _FEWEST:
        return np.eye(3), float(good.mean())
    matrix, agree = cv2.findHomography(here.corners[good], landed[good], cv2.RANSAC, 1.0, maxIters=1000)
    if matrix is None or agree.sum() < _FEWEST or not _is_sane(matrix, here.grey.shape):
        return np.eye(3), 0.0
    return np.asarray(matrix), float(agree.sum() / len(good))


def _alike(here: _Seen, there: _Seen) -> float:
    """The correlation of two pictures where neither has its hole, as small as stamps: 1 is the same."""
    both = here.open & there.open
    size = (16, 9)
    weight = cv2.resize(both.astype(np.float32), size, interpolation=cv2.INTER_AREA)
    stamps = [
        cv2.resize((seen.grey * both).astype(np.float32), size, interpolation=cv2.INTER_AREA)[weight > 0.3]
        / weight[weight > 0.3]
        for seen in (here, there)
    ]
    if len(stamps[0]) < 20 or min(stamp.std() for stamp in stamps) < 1:
        return 1.0
    return float(np.corrcoef(stamps)[0, 1])


def _followed(here: NDArray[np.uint8], there: NDArray[np.uint8], points: Any) -> tuple[Any, NDArray[np.bool_]]:
    """Where points [n, 1, 2] of one picture lie in the other, and whether they were found, [n]."""
    nothing: Any = None
    landed, found, _ = cv2.calcOpticalFlowPyrLK(here, there, points, nothing, winSize=(21, 21), maxLevel=4)
    return landed, found[:, 0] == 1


def _is_sane(matrix: Homography, shape: tuple[int, ...]) -> bool:
    """Whether the picture keeps about its size and stays the right way round."""
    height, width = shape
    corners = np.array([[[0, 0], [width, 0], [width, height], [0, height]]], np.float64)
    moved = cv2.perspectiveTransform(corners, matrix)[0].astype(np.float32)
    area = cv2.contourArea(moved, oriented=True) / (width * height)
    return bool(0.4 < area < 2.5)


def _corners_move_px(matrix: Homography, shape: tuple[int, ...]) -> float:
    height, width = shape
    corners = np.array([[[0, 0], [width, 0], [width, height], [0, height]]], np.float64)
    return float(np.linalg.norm(cv2.perspectiveTransform(corners, matrix) - corners, axis=2).max())


def _gain(here: _Seen, there: _Seen, camera: Homography) -> NDArray[np.float64]:
    """[3]: the log of how much brighter each channel is `here`, where both show the same and neither is clipped."""
    size = here.grey.shape[::-1]
    how = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    other = cv2.warpPerspective(there.rgb, camera, size, flags=how).astype(np.float32)
    also_open = cv2.warpPerspective(there.open.astype(np.uint8), camera, size, flags=how) == 1
    other, also_open = other[::2, ::2], also_open[::2, ::2]
    own, is_open = here.rgb[::2, ::2].astype(np.float32), here.open[::2, ::2]
    gain = np.zeros(3)
    for _ in range(2):  # the second time without what moves, now that the gain is roughly known
        miss = np.abs(own - other * np.exp(gain).astype(np.float32)).max(2)
        fair = also_open & is_open & (miss < 30) & (other.min(2) > 8) & (np.maximum(own, other).max(2) < 245)
        if fair.sum() < 200:
            return gain
        gain = np.log(own[fair].sum(0, np.float64) / other[fair].sum(0, np.float64))
    return gain


def full_size(matrix: Homography, scale: float) -> Homography:
    """The same motion between pictures of full size, from that between pictures shrunk by `scale`."""
    shrink = np.array([[scale, 0, (scale - 1) / 2], [0, scale, (scale - 1) / 2], [0, 0, 1]])
    return np.asarray(np.linalg.inv(shrink) @ matrix @ shrink)
