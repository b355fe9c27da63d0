"""Where the masks of a run come from: a folder, a ZIP, a finished track, or prompts that were followed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from avfusion.clip import Clip, Drawn, Masks, Prompt
from avfusion.errors import MaskCountMismatch, MaskSizeMismatch, UsageError
from avfusion.media.mask_folder import MaskFolder
from avfusion.media.mask_zip import MaskZip
from avfusion.media.masks import size_message
from avfusion.pipelines.track import Tracking


@dataclass(frozen=True, eq=False)
class Given:
    """Masks, and how they came about. None stands for the clip's own alpha."""

    masks: Masks | None
    engines: Mapping[str, str]
    stages_s: Mapping[str, float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    revisions: Mapping[str, str] = field(default_factory=dict)
    devices: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, tracking: Tracking) -> Given:
        return cls(
            tracking.track, tracking.engines, tracking.stages_s, tracking.notes, tracking.revisions, tracking.devices
        )

    @classmethod
    def worked(cls, tracking: Tracking, clip: Clip) -> Given:
        """As `of`, naming only engines that had something to do: a still is not tracked, a drawn mask not segmented."""
        idle = {"tracking"} if clip.frame_count == 1 else set()
        if all(isinstance(prompt, Drawn) for prompt in tracking.prompts):
            idle.add("segmentation")
        used = {ability: one for ability, one in tracking.used.items() if ability not in idle}
        silent = {one.why for one in tracking.used.values()} - {one.why for one in used.values()}
        notes = tuple(note for note in tracking.notes if note not in silent)
        return cls.of(replace(tracking, used=used, notes=notes))


def given_masks(whole: Clip, part: Clip, prompts: Sequence[Prompt], masks: Path | Masks) -> Given:
    """Masks of the whole clip, or of the part that is taken, as many as there are.

    Raises `UsageError`, `MaskSizeMismatch`, `MaskCountMismatch`, `CannotRead`.
    """
    if prompts:
        raise UsageError("Give clicks or masks, not both: masks are taken as they are.")
    if isinstance(masks, Path) and masks.suffix.lower() == ".zip" and not masks.is_dir():
        return Given(MaskZip(masks, whole, part=part), {"tracking": "given"})
    if isinstance(masks, Path):
        are_of_part = masks.is_dir() and len(list(masks.glob("*.png"))) == part.frame_count
        return Given(MaskFolder(masks, part if are_of_part else whole), {"tracking": "given"})
    clip = part if masks.frame_count == part.frame_count else whole
    if masks.frame_count != clip.frame_count:
        raise MaskCountMismatch(f"The track has {masks.frame_count} frames and {clip.path} {clip.frame_count}.")
    shape = masks.labels(0).shape
    if shape != (clip.height_px, clip.width_px):
        raise MaskSizeMismatch(size_message("the track", shape, (clip.height_px, clip.width_px)))
    return Given(masks, {"tracking": masks.engine})
