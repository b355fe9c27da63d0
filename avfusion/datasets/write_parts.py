"""What the writers of sets share: pictures, mask PNGs, 16 kHz sound, and the moving pictures with their sound."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from avfusion.clip import Clip, Sound
from avfusion.datasets.avs_clip import SOUND_RATE_HZ
from avfusion.datasets.truth import Labels
from avfusion.errors import CannotWrite
from avfusion.media.container import opened
from avfusion.media.masks import palette
from avfusion.media.pictures import PICTURE_COLOUR
from avfusion.media.probe import sound_track
from avfusion.media.target import writing
from avfusion.media.write import Encoding, write_video
from avfusion.media.write_sound import write_sound
from avfusion.voice.one_channel import heard, mono

_JPEG_QUALITY = 95
# Grainy pictures take a quarter of the time, and a tenth more bytes.
_PNG_LEVEL = 1
# Finer than people see: these pictures are there to be measured.
_ENCODING = Encoding(quality=10)


def save_picture(path: Path, rgb: NDArray[np.uint8], *, size_px: int | None = None) -> None:
    """PNG or JPEG, as the ending says. size_px: squashed to a square of that side first, as AVSBench does."""
    image = Image.fromarray(rgb)
    if size_px is not None and image.size != (size_px, size_px):
        image = image.resize((size_px, size_px), Image.Resampling.BILINEAR)
    _save(image, path)


def save_drawn(path: Path, mask: NDArray[np.bool_], *, size_px: int | None = None) -> None:
    """Black and white, 0/255."""
    _save(Image.fromarray(resized(mask.astype(np.uint8), size_px) * np.uint8(255)), path)


def save_shares(path: Path, shares: NDArray[np.float32], *, size_px: int | None = None) -> None:
    """Greys of what is in 0..1: above 127 where it is above a half, also when that is not much."""
    greys = np.ceil(shares * np.float32(255) - np.float32(0.5)).astype(np.uint8)
    _save(Image.fromarray(resized(greys, size_px)), path)


def save_numbers(path: Path, labels: Labels, *, is_palette: bool = True) -> None:
    """Pixel value = number; with a palette in the colours of Pascal VOC."""
    image = Image.fromarray(labels)
    if is_palette:
        image.putpalette(_palette())
    _save(image, path)


def save_colours(path: Path, labels: Labels) -> None:
    """The colours of Pascal VOC in place of the numbers, RGB."""
    _save(Image.fromarray(np.array(_palette(), np.uint8).reshape(256, 3)[labels]), path)


def resized(labels: Labels, size_px: int | None) -> Labels:
    """To a square of that side, nearest pixel; as it is for None."""
    if size_px is None or labels.shape == (size_px, size_px):
        return labels
    return np.asarray(Image.fromarray(labels).resize((size_px, size_px), Image.Resampling.NEAREST))


def save_sound(path: Path, sound: Sound) -> None:
    """One channel at 16 kHz."""
    # What resamples takes a second to import.
    wave = mono(sound.samples) if sound.rate_hz == SOUND_RATE_HZ else heard(sound, SOUND_RATE_HZ)
    _folder_of(path)
    write_sound(path, [wave[None]], rate_hz=SOUND_RATE_HZ, channels=1, count=wave.size, tags={})


def save_video(path: Path, pictures: Sequence[NDArray[np.uint8]] | NDArray[np.uint8], fps: Fraction, wav: Path) -> None:
    """The moving pictures uint8 [n, H, W, 3] with the sound of a file, from its first sample on."""
    with opened(wav) as container:
        track = sound_track(container.streams.audio[0])
    height, width = pictures[0].shape[:2]
    clip = Clip(
        path=wav,
        width_px=width,
        height_px=height,
        fps=fps,
        time_base=1 / fps,
        ticks=np.arange(len(pictures)),
        end_tick=len(pictures),
        codec="none",
        container="wav",
        pixel_format="rgb24",
        colour=PICTURE_COLOUR,
        sounds=(track,),
    )
    _folder_of(path)
    write_video(path, iter(pictures), clip=clip, encoding=_ENCODING)


def new_name(name: str, known: set[str]) -> str:
    """`name`, noted in `known`. Raises `CannotWrite` for one that is no plain file name, or is there already."""
    if not name or not all(letter.isalnum() or letter in "-_" for letter in name):
        raise CannotWrite(f"{name!r}: a clip's name is letters, digits, - and _.")
    if name in known:
        raise CannotWrite(f"{name}: two clips of that name. Give each its own.")
    known.add(name)
    return name


_palette = functools.cache(palette)


def _save(image: Image.Image, path: Path) -> None:
    _folder_of(path)
    with writing(path):
        image.save(path, quality=_JPEG_QUALITY, compress_level=_PNG_LEVEL)  # each format heeds its own


def _folder_of(path: Path) -> None:
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
