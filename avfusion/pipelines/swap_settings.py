"""How a swap looks, and what stands behind the object."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from avfusion.clip import Clip
from avfusion.compositing.background import (
    Background,
    Loop,
    Moving,
    OutOfFocus,
    colour_background,
    picture_background,
)
from avfusion.compositing.fit import Fit, FitKind
from avfusion.errors import UsageError
from avfusion.matting import Edges
from avfusion.media.formats import format_of
from avfusion.media.probe import probe
from avfusion.media.write import Encoding
from avfusion.pipelines.frame import one_frame

TRANSPARENT = "transparent"
BLUR = "blur"


@dataclass(frozen=True)
class SwapSettings:
    """How the swap looks.

    edges: `soft` alpha from the image, `hard` the mask as it is, `closed-form` (pymatting, slow). fit, position, scale:
    how the background lies behind the clip. loop: what a shorter background clip does. blur: strength 0..1 for the
    background `blur`. light_wrap, colour_match: 0 (off) to 1.
    """

    edges: Edges = "soft"
    fit: FitKind = "cover"
    position: tuple[float, float] = (0.5, 0.5)
    scale: float = 1.0
    loop: Loop = "loop"
    blur: float = 0.5
    light_wrap: float = 0.0
    colour_match: float = 0.0
    encoding: Encoding = field(default_factory=Encoding)

    def __post_init__(self) -> None:
        for name in ("blur", "light_wrap", "colour_match"):
            if not 0 <= getattr(self, name) <= 1:
                raise UsageError(f"{name.replace('_', ' ')} {getattr(self, name):g}: give a number from 0 to 1.")
        self.placement()

    def placement(self) -> Fit:
        return Fit(self.fit, self.position, self.scale)


def check_output(out: Path, background: str) -> None:
    """Raises `UnknownFormat`, or `UsageError` when the format cannot hold what is asked of it."""
    form = format_of(out)
    if background == TRANSPARENT and not form.alpha_pixels and form.ending == ".mp4":
        raise UsageError(f"{out}: .mp4 has no transparency. Use .webm, .mov (ProRes 4444), .gif or a folder of PNGs.")


def is_file(background: str) -> bool:
    """Whether a background is a picture or clip, and no word and no colour."""
    return bool(background) and background not in (TRANSPARENT, BLUR) and not background.startswith("#")


def open_background(clip: Clip, background: str, settings: SwapSettings) -> Background | None:
    """What to put behind the clip; None for transparent. Raises what reading it raises, and `UsageError`."""
    if background == TRANSPARENT:
        return None
    if background == BLUR:
        return OutOfFocus(settings.blur)
    if background.startswith("#"):
        return colour_background(clip, background)
    source = probe(Path(background))
    if source.frame_count == 1:
        return picture_background(clip, one_frame(source, 0).rgb, settings.placement())
    return Moving(clip, source, settings.placement(), settings.loop)
