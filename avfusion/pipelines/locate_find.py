"""What makes the sound of a clip, and its masks: the engine's prompts, followed, and shown while they sound."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from avfusion.clip import Clip, MaskTrack, Sound
from avfusion.engines.memory import falling_back
from avfusion.engines.registry import Settled, settle
from avfusion.errors import CannotRead
from avfusion.media.cut import cut
from avfusion.pipelines.frame import as_clip
from avfusion.pipelines.keep import Keep
from avfusion.pipelines.locate_gate import gated
from avfusion.pipelines.locate_names import Called, called_by
from avfusion.pipelines.locate_place import placeable
from avfusion.pipelines.locate_settings import Heard, LocateSettings, heard_of
from avfusion.pipelines.locate_sound import NO_SOUND
from avfusion.pipelines.locate_sources import Sought, seek
from avfusion.pipelines.progress import OnProgress, ShouldStop, Teller
from avfusion.pipelines.track import Tracking, check_span, track
from avfusion.pipelines.used import MadeByEngines
from avfusion.sounding import Sources, Wish


@dataclass(frozen=True, eq=False)
class Asked:
    """How `find` was asked."""

    tracker: str = "auto"
    segmenter: str = "auto"
    namer: str = "auto"
    device: str = "auto"
    labels: tuple[str, ...] = ()
    text: str = ""
    sound: Path | Sound | None = None
    settings: LocateSettings = field(default_factory=LocateSettings)


@dataclass(frozen=True, eq=False)
class Located(MadeByEngines):
    """What sounds in a clip.

    track: its masks, each source's in the seconds in which it sounds, as `whole` has them throughout; both with all
    frames of `clip`, empty outside `span`; object N is source N. sources: names, prompts and times; steps begin with
    frame `span[0]`. tracking: None where the engine abstained. used: what worked, by ability.
    """

    clip: Clip
    span: tuple[int, int]
    sources: Sources
    heard: tuple[Heard, ...]
    track: MaskTrack
    whole: MaskTrack
    tracking: Tracking | None
    used: Mapping[str, Settled]
    stages_s: Mapping[str, float]
    notes: tuple[str, ...] = ()
    asked: Asked = field(default_factory=Asked)

    @property
    def part(self) -> Clip:
        """The frames that were looked at."""
        return cut(self.clip, *self.span)


@falling_back
def find(
    clip: Clip | Path | str,
    *,
    folder: Path,
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
    keep: Keep | None = None,
    on_progress: OnProgress | None = None,
    should_stop: ShouldStop | None = None,
) -> Located:
    """What makes the sound, with masks, written under `folder`; nothing leaves it.

    engine: of the ability `sounding`. namer: says what things are called that it gives no name; with `auto`, if one is
    ready. labels: names that a source may have. text: one thing that is described, found and shown whether it sounds or
    not. sound: another one than the clip's own, from its first frame on. span: only frames start..stop-1. What was
    found before is found again in `folder`. Where the engine abstains, there are no masks, and `sources.abstained` says
    why. Raises `CannotRead` for a clip without sound, `InputError` for a single picture, and as `track`.
    """
    clip = as_clip(clip)
    settings = settings or LocateSettings()
    asked = Asked(tracker, segmenter, namer, device, tuple(labels), text.strip(), sound, settings)
    start, stop = check_span(clip, span)
    _check_named(asked)
    if sound is None and not asked.text and not clip.sounds and clip.frame_count > 1:
        raise CannotRead(f"{clip.path}: {NO_SOUND} Or give the sound that goes with it, as with --with-sound FILE.")
    sought = seek(
        clip, Wish(asked.labels, asked.text, settings.sources), folder=folder, engine=engine, device=device,
        span=(start, stop), sound=sound, keep=keep, on_progress=on_progress, should_stop=should_stop,
    )  # fmt: skip
    sources = placeable(clip, sought.sources, segmenter, device)
    if not sources.found:
        nothing = MaskTrack(clip.width_px, clip.height_px, clip.frame_count, {}, {}, sought.settled.engine.name)
        return _located(clip, (start, stop), asked, sought, sources, nothing, nothing)
    tracking = track(
        clip, [prompt for source in sources.found for prompt in source.prompts], folder=folder, engine=tracker,
        segmenter=segmenter, device=device, span=(start, stop), keep=keep, on_progress=on_progress,
        should_stop=should_stop,
    )  # fmt: skip
    # What was described is shown whether it sounds or not.
    whole = tracking.track
    shown = whole if asked.text else gated(clip, whole, sources, (start, stop), settings)
    naming = Teller("naming", 0, on_progress, should_stop)
    called = called_by(clip, sources, shown, namer, device, asked.labels, naming)
    return _located(clip, (start, stop), asked, sought, called.sources, shown, whole, tracking, called)


def _check_named(asked: Asked) -> None:
    """Raises `UnknownEngine` or `EngineNotReady` before any work is done for an engine that was asked for by name."""
    for ability, name in (("tracking", asked.tracker), ("segmentation", asked.segmenter), ("naming", asked.namer)):
        if name != "auto":
            settle(ability, name, asked.device)


def _located(
    clip: Clip,
    span: tuple[int, int],
    asked: Asked,
    sought: Sought,
    sources: Sources,
    shown: MaskTrack,
    whole: MaskTrack,
    tracking: Tracking | None = None,
    called: Called | None = None,
) -> Located:
    used, stages_s = {"sounding": sought.settled}, dict(sought.stages_s)
    notes = [*sought.notes, *sources.notes]
    if tracking is not None:
        used, stages_s = used | dict(tracking.used), stages_s | dict(tracking.stages_s)
        notes += [note for note in tracking.notes if note != tracking.advice]
    if called is not None:
        used, stages_s = used | dict(called.used), stages_s | dict(called.stages_s)
        notes += called.notes
    return Located(
        clip=clip,
        span=span,
        sources=sources,
        heard=heard_of(sought.clip, sources, asked.settings),
        track=shown,
        whole=whole,
        tracking=tracking,
        used=used,
        stages_s=stages_s,
        notes=tuple(notes),
        asked=asked,
    )
