"""Who plays when in a made scene, and the sound of it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from avfusion.datasets.scenes_settings import RATE_HZ, Kind, SceneSettings
from avfusion.datasets.timbres import envelope, play

_PEAK = 0.9
# Of the strongest note there can be: what is softer throughout a second does not sound in it.
_AUDIBLE = 0.1
# Before a second of rest no note begins later than this, so that it has died away.
_LAST_ONSET_S = 0.65
_FIRST_ONSET_S = (0.05, 0.3)


@dataclass(frozen=True, eq=False)
class Part:
    """What one thing plays. onsets_s, strengths (0..1): [notes]. sounds: bool [seconds], all False if not is_heard."""

    kind: Kind
    is_heard: bool
    moves: bool
    onsets_s: NDArray[np.float64]
    strengths: NDArray[np.float64]
    sounds: NDArray[np.bool_]


def write_score(settings: SceneSettings, random: np.random.Generator) -> tuple[Part, ...]:
    """The parts of sources, statics, movers, and of what is off the screen, in this order."""
    things = settings.sources + settings.statics + settings.movers
    count = things + settings.off_screen
    order = random.permutation(len(settings.kinds))
    kinds = [settings.kinds[order[place % len(order)]] for place in range(count)]
    playing = np.ones((count, settings.seconds), np.bool_)
    heard = settings.sources + settings.statics
    playing[:heard] = _turns(settings, heard, random)
    if settings.taking_turns or settings.rest_share:
        # What is unheard or unseen rests as a source does: that a thing rests shall not tell that it sounds.
        for place in range(heard, count):
            playing[place] = _turns(settings, max(heard, 1), random)[0]
    parts = []
    for place, kind in enumerate(kinds):
        is_heard = place < heard or place >= things
        is_static = settings.sources <= place < heard
        part = _part(kind, playing[place], settings.gap_s, random)
        parts.append(replace(part, is_heard=is_heard, moves=not is_static, sounds=part.sounds & is_heard))
    return tuple(parts)


def _turns(settings: SceneSettings, count: int, random: np.random.Generator) -> NDArray[np.bool_]:
    """bool [count, seconds]: who plays in which second; everybody does in one at least."""
    seconds = settings.seconds
    playing = np.ones((count, seconds), np.bool_)
    if settings.taking_turns and count > 1:
        for second in range(seconds):
            playing[random.permutation(count)[int(random.integers(1, count)) :], second] = False
    playing &= random.random((count, seconds)) >= settings.rest_share
    for part in np.flatnonzero(~playing.any(axis=1)):
        playing[part, random.integers(seconds)] = True
    return playing


def _part(kind: Kind, playing: NDArray[np.bool_], gap_s: tuple[float, float], random: np.random.Generator) -> Part:
    onsets_s = []
    onset_s = 0.0
    for second in np.flatnonzero(playing):
        if second == 0 or not playing[second - 1]:
            onset_s = second + random.uniform(*_FIRST_ONSET_S)
        rests_next = second + 1 < len(playing) and not playing[second + 1]
        while onset_s < second + 1:
            if not rests_next or onset_s < second + _LAST_ONSET_S:
                onsets_s.append(onset_s)
            onset_s += random.uniform(*gap_s)
    onsets = np.array(onsets_s)
    strengths = random.uniform(0.5, 1.0, len(onsets))
    samples = len(playing) * RATE_HZ
    loudest = envelope(onsets, strengths, samples=samples, rate_hz=RATE_HZ).reshape(len(playing), RATE_HZ).max(axis=1)
    return Part(kind, True, True, onsets, strengths, loudest > _AUDIBLE)


def perform(
    settings: SceneSettings, parts: tuple[Part, ...], random: np.random.Generator
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """(float32 [parts, samples], the noise [samples]); their sum reaches 0.9 and no more."""
    samples = settings.seconds * RATE_HZ
    played = np.stack(
        [
            play(part.kind.timbre, part.onsets_s, part.strengths, samples=samples, rate_hz=RATE_HZ, random=random)
            if part.is_heard
            else np.zeros(samples, np.float32)
            for part in parts
        ]
    )
    noise = _pink(samples, random)
    if settings.noise_db is None:
        noise[:] = 0
    else:
        noise *= played.sum(axis=0).std() / noise.std() * 10 ** (-settings.noise_db / 20)
    loudest = float(np.abs(played.sum(axis=0) + noise).max())
    scale = np.float32(_PEAK / loudest) if loudest > 0 else np.float32(0)
    return played * scale, noise * scale


def _pink(samples: int, random: np.random.Generator) -> NDArray[np.float32]:
    spectrum = np.fft.rfft(random.standard_normal(samples))
    # Below 30 Hz, where nobody hears anything, it would swallow all the power.
    spectrum /= np.sqrt(np.maximum(np.fft.rfftfreq(samples, 1 / RATE_HZ), 30.0))
    return np.fft.irfft(spectrum, n=samples).astype(np.float32)
