"""Shadows and reflections: what goes along with an object and darkens, or mirrors, what it passes.

Small pictures before and after, laid onto this one by the camera's motion, show each place without the object: their
median is the plate. Where the picture is darker than it in all colours alike, a shadow may lie; where it is otherwise
different below the object, a mirror image. Both count only if they keep their place at the object over some frames, and
touch it; and neighbouring frames vote on it, so that it is steady in time. An object that stands still shows no plate,
and its shadow is not found.
"""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from avfusion.clip import Clip, Mask, Masks
from avfusion.inpainting.shadows_plate import OFFSETS, Difference, Look, difference, look

# Over so many frames before and after, the difference is averaged in the object's own place: to believe it at once, to
# be sure of it, and where the nearer ones show no plate.
_NOW_FRAMES, _STEADY_FRAMES, _FURTHER_FRAMES = 1, 5, 12
_LEAST_FRAMES = 3
# So many frames before and after say together what is cast: by these shares of them it is likely, and sure.
_VOTING_FRAMES, _LIKELY_SHARE, _SURE_SHARE = 6, 0.3, 0.45
# Logarithms of linear light against the plate's: e^-0.1 is a tenth darker.
_DARKER, _DEEP, _DARKEST = -0.08, -0.2, -2.5
_ALIKE, _ALIKE_SHARE = 0.07, 0.4
_DARK_SHARE = 0.7
_DIFFERENT, _SURE = 0.12, 1.5
# How far apart an object and its shadow may seem, and how far a mirror image reaches, as shares of the object's size.
_TOUCHING_PX = 4
_SPECK_PX = 8
_ASIDE = 0.12
_SCALE_AT_MOST = 1.15
# What lies between an object and its shadow is as wide, as a share of the object's size; and the shadow's soft edge.
_BETWEEN = 0.12
_SOFT_PX = 1

T = TypeVar("T")
Field = NDArray[np.float32]


def find_shadows(clip: Clip, masks: Masks) -> Generator[Mask, None, None]:
    """bool [H, W] for each frame in order: shadow or reflection of the masks' object, without the object.

    Reads the clip once; memory does not grow with it.
    """
    with contextlib.closing(_looks(clip, masks)) as looks:
        differences = (difference(window, place) for window, place in around(looks, max(OFFSETS)))
        casts = (_cast(window, place) for window, place in around(differences, _FURTHER_FRAMES))
        for votes, place in around(casts, _VOTING_FRAMES):
            here = votes[place]
            if here is None:
                yield np.zeros((clip.height_px, clip.width_px), np.bool_)
            else:
                yield _full_size(voted(here, [one for one in votes if one is not None]), here.difference, clip)


@dataclass(frozen=True, eq=False)
class Cast:
    """What an object casts in one frame, bool [h, w], by that frame and its near neighbours."""

    cast: Mask
    difference: Difference


def _cast(window: Sequence[Difference | None], place: int) -> Cast | None:
    here = window[place]
    return None if here is None else Cast(cast_by(here, window, place), here)


