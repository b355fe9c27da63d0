"""Keeps edges from shimmering: mask, alpha and colour lean on those of the frame before, brought along the motion."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from avfusion.clip import Frame, Mask
from avfusion.matting.matte import Matte, Window, band_depth
from avfusion.matting.sampling import sampled
from avfusion.tracking.motion import dense_flow

# Pixels on which motion is measured: enough to follow an edge, and cheap beside the matte itself.
_MOTION_PIXELS = 30_000
# How much of the frame before stays where it fits, of the mask and of the matte, and the difference of luma that counts
# as not fitting.
_MASK_STAYS = 0.5
_MATTE_STAYS = 0.6
_FITTING_LUMA = 6.0
# Difference of motion within so many pixels of the small picture, and the one at which an edge is left alone.
_AROUND = 9
_SHEAR_PX = 0.35
# An open shutter smears half of the way that the picture moves in a frame, to both sides of the edge.
_SMEAR = 0.25
_WIDEST = 3


@dataclass(frozen=True, eq=False)
class _Last:
    matte: Matte
    luma: NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Motion:
    """From each pixel of a window to its place in the frame before.

    back: float32 [h, w, 2] of a smaller size, in pixels of the whole picture. shear: float32 [h, w], by how much that
    differs around a pixel: where an object moves against what lies behind, no single place is right for an edge.
    """

    window: Window
    back: NDArray[np.float32]
    shear: NDArray[np.float32]

    def before(
        self, rows: NDArray[np.intp], columns: NDArray[np.intp]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
        """Of pixels of the whole picture: x and y in the frame before, and 0..1 how far to go by them."""
        top, left, bottom, right = self.window
        height, width = self.back.shape[:2]
        x = (columns - left + 0.5) * (width / (right - left)) - 0.5
        y = (rows - top + 0.5) * (height / (bottom - top)) - 0.5
        shift = sampled(self.back, x, y)
        trust = np.exp(-((sampled(self.shear, x, y) / np.float32(_SHEAR_PX)) ** 2))
        return (columns + shift[:, 0]).astype(np.float32), (rows + shift[:, 1]).astype(np.float32), trust

    def band_px(self, mask: Mask, usual: int) -> int:
        """Half the width of the band where the object's edge is smeared by its motion."""
        top, left, bottom, right = self.window
        size = (self.back.shape[1], self.back.shape[0])
        inside = cv2.resize(mask[top:bottom, left:right].view(np.uint8), size, interpolation=cv2.INTER_NEAREST) > 0
        if not inside.any() or inside.all():
            return usual
        # Against what lies behind: a camera that follows the object smears the background alone.
        speed = float(np.linalg.norm(np.median(self.back[inside], 0) - np.median(self.back[~inside], 0)))
        return int(min(_WIDEST * usual, max(usual, round(_SMEAR * speed))))


