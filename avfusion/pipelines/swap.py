"""A new background behind the object of a clip."""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Sequence
from pathlib import Path

from avfusion.clip import Clip, Masks, Prompt, Yuv
from avfusion.compositing.background import Background, Moving
from avfusion.errors import UsageError
from avfusion.media.cut import cut, later
from avfusion.media.encoder import stored_size
from avfusion.media.formats import format_of
from avfusion.media.segments import Segments
from avfusion.media.target import refuse_inputs, refuse_target, whole_file
from avfusion.media.write import Rgba, write_video
from avfusion.pipelines.frame import as_clip
from avfusion.pipelines.given import Given, given_masks
from avfusion.pipelines.keep import Keep, masks_digest, scratch
from avfusion.pipelines.keep_pictures import Rendering, kept_pictures
from avfusion.pipelines.progress import OnProgress, ShouldStop, Teller
from avfusion.pipelines.report import Report
from avfusion.pipelines.segment import grey_planes
from avfusion.pipelines.swap_render import Edging, mattes, on_background
from avfusion.pipelines.swap_settings import BLUR, TRANSPARENT, SwapSettings, check_output, is_file, open_background
from avfusion.pipelines.track import check_span, track

__all__ = ["BLUR", "TRANSPARENT", "SwapSettings", "check_output", "open_background", "swap", "write_matte"]


def swap(
    clip: Clip | Path | str,
    prompts: Sequence[Prompt] = (),
    *,
    background: Path | str,
    out: Path | str,
    masks: Path | Masks | None = None,
    matte: Path | None = None,
    engine: str = "auto",
    segmenter: str = "auto",
    locator: str = "auto",
    device: str = "auto",
    span: tuple[int, int] | None = None,
    settings: SwapSettings | None = None,
    keep: Keep | None = None,
    on_progress: OnProgress | None = None,
    should_stop: ShouldStop | None = None,
) -> Report:
    """Writes `clip` to `out` with `background` behind the object that the prompts or masks say.

    background: path of a picture or clip, `#rrggbb`, `blur` or `transparent`. masks: a folder or ZIP of PNGs, or a
    finished track, instead of prompts; a clip that has an alpha of its own needs neither. matte: also write the alpha
    there, as a grey video. span: only frames start..stop-1, and the sound that goes with them; masks may be those of
    the whole clip or of this part. keep: what a killed run leaves for the next. Frames, times and sound are the
    source's. Raises what the rooms below raise, `Stopped` when `should_stop` says so; nothing half-written stays.
    """
    clip, out, settings = as_clip(clip), Path(out), settings or SwapSettings()
    background = str(background)
    check_output(out, background)
    for target in [out] if matte is None else [out, matte]:
        refuse_inputs(target, [clip.path, Path(background)])
        refuse_target(target, folder=format_of(target).ending == ".png")
    if matte is not None and matte.absolute() == out.absolute():
        raise UsageError(f"{out}: the matte needs a file of its own. Choose another name for it.")
    whole, (start, stop) = clip, check_span(clip, span)
    clip = cut(whole, start, stop)
    behind = open_background(clip, background, settings)
    with contextlib.ExitStack() as stack:
        if isinstance(behind, Moving):
            stack.callback(behind.close)
        given = Given(None, {"matte": "the clip's own alpha"})
        if masks is not None:
            given = given_masks(whole, clip, prompts, masks)
        elif prompts or not clip.has_alpha:
            folder = stack.enter_context(scratch(keep))
            given = Given.of(
                track(
                    whole, prompts, folder=folder, engine=engine, segmenter=segmenter, locator=locator,
                    device=device, span=(start, stop), keep=keep, on_progress=on_progress, should_stop=should_stop,
                )
            )  # fmt: skip
        masks_shown = given.masks
        if masks_shown is not None and masks_shown.frame_count != clip.frame_count:
            masks_shown = later(masks_shown, start, stop)
        stages_s = dict(given.stages_s)
        if matte is not None:
            # It takes its name when the block ends, after the clip has: both are there in the end, or neither.
            part = stack.enter_context(whole_file(matte))
            teller = Teller("matte", clip.frame_count, on_progress, should_stop)
            pieces = _kept(keep, "matte", clip, masks_shown, matte, settings)
            write_matte(clip, masks_shown, part, settings, teller, pieces)
            stages_s["matte"] = teller.seconds
        teller = Teller("rendering", clip.frame_count, on_progress, should_stop)
        edging = Edging()
        pieces = _kept(keep, "rendering", clip, masks_shown, out, settings, background)
        notes = render(clip, masks_shown, behind, out, settings, teller, edging, pieces)
        stages_s["rendering"] = teller.seconds
    width_px, height_px = stored_size(format_of(out), clip)
    return Report(
        verb="swap",
        out=out,
        frames=clip.frame_count,
        width_px=width_px,
        height_px=height_px,
        duration_s=float(clip.duration_s),
        engines=given.engines,
        revisions=given.revisions,
        devices=given.devices,
        stages_s=stages_s,
        notes=(*clip.notes, *given.notes, *notes),
        flicker=edging.meter.score,
    )


def _kept(
    keep: Keep | None,
    stage: str,
    clip: Clip,
    masks: Masks | None,
    out: Path,
    settings: SwapSettings,
    background: str = "",
) -> Segments | None:
    if keep is None:
        return None
    behind = keep.digest(Path(background)) if is_file(background) else background
    return kept_pictures(keep, stage, clip, out, masks_digest(masks), settings, behind)


def render(
    clip: Clip,
    mask_track: Masks | None,
    behind: Background | None,
    out: Path,
    settings: SwapSettings,
    teller: Teller,
    edging: Edging,
    kept: Segments | None = None,
) -> tuple[str, ...]:
    """Writes the swapped clip; returns notes. Without a track the clip's own alpha is the matte."""

    def pictures(start: int) -> Generator[Yuv | Rgba, None, None]:
        teller.skip(start)
        with contextlib.closing(clip.frames(start)) as frames:
            mats = mattes(frames, mask_track, settings, edging)
            yield from on_background(clip, mats, behind, settings, teller, edging)

    made = Rendering(pictures, {"edging": edging})
    written = write_video(out, made, clip=clip, alpha=behind is None, encoding=settings.encoding, kept=kept)
    return (*edging.notes, *written.notes)


def write_matte(
    clip: Clip,
    mask_track: Masks | None,
    out: Path,
    settings: SwapSettings,
    teller: Teller,
    kept: Segments | None = None,
) -> tuple[str, ...]:
    """The alpha of a swap as a grey video without sound; returns notes."""
    edging = Edging()

    def pictures(start: int) -> Generator[Yuv | Rgba, None, None]:
        teller.skip(start)
        with contextlib.closing(clip.frames(start)) as frames:
            for _, _, matte in mattes(frames, mask_track, settings, edging):
                teller.step()
                yield grey_planes(clip, matte.alpha)

    made = Rendering(pictures, {"edging": edging})
    return write_video(out, made, clip=clip, sound=False, encoding=settings.encoding, kept=kept).notes
