"""What programs call, with `gradio_client` or as tools of the MCP server: /swap, /segment, /compare and /voice."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, get_args

import gradio as gr

from avfusion.clip import Clip
from avfusion.engines.catalogue import of_ability
from avfusion.engines.state import state
from avfusion.media.recording import probe_recording
from avfusion.pipelines.compare import Comparison, write_report
from avfusion.pipelines.compare import compare as run_compare
from avfusion.pipelines.convert_voice import VoiceReport, VoiceSettings, convert_voice
from avfusion.pipelines.progress import OnProgress, ShouldStop
from avfusion.pipelines.report import Report
from avfusion.pipelines.segment import segment as run_segment
from avfusion.pipelines.swap import swap as run_swap
from avfusion.ui.compare_running import zipped
from avfusion.ui.endpoints_remove import remove_parts
from avfusion.ui.endpoints_running import Made, handed_out, made, parse_points, refusal
from avfusion.ui.voice_making import spans_of
from avfusion.ui.voice_models import look_into, voice_for
from avfusion.voice.opening import ModelFiles

SwapFormat = Literal["mp4", "webm", "mov", "gif", "zip"]
SegmentFormat = Literal["json", "mp4"]
CompareFormat = Literal["html", "zip"]
VoiceFormat = Literal["wav", "flac", "mp3", "mp4", "mov", "mkv", "webm"]


def swap(
    clip: str, points: str, background: str = "blur", background_file: str | None = None, format: str = "mp4"
) -> Made:
    """Puts a new background behind an object of a video clip. Frames, times and sound stay those of the clip.

    Args:
        clip: the video file.
        points: which object is meant, as JSON: a list of [x, y], of {"x": 320, "y": 180, "keep": true, "frame": 0} or
            of {"box": [x0, y0, x1, y1], "frame": 0} or of {"scribble": [[x, y], ...], "keep": true, "frame": 0}, in
            pixels of the full frame. "keep": false marks what it is not; "object": 2 means a second object. Where an
            engine for words is ready, {"words": "a dog", "frame": 0} names it.
        background: a colour like #204060, or blur, or transparent, or file for the background file.
        background_file: a picture or a video, used when background is file.
        format: mp4, webm, mov (ProRes 4444), gif, or zip (PNG pictures). Transparent needs another one than mp4.

    Returns:
        The finished file, and a report: frames, size, engines, seconds in each stage, notes.
    """
    if background == "file":
        behind = background_file or ""
    elif background in ("blur", "transparent") or background.startswith("#"):
        behind = background
    else:
        raise refusal(f"{background}: no such background. Give #rrggbb, blur, transparent, or file with a file.")
    if not behind:
        raise refusal("The background is to be a file, and there is none. Give one as background_file.")

    def work(source: Clip, out: Path, on_progress: OnProgress, should_stop: ShouldStop) -> Report:
        return run_swap(
            source, parse_points(points), background=behind, out=out, on_progress=on_progress, should_stop=should_stop
        )

    yield from made(clip, f"swapped.{format}", work)


def segment(clip: str, points: str, format: str = "json") -> Made:
    """Masks of an object through a video clip.

    Args:
        clip: the video file.
        points: which object is meant, as JSON: a list of [x, y], of {"x": 320, "y": 180, "keep": true, "frame": 0} or
            of {"box": [x0, y0, x1, y1], "frame": 0} or of {"scribble": [[x, y], ...], "keep": true, "frame": 0}, in
            pixels of the full frame. "keep": false marks what it is not; "object": 2 means a second object. Where an
            engine for words is ready, {"words": "a dog", "frame": 0} names it.
        format: json for COCO instance annotations with compressed RLE, mp4 for the clip with the object tinted.

    Returns:
        The finished file, and a report: frames, size, engines, seconds in each stage, notes.
    """

    def work(source: Clip, out: Path, on_progress: OnProgress, should_stop: ShouldStop) -> Report:
        return run_segment(source, parse_points(points), out=out, on_progress=on_progress, should_stop=should_stop)

    yield from made(clip, f"masks.{format}", work)


def compare(
    clip: str, points: str = "", engines: str = "", whole_clip: bool = False, frame: int = 0, format: str = "html"
) -> Made:
    """Asks several engines for the same object in a picture or a video clip, and says how far their masks agree.

    Args:
        clip: the picture or video file.
        points: which object is meant, as JSON: a list of [x, y], of {"x": 320, "y": 180, "keep": true, "frame": 0} or
            of {"box": [x0, y0, x1, y1], "frame": 0} or of {"words": "a dog", "frame": 0}, in pixels of the full
            picture. Nothing: all that is in the picture, for engines that can say so.
        engines: names of engines with commas between. Nothing: all that are ready.
        whole_clip: false for engines that find the object on one frame, true for those that follow it.
        frame: the frame to compare, unless it is the whole clip.
        format: html for one page with pictures and numbers, zip for that with the masks, a table and more.

    Returns:
        The finished file, and a report: each engine's answer with time, memory, score or problem, and their IoU.
    """

    def work(source: Clip, out: Path, on_progress: OnProgress, should_stop: ShouldStop) -> Comparison:
        names = [name.strip() for name in engines.split(",") if name.strip()]
        made = run_compare(
            source, parse_points(points), engines=names or _ready("tracking" if whole_clip else "segmentation"),
            folder=out.parent / "masks", whole_clip=whole_clip, frame=int(frame), on_progress=on_progress,
            should_stop=should_stop,
        )  # fmt: skip
        files = write_report(made, out.parent / "report", on_progress=on_progress, should_stop=should_stop)
        if out.suffix == ".html":
            next(file for file in files if file.suffix == ".html").rename(out)
        else:
            zipped(files, out)
        return made

    yield from made(clip, f"comparison.{format}", work)


def voice(
    media: str,
    target: list[str] | None = None,
    model: list[str] | None = None,
    engine: str = "auto",
    speaker: str = "",
    semitones: float | None = None,
    formant_semitones: float = 0.0,
    keep_background: bool = False,
    separator: str = "auto",
    part: str = "",
    only_speaker: int = 0,
    format: str = "wav",
) -> Made:
    """Gives the voice in a recording or a video clip another voice: the same words, in time to the sample.

    Convert only voices of people who agreed. The tags of every file say that its voice was converted by AI.

    Args:
        media: the recording or video file.
        target: recordings of the target speaking, a few seconds to a few minutes together.
        model: instead, the files of a trained voice: weights, and what belongs to them (config.json, .index, clusters,
            speaker encoder; an AutoVC needs the target as well).
        engine: world-knn, so-vits, rvc or autovc; auto takes what fits the target or the model.
        speaker: one of the model's speakers, by name or number. Nothing: its first.
        semitones: by how much the pitch is moved. Nothing: to where the target's lies, by engines that can.
        formant_semitones: the target's resonances so much higher or lower (world-knn).
        keep_background: takes music and ambience apart first, and puts them back.
        separator: by what: hdemucs or repet-sim; auto takes the better one that is ready.
        part: time ranges to convert, in seconds, such as 2.5-6, 9-; all else stays as it is. Nothing: all of it.
        only_speaker: 1 converts who speaks most and nobody else, 2 the second, and so on; 0 everybody.
        format: wav, flac or mp3; for a video clip with its pictures as they are mp4, mov, mkv or webm.

    Returns:
        The finished file, and a report: samples, lag, loudness, true peak, pitch, engine, seconds in each stage, notes.
    """

    def work(out: Path, on_progress: OnProgress, should_stop: ShouldStop) -> VoiceReport:
        files: ModelFiles | None = None
        name = engine
        if model:
            name, files = voice_for([look_into(Path(path)) for path in model], engine)
        settings = VoiceSettings(
            semitones=semitones, formant_semitones=formant_semitones, keep_background=keep_background,
            separator=separator,
        )  # fmt: skip
        length_s = float(probe_recording(Path(media)).sounds[0].duration_s)
        return convert_voice(
            media, out=out, target=target or (), model=files, speaker=speaker, engine=name, settings=settings,
            spans=spans_of(part, length_s), only_speaker=int(only_speaker or 0) or None, on_progress=on_progress,
            should_stop=should_stop,
        )  # fmt: skip

    if not media:
        raise refusal("There is no recording and no clip. Give a file as media.")
    for name, value in (("semitones", semitones), ("formant_semitones", formant_semitones)):
        if value is not None and not isinstance(value, int | float):
            raise refusal(f"{name} is '{value}'. Give a number.")
    if (only_speaker or 0) not in range(1000):  # as it comes, it may be anything
        raise refusal(f"only_speaker is {only_speaker}. Give a whole number: 1 for who speaks most, 0 for everybody.")
    yield from handed_out([media, *(target or ()), *(model or ())], f"voice.{format}", work)


def _ready(ability: str) -> list[str]:
    return [engine.name for engine in of_ability(ability) if state(engine).is_ready]


def build(*, runs_at_once: int) -> None:
    """Components nobody sees: they say what the endpoints take and give, and check that files are the caller's own."""
    shared: dict[str, Any] = {"concurrency_id": "render", "concurrency_limit": runs_at_once}
    with gr.Row(visible=False):
        clip = gr.File(label="clip")
        points = gr.Textbox(label="points")
        background = gr.Textbox("blur", label="background")
        background_file = gr.File(label="background_file")
        swap_format = gr.Dropdown(list(get_args(SwapFormat)), value="mp4", label="format")
        segment_format = gr.Dropdown(list(get_args(SegmentFormat)), value="json", label="format")
        engines = gr.Textbox(label="engines")
        whole_clip = gr.Checkbox(label="whole_clip")
        frame = gr.Number(0, precision=0, label="frame")
        compare_format = gr.Dropdown(list(get_args(CompareFormat)), value="html", label="format")
        file = gr.File(label="file")
        report = gr.JSON(label="report")
        do_swap, do_segment, do_compare = gr.Button(), gr.Button(), gr.Button()
        remove_parts(clip, [file, report], shared)
        _voice_parts([file, report], shared)
    do_swap.click(
        swap, [clip, points, background, background_file, swap_format], [file, report], api_name="swap", **shared
    )
    do_segment.click(segment, [clip, points, segment_format], [file, report], api_name="segment", **shared)
    asked = [clip, points, engines, whole_clip, frame, compare_format]
    do_compare.click(compare, asked, [file, report], api_name="compare", **shared)


def _voice_parts(gives: list[Any], shared: dict[str, Any]) -> None:
    asked: list[Any] = [
        gr.File(label="media"),
        gr.File(label="target", file_count="multiple"),
        gr.File(label="model", file_count="multiple"),
        gr.Textbox("auto", label="engine"),
        gr.Textbox("", label="speaker"),
        gr.Number(None, label="semitones"),
        gr.Number(0, label="formant_semitones"),
        gr.Checkbox(False, label="keep_background"),
        gr.Textbox("auto", label="separator"),
        gr.Textbox("", label="part"),
        gr.Number(0, label="only_speaker"),
        gr.Dropdown(list(get_args(VoiceFormat)), value="wav", label="format"),
    ]
    gr.Button().click(voice, asked, gives, api_name="voice", **shared)
