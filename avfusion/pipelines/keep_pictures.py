"""Rendering that can be gone on with: pictures from any frame on, and what is carried over from frame to frame."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from pathlib import Path
from typing import Protocol

from avfusion.clip import Clip, Yuv
from avfusion.media.formats import format_of
from avfusion.media.journal import Arrays, packed, unpacked
from avfusion.media.segments import Segments, can_be_joined
from avfusion.media.write import Rgba
from avfusion.pipelines.keep import Keep


class Carrier(Protocol):
    """Whatever knows something of earlier frames."""

    def state(self) -> Arrays:
        """All of it, as plain arrays."""
        ...

    def restore(self, state: Arrays) -> None:
        """Takes what `state` gave, before the first frame that comes after."""
        ...


class Rendering:
    """A `avfusion.media.segments.Source`: `pictures(start)` gives those of frames start, start + 1, ...

    carriers: everybody by whom one picture depends on the frames before it, by name.
    """

    def __init__(
        self, pictures: Callable[[int], Generator[Yuv | Rgba, None, None]], carriers: Mapping[str, Carrier]
    ) -> None:
        self.pictures = pictures
        self._carriers = carriers

    def state(self) -> Arrays:
        return packed({name: carrier.state() for name, carrier in self._carriers.items()})

    def restore(self, state: Arrays) -> None:
        for name, carrier in self._carriers.items():
            carrier.restore(unpacked(state, name))


def kept_pictures(keep: Keep | None, stage: str, clip: Clip, out: Path, *depends: object) -> Segments | None:
    """Where the pieces of a rendering are kept; None where nothing is, or the format of `out` cannot be joined.

    depends: all that the pictures follow from, beside the clip.
    """
    form = format_of(out)
    if keep is None or not can_be_joined(form):
        return None
    return Segments(keep.stage(stage, keep.clip_digest(clip), form.ending, *depends), keep.segment_frames)
