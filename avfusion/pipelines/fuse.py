"""A new background, an object taken out, another voice: any of them, in one render."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from pathlib import Path

from avfusion.clip import Clip, Masks, Prompt
from avfusion.compositing.background import Background, Moving
from avfusion.media.encoder import stored_size
from avfusion.media.formats import format_of
from avfusion.media.write import NewSound
from avfusion.pipelines.convert_voice_make import Stages, Voiced, make_voice
from avfusion.pipelines.convert_voice_settings import VoiceWish
from avfusion.pipelines.convert_voice_write import write_out
from avfusion.pipelines.frame import as_clip
from avfusion.pipelines.fuse_objects import Objects, follow, only_what_shows
from avfusion.pipelines.fuse_page import Told, write_page
from avfusion.pipelines.fuse_plan import Asked, Plan, Work, plan
from avfusion.pipelines.fuse_render import Rendered, rendered
from avfusion.pipelines.fuse_settings import FuseReport, FuseSettings, Sync
from avfusion.pipelines.fuse_sync import Proof, prove
from avfusion.pipelines.keep import Keep, scratch
from avfusion.pipelines.progress import OnProgress, Overall, ShouldStop, Teller
from avfusion.pipelines.swap_settings import open_background

__all__ = ["FuseReport", "FuseSettings", "Sync", "VoiceWish", "fuse"]

# About what a frame, or a second of sound, costs in each stage beside the others, in milliseconds.
_FOLLOWING = {"shots": 4.0, "tracking": 30.0}
_FILLING = {"holes": 10.0, "looking": 60.0, "carrying back": 90.0, "generating": 1000.0, "filling": 150.0}
_FILLERS = {"flow-fill": ("holes", "looking", "carrying back", "filling"), "wan-vace-1.3b": ("holes", "generating")}
_RENDERING = 30.0
_VOICE_A_SECOND = 500.0


def fuse(
    clip: Clip | Path | str,
    prompts: Sequence[Prompt] = (),
    *,
    out: Path | str,
    background: Path | str | None = None,
    remove: Sequence[int] | None = None,
    voice: VoiceWish | None = None,
    masks: Path | Masks | None = None,
    engine: str = "auto",
    segmenter: str = "auto",
    locator: str = "auto",
    inpainter: str = "auto",
    device: str = "auto",
    span: tuple[int, int] | None = None,
    settings: FuseSettings | None = None,
    keep: Keep | None = None,
    report: Path | None = None,
    on_progress: OnProgress | None = None,
    should_stop: ShouldStop | None = None,
) -> FuseReport:
    """Writes `clip` to `out` with what is asked for changed, all in one render; one of the three at least.

    background: as in `swap`. remove: numbers of the objects that vanish, as in `remove`; the others stay, and stand in
    front of the background. voice: whose voice says the words of the first sound track, as in `convert_voice`. masks:
    as in `swap`. engine: the tracker. span: only frames start..stop-1, and the sound that goes with them; the voice's
    own spans count from the first sample of the whole clip. keep: what a killed run leaves for the next. report: an
    HTML page about the run. With the voice alone, pictures are carried packet for packet. Frame times and the number of
    samples are the source's, and `FuseReport.sync` says what the finished file has of them. Raises what the rooms below
    raise, `Stopped` when `should_stop` says so; nothing half-written stays.
    """
    settings = settings or FuseSettings()
    asked = Asked("" if background is None else str(background), tuple(sorted(set(remove or ()))), voice)
    planned = plan(
        as_clip(clip), prompts, asked, out=Path(out), page=report, masks=masks, inpainter=inpainter, device=device,
        span=span, settings=settings,
    )  # fmt: skip
    told = None if on_progress is None else Overall(on_progress, _costs(planned))
    with scratch(keep) as folder, contextlib.ExitStack() as stack:
        work = Work(planned, settings, inpainter, device, folder, keep, told, should_stop)
        behind = _opened(planned, settings, stack)
        objects = only_what_shows(work, follow(work, prompts, masks, engine, segmenter, locator), behind)
        if told is not None:
            told.leave_out(_FILLING if objects.removed is None else ["rendering"])
        stages = Stages(should_stop)
        voiced = _voiced(work, stages)
        found = _rendered(work, objects, behind, voiced)
        # From here on the file is there, and so the run cannot be stopped any more.
        checking = Teller("checking", 1, told, None)
        proof = prove(planned.part, planned.out, folder, before=None if voiced is None else voiced.source)
        checking.step()
        stages_s = {**objects.given.stages_s, **stages.seconds, **found.stages_s, "checking": checking.seconds}
        done = _report(work, objects, voiced, found, proof, stages_s)
        if report is not None:
            targets = () if voice is None else tuple(path.name for path in voice.files)
            write_page(Told(done, planned.part, proof, asked.background, targets, objects.tracking), report, folder)
        return done


def _costs(planned: Plan) -> dict[str, float]:
    """What the stages cost, in their order."""
    asked, frames, seconds = planned.asked, planned.part.frame_count, float(planned.part.duration_s)
    costs = {stage: cost * frames for stage, cost in _FOLLOWING.items()} if asked.needs_masks else {}
    if asked.voice is not None:
        costs |= {"separating": _VOICE_A_SECOND * seconds} if asked.voice.settings.keep_background else {}
        costs |= {"converting": _VOICE_A_SECOND * seconds}
    if asked.removed:
        own = _FILLERS.get(planned.inpainter, ("holes", "filling"))
        costs |= {stage: cost * frames for stage, cost in _FILLING.items() if stage in own}
    if not planned.copies_pictures:
        costs |= {"rendering": _RENDERING * frames}
    return costs | {"checking": 0.01 * sum(costs.values())}


def _opened(planned: Plan, settings: FuseSettings, stack: contextlib.ExitStack) -> Background | None:
    """What stands behind; None for transparency, and where nothing new does."""
    if not planned.asked.background:
        return None
    behind = open_background(planned.part, planned.asked.background, settings.swap)
    if isinstance(behind, Moving):
        stack.callback(behind.close)
    return behind


def _voiced(work: Work, stages: Stages) -> Voiced | None:
    asked, recording = work.plan.asked, work.plan.recording
    if asked.voice is None or recording is None:
        return None
    folder = work.folder / "voice"
    folder.mkdir()
    return make_voice(
        recording, asked.voice, folder, device=work.device, stages=stages, span_s=work.plan.part.sound_span,
        keep=work.keep, on_progress=work.on_progress, should_stop=work.should_stop,
    )  # fmt: skip


def _rendered(work: Work, objects: Objects, behind: Background | None, voiced: Voiced | None) -> Rendered:
    recording = work.plan.recording
    if voiced is None or recording is None:
        return rendered(work, objects, behind, None)
    if not work.plan.copies_pictures:
        sound = NewSound(recording.sounds[0].stream, voiced.result, voiced.tags)
        return rendered(work, objects, behind, sound)
    teller = Teller("rendering", 1, None, work.should_stop)
    teller.check()
    notes = write_out(work.plan.out, recording, voiced.result, tag=voiced.tag)
    return Rendered({"rendering": teller.seconds}, notes)


def _report(
    work: Work, objects: Objects, voiced: Voiced | None, found: Rendered, proof: Proof, stages_s: Mapping[str, float]
) -> FuseReport:
    planned, given, done = work.plan, objects.given, found.removal
    part = planned.part
    size_px = (part.width_px, part.height_px)
    width_px, height_px = size_px if planned.copies_pictures else stored_size(format_of(planned.out), part)
    said = None if voiced is None else voiced.report(planned.out, {})
    is_converted = voiced is not None and voiced.is_changed
    engines, revisions, devices = dict(given.engines), dict(given.revisions), dict(given.devices)
    if done is not None:
        settled = done.settled
        engines["inpainting"], devices["inpainting"] = settled.engine.name, settled.device
        revisions |= {"inpainting": settled.revision} if settled.revision else {}
    if said is not None:
        engines, devices = engines | dict(said.engines), devices | dict(said.devices)
        revisions |= dict(said.revisions)
    return FuseReport(
        verb="fuse",
        out=planned.out,
        frames=part.frame_count,
        width_px=width_px,
        height_px=height_px,
        duration_s=float(part.duration_s),
        engines=engines,
        revisions=revisions,
        devices=devices,
        stages_s=stages_s,
        notes=(*part.notes, *given.notes, *objects.notes, *found.notes, *(() if said is None else said.notes)),
        flicker=found.flicker,
        changed=tuple(name for name in planned.asked.changed if name != "voice" or is_converted),
        sync=proof.sync,
        kept=objects.numbers[0],
        removed=objects.numbers[1],
        seen_share=None if done is None else done.tally.share(done.tally.seen_px),
        invented_share=None if done is None else done.tally.share(done.tally.invented_px),
        generations=None if done is None else done.generations,
        warp_error=None if done is None else done.tally.meter.error,
        map_out=None if done is None else work.settings.remove.map_out,
        voice=said,
        page=planned.page,
    )
