"""`flow-fill`: what other frames show behind the hole, and one invention for what none shows."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path

from avfusion.clip import Clip, Mask, Masks, Rgb
from avfusion.inpainting import Filled, PictureInpainter, Tell, Wish
from avfusion.inpainting.each_frame import EachFrame
from avfusion.inpainting.hole import NO_WISH
from avfusion.inpainting.patches import Patches


@dataclass(frozen=True)
class FlowFillSettings:
    """replace: the whole hole is invented on key frames (something else in its place), and nothing seen is used."""

    replace: bool = False


class FlowFill:
    """A `ClipInpainter` and a `PictureInpainter`. `inventor` paints what no frame shows, on key frames only."""

    name = "flow-fill"

    def __init__(self, inventor: PictureInpainter | None = None, settings: FlowFillSettings | None = None) -> None:
        self.inventor = Patches() if inventor is None else inventor
        self.settings = settings or FlowFillSettings()
        self.inventions = 0

    def paint(
        self, picture: Rgb, hole: Mask, wish: Wish = NO_WISH, *, tell: Callable[[int, int], None] | None = None
    ) -> Rgb:
        """As `PictureInpainter.paint` says: the inventor's answer."""
        return self.inventor.paint(picture, hole, wish, tell=tell)

    def fill(
        self, clip: Clip, holes: Masks, wish: Wish = NO_WISH, *, folder: Path, tell: Tell
    ) -> Generator[Filled, None, None]:
        """As `ClipInpainter.fill` says."""
        yield from EachFrame(self.inventor).fill(clip, holes, wish, folder=folder, tell=tell)
