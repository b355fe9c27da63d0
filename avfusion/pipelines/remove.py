"""An object out of a clip or a picture, or something else in its place."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from avfusion.clip import Clip, Masks, MaskTrack, Prompt
from avfusion.engines.memory import falling_back
from avfusion.engines.registry import Settled, lend
from avfusion.errors import UsageError
from avfusion.media.cut import cut, later
from avfusion.media.formats import format_of
from avfusion.media.masks import TrackFolder
from avfusion.media.target import new_folder, refuse_inputs, refuse_target, whole_file
from avfusion.pipelines.frame import as_clip, one_frame
from avfusion.pipelines.given import Given, given_masks
from avfusion.pipelines.progress import OnProgress, ShouldStop, Teller
from avfusion.pipelines.remove_fill import FILLING, GENERATING, Tells, filler, settled_inpainter
from avfusion.pipelines.remove_holes import check_grow, dig, grow_px_of
from avfusion.pipelines.remove_picture import is_picture_out, write_picture
from avfusion.pipelines.remove_render import Tally, map_picture, render, write_map
from avfusion.pipelines.remove_settings import RemoveReport, RemoveSettings
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
    device: str = "auto",
    span: tuple[int, int] | None = None,
    settings: RemoveSettings | None = None,
    on_progress: OnProgress | None = None,
    should_stop: ShouldStop | None = None,
) -> RemoveReport:
    """Writes `clip` to `out` without the object that the prompts or masks say, or with something else in its place.

    masks: a folder or ZIP of PNGs, or a finished track, instead of prompts. engine: the inpainter. span: only frames
    start..stop-1, and the sound that goes with them. Frames, times and sound are the source's, and so is every pixel
    outside the grown masks, before encoding. A still picture gives a picture: .png, .jpg or .webp. Raises what the
    rooms below raise, `Stopped` when `should_stop` says so; nothing half-written stays.
    """
    whole, out, settings = as_clip(clip), Path(out), settings or RemoveSettings()
    start, stop = check_span(whole, span)
    part = cut(whole, start, stop)
    check_outputs(part, out, settings.map_out)
    check_grow(settings.grow_px, part)
    settled_inpainter(engine, device, settings)
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="avfusion-")))
        if masks is not None:
            given = given_masks(whole, part, prompts, masks)
        else:
            tracking = track(
                whole, prompts, folder=folder / "track", engine=tracker, segmenter=segmenter, device=device,
                span=(start, stop), on_progress=on_progress, should_stop=should_stop,
            )  # fmt: skip
            given = Given.worked(tracking, whole, prompts)
        assert given.masks is not None
        is_whole = given.masks.frame_count != part.frame_count
        shown = later(given.masks, start, stop) if is_whole else given.masks
        done = _filled(_Job(part, shown, out, settings, folder, on_progress, should_stop), engine, device)
    return _report(part, out, settings, given, done)


def _report(part: Clip, out: Path, settings: RemoveSettings, given: Given, done: _Done) -> RemoveReport:
    revision = done.settled.revision
    return RemoveReport(
        verb="remove",
        out=out,
        frames=part.frame_count,
        width_px=part.width_px,
        height_px=part.height_px,
        duration_s=float(part.duration_s),
        engines={**given.engines, "inpainting": done.settled.engine.name},
        revisions={**given.revisions, **({"inpainting": revision} if revision else {})},
        devices={**given.devices, "inpainting": done.settled.device},
        stages_s={**given.stages_s, **done.stages_s},
        notes=(*part.notes, *given.notes, *done.notes, *_shadow_notes(part, settings)),
        seen_share=done.tally.share(done.tally.seen_px),
        invented_share=done.tally.share(done.tally.invented_px),
        generations=done.generations,
        warp_error=done.tally.meter.error,
        map_out=settings.map_out,
    )


def _shadow_notes(part: Clip, settings: RemoveSettings) -> tuple[str, ...]:
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


@dataclass(frozen=True, eq=False)
class _Job:
    clip: Clip
    masks: Masks
    out: Path
    settings: RemoveSettings
    folder: Path
    on_progress: OnProgress | None
    should_stop: ShouldStop | None

    def teller(self, stage: str) -> Teller:
        return Teller(stage, self.clip.frame_count, self.on_progress, self.should_stop)


@dataclass(eq=False)
class _Done:
    settled: Settled
    tally: Tally
    generations: int = 0
    stages_s: dict[str, float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


@falling_back
def _filled(job: _Job, engine: str, device: str) -> _Done:
    """The holes dug and filled, and everything written."""
    clip, settings = job.clip, job.settings
    settled = settled_inpainter(engine, device, settings)
    done = _Done(settled, Tally())
    grow_px = grow_px_of(settings, clip, settled.engine)
    with tempfile.TemporaryDirectory(dir=job.folder) as name, contextlib.ExitStack() as stack:
        folder = Path(name)
        teller = job.teller("holes")
        holes = dig(clip, job.masks, folder / "holes", grow_px=grow_px, shadows=settings.shadows, teller=teller)
        done.stages_s["holes"] = teller.seconds
        out, map_out = job.out, settings.map_out
        if map_out is not None:
            done.tally.map = TrackFolder(
                folder / "map", width_px=clip.width_px, height_px=clip.height_px, frame_count=clip.frame_count,
                engine=settled.engine.name,
            )  # fmt: skip
            # They take their names when the block ends: both are there in the end, or neither.
            out, map_out = (stack.enter_context(_part(path)) for path in (out, map_out))
        _fill(job, holes, out, folder / "work", done)
        if done.tally.map is not None and map_out is not None:
            _write_map(job, done.tally.map.seal(), map_out, done)
    why = (settled.why,) if settled.why else ()
    done.notes = (*why, *done.notes)
    return done


def _part(out: Path) -> contextlib.AbstractContextManager[Path]:
    return whole_file(out) if out.suffix else new_folder(out)


def _fill(job: _Job, holes: MaskTrack, out: Path, work: Path, done: _Done) -> None:
    """Lends the engine, and writes the result while it works."""
    clip, settings, settled = job.clip, job.settings, done.settled
    tells = Tells(job.on_progress, job.should_stop)
    teller = job.teller(FILLING)
    work.mkdir()
    with lend(settled.engine.name, "inpainting", settled.device) as loaded:
        inpainter, counted = filler(loaded, settings, tells)
        with contextlib.closing(inpainter.fill(clip, holes, settings.wish(), folder=work, tell=tells)) as filled:
            if is_picture_out(clip, out):
                one = next(filled)
                done.tally.observe(one)
                teller.step(lambda: one.rgb)
                done.notes = write_picture(out, one.rgb, like=clip, hole=one.seen | one.invented)
            else:
                done.notes = render(clip, filled, out, settings.encoding, teller, done.tally)
    # An engine for clips makes a window at a time, each in so many steps.
    windows = -(-tells.total(GENERATING) // settings.steps)
    done.generations = counted.generations if counted is not None else windows
    done.stages_s[FILLING] = teller.seconds


def _write_map(job: _Job, map_: MaskTrack, out: Path, done: _Done) -> None:
    teller = job.teller("map")
    if is_picture_out(job.clip, out):
        write_picture(out, map_picture(one_frame(job.clip, 0).rgb, map_.labels(0)), like=job.clip)
        teller.step()
    else:
        write_map(job.clip, map_, out, teller, job.settings.encoding)
    done.stages_s["map"] = teller.seconds
