"""Masks that a visitor brings, a PNG for each frame, loose or in a ZIP -> a track, as if the object were followed."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import gradio as gr
import numpy as np

from avfusion.clip import Clip, Drawn, Mask, Masks, MaskTrack
from avfusion.errors import AvfusionError, MaskCountMismatch, NothingFound, Stopped, UsageError
from avfusion.media.mask_folder import MaskFolder
from avfusion.media.mask_zip import MaskZip
from avfusion.media.masks import TrackFolder
from avfusion.pipelines.progress import OnProgress, ShouldStop, Teller
from avfusion.pipelines.track import Tracking
from avfusion.ui import words
from avfusion.ui.clicks import Selection
from avfusion.ui.following import KIND
from avfusion.ui.inpaint_visit import InpaintVisit
from avfusion.ui.looking import Look, look
from avfusion.ui.runs import Run
from avfusion.ui.visit import Made, TrackOf, Visit

_STAGES = {"masks": "Reading the masks"}


class GivenShown(NamedTuple):
    """What the drop zone for masks changes; it is empty again afterwards. What is left out stays as it is."""

    files: Any = gr.skip()
    status: Any = gr.skip()
    follow_status: Any = gr.skip()
    run_status: Any = gr.skip()
    scrub: Any = gr.skip()


def take_masks(visit: InpaintVisit, files: Sequence[str] | None, frame: int, segmenter: str) -> Iterator[Any]:
    """A `GivenShown`, then a `Look`. What a run said before goes: it was about other masks."""
    as_before = (gr.skip(),) * len(Look._fields)
    if not files:
        yield *GivenShown(), *as_before
        return
    yield *GivenShown(status="", follow_status="", run_status=""), *as_before
    clip, paths = visit.clip, [Path(file) for file in files]
    job: Run[Made] | None = None
    try:
        if clip is None:
            raise UsageError("Choose the picture or clip first (step 1), then its masks.")
        job = visit.start(partial(read_given, visit, clip, paths), kind=KIND)
        for now in job.progress():
            if now is not None:
                yield *GivenShown(status=words.progress(now, _STAGES)), *as_before
        made = job.result()
    except AvfusionError as error:
        said = words.note("Stopped.") if isinstance(error, Stopped) else words.problem(error, *paths)
        yield *GivenShown(files=None, status=said), *as_before
        return
    finally:
        if job is not None:
            job.stop()
    with visit.lock:
        visit.selection = Selection(made.made_from.prompts, past=(*visit.selection.past, visit.selection.prompts))
        visit.give(made)
        track = made.tracking.track
        shown = frame if track.union(frame).any() else min(prompt.frame for prompt in made.made_from.prompts)
        said = f"The masks are there, {track.frame_count} of them." if track.frame_count > 1 else "The mask is there."
        yield *GivenShown(None, words.good(said), scrub=shown), *look(visit, shown, segmenter)


def read_given(
    visit: InpaintVisit, clip: Clip, files: Sequence[Path], on_progress: OnProgress, should_stop: ShouldStop
) -> Made:
    """Raises `CannotRead`, `MaskCountMismatch`, `MaskSizeMismatch`, and `NothingFound` where all masks are empty."""
    teller = Teller("masks", clip.frame_count, on_progress, should_stop)
    with visit.folder_for("given") as folder:
        pictures = folder / "masks"
        pictures.mkdir()
        found = gather(clip, files, pictures)
        track = TrackFolder(
            folder / "track", width_px=clip.width_px, height_px=clip.height_px, frame_count=clip.frame_count,
            engine=found.engine,
        )  # fmt: skip
        first = _copied(found, track, teller)
        shutil.rmtree(pictures)
        if not first:
            what = "These masks are all black" if clip.frame_count > 1 else "This mask is black all over"
            raise NothingFound(f"{what}: white, or a number, says where the object is.")
        sealed = track.seal()
    prompts = tuple(Drawn(mask, frame, number) for number, (frame, mask) in sorted(first.items()))
    keys = {number: (frame,) for number, (frame, _) in first.items()}
    return Made(TrackOf(prompts), Tracking(sealed, {}, {}, span=(0, clip.frame_count), keys=keys))


def take_over(visit: InpaintVisit, other: Visit) -> Clip | None:
    """The clip of a visit in another tab, what is selected there, and its masks if it was followed. None: no clip."""
    with other.lock:
        clip, selection, span, tracking = other.clip, other.selection, other.span, other.tracking
        if clip is None:
            return None
        own = visit.take_over(clip, Selection(selection.prompts, chosen=selection.chosen))
        with visit.lock:
            visit.span = span
            if tracking is not None:
                kept = replace(tracking, track=_kept(visit, own, tracking), stages_s={}, frames_tracked=0)
                visit.give(Made(TrackOf(selection.prompts, span=tracking.span), kept))
    return own


def _kept(visit: InpaintVisit, clip: Clip, tracking: Tracking) -> MaskTrack:
    """A copy of a track in this visit's own folder: the other may go."""
    with visit.folder_for("given") as folder:
        found = tracking.track
        out = TrackFolder(
            folder / "track", width_px=clip.width_px, height_px=clip.height_px, frame_count=clip.frame_count,
            engine=found.engine,
        )  # fmt: skip
        for frame in range(*tracking.span):
            for number in found.objects:
                out.put(frame, number, found.mask(frame, number), float(found.confidence[number][frame]))
        return out.seal()


def _copied(found: Masks, track: TrackFolder, teller: Teller) -> dict[int, tuple[int, Mask]]:
    """Puts every mask into the track; the first frame of each object, and its mask there."""
    first: dict[int, tuple[int, Mask]] = {}
    for frame in range(found.frame_count):
        labels = found.labels(frame)
        for number in (np.flatnonzero(np.bincount(labels.ravel())[1:]) + 1).tolist():
            if number not in first:
                first[number] = frame, labels == number
                for earlier in range(frame):  # nobody doubts that it is not there
                    track.put(earlier, number, np.zeros(labels.shape, np.bool_))
        for number in first:
            track.put(frame, number, labels == number)
        teller.step()
    return first


def gather(clip: Clip, files: Sequence[Path], folder: Path) -> Masks:
    """The PNGs as masks: read out of the one ZIP, or put loose into the folder in the order of their names.

    Raises `CannotRead`, `MaskCountMismatch`, `MaskSizeMismatch` and `UsageError`.
    """
    zips = [file for file in files if file.suffix.lower() == ".zip"]
    if zips and len(files) > 1:
        raise UsageError("Give one ZIP, or the PNGs themselves.")
    if zips:
        return MaskZip(zips[0], clip)
    if len(files) != clip.frame_count:
        what = f"a clip of {clip.frame_count} frames" if clip.frame_count > 1 else "a picture"
        raise MaskCountMismatch(
            f"{len(files)} mask {'PNG' if len(files) == 1 else 'PNGs'} for {what}. There must be one for each frame."
        )
    for number, file in enumerate(sorted(files, key=lambda path: path.name)):
        shutil.copyfile(file, folder / f"{number:05d}.png")
    return MaskFolder(folder, clip)
