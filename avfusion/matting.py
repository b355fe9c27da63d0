"""frame + hard mask -> alpha and foreground colour. All work happens in the unknown band around the mask's edge."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from avfusion.clip import Frame, Mask

Edges = Literal["soft", "hard", "closed-form"]

# Half the width of the band, as a part of the picture's shorter side: 6 px at 1080 lines. A wider one catches more of a
# rough mask's mistakes and lets more of the texture on both sides into alpha.
_BAND = 0.0055
# Difference of foreground and background colour (8-bit, all channels) at which colour and mask count alike.
_TELLING_CONTRAST = 28.0
# How much sharper the mask's own edge is taken to be than the whole band.
_MASK_SHARPNESS = 3.0
# How much of the previous alpha stays where nothing moved, and the change of luma that counts as movement.
_STEADINESS = 0.6
_STILL_LUMA = 6.0
# Weight of mask pixels inside the band for the local colours: they only count where nothing surer is near.
_UNSURE = 0.01


@dataclass(frozen=True, eq=False)
class Matte:
    """alpha: uint8 [H, W] opacity. The rest describes the window (top, left, h, w) that holds the whole edge.

    foreground: uint8 [h, w, 3], the object's own colour where alpha is partial and the frame's elsewhere, or None for a
    hard edge. depth: float32 [h, w], 0 outside the object to 1 inside, rising through the band.
    """

    alpha: NDArray[np.uint8]
    top: int = 0
    left: int = 0
    foreground: NDArray[np.uint8] | None = None
    depth: NDArray[np.float32] | None = None


class Matting:
    """Mattes for the frames of one clip, one after another: the last one steadies the next."""

    def __init__(self, edges: Edges = "soft") -> None:
        self._edges = edges
        self._last: tuple[NDArray[np.uint8], NDArray[np.uint8]] | None = None

    def matte(self, frame: Frame, mask: Mask) -> Matte:
        """The matte of `mask` (bool [H, W]) on `frame`."""
        if self._edges == "hard":
            return hard_matte(mask)
        window = _window(mask)
        if window is None:
            self._last = None
            return hard_matte(mask)
        soft = _closed_form(frame, mask, window) if self._edges == "closed-form" else _soft(frame, mask, window)
        return self._steadied(frame, soft)

    def _steadied(self, frame: Frame, matte: Matte) -> Matte:
        """Alpha leans on the previous frame's where the picture did not change, so that still edges do not shimmer."""
        luma = frame.yuv[0]
        if self._last is not None and matte.depth is not None:
            last_alpha, last_luma = self._last
            height, width = matte.depth.shape
            view = np.s_[matte.top : matte.top + height, matte.left : matte.left + width]
            rows, columns = np.nonzero((matte.depth > 0) & (matte.depth < 1))
            now, before = matte.alpha[view][rows, columns], last_alpha[view][rows, columns]
            change = luma[view][rows, columns].astype(np.float32) - last_luma[view][rows, columns]
            stay = _STEADINESS * np.exp(-((change / _STILL_LUMA) ** 2))
            matte.alpha[view][rows, columns] = np.rint(now + stay * (before.astype(np.float32) - now)).astype(np.uint8)
        self._last = (matte.alpha, luma)
        return matte


def hard_matte(mask: Mask) -> Matte:
    """Alpha 0 or 255, nothing between."""
    return Matte(mask.view(np.uint8) * np.uint8(255))


def band_px(mask: Mask) -> int:
    """Half the width of the unknown band for a picture of this size."""
    return max(2, round(min(mask.shape) * _BAND))


def _window(mask: Mask) -> tuple[int, int, int, int] | None:
    """(top, left, bottom, right) of the mask and what its edge may reach; None for an empty mask."""
    left, top, width, height = cv2.boundingRect(mask.view(np.uint8))
    if width == 0:
        return None
    margin = 6 * band_px(mask)
    rows, columns = mask.shape
    return (
        max(0, top - margin),
        max(0, left - margin),
        min(rows, top + height + margin),
        min(columns, left + width + margin),
    )


