"""Pauses stay as they were recorded: room tone instead of what a network says when nobody speaks."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from avfusion.clip import Sound

_STEP_S = 0.01
_SHORTEST_STEPS = 12
_MARGIN_STEPS = 3
_FADE_STEPS = 5
# A pause lies this far below the loud parts of the sound, or is silent whatever the rest is, and is never this loud.
_BELOW_DB, _SILENT_DB, _LOUD_DB = 45.0, -70.0, -50.0


def keep_pauses(converted: Sound, source: Sound) -> Sound:
    """`converted` with the samples of `source`, of the same shape and rate, wherever nobody speaks in it.

    A pause lasts at least 0.12 s; the two fade into each other over 50 ms inside it.
    """
    share = _pause(source)
    return Sound(converted.samples * (1 - share) + source.samples * share, source.rate_hz)


def _pause(sound: Sound) -> NDArray[np.float32]:
    """float32 [n]: 1 in pauses, 0 where somebody speaks."""
    from scipy.ndimage import binary_erosion, binary_opening

    count = sound.samples.shape[1]
    step = max(1, round(_STEP_S * sound.rate_hz))
    steps = -(-count // step)
    if not steps:
        return np.zeros(0, np.float32)
    power = np.square(sound.samples).mean(axis=0)
    level_db = 10 * np.log10(np.pad(power, (0, steps * step - count)).reshape(steps, step).mean(axis=1) + 1e-12)
    threshold_db = np.clip(np.percentile(level_db, 95) - _BELOW_DB, _SILENT_DB, _LOUD_DB)
    # Before the beginning and after the end it is as at the beginning and at the end.
    edge = _SHORTEST_STEPS
    quiet = np.pad(level_db < threshold_db, edge, mode="edge")
    quiet = binary_opening(quiet, np.ones(_SHORTEST_STEPS))
    quiet = binary_erosion(quiet, np.ones(2 * _MARGIN_STEPS + 1), border_value=1)
    window = np.hanning(_FADE_STEPS + 2)[1:-1]
    share = np.convolve(quiet, window / window.sum(), mode="same")[edge:-edge]
    middles = (np.arange(steps) + 0.5) * step
    return np.interp(np.arange(count), middles, share).astype(np.float32)
