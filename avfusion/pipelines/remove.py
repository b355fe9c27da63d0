"""An object out of a clip or a picture, or something else in its place."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from avfusion.clip import Clip, Masks, Prompt
from avfusion.errors import UsageError
from avfusion.media.cut import cut, later
from avfusion.media.encoder import stored_size
from avfusion.media.formats import format_of
from avfusion.media.target import refuse_inputs, refuse_target
from avfusion.pipelines.frame import as_clip
from avfusion.pipelines.given import Given, given_masks
from avfusion.pipelines.keep import Keep, scratch
from avfusion.pipelines.progress import OnProgress, Progress, ShouldStop
from avfusion.pipelines.remove_doubts import doubt
from avfusion.pipelines.remove_fill import settled_inpainter
from avfusion.pipelines.remove_holes import check_grow
from avfusion.pipelines.remove_picture import is_picture_out
from avfusion.pipelines.remove_settings import RemoveReport, RemoveSettings
from avfusion.pipelines.remove_work import Done, Removal, removed
from avfusion.pipelines.track import check_span, track

__all__ = ["RemoveReport", "RemoveSettings", "remove"]


def remove(
    clip: Clip | Path | str,
    prompts: Sequence[Prompt] = (),
    *,
    out: Path | str,
    masks: Path | Masks | None = None,
    engine: str = "auto",
    tracker: str = "auto",
    segmenter: str = "auto",
    locator: str = "auto",
    device: str = "auto",
    span: tuple[int, int] | None = None,
    settings: RemoveSettings | None = None,
    keep: Keep | None = None,
    on_progress: OnProgress | None = None,
    should_stop: ShouldStop | None = None,
) -> RemoveReport:
    """Writes `clip` to `out` without the object that the prompts or masks say, or with something else in its place.

    masks: a folder or ZIP of PNGs, or a finished track, instead of prompts. engine: the inpainter. span: only frames
    start..stop-1, and the sound that goes with them. keep: what a killed run leaves for the next. Frames, times and
    sound are the source's, and so is every pixel outside the grown masks, before encoding. A still picture gives a
    picture: .png, .jpg or .webp. Raises what the rooms below raise, `Stopped` when `should_stop` says so; nothing
    half-written stays.
    """
    whole, out, settings = as_clip(clip), Path(out), settings or RemoveSettings()
    start, stop = check_span(whole, span)
    part = cut(whole, start, stop)
    check_outputs(part, out, settings.map_out)
    check_grow(settings.grow_px, part)
    settled_inpainter(engine, device, settings)
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(scratch(keep))
        if masks is not None:
            given = given_masks(whole, part, prompts, masks)
        else:
            tracking = track(
                whole, prompts, folder=folder / "track", engine=tracker, segmenter=segmenter,
                locator=locator, device=device, span=(start, stop), keep=keep, on_progress=on_progress,
                should_stop=should_stop,
            )  # fmt: skip
            given = _questioned(Given.worked(tracking, whole), tracking.prompts, on_progress)
        assert given.masks is not None
        is_whole = given.masks.frame_count != part.frame_count
        shown = later(given.masks, start, stop) if is_whole else given.masks
        done = removed(Removal(part, shown, out, settings, folder, on_progress, should_stop, keep=keep), engine, device)
    return _report(part, out, settings, given, done)


def _questioned(given: Given, prompts: Sequence[Prompt], on_progress: OnProgress | None) -> Given:
    """With a note, told at once, where what the prompts select does not look like an object."""
    assert given.masks is not None
    frames = {prompt.frame for prompt in prompts if prompt.frame < given.masks.frame_count}
    for frame in sorted(frames):
        words = doubt(given.masks.union(frame), [prompt for prompt in prompts if prompt.frame == frame])
        if words:
            words = f"Frame {frame}: {words[0].lower()}{words[1:]}"
            if on_progress is not None:
                on_progress(Progress("holes", 0, given.masks.frame_count, 0.0, None, note=words))
            return replace(given, notes=(*given.notes, words))
    return given


def _report(part: Clip, out: Path, settings: RemoveSettings, given: Given, done: Done) -> RemoveReport:
    revision = done.settled.revision
    size_px = (part.width_px, part.height_px)
    width_px, height_px = size_px if is_picture_out(part, out) else stored_size(format_of(out), part)
    return RemoveReport(
        verb="remove",
        out=out,
        frames=part.frame_count,
        width_px=width_px,
        height_px=height_px,
        duration_s=float(part.duration_s),
        engines={**given.engines, "inpainting": done.settled.engine.name},
        revisions={**given.revisions, **({"inpainting": revision} if revision else {})},
        devices={**given.devices, "inpainting": done.settled.device},
        stages_s={**given.stages_s, **done.stages_s},
        notes=(*part.notes, *given.notes, *done.notes, *shadow_notes(part, settings)),
        seen_share=done.tally.share(done.tally.seen_px),
        invented_share=done.tally.share(done.tally.invented_px),
        generations=done.generations,
        warp_error=done.tally.meter.error,
        map_out=settings.map_out,
    )


def shadow_notes(part: Clip, settings: RemoveSettings) -> tuple[str, ...]:
    if not settings.shadows or part.frame_count > 1:
        return ()
    return ("Shadows are found by how they move through a clip: in one picture none was looked for. Mark it too.",)


def check_outputs(clip: Clip, out: Path, map_out: Path | None) -> None:
    """Raises `OutputError` for what could not be written in the end, and `UsageError`."""
    for target in [out] if map_out is None else [out, map_out]:
        is_picture = is_picture_out(clip, target)
        refuse_inputs(target, [clip.path])
        refuse_target(target, folder=not is_picture and format_of(target).ending == ".png")
    if map_out is not None and map_out.absolute() == out.absolute():
        raise UsageError(f"{out}: the map needs a file of its own. Choose another name for it.")
