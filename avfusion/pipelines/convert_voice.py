"""Another voice on the same words of a recording or a clip, in time to the sample."""

from __future__ import annotations

import contextlib
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from avfusion.engines.registry import Settled, lend
from avfusion.errors import UsageError
from avfusion.media.recording import Recording, probe_recording
from avfusion.media.store import StoredSound
from avfusion.media.target import refuse_inputs, refuse_target
from avfusion.pipelines.convert_voice_background import ANY, about_background, background_of, settled_separator
from avfusion.pipelines.convert_voice_given import about_target, heard, heard_target, settled_voice
from avfusion.pipelines.convert_voice_measure import Measured, measured
from avfusion.pipelines.convert_voice_parts import Parts, beginning, chosen_parts
from avfusion.pipelines.convert_voice_sound import Job, Spoken, finished, spoken
from avfusion.pipelines.convert_voice_write import check_out, heard_start, write_out
from avfusion.pipelines.progress import OnProgress, ShouldStop, Teller, check_stop
from avfusion.voice.channels import only, speaking_channels
from avfusion.voice.opening import ModelFiles, Options

_LONGEST_PREVIEW_S = 60.0


@dataclass(frozen=True)
class VoiceSettings:
    """How a voice is converted. None or "": as the engine has it by itself.

    semitones: how far the pitch is moved from the source's; None: automatically, to where the target's lies, by engines
    that can. formant_semitones: the target's resonances so much higher or lower (world-knn). keep_background: music and
    ambience are taken apart, and put back; separator: by this engine. f0_method: what follows the pitch (so-vits, rvc).
    index_rate, protect, own_loudness: of rvc; cluster_ratio, noise: of so-vits. match_loudness: as loud as the source
    was. preview_s: only the first seconds, into a sound file.
    """

    semitones: float | None = None
    formant_semitones: float = 0.0
    keep_background: bool = False
    separator: str = ANY
    f0_method: str = ""
    index_rate: float | None = None
    protect: float | None = None
    own_loudness: float | None = None
    cluster_ratio: float | None = None
    noise: float | None = None
    match_loudness: bool = True
    preview_s: float | None = None

    def __post_init__(self) -> None:
        if self.semitones is not None and not -24 <= self.semitones <= 24:
            raise UsageError(f"The pitch moves by -24 to 24 semitones, and {self.semitones:g} were asked for.")
        if self.preview_s is not None and not 0 < self.preview_s <= _LONGEST_PREVIEW_S:
            raise UsageError(f"A preview of {self.preview_s:g} s: give up to {_LONGEST_PREVIEW_S:g} seconds.")

    def options(self) -> Options:
        """What of it an opener takes."""
        own = ("f0_method", "index_rate", "protect", "own_loudness", "cluster_ratio", "noise")
        given = {name: getattr(self, name) for name in own if getattr(self, name) not in (None, "")}
        if self.formant_semitones:
            given["formant_semitones"] = self.formant_semitones
        return given | {"automatic_pitch": self.semitones is None}


@dataclass(frozen=True)
class VoiceReport:
    """What a run did. samples, rate_hz, channels: of the sound, in and out. converted_s: how much of it was converted.

    lag_s: how much later the result is than the source (positive: late); drift_s: by how much more at the end than at
    the beginning. loudness_before, loudness_after: LUFS of what was converted; true_peak_db: dBTP of it. pitch_*_hz:
    medians, the target's where it was heard. None: there was nothing to measure by. The rest as in `Report`.
    """

    verb: str
    out: Path
    duration_s: float
    converted_s: float
    samples: int
    rate_hz: int
    channels: int
    engines: Mapping[str, str]
    stages_s: Mapping[str, float]
    lag_s: float | None
    drift_s: float | None
    loudness_before: float | None
    loudness_after: float | None
    true_peak_db: float | None
    pitch_before_hz: float | None
    pitch_after_hz: float | None
    pitch_target_hz: float | None
    notes: tuple[str, ...] = ()
    revisions: Mapping[str, str] = field(default_factory=dict)
    devices: Mapping[str, str] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        plain = {name: dict(getattr(self, name)) for name in ("engines", "revisions", "devices")}
        stages_s = {stage: round(seconds, 3) for stage, seconds in self.stages_s.items()}
        return asdict(self) | plain | {"out": str(self.out), "stages_s": stages_s}


