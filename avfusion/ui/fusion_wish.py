"""What a press on Run in the Fusion tab asks for, from what is set there and in the other tabs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from avfusion.clip import Clip
from avfusion.media.write import Encoding
from avfusion.pipelines.convert_voice_settings import VoiceWish
from avfusion.pipelines.fuse_settings import FuseSettings
from avfusion.pipelines.remove_settings import RemoveSettings
from avfusion.ui import inpaint_running, voice_running
from avfusion.ui.fusion_objects import Objects, gather
from avfusion.ui.inpaint_visit import InpaintVisit
from avfusion.ui.rendering import Chosen
from avfusion.ui.visit import TrackOf, Visit
from avfusion.ui.voice_making import spans_of
from avfusion.ui.voice_visit import VoiceVisit


@dataclass(frozen=True)
class Switches:
    """What should change, the keys of the objects that should go, and the kind of file."""

    background: bool
    remove: bool
    removed: tuple[str, ...]
    voice: bool
    ending: str


@dataclass(frozen=True, eq=False)
class Others:
    """What the visitor has in the other tabs. chosen: of Background; inpaint_chosen, voice_chosen: their choices."""

    background: Visit
    chosen: Chosen
    inpaint: InpaintVisit
    inpaint_chosen: Sequence[Any]
    voice: VoiceVisit
    voice_chosen: voice_running.Choice


@dataclass(frozen=True, eq=False)
class FusionWish:
    """wanted: what has to be followed; without prompts nothing has. removed: numbers of objects. inpainter: by name."""

    clip: Clip
    wanted: TrackOf
    removed: tuple[int, ...]
    background: str | None
    voice: VoiceWish | None
    inpainter: str
    settings: FuseSettings
    ending: str


def lacking(others: Others, switches: Switches) -> str:
    """The key of the words for what is missing yet; empty when nothing is."""
    clip = others.background.clip
    if clip is None:
        return "fusion-lacks-clip"
    if not (switches.background or switches.remove or (switches.voice and clip.sounds)):
        return "fusion-lacks-change"
    objects = gather(others.background, others.inpaint)
    there, gone = {one.number for one in objects.marked}, _gone(objects, switches)
    if switches.remove and not gone:
        return "fusion-lacks-goes" if there else "fusion-remove-none"
    if switches.background and not there and not clip.has_alpha:
        return "fusion-lacks-object"
    if switches.background and there and there <= set(gone):
        return "fusion-lacks-stays"
    return "fusion-lacks-voice" if switches.voice and clip.sounds and not _has_target(others) else ""


def wish_of(others: Others, switches: Switches) -> FusionWish:
    """For a visitor who lacks nothing. Raises `UsageError` for what they set elsewhere and cannot be."""
    clip, chosen = others.background.clip, others.chosen
    assert clip is not None
    objects = gather(others.background, others.inpaint)
    gone = _gone(objects, switches)
    prompts = objects.prompts
    if not switches.background:
        prompts = tuple(prompt for prompt in prompts if prompt.object in gone)
    swap, inpainter, remove = chosen.settings(), "auto", RemoveSettings()
    if gone:
        said = inpaint_running.chosen(*others.inpaint_chosen)
        inpainter, remove = said.engine, replace(said.settings, encoding=Encoding())
    return FusionWish(
        clip,
        replace(others.background.wanted(chosen.tracker, chosen.segmenter), prompts=prompts),
        gone,
        chosen.background() if switches.background else None,
        _voice(others, clip) if switches.voice and clip.sounds else None,
        inpainter,
        FuseSettings(swap=replace(swap, encoding=Encoding()), remove=remove, encoding=swap.encoding),
        switches.ending,
    )


def _gone(objects: Objects, switches: Switches) -> tuple[int, ...]:
    return objects.numbers(switches.removed) if switches.remove else ()


def _has_target(others: Others) -> bool:
    with others.voice.lock:
        return bool(others.voice.models if others.voice_chosen.kind == "models" else others.voice.targets)


def _voice(others: Others, clip: Clip) -> VoiceWish:
    choice = others.voice_chosen
    targets, model, speaker, engine = voice_running.voice_of(others.voice, choice)
    return VoiceWish(
        target=targets, model=model, speaker=speaker, engine=engine, settings=choice.settings(),
        spans=spans_of(choice.part, float(clip.sounds[0].duration_s)), only_speaker=choice.who or None,
    )  # fmt: skip
