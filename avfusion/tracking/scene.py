"""What all objects of a frame share."""

from __future__ import annotations

from dataclasses import dataclass

from avfusion.clip import Frame
from avfusion.tracking.plate import Picture, Plate
from avfusion.tracking.window import Field


@dataclass(frozen=True)
class Scene:
    """Two frames, the small pictures of both, and what moved between them.

    coarse, coarse_before: uint8 [h, w, 3]; coarse_flow, background: float32 [h, w, 2], from `frame` to `before`.
    """

    before: Frame
    frame: Frame
    coarse: Picture
    coarse_before: Picture
    coarse_flow: Field
    background: Field
    plate: Plate

    @property
    def scale(self) -> tuple[float, float]:
        """Full-size pixels in a coarse pixel, across and down."""
        height, width = self.frame.yuv[0].shape
        return width / self.coarse.shape[1], height / self.coarse.shape[0]
