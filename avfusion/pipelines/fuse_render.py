"""The picture of a fusion: frames without what vanishes, on the new background, into one file with the new sound."""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from avfusion.clip import Frame, Yuv
from avfusion.compositing.background import Background
from avfusion.inpainting import Filled
from avfusion.media.segments import Segments
from avfusion.media.write import NewSound, Rgba, as_rgb, write_video
from avfusion.pipelines.fuse_objects import Objects
from avfusion.pipelines.fuse_plan import Work
from avfusion.pipelines.keep import masks_digest
from avfusion.pipelines.keep_pictures import Rendering, kept_pictures
from avfusion.pipelines.progress import Teller
from avfusion.pipelines.remove_fill import settled_inpainter
from avfusion.pipelines.remove_render import Tally, filled_from, render, without_holes
from avfusion.pipelines.remove_work import Done, Removal, removed
from avfusion.pipelines.swap_render import Edging, mattes, on_background
from avfusion.pipelines.swap_settings import is_file

RENDERING = "rendering"


@dataclass(frozen=True)
class Rendered:
    """removal: None where nothing was filled. flicker: of the edges; None where there is no new background."""

    stages_s: Mapping[str, float]
    notes: tuple[str, ...] = ()
    flicker: float | None = None
    removal: Done | None = field(default=None, compare=False)


def rendered(work: Work, objects: Objects, behind: Background | None, sound: NewSound | None) -> Rendered:
    """Writes the clip. behind: with a background that was asked for, None stands for transparency. sound: None for the
    source's own. Raises as `swap` and `remove`."""
    edging = Edging()
    if objects.removed is not None:
        return _without_objects(work, objects, behind, sound, edging)
    teller = work.teller(RENDERING)

    def pictures(start: int) -> Generator[Yuv | Rgba, None, None]:
        teller.skip(start)
        with contextlib.closing(work.plan.part.frames(start)) as frames:
            yield from _pictures(work, frames, objects, behind, teller, edging)

    made = Rendering(pictures, {"edging": edging})
    notes = _written(work, made, work.plan.out, behind, sound, _kept(work, objects))
    return Rendered({RENDERING: teller.seconds}, (*edging.notes, *notes), edging.meter.score)


def _without_objects(
    work: Work, objects: Objects, behind: Background | None, sound: NewSound | None, edging: Edging
) -> Rendered:
    planned, settings = work.plan, work.settings

    def write(filled: Iterator[Filled], out: Path, teller: Teller, tally: Tally) -> tuple[str, ...]:
        if not planned.asked.background:
            return render(planned.part, filled, out, settings.encoding, teller, tally, sound or True, pieces())

        def pictures(start: int) -> Generator[Yuv | Rgba, None, None]:
            teller.skip(start)
            with contextlib.closing(planned.part.frames(start)) as frames:
                clean = without_holes(planned.part, frames, filled_from(filled, start, tally), tally)
                yield from _pictures(work, clean, objects, behind, teller, edging)

        made = Rendering(pictures, {"edging": edging, "tally": tally})
        notes = _written(work, made, out, behind, sound, pieces())
        return (*edging.notes, *notes)

    def pieces() -> Segments | None:
        if settings.remove.map_out is not None:
            return None
        return _kept(work, objects, job.depends(settled_inpainter(work.inpainter, work.device, settings.remove)))

    assert objects.removed is not None
    job = Removal(
        planned.part, objects.removed, planned.out, replace(settings.remove, encoding=settings.encoding), work.folder,
        work.on_progress, work.should_stop, kept=objects.kept, render=write, keep=work.keep,
    )  # fmt: skip
    done = removed(job, work.inpainter, work.device)
    return Rendered(done.stages_s, done.notes, edging.meter.score if planned.asked.background else None, done)


def _pictures(
    work: Work,
    frames: Iterable[Frame],
    objects: Objects,
    behind: Background | None,
    teller: Teller,
    edging: Edging,
) -> Iterator[Yuv | Rgba]:
    if work.plan.asked.background:
        swap, part = work.settings.swap, work.plan.part
        yield from on_background(part, mattes(frames, objects.kept, swap, edging), behind, swap, teller, edging)
        return
    for frame in frames:
        edging.held += frame.held
        teller.step(lambda frame=frame: as_rgb(frame.yuv, work.plan.part))  # type: ignore[misc]
        yield frame.yuv


def _kept(work: Work, objects: Objects, filled: tuple[object, ...] = ()) -> Segments | None:
    """Where pieces of the picture are kept; the sound is another matter. filled: what the filled frames follow from."""
    planned, settings, keep = work.plan, work.settings, work.keep
    if keep is None:
        return None
    background = planned.asked.background
    behind = keep.digest(Path(background)) if is_file(background) else background
    what = (masks_digest(objects.kept), settings.swap, settings.encoding, behind, filled)
    return kept_pictures(keep, RENDERING, planned.part, planned.out, *what)


def _written(
    work: Work,
    pictures: Iterable[Yuv | Rgba] | Rendering,
    out: Path,
    behind: Background | None,
    sound: NewSound | None,
    kept: Segments | None = None,
) -> tuple[str, ...]:
    is_cut_out = bool(work.plan.asked.background) and behind is None
    written = write_video(
        out, pictures, clip=work.plan.part, alpha=is_cut_out, sound=sound or True, encoding=work.settings.encoding,
        kept=kept,
    )  # fmt: skip
    lost = work.plan.part.has_alpha and not work.plan.asked.background
    return (*written.notes, *(("The clip's transparency was left out.",) if lost else ()))
