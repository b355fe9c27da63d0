"""Where one shot of a clip ends and the next begins."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from avfusion.clip import Clip, Frame

_LOOK_PX = 256
# The detector compares a change with the two frames on either side of it.
_WINDOW = 2


def find_shots(
    clip: Clip, start: int = 0, stop: int | None = None, *, on_frame: Callable[[Frame], None] = lambda _: None
) -> tuple[int, ...]:
    """The first frame of each shot in frames start..stop-1, `start` itself first.

    A cut is a change of the whole picture that is large beside those around it: PySceneDetect's adaptive detector, on
    small pictures. Fades are no cuts. `on_frame` is called for each frame and may raise to stop.
    """
    from scenedetect import FrameTimecode
    from scenedetect.detectors import AdaptiveDetector

    detector = AdaptiveDetector(min_scene_len=1, window_width=_WINDOW)
    found = [start]
    shown = 0

    def look(picture: NDArray[np.uint8]) -> None:
        nonlocal shown
        cuts = detector.process_frame(FrameTimecode(shown, fps=25.0), picture)
        found.extend(start + cut.frame_num - _WINDOW for cut in cuts)
        shown += 1

    picture: NDArray[np.uint8] | None = None
    with contextlib.closing(clip.frames(start, stop)) as frames:
        for frame in frames:
            on_frame(frame)
            if picture is None:
                # The first and the last picture are shown again, so that cuts near the ends have neighbours.
                for _ in range(_WINDOW):
                    look(_small(frame))
            picture = _small(frame)
            look(picture)
    if picture is not None:
        for _ in range(_WINDOW):
            look(picture)
    return tuple(found)


def _small(frame: Frame) -> NDArray[np.uint8]:
    """uint8 [h, w, 3], blue first as OpenCV has it, at most `_LOOK_PX` on the longer side."""
    luma, blue, red = frame.yuv
    scale = min(1.0, _LOOK_PX / max(luma.shape))
    size = (max(2, round(luma.shape[1] * scale)), max(2, round(luma.shape[0] * scale)))
    planes = [cv2.resize(plane, size, interpolation=cv2.INTER_AREA) for plane in (luma, red, blue)]
    return np.asarray(cv2.cvtColor(cv2.merge(planes), cv2.COLOR_YCrCb2BGR), np.uint8)
