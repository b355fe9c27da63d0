"""What moves on its own in a frame: optical flow to the neighbouring frames, less the camera's motion."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from avfusion.clip import Clip, Frame
from avfusion.segmentation import Motion
from avfusion.tracking.motion import affine_field, fine_flow, fit_affine, reliability

FLOW_PX = 432
"""The longer side, at most, of the pictures between which flow is looked for."""

APART_S = 1 / 24
"""How far apart, about, the frames are between which flow is looked for."""

LEAST_RELIABLE = 0.4
"""Of flow that does not lead back to where it began in more of the picture, nothing is believed: a cut, or a blur."""

_GRID_PX = 6
_STRIDE_PX = 4


def neighbours(clip: Clip, frame: int) -> tuple[int, ...]:
    """The frames before and after this one, as far as the clip has them, that show what moves on it."""
    apart = max(1, round(APART_S * float(clip.fps)))
    return tuple(index for index in (frame - apart, frame + apart) if 0 <= index < clip.frame_count)


def motion_on(here: Frame, others: Sequence[Frame]) -> Motion | None:
    """How each place of `here` moves against the camera, in full-size pixels from one frame to the next.

    None where no other frame shows the same scene.
    """
    small = _small(here)
    total = np.zeros((*small.shape, 2), np.float32)
    weight = np.full(small.shape, np.float32(1e-3))
    for there, other in ((_small(other), other) for other in others):
        forth, back = fine_flow(small, there, _STRIDE_PX), fine_flow(there, small, _STRIDE_PX)
        trusted = reliability(forth, back)
        if float(trusted.mean()) >= LEAST_RELIABLE:
            own = (forth - _camera(forth)) / (other.index - here.index)
            total += own * trusted[..., None]
            weight += trusted
    if float(weight.max()) < LEAST_RELIABLE:
        return None
    full_size_px = here.yuv[0].shape[1] / small.shape[1]
    return (total / weight[..., None] * full_size_px).astype(np.float32)


def _camera(flow: NDArray[np.float32]) -> NDArray[np.float32]:
    """One affine motion that most of the picture follows, float32 [h, w, 2]."""
    rows, columns = np.mgrid[0 : flow.shape[0] : _GRID_PX, 0 : flow.shape[1] : _GRID_PX]
    points = np.column_stack([columns.ravel(), rows.ravel()]).astype(np.float64)
    vectors = flow[::_GRID_PX, ::_GRID_PX].reshape(-1, 2).astype(np.float64)
    return affine_field(fit_affine(points, vectors, np.ones(len(points))), (flow.shape[0], flow.shape[1]))


def _small(frame: Frame) -> NDArray[np.uint8]:
    luma = frame.yuv[0]
    scale = min(1.0, FLOW_PX / max(luma.shape))
    # DIS needs some pixels to build its pyramid on.
    size = (max(16, round(luma.shape[1] * scale)), max(16, round(luma.shape[0] * scale)))
    return np.asarray(cv2.resize(luma, size, interpolation=cv2.INTER_AREA), np.uint8)
