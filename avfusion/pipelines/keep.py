"""What a run keeps in case it is killed, so that the next one with the same wish goes on from there.

Handed to a pipeline as `keep=Keep(folder)`. A killed run and the one that goes on give the same as one that was not
interrupted: the same masks bit for bit, the same decoded frames, times and sound. One run at a time uses a folder.
"""

from __future__ import annotations

import contextlib
import hashlib
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from avfusion import __version__
from avfusion.clip import Clip, Masks, MaskTrack
from avfusion.media.digest import digest_of
from avfusion.media.journal import Journal
from avfusion.media.target import writing

SEGMENT_FRAMES = 120
"""Frames in a finished piece of picture: what a kill costs at most, beside what its stage has to look through again."""

_SCRATCH = "scratch"


@dataclass(frozen=True, eq=False)
class Keep:
    """A folder for the finished pieces of a run.

    segment_frames: so many frames are one piece. digests: SHA-256 of inputs that somebody has computed already, by
    absolute path; the others are computed when they are first asked for.
    """

    folder: Path
    segment_frames: int = SEGMENT_FRAMES
    digests: Mapping[Path, str] = field(default_factory=dict)
    _computed: dict[Path, str] = field(default_factory=dict, init=False, repr=False)

    def stage(self, name: str, *depends: object) -> Journal:
        """The pieces of one stage that were made from just these inputs and settings, by this version.

        depends: whatever the pieces follow from, as text (`repr`); files by their digest. Raises `CannotWrite`.
        """
        said = hashlib.sha256(repr((__version__, self.segment_frames, *depends)).encode()).hexdigest()
        return Journal(self.folder / f"{name}-{said[:16]}")

    def part(self, name: str) -> Keep:
        """For a pipeline within a pipeline: a folder of its own in this one."""
        return replace(self, folder=self.folder / name)

    def digest(self, path: Path) -> str:
        """SHA-256 of a file, or of a folder's files and their names; computed once. Raises `CannotRead`."""
        path = path.absolute()
        if path in self.digests:
            return self.digests[path]
        if path not in self._computed:
            self._computed[path] = digest_of(path)
        return self._computed[path]

    def clip_digest(self, clip: Clip) -> str:
        """What the frames of a clip follow from: its file, and which part of it."""
        ticks = hashlib.sha256(clip.ticks.tobytes()).hexdigest()[:16]
        return f"{self.digest(clip.path)} {clip.width_px}x{clip.height_px} {ticks} {clip.sound_span}"

    @contextlib.contextmanager
    def scratch(self) -> Iterator[Path]:
        """A folder for what need not last. What a dead run left there is gone first."""
        folder = self.folder / _SCRATCH
        shutil.rmtree(folder, ignore_errors=True)
        with writing(folder):
            folder.mkdir(parents=True)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def scratch(keep: Keep | None) -> Iterator[Path]:
    """A folder for what need not last: in the folder of what is kept, or of its own where nothing is."""
    if keep is not None:
        with keep.scratch() as folder:
            yield folder
        return
    with tempfile.TemporaryDirectory(prefix="avfusion-") as name:
        yield Path(name)


def masks_digest(masks: Masks | None) -> str:
    """What every frame's masks are, in one word; "" for none."""
    if masks is None:
        return ""
    said = hashlib.sha256()
    for frame in range(masks.frame_count):
        if isinstance(masks, MaskTrack):
            for number in masks.objects:
                said.update(number.to_bytes(2, "big") + masks.bits[number][frame].tobytes())
        else:
            said.update(masks.labels(frame).tobytes())
    return said.hexdigest()
