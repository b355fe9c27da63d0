"""How well a converted voice is that of the target, and how well it keeps the source's time.

`compare` needs the same words said by the target (a parallel recording); `keeping` compares the result with the source
it was made from. All of it is taken at 16 kHz, so that figures of different recordings can be compared.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from avfusion.voice.cepstrum import mel_cepstra
from avfusion.voice.world_analysis import FRAME_S, envelopes, track_pitch

RATE_HZ = 16_000

_TO_DB = 10 * math.sqrt(2) / math.log(10)
_ENVELOPE_RATE_HZ = 1_000
_WIDEST_LAG_S = 0.25
_SHORTEST_LOUDNESS_S = 0.4


@dataclass(frozen=True)
class CepstralRule:
    """What mel-cepstral distortion depends on. It is printed with every score.

    order, alpha: of the mel-cepstra; c0, the loudness, is left out. quiet_db: frames count that lie at most this far
    below the loudest frame of their own recording.
    """

    order: int = 24
    alpha: float = 0.41
    quiet_db: float = 20.0

    def __str__(self) -> str:
        return (
            f"mel-cepstra c1..c{self.order}, alpha {self.alpha:g}, of WORLD envelopes (Harvest, CheapTrick, "
            f"{FRAME_S * 1000:g} ms) at {RATE_HZ / 1000:g} kHz; frames within {self.quiet_db:g} dB of the peak; "
            "Euclidean DTW, mean over its path"
        )


@dataclass(frozen=True, eq=False)
class SpokenFrames:
    """Frames of one recording every 5 ms. f0_hz [n], 0 where unvoiced; cepstra [n, order]; speech: bool [n]."""

    f0_hz: NDArray[np.float64]
    cepstra: NDArray[np.float64]
    speech: NDArray[np.bool_]


@dataclass(frozen=True)
class Likeness:
    """How like the target's own recording of the same words a result is.

    distortion_db: mel-cepstral distortion, `rule` says which. variance_ratio: global variance, the result's over the
    target's, the geometric mean over c1..cD: below 1 the result is smoother than speech. f0_rmse_hz, f0_correlation (of
    ln F0): where both are voiced along the same path; NaN where nowhere. f0_ratio: mean pitch over the target's.
    """

    distortion_db: float
    variance_ratio: float
    f0_rmse_hz: float
    f0_correlation: float
    f0_ratio: float
    rule: CepstralRule


@dataclass(frozen=True)
class Keeping:
    """How well a result keeps the source's time and loudness.

    lag_s: how much later the result is (positive: late), by the cross-correlation of the envelopes; drift_s: the lag of
    the last third less that of the first; duration_error_s: how much longer; loudness_error_db: how much louder by EBU
    R 128. NaN where there is nothing to measure by.
    """

    lag_s: float
    drift_s: float
    duration_error_s: float
    loudness_error_db: float


def analyse(samples: NDArray[np.floating], rate_hz: int, rule: CepstralRule | None = None) -> SpokenFrames:
    """samples: [n] in -1..1. The slow part of scoring (Harvest): keep it for a recording that is compared often."""
    rule = rule or CepstralRule()
    mono = _resampled(samples, rate_hz)
    f0 = track_pitch(mono, RATE_HZ)
    power = envelopes(mono, RATE_HZ, f0)
    loudness = 10 * np.log10(power.sum(axis=1) + 1e-20)
    cepstra = mel_cepstra(power, rule.order, rule.alpha)[:, 1:]
    return SpokenFrames(f0, cepstra, loudness > loudness.max() - rule.quiet_db)


def compare(result: SpokenFrames, target: SpokenFrames, rule: CepstralRule | None = None) -> Likeness:
    """The result beside the target saying the same words; both from `analyse` with the same rule."""
    ours, theirs = result.cepstra[result.speech], target.cepstra[target.speech]
    rows, columns = warping_path(distances(ours, theirs))
    apart = np.sqrt(((ours[rows] - theirs[columns]) ** 2).sum(axis=1))
    variances = ours.var(axis=0) / np.maximum(theirs.var(axis=0), 1e-12)
    f0, f0_target = result.f0_hz[result.speech][rows], target.f0_hz[target.speech][columns]
    both = (f0 > 0) & (f0_target > 0)
    return Likeness(
        distortion_db=_TO_DB * float(apart.mean()),
        variance_ratio=float(np.exp(np.log(np.maximum(variances, 1e-12)).mean())),
        f0_rmse_hz=float(np.sqrt(((f0 - f0_target)[both] ** 2).mean())) if both.any() else math.nan,
        f0_correlation=_correlation(np.log(f0[both]), np.log(f0_target[both])),
        f0_ratio=_mean_f0(result) / _mean_f0(target),
        rule=rule or CepstralRule(order=result.cepstra.shape[1]),
    )


def keeping(source: NDArray[np.floating], result: NDArray[np.floating], rate_hz: int) -> Keeping:
    """source, result: [n] at the same rate."""
    third = min(len(source), len(result)) // 3
    first, last = (lag(source[part], result[part], rate_hz) for part in (slice(third), slice(2 * third, 3 * third)))
    return Keeping(
        lag_s=lag(source, result, rate_hz),
        drift_s=last - first,
        duration_error_s=(len(result) - len(source)) / rate_hz,
        loudness_error_db=_loudness(result, rate_hz) - _loudness(source, rate_hz),
    )


def lag(source: NDArray[np.floating], result: NDArray[np.floating], rate_hz: int) -> float:
    """Seconds by which the result is later, by its envelope; NaN where one has none. Looks 0.25 s both ways."""
    envelope, moved = (_envelope(samples, rate_hz) for samples in (source, result))
    count = min(len(envelope), len(moved))
    reach = min(round(_WIDEST_LAG_S * _ENVELOPE_RATE_HZ), count // 2)
    if reach < 2 or not envelope.any() or not moved.any():
        return math.nan
    size = 2 * max(len(envelope), len(moved))
    across = np.fft.irfft(np.conj(np.fft.rfft(envelope, size)) * np.fft.rfft(moved, size), size)
    near = np.concatenate([across[-reach:], across[: reach + 1]])
    best = int(np.clip(near.argmax(), 1, 2 * reach - 1))
    before, at, after = near[best - 1 : best + 2]
    curve = before - 2 * at + after
    between = 0.5 * (before - after) / curve if curve < 0 else 0.0
    return float(best + between - reach) / _ENVELOPE_RATE_HZ


def warping_path(cost: NDArray[np.float64]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Rows and columns of the cheapest way through [n, m] from corner to corner, in steps of one row, column or both.

    Dynamic time warping, one antidiagonal at a time: what a cell waits for lies on the two before its own.
    """
    height, width = cost.shape
    total = np.full((height + 1, width + 1), np.inf)
    total[0, 0] = 0.0
    for diagonal in range(2, height + width + 1):
        i = np.arange(max(1, diagonal - width), min(height, diagonal - 1) + 1)
        j = diagonal - i
        cheapest = np.minimum(total[i - 1, j - 1], np.minimum(total[i - 1, j], total[i, j - 1]))
        total[i, j] = cost[i - 1, j - 1] + cheapest
    i, j = height, width
    path = []
    while i > 0:
        path.append((i - 1, j - 1))
        i, j = min(((i - 1, j - 1), (i - 1, j), (i, j - 1)), key=lambda step: total[step])
    rows, columns = np.array(path[::-1]).T
    return rows, columns


