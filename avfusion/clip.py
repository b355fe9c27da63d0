"""What travels between the rooms: `Clip`, `Frame`, `Sound`, `Prompt`, `Mask`, `MaskTrack`.

Plain values. Nothing here opens a file: a `Clip` is made by `avfusion.media.probe`, which also gives it the reader that
`Clip.frames` calls, and the rows of a `MaskTrack` are read from disk by `avfusion.media.masks`.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

Mask: TypeAlias = NDArray[np.bool_]
"""bool [H, W], True on the object, in pixels of the upright full-size frame."""

Rgb: TypeAlias = NDArray[np.uint8]
"""uint8 [H, W, 3], gamma-coded red, green, blue, full range."""

_FLOAT_SLACK_S = Fraction(1, 10**9)

Yuv: TypeAlias = tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.uint8]]
"""8-bit 4:2:0 planes: Y [H, W], U and V [ceil(H/2), ceil(W/2)], in the matrix and range of the clip's `ColourTags`."""


@dataclass(frozen=True)
class ColourTags:
    """How numbers become colours, as ITU-T H.273 numbers them (2 = unspecified)."""

    matrix: int = 2
    full_range: bool = False
    primaries: int = 2
    transfer: int = 2


@dataclass(frozen=True)
class SoundTrack:
    """One sound stream of a file, as probed. Times in seconds on the file's own clock."""

    stream: int
    codec: str
    rate_hz: int
    channels: int
    start_s: Fraction
    duration_s: Fraction
    language: str = ""


class Picture(Protocol):
    """A decoded picture that converts itself only when asked."""

    def rgb(self) -> Rgb: ...

    def yuv(self) -> Yuv: ...

    def alpha(self) -> NDArray[np.uint8] | None: ...


class Frame:
    """One upright picture of a clip: `index` in the clip, `time` in exact seconds, and its pixels.

    Pixels come out in the form that the caller works in; each form is converted at most once. `held` says that this
    frame did not decode and shows its neighbour's picture.
    """

    __slots__ = ("_picture", "_rgb", "_yuv", "held", "index", "time")

    def __init__(self, index: int, time: Fraction, picture: Picture, *, held: bool = False) -> None:
        self.index = index
        self.time = time
        self.held = held
        self._picture = picture
        self._rgb: Rgb | None = None
        self._yuv: Yuv | None = None

    @property
    def rgb(self) -> Rgb:
        """uint8 [H, W, 3]. Treat as read-only: it is shared by everyone who holds this frame."""
        if self._rgb is None:
            self._rgb = self._picture.rgb()
        return self._rgb

    @property
    def yuv(self) -> Yuv:
        """The three planes, 8-bit 4:2:0. Read-only. Y alone is the cheapest grey picture there is."""
        if self._yuv is None:
            self._yuv = self._picture.yuv()
        return self._yuv

    @property
    def alpha(self) -> NDArray[np.uint8] | None:
        """uint8 [H, W] opacity where the source has one, else None."""
        return self._picture.alpha()


