"""Alpha from colour in the unknown band, smoothed along the picture's edges: made for speed."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from avfusion.clip import Frame, Mask
from avfusion.matting.matte import Matte, Window, band_depth
from avfusion.matting.sampling import sampled

# Difference of foreground and background colour (8-bit, all channels) at which colour and mask count alike.
_TELLING_CONTRAST = 28.0
# How much sharper the mask's own edge is taken to be than the whole band.
_MASK_SHARPNESS = 3.0
# Weight of mask pixels inside the band for the local colours: they only count where nothing surer is near.
_UNSURE = 0.01


def soft_matte(frame: Frame, mask: Mask, window: Window, radius: int) -> Matte:
    """Alpha from colour: where between the colours of the nearby object and the nearby background does a pixel lie?

    Where those two are alike, or each varies as much as they differ, the mask's own blurred edge decides instead. The
    foreground colour then follows from blur fusion (Forte, ICIP 2021: approximate fast foreground colour estimation).
    """
    top, left, bottom, right = window
    rgb = frame.rgb[top:bottom, left:right]
    inside = np.ascontiguousarray(mask[top:bottom, left:right]).view(np.uint8)
    depth = band_depth(inside, radius)
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
    x = (columns + 0.5) * (size[0] / width) - 0.5
    y = (rows + 0.5) * (size[1] / height) - 0.5
    energy = np.einsum("hwc,hwc->hw", small, small)
    colours: list[NDArray[np.float32]] = []
    spread = np.zeros(len(rows), np.float32)
    for weight in (sure_object, sure_background):
        thin = cv2.resize(weight, size, interpolation=cv2.INTER_AREA)
        share: NDArray[np.float32] = np.maximum(sampled(cv2.blur(thin, window), x, y), np.float32(1e-6))
        mean: NDArray[np.float32] = sampled(cv2.blur(small * thin[..., None], window), x, y) / share[:, None]
        square = sampled(cv2.blur(energy * thin, window), x, y) / share
        colours.append(mean)
        spread += np.maximum(square - np.einsum("nc,nc->n", mean, mean), 0.0)
    return colours[0], colours[1], spread


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
