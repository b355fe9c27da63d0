"""Where an engine does not fit on its device: it is said, or another way is taken if the user allowed it."""

from __future__ import annotations

import contextlib
import ctypes
import functools
import gc
import os
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import ParamSpec, TypeVar

from avfusion.engines.devices import BUDGET_VARIABLE, parse_bytes
from avfusion.engines.engine import Engine
from avfusion.engines.state import size
from avfusion.errors import NotEnoughMemory, UsageError

FALLBACK_VARIABLE = "AVFUSION_FALLBACK"

_WAYS = ("smaller", "cpu")
_SHOWN = 3
# How torch, cuBLAS, cuDNN and MPS say it where they do not raise torch.OutOfMemoryError, which also says the first.
_SAYS_SO = ("out of memory", "ALLOC_FAILED", "DefaultCPUAllocator")

P = ParamSpec("P")
T = TypeVar("T")

Place = tuple[str, str, str]
"""(ability, name, device) of an engine."""

_M_ARENA_MAX = -8  # malloc.h


@dataclass(eq=False)
class _Attempt:
    """One piece of work that may be done again in another way. depth: how many decorated calls deep it is."""

    did_not_fit: set[Place] = field(default_factory=set)
    depth: int = 1


_ATTEMPT: ContextVar[_Attempt | None] = ContextVar("attempt", default=None)
_ALLOWED: ContextVar[tuple[str, ...] | None] = ContextVar("allowed", default=None)


def ways_allowed() -> tuple[str, ...]:
    """What the user allows where memory is short, the best first: `AVFUSION_FALLBACK=smaller,cpu`, or one of the two.

    smaller: another engine of the same ability. cpu: the same engine, on the CPU. What `allowing` says goes before the
    variable. Raises `UsageError`.
    """
    ways = _ALLOWED.get()
    return _ways(os.environ.get(FALLBACK_VARIABLE, ""), f"{FALLBACK_VARIABLE}=") if ways is None else ways


def check_variables() -> None:
    """Raises `UsageError` where a variable that engines go by says nonsense: on a card, and in need, it is too late."""
    _ways(os.environ.get(FALLBACK_VARIABLE, ""), f"{FALLBACK_VARIABLE}=")
    if named := os.environ.get(BUDGET_VARIABLE):
        parse_bytes(named)


@contextlib.contextmanager
def allowing(words: str, *, said_by: str) -> Iterator[None]:
    """For the length of the block, what `--fallback WORDS` allows. Raises `UsageError`; said_by: what to begin with."""
    token = _ALLOWED.set(_ways(words, said_by))
    try:
        yield
    finally:
        _ALLOWED.reset(token)


def _ways(words: str, said_by: str) -> tuple[str, ...]:
    ways = tuple(way.strip() for way in words.split(",") if way.strip())
    for way in ways:
        if way not in _WAYS:
            raise UsageError(f"{said_by}{way}: not a way out. Use smaller, cpu, or both with a comma.")
    return ways


def falling_back(work: Callable[P, T]) -> Callable[P, T]:
    """Does the work again when an engine did not fit after all, if the user allows it; `settle` then knows of it.

    Of calls within calls the outermost does it: what it says of the engines that it used stays true.
    """

    @functools.wraps(work)
    def tried(*args: P.args, **kwargs: P.kwargs) -> T:
        with _attempt() as attempt:
            while True:
                try:
                    return work(*args, **kwargs)
                except NotEnoughMemory as error:
                    place = (error.ability, error.engine, error.device)
                    if attempt.depth > 1 or not ways_allowed() or place in attempt.did_not_fit:
                        raise
                    attempt.did_not_fit.add(place)
                # Here the error is gone, and with it the last hold on whatever lay in its frames.

    return tried


def did_not_fit(place: Place) -> bool:
    """Whether the work at hand has been tried there."""
    attempt = _ATTEMPT.get()
    return attempt is not None and place in attempt.did_not_fit


def may_fall_back() -> tuple[str, ...]:
    """The ways that are open here and now: none inside a call whose caller names the engine in its own report."""
    attempt = _ATTEMPT.get()
    return () if attempt is not None and attempt.depth > 1 else ways_allowed()


def too_large(
    engine: Engine, device: str, there_bytes: int, fitting: Sequence[Engine], *, worked: bool
) -> NotEnoughMemory:
    """The error for an engine that needs more than the bytes that are there for it. worked: it ran out at work."""
    needs, there = size(engine.peak_memory_bytes), size(there_bytes)
    if worked:
        words = f"ran out of memory on {device} (it is known to need {needs}; {there} are free now)"
    else:
        words = f"needs {needs} of memory, and {device} has {there} for it"
    named = [f"{other.name} ({size(other.peak_memory_bytes)})" for other in fitting[:_SHOWN]]
    fits = f"What fits: {', '.join(named)}" if named else "No other engine that is ready would fit"
    on_cpu = ", or this one with --device cpu" if device != "cpu" else ""
    allow = f". {FALLBACK_VARIABLE}=smaller or cpu does so by itself." if device != "cpu" else "."
    return NotEnoughMemory(
        f"{engine.name}: {words}. {fits}{on_cpu}{allow}", engine=engine.name, ability=engine.ability, device=device
    )


def ran_out(error: RuntimeError) -> bool:
    """Whether it says that a device's memory is full."""
    return any(words in str(error) for words in _SAYS_SO)


def release(error: BaseException | None = None) -> None:
    """Gives cards back what nothing holds any more; `error` lets go of what its finished frames hold."""
    if error is not None:
        traceback.clear_frames(error.__traceback__)
    gc.collect()
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_initialized():
        torch.cuda.empty_cache()


def few_arenas() -> None:
    """From now on all threads share two heaps of glibc's, each of which keeps what was freed among what was not."""
    with contextlib.suppress(OSError, AttributeError):  # another C library
        ctypes.CDLL("libc.so.6").mallopt(_M_ARENA_MAX, 2)


def hand_back() -> None:
    """Gives the system back what nothing holds any more: glibc keeps it, once for every few threads that asked."""
    with contextlib.suppress(OSError, AttributeError):  # another C library
        ctypes.CDLL("libc.so.6").malloc_trim(0)


@contextlib.contextmanager
def _attempt() -> Iterator[_Attempt]:
    attempt = _ATTEMPT.get()
    if attempt is not None:
        attempt.depth += 1
        try:
            yield attempt
        finally:
            attempt.depth -= 1
        return
    attempt = _Attempt()
    token = _ATTEMPT.set(attempt)
    try:
        yield attempt
    finally:
        _ATTEMPT.reset(token)
