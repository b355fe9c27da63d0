"""What engines are asked in a comparison, which of them can be asked at all, and what one of them found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from avfusion.clip import Clip, MaskTrack, Prompt
from avfusion.engines.catalogue import find
from avfusion.engines.devices import pick_device
from avfusion.engines.engine import Engine
from avfusion.engines.state import state
from avfusion.errors import EngineNotReady
from avfusion.pipelines.compare_answers import Kind
from avfusion.pipelines.progress import OnProgress, ShouldStop


@dataclass(frozen=True, eq=False)
class Question:
    """What every engine is asked. span: the frames (start, stop) that are compared.

    segmenter: turns the first prompts into the masks from which trackers start.
    """

    clip: Clip
    prompts: tuple[Prompt, ...]
    kind: Kind
    span: tuple[int, int]
    segmenter: str = "auto"
    exhaustive: bool = False
    device: str = "auto"
    on_progress: OnProgress | None = None
    should_stop: ShouldStop | None = None

    @property
    def ability(self) -> str:
        return "tracking" if self.kind == "clip" else "segmentation"


@dataclass(frozen=True)
class Candidate:
    """An engine that was asked for. device: "" if it is not ready, and then `waits_for` says in one line for what."""

    engine: Engine
    device: str
    waits_for: str = ""


@dataclass(frozen=True, eq=False)
class Found:
    """What an engine said. masks: as they lie in its folder. frames_per_s: without learning."""

    masks: MaskTrack
    labels: tuple[str, ...]
    confidence: float
    seconds: float
    frames_per_s: float
    learning_s: float = 0.0
    flicker: float | None = None


def candidates(names: Sequence[str], ability: str, device: str) -> list[Candidate]:
    """All names are looked up before anything else. Raises `UnknownEngine`, and `UsageError` for what is no device."""
    return [_candidate(engine, device) for engine in [find(name, ability) for name in names]]


def _candidate(engine: Engine, device: str) -> Candidate:
    standing = state(engine)
    if not standing.is_ready:
        return Candidate(engine, "", f"{engine.name}: {standing.words}")
    try:
        return Candidate(engine, pick_device(engine, device))
    except EngineNotReady as error:
        return Candidate(engine, "", f"{engine.name}: {error}")
