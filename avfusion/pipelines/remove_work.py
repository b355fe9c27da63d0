"""Holes dug and filled by a lent engine, and the result written while it works."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from avfusion.clip import Clip, Masks, MaskTrack
from avfusion.engines.memory import falling_back
from avfusion.engines.registry import Settled, lend
from avfusion.inpainting import Filled
from avfusion.media.masks import TrackFolder
from avfusion.media.segments import Segments
from avfusion.media.target import new_folder, whole_file
from avfusion.pipelines.frame import one_frame
from avfusion.pipelines.keep import Keep, masks_digest
from avfusion.pipelines.keep_pictures import kept_pictures
from avfusion.pipelines.progress import OnProgress, ShouldStop, Teller
from avfusion.pipelines.remove_fill import FILLING, GENERATING, Tells, filler, settled_inpainter
from avfusion.pipelines.remove_holes import dig, grow_px_of
from avfusion.pipelines.remove_picture import is_picture_out, write_picture
from avfusion.pipelines.remove_render import Tally, map_picture, render, write_map
from avfusion.pipelines.remove_settings import RemoveSettings

Render: TypeAlias = Callable[[Iterator[Filled], Path, Teller, Tally], tuple[str, ...]]
"""Writes the filled frames to a path; returns notes."""


@dataclass(frozen=True, eq=False)
class Removal:
    """What is to be done. kept: objects that are followed too and stay, so that no hole reaches into them.

    render: what becomes of the filled frames, in place of a clip that is the source but for its holes. keep: what a
    killed run leaves for the next: what was painted, and pieces of the result; what flow carries is carried again.
    """

    clip: Clip
    masks: Masks
    out: Path
    settings: RemoveSettings
    folder: Path
    on_progress: OnProgress | None
    should_stop: ShouldStop | None
    kept: Masks | None = None
    render: Render | None = None
    keep: Keep | None = None

    def pieces(self, settled: Settled) -> Segments | None:
        """Where pieces of the result are kept. A map is of all frames, and is made with them from the first on."""
        if self.keep is None or self.settings.map_out is not None or is_picture_out(self.clip, self.out):
            return None
        return kept_pictures(self.keep, FILLING, self.clip, self.out, *self.depends(settled))

    def depends(self, settled: Settled) -> tuple[object, ...]:
        """What the filled frames follow from."""
        engine = (settled.engine.name, settled.revision, settled.device)
        return (masks_digest(self.masks), masks_digest(self.kept), self.settings, engine)

    def teller(self, stage: str) -> Teller:
        return Teller(stage, self.clip.frame_count, self.on_progress, self.should_stop)


@dataclass(eq=False)
class Done:
    """What came of it."""

    settled: Settled
    tally: Tally
    generations: int = 0
    stages_s: dict[str, float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


@falling_back
def removed(job: Removal, engine: str, device: str) -> Done:
    """The holes dug and filled, and everything written. Raises as `remove`."""
    clip, settings = job.clip, job.settings
    settled = settled_inpainter(engine, device, settings)
    done = Done(settled, Tally())
    grow_px = grow_px_of(settings, clip, settled.engine)
    with tempfile.TemporaryDirectory(dir=job.folder) as name, contextlib.ExitStack() as stack:
        folder = Path(name)
        teller = job.teller("holes")
        holes = dig(
            clip, job.masks, folder / "holes", grow_px=grow_px, shadows=settings.shadows, teller=teller, kept=job.kept
        )
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


def _fill(job: Removal, holes: MaskTrack, out: Path, work: Path, done: Done) -> None:
    """Lends the engine, and writes the result while it works."""
    clip, settings, settled = job.clip, job.settings, done.settled
    tells = Tells(job.on_progress, job.should_stop)
    teller = job.teller(FILLING)
    work.mkdir()
    with lend(settled.engine.name, "inpainting", settled.device) as loaded:
        painted = None if job.keep is None else job.keep.stage("painted", settled.revision, settled.device)
        inpainter, counted = filler(loaded, settings, tells, painted)
        with contextlib.closing(inpainter.fill(clip, holes, settings.wish(), folder=work, tell=tells)) as filled:
            if job.render is not None:
                done.notes = job.render(filled, out, teller, done.tally)
            elif is_picture_out(clip, out):
                one = next(filled)
                done.tally.observe(one)
                teller.step(lambda: one.rgb)
                done.notes = write_picture(out, one.rgb, like=clip, hole=one.seen | one.invented)
            else:
                done.notes = render(clip, filled, out, settings.encoding, teller, done.tally, kept=job.pieces(settled))
    # An engine for clips makes a window at a time, each in so many steps.
    windows = -(-tells.total(GENERATING) // settings.steps)
    done.generations = counted.generations if counted is not None else windows
    done.stages_s[FILLING] = teller.seconds


def _write_map(job: Removal, map_: MaskTrack, out: Path, done: Done) -> None:
    teller = job.teller("map")
    if is_picture_out(job.clip, out):
        write_picture(out, map_picture(one_frame(job.clip, 0).rgb, map_.labels(0)), like=job.clip)
        teller.step()
    else:
        write_map(job.clip, map_, out, teller, job.settings.encoding)
    done.stages_s["map"] = teller.seconds
