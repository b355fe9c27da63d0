"""What a fusion is to do: read from what was asked, and refused where it cannot be done, before any long work."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from avfusion.clip import Clip, Masks, Prompt
from avfusion.errors import CannotRead, NoPrompt, UnknownFormat, UsageError
from avfusion.media.container import check_file
from avfusion.media.cut import cut
from avfusion.media.formats import format_of
from avfusion.media.recording import Recording, probe_recording
from avfusion.media.revoice import CLIP_FORMATS
from avfusion.media.target import refuse_inputs, refuse_target
from avfusion.pipelines.convert_voice_make import settled_for
from avfusion.pipelines.convert_voice_settings import VoiceWish
from avfusion.pipelines.convert_voice_write import check_out
from avfusion.pipelines.fuse_settings import FuseSettings
from avfusion.pipelines.keep import Keep
from avfusion.pipelines.progress import OnProgress, ShouldStop, Teller
from avfusion.pipelines.remove_fill import settled_inpainter
from avfusion.pipelines.remove_holes import check_grow
from avfusion.pipelines.swap_settings import check_output, is_file
from avfusion.pipelines.track import check_span

_PAGES = (".html", ".htm")


@dataclass(frozen=True, eq=False)
class Asked:
    """background: "" for the source's own. removed: numbers of objects, each once, rising."""

    background: str
    removed: tuple[int, ...]
    voice: VoiceWish | None

    @property
    def changed(self) -> tuple[str, ...]:
        said = {"background": self.background, "remove": self.removed, "voice": self.voice}
        return tuple(name for name, value in said.items() if value)

    @property
    def is_voice_alone(self) -> bool:
        return self.changed == ("voice",)

    @property
    def needs_masks(self) -> bool:
        return bool(self.background or self.removed)


@dataclass(frozen=True, eq=False)
class Plan:
    """whole, part: the clip, and the frames span[0]..span[1]-1 of it. recording: its sound, where that is changed.
    inpainter: the name of the one that will fill; "" where nothing is removed."""

    asked: Asked
    whole: Clip
    part: Clip
    span: tuple[int, int]
    recording: Recording | None
    out: Path
    page: Path | None
    inpainter: str = ""

    @property
    def copies_pictures(self) -> bool:
        """Whether they go over packet for packet: where only the voice is another, all through the clip."""
        return self.asked.is_voice_alone and self.part is self.whole


@dataclass(frozen=True, eq=False)
class Work:
    """What every stage of one run needs. folder: for what need not last."""

    plan: Plan
    settings: FuseSettings
    inpainter: str
    device: str
    folder: Path
    keep: Keep | None
    on_progress: OnProgress | None
    should_stop: ShouldStop | None

    def teller(self, stage: str) -> Teller:
        return Teller(stage, self.plan.part.frame_count, self.on_progress, self.should_stop)


def plan(
    clip: Clip,
    prompts: Sequence[Prompt],
    asked: Asked,
    *,
    out: Path,
    page: Path | None,
    masks: Path | Masks | None,
    inpainter: str,
    device: str,
    span: tuple[int, int] | None,
    settings: FuseSettings,
) -> Plan:
    """Raises what could not be done in the end: `UsageError`, `InputError`, `OutputError`, `EngineNotReady`."""
    if not asked.changed:
        raise UsageError("Nothing is to be changed. Give a background, an object to remove, or a target voice.")
    start, stop = check_span(clip, span)
    part = cut(clip, start, stop)
    _check_objects(clip, prompts, asked, masks)
    _check_outputs(clip, asked, out, page, settings)
    recording = None
    if asked.voice is not None:
        recording = _sound_of(clip)
        if asked.voice.settings.preview_s is not None:
            raise UsageError("A preview is sound alone, and a fusion writes a clip. Leave the preview out.")
    found = Plan(asked, clip, part, (start, stop), recording, out, page)
    _check_format(found)
    if asked.voice is not None:
        _check_voice(asked.voice, device)
    if not asked.removed:
        return found
    check_grow(settings.remove.grow_px, part)
    return replace(found, inpainter=settled_inpainter(inpainter, device, settings.remove).engine.name)


