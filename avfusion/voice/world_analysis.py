"""What WORLD finds in speech: pitch, spectral envelope, aperiodicity, every 5 ms.

M. Morise, F. Yokomori and K. Ozawa, "WORLD: a vocoder-based high-quality speech synthesis system", IEICE Trans. 2016.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from avfusion.errors import EngineNotReady

FRAME_S = 0.005
"""From one frame to the next; frame t lies around the time t * FRAME_S."""

F0_RANGE_HZ = (40.0, 700.0)
"""Where pitch is looked for."""

Check = Callable[[], None]
"""Called at least once in a second of work; what it raises ends the work."""

Frames: TypeAlias = NDArray[np.intp]
"""[n] numbers of frames."""

_FRAMES = 400


def go_on() -> None:
    """The check of work that nobody wants to end."""


def world() -> ModuleType:
    """The package pyworld. Raises `EngineNotReady` where it is not installed."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it imports pkg_resources, which warns that it will go away
            import pyworld
    except ImportError as error:
        raise EngineNotReady(
            "voice conversion with WORLD needs the package pyworld. Install it: pip install 'avfusion[voice]'."
        ) from error
    return pyworld


def track_pitch(
    samples: NDArray[np.float64], rate_hz: int, range_hz: tuple[float, float] = F0_RANGE_HZ
) -> NDArray[np.float64]:
    """[frames] pitch in Hz, 0 where there is none; n // (rate * FRAME_S) + 1 frames. Harvest (Morise, 2017)."""
    f0, _ = world().harvest(_ready(samples), rate_hz, *range_hz, FRAME_S * 1000)
    return np.asarray(f0)


def envelopes(
    samples: NDArray[np.float64], rate_hz: int, f0: NDArray[np.float64], frames: Frames | None = None
) -> NDArray[np.float64]:
    """[n, bins] power spectral envelope, bins evenly from 0 to half the rate. CheapTrick (Morise, 2015).

    f0: [n]. frames: of which frames of the samples it is, [n]; None: from the first on.
    """
    return np.asarray(world().cheaptrick(_ready(samples), _ready(f0), _times(f0, frames), rate_hz))


def aperiodicities(
    samples: NDArray[np.float64],
    rate_hz: int,
    f0: NDArray[np.float64],
    check: Check = go_on,
    frames: Frames | None = None,
) -> NDArray[np.float64]:
    """[n, bins] share of noise in the amplitude, 0..1; 1 where there is no pitch. D4C (Morise, 2016).

    What is voiced is for `f0` to say: D4C's own test of it, which hears whispers in noisy voices, is off. It looks at
    bands of 3 kHz: give it sound of 16 kHz or more. f0, frames: as in `envelopes`.
    """
    ready, times = _ready(samples), _times(f0, frames)
    found = []
    for some in a_few(len(f0)):
        check()
        found.append(np.asarray(world().d4c(ready, f0[some], times[some], rate_hz, threshold=0.0)))
    return np.concatenate(found)


def sample_of(frame: int, rate_hz: int) -> int:
    """The sample that a frame lies around."""
    return round(frame * rate_hz * FRAME_S)


def a_few(count: int) -> Iterator[slice]:
    """All of so many frames, 2 s of them at a time: spectra of a whole recording would fill the memory."""
    for start in range(0, count, _FRAMES):
        yield slice(start, min(start + _FRAMES, count))


def _times(f0: NDArray[np.float64], frames: Frames | None) -> NDArray[np.float64]:
    return np.asarray((np.arange(len(f0)) if frames is None else frames) * FRAME_S, np.float64)


def _ready(samples: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.ascontiguousarray(samples, np.float64)
