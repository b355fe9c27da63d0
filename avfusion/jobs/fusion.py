"""What a job of `fuse` may have beside what the other verbs have."""

from __future__ import annotations

from dataclasses import dataclass, field

from avfusion.jobs.schema import check_background
from avfusion.pipelines.convert_voice_settings import VoiceSettings
from avfusion.pipelines.fuse_settings import FuseSettings


@dataclass(frozen=True)
class FusionOptions:
    """background: as in `SwapOptions`; "" for none. remove: numbers of objects. The rest as in `VoiceOptions`; a voice
    is changed where there is a target or a model among the inputs."""

    background: str = ""
    remove: tuple[int, ...] = ()
    speaker: str = ""
    spans: tuple[tuple[float, float | None], ...] = ()
    only_speaker: int | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        check_background(self.background)


@dataclass(frozen=True)
class FusionSettings:
    """picture: as `avfusion.fuse` takes them. voice: of its `VoiceWish`."""

    picture: FuseSettings = field(default_factory=FuseSettings)
    voice: VoiceSettings = field(default_factory=VoiceSettings)
