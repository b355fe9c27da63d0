"""Part of a clip as a clip of its own: its frames and the sound that goes with them."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from avfusion.clip import Clip, Frame, Mask, Masks, MaskTrack, Rows


def cut(clip: Clip, start: int, stop: int) -> Clip:
    """Frames start..stop-1 of `clip`, numbered from 0 and shown from 0 s on, at the same distances in time.

    Sound goes with them to the sample; in .webm, where it is copied, to the packet (20 ms of Opus).
    """
    if (start, stop) == (0, clip.frame_count):
        return clip
    first_tick = int(clip.ticks[start])
    end_tick = int(clip.ticks[stop]) if stop < clip.frame_count else clip.end_tick

    def read(_: Clip, first: int, last: int, backwards: bool) -> Iterator[Frame]:
        return _renumbered(clip.frames(start + first, start + last, backwards=backwards), clip, start)

    return replace(
        clip,
        ticks=clip.ticks[start:stop] - first_tick,
        end_tick=end_tick - first_tick,
        read_frames=read,
        sound_span=(first_tick * clip.time_base, end_tick * clip.time_base),
    )


class _Renumbered:
    """A frame's picture, asked of the frame itself: each form is still converted once."""

    def __init__(self, frame: Frame) -> None:
        self.rgb = lambda: frame.rgb
        self.yuv = lambda: frame.yuv
        self.alpha = lambda: frame.alpha


def _renumbered(frames: Generator[Frame, None, None], clip: Clip, start: int) -> Iterator[Frame]:
    begin = clip.time(start)
    try:
        for frame in frames:
            yield Frame(frame.index - start, frame.time - begin, _Renumbered(frame), held=frame.held)
    finally:
        frames.close()


@dataclass(frozen=True, eq=False)
class _Later:
    """Masks of a whole clip, seen from the part of it that begins at `start`."""

    masks: Masks
    start: int
    frame_count: int

    @property
    def engine(self) -> str:
        return self.masks.engine

    def labels(self, frame: int) -> NDArray[np.uint8]:
        return self.masks.labels(self.start + frame)

    def union(self, frame: int) -> Mask:
        return self.masks.union(self.start + frame)


def later(masks: Masks, start: int, stop: int) -> Masks:
    """The masks that belong to `cut(clip, start, stop)`."""
    return masks if (start, stop) == (0, masks.frame_count) else _Later(masks, start, stop - start)


@dataclass(frozen=True, eq=False)
class _LaterRows:
    rows: Rows
    start: int

    def __getitem__(self, frame: int, /) -> NDArray[np.uint8]:
        return self.rows[self.start + frame]


def cut_track(track: MaskTrack, start: int, stop: int) -> MaskTrack:
    """The part of a track that belongs to `cut(clip, start, stop)`, objects and confidence and all."""
    return replace(
        track,
        frame_count=stop - start,
        bits={number: _LaterRows(rows, start) for number, rows in track.bits.items()},
        confidence={number: values[start:stop] for number, values in track.confidence.items()},
    )
