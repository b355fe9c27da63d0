"""A sound taken apart: its loudness as a whole, its onsets, and the parts that differ in their spectrum."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

_ROUNDS = 150
_TINY = 1e-9
# What is fainter than this beside the loudest band makes no onset.
_FAINT = 0.02


@dataclass(frozen=True, eq=False)
class Part:
    """course: float32 [n], how strong it is from moment to moment. is_split: one of those that the spectra tell apart,
    its course an amplitude."""

    course: Floats
    is_split: bool = False


def take_apart(power: Floats, count: int) -> tuple[Part, ...]:
    """power: float32 [bands, n]. The whole, the onsets, then `count` parts by their spectrum."""
    amplitude = np.sqrt(power).astype(np.float64)
    whole = Part(np.sqrt(power.sum(axis=0)).astype(np.float32))
    split = tuple(Part(course.astype(np.float32), is_split=True) for course in _factors(amplitude, count))
    return (whole, Part(_onsets(amplitude)), *split)


def _onsets(amplitude: NDArray[np.float64]) -> Floats:
    """By how much the bands grow, on a logarithmic scale, all together."""
    level = np.log(amplitude / max(float(amplitude.max()), _TINY) + _FAINT)
    return np.asarray(np.maximum(np.diff(level, axis=1, prepend=level[:, :1]), 0).sum(axis=0), np.float32)


def _factors(amplitude: NDArray[np.float64], count: int) -> NDArray[np.float64]:
    """[count, n]: courses of spectra that add up to the sound, by the multiplicative rules for the divergence of
    Kullback and Leibler (D. Lee and H. Seung, "Algorithms for Non-negative Matrix Factorization", NIPS 2000)."""
    random = np.random.default_rng(0)
    seen = amplitude + _TINY * max(float(amplitude.max()), _TINY)
    spectra = random.random((seen.shape[0], count)) + 0.1
    courses = random.random((count, seen.shape[1])) + 0.1
    for _ in range(_ROUNDS):
        courses *= spectra.T @ (seen / (spectra @ courses)) / spectra.sum(axis=0)[:, None]
        spectra *= (seen / (spectra @ courses)) @ courses.T / courses.sum(axis=1)
    return np.asarray(courses * np.sqrt((spectra**2).sum(axis=0))[:, None])
