"""The engines there are: a table to read, and what was trained here. In each ability the best comes first, and `auto`
goes down that order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from avfusion.engines.devices import has_card
from avfusion.engines.engine import MIB, Engine, Understood
from avfusion.engines.inpainters import INPAINTED
from avfusion.engines.namers import NAMERS
from avfusion.engines.pitches import PITCHES
from avfusion.engines.segmenters import CLICKED, DESCRIBED, LABELLED
from avfusion.engines.separators import SEPARATORS
from avfusion.engines.sounders import ASKED, SOUNDERS
from avfusion.engines.state import state
from avfusion.engines.trackers import MATCHED, TRACKED
from avfusion.engines.trained import trained_engines
from avfusion.engines.voices import VOICES
from avfusion.errors import EngineNotReady, UnknownEngine

_REASONS_SHOWN = 2


def _load_grabcut(device: str) -> object:
    from avfusion.segmentation.grabcut import GrabCut

    return GrabCut()


def _load_flow(device: str) -> object:
    from avfusion.tracking.flow import Flow

    return Flow()


def _load_online(device: str) -> object:
    from avfusion.tracking.online import Online

    return Online(device=device)


CATALOGUE: tuple[Engine, ...] = (
    *CLICKED,
    Engine(
        name="grabcut",
        ability="segmentation",
        words="Cuts an object out along its colours (GrabCut).",
        licence="Apache-2.0",
        load=_load_grabcut,
        peak_memory_bytes=100 * MIB,
    ),
    *DESCRIBED,
    *LABELLED,
    *TRACKED,
    Engine(
        name="flow",
        ability="tracking",
        words="Carries masks along the motion of the picture (DIS optical flow).",
        licence="Apache-2.0",
        load=_load_flow,
        peak_memory_bytes=100 * MIB,
    ),
    # After `flow`, which answers at once: nobody should wait for learning without having asked for it.
    Engine(
        name="online",
        ability="tracking",
        words="Learns the object from your masks first (about a minute), then follows it.",
        licence="Apache-2.0",
        load=_load_online,
        peak_memory_bytes=900 * MIB,
        packages=("torch", "safetensors"),
    ),
    *MATCHED,
    *INPAINTED,
    *VOICES,
    *SEPARATORS,
    *PITCHES,
    *NAMERS,
    *ASKED,
    *SOUNDERS,
)


def rows(catalogue: Sequence[Engine] | None = None) -> tuple[Engine, ...]:
    """The engines there are now, where none are given: those of the catalogue, then those trained on this machine."""
    if catalogue is not None:
        return tuple(catalogue)
    return (*CATALOGUE, *trained_engines({"auto", *(engine.name for engine in CATALOGUE)}))


@dataclass(frozen=True)
class Choice:
    """An engine, and why `auto` took it; empty when it was asked for by name."""

    engine: Engine
    why: str


def of_ability(ability: str, *, catalogue: Sequence[Engine] | None = None) -> tuple[Engine, ...]:
    """The engines of one ability, the best first."""
    return tuple(engine for engine in rows(catalogue) if engine.ability == ability)


def find(name: str, ability: str, *, catalogue: Sequence[Engine] | None = None) -> Engine:
    """The engine of that name. Raises `UnknownEngine`, whose message names the nearest and lists those there are."""
    engines = of_ability(ability, catalogue=catalogue)
    for engine in engines:
        if engine.name == name:
            return engine
    does = " and ".join(engine.ability for engine in rows(catalogue) if engine.name == name)
    what = f"that engine is for {does}, not for {ability}" if does else f"there is no engine of that name for {ability}"
    raise UnknownEngine(f"{name}: {what}. {_there_are(name, engines)}")


def named(name: str, *, catalogue: Sequence[Engine] | None = None) -> tuple[Engine, ...]:
    """The engines of that name, in whichever abilities there is one. Raises `UnknownEngine`."""
    engines = tuple(engine for engine in rows(catalogue) if engine.name == name)
    if not engines:
        raise UnknownEngine(f"{name}: there is no engine of that name. {_there_are(name, rows(catalogue))}")
    return engines


def _there_are(name: str, engines: Sequence[Engine]) -> str:
    """What to say to somebody who asked for `name`."""
    from difflib import get_close_matches

    names = list(dict.fromkeys(engine.name for engine in engines))
    near = get_close_matches(name.lower(), names, n=3)
    perhaps = f"Did you mean {' or '.join(near)}? " if near else ""
    return f"{perhaps}There are: {', '.join(names) or 'none'}."


def choose(
    ability: str,
    name: str = "auto",
    *,
    device: str = "auto",
    understands: Understood | None = None,
    catalogue: Sequence[Engine] | None = None,
    is_card: Callable[[str], bool] = has_card,
) -> Choice:
    """The engine of that name, or with `auto` the best that is ready, of those that understand such prompts.

    `auto` passes over engines that need a graphics card where `device` gives them none, if any other is ready. Raises
    `UnknownEngine`, and `EngineNotReady` with what the engine (or, for `auto`, each of them) waits for.
    """
    if name != "auto":
        named = find(name, ability, catalogue=catalogue)
        found = state(named)
        if not found.is_ready:
            raise EngineNotReady(f"{name}: {found.words}")
        return Choice(named, "")
    passed_over: list[str] = []
    slow: Engine | None = None
    for engine in of_ability(ability, catalogue=catalogue):
        if understands is not None and understands not in engine.understands:
            continue
        found = state(engine)
        if found.is_ready and engine.needs_card and not is_card(device):
            # First, as the one thing that the user can have at once.
            passed_over.insert(0, f"{engine.name} is slow without a graphics card: name it to use it")
            slow = slow or engine
            continue
        if found.is_ready:
            better = f" Better ones: {_shortly(passed_over)}." if passed_over else ""
            return Choice(engine, f"{engine.name} is the best engine for {ability} that is ready.{better}")
        where = " (on a graphics card)" if engine.needs_card else ""
        passed_over.append(f"{engine.name}{where} {found.words}")
    what = f"{ability} by {understands}" if understands else ability
    if slow is not None:
        return Choice(slow, f"{slow.name} is all there is ready for {what}; without a graphics card it is slow.")
    raise EngineNotReady(f"no engine for {what} is ready: {_shortly(passed_over) or 'there is none in the catalogue'}.")


def _shortly(reasons: Sequence[str]) -> str:
    more = f"; and {len(reasons) - _REASONS_SHOWN} more in 'avfusion engines'" if len(reasons) > _REASONS_SHOWN else ""
    return "; ".join(reasons[:_REASONS_SHOWN]) + more
