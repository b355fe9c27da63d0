"""What makes the sound of a clip, and its masks: the engine's prompts, followed, and shown while they sound."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from avfusion.clip import Clip, MaskTrack, Sound
from avfusion.engines.memory import falling_back
from avfusion.engines.registry import Settled
from avfusion.media.cut import cut
from avfusion.pipelines.frame import as_clip
from avfusion.pipelines.keep import Keep
from avfusion.pipelines.locate_gate import gated
from avfusion.pipelines.locate_settings import Heard, LocateSettings, heard_of
from avfusion.pipelines.locate_sources import Sought, seek
from avfusion.pipelines.progress import OnProgress, ShouldStop
from avfusion.pipelines.track import Tracking, check_span, track
from avfusion.sounding import Sources, Wish


@dataclass(frozen=True, eq=False)
class Located:
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

    @property
    def part(self) -> Clip:
        """The frames that were looked at."""
        return cut(self.clip, *self.span)

    @property
    def engines(self) -> dict[str, str]:
        """ability -> name"""
        return {ability: one.engine.name for ability, one in self.used.items()}

    @property
    def revisions(self) -> dict[str, str]:
        """ability -> which weights; those without any are left out"""
        return {ability: one.revision for ability, one in self.used.items() if one.revision}

    @property
    def devices(self) -> dict[str, str]:
        return {ability: one.device for ability, one in self.used.items()}


@falling_back
def find(
    clip: Clip | Path | str,
    *,
    folder: Path,
    engine: str = "auto",
    tracker: str = "auto",
    segmenter: str = "auto",
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

    engine: of the ability `sounding`. labels: names that a source may have. text: one thing that is described, found
    and shown whether it sounds or not. sound: another one than the clip's own, from its first frame on. span: only
    frames start..stop-1. What was found before is found again in `folder`. Where the engine abstains, there are no
    masks, and `sources.abstained` says why. Raises `CannotRead` for a clip without sound, and as `track`.
    """
    clip, settings = as_clip(clip), settings or LocateSettings()
    start, stop = check_span(clip, span)
    wish = Wish(tuple(labels), text.strip(), settings.sources)
    sought = seek(
        clip, wish, folder=folder, engine=engine, device=device, span=(start, stop), sound=sound,
        keep=keep, on_progress=on_progress, should_stop=should_stop,
    )  # fmt: skip
    used = {"sounding": sought.settled}
    tracking = None
    whole = MaskTrack(clip.width_px, clip.height_px, clip.frame_count, {}, {}, sought.settled.engine.name)
    if sought.sources.found:
        prompts = [prompt for source in sought.sources.found for prompt in source.prompts]
        tracking = track(
            clip, prompts, folder=folder, engine=tracker, segmenter=segmenter, device=device, span=(start, stop),
            keep=keep, on_progress=on_progress, should_stop=should_stop,
        )  # fmt: skip
        whole, used = tracking.track, used | dict(tracking.used)
    shown = whole if wish.text else gated(clip, whole, sought.sources, (start, stop), settings)
    return Located(
        clip=clip,
        span=(start, stop),
        sources=sought.sources,
        heard=heard_of(sought.clip, sought.sources, settings),
        track=shown,
        whole=whole,
        tracking=tracking,
        used=used,
        stages_s={**sought.stages_s, **({} if tracking is None else tracking.stages_s)},
        notes=_notes(sought, tracking),
    )


def _notes(sought: Sought, tracking: Tracking | None) -> tuple[str, ...]:
    why = (sought.settled.why,) if sought.settled.why else ()
    return (*why, *sought.sources.notes, *(() if tracking is None else tracking.notes))
