"""frame + hard mask -> alpha and foreground colour. All work happens in the unknown band around the mask's edge."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray

from avfusion.clip import Frame, Mask
from avfusion.matting.matte import Edges, Matte, band_px, edge_window, hard_matte
from avfusion.matting.soft import soft_matte
from avfusion.matting.steady import Steadier

__all__ = ["Edges", "Matte", "Matting", "band_px", "hard_matte"]


class Matting:
    """Mattes for the frames of one clip, one after another: the last one steadies the next."""

    def __init__(self, edges: Edges = "soft") -> None:
        self._edges = edges
        self._steadier = Steadier()

    def matte(self, frame: Frame, mask: Mask) -> Matte:
        """The matte of `mask` (bool [H, W]) on `frame`."""
        if self._edges == "hard":
            return hard_matte(mask)
        window = edge_window(mask)
        if window is None:
            self._steadier.forget()
            return hard_matte(mask)
        radius = band_px(mask)
        motion = self._steadier.motion(frame, window)
        if motion is not None:
            mask = self._steadier.calmed(frame, mask, motion, radius)
            radius = motion.band_px(mask, radius)
        matte = self._of_one_frame(frame, mask, radius)
        return self._steadier.steadied(frame, matte, motion)

    def state(self) -> dict[str, NDArray[Any]]:
        """What is known of the frame before, as plain arrays: `restore` takes it in another process."""
        return self._steadier.state()

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        self._steadier.restore(state)

    def _of_one_frame(self, frame: Frame, mask: Mask, radius: int) -> Matte:
        window = edge_window(mask)
        if window is None:
            return hard_matte(mask)
        if self._edges == "closed-form":
            from avfusion.matting.closed_form import closed_form_matte

            return closed_form_matte(frame, mask, window, radius)
        return soft_matte(frame, mask, window, radius)
