"""Frames on which a thing could be pointed at, and how loud the sound is around them."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from avfusion.clip import Clip, Frame, Rgb, Sound
from avfusion.sounding.planner import Candidate
from avfusion.voice.one_channel import heard

_BLOCK_S = 0.1
_FAINTEST_DB, _BELOW_LOUDEST_DB = -60.0, 45.0
# The quietest tenth is what is always there. In recordings of barks and coughs it lies 40 dB below the loudest, in
# those of drums and of speech without a break 12 to 20 dB, where nearly half of that on top of it keeps every second.
_QUIET, _PAUSES_DB, _WELL_ABOVE = 0.1, 15.0, 0.4
_SHARP_PX = 320


@dataclass(frozen=True, eq=False)
class Loudness:
    """blocks: float32 [n], root mean square of every tenth of a second; 0 after the sound's end."""

    blocks: NDArray[np.float32]

    @property
    def is_silent(self) -> bool:
        return not self.blocks.size or float(self.blocks.max()) < 10 ** (_FAINTEST_DB / 20)

    def audible(self, steps: int, step_s: float) -> NDArray[np.bool_]:
        """bool [steps]: whether anything in each is loud enough to be heard beside the loudest."""
        return self._reaching(self._faintest_db(), steps, step_s)

    def standing_out(self, steps: int, step_s: float) -> NDArray[np.bool_]:
        """bool [steps]: whether anything in each is well above what is always there, as the noise of a room is. A sound
        that never pauses has nothing to stand out of, and stands out everywhere."""
        levels_db = 20 * np.log10(np.maximum(self.blocks, 1e-9))
        quiet_db, loudest_db = max(float(np.quantile(levels_db, _QUIET)), self._faintest_db()), float(levels_db.max())
        if loudest_db - quiet_db < _PAUSES_DB:
            return self.audible(steps, step_s)
        return self._reaching(quiet_db + _WELL_ABOVE * (loudest_db - quiet_db), steps, step_s)

    def _faintest_db(self) -> float:
        return max(_FAINTEST_DB, 20 * float(np.log10(max(float(self.blocks.max()), 1e-9))) - _BELOW_LOUDEST_DB)

    def _reaching(self, least_db: float, steps: int, step_s: float) -> NDArray[np.bool_]:
        least = 10 ** (least_db / 20)
        edges = np.round(np.arange(steps + 1) * step_s / _BLOCK_S).astype(int)
        parts = [self.blocks[start:stop] for start, stop in pairwise(edges)]
        return np.array([bool(part.size) and float(part.max()) >= least for part in parts])

    def at(self, time_s: float) -> float:
        """0..1 of the loudest."""
        block = min(int(time_s / _BLOCK_S), len(self.blocks) - 1)
        return float(self.blocks[block] / max(float(self.blocks.max()), 1e-9))

    def loudest(self, parts: int) -> list[float]:
        """Seconds: the middle of the loudest tenth of a second in each of so many equal parts."""
        edges = np.linspace(0, len(self.blocks), parts + 1).round().astype(int)
        found = []
        for start, stop in pairwise(edges.tolist()):
            part = self.blocks[start : max(stop, start + 1)]
            found.append((start + int(part.argmax()) + 0.5) * _BLOCK_S)
        return found


def loudness(sound: Sound, duration_s: float) -> Loudness:
    """Of as much of the sound as goes with the pictures."""
    count = max(1, int(np.ceil(duration_s / _BLOCK_S)))
    block = max(1, round(_BLOCK_S * sound.rate_hz))
    wave = heard(sound, sound.rate_hz)
    wave = np.pad(wave[: count * block], (0, max(0, count * block - wave.size)))
    return Loudness(np.sqrt(np.square(wave.reshape(count, block)).mean(axis=1)))


def candidates(
    clip: Clip,
    frames: Sequence[int],
    *,
    loud: Loudness | None = None,
    heat: Callable[[float], NDArray[np.float32] | None] = lambda time_s: None,
    waiting: Callable[[], None] = lambda: None,
) -> tuple[Candidate, ...]:
    """Those frames, in order, with what is known of them. heat: seconds after the first frame -> the map there."""
    pictures: list[Rgb] = []
    for number in frames:
        waiting()
        pictures.append(frame_at(clip, number).rgb)
    sharp = np.array([sharpness(rgb) for rgb in pictures])
    times_s = [float(clip.time(number) - clip.time(0)) for number in frames]
    return tuple(
        Candidate(
            frame=number,
            rgb=rgb,
            loudness=1.0 if loud is None else loud.at(time_s),
            sharpness=float(share),
            heat=heat(time_s),
        )
        for number, rgb, share, time_s in zip(
            frames, pictures, sharp / max(float(sharp.max()), 1e-9), times_s, strict=True
        )
    )


def frame_at(clip: Clip, number: int) -> Frame:
    with contextlib.closing(clip.frames(number, number + 1)) as frames:
        return next(frames)


def sharpness(rgb: Rgb) -> float:
    """The mean size of the second derivative of a small picture's brightness: less in blurred ones."""
    scale = min(1.0, _SHARP_PX / max(rgb.shape[:2]))
    size = (max(3, round(rgb.shape[1] * scale)), max(3, round(rgb.shape[0] * scale)))
    grey = cv2.cvtColor(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2GRAY)
    return float(np.abs(cv2.Laplacian(grey, cv2.CV_32F)).mean())
