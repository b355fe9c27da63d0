"""What the frames on one side of a frame show behind its hole, each pixel sampled once from where it was last seen.

A clip is gone through in one direction. For every pixel of the hole it is kept from which frame it comes and from
where in it; colours are taken from that frame itself, so that they do not blur from frame to frame.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from avfusion.clip import Mask, Rgb
from avfusion.inpainting.flow_fill_motion import Field, Small, depart, places
from avfusion.inpainting.flow_fill_seam import BAND_PX, drift, mismatch, nearest_in
from avfusion.inpainting.flow_fill_survey import Survey
from avfusion.inpainting.hole import Window, window_around

KEPT_FRAMES = 32
"""So many frames stay in memory to be sampled from; what was seen before is sampled from a filled frame."""

SLID_PX = 0.04
"""What has slid by less is left as it is."""

NEVER = 65535
"""The age of what was not seen."""

_ROW = 512
GOLDEN = 0.6180339887
_THREE = np.ones((3, 3), np.uint8)
_RIM = np.ones((5, 5), np.uint8)  # beside the hole, interpolation would mix in what is to go


@dataclass(frozen=True, eq=False)
class Carried:
    """What one direction has for the n pixels of a hole, row by row.

    colour: uint8 [n, 3]. age: uint16 [n], frames since it was seen, NEVER if it was not. doubt: uint8 [n], how unlike
    the frame its source was around the hole, of 255, at the worst since it was hidden.
    """

    colour: NDArray[np.uint8]
    age: NDArray[np.uint16]
    doubt: NDArray[np.uint8]


@dataclass(eq=False)
class Origins:
    """Where the pixels of a window come from: frame number (-1 nowhere), x, y in it, and when they were last seen.

    doubt: how unlike the frame that was around the hole, at the worst since then. What was torn once stays torn, though
    later frames show nothing of it.
    """

    window: Window
    source: NDArray[np.int32]
    x: Field
    y: Field
    born: NDArray[np.int32]
    doubt: Field


@dataclass(eq=False)
class _Kept:
    """A frame with its hole filled as far as it was known, and 0 or 255: its hole, and what of it is not filled."""

    filled: Rgb
    hole: NDArray[np.uint8]
    unknown: NDArray[np.uint8]


class Carrier:
    """Goes through one shot in one direction, `step` by `step`."""

    def __init__(self, known: Survey) -> None:
        self._known = known
        self._kept: dict[int, _Kept] = {}
        self._small: Small | None = None
        self._last = -1
        self._origins: Origins | None = None
        self.departure: Field | None = None

    def step(self, index: int, rgb: Rgb, hole: Mask) -> Carried:
        """The next frame of the direction."""
        rim = cv2.dilate(hole.view(np.uint8), _RIM).view(np.bool_)
        carried = self._step(index, rgb, rim)
        self._kept[index].unknown &= _veil(hole)
        own = hole[rim]
        return Carried(carried.colour[own], carried.age[own], carried.doubt[own])

    def _step(self, index: int, rgb: Rgb, hole: Mask) -> Carried:
        small = Small(rgb, hole)
        origins = None
        window = window_around(hole, BAND_PX + 2)
        if self._small is None:
            small.cover()
        else:
            camera = self._known.towards(index, self._last)
            self.departure = depart(small, self._small, camera, self.departure)
            if window is not None:
                origins = self._follow(window, *places(window, camera, self.departure, small.scale))
        carried, filled = self._fill(index, rgb, hole, window, origins)
        unknown = hole.copy()
        unknown[hole] = carried.age == NEVER
        self._kept[index] = _Kept(filled, _veil(hole), _veil(unknown))
        if len(self._kept) > KEPT_FRAMES:
            del self._kept[next(iter(self._kept))]
        self._small, self._last = small, index
        return carried

    def _follow(self, window: Window, x: Field, y: Field) -> Origins:
        """The origins of pixels that lie at x, y in the last frame."""
        last = self._kept[self._last]
        height, width = last.hole.shape
        inside = (x > -0.5) & (y > -0.5) & (x < width - 0.5) & (y < height - 0.5)
        found = Origins(
            window,
            np.where(inside, self._last, -1).astype(np.int32),
            x.copy(),
            y.copy(),
            np.full(x.shape, self._last, np.int32),
            np.zeros(x.shape, np.float32),
        )
        if last.hole.any():
            covered = cv2.remap(last.hole, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
            hidden = inside & (covered > 0)
            self._inherit(found, hidden)
        return found

    def _inherit(self, found: Origins, hidden: Mask) -> None:
        """Pixels that were hidden in the last frame too come from where they came from there."""
        before = self._origins
        if before is None:
            found.source[hidden] = -1
            return
        rows, columns = before.window
        x, y = found.x[hidden] - columns.start, found.y[hidden] - rows.start
        height, width = before.source.shape
        # Always rounding to the nearest would let borders between sources creep when all moves by 0.7 pixels a frame.
        dither = self._last * GOLDEN % 1
        column = np.clip(np.floor(x + dither).astype(np.intp), 0, width - 1)
        row = np.clip(np.floor(y + dither).astype(np.intp), 0, height - 1)
        source = before.source[row, column]
        as_float = before.source.astype(np.float32)
        same = cv2.erode(as_float, _THREE) == cv2.dilate(as_float, _THREE)
        smooth = same[row, column]
        for mine, theirs, at, near in ((found.x, before.x, x, column), (found.y, before.y, y, row)):
            nearby = theirs[row, column] + (at - near)
            mine[hidden] = np.where(smooth, gathered(theirs, x, y), nearby)
        found.source[hidden] = source
        found.born[hidden] = before.born[row, column]
        found.doubt[hidden] = before.doubt[row, column]

    def _fill(
        self, index: int, rgb: Rgb, hole: Mask, window: Window | None, origins: Origins | None
    ) -> tuple[Carried, Rgb]:
        count = int(hole.sum())
        nothing = Carried(np.zeros((count, 3), np.uint8), np.full(count, NEVER, np.uint16), np.zeros(count, np.uint8))
        if window is None:
            self._origins = None
            return nothing, rgb
        inside = hole[window]
        if origins is None:
            x, y = np.meshgrid(np.arange(inside.shape[1]), np.arange(inside.shape[0]))
            x, y = x.astype(np.float32) + window[1].start, y.astype(np.float32) + window[0].start
            source = np.where(inside, -1, index).astype(np.int32)
            born, sure = np.full(inside.shape, index, np.int32), np.zeros(inside.shape, np.float32)
            self._origins = Origins(window, source, x, y, born, sure)
            return nothing, rgb
        estimate, told = self._joined(index, rgb[window], inside, origins)
        known = inside & told
        origins.source[inside & ~told] = -1
        filled = rgb.copy()
        filled[window][known] = estimate[known]
        age = np.where(known, np.minimum(np.abs(index - origins.born), NEVER - 1), NEVER).astype(np.uint16)
        doubt = np.clip(origins.doubt[inside].round(), 0, 255).astype(np.uint8)
        self._renew(index, origins, inside)
        return Carried(estimate[inside], age[inside], doubt), filled

    def _joined(self, index: int, picture: Rgb, inside: Mask, origins: Origins) -> tuple[NDArray[np.uint8], Mask]:
        """The window's colours brought into line with the frame, and where there are any. Their doubt is noted."""
        band, nearest = nearest_in(inside)
        around = _outwards(origins, band, nearest)
        estimate, told = self._sample(index, around, band, band)
        if told.sum() > 50:
            slid = drift(estimate, picture, told)
            if np.abs(slid).max() > SLID_PX:
                for which in (origins, around):
                    which.x += slid[..., 0]
                    which.y += slid[..., 1]
        estimate, told = self._sample(index, around, band | inside, band)
        change, unlike = mismatch(estimate, picture, told & band)
        np.maximum(origins.doubt, unlike, out=origins.doubt)
        return np.clip(np.rint(estimate + change), 0, 255).astype(np.uint8), told

    def _sample(self, index: int, origins: Origins, wanted: Mask, band: Mask) -> tuple[Field, Mask]:
        """Colours float32 [h, w, 3] of what is wanted, and where there were any.

        On the band, a source that was itself hidden there tells nothing.
        """
        out = np.zeros((wanted.size, 3), np.float32)
        told = np.zeros(wanted.size, np.bool_)
        exposure = self._known.exposure
        for source, here in _by_source(origins.source, wanted):
            kept = self._kept[source]
            x, y = origins.x.ravel()[here], origins.y.ravel()[here]
            gain = np.exp(exposure[index] - exposure[source]).astype(np.float32)
            out[here] = gathered(kept.filled, x, y) * gain
            height, width = kept.hole.shape
            inside = (x > -0.5) & (y > -0.5) & (x < width - 0.5) & (y < height - 0.5)
            on_band = band.ravel()[here]
            for part, veil in ((on_band, kept.hole), (~on_band, kept.unknown)):
                if part.any():
                    told[here[part]] = (gathered(veil, x[part], y[part]) < 8) & inside[part]
        return out.reshape(*wanted.shape, 3), told.reshape(wanted.shape)

    def _renew(self, index: int, origins: Origins, inside: Mask) -> None:
        """What is not hidden is its own origin; what comes from a frame soon forgotten comes from this one now."""
        rows, columns = origins.window
        old = (np.abs(index - origins.source) >= KEPT_FRAMES - 1) & (origins.source >= 0)
        here = old | ~inside
        y, x = np.nonzero(here)
        origins.x[here], origins.y[here] = x + columns.start, y + rows.start
        origins.source[here] = index
        origins.born[~inside], origins.doubt[~inside] = index, 0
        self._origins = origins