def _depth(mask: NDArray[np.uint8], radius: int) -> NDArray[np.float32]:
    """Part of the (2r+1)-square around each pixel that lies in the mask: 0 outside the band, 1 inside the object."""
    side = 2 * radius + 1
    count = cv2.boxFilter(mask, cv2.CV_16U, (side, side), normalize=False, borderType=cv2.BORDER_REPLICATE)
    return count.astype(np.float32) * np.float32(1.0 / (side * side))


def _soft(frame: Frame, mask: Mask, window: tuple[int, int, int, int]) -> Matte:
    """Alpha from colour: where between the colours of the nearby object and the nearby background does a pixel lie?

    Where those two are alike, or each varies as much as they differ, the mask's own blurred edge decides instead. The
    foreground colour then follows from blur fusion (Forte, ICIP 2021: approximate fast foreground colour estimation).
    """
    top, left, bottom, right = window
    rgb = frame.rgb[top:bottom, left:right]
    inside = np.ascontiguousarray(mask[top:bottom, left:right]).view(np.uint8)
    radius = band_px(mask)
    depth = _depth(inside, radius)
    rows, columns = np.nonzero((depth > 0.0) & (depth < 1.0))
    alpha = mask.view(np.uint8) * np.uint8(255)
    if not len(rows):
        return Matte(alpha, top, left, rgb, depth)
    at = depth[rows, columns]
    pixels = rgb[rows, columns].astype(np.float32)
    object_colour, background_colour, spread = _local_colours(rgb, inside, depth, radius, rows, columns)
    between = object_colour - background_colour
    contrast = np.einsum("nc,nc->n", between, between)
    by_colour = np.einsum("nc,nc->n", pixels - background_colour, between) / np.maximum(contrast, 1.0)
    telling = contrast / (contrast + np.float32(_TELLING_CONTRAST**2) + spread)
    # Blurred mask edge, sharper than `depth` itself.
    by_mask = np.clip((at - 0.5) * _MASK_SHARPNESS + 0.5, 0.0, 1.0)
    mixed = telling * np.clip(by_colour, 0.0, 1.0) + (1.0 - telling) * by_mask
    # Towards the band's borders the mask is trusted more, so that alpha meets 0 and 1 there without a step.
    trust = (2.0 * np.abs(at - 0.5)) ** 4
    mixed = (1.0 - trust) * mixed + trust * (at > 0.5)
    canvas = inside.astype(np.float32)
    canvas[rows, columns] = mixed
    mixed = _guided(canvas, frame.yuv[0][top:bottom, left:right], radius)[rows, columns]
    mixed = np.where(mixed < 0.02, 0.0, np.where(mixed > 0.98, 1.0, mixed)).astype(np.float32)
    alpha[top:bottom, left:right][rows, columns] = np.rint(mixed * 255.0).astype(np.uint8)
    a = mixed[:, None]
    colour = object_colour + a * (pixels - a * object_colour - (1.0 - a) * background_colour)
    foreground = rgb.copy()
    foreground[rows, columns] = np.clip(np.rint(colour), 0, 255).astype(np.uint8)
    return Matte(alpha, top, left, foreground, depth)


