"""clip with sound -> masks of what makes it, with names and times, in files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from avfusion.clip import Clip, Sound
from avfusion.media.formats import format_of
from avfusion.media.target import refuse_inputs, refuse_target
from avfusion.pipelines.frame import as_clip
from avfusion.pipelines.keep import Keep, scratch
from avfusion.pipelines.locate_controls import KINDS, control
from avfusion.pipelines.locate_find import Located, find
from avfusion.pipelines.locate_settings import Heard, LocateReport, LocateSettings
from avfusion.pipelines.locate_write import write_located
from avfusion.pipelines.progress import OnProgress, ShouldStop, Teller
from avfusion.pipelines.segment import kind_of

__all__ = ["Heard", "LocateReport", "LocateSettings", "Located", "find", "locate", "report_of"]


def locate(
    clip: Clip | Path | str,
    *,
    out: Path | str,
    engine: str = "auto",
    tracker: str = "auto",
    segmenter: str = "auto",
    namer: str = "auto",
    device: str = "auto",
    labels: Sequence[str] = (),
    text: str = "",
    sound: Path | Sound | None = None,
    span: tuple[int, int] | None = None,
    settings: LocateSettings | None = None,
    controls: bool = False,
    keep: Keep | None = None,
    on_progress: OnProgress | None = None,
    should_stop: ShouldStop | None = None,
) -> LocateReport:
    """Writes to `out` what makes the sound of `clip`, where and when; the rest as in `find`.

    out goes by its ending: a folder gets palette PNGs, whose pixel value is the source's number, and `sources.json`;
    `.json` COCO RLE with the sources beside it; a video the masks, names and confidences drawn over the pictures.
    controls: look again without the sound and with its halves exchanged, for the report alone. keep: what a killed run
    leaves for the next. Where the engine abstains, what is written is empty, and the report and
    `sources.json` say why. Raises what `find` and `avfusion.media.write` raise.
    """
    clip, out = as_clip(clip), Path(out)
    form = kind_of(out)
    if form == "overlay":
        format_of(out)
    refuse_inputs(out, [clip.path, *([sound] if isinstance(sound, Path) else [])])
    refuse_target(out, folder=form == "masks")
    with scratch(keep) as folder:
        located = find(
            clip, folder=folder, engine=engine, tracker=tracker, segmenter=segmenter, namer=namer, device=device,
            labels=labels, text=text, sound=sound, span=span, settings=settings, keep=keep, on_progress=on_progress,
            should_stop=should_stop,
        )  # fmt: skip
        tried = [
            control(located, kind, folder=folder / kind, on_progress=on_progress, should_stop=should_stop)
            for kind in (KINDS if controls else ())
        ]
        teller = Teller("rendering", located.part.frame_count, on_progress, should_stop)
        notes = write_located(located, out, form, teller)
        report = report_of(located, out, {"rendering": teller.seconds}, notes)
    return replace(report, controls=tuple(one.plain() for one in tried))


def report_of(
    located: Located, out: Path, stages_s: dict[str, float] | None = None, notes: tuple[str, ...] = ()
) -> LocateReport:
    """What was located, as the report of a run that wrote it to `out`."""
    part, sources = located.part, located.sources
    worst = None if located.tracking is None else located.tracking.worst()
    if worst is not None:
        doubt = f"The masks of source {worst.object} are least sure at frame {worst.frame} ({worst.confidence:.0%})"
        notes = (*notes, f"{doubt}: look there first.")
    return LocateReport(
        verb="locate",
        out=out,
        frames=part.frame_count,
        width_px=part.width_px,
        height_px=part.height_px,
        duration_s=float(part.duration_s),
        engines=located.engines,
        revisions=located.revisions,
        devices=located.devices,
        stages_s={**located.stages_s, **(stages_s or {})},
        notes=(*part.notes, *located.notes, *notes),
        sources=located.heard,
        abstained=sources.abstained,
        step_s=sources.step_s,
        sounds={source.number: tuple(source.sounds.tolist()) for source in sources.found},
        worst=None if worst is None else {"frame": worst.frame, "object": worst.object, "confidence": worst.confidence},
    )
