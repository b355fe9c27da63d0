"""What a run of the Voice tab does on its thread: converts, writes every file that is handed out, draws."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from pathlib import Path

import av

from avfusion.errors import AvfusionError, UsageError
from avfusion.media.recording import Recording, hear, probe_recording
from avfusion.media.write_sound import SOUND_FORMATS
from avfusion.pipelines.convert_voice import VoiceSettings, convert_voice
from avfusion.pipelines.convert_voice_write import check_out, write_out
from avfusion.pipelines.progress import OnProgress, ShouldStop, Teller
from avfusion.pipelines.sound_pictures import Drawn, drawn
from avfusion.ui import words
from avfusion.ui.voice_visit import Converted, VoiceVisit
from avfusion.voice.opening import ModelFiles

# Seconds, or minutes and seconds as the page shows them, or hours too.
_TIME = r"((?:\d+:)?\d+:[0-5]?\d(?:\.\d*)?|\d+\.?\d*|\.\d+)"
_SPAN = re.compile(rf"{_TIME}?\s*-\s*{_TIME}?")


@dataclass(frozen=True)
class VoiceWish:
    """What the visitor chose before they pressed Run. clip_ending: of the clip that is made; empty for none."""

    recording: Recording
    targets: tuple[Path, ...]
    model: ModelFiles | None
    speaker: str = ""
    engine: str = "auto"
    settings: VoiceSettings = field(default_factory=VoiceSettings)
    spans: tuple[tuple[float, float], ...] = ()
    only_speaker: int | None = None
    clip_ending: str = ""


@dataclass(frozen=True)
class Outcome:
    """Files, and pictures of the sound before and after."""

    made: Converted
    before: Drawn
    after: Drawn


def make(visit: VoiceVisit, wish: VoiceWish, on_progress: OnProgress, should_stop: ShouldStop) -> Outcome:
    """The whole run. The result before it stays, for when this one fails. Raises what `convert_voice` raises."""
    with visit.folder_for(f"result-{'ab'[visit.results % 2]}") as folder:
        made = convert(wish, folder, wish.clip_ending, on_progress, should_stop)
        teller = Teller("drawing", 2, on_progress, should_stop, "pictures")
        before = drawn(made.before)
        teller.step()
        after = drawn(made.after)
        teller.step()
        _put_away(made)
        visit.results += 1
        return Outcome(made, before, after)


def _put_away(made: Converted) -> None:
    """The plain samples, which take most room, are in the files now."""
    for sound in (made.before, made.after):
        sound.path.unlink()


def convert_for_comparison(
    visit: VoiceVisit, wish: VoiceWish, on_progress: OnProgress, should_stop: ShouldStop
) -> Converted:
    """As `make`, in a folder of this engine, without a clip and without pictures."""
    with visit.folder_for(f"compared-{wish.engine}") as folder:
        made = convert(wish, folder, "", on_progress, should_stop)
        _put_away(made)
        return made


def convert(
    wish: VoiceWish, folder: Path, clip_ending: str, on_progress: OnProgress, should_stop: ShouldStop
) -> Converted:
    """Converts once, without loss, and writes the other files from that."""
    recording = wish.recording
    stem = f"{recording.path.stem}-voice"
    wav = folder / f"{stem}.wav"
    if clip_ending:
        check_out(folder / f"{stem}{clip_ending}", recording, is_preview=False)
    report = convert_voice(
        recording.path, out=wav, target=wish.targets, model=wish.model, speaker=wish.speaker, engine=wish.engine,
        settings=wish.settings, spans=wish.spans, only_speaker=wish.only_speaker, on_progress=on_progress,
        should_stop=should_stop,
    )  # fmt: skip
    after = hear(probe_recording(wav), folder / "after")
    before = replace(hear(recording, folder / "before"), count=after.count)  # a preview ends earlier
    after = replace(after, first=before.first)
    rest = [form.ending for form in SOUND_FORMATS if form.ending != wav.suffix and form.channels >= after.channels]
    outs = [folder / f"{stem}{ending}" for ending in (*rest, *([clip_ending] if clip_ending else []))]
    teller = Teller("writing", len(outs) + 1, on_progress, should_stop, "files")
    original = folder / "original.flac"
    write_out(original, recording, before, tag="")
    teller.step()
    notes: list[str] = []
    for out in outs:
        notes += write_out(out, recording, after, tag=_tag_of(wav))
        teller.step()
    sounds = (wav, *outs[: len(rest)])
    played = next(out for out in sounds if out.suffix == ".flac")
    clip = outs[-1] if clip_ending else None
    return Converted(replace(report, notes=(*report.notes, *notes)), original, played, before, after, clip, sounds)


def _tag_of(wav: Path) -> str:
    """As the run wrote it into its own file."""
    with av.open(str(wav)) as container:
        return container.metadata.get("comment", "")


def spans_of(text: str, duration_s: float) -> tuple[tuple[float, float], ...]:
    """Time ranges in seconds from words like `2.5-6, 1:05-1:20.5, 9-`; none for all of it. What is left out is the
    beginning or the end. Raises `UsageError`."""
    spans = []
    for part in filter(None, (part.strip() for part in text.split(","))):
        found = _SPAN.fullmatch(part)
        if found is None:
            raise UsageError(f"'{part}' is no time range. Write from-to, such as 2.5-6, 1:05-1:20 or 9-.")
        start_s = _seconds(found[1]) if found[1] else 0.0
        if start_s >= duration_s:
            raise UsageError(f"'{part}': the sound ends at {duration_s:.4g} s. Begin before that.")
        end_s = _seconds(found[2]) if found[2] else duration_s
        if start_s >= end_s:
            raise UsageError(f"From {start_s:g} to {end_s:g} s: the end has to come after the beginning.")
        spans.append((start_s, end_s))
    return tuple(spans)


def _seconds(time: str) -> float:
    """1:05.5 -> 65.5"""
    seconds = 0.0
    for part in time.split(":"):
        seconds = 60 * seconds + float(part)
    return seconds


def problem(visit: VoiceVisit, error: AvfusionError) -> str:
    """The message of an error, with file names instead of places in the visitor's folder or among their uploads."""
    # Of files that the run itself names, the visitor knows nothing.
    text = re.sub(rf"^{re.escape(str(visit.folder))}/(result|compared)-[^:]*: ", "", str(error))
    text = re.sub(rf"{re.escape(str(visit.folder))}/[^/\s]+/", "", text)
    models = [model.path for model in visit.models]
    return words.problem(
        UsageError(text), *([visit.recording.path] if visit.recording else []), *visit.targets, *models
    )
