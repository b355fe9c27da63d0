"""One frame of a removal, before the whole clip: the hole, and what would fill it."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from avfusion.clip import Clip, Drawn, Frame, Mask, Masks, MaskTrack, Rgb
from avfusion.engines.memory import falling_back
from avfusion.engines.registry import Settled, lend
from avfusion.errors import MaskCountMismatch, MaskSizeMismatch, PromptOutside, UsageError
from avfusion.inpainting import Filled
from avfusion.inpainting.each_frame import EachFrame
from avfusion.media.cut import cut, later
from avfusion.media.masks import size_message
from avfusion.pipelines.frame import as_clip
from avfusion.pipelines.progress import OnProgress, ShouldStop, Teller
from avfusion.pipelines.remove_fill import FILLING, Tells, filler, settled_inpainter
from avfusion.pipelines.remove_holes import SHADOW, dig, grow_px_of
from avfusion.pipelines.remove_settings import RemoveSettings
from avfusion.pipelines.track import track

_REACH_S = 1.2
_REACH_FRAMES = 12
_TRACKER = "flow"


@dataclass(frozen=True, eq=False)
class Preview:
    """One frame with its hole filled.

    rgb: uint8 [H, W, 3]. hole: bool [H, W], the mask after growing, with shadows. seen, invented: bool [H, W], the
    two parts of the hole. shadow: bool [H, W], what of the hole was taken for a shadow or a reflection. engine: what
    painted it.
    """

    rgb: Rgb
    hole: Mask
    seen: Mask
    invented: Mask
    shadow: Mask
    engine: str
    notes: tuple[str, ...] = ()


@falling_back
def preview(
    clip: Clip | Path | str,
    frame: int,
    mask: Mask | Masks,
    *,
    engine: str = "auto",
    device: str = "auto",
    settings: RemoveSettings | None = None,
    on_progress: OnProgress | None = None,
    should_stop: ShouldStop | None = None,
) -> Preview:
    """How `remove` would leave frame `frame`, from that frame and its neighbours.

    mask: the object on that frame, bool [H, W], which is then followed through the neighbours; or the masks of the
    whole clip. What only a frame further away shows is invented here and would be seen in the whole run. Raises as
    `remove`.
    """
    clip, settings = as_clip(clip), settings or RemoveSettings()
    _check(clip, frame, mask)
    settled = settled_inpainter(engine, device, settings)
    tells = Tells(on_progress, should_stop)
    stride = max(1, round(_REACH_S * float(clip.fps) / _REACH_FRAMES))
    reach = 0 if _is_alone(settled, settings) else _REACH_FRAMES
    first = frame - min(reach, frame // stride) * stride
    last = frame + min(reach, (clip.frame_count - 1 - frame) // stride) * stride
    part, place = thinned(cut(clip, first, last + 1), stride), (frame - first) // stride
    with tempfile.TemporaryDirectory(prefix="avfusion-") as name:
        folder = Path(name)
        masks: Masks
        if not isinstance(mask, np.ndarray):
            masks = _Thinned(later(mask, first, last + 1), stride, part.frame_count)
        elif part.frame_count == 1:
            masks = _Only(mask)
        else:
            followed = track(
                clip, [Drawn(mask, frame)], folder=folder / "track", engine=_TRACKER, device=device,
                span=(first, last + 1), on_progress=on_progress, should_stop=should_stop,
            ).track  # fmt: skip
            masks = _Thinned(later(followed, first, last + 1), stride, part.frame_count)
        teller = Teller("holes", part.frame_count, on_progress, should_stop)
        grow_px = grow_px_of(settings, clip, settled.engine)
        holes = dig(part, masks, folder / "holes", grow_px=grow_px, shadows=settings.shadows, teller=teller)
        (folder / "work").mkdir()
        with lend(settled.engine.name, "inpainting", settled.device) as loaded:
            one = _filled(loaded, part, holes, place, settings, folder, tells)
        shadow = holes.mask(place, SHADOW) if SHADOW in holes.objects else np.zeros_like(one.seen)
        hole = holes.union(place)
    why = (settled.why,) if settled.why else ()
    return Preview(one.rgb, hole, one.seen, one.invented, shadow, settled.engine.name, why)


def _is_alone(settled: Settled, settings: RemoveSettings) -> bool:
    """Whether nothing is asked of the neighbours."""
    return not settings.shadows and (settings.each_frame or settled.engine.name == "telea")


def _filled(
    loaded: object, part: Clip, holes: MaskTrack, place: int, settings: RemoveSettings, folder: Path, tells: Tells
) -> Filled:
    inpainter, _ = filler(loaded, settings, tells)
    shown: Masks = holes
    if isinstance(inpainter, EachFrame):  # it looks at no neighbour
        part, shown, place = cut(part, place, place + 1), later(holes, place, place + 1), 0
    work = inpainter.fill(part, shown, settings.wish(), folder=folder / "work", tell=tells)
    with contextlib.closing(work) as filled:
        for one in filled:
            tells(FILLING, one.index, part.frame_count)
            if one.index == place:
                return one
    raise AssertionError("an inpainter yields every frame of its clip")


def _check(clip: Clip, frame: int, mask: Mask | Masks) -> None:
    if not 0 <= frame < clip.frame_count:
        raise PromptOutside(f"{clip.path}: there is no frame {frame}. The clip has frames 0 to {clip.frame_count - 1}.")
    wanted = (clip.height_px, clip.width_px)
    if isinstance(mask, np.ndarray):
        if mask.shape != wanted:
            raise MaskSizeMismatch(size_message("the mask", mask.shape, wanted))
        if not mask.any():
            raise UsageError(f"{clip.path}: the mask of frame {frame} is empty, so that there is nothing to remove.")
        return
    if mask.frame_count != clip.frame_count:
        raise MaskCountMismatch(f"The track has {mask.frame_count} frames and {clip.path} {clip.frame_count}.")
    if (shape := mask.labels(frame).shape) != wanted:
        raise MaskSizeMismatch(size_message("the track", shape, wanted))


def thinned(clip: Clip, stride: int) -> Clip:
    """Every `stride`-th frame of a clip, numbered from 0, at its own time."""
    if stride == 1:
        return clip

    def read(_: Clip, first: int, last: int, backwards: bool) -> Iterator[Frame]:
        stop = min((last - 1) * stride + 1, clip.frame_count)
        with contextlib.closing(clip.frames(first * stride, stop, backwards=backwards)) as frames:
            for frame in frames:
                if frame.index % stride == 0:
                    yield Frame(frame.index // stride, frame.time, _Same(frame), held=frame.held)

    return replace(clip, ticks=clip.ticks[::stride], fps=clip.fps / stride, read_frames=read)


class _Same:
    """A frame's picture, asked of the frame itself."""

    def __init__(self, frame: Frame) -> None:
        self.rgb = lambda: frame.rgb
        self.yuv = lambda: frame.yuv
        self.alpha = lambda: frame.alpha


@dataclass(frozen=True, eq=False)
class _Thinned:
    """Masks that belong to `thinned(clip, stride)`."""

    masks: Masks
    stride: int
    frame_count: int

    @property
    def engine(self) -> str:
        return self.masks.engine

    def labels(self, frame: int) -> NDArray[np.uint8]:
        return self.masks.labels(frame * self.stride)

    def union(self, frame: int) -> Mask:
        return self.masks.union(frame * self.stride)


@dataclass(frozen=True, eq=False)
class _Only:
    """The mask of a clip of one frame."""

    mask: Mask
    engine = "given"
    frame_count = 1

    def labels(self, frame: int) -> NDArray[np.uint8]:
        return self.mask.view(np.uint8)

    def union(self, frame: int) -> Mask:
        return self.mask
