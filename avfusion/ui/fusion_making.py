"""What a run of the Fusion tab does on its thread: runs the job, and copies what a browser cannot play."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from avfusion.clip import Clip
from avfusion.jobs.adopt import Started
from avfusion.jobs.home import job_folder
from avfusion.jobs.job_file import read_job
from avfusion.jobs.state import JOB_FILE
from avfusion.media.cut import cut
from avfusion.media.probe import probe
from avfusion.pipelines.fuse_settings import FuseReport
from avfusion.pipelines.progress import OnProgress, ShouldStop, Teller
from avfusion.ui import fusion_job
from avfusion.ui.fusion_wish import FusionWish
from avfusion.ui.gpu_turns import run_in_turns
from avfusion.ui.inpaint_making import copied, frames_of, plays
from avfusion.ui.visit import Visit, linked

_PLAYABLE = (".mp4", ".webm")


@dataclass(frozen=True)
class Outcome:
    """file: to download. page: the report for people. job: the job file. before, after: to be played; `before` starts
    offset_s earlier. clip: the part. has_old_sound: whether `before` has it."""

    clip: Clip
    file: Path
    page: Path | None
    job: Path
    report: FuseReport
    before: Path
    after: Path
    offset_s: float
    has_old_sound: bool


def make(
    visit: Visit,
    place: str,
    wish: FusionWish,
    on_begun: Callable[[str], None],
    on_progress: OnProgress,
    should_stop: ShouldStop,
) -> Outcome:
    """The whole run. place: what the visit's folder for the result is called. on_begun: is told the job's id. Raises
    what starting a job and `fuse` raise."""
    started = fusion_job.begin(visit, wish, should_stop)
    on_begun(started.id)
    return _carried_out(visit, place, started, wish.clip, wish.wanted.span, on_progress, should_stop)


def go_on(visit: Visit, place: str, job: str, on_progress: OnProgress, should_stop: ShouldStop) -> Outcome:
    """A run that was cut off, from where it was. Raises what `avfusion.jobs.run.run` raises."""
    folder = job_folder(job)
    asked = read_job(folder / JOB_FILE)
    with visit.folder_for(f"source-{place}") as kept:
        clip = probe(linked(folder / asked.inputs["clip"].path, kept))
        return _carried_out(visit, place, job, clip, asked.span, on_progress, should_stop)


def _carried_out(
    visit: Visit, place: str, job: Started | str, clip: Clip, span: tuple[int, int] | None, on_progress: OnProgress,
    should_stop: ShouldStop,
) -> Outcome:  # fmt: skip
    """Runs the job and takes its files over; its folder goes when it is done."""
    own = job_folder(job.id if isinstance(job, Started) else job)
    asked = read_job(own / JOB_FILE)
    with visit.folder_for(place) as folder:
        file = folder / asked.out
        probed = clip if isinstance(job, Started) else None
        report = run_in_turns(job, out=file, clip=probed, on_progress=on_progress, should_stop=should_stop)
        assert isinstance(report, FuseReport)
        written = folder / f"{Path(asked.out).stem}-job.json"
        shutil.copyfile(own / JOB_FILE, written)
        shutil.rmtree(own, ignore_errors=True)
        part = cut(clip, *span) if span else clip
        teller = Teller("playing", part.frame_count, on_progress, should_stop)
        after = file
        if file.suffix not in _PLAYABLE:
            after = copied(part, frames_of(probe(file)), folder / "after.mp4", teller)
        before, offset_s, has_old_sound = clip.path, 0.0, bool(clip.sounds)
        if plays(clip):
            offset_s = float(clip.time(span[0]) - clip.time(0)) if span else 0.0
        else:
            before, has_old_sound = copied(part, frames_of(part), folder / "before.mp4", teller), False
        page = report.page if report.page is not None and report.page.is_file() else None
        return Outcome(part, file, page, written, report, before, after, offset_s, has_old_sound)