class Steadier:
    """What it knows of the frame before. Ask `motion` first, then `calmed` and `steadied`."""

    def __init__(self) -> None:
        self._last: _Last | None = None

    def forget(self) -> None:
        self._last = None

    def state(self) -> dict[str, NDArray[Any]]:
        """What is known of the frame before, as plain arrays; none where nothing is."""
        if self._last is None:
            return {}
        matte = self._last.matte
        parts = {
            "luma": self._last.luma, "alpha": matte.alpha, "at": np.array([matte.top, matte.left]),
            "foreground": matte.foreground, "depth": matte.depth,
        }  # fmt: skip
        return {name: part for name, part in parts.items() if part is not None}

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Takes what `state` gave."""
        self._last = None
        if "luma" in state:
            top, left = (int(place) for place in state["at"])
            matte = Matte(state["alpha"], top, left, state.get("foreground"), state.get("depth"))
            self._last = _Last(matte, state["luma"])

    def motion(self, frame: Frame, window: Window) -> Motion | None:
        """How the picture moved within a window; None on the first frame. Dense inverse search flow (Kroeger 2016)."""
        if self._last is None:
            return None
        top, left, bottom, right = window
        scale = min(1.0, (_MOTION_PIXELS / ((bottom - top) * (right - left))) ** 0.5)
        size = (max(16, round((right - left) * scale)), max(16, round((bottom - top) * scale)))
        now, before = (
            cv2.resize(luma[top:bottom, left:right], size, interpolation=cv2.INTER_AREA)
            for luma in (frame.yuv[0], self._last.luma)
        )
        flow = dense_flow(cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST), now, before)
        enlarge = np.array([(right - left) / size[0], (bottom - top) / size[1]], np.float32)
        back = flow * enlarge
        around = np.ones((_AROUND, _AROUND), np.uint8)
        spread = np.asarray(cv2.dilate(back, around) - cv2.erode(back, around), np.float32)
        return Motion(window, back, spread.max(axis=2))

    def calmed(self, frame: Frame, mask: Mask, motion: Motion, radius: int) -> Mask:
        """The mask with its outline half-way to where it was, so far as the picture there is the same."""
        assert self._last is not None
        top, left, bottom, right = motion.window
        depth = band_depth(np.ascontiguousarray(mask[top:bottom, left:right]).view(np.uint8), radius)
        rows, columns = np.nonzero((depth > 0) & (depth < 1))
        if not len(rows):
            return mask
        x, y, trust = motion.before(rows + top, columns + left)
        stays = _MASK_STAYS * trust * self._fits(frame, rows + top, columns + left, x, y)
        before = sampled(self._last.matte.alpha, x, y) / 255
        calm = mask.copy()
        calm[top:bottom, left:right][rows, columns] = depth[rows, columns] * (1 - stays) + before * stays > 0.5
        return calm

    def steadied(self, frame: Frame, matte: Matte, motion: Motion | None) -> Matte:
        """The matte, leaning on the one before inside the band; it becomes the one before for the next frame."""
        if self._last is not None and motion is not None and matte.depth is not None:
            rows, columns = np.nonzero((matte.depth > 0) & (matte.depth < 1))
            if len(rows):
                self._lean(frame, matte, motion, rows, columns)
        self._last = _Last(matte, frame.yuv[0])
        return matte

    def _lean(
        self, frame: Frame, matte: Matte, motion: Motion, rows: NDArray[np.intp], columns: NDArray[np.intp]
    ) -> None:
        assert self._last is not None
        last = self._last.matte
        x, y, trust = motion.before(rows + matte.top, columns + matte.left)
        stays = _MATTE_STAYS * trust * self._fits(frame, rows + matte.top, columns + matte.left, x, y)
        alpha = matte.alpha[matte.top :, matte.left :]
        alpha[rows, columns] = _towards(alpha[rows, columns], sampled(last.alpha, x, y), stays)
        if matte.foreground is not None and last.foreground is not None:
            there = sampled(last.foreground, x - last.left, y - last.top)
            now = matte.foreground[rows, columns]
            matte.foreground[rows, columns] = _towards(now, there, stays[:, None])

    def _fits(
        self,
        frame: Frame,
        rows: NDArray[np.intp],
        columns: NDArray[np.intp],
        x: NDArray[np.float32],
        y: NDArray[np.float32],
    ) -> NDArray[np.float32]:
        """0..1: how well each pixel fits its place in the frame before; 0 where that lies outside the picture."""
        assert self._last is not None
        luma = self._last.luma
        change = frame.yuv[0][rows, columns] - sampled(luma, x, y)
        inside = (x >= 0) & (y >= 0) & (x <= luma.shape[1] - 1) & (y <= luma.shape[0] - 1)
        return np.exp(-((change / np.float32(_FITTING_LUMA)) ** 2)) * inside


def _towards(now: NDArray[np.uint8], before: NDArray[np.float32], share: NDArray[np.float32]) -> NDArray[np.uint8]:
    return np.rint(now + share * (before - now)).astype(np.uint8)
