"""A recording's sound in another voice, on disk, not written to its file yet."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path

from avfusion.engines.registry import Settled, lend
from avfusion.media.digest import digest_of
from avfusion.media.journal import Journal
from avfusion.media.recording import Recording
from avfusion.media.store import StoredSound
from avfusion.pipelines.convert_voice_background import about_background, background_of, settled_separator
from avfusion.pipelines.convert_voice_given import about_target, heard, heard_target, settled_voice
from avfusion.pipelines.convert_voice_measure import Measured, measured
from avfusion.pipelines.convert_voice_parts import Parts, beginning, chosen_parts, during
from avfusion.pipelines.convert_voice_settings import VoiceReport, VoiceSettings, VoiceWish
from avfusion.pipelines.convert_voice_sound import Job, Spoken, finished, spoken
from avfusion.pipelines.convert_voice_write import heard_start
from avfusion.pipelines.keep import Keep
from avfusion.pipelines.progress import OnProgress, ShouldStop, Teller, check_stop
from avfusion.voice.channels import only, speaking_channels


class Stages:
    """Seconds spent in each stage. Between them the run may stop: raises `Stopped`."""

    def __init__(self, should_stop: ShouldStop | None) -> None:
        self._should_stop = should_stop
        self.seconds: dict[str, float] = {}

    @contextlib.contextmanager
    def timed(self, name: str) -> Iterator[None]:
        check_stop(self._should_stop)
        began_s = time.monotonic()
        yield
        self.seconds[name] = self.seconds.get(name, 0.0) + time.monotonic() - began_s


@dataclass(frozen=True)
class Voiced:
    """source: the sound as it was, or the part of it that was asked for. result: as many samples. used: by ability.

    tag: what its file shall say of it; "" where nothing was changed.
    """

    source: StoredSound
    result: StoredSound
    parts: Parts
    used: Mapping[str, Settled]
    found: Measured
    tag: str
    notes: tuple[str, ...]

    @property
    def is_changed(self) -> bool:
        """Whether there was a voice to convert."""
        return bool(self.tag)

    @property
    def tags(self) -> dict[str, str]:
        return {"comment": self.tag} if self.tag else {}

    def report(self, out: Path, stages_s: Mapping[str, float], written: tuple[str, ...] = ()) -> VoiceReport:
        """written: notes of whoever wrote it."""
        return VoiceReport(
            verb="voice",
            out=out,
            duration_s=float(self.source.duration_s),
            converted_s=self.parts.count / self.source.rate_hz if self.is_changed else 0.0,
            samples=self.source.count,
            rate_hz=self.source.rate_hz,
            channels=self.source.channels,
            engines={ability: settled.engine.name for ability, settled in self.used.items()},
            revisions={ability: settled.revision for ability, settled in self.used.items() if settled.revision},
            devices={ability: settled.device for ability, settled in self.used.items()},
            stages_s=stages_s,
            notes=(*self.notes, *written),
            **asdict(self.found),
        )


def settled_for(wish: VoiceWish, device: str) -> dict[str, Settled]:
    """The engines for a wish, by ability. Raises `UsageError`, `UnknownEngine` and `EngineNotReady`."""
    settings = wish.settings
    voice = settled_voice(wish.target, wish.model, wish.engine, device)
    separator = settled_separator(settings.separator, device, is_wanted=settings.keep_background)
    return {"voice": voice} | ({} if separator is None else {"separation": separator})


def make_voice(
    recording: Recording,
    wish: VoiceWish,
    folder: Path,
    *,
    device: str,
    stages: Stages,
    span_s: tuple[Fraction, Fraction] | None = None,
    keep: Keep | None = None,
    on_progress: OnProgress | None = None,
    should_stop: ShouldStop | None = None,
) -> Voiced:
    """The first sound track of a recording as `wish` says; all of it lies under `folder`.

    span_s: only what lies between these seconds of the file; the result counts its samples from the first of them. Who
    speaks most, and where the wish's own spans lie, is still said of all of the sound. keep: finished pieces of the new
    voice; what takes voice and music apart begins anew. Raises as `convert_voice`.
    """
    used, settings = settled_for(wish, device), wish.settings
    with stages.timed("listening"):
        sound = heard(recording, folder / "heard")
        voice = heard_target(wish.target, wish.speaker, folder, should_stop)
        # Who speaks most is found in all of the sound: in its beginning that may be another.
        parts = chosen_parts(sound, wish.spans, wish.only_speaker)
        if span_s is not None:
            sound, parts = during(sound, parts, span_s, folder / "part")
        if settings.preview_s is not None:
            sound = heard_start(sound, settings.preview_s, folder / "preview")
            parts = beginning(parts, sound)
    said, background = sound, None
    if "separation" in used:
        with stages.timed("separating"):
            teller = Teller("separating", 1, on_progress, should_stop, "seconds")
            said, background = background_of(sound, used["separation"], folder, teller)
    job = Job(voice, wish.model, settings.options(), settings.semitones or 0.0, wish.seed)
    settled = used["voice"]
    with stages.timed("converting"), lend(settled.engine.name, "voice", settled.device) as opener:
        total_s = max(1, round(parts.count / sound.rate_hz))
        teller = Teller("converting", total_s, on_progress, should_stop, "seconds")
        channels = speaking_channels(said)
        voices = only(said, channels, folder / "channels")
        kept = None if keep is None else _kept(keep, voices, parts, wish, settled)
        made = spoken(voices, parts, opener, job, folder, teller, kept)
    with stages.timed("writing"):
        done = finished(sound, parts, made, channels, background, folder, match=settings.match_loudness)
        found = measured(made, done, voice)
        heard_notes = (*about_target(voice), *about_background(background))
    tag = "" if made.is_unchanged else f"AI-converted voice (AVFusion, engine {settled.engine.name})"
    return Voiced(sound, done.result, parts, used, found, tag, (*_notes(used, settings, device, made), *heard_notes))


def _kept(keep: Keep, sound: StoredSound, parts: Parts, wish: VoiceWish, settled: Settled) -> Journal:
    """Where pieces of the new voice are kept: under all that they follow from."""
    said = (wish.speaker, wish.settings, wish.seed)
    files = [keep.digest(path) for path in wish.files]
    engine = (settled.engine.name, settled.revision, settled.device)
    return keep.stage("voice", digest_of(sound.path), sound.rate_hz, parts, said, files, engine)


def _notes(used: Mapping[str, Settled], settings: VoiceSettings, device: str, made: Spoken) -> tuple[str, ...]:
    engine = used["voice"].engine.name
    notes = [settled.why for settled in used.values() if settled.why]
    if device not in ("auto", "cpu"):
        notes.extend(f"{one.engine.name} works on the CPU" for one in used.values() if one.device == "cpu")
    if made.is_unchanged:
        notes.append("no voice was found in the sound: it is as it was, and its tags do not say that it was converted")
    if settings.preview_s is not None:
        notes.append(f"a preview: the first {settings.preview_s:g} s alone")
    if settings.semitones is None and engine == "so-vits":
        notes.append("the model made the melody itself; for singing, give the semitones (0 keeps the melody)")
    if settings.semitones is None and engine == "rvc":
        notes.append("the pitch is the source's; if the voice sounds too high or low, give semitones (12 is an octave)")
    return tuple(notes)