@dataclass(frozen=True, eq=False)
class Clip:
    """A video, an animated picture or a still, as probed. Frames are read again whenever they are needed.

    width_px, height_px: upright stored pixels. `pixel_aspect` is the width of a stored pixel over its height.
    ticks: int64 [n], presentation time of each frame in units of `time_base`, strictly increasing; `end_tick` is where
    the last frame stops being shown. Rotation found in the file has been applied to width, height and frames.
    `colour`: that of the frames as they are handed out: the file's own, or SDR BT.709 where they had to be converted.
    sound_span: for a part of a file, the seconds (start, end) on the file's clock that the frames go with; the clip's
    own time 0 is their start. None: the whole file, on its own clock.
    """

    path: Path
    width_px: int
    height_px: int
    fps: Fraction
    time_base: Fraction
    ticks: NDArray[np.int64]
    end_tick: int
    codec: str
    container: str
    pixel_format: str
    seekable: bool = True
    bit_depth: int = 8
    rotation_deg: int = 0
    pixel_aspect: Fraction = Fraction(1)
    colour: ColourTags = field(default_factory=ColourTags)
    has_alpha: bool = False
    sounds: tuple[SoundTrack, ...] = ()
    sound_span: tuple[Fraction, Fraction] | None = None
    notes: tuple[str, ...] = ()
    read_frames: Callable[[Clip, int, int, bool], Iterator[Frame]] | None = field(default=None, repr=False)

    @property
    def frame_count(self) -> int:
        return len(self.ticks)

    @property
    def duration_s(self) -> Fraction:
        """From the first frame's appearance to the last frame's end."""
        return (self.end_tick - int(self.ticks[0])) * self.time_base

    def time(self, index: int) -> Fraction:
        """Exact presentation time of frame `index` in seconds."""
        return int(self.ticks[index]) * self.time_base

    def index_at(self, time_s: Fraction | float) -> int:
        """The frame that is on screen at `time_s`; the nearest end outside the clip."""
        # A float is the nearest there is to a frame's exact time, and may lie a hair before it.
        tick = int((Fraction(time_s) + _FLOAT_SLACK_S) / self.time_base // 1)
        return int(np.clip(np.searchsorted(self.ticks, tick, side="right") - 1, 0, self.frame_count - 1))

    def frames(
        self, start: int = 0, stop: int | None = None, *, backwards: bool = False
    ) -> Generator[Frame, None, None]:
        """A fresh iterator over frames start..stop-1, last one first if `backwards`. Close it or run it to its end."""
        start = max(start, 0)
        stop = self.frame_count if stop is None else min(stop, self.frame_count)
        if self.read_frames is None or start >= stop:
            return
        yield from self.read_frames(self, start, stop, backwards)


@dataclass(frozen=True)
class Point:
    """A click. `keep=False` says: this is not the object."""

    x: float
    y: float
    keep: bool = True
    frame: int = 0
    object: int = 1


@dataclass(frozen=True)
class Box:
    """A rectangle around the object; x1, y1 lie just outside it."""

    x0: float
    y0: float
    x1: float
    y1: float
    frame: int = 0
    object: int = 1


@dataclass(frozen=True)
class Scribble:
    """A stroke through the listed points."""

    points: tuple[tuple[float, float], ...]
    keep: bool = True
    width_px: float = 5.0
    frame: int = 0
    object: int = 1


@dataclass(frozen=True, eq=False)
class Drawn:
    """A whole mask given by the user: taken as it is."""

    mask: Mask
    frame: int = 0
    object: int = 1


@dataclass(frozen=True)
class Words:
    """A description of the object."""

    text: str
    frame: int = 0
    object: int = 1


@dataclass(frozen=True)
class Sounding:
    """Whatever is making the sound."""

    frame: int = 0
    object: int = 1


Prompt: TypeAlias = Point | Box | Scribble | Drawn | Words | Sounding
"""Prompts are an ordered log: undo removes the last, and every mask can be computed again from the log."""


class Masks(Protocol):
    """What rendering needs of masks, wherever they lie."""

    @property
    def frame_count(self) -> int: ...

    @property
    def engine(self) -> str: ...

    def labels(self, frame: int) -> NDArray[np.uint8]: ...

    def union(self, frame: int) -> Mask: ...


class Rows(Protocol):
    """uint8 [row bytes] for each frame; an array will do, and so will a file."""

    def __getitem__(self, frame: int, /) -> NDArray[np.uint8]: ...


@dataclass(frozen=True, eq=False)
class MaskTrack:
    """Masks of numbered objects through a clip.

    bits: object -> uint8 [frames, ceil(H*W/8)], bit-packed rows as `numpy.packbits` makes them, usually read from disk.
    confidence: object -> float32 [frames] in 0..1.
    """

    width_px: int
    height_px: int
    frame_count: int
    bits: Mapping[int, Rows]
    confidence: Mapping[int, NDArray[np.float32]]
    engine: str

    @property
    def objects(self) -> tuple[int, ...]:
        return tuple(sorted(self.bits))

    def mask(self, frame: int, object: int = 1) -> Mask:
        """bool [H, W]."""
        size = self.width_px * self.height_px
        flat: Mask = np.unpackbits(self.bits[object][frame], count=size).view(np.bool_)
        return flat.reshape(self.height_px, self.width_px)

    def union(self, frame: int) -> Mask:
        """bool [H, W]: any object."""
        out = np.zeros((self.height_px, self.width_px), np.bool_)
        for number in self.objects:
            out |= self.mask(frame, number)
        return out

    def labels(self, frame: int) -> NDArray[np.uint8]:
        """uint8 [H, W]: the object's number, 0 for background; where objects overlap the higher number wins."""
        out = np.zeros((self.height_px, self.width_px), np.uint8)
        for number in self.objects:
            out[self.mask(frame, number)] = number
        return out


@dataclass(frozen=True, eq=False)
class Sound:
    """samples: float32 [channels, n] in [-1, 1]."""

    samples: NDArray[np.float32]
    rate_hz: int

    @property
    def duration_s(self) -> Fraction:
        return Fraction(self.samples.shape[1], self.rate_hz)
