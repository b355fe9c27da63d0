"""Patch synthesis on one picture: the hole is put together from what the rest of the picture looks like."""

from __future__ import annotations

from collections.abc import Callable

from avfusion.clip import Mask, Rgb
from avfusion.inpainting import Wish
from avfusion.inpainting.hole import NO_WISH
from avfusion.inpainting.telea import Telea


class Patches:
    """A `PictureInpainter`."""

    name = "flow-fill"

    def paint(
        self, picture: Rgb, hole: Mask, wish: Wish = NO_WISH, *, tell: Callable[[int, int], None] | None = None
    ) -> Rgb:
        """As `PictureInpainter.paint` says; `wish` changes nothing."""
        return Telea().paint(picture, hole, wish, tell=tell)
