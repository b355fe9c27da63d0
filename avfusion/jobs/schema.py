"""What each verb's job may have: inputs, options, settings, engines. One row a verb."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Literal

from avfusion.errors import UsageError

CLIP_ENGINES = {"engine": "tracking", "segmenter": "segmentation", "locator": "sounding", "device": ""}


@dataclass(frozen=True)
class SwapOptions:
    """background: `#rrggbb`, `blur` or `transparent`; "" where it is an input."""

    background: str = ""

    def __post_init__(self) -> None:
        check_background(self.background)


def check_background(word: str) -> None:
    """Raises `UsageError` for a path: what a job reads lies among its inputs."""
    if word and word not in ("blur", "transparent") and not word.startswith("#"):
        raise UsageError(
            f"options.background: {word[:40]!r} is no background. Give #rrggbb, blur or transparent, and a file as the "
            "input background."
        )


@dataclass(frozen=True)
class Nothing:
    """No settings, or no options beside them."""


@dataclass(frozen=True)
class SegmentOptions:
    """kind: as in `avfusion.segment`."""

    kind: Literal["auto", "masks", "rle", "overlay", "matte"] = "auto"


@dataclass(frozen=True)
class LocateOptions:
    """labels, text, controls: as in `avfusion.locate`."""

    labels: tuple[str, ...] = ()
    text: str = ""
    controls: bool = False


@dataclass(frozen=True)
class VoiceOptions:
    """speaker, spans (seconds; an end of null is that of the sound), only_speaker, seed: as in `convert_voice`."""

    speaker: str = ""
    spans: tuple[tuple[float, float | None], ...] = ()
    only_speaker: int | None = None
    seed: int = 0


@dataclass(frozen=True)
class Verb:
    """inputs: what a job may have; one that ends in `-` comes as `target-1`, `target-2`, ... needs: what it must have.

    options, settings: give their classes. engines: name of a parameter -> ability that it chooses; "" for none.
    also: other files that it can write.
    """

    name: str
    inputs: tuple[str, ...]
    needs: tuple[str, ...]
    options: Callable[[], type]
    settings: Callable[[], type]
    engines: Mapping[str, str]
    also: tuple[str, ...] = field(default=())

    def takes(self, name: str) -> bool:
        """Whether a job may have an input of that name."""
        kind, dash, _ = name.partition("-")
        return f"{kind}{dash}" in self.inputs


def _class(module: str, name: str) -> Callable[[], type]:
    """Imported when it is asked for: pipelines are heavy."""
    return lambda: getattr(import_module(f"avfusion.{module}"), name)  # type: ignore[no-any-return]


_VOICES = ("target-", "model", "config", "index", "clusters", "speaker_encoder")

VERBS = {
    verb.name: verb
    for verb in (
        Verb("segment", ("clip", "drawn-"), ("clip",), lambda: SegmentOptions, lambda: Nothing, CLIP_ENGINES),
        Verb(
            "swap", ("clip", "background", "masks", "drawn-"), ("clip",), lambda: SwapOptions,
            _class("pipelines.swap_settings", "SwapSettings"), CLIP_ENGINES, ("matte",),
        ),
        Verb(
            "remove", ("clip", "masks", "drawn-"), ("clip",), lambda: Nothing,
            _class("pipelines.remove_settings", "RemoveSettings"),
            {**CLIP_ENGINES, "engine": "inpainting", "tracker": "tracking"}, ("map",),
        ),
        Verb(
            "locate", ("clip", "sound"), ("clip",), lambda: LocateOptions,
            _class("pipelines.locate_settings", "LocateSettings"),
            {
                "engine": "sounding", "tracker": "tracking", "segmenter": "segmentation", "namer": "naming",
                "device": "",
            },
        ),
        Verb(
            "voice", ("media", *_VOICES), ("media",), lambda: VoiceOptions,
            _class("pipelines.convert_voice_settings", "VoiceSettings"), {"engine": "voice", "device": ""},
        ),
        Verb(
            "fuse", ("clip", "background", "masks", "drawn-", *_VOICES), ("clip",),
            _class("jobs.fusion", "FusionOptions"), _class("jobs.fusion", "FusionSettings"),
            {**CLIP_ENGINES, "inpainter": "inpainting", "voice_engine": "voice"}, ("map", "report"),
        ),
    )
}  # fmt: skip
