"""What a conversion is asked, and what it reports."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from avfusion.errors import UsageError
from avfusion.pipelines.convert_voice_background import ANY
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
class VoiceWish:
    """Whose voice it shall be, and where. The fields are `convert_voice`'s arguments of the same names."""

    target: tuple[Path, ...] = ()
    model: ModelFiles | None = None
    speaker: str = ""
    engine: str = "auto"
    settings: VoiceSettings = field(default_factory=VoiceSettings)
    spans: tuple[tuple[float, float], ...] = ()
    only_speaker: int | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        if not self.target and self.model is None:
            raise UsageError("Nobody says whose voice it shall be. Give recordings of the target, or a model file.")

    @property
    def files(self) -> tuple[Path, ...]:
        """All files that it is read from."""
        return (*self.target, *(() if self.model is None else self.model.paths))


@dataclass(frozen=True)
class VoiceReport:
    """What a run did. samples, rate_hz, channels: of the sound, in and out. converted_s: how much of it was converted,
    0 where no voice was found.

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
