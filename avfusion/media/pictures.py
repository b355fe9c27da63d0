"""Still pictures and animations (PNG, JPEG, WebP, GIF, BMP, TIFF) through Pillow: as arrays, and as clips."""

from __future__ import annotations

import contextlib
import io
import struct
import warnings
import zlib
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, ImageSequence, UnidentifiedImageError

from avfusion.clip import Clip, ColourTags, Frame, Rgb, Yuv
from avfusion.errors import CannotRead, TooLarge
from avfusion.media.ahead import in_reverse
from avfusion.media.colour import rgb_to_yuv
from avfusion.media.container import check_file, said
from avfusion.media.limits import Limits, check_frames, check_size

_FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF")
# What Pillow's readers raise on damaged files, beside their own errors.
_DAMAGED = (OSError, SyntaxError, ValueError, EOFError, LookupError, TypeError, struct.error, zlib.error, OverflowError)
_MILLISECOND = Fraction(1, 1000)
_STILL_MS = 40
_BACKWARDS_BYTES = 64 * 2**20
_BROWSER_DEFAULT_MS = 100  # what browsers show for a GIF frame that says 10 ms or less

# What a picture is taken to be once it is 4:2:0: the tags of HD video.
PICTURE_COLOUR = ColourTags(matrix=1, full_range=False, primaries=1, transfer=1)


def is_picture(path: Path) -> bool:
    """Whether the file begins like one of the picture formats, whatever its name says."""
    with contextlib.suppress(OSError), path.open("rb") as file:
        head = file.read(16)
        return head.startswith(
            (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF87a", b"GIF89a", b"BM", b"II*\0", b"MM\0*")
        ) or (head[:4] == b"RIFF" and head[8:12] == b"WEBP")
    return False


@contextlib.contextmanager
def opened_picture(path: Path, limits: Limits, *, data: bytes | None = None) -> Iterator[Image.Image]:
    """Pillow's image, its size checked before anything is decoded. Raises `CannotRead` and `TooLarge`.

    data: the file, where it is not on disk; `path` is then its name. What Pillow says while the block decodes becomes
    `CannotRead` too.
    """
    if data is None:
        check_file(path)
    _check_webp_size(path, limits, data)
    try:
        with _identified(path if data is None else io.BytesIO(data)) as image:
            check_size(path, image.width, image.height, limits)
            yield image
    except Image.DecompressionBombError as error:
        raise TooLarge(
            f"{path}: more pixels than are taken here ({limits.pixels / 1e6:.3g} megapixels). Scale it down first."
        ) from error
    except UnidentifiedImageError as error:
        raise CannotRead(f"{path}: not a picture that can be read.") from error
    except _DAMAGED as error:
        raise CannotRead(f"{path}: the picture is damaged ({said(error)}).") from error


def _identified(source: Path | io.BytesIO) -> Image.Image:
    with warnings.catch_warnings():
        # Pillow warns of large pictures, and of odd ones; our own limit is asked before any pixel is decoded.
        warnings.simplefilter("ignore")
        return Image.open(source, formats=_FORMATS)


def _check_webp_size(path: Path, limits: Limits, data: bytes | None) -> None:
    """Opening a WebP allocates its whole canvas: the size is read from the header before (RFC 9649, section 2.7)."""
    with path.open("rb") if data is None else io.BytesIO(data) as file:
        head = file.read(30)
    if head[:4] == b"RIFF" and head[8:16] == b"WEBPVP8X" and len(head) == 30:
        width, height = (1 + int.from_bytes(head[at : at + 3], "little") for at in (24, 27))
        check_size(path, width, height, limits)


def read_picture(path: Path, *, limits: Limits | None = None) -> NDArray[np.uint8]:
    """uint8 [H, W, 4]: red, green, blue and straight alpha of the (first) picture, turned upright as its EXIF says.

    Raises `CannotRead` and `TooLarge`.
    """
    with opened_picture(path, limits or Limits()) as image:
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
    with opened_picture(path, limits) as image:
        count = getattr(image, "n_frames", 1)
        upright_size = ImageOps.exif_transpose(image).size if count == 1 else image.size
        check_frames(path, count, limits)
        durations_ms = [_STILL_MS]
        if count > 1:
            durations_ms = [_shown_ms(page) for page in ImageSequence.Iterator(image)]
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


def _shown_ms(page: Image.Image) -> int:
    if page.format == "WEBP":
        page.load()  # only then does Pillow know how long the page lasts
    duration = page.info.get("duration", 0)
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
    """Frames of a still or an animation, the reader behind `Clip.frames`."""
    if not backwards:
        return _pages(clip, start, stop)
    run = max(8, _BACKWARDS_BYTES // (clip.width_px * clip.height_px * 4))
    return in_reverse(lambda a, b: _pages(clip, a, b), start, stop, size=run)


def _pages(clip: Clip, start: int, stop: int) -> Iterator[Frame]:
    if clip.frame_count == 1:
        yield Frame(0, clip.time(0), RgbaPicture(read_picture(clip.path)))
        return
    size = (clip.width_px, clip.height_px)
    with opened_picture(clip.path, Limits()) as image:
        for index in range(start, stop):
            image.seek(index)
            page = image.convert("RGBA")
            if page.size != size:  # a damaged animation may grow on its way
                page = page.crop((0, 0, *size))
            yield Frame(index, clip.time(index), RgbaPicture(np.asarray(page)))