def convert_voice(
    media: Path | str,
    *,
    out: Path | str,
    target: Sequence[Path | str] = (),
    model: ModelFiles | None = None,
    speaker: str = "",
    engine: str = "auto",
    settings: VoiceSettings | None = None,
    spans: Sequence[tuple[float, float]] = (),
    only_speaker: int | None = None,
    device: str = "auto",
    seed: int = 0,
    on_progress: OnProgress | None = None,
    should_stop: ShouldStop | None = None,
) -> VoiceReport:
    """Writes `media` to `out` with its words in another voice: as many samples, each in its place, pictures untouched.

    target: recordings or clips of the target speaking. model: a voice that was learnt; speaker: one of its speakers by
    name or number. engine: with `auto`, world-knn for a target, and what fits the file for a model. spans: (start, end)
    in seconds, from the first sample of the sound; only_speaker: one of those who speak, 1 who speaks most. What is
    neither in a span nor theirs stays bit for bit as it was. out: .wav, .flac, .mp3, or for a clip .mp4, .mov, .mkv,
    .webm; what was converted says so in its tags. Raises what the rooms below raise, `Stopped` when `should_stop`
    says so; nothing half-written stays.
    """
    media, out, settings = Path(media), Path(out), settings or VoiceSettings()
    targets = tuple(Path(path) for path in target)
    recording = _checked(media, out, targets, model, settings)
    settled = settled_voice(targets, model, engine, device)
    separator = settled_separator(settings.separator, device, is_wanted=settings.keep_background)
    stages = _Stages(should_stop)
    with tempfile.TemporaryDirectory(prefix="avfusion-") as scratch:
        folder = Path(scratch)
        with stages.timed("listening"):
            sound = heard(recording, folder / "heard")
            voice = heard_target(targets, speaker, folder, should_stop)
            # Who speaks most is found in all of the sound: in its beginning that may be another.
            parts = chosen_parts(sound, spans, only_speaker)
            if settings.preview_s is not None:
                sound = heard_start(sound, settings.preview_s, folder / "preview")
                parts = beginning(parts, sound)
        said, background = sound, None
        if separator is not None:
            with stages.timed("separating"):
                teller = Teller("separating", 1, on_progress, should_stop, "seconds")
                said, background = background_of(sound, separator, folder, teller)
        job = Job(voice, model, settings.options(), settings.semitones or 0.0, seed)
        with stages.timed("converting"), lend(settled.engine.name, "voice", settled.device) as opener:
            total_s = max(1, round(parts.count / sound.rate_hz))
            teller = Teller("converting", total_s, on_progress, should_stop, "seconds")
            channels = speaking_channels(said)
            made = spoken(only(said, channels, folder / "channels"), parts, opener, job, folder, teller)
        with stages.timed("writing"):
            done = finished(sound, parts, made, channels, background, folder, match=settings.match_loudness)
            found = measured(made, done, voice)
            heard_notes = (*about_target(voice), *about_background(background))
            tag = "" if made.is_unchanged else f"AI-converted voice (AVFusion, engine {settled.engine.name})"
            written = write_out(out, recording, done.result, tag=tag)
    used = {"voice": settled} | ({} if separator is None else {"separation": separator})
    notes = (*_notes(used, settings, device, made), *heard_notes, *written)
    return _report(out, sound, parts, used, stages.seconds, found, notes)


class _Stages:
    """Seconds spent in each stage. Between them the run may stop: raises `Stopped`."""

    def __init__(self, should_stop: ShouldStop | None) -> None:
        self._should_stop = should_stop
        self.seconds: dict[str, float] = {}

    @contextlib.contextmanager
    def timed(self, name: str) -> Iterator[None]:
        check_stop(self._should_stop)
        began_s = time.monotonic()
        yield
        self.seconds[name] = time.monotonic() - began_s


def _checked(
    media: Path, out: Path, targets: Sequence[Path], model: ModelFiles | None, settings: VoiceSettings
) -> Recording:
    """What can be refused before any work. Raises `UsageError`, `OutputError` and `InputError`."""
    if not targets and model is None:
        raise UsageError("Nobody says whose voice it shall be. Give recordings of the target, or a model file.")
    files = () if model is None else model.paths
    refuse_inputs(out, [media, *targets, *files])
    refuse_target(out, folder=False)
    recording = probe_recording(media)
    check_out(out, recording, is_preview=settings.preview_s is not None)
    return recording


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


def _report(
    out: Path,
    sound: StoredSound,
    parts: Parts,
    used: Mapping[str, Settled],
    stages_s: Mapping[str, float],
    found: Measured,
    notes: tuple[str, ...],
) -> VoiceReport:
    return VoiceReport(
        verb="voice",
        out=out,
        duration_s=float(sound.duration_s),
        converted_s=parts.count / sound.rate_hz,
        samples=sound.count,
        rate_hz=sound.rate_hz,
        channels=sound.channels,
        engines={ability: settled.engine.name for ability, settled in used.items()},
        revisions={ability: settled.revision for ability, settled in used.items() if settled.revision},
        devices={ability: settled.device for ability, settled in used.items()},
        stages_s=stages_s,
        notes=notes,
        **asdict(found),
    )