def _local_colours(
    rgb: NDArray[np.uint8], inside: NDArray[np.uint8], depth: NDArray[np.float32], radius: int,
    rows: NDArray[np.intp], columns: NDArray[np.intp],
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:  # fmt: skip
    """Mean colours (float32 [n, 3]) of the sure object and the sure background near the n listed pixels, and how far
    colours spread around these means there (the two variances added, [n])."""
    step = max(1, radius // 2)
    height, width = depth.shape
    size = (max(1, width // step), max(1, height // step))
    small = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA).astype(np.float32)
    sure_object = (depth >= 1.0).astype(np.float32) + _UNSURE * inside
    sure_background = (depth <= 0.0).astype(np.float32) + _UNSURE * (1 - inside)
    reach = max(2, round(1.5 * radius / step))
    window = (2 * reach + 1, 2 * reach + 1)
    where = _grid(rows, columns, height / size[1], width / size[0])
    energy = np.einsum("hwc,hwc->hw", small, small)
    colours: list[NDArray[np.float32]] = []
    spread = np.zeros(len(rows), np.float32)
    for weight in (sure_object, sure_background):
        thin = cv2.resize(weight, size, interpolation=cv2.INTER_AREA)
        share: NDArray[np.float32] = np.maximum(_sampled(cv2.blur(thin, window), where, len(rows)), np.float32(1e-6))
        mean: NDArray[np.float32] = (
            _sampled(cv2.blur(small * thin[..., None], window), where, len(rows)) / share[:, None]
        )
        square = _sampled(cv2.blur(energy * thin, window), where, len(rows)) / share
        colours.append(mean)
        spread += np.maximum(square - np.einsum("nc,nc->n", mean, mean), 0.0)
    return colours[0], colours[1], spread


def _sampled(
    values: NDArray[np.float32], where: tuple[NDArray[np.float32], NDArray[np.float32]], count: int
) -> NDArray[np.float32]:
    """The values at `count` real-valued places, bilinear: [count] or [count, channels]."""
    found: NDArray[np.float32] = cv2.remap(values, *where, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return found.reshape(-1, *values.shape[2:])[:count]


def _grid(
    rows: NDArray[np.intp], columns: NDArray[np.intp], row_step: float, column_step: float
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """x and y maps for cv2.remap, 1024 to a line: it takes no lists, and no side above 32767."""
    lines = -(-len(rows) // 1024)
    maps = np.zeros((2, lines * 1024), np.float32)
    maps[0, : len(rows)] = (columns + 0.5) / column_step - 0.5
    maps[1, : len(rows)] = (rows + 0.5) / row_step - 0.5
    return maps[0].reshape(lines, 1024), maps[1].reshape(lines, 1024)


def _guided(alpha: NDArray[np.float32], luma: NDArray[np.uint8], radius: int) -> NDArray[np.float32]:
    """The guided filter (He et al., 2013) of `alpha` by luma, its coefficients at a lower size (He and Sun, 2015)."""
    height, width = alpha.shape
    step = max(1, radius // 3)
    size = (max(1, width // step), max(1, height // step))
    guide = cv2.resize(luma, size, interpolation=cv2.INTER_AREA).astype(np.float32) / 255.0
    small = cv2.resize(alpha, size, interpolation=cv2.INTER_AREA)
    window = (3, 3)
    mean_guide, mean_alpha = cv2.blur(guide, window), cv2.blur(small, window)
    mean_square, mean_product = cv2.blur(guide * guide, window), cv2.blur(guide * small, window)
    slope = (mean_product - mean_guide * mean_alpha) / (mean_square - mean_guide * mean_guide + 1e-3)
    offset = mean_alpha - slope * mean_guide
    whole = (width, height)
    slope = cv2.resize(cv2.blur(slope, window), whole, interpolation=cv2.INTER_LINEAR)
    offset = cv2.resize(cv2.blur(offset, window), whole, interpolation=cv2.INTER_LINEAR)
    guided: NDArray[np.float32] = slope * (luma * np.float32(1 / 255.0)) + offset
    return np.clip(guided, 0.0, 1.0, out=guided)


def _closed_form(frame: Frame, mask: Mask, window: tuple[int, int, int, int]) -> Matte:
    """Closed-form matting (Levin et al., 2008) and multi-level foreground estimation, through pymatting."""
    from pymatting import estimate_alpha_cf, estimate_foreground_ml

    top, left, bottom, right = window
    rgb = frame.rgb[top:bottom, left:right]
    depth = _depth(np.ascontiguousarray(mask[top:bottom, left:right]).view(np.uint8), band_px(mask))
    trimap = np.where(depth >= 1.0, 1.0, np.where(depth <= 0.0, 0.0, 0.5))
    image = rgb.astype(np.float64) / 255.0
    solved = estimate_alpha_cf(image, trimap)
    colour = estimate_foreground_ml(image, solved)
    alpha = mask.view(np.uint8) * np.uint8(255)
    alpha[top:bottom, left:right] = np.rint(solved * 255.0).astype(np.uint8)
    partial = (solved > 0.0) & (solved < 1.0)
    foreground = np.where(partial[..., None], np.rint(np.clip(colour, 0, 1) * 255.0).astype(np.uint8), rgb)
    return Matte(alpha, top, left, foreground, depth)