def _check_objects(clip: Clip, prompts: Sequence[Prompt], asked: Asked, masks: Path | Masks | None) -> None:
    """What the prompts alone can tell; for masks, `check_numbers` does."""
    if not asked.needs_masks:
        if prompts or masks is not None:
            raise UsageError(
                "Objects are marked, and nothing says what becomes of them. Give a background or an object to remove, "
                "or leave the marks out."
            )
        return
    if masks is None and prompts:
        check_numbers(asked, {prompt.object for prompt in prompts})
    if masks is None and not prompts and (asked.removed or not clip.has_alpha):
        raise NoPrompt(f"{clip.path}: nothing says which object is meant. Give clicks, a box, words, or masks.")


def check_numbers(asked: Asked, there: set[int]) -> None:
    """there: the objects that are marked. Raises `UsageError` for one that vanishes and is not among them, and where
    none is left before a new background."""
    unknown = [number for number in asked.removed if number not in there]
    if unknown:
        raise UsageError(
            f"Object {unknown[0]} is to be removed, and nothing says where it is. Marked: {_listed(sorted(there))}."
        )
    if asked.background and asked.removed and there <= set(asked.removed):
        raise UsageError(
            f"Every object that is marked ({_listed(sorted(there))}) is to be removed, and none is left to stand "
            "before the new background. Mark one that stays, or leave the background out."
        )


def _listed(numbers: Sequence[int]) -> str:
    words = [str(number) for number in numbers]
    said = " and ".join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else "".join(words)
    return f"object{'s' if len(words) > 1 else ''} {said}" if words else "none"


def _check_outputs(clip: Clip, asked: Asked, out: Path, page: Path | None, settings: FuseSettings) -> None:
    inputs = [clip.path, *([Path(asked.background)] if is_file(asked.background) else [])]
    inputs += [] if asked.voice is None else asked.voice.files
    map_out = settings.remove.map_out
    if map_out is not None and not asked.removed:
        raise UsageError(f"{map_out}: a map says what is seen behind what was removed, and nothing is removed.")
    if page is not None and page.suffix.lower() not in _PAGES:
        raise UnknownFormat(f"{page}: the report is a page. Give it a name that ends in .html.")
    targets = [out, *(path for path in (page, map_out) if path is not None)]
    for target in targets:
        refuse_inputs(target, inputs)
        refuse_target(target, folder=target is not page and not target.suffix)
    if len({target.absolute() for target in targets}) < len(targets):
        raise UsageError(f"{out}: the report and the map need files of their own. Choose other names for them.")
    if map_out is not None:
        format_of(map_out)


def _sound_of(clip: Clip) -> Recording:
    if not clip.sounds:
        raise CannotRead(f"{clip.path}: there is no sound in this clip, and so no voice. Leave the target voice out.")
    return probe_recording(clip.path)


def _check_voice(wish: VoiceWish, device: str) -> None:
    for target in wish.target:
        probe_recording(target)
    for file in wish.files:
        check_file(file)
    settled_for(wish, device)


def _check_format(found: Plan) -> None:
    """Whether the file that is to be written can hold it all."""
    asked, out = found.asked, found.out
    if found.copies_pictures:
        assert found.recording is not None
        if out.suffix.lower() not in [form.ending for form in CLIP_FORMATS]:
            raise UnknownFormat(
                f"{out}: a clip with another voice is written as {', '.join(form.ending for form in CLIP_FORMATS)}."
            )
        check_out(out, found.recording, is_preview=False)
        return
    check_output(out, asked.background)
    form = format_of(out)
    if asked.voice is not None and not form.sound_encoder:
        raise UsageError(f"{out}: {form.ending} files have no sound, and so no voice. Use .mp4, .webm or .mov.")
