"""A job on ZeroGPU, where the card is lent for a minute at a time: it goes on in turns, each of which keeps its work.

On such a Space only a function that `spaces.GPU` wraps sees the card. It runs in a process of its own, which gets and
gives what can be pickled, and is ended when the seconds that were asked for are over. A job keeps its finished pieces
on disk, so that the next turn goes on from there. On other machines there is one turn without an end, in this process.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from avfusion.engines.devices import IN_TURN, is_lent
from avfusion.errors import AvfusionError, OverLimit, Stopped
from avfusion.jobs.adopt import Started
from avfusion.jobs.home import job_folder
from avfusion.jobs.job_file import read_job
from avfusion.jobs.run import run
from avfusion.jobs.state import JOB_FILE, KEPT
from avfusion.media.probe import probe
from avfusion.pipelines.progress import OnProgress, Progress, ShouldStop, check_stop
from avfusion.ui.limits import page_limits
from avfusion.ui.runs import Run

# A turn has to load engines first, and to finish the piece it is at before it ends.
_BEGINS_S, _ENDS_S = 20.0, 10.0
# By SAM 2.1 and a soft matte at 1080p on a card of the larger kind, with a reserve.
_SECONDS_PER_GIGAPIXEL = 30.0
_LONGEST_TIMES = 4
# What ZeroGPU says when it ends a process whose time is over; all else that it says is for the visitor.
_TAKEN_BACK = "aborted"


@dataclass(frozen=True)
class Ended:
    """The last word of a turn. report: of a job that is done; failure: what stopped it; neither: time was over."""

    report: Any = None
    failure: AvfusionError | None = None


Turn = Callable[[str, str, int], Iterator[Progress | Ended]]


def run_in_turns(
    job: Started | str, *, out: Path, on_progress: OnProgress, should_stop: ShouldStop, **given: Any
) -> Any:
    """The report of a job, as `avfusion.jobs.run.run` gives it and with its errors.

    given: what else `run` takes where there is only one turn. Raises `OverLimit` where one piece of the work takes
    longer than the longest turn.
    """
    if not is_lent():
        return run(job, out=out, on_progress=on_progress, should_stop=should_stop, **given)[1]
    id = job.id if isinstance(job, Started) else job
    turn, usual_s, times = lent_turn(), seconds_of(job_folder(id)), 1
    while True:
        before = _kept_bytes(id)
        ended = _last_word(turn(id, str(out), usual_s * times), on_progress, should_stop)
        if ended.failure is not None:
            raise ended.failure
        if ended.report is not None:
            return ended.report
        times = 1 if _kept_bytes(id) > before else 2 * times
        if times > _LONGEST_TIMES:
            raise OverLimit(
                f"One piece of this job takes longer than the {usual_s * _LONGEST_TIMES} seconds of the card that can "
                "be had at a time here. Choose a smaller engine, or scale the clip down."
            )


def lent_turn() -> Turn:
    """A turn on the card. ZeroGPU wants to know of it before the page is served."""
    import spaces

    turn: Turn = spaces.GPU(duration=lambda job, out, seconds: seconds)(one_turn)
    return turn


def seconds_of(folder: Path) -> int:
    """How long a turn for the job in this folder should be: what its clip needs, or the most that is asked for."""
    asked = read_job(folder / JOB_FILE)
    clips = [probe(folder / asked.inputs[name].path) for name in ("clip",) if name in asked.inputs]
    gigapixels = sum(clip.width_px * clip.height_px * clip.frame_count for clip in clips) / 1e9
    wanted_s = _BEGINS_S + _ENDS_S + _SECONDS_PER_GIGAPIXEL * gigapixels
    return round(min(wanted_s, page_limits().gpu_turn_seconds))


def one_turn(job: str, out: str, seconds: int) -> Iterator[Progress | Ended]:
    """Goes on with a job until it is done or the seconds are nearly over."""
    end_s = time.monotonic() + max(seconds / 2, seconds - _ENDS_S)
    os.environ[IN_TURN] = "1"
    work = Run(lambda tell, stops: run(job, out=Path(out), on_progress=tell, should_stop=stops))
    try:
        for now in work.progress():
            if time.monotonic() > end_s:
                work.stop()
            if now is not None:
                yield now
        try:
            yield Ended(report=work.result()[1])
        except Stopped:
            yield Ended()
        except AvfusionError as failure:
            yield Ended(failure=failure)
    finally:
        work.stop()
        work.wait()
        os.environ.pop(IN_TURN, None)


def _last_word(said: Iterator[Progress | Ended], on_progress: OnProgress, should_stop: ShouldStop) -> Ended:
    """Passes on what a turn says of its progress; whoever stops ends the turn."""
    try:
        for word in said:
            if isinstance(word, Ended):
                return word
            on_progress(word)
            check_stop(should_stop)
    except gr.Error as refusal:
        if _TAKEN_BACK not in str(refusal.message):
            raise OverLimit(str(refusal.message)) from refusal
    finally:
        close = getattr(said, "close", None)
        if close is not None:
            close()
    return Ended()


def _kept_bytes(id: str) -> int:
    return sum(path.stat().st_size for path in (job_folder(id) / KEPT).rglob("*") if path.is_file())
