"""Datasets laid out as DAVIS: pictures and true masks of sequences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from avfusion.clip import Clip, Frame, Mask
from avfusion.errors import CannotRead, MaskCountMismatch, NoPrompt, UsageError
from avfusion.media.masks import read_mask
from avfusion.media.pictures import RgbaPicture, read_picture
from avfusion.pipelines.picture_clip import clip_of_pictures

_FPS = 24
_RESOLUTION = "480p"


@dataclass(frozen=True)
class Davis:
    """One sequence: a picture and a true mask for each frame. All that is not background is the one object."""

    name: str
    pictures: tuple[Path, ...]
    truths: tuple[Path, ...]

    def truth(self, frame: int) -> Mask:
        """bool [H, W]."""
        return read_mask(self.truths[frame]) > 0

    def first_mask(self) -> Mask:
        """Raises `NoPrompt` where it is empty."""
        mask = self.truth(0)
        if not mask.any():
            raise NoPrompt(f"{self.truths[0]}: the first mask is empty, so that there is no object to follow.")
        return mask

    def frame(self, index: int) -> Frame:
        return Frame(index, Fraction(index, _FPS), RgbaPicture(read_picture(self.pictures[index])))

    def clip(self) -> Clip:
        """The pictures as a clip of 24 frames a second."""
        return clip_of_pictures(self.pictures, Fraction(_FPS))


def read_davis(dataset: Path, names: Sequence[str] | None = None) -> list[Davis]:
    """All sequences, or those named. Raises `CannotRead`, `UsageError` (no such sequence), `MaskCountMismatch`."""
    pictures, truths = (_inner(dataset / room) for room in ("JPEGImages", "Annotations"))
    if not pictures.is_dir() or not truths.is_dir():
        raise CannotRead(f"{dataset}: not laid out as DAVIS. It needs the folders JPEGImages and Annotations.")
    known = sorted(folder.name for folder in truths.iterdir() if folder.is_dir())
    unknown = [name for name in names or () if name not in known]
    if unknown:
        raise UsageError(f"{dataset}: there is no sequence {unknown[0]}. There are: {', '.join(known)}.")
    chosen = list(names or known)
    if not chosen:
        raise CannotRead(f"{truths}: there is no sequence in it.")
    return [_sequence(pictures / name, truths / name) for name in chosen]


def _inner(room: Path) -> Path:
    return room / _RESOLUTION if (room / _RESOLUTION).is_dir() else room


def _sequence(pictures: Path, truths: Path) -> Davis:
    jpegs, pngs = sorted(pictures.glob("*.jpg")), sorted(truths.glob("*.png"))
    if not jpegs:
        raise CannotRead(f"{pictures}: there are no JPEG pictures here.")
    if [path.stem for path in jpegs] != [path.stem for path in pngs]:
        raise MaskCountMismatch(
            f"{truths}: {len(pngs)} masks for {len(jpegs)} pictures. There must be one for each, of the same name."
        )
    return Davis(pictures.name, tuple(jpegs), tuple(pngs))
