"""Masks of what sounds, shown only while it sounds: a track seen through the steps of its sources."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from avfusion.clip import Clip, MaskTrack, Rows
from avfusion.pipelines.locate_settings import LocateSettings
from avfusion.sounding import Source, Sources


@dataclass(frozen=True, eq=False)
class _Gated:
    """Rows that are empty where `on` is False. on: bool [frames]."""

    rows: Rows
    on: NDArray[np.bool_]

    def __getitem__(self, frame: int, /) -> NDArray[np.uint8]:
        row = self.rows[frame]
        return row if self.on[frame] else np.zeros_like(row)


def gated(clip: Clip, whole: MaskTrack, sources: Sources, span: tuple[int, int], settings: LocateSettings) -> MaskTrack:
    """The track with every object empty in the steps in which it does not sound; nothing is copied.

    The confidence is how sure the mask, the source, and that it sounds there are together. span: the frames in which
    the sources were looked for; step 0 begins with the first of them.
    """
    bits: dict[int, Rows] = dict(whole.bits)
    confidence = dict(whole.confidence)
    for source in sources.found:
        if source.number in bits:
            sure = sure_on_frames(clip, source, sources.step_s, span)
            on = sure >= np.float32(settings.sounds_at)
            bits[source.number] = _Gated(whole.bits[source.number], on)
            confidence[source.number] = np.where(
                on, whole.confidence[source.number] * sure * np.float32(source.confidence), np.float32(0)
            ).astype(np.float32)
    return replace(whole, bits=bits, confidence=confidence)


def sure_on_frames(clip: Clip, source: Source, step_s: float, span: tuple[int, int]) -> NDArray[np.float32]:
    """float32 [frames of the clip]: how sure it is that the source sounds while a frame is shown first; 0 outside."""
    start, stop = span
    ticks = clip.ticks[start:stop] - clip.ticks[start]
    # A frame that begins with a step belongs to it, whatever floating point makes of its time.
    steps = np.floor(ticks * float(clip.time_base) / step_s + 1e-6).astype(np.int64)
    inside = steps < len(source.sounds)
    out = np.zeros(clip.frame_count, np.float32)
    out[start:stop][inside] = source.sounds[steps[inside]]
    return out
