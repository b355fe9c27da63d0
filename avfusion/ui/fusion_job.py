"""A fusion as a job: what was asked goes to a folder of its own, so that a run that was cut off can go on."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from avfusion.errors import AvfusionError
from avfusion.jobs.adopt import Started
from avfusion.jobs.fusion import FusionOptions, FusionSettings
from avfusion.jobs.home import job_folder
from avfusion.jobs.run import start
from avfusion.jobs.state import is_running, read_state
from avfusion.media.cut import cut, cut_track
from avfusion.pipelines.convert_voice_settings import VoiceWish
from avfusion.pipelines.progress import ShouldStop, Teller
from avfusion.pipelines.segment import write_track
from avfusion.ui.fusion_wish import FusionWish
from avfusion.ui.visit import Visit

_WORDS = ("blur", "transparent")


def begin(visit: Visit, wish: FusionWish, should_stop: ShouldStop) -> Started:
    """Makes the job; nothing is run yet. Masks that the visitor has followed already go with it.

    Raises `UsageError`, `CannotRead` and `CannotWrite`.
    """
    inputs: dict[str, Path] = {"clip": wish.clip.path, **_voices(wish.voice)}
    background, voice = wish.background or "", wish.voice
    if background and background not in _WORDS and not background.startswith("#"):
        inputs["background"] = Path(background)
        background = ""
    options = FusionOptions(background=background, remove=wish.removed)
    if voice is not None:
        options = replace(options, speaker=voice.speaker, spans=voice.spans, only_speaker=voice.only_speaker)
    settings = FusionSettings(wish.settings) if voice is None else FusionSettings(wish.settings, voice.settings)
    engines = {
        "engine": wish.wanted.tracker, "segmenter": wish.wanted.segmenter, "inpainter": wish.inpainter,
        "voice_engine": "auto" if voice is None else voice.engine,
    }  # fmt: skip
    stem = wish.clip.path.stem
    with contextlib.ExitStack() as stack:
        prompts = wish.wanted.prompts
        if prompts and visit.track_for(wish.wanted) is not None:
            folder = stack.enter_context(visit.folder_for("followed"))
            stack.callback(shutil.rmtree, folder, ignore_errors=True)
            inputs["masks"], prompts = _masks(visit, wish, folder, should_stop), ()
        return start(
            "fuse", inputs=inputs, out=Path(f"{stem}-fused{wish.ending}"),
            also={"report": Path(f"{stem}-report.html")}, prompts=prompts, settings=settings, options=options,
            engines=engines, span=wish.wanted.span,
        )  # fmt: skip


def _voices(voice: VoiceWish | None) -> Mapping[str, Path]:
    if voice is None:
        return {}
    files = {f"target-{number}": path for number, path in enumerate(voice.target, 1)}
    if voice.model is None:
        return files
    parts = {"model": voice.model.weights} | {
        name: getattr(voice.model, name) for name in ("config", "index", "clusters", "speaker_encoder")
    }
    return files | {name: path for name, path in parts.items() if path is not None}


def _masks(visit: Visit, wish: FusionWish, folder: Path, should_stop: ShouldStop) -> Path:
    """A PNG for each frame of the part that counts."""
    tracking = visit.track_for(wish.wanted)
    assert tracking is not None
    start, stop = wish.wanted.span or (0, wish.clip.frame_count)
    part, track = cut(wish.clip, start, stop), cut_track(tracking.track, start, stop)
    write_track(part, track, folder / "masks", "masks", Teller("writing", part.frame_count, None, should_stop))
    return folder / "masks"


def can_go_on(job: Any) -> bool:
    """job: what a visitor's browser says; anything. Whether it is a run that was cut off and that nobody works on."""
    if not isinstance(job, str):
        return False
    try:
        folder = job_folder(job)
        return read_state(folder).status == "unfinished" and not is_running(folder)
    except AvfusionError:
        return False


def forget(job: Any) -> None:
    """Removes a run that was cut off, with all that was kept of it."""
    if can_go_on(job):
        shutil.rmtree(job_folder(job), ignore_errors=True)
