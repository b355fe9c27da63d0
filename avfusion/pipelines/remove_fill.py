"""Which inpainter works, and how: on key frames, on each frame, or on the clip by itself."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import numpy as np

from avfusion.clip import Mask, Rgb
from avfusion.engines.registry import Settled, settle
from avfusion.errors import UsageError
from avfusion.inpainting import ClipInpainter, PictureInpainter, Wish
from avfusion.inpainting.each_frame import EachFrame
from avfusion.inpainting.flow_fill import FlowFill, FlowFillSettings
from avfusion.inpainting.telea import Telea
from avfusion.media.journal import Journal
from avfusion.pipelines.progress import OnProgress, ShouldStop, Teller
from avfusion.pipelines.remove_settings import RemoveSettings

FILLING = "filling"
"""The stage that goes frame by frame through the result."""

GENERATING = "generating"
"""The stage of engines that make many frames at once, in steps."""

# The first is told by whoever takes the frames, with a picture; the second by `Counted`, with a number.
_TOLD_ELSEWHERE = (FILLING, "inventing")

_NO_WISH = Wish()


def settled_inpainter(engine: str, device: str, settings: RemoveSettings) -> Settled:
    """The inpainter for a wish. Raises as `settle` does, and `UsageError` for words to an engine that takes none."""
    by_words = bool(settings.words.strip() or settings.unwanted.strip())
    settled = settle("inpainting", engine, device, understands="words" if by_words and engine == "auto" else None)
    if by_words and "words" not in settled.engine.understands:
        raise UsageError(
            f"{settled.engine.name} takes no words. Leave them out, or name an engine that does, like sd-1.5-inpaint."
        )
    return settled


class Tells:
    """What inpainters tell, passed on: a `Teller` for each stage. Raises `Stopped` when asked to stop."""

    def __init__(self, on_progress: OnProgress | None, should_stop: ShouldStop | None) -> None:
        self._on_progress, self._should_stop = on_progress, should_stop
        self._tellers: dict[str, Teller] = {}
        self._still = Teller("", 0, None, should_stop)

    def __call__(self, stage: str, done: int, total: int) -> None:
        if stage in _TOLD_ELSEWHERE:
            self._still.check()
            return
        self._at(stage, done, total, "steps" if stage == GENERATING else "frames")

    def total(self, stage: str) -> int:
        """How much there is to do in a stage; 0 where nothing was told of it."""
        return self._tellers[stage].total if stage in self._tellers else 0

    def painting(self, number: int, step: int, steps: int) -> None:
        """Step `step` of picture `number`, which counts from 1."""
        if steps > 1:
            self._at(f"painting {number}", step, steps, "steps")
        else:
            self._still.check()

    def _at(self, stage: str, done: int, total: int, unit: str) -> None:
        if stage not in self._tellers:
            self._tellers[stage] = Teller(stage, total, self._on_progress, self._should_stop, unit)
        self._tellers[stage].at(done, total)


class Counted:
    """A painter that counts its pictures and tells its steps. painted: what it has painted in an earlier run."""

    def __init__(self, painter: PictureInpainter, tells: Tells, painted: Journal | None = None) -> None:
        self._painter, self._tells, self._painted = painter, tells, painted
        self.generations = 0

    @property
    def name(self) -> str:
        return self._painter.name

    def paint(
        self, picture: Rgb, hole: Mask, wish: Wish = _NO_WISH, *, tell: Callable[[int, int], None] | None = None
    ) -> Rgb:
        """As the painter does."""
        self.generations += 1
        number = self.generations

        def told(step: int, steps: int) -> None:
            self._tells.painting(number, step, steps)
            if tell is not None:
                tell(step, steps)

        if self._painted is None:
            return self._painter.paint(picture, hole, wish, tell=told)
        said = hashlib.sha256(f"{self.name} {wish} {picture.shape}".encode())
        said.update(np.packbits(hole).tobytes() + picture.tobytes())
        piece = said.hexdigest()[:32]
        known = self._painted.load(f"{piece}.npz") if self._painted.find(piece) is not None else None
        if known is not None:
            made = picture.copy()
            made[hole] = known["inside"]
            return made
        made = self._painter.paint(picture, hole, wish, tell=told)
        self._painted.save(f"{piece}.npz", {"inside": made[hole]})
        self._painted.note(piece, files=[f"{piece}.npz"])
        return made


def filler(
    loaded: object, settings: RemoveSettings, tells: Tells, painted: Journal | None = None
) -> tuple[ClipInpainter, Counted | None]:
    """How a loaded engine fills a clip, and who counts what it paints; None where it paints no single pictures.

    A painter works on key frames, and flow carries what it invents; telea, and whatever is asked to, on each frame.
    painted: where pictures are kept that were painted. Raises `UsageError`.
    """
    if isinstance(loaded, PictureInpainter):
        # telea paints as fast as it could be kept
        counted = Counted(loaded, tells, None if isinstance(loaded, Telea) else painted)
        if settings.each_frame or isinstance(loaded, Telea):
            return EachFrame(counted), counted
        return FlowFill(counted, FlowFillSettings(replace=settings.replace)), counted
    if not isinstance(loaded, ClipInpainter):
        raise TypeError(f"{loaded!r} is no inpainter")
    if settings.each_frame:
        raise UsageError(f"{loaded.name} works on clips and cannot paint each frame for itself.")
    return loaded, None
