"""What programs call to have an object removed or replaced: /remove."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any, Literal, get_args

import gradio as gr

from avfusion.clip import Clip, Masks
from avfusion.errors import AvfusionError, NoPrompt, UnknownFormat
from avfusion.media.probe import probe
from avfusion.pipelines.progress import OnProgress, ShouldStop
from avfusion.pipelines.remove import RemoveReport, RemoveSettings
from avfusion.pipelines.remove import remove as run_remove
from avfusion.ui.endpoints_running import Made, made, parse_points
from avfusion.ui.inpaint_masks import gather

RemoveFormat = Literal["auto", "mp4", "webm", "mov", "gif", "zip", "png", "jpg", "webp"]


def remove(
    clip: str,
    points: str = "",
    masks: str | None = None,
    words: str = "",
    unwanted: str = "",
    engine: str = "auto",
    grow_px: float | None = None,
    shadows: bool = False,
    each_frame: bool = False,
    seed: int = 0,
    steps: int = 30,
    strength: float = 1.0,
    format: RemoveFormat = "auto",
) -> Made:
    """Takes an object out of a picture or a video clip, or puts there what words say. Frames, times and sound stay.

    Args:
        clip: the picture or video file.
        points: which object is meant, as JSON: a list of [x, y], of {"x": 320, "y": 180, "keep": true, "frame": 0} or
            of {"box": [x0, y0, x1, y1], "frame": 0} or of {"scribble": [[x, y], ...], "keep": true, "frame": 0}, in
            pixels of the full frame. "keep": false marks what it is not; "object": 2 means a second object. Where an
            engine for words is ready, {"words": "a dog", "frame": 0} names it.
        masks: instead of points, a ZIP with a mask PNG for each frame, or one PNG for a picture: not black is the
            object.
        words: what is there instead, for engines that take words. Nothing: what is behind the object.
        unwanted: what must not be there.
        engine: flow-fill, telea, sd-1.5-inpaint, sdxl-inpaint or wan-vace-1.3b; auto takes the best that is ready.
        grow_px: by how much the masks are grown. Nothing: as much as the size of the picture asks.
        shadows: whether the object's shadow and reflection go too.
        each_frame: paints each frame for itself, to compare with.
        seed: equal seeds give equal pictures.
        steps: of engines that paint by diffusion.
        strength: 0 to 1, how little of what was there stays, for the same engines.
        format: mp4, webm, mov, gif or zip (PNG pictures) for a clip; png, jpg or webp for a picture; auto takes mp4
            or png.

    Returns:
        The finished file, and a report: frames, size, engines, which part of the hole other frames showed and which was
        invented, seconds in each stage, notes.
    """
    given = [file for file in (clip, masks) if file]
    ending = format if format != "auto" else "png" if _is_still(clip) else "mp4"

    def work(source: Clip, out: Path, on_progress: OnProgress, should_stop: ShouldStop) -> RemoveReport:
        prompts = parse_points(points)
        if not prompts and not masks:
            raise NoPrompt("Nothing says which object is meant. Give points, or masks.")
        if ending in ("png", "jpg", "webp") and source.frame_count > 1:
            raise UnknownFormat(
                f"{source.path}: {ending} holds one picture, and this clip has {source.frame_count} frames. "
                "Give the format mp4, webm, mov, gif or zip."
            )
        settings = RemoveSettings(
            words=words.strip(), unwanted=unwanted.strip(), replace=bool(words.strip()), seed=int(seed),
            steps=int(steps), strength=strength, grow_px=grow_px, shadows=shadows, each_frame=each_frame,
        )  # fmt: skip
        found: Masks | None = None
        if masks:
            folder = out.parent / "masks"
            folder.mkdir()
            found = gather(source, [Path(masks)], folder)
        return run_remove(
            source, prompts, out=out, masks=found, engine=engine, settings=settings,
            on_progress=on_progress, should_stop=should_stop,
        )  # fmt: skip

    yield from made(clip, f"removed.{ending}", work, given)


def _is_still(path: str) -> bool:
    with contextlib.suppress(AvfusionError):
        return bool(path) and probe(Path(path)).frame_count == 1
    return False


def remove_parts(clip: gr.File, gives: list[Any], shared: dict[str, Any]) -> None:
    """The endpoint, with components nobody sees. gives: a file and a report."""
    asked: list[Any] = [
        clip,
        gr.Textbox("", label="points"),
        gr.File(label="masks"),
        gr.Textbox("", label="words"),
        gr.Textbox("", label="unwanted"),
        gr.Textbox("auto", label="engine"),
        gr.Number(None, label="grow_px"),
        gr.Checkbox(False, label="shadows"),
        gr.Checkbox(False, label="each_frame"),
        gr.Number(0, precision=0, label="seed"),
        gr.Number(30, precision=0, label="steps"),
        gr.Number(1, label="strength"),
        gr.Dropdown(list(get_args(RemoveFormat)), value="auto", label="format"),
    ]
    gr.Button().click(remove, asked, gives, api_name="remove", **shared)
