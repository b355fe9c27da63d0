"""Small pictures, laid onto each other by the camera's motion, and how one differs from what the others show there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from avfusion.clip import Frame, Mask
from avfusion.media.colour import linear_light
from avfusion.tracking.motion import GRID_PX, background_motion, dense_flow, fit_affine

Field = NDArray[np.float32]
Pixels = NDArray[np.uint8]

LOOK_PX = 320
"""The longer side of the small pictures."""

OFFSETS = (3, 7, 13, 22)
"""So many frames before and after, the place is looked at without the object."""

_LEAST_SEEN = 2
_LEAST_POINTS = 12
_ROOM = 0.9
_LEAST_ROOM_PX = 28
_CLEAR_SHARE = 0.35
_MASK_EDGE = 0.06
# Where so little is alike after the camera's motion, there is a cut.
_LEAST_ALIKE = 0.4
# The surroundings' own change: by so many pixels at least, and without what is so far off (logarithms).
_LEAST_AROUND, _FAR_OFF = 64, 0.5
# Noise of dark places, in linear light.
_FLOOR = 0.015
_SMOOTH_PX = 1.2


@dataclass(frozen=True, eq=False)
class Look:
    """A frame, small. rgb: uint8 [h, w, 3]; luma: uint8 [h, w]; mask: bool [h, w], the object and its edge.

    motion: float64 [3, 3], how the camera's picture moved here from the look before; None for the first and at a cut.
    """

    rgb: Pixels
    luma: Pixels
    mask: Mask
    motion: NDArray[np.float64] | None


@dataclass(frozen=True, eq=False)
class Difference:
    """How the picture around an object differs from the plate.

    ratio: float32 [h, w, 3], logarithm of linear light over the plate's; known: bool [h, w], where there is a plate,
    and not the object; clear: bool [h, w], where the plate is of looks in which the object is not even near; mask: the
    object. top, left: where this window lies in the small picture of `shape`. pose: the
    object's middle x, y and size there.
    """

    ratio: Field
    known: Mask
    clear: Mask
    mask: Mask
    top: int
    left: int
    shape: tuple[int, int]
    pose: tuple[float, float, float]


def look(frame: Frame, mask: Mask, before: Look | None) -> Look:
    """A frame as the plate needs it, and the camera's motion since the look before."""
    rgb = frame.rgb
    scale = min(1.0, LOOK_PX / max(rgb.shape[:2]))
    size = (max(16, round(rgb.shape[1] * scale)), max(16, round(rgb.shape[0] * scale)))
    small = np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), np.uint8)
    covered = cv2.resize(mask.astype(np.float32), size, interpolation=cv2.INTER_AREA) > _MASK_EDGE
    luma = np.asarray(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY), np.uint8)
    motion = None if before is None else _camera(before, luma, covered)
    return Look(small, luma, np.asarray(covered, np.bool_), motion)


