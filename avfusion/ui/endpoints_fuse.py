"""What programs call for a new background, objects taken out and another voice in one render: /fuse."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal

from avfusion.clip import Clip
from avfusion.compositing.fit import FitKind
from avfusion.errors import UsageError
from avfusion.matting import Edges
from avfusion.pipelines.convert_voice import VoiceSettings
from avfusion.pipelines.convert_voice_settings import VoiceWish
from avfusion.pipelines.fuse import FuseReport, FuseSettings
from avfusion.pipelines.fuse import fuse as run_fuse
from avfusion.pipelines.progress import OnProgress, ShouldStop
from avfusion.pipelines.remove_settings import RemoveSettings
from avfusion.pipelines.swap_settings import SwapSettings
from avfusion.ui.compare_running import zipped
from avfusion.ui.endpoints_asked import Json, Says
from avfusion.ui.endpoints_parameters import (
    FromFrame,
    Masks,
    Points,
    Segmenter,
    ToFrame,
    Tracker,
    Video,
    masks_in,
    prompts_or_masks,
    span_of,
)
from avfusion.ui.endpoints_remove import GrowPx, InpaintEngine, Shadows
from avfusion.ui.endpoints_running import Made, made
from avfusion.ui.endpoints_swap import Background, BackgroundFile, background_of
from avfusion.ui.endpoints_voice import (
    FormantSemitones,
    KeepBackground,
    Model,
    OnlySpeaker,
    Semitones,
    Separator,
    Speaker,
    Target,
    VoiceEngine,
    model_of,
    speaker_number,
)

FuseFormat = Literal["mp4", "webm", "mov", "mkv", "gif", "zip"]


def fuse(
    clip: Video,
    points: Points = "",
    masks: Masks = None,
    background: Background = "",
    background_file: BackgroundFile = None,
    remove: Annotated[
        str, Json("numbers of the objects that vanish, such as 2 or [2, 3]; all others stay. Nothing: none vanishes.")
    ] = "",
    target: Target = None,
    model: Model = None,
    from_frame: FromFrame = None,
    to_frame: ToFrame = None,
    edges: Annotated[Edges, Says("soft, hard (the mask as it is), or closed-form, the finest and slowest.")] = "soft",
    fit: Annotated[FitKind, Says("how the background fills the frame.")] = "cover",
    blur: Annotated[float, Says("strength of the background blur, 0 to 1.")] = 0.5,
    light_wrap: Annotated[float, Says("light of the background on the object's edges, 0 to 1.")] = 0.0,
    colour_match: Annotated[float, Says("how far the object takes on the background's light, 0 to 1.")] = 0.0,
    grow_px: GrowPx = None,
    shadows: Shadows = False,
    speaker: Speaker = "",
    semitones: Semitones = None,
    formant_semitones: FormantSemitones = 0.0,
    keep_background: KeepBackground = False,
    separator: Separator = "auto",
    only_speaker: OnlySpeaker = 0,
    tracker: Tracker = "auto",
    segmenter: Segmenter = "auto",
    inpainter: InpaintEngine = "auto",
    voice_engine: VoiceEngine = "auto",
    html_report: Annotated[
        bool, Says("also gives a page about the run: the file is then a ZIP with the result and report.html.")
    ] = False,
    format: Annotated[
        FuseFormat,
        Says("mov is ProRes 4444, mkv for another voice alone; gif and zip (PNG pictures) have no sound."),
    ] = "mp4",
) -> Made:
    """Gives a video clip a new background, takes objects out of it, changes its voice: any of them, in one render.

    What is not given stays as it is. Convert only voices of people who agreed.

    Returns:
        The finished file, and a report: what was changed, whether frame times and samples are those of the clip, the
        lag of the sound, engines, seconds in each stage, notes.
    """
    removed = numbers_in(remove)
    behind = background_of(background, background_file) if background or background_file else None
    engine, files = model_of(model, voice_engine)
    voice = None
    if target or files is not None:
        voice = VoiceWish(
            target=tuple(Path(path) for path in target or ()), model=files, speaker=speaker, engine=engine,
            only_speaker=speaker_number(only_speaker),
            settings=VoiceSettings(
                semitones=semitones, formant_semitones=formant_semitones, keep_background=keep_background,
                separator=separator,
            ),
        )  # fmt: skip
    settings = FuseSettings(
        swap=SwapSettings(edges=edges, fit=fit, blur=blur, light_wrap=light_wrap, colour_match=colour_match),
        remove=RemoveSettings(grow_px=grow_px, shadows=shadows),
    )

    def work(source: Clip, out: Path, on_progress: OnProgress, should_stop: ShouldStop) -> FuseReport:
        result, page = (out.with_name(f"fused.{format}"), out.with_name("report.html")) if html_report else (out, None)
        report = run_fuse(
            source, prompts_or_masks(points, masks, needed=False), out=result, background=behind,
            remove=removed, voice=voice, masks=masks_in(masks, out.parent), engine=tracker,
            segmenter=segmenter, inpainter=inpainter, span=span_of(source, from_frame, to_frame), settings=settings,
            report=page, on_progress=on_progress, should_stop=should_stop,
        )  # fmt: skip
        if page is None:
            return report
        zipped([result, page], out)
        return replace(report, page=Path(page.name))

    yield from made(clip, "fused-with-report.zip" if html_report else f"fused.{format}", work)


def numbers_in(text: str) -> tuple[int, ...]:
    """2, or 2, 3, or [2, 3] -> (2, 3). Raises `UsageError`."""
    words = [word.strip() for word in text.strip().removeprefix("[").removesuffix("]").split(",") if word.strip()]
    if not all(re.fullmatch(r"[1-9][0-9]{0,2}", word) for word in words):
        raise UsageError(f"remove is {text[:60]!r}. Give numbers of objects, such as 2 or [2, 3].")
    return tuple(int(word) for word in words)