def voted(here: Cast, votes: Sequence[Cast]) -> Mask:
    """bool [h, w]: what most frames around say in the object's own place, and what hangs together with it.

    So nothing comes or goes for a frame or two.
    """
    share = np.zeros(here.cast.shape, np.float32)
    for one in votes:
        x, y = _places_at(here.difference, one.difference)
        # What lies outside of another's window had no vote: there its border stands for it.
        share += cv2.remap(one.cast.astype(np.float32), x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    share /= len(votes)
    likely, sure = share > _LIKELY_SHARE, share > _SURE_SHARE
    _, regions = cv2.connectedComponents(likely.view(np.uint8))
    is_kept = np.zeros(int(regions.max()) + 1, np.bool_)
    is_kept[np.unique(regions[sure])] = True
    is_kept[0] = False
    return touching(is_kept[regions], here.difference.mask)


def _looks(clip: Clip, masks: Masks) -> Generator[Look, None, None]:
    before: Look | None = None
    with contextlib.closing(clip.frames()) as frames:
        for frame in frames:
            before = look(frame, masks.union(frame.index), before)
            yield before


def around(items: Iterable[T], reach: int) -> Iterator[tuple[Sequence[T], int]]:
    """Each item with those up to `reach` before and after it, and its place among them."""
    held: deque[T] = deque()
    first = current = taken = 0
    for item in items:
        held.append(item)
        taken += 1
        if taken > current + reach:
            yield list(held), current - first
            current += 1
            if current - first > reach:
                held.popleft()
                first += 1
    while current < taken:
        yield list(held), current - first
        current += 1
        if current - first > reach:
            held.popleft()
            first += 1


def cast_by(here: Difference, window: Sequence[Difference | None], place: int) -> Mask:
    """bool [h, w] of the small picture: what the object casts, judged over the frames of `window`."""

    def over(reach: int) -> _Average:
        return _averaged(here, [one for one in window[max(0, place - reach) : place + reach + 1] if one is not None])

    steady, now = over(_STEADY_FRAMES), over(_NOW_FRAMES)
    least = min(_LEAST_FRAMES, sum(one is not None for one in window))
    if not (steady.count >= least).all():
        steady = steady.or_else(over(_FURTHER_FRAMES), least)
    # Feet do not keep their place at a body: there a shadow is believed at once, if it is deep.
    shadow = _darker(steady, _DARKER) | (_darker(now, _DEEP) & here.known & lower_half(here.mask))
    mean = steady.mean
    largest = np.abs(mean).max(axis=2)
    is_sure = (np.abs(mean) / (steady.spread + 0.05)).max(axis=2) > _SURE
    # Lighter than a plate from near the object may only mean that the object's shadow is in the plate.
    is_real = (mean.mean(axis=2) < 0) | here.clear
    mirrored = (largest > _DIFFERENT) & is_sure & is_real & below(here.mask)
    return whole_cast(touching((steady.count >= least) & (shadow | mirrored), here.mask), here.mask)


def _darker(average: _Average, than: float) -> Mask:
    """Darker in most frames, and in all colours about alike."""
    light = average.mean.mean(axis=2)
    colour = average.mean.max(axis=2) - average.mean.min(axis=2)
    is_dark = (light < than) & (light > _DARKEST) & (colour < _ALIKE + _ALIKE_SHARE * -light)
    return np.asarray(is_dark & (average.dark >= _DARK_SHARE * average.count), np.bool_)


@dataclass(frozen=True, eq=False)
class _Average:
    """Over frames, in the place of one. mean, spread: float32 [h, w, 3], of the ratios.

    count, dark: float32 [h, w], in how many of the frames there was one, and in how many of those it was darker.
    """

    mean: Field
    spread: Field
    count: Field
    dark: Field

    def or_else(self, other: _Average, least: int) -> _Average:
        """This one where it is over `least` frames, and the other where it is not."""
        enough = self.count >= least
        return _Average(
            np.where(enough[..., None], self.mean, other.mean),
            np.where(enough[..., None], self.spread, other.spread),
            np.where(enough, self.count, other.count),
            np.where(enough, self.dark, other.dark),
        )


def _averaged(here: Difference, window: Sequence[Difference]) -> _Average:
    total = np.zeros(here.ratio.shape, np.float32)
    squares, count = np.zeros_like(total), np.zeros(here.known.shape, np.float32)
    dark = np.zeros_like(count)
    for one in window:
        x, y = _places_at(here, one)
        ratio = np.asarray(cv2.remap(one.ratio, x, y, cv2.INTER_LINEAR), np.float32)
        known = np.asarray(cv2.remap(one.known.astype(np.float32), x, y, cv2.INTER_LINEAR), np.float32) > 0.99
        total += ratio * known[..., None]
        squares += ratio * ratio * known[..., None]
        count += known
        dark += known & (ratio.mean(axis=2) < _DARKER / 2)
    seen = np.maximum(count, 1)[..., None]
    mean = total / seen
    spread = np.sqrt(np.maximum(squares / seen - mean * mean, 0)).astype(np.float32)
    return _Average(mean.astype(np.float32), spread, count, dark)


def _places_at(here: Difference, other: Difference) -> tuple[Field, Field]:
    """Where each pixel of `here` lies in `other`, if both move with the object: by its middle and its size."""
    (x0, y0, size0), (x1, y1, size1) = here.pose, other.pose
    scale = float(np.clip(size1 / size0, 1 / _SCALE_AT_MOST, _SCALE_AT_MOST))
    height, width = here.known.shape
    rows, columns = here.top + np.arange(height) - y0, here.left + np.arange(width) - x0
    x = np.broadcast_to(columns * scale + x1 - other.left, (height, width))
    y = np.broadcast_to((rows * scale + y1 - other.top)[:, None], (height, width))
    return x.astype(np.float32), y.astype(np.float32)


def below(mask: Mask) -> Mask:
    """bool [h, w]: where a mirror image on level ground may lie: under the object's lower edge, as deep as it is tall.

    A little to the sides too: what mirrors it is not quite level.
    """
    if not mask.any():
        return np.zeros_like(mask)
    height = mask.shape[0]
    _, y, width, tall = cv2.boundingRect(mask.view(np.uint8))
    reach = 2 * max(1, round(_ASIDE * width)) + 1
    wide = np.asarray(cv2.dilate(mask.view(np.uint8), np.ones((1, reach), np.uint8)), np.bool_)
    lowest = np.where(wide.any(axis=0), height - 1 - np.argmax(wide[::-1], axis=0), height)
    rows = np.arange(height)[:, None]
    return np.asarray((rows > lowest - 2) & (rows < y + 2 * tall), np.bool_)


def lower_half(mask: Mask) -> Mask:
    """bool [h, w]: the rows below the object's middle."""
    _, y, _, tall = cv2.boundingRect(mask.view(np.uint8))
    rows = np.arange(mask.shape[0]) > y + tall / 2
    return np.asarray(np.broadcast_to(rows[:, None], mask.shape), np.bool_)


def touching(candidates: Mask, mask: Mask) -> Mask:
    """Those connected regions of the candidates that touch the object; specks and gaps of a pixel or two are evened."""
    near = cv2.dilate(mask.view(np.uint8), np.ones((2 * _TOUCHING_PX + 1, 2 * _TOUCHING_PX + 1), np.uint8))
    _, regions, sizes, _ = cv2.connectedComponentsWithStats((candidates & ~mask).view(np.uint8))
    touched = np.zeros(len(sizes), np.bool_)
    touched[np.unique(regions[near > 0])] = True
    touched &= sizes[:, cv2.CC_STAT_AREA] >= _SPECK_PX
    touched[0] = False
    joined = cv2.morphologyEx((touched[regions] | mask).view(np.uint8), cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8))
    return np.asarray((joined > 0) & ~mask, np.bool_)


