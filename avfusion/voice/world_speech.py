"""A recording as frames of speech: pitch, envelope, and mel-cepstra of the band that voices are matched in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from avfusion.voice.cepstrum import mel_cepstra
from avfusion.voice.world_analysis import Check, a_few, envelopes, go_on
from avfusion.voice.world_pitch import track

ORDER = 40
"""Order of the mel-cepstra that are kept; c1..c24 are what is matched."""

ALPHA = {16_000: 0.41, 8_000: 0.31}
"""All-pass constant that follows the mel scale, for each rate of the matched band."""

_BAND_BINS = 513


@dataclass(frozen=True, eq=False)
class Speech:
    """Frames every 5 ms. f0_hz [n], 0 where unvoiced. loud_db [n]: power of the envelope from 0 to half of `rate_hz`.

    cepstra [n, 41]: mel-cepstra of the part of it below half of `band_hz`. The envelopes themselves, up to 25 times as
    much, are not kept: they are found again where they are needed.
    """

    rate_hz: int
    band_hz: int
    f0_hz: NDArray[np.float64]
    cepstra: NDArray[np.float64]
    loud_db: NDArray[np.float64]

    def within(self, quiet_db: float) -> NDArray[np.bool_]:
        """bool [n]: frames at most `quiet_db` below the loudest."""
        return np.asarray(self.loud_db > self.loud_db.max() - quiet_db)


def one_after_the_other(parts: Sequence[Speech]) -> Speech:
    """As one speech, of the same rate and band, at least one part."""
    f0_hz, cepstra, loud_db = (
        np.concatenate([getattr(part, name) for part in parts]) for name in ("f0_hz", "cepstra", "loud_db")
    )
    return Speech(parts[0].rate_hz, parts[0].band_hz, f0_hz, cepstra, loud_db)


def band_of(*rates_hz: int) -> int:
    """The rate of the band in which recordings of these rates can be matched."""
    return 16_000 if min(rates_hz) >= 16_000 else 8_000


def listen(samples: NDArray[np.float64], rate_hz: int, band_hz: int, check: Check = go_on) -> Speech:
    """samples: [n], one channel, finite."""
    f0 = track(samples, rate_hz)
    cepstra, loud_db = np.empty((len(f0), ORDER + 1)), np.empty(len(f0))
    for some in a_few(len(f0)):
        check()
        power = envelopes(samples, rate_hz, f0[some], np.arange(some.start, some.stop))
        loud_db[some] = 10 * np.log10(power.sum(axis=1) + 1e-20)
        cepstra[some] = band_cepstra(power, rate_hz, band_hz)
    return Speech(rate_hz, band_hz, f0, cepstra, loud_db)


def band_cepstra(power: NDArray[np.float64], rate_hz: int, band_hz: int) -> NDArray[np.float64]:
    """[n, 41] mel-cepstra of the envelope below half of `band_hz`; `power` reaches up to half of `rate_hz`."""
    if rate_hz != band_hz:
        power = np.exp(on_other_bins(np.log(power + 1e-30), rate_hz, band_hz, _BAND_BINS))
    return mel_cepstra(power, ORDER, ALPHA[band_hz])


def on_other_bins(values: NDArray[np.float64], rate_hz: int, new_rate_hz: int, bins: int) -> NDArray[np.float64]:
    """[n, bins] between 0 and half of the new rate, from values between 0 and half of `rate_hz`; above, the last."""
    place = np.minimum(np.linspace(0, new_rate_hz / rate_hz, bins), 1.0) * (values.shape[1] - 1)
    lower = np.minimum(place.astype(int), values.shape[1] - 2)
    part = place - lower
    return np.asarray(values[:, lower] * (1 - part) + values[:, lower + 1] * part)
