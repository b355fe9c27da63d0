"""Numbered pictures as a clip: frames that data sets keep as files, read again whenever they are needed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np

from avfusion.clip import Clip, Frame
from avfusion.media.pictures import RgbaPicture, probe_picture, read_picture


def clip_of_pictures(pictures: Sequence[Path], fps: Fraction) -> Clip:
    """`fps` pictures a second, the first at 0, all of the size of the first. Raises `CannotRead`."""
    paths = tuple(pictures)

    def frame(index: int) -> Frame:
        return Frame(index, index / fps, RgbaPicture(read_picture(paths[index])))

    def read(clip: Clip, start: int, stop: int, backwards: bool) -> Iterator[Frame]:
        indices = range(start, stop)
        return map(frame, reversed(indices) if backwards else indices)

    count = len(paths)
    return replace(
        probe_picture(paths[0]),
        path=paths[0].parent,
        fps=fps,
        time_base=1 / fps,
        ticks=np.arange(count),
        end_tick=count,
        container="pictures",
        read_frames=read,
    )