def whole_cast(cast: Mask, mask: Mask) -> Mask:
    """A shadow with what lies between it and the object, as under a car, and its soft edge; nothing stays nothing.

    No plate shows the ground that the object always covers, so that holes of the shadow lie where it is deepest.
    """
    if not cast.any():
        return cast
    reach_px = max(2, round(_BETWEEN * float(np.sqrt(mask.sum()))))
    room = reach_px + 1
    both = np.pad((cast | mask).view(np.uint8), room)
    closed = np.asarray(cv2.morphologyEx(both, cv2.MORPH_CLOSE, disc(reach_px))[room:-room, room:-room] > 0, np.bool_)
    closed &= lower_half(mask) | cast
    soft = cv2.dilate((closed & ~mask).view(np.uint8), disc(_SOFT_PX))
    return np.asarray((soft > 0) & ~mask, np.bool_)


def disc(radius_px: int) -> NDArray[np.uint8]:
    size = 2 * radius_px + 1
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size)), np.uint8)


def _full_size(small: Mask, here: Difference, clip: Clip) -> Mask:
    whole = np.zeros(here.shape, np.float32)
    whole[here.top : here.top + small.shape[0], here.left : here.left + small.shape[1]] = small
    large = cv2.resize(whole, (clip.width_px, clip.height_px), interpolation=cv2.INTER_LINEAR)
    return np.asarray(large > 0.4, np.bool_)