def distances(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    """[n, m] Euclidean distances between the rows of a and of b."""
    squared = (a**2).sum(axis=1)[:, None] + (b**2).sum(axis=1) - 2 * a @ b.T
    return np.sqrt(np.maximum(squared, 0))


def _resampled(samples: NDArray[np.floating], rate_hz: int) -> NDArray[np.float64]:
    from scipy.signal import resample_poly

    mono = np.asarray(samples, np.float64)
    if rate_hz == RATE_HZ:
        return mono
    shared = math.gcd(rate_hz, RATE_HZ)
    return np.asarray(resample_poly(mono, RATE_HZ // shared, rate_hz // shared))


def _envelope(samples: NDArray[np.floating], rate_hz: int) -> NDArray[np.float64]:
    """The loudness over time at 1 kHz, in windows of 20 ms, without its mean. Empty for an empty sound."""
    # All in one array: of a minute, each more would be 23 MB.
    power = np.zeros(len(samples) + 1)
    np.square(samples, out=power[1:], dtype=np.float64)
    np.cumsum(power, out=power)
    middles = np.arange(0, len(samples), rate_hz / _ENVELOPE_RATE_HZ)
    half = 0.01 * rate_hz
    upper, lower = (_between(power, middles + side) for side in (half, -half))
    envelope = np.sqrt(np.maximum(upper - lower, 0))
    return envelope - envelope.mean() if len(envelope) else envelope


def _between(values: NDArray[np.float64], places: NDArray[np.float64]) -> NDArray[np.float64]:
    """Values [n] at fractional places, held at the ends."""
    places = np.clip(places, 0, len(values) - 1)
    before = np.minimum(places.astype(int), max(0, len(values) - 2))
    after = np.minimum(before + 1, len(values) - 1)
    return np.asarray(values[before] + (places - before) * (values[after] - values[before]))


def _correlation(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    if len(a) < 2 or a.std() == 0 or b.std() == 0:
        return math.nan
    return float(np.corrcoef(a, b)[0, 1])


def _mean_f0(frames: SpokenFrames) -> float:
    voiced = frames.f0_hz[frames.speech & (frames.f0_hz > 0)]
    return float(voiced.mean()) if len(voiced) else math.nan


def _loudness(samples: NDArray[np.floating], rate_hz: int) -> float:
    """Integrated loudness in LUFS; NaN for what is silent or too short to have one."""
    import pyloudnorm

    if len(samples) < _SHORTEST_LOUDNESS_S * rate_hz or not np.any(samples):
        return math.nan
    loudness = float(pyloudnorm.Meter(rate_hz).integrated_loudness(np.asarray(samples, np.float64)))
    return loudness if math.isfinite(loudness) else math.nan