def gathered(picture: NDArray[np.uint8] | Field, x: Field, y: Field) -> Field:
    """float32 [n] or [n, channels]: a picture at n real-valued places. Bytes are interpolated cubically."""
    count = len(x)
    rows = max(1, -(-count // _ROW))
    flat = np.zeros((2, rows * _ROW), np.float32)
    flat[0, :count], flat[1, :count] = x, y
    how = cv2.INTER_CUBIC if picture.dtype == np.uint8 else cv2.INTER_LINEAR
    at = flat.reshape(2, rows, _ROW)
    values = cv2.remap(picture, at[0], at[1], how, borderMode=cv2.BORDER_REPLICATE)
    return values.reshape(rows * _ROW, *picture.shape[2:])[:count].astype(np.float32)


def _by_source(source: NDArray[np.int32], wanted: Mask) -> Iterator[tuple[int, NDArray[np.intp]]]:
    """Each source frame (those of no source left out) and the flat indices of the wanted pixels that come from it."""
    places = np.flatnonzero(wanted & (source >= 0))
    if not len(places):
        return
    places = places[np.argsort(source.ravel()[places], kind="stable")]
    numbers = source.ravel()[places]
    for part in np.split(places, np.flatnonzero(np.diff(numbers)) + 1):
        yield int(source.ravel()[part[0]]), part


def _veil(mask: Mask) -> NDArray[np.uint8]:
    return mask.view(np.uint8) * np.uint8(255)


def _outwards(origins: Origins, band: Mask, nearest: NDArray[np.intp]) -> Origins:
    """The same origins, those of the hole's border continued onto the band around it."""
    source, x, y = origins.source.copy(), origins.x.copy(), origins.y.copy()
    rows, columns = np.nonzero(band)
    near_rows, near_columns = np.unravel_index(nearest, band.shape)
    source[band] = origins.source[near_rows, near_columns]
    x[band] = origins.x[near_rows, near_columns] + (columns - near_columns)
    y[band] = origins.y[near_rows, near_columns] + (rows - near_rows)
    return Origins(origins.window, source, x, y, origins.born, origins.doubt)
