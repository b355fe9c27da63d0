"""A so-vits voice with the pitch by RMVPE, which so-vits-svc-fork does not know."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from avfusion.voice.one_channel import Wave, resampled
from avfusion.voice.pitch import HOP_S, RATE_HZ, RMVPE, f0_hz
from avfusion.voice.rmvpe import Rmvpe


def follow_by_rmvpe(svc: Any, rmvpe: Rmvpe | None) -> None:
    """From now on the fork's `Svc` takes its pitch from there, whatever method it is called with."""
    svc.get_unit_f0 = partial(_units, svc, rmvpe)


def _units(svc: Any, rmvpe: Rmvpe | None, audio: Wave, transpose: float, *others: Any) -> tuple[Any, Any, Any]:
    """Content, pitch in Hz and what is voiced, as `Svc.get_unit_f0` gives them; its own pitch only says how many."""
    import torch
    from so_vits_svc_fork.f0 import interpolate_f0

    content, theirs, _ = type(svc).get_unit_f0(svc, audio, transpose, *others)
    wave = resampled(audio, svc.target_sample, RATE_HZ)
    heard = f0_hz(wave, RMVPE, count=wave.size // round(HOP_S * RATE_HZ) + 1, rmvpe=rmvpe)
    places = np.arange(theirs.shape[1]) * svc.hop_size / svc.target_sample / HOP_S
    is_voiced = heard[np.rint(places).astype(int).clip(0, heard.size - 1)] > 0
    known = np.flatnonzero(heard)
    f0 = np.interp(places, known, heard[known]) if known.size else np.zeros(places.size)
    filled, voiced = interpolate_f0(np.where(is_voiced, f0, 0.0).astype(np.float32))
    return (
        content,
        torch.from_numpy(filled).to(theirs)[None] * 2 ** (transpose / 12),
        torch.from_numpy(voiced).to(theirs)[None],
    )
