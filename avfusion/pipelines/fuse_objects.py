"""The objects of a fusion: which of them vanish, and which stay in front of the background."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from avfusion.clip import Mask, Masks, MaskTrack, Prompt
from avfusion.compositing.background import Background, OutOfFocus
from avfusion.engines.registry import settle
from avfusion.matting import band_px
from avfusion.media.cut import cut_track, later
from avfusion.pipelines.fuse_plan import Work, check_numbers
from avfusion.pipelines.given import Given, given_masks
from avfusion.pipelines.progress import Teller
from avfusion.pipelines.remove_holes import grow_px_of, grown
from avfusion.pipelines.track import Tracking, track

_HIDDEN = "What was removed lies behind the new background everywhere, so that nothing had to be filled."


@dataclass(frozen=True, eq=False)
class Chosen:
    """Some objects of a track, as if there were no others."""

    masks: Masks
    numbers: tuple[int, ...]

    @property
    def engine(self) -> str:
        return self.masks.engine

    @property
    def frame_count(self) -> int:
        return self.masks.frame_count

    def labels(self, frame: int) -> NDArray[np.uint8]:
        if not isinstance(self.masks, MaskTrack):
            labels = self.masks.labels(frame)
            return np.where(np.isin(labels, self.numbers), labels, np.uint8(0))
        out = np.zeros((self.masks.height_px, self.masks.width_px), np.uint8)
        for number in self.numbers:
            out[self.masks.mask(frame, number)] = number
        return out

    def union(self, frame: int) -> Mask:
        return self.labels(frame) > 0


@dataclass(frozen=True, eq=False)
class Objects:
    """given: where the masks come from. tracking: None where they were given, or none is needed.

    kept: what stands in front of the background; None where the clip's own alpha says it, or nothing stays. removed:
    what is to be filled. numbers: (kept, removed) where they are known.
    """

    given: Given
    tracking: Tracking | None = None
    kept: Masks | None = None
    removed: Masks | None = None
    numbers: tuple[tuple[int, ...], tuple[int, ...]] = ((), ())
    notes: tuple[str, ...] = ()


def follow(
    work: Work, prompts: Sequence[Prompt], masks: Path | Masks | None, engine: str, segmenter: str, locator: str
) -> Objects:
    """Masks of the part's frames. Raises as `track`, and `UsageError` for a removed object that is in no mask."""
    planned, asked = work.plan, work.plan.asked
    if not asked.needs_masks:
        return Objects(Given(None, {}))
    whole, part, (start, stop) = planned.whole, planned.part, planned.span
    tracking = None
    if masks is not None:
        given = given_masks(whole, part, prompts, masks)
    elif prompts:
        tracking = track(
            whole, prompts, folder=work.folder / "track", engine=engine, segmenter=segmenter, locator=locator,
            device=work.device, span=(start, stop), keep=work.keep, on_progress=work.on_progress,
            should_stop=work.should_stop,
        )  # fmt: skip
        given = Given.worked(tracking, whole)
    else:
        return Objects(Given(None, {"matte": "the clip's own alpha"}))
    shown = _of_part(given.masks, part.frame_count, (start, stop))
    there = shown.objects if isinstance(shown, MaskTrack) else ()
    if not asked.removed:
        return Objects(given, tracking, kept=shown, numbers=(there, ()))
    there = there or numbers_in(shown)
    check_numbers(asked, set(there))
    stays = tuple(number for number in there if number not in asked.removed)
    return Objects(
        given, tracking, kept=Chosen(shown, stays) if stays else None, removed=Chosen(shown, asked.removed),
        numbers=(stays, asked.removed),
    )  # fmt: skip


def _of_part(masks: Masks | None, frame_count: int, span: tuple[int, int]) -> Masks:
    assert masks is not None
    if masks.frame_count == frame_count:
        return masks
    return cut_track(masks, *span) if isinstance(masks, MaskTrack) else later(masks, *span)


def numbers_in(masks: Masks) -> tuple[int, ...]:
    """Numbers of the objects in masks that keep no list of them."""
    there: set[int] = set()
    for frame in range(masks.frame_count):
        there |= set(np.unique(masks.labels(frame)).tolist())
    return tuple(sorted(there - {0}))


def only_what_shows(work: Work, objects: Objects, behind: Background | None) -> Objects:
    """The same, with nothing to be filled where none of it could be seen: the new background covers it, and it touches
    nothing that stays. Where the background is the scene itself, or a map is asked for, it can be seen."""
    removed, kept = objects.removed, objects.kept
    part, wish = work.plan.part, work.settings.remove
    if removed is None or kept is None or not work.plan.asked.background:
        return objects
    if isinstance(behind, OutOfFocus) or wish.map_out is not None:
        return objects
    grow_px = grow_px_of(wish, part, settle("inpainting", work.inpainter, work.device).engine)
    teller = Teller("holes", part.frame_count, work.on_progress, work.should_stop)
    for frame in range(part.frame_count):
        goes, stays = removed.union(frame), kept.union(frame)
        if goes.any() and stays.any() and (grown(goes, grow_px + 2 * band_px(stays)) & stays).any():
            return objects
        teller.step()
    return replace(objects, removed=None, notes=(_HIDDEN,))