def _camera(before: Look, luma: Pixels, covered: Mask) -> NDArray[np.float64] | None:
    """One affine motion of what is not the object, [3, 3]; None where the pictures show different scenes."""
    flow = _flow(before.luma, luma)
    height, width = luma.shape
    rows, columns = np.mgrid[0:height:GRID_PX, 0:width:GRID_PX]
    points = np.column_stack([columns.ravel(), rows.ravel()]).astype(np.float64)
    vectors = flow[::GRID_PX, ::GRID_PX].reshape(-1, 2).astype(np.float64)
    free = ~_grown(before.mask, 7)[::GRID_PX, ::GRID_PX].ravel()
    if free.sum() < _LEAST_POINTS:
        return None
    motion = np.eye(3)
    motion[:2] += fit_affine(points, vectors, free.astype(np.float64))
    x, y = _moved(motion, luma.shape)
    there = cv2.remap(luma, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    seen = ~_grown(before.mask | covered, 7) & _inside(x, y, luma.shape)
    return motion if _alike(before.luma[seen], np.asarray(there)[seen]) > _LEAST_ALIKE else None


def _alike(a: Pixels, b: Pixels) -> float:
    """Correlation; pictures without any structure are alike if they are equally bright."""
    if a.size < 2:
        return 0.0
    first, second = a.astype(np.float32) - a.mean(), b.astype(np.float32) - b.mean()
    scale = float(np.sqrt((first * first).mean() * (second * second).mean()))
    if scale < 4:
        return 1.0 if abs(float(a.mean()) - float(b.mean())) < 16 else 0.0
    return float((first * second).mean()) / scale


def difference(window: Sequence[Look], place: int) -> Difference | None:
    """The look at `place` against what the others of the window show there; None without an object in it."""
    here = window[place]
    if not here.mask.any():
        return None
    top, left, height, width = _room(here.mask)
    within = (slice(top, top + height), slice(left, left + width))
    clear_px = max(6, round(_CLEAR_SHARE * float(np.sqrt(here.mask.sum()))))
    samples = [_laid_on(here, window[other], motion, within, clear_px) for other, motion in _others(window, place)]
    known = clear = np.zeros((height, width), np.bool_)
    ratio = np.zeros((height, width, 3), np.float32)
    if len(samples) >= _LEAST_SEEN:
        plate, known, clear = _plate(samples)
        now = here.rgb[within]
        plate = np.where(known[..., None], plate, now)  # so that nothing of what is not known is smoothed over the rest
        light = linear_light()
        ratio = np.log((_smooth(light[now]) + _FLOOR) / (_smooth(light[plate]) + _FLOOR))
        ratio -= _everywhere(ratio, known & ~_grown(here.mask[within], clear_px))
    mask = here.mask[within]
    y, x = np.nonzero(here.mask)
    pose = (float(x.mean()), float(y.mean()), float(np.sqrt(len(x))))
    free = ~_grown(mask, 2)
    return Difference(ratio, known & free, clear & free, mask, top, left, here.mask.shape, pose)


def _everywhere(ratio: Field, around: Mask) -> Field:
    """float32 [h, w, 3]: what changes smoothly over all the surroundings, as the camera's exposure and vignetting do.

    A plane through the logarithms, fitted twice: the second time without what lies far off the first.
    """
    rows, columns = (places.astype(np.float32) for places in np.nonzero(around))
    if len(rows) < _LEAST_AROUND:
        return np.zeros(3, np.float32)
    height, width = around.shape
    places = np.column_stack([np.ones_like(rows), rows / height - 0.5, columns / width - 0.5])
    values = ratio[around]
    middle = np.median(values, axis=0)
    near = np.abs(values - middle).max(axis=1) < _FAR_OFF
    plane = np.zeros((3, 3), np.float32)
    plane[0] = middle
    for _ in range(2):
        if near.sum() >= _LEAST_AROUND:
            plane = np.linalg.lstsq(places[near], values[near], rcond=None)[0].astype(np.float32)
            near = np.abs(values - places @ plane).max(axis=1) < _FAR_OFF / 2
    down, across = np.arange(height, dtype=np.float32) / height - 0.5, np.arange(width, dtype=np.float32) / width - 0.5
    return np.asarray(plane[0] + down[:, None, None] * plane[1] + across[:, None] * plane[2], np.float32)


def _others(window: Sequence[Look], place: int) -> list[tuple[int, NDArray[np.float64]]]:
    """Places of the looks to compare with, and the camera's motion from here to there; none beyond a cut."""
    found = []
    forth: NDArray[np.float64] = np.eye(3)
    for other in range(place + 1, len(window)):
        step = window[other].motion
        if step is None:
            break
        forth = step @ forth
        if other - place in OFFSETS:
            found.append((other, forth))
    back: NDArray[np.float64] = np.eye(3)
    for other in range(place - 1, -1, -1):
        step = window[other + 1].motion
        if step is None:
            break
        back = np.linalg.inv(step) @ back
        if place - other in OFFSETS:
            found.append((other, back))
    return found


@dataclass(frozen=True, eq=False)
class _Sample:
    """What another look shows here. seen: where it shows no object; clear: where none is even near."""

    rgb: Pixels
    seen: Mask
    clear: Mask


def _laid_on(
    here: Look, other: Look, motion: NDArray[np.float64], within: tuple[slice, slice], clear_px: int
) -> _Sample:
    """By the camera's motion, and then by what the flow still finds around the object, smoothed and led under it."""
    x, y = (np.ascontiguousarray(field[within]) for field in _moved(motion, here.luma.shape))
    luma = np.asarray(cv2.remap(other.luma, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), np.uint8)
    away_px = np.asarray(cv2.distanceTransform((~other.mask).view(np.uint8), cv2.DIST_L2, 3), np.float32)
    near = np.asarray(cv2.remap(away_px, x, y, cv2.INTER_LINEAR), np.float32) < 4
    covered = _grown(here.mask[within], clear_px) | near | ~_inside(x, y, here.luma.shape)
    rest = background_motion(_flow(np.ascontiguousarray(here.luma[within]), luma), covered)
    columns, rows = np.meshgrid(np.arange(x.shape[1], dtype=np.float32), np.arange(x.shape[0], dtype=np.float32))
    moved = (columns + rest[..., 0], rows + rest[..., 1])
    x, y = (
        np.asarray(cv2.remap(field, *moved, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), np.float32)
        for field in (x, y)
    )
    rgb = np.asarray(cv2.remap(other.rgb, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), np.uint8)
    away_px = np.asarray(cv2.remap(away_px, x, y, cv2.INTER_LINEAR), np.float32)
    inside = _inside(x, y, here.luma.shape)
    return _Sample(rgb, inside & (away_px > 3), inside & (away_px > clear_px))


def _plate(samples: Sequence[_Sample]) -> tuple[Pixels, Mask, Mask]:
    """The median of what is clear of the object, or where little is, of what is seen at all; where there is any; where
    it is of what is clear."""
    clear, seen = (np.stack([getattr(one, name) for one in samples], axis=-1) for name in ("clear", "seen"))
    is_clear = clear.sum(axis=-1) >= _LEAST_SEEN
    used = np.where(is_clear[..., None], clear, seen)
    count = used.sum(axis=-1)
    values = np.where(used[:, :, None, :], np.stack([one.rgb for one in samples], axis=-1), np.uint8(255))
    values.sort(axis=-1)
    middle = np.maximum(count - 1, 0) // 2
    at = np.broadcast_to(middle[..., None, None], (*values.shape[:3], 1))
    known = np.asarray(count >= _LEAST_SEEN, np.bool_)
    return np.take_along_axis(values, at, axis=-1)[..., 0], known, np.asarray(is_clear, np.bool_)


def _room(mask: Mask) -> tuple[int, int, int, int]:
    """top, left, height and width of the window in which a shadow is looked for."""
    x, y, width, height = cv2.boundingRect(mask.view(np.uint8))
    room = max(_LEAST_ROOM_PX, round(_ROOM * max(width, height)))
    top, left = max(y - room, 0), max(x - room, 0)
    bottom, right = min(y + height + room, mask.shape[0]), min(x + width + room, mask.shape[1])
    return top, left, bottom - top, right - left


def _moved(motion: NDArray[np.float64], shape: tuple[int, ...]) -> tuple[Field, Field]:
    height, width = shape[:2]
    x, y = np.arange(width), np.arange(height)[:, None]
    return (
        (motion[0, 0] * x + motion[0, 1] * y + motion[0, 2]).astype(np.float32),
        (motion[1, 0] * x + motion[1, 1] * y + motion[1, 2]).astype(np.float32),
    )


def _inside(x: Field, y: Field, shape: tuple[int, ...]) -> Mask:
    return np.asarray((x >= 0) & (y >= 0) & (x <= shape[1] - 1) & (y <= shape[0] - 1), np.bool_)


def _grown(mask: Mask, radius_px: int) -> Mask:
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius_px + 1, 2 * radius_px + 1))
    return np.asarray(cv2.dilate(mask.view(np.uint8), kernel) > 0, np.bool_)


def _smooth(light: Field) -> Field:
    return np.asarray(cv2.GaussianBlur(light, (0, 0), _SMOOTH_PX), np.float32)


def _flow(here: Pixels, there: Pixels) -> Field:
    method = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
    method.setVariationalRefinementIterations(0)
    return dense_flow(method, here, there)
