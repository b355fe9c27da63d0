"""Still pictures and animations (PNG, JPEG, WebP, GIF, BMP, TIFF) through Pillow: as arrays, and as clips."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, ImageSequence, UnidentifiedImageError

from avfusion.clip import Clip, ColourTags, Frame, Rgb, Yuv
from avfusion.errors import CannotRead
from avfusion.media.colour import rgb_to_yuv
from avfusion.media.limits import Limits, check_frames, check_size

_FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF")
_MILLISECOND = Fraction(1, 1000)
_STILL_MS = 40
_BROWSER_DEFAULT_MS = 100  # what browsers show for a GIF frame that says 10 ms or less

# What a picture is taken to be once it is 4:2:0: the tags of HD video.
PICTURE_COLOUR = ColourTags(matrix=1, full_range=False, primaries=1, transfer=1)


def is_picture(path: Path) -> bool:
    """Whether the file begins like one of the picture formats, whatever its name says."""
    with contextlib.suppress(OSError), path.open("rb") as file:
        head = file.read(16)
        return (
            head.startswith((b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF87a", b"GIF89a", b"BM", b"II*\0", b"MM\0*"))
            or head[:4] == b"RIFF"
            and head[8:12] == b"WEBP"
        )
    return False


@contextlib.contextmanager
def _opened(path: Path, limits: Limits) -> Iterator[Image.Image]:
    if not path.exists():
        raise CannotRead(f"{path}: there is no such file.")
    try:
        with warnings.catch_warnings():
            # Pillow warns of large pictures; our own limit is asked right below, before any pixel is decoded.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(path, formats=_FORMATS) as image:
                check_size(path, image.width, image.height, limits)
                yield image
    except (UnidentifiedImageError, Image.DecompressionBombError) as error:
        raise CannotRead(f"{path}: not a picture that can be read.") from error
    except (OSError, SyntaxError, ValueError, EOFError) as error:
        raise CannotRead(f"{path}: the picture is damaged ({str(error).lower().rstrip('.')}).") from error


def read_picture(path: Path, *, limits: Limits | None = None) -> NDArray[np.uint8]:
    """uint8 [H, W, 4]: red, green, blue and straight alpha of the (first) picture, turned upright as its EXIF says.

    Raises `CannotRead` and `TooLarge`.
    """
    with _opened(path, limits or Limits()) as image:
        upright = ImageOps.exif_transpose(image)
        return np.asarray(_eight_bit(upright).convert("RGBA"))


def _eight_bit(image: Image.Image) -> Image.Image:
    """Pillow clips 16-bit grey at 255 instead of scaling it."""
    if image.mode.startswith("I;16"):
        return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    return image


def probe_picture(path: Path, *, limits: Limits | None = None) -> Clip:
    """A still is a clip of one frame; an animation has the times that a browser gives it."""
    limits = limits or Limits()
    with _opened(path, limits) as image:
        count = getattr(image, "n_frames", 1)
        check_frames(path, count, limits)
        durations_ms = [_STILL_MS]
        if count > 1:
            durations_ms = [_shown_ms(page.info.get("duration", 0)) for page in ImageSequence.Iterator(image)]
        upright_size = ImageOps.exif_transpose(image).size if count == 1 else image.size
        has_alpha = image.has_transparency_data
        kind = (image.format or "picture").lower()
    ticks = np.concatenate([[0], np.cumsum(durations_ms)]).astype(np.int64)
    return Clip(
        path=path,
        width_px=upright_size[0],
        height_px=upright_size[1],
        fps=Fraction(1000 * len(durations_ms), int(ticks[-1])),
        time_base=_MILLISECOND,
        ticks=ticks[:-1],
        end_tick=int(ticks[-1]),
        codec=kind,
        container=kind,
        pixel_format="rgba" if has_alpha else "rgb24",
        colour=PICTURE_COLOUR,
        has_alpha=has_alpha,
        read_frames=read_pages,
    )


def _shown_ms(duration: float) -> int:
    return round(duration) if duration > 10 else _BROWSER_DEFAULT_MS


class RgbaPicture:
    """A picture in memory, converted when asked."""

    def __init__(self, rgba: NDArray[np.uint8]) -> None:
        self._rgba = rgba

    def rgb(self) -> Rgb:
        return np.ascontiguousarray(self._rgba[..., :3])

    def yuv(self) -> Yuv:
        return rgb_to_yuv(self.rgb(), matrix=PICTURE_COLOUR.matrix, full_range=PICTURE_COLOUR.full_range)

    def alpha(self) -> NDArray[np.uint8] | None:
        return np.ascontiguousarray(self._rgba[..., 3])


def read_pages(clip: Clip, start: int, stop: int, backwards: bool) -> Iterator[Frame]:
    """Frames of a still or an animation. Any order costs the same: Pillow composes a page from the ones before it."""
    if clip.frame_count == 1:
        yield Frame(0, clip.time(0), RgbaPicture(read_picture(clip.path)))
        return
    order = range(stop - 1, start - 1, -1) if backwards else range(start, stop)
    with _opened(clip.path, Limits()) as image:
        for index in order:
            image.seek(index)
            yield Frame(index, clip.time(index), RgbaPicture(np.asarray(image.convert("RGBA"))))
