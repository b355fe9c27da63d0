"""Mask tracks on disk: bit-packed while work goes on, palette PNGs or COCO RLE when they leave."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, TextIO

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from avfusion.clip import Clip, Mask, MaskTrack
from avfusion.errors import CannotRead, MaskSizeMismatch
from avfusion.media.limits import Limits
from avfusion.media.pictures import opened_picture
from avfusion.media.target import new_folder, whole_file, writing

# Above this value a one-channel picture is taken for a drawing of a mask (0/255) rather than for object numbers.
# JPEG makes greys a little coloured.
_GREY_SLACK = 8
_HIGHEST_OBJECT = 64
# Says that a track folder is complete; holds the confidences.
_SEAL = "confidence.npz"


class BitRows:
    """uint8 [frames, row bytes] in a file, a row at a time. Nothing of it stays in memory, and no file stays open."""

    def __init__(self, path: Path, *, row_bytes: int, frames: int) -> None:
        """Rows of a file that is there. `begin` makes it."""
        self._path = path
        self._row_bytes = row_bytes
        self._frames = frames

    @classmethod
    def begin(cls, path: Path, *, row_bytes: int, frames: int) -> BitRows:
        """A new file of zeros. It is one hole: frames without the object cost no disk."""
        with path.open("wb") as file:
            file.truncate(row_bytes * frames)
        return cls(path, row_bytes=row_bytes, frames=frames)

    def __len__(self) -> int:
        return self._frames

    def flush(self) -> None:
        with writing(self._path), self._path.open("rb+") as file:
            os.fsync(file.fileno())

    def __getitem__(self, frame: int) -> NDArray[np.uint8]:
        with self._path.open("rb") as file:
            file.seek(frame * self._row_bytes)
            return np.frombuffer(file.read(self._row_bytes), np.uint8)

    def __setitem__(self, frame: int, row: NDArray[np.uint8]) -> None:
        with self._path.open("r+b") as file:
            file.seek(frame * self._row_bytes)
            file.write(row.tobytes())


class TrackFolder:
    """A `MaskTrack` being written into `folder`, each frame once: one `object-N.bits` for each object."""

    def __init__(self, folder: Path, *, width_px: int, height_px: int, frame_count: int, engine: str) -> None:
        with writing(folder):
            folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._size = (height_px, width_px)
        self._frame_count = frame_count
        self._engine = engine
        self._bits: dict[int, BitRows] = {}
        self._confidence: dict[int, NDArray[np.float32]] = {}

    def put(self, frame: int, object: int, mask: Mask, confidence: float = 1.0) -> None:
        """Keeps one mask. Raises `MaskSizeMismatch` and `CannotWrite`."""
        if mask.shape != self._size:
            raise MaskSizeMismatch(size_message("the mask", mask.shape, self._size))
        if object not in self._bits:
            path = self._folder / f"object-{object}.bits"
            with writing(path):
                self._bits[object] = BitRows.begin(path, row_bytes=-(-mask.size // 8), frames=self._frame_count)
            self._confidence[object] = np.zeros(self._frame_count, np.float32)
        if mask.any():
            with writing(self._folder):
                self._bits[object][frame] = np.packbits(mask)
        self._confidence[object][frame] = confidence

    def take_up(self, confidence: Mapping[int, NDArray[np.float32]]) -> None:
        """Goes on with what another `TrackFolder` has put here; confidence: what it knew when it was left."""
        for number, known in confidence.items():
            path, row_bytes = self._folder / f"object-{number}.bits", -(-self._size[0] * self._size[1] // 8)
            self._bits[number] = BitRows(path, row_bytes=row_bytes, frames=self._frame_count)
            self._confidence[number] = known

    def flush(self) -> None:
        """Waits until what was put is on the disk."""
        for bits in self._bits.values():
            bits.flush()

    def confidence(self) -> dict[int, NDArray[np.float32]]:
        """What was put so far, by object."""
        return dict(self._confidence)

    def seal(self) -> MaskTrack:
        """The track is finished: what is not in the masks' files is written beside them for `read_track`."""
        with writing(self._folder), whole_file(self._folder / _SEAL) as part, part.open("wb") as file:
            values: dict[str, Any] = {str(number): kept for number, kept in self._confidence.items()}
            np.savez(file, **values)
        return self.track()

    def track(self) -> MaskTrack:
        """What was put so far; later puts show in it too."""
        height, width = self._size
        return MaskTrack(width, height, self._frame_count, self._bits, self._confidence, self._engine)


def read_track(folder: Path, *, width_px: int, height_px: int, frame_count: int, engine: str) -> MaskTrack | None:
    """The track that a `TrackFolder` sealed there; None where there is none."""
    if not (folder / _SEAL).exists():
        return None
    with np.load(folder / _SEAL, allow_pickle=False) as kept:
        confidence = {int(number): kept[number] for number in kept.files}
    row_bytes = -(-width_px * height_px // 8)
    bits = {
        number: BitRows(folder / f"object-{number}.bits", row_bytes=row_bytes, frames=frame_count)
        for number in confidence
    }
    return MaskTrack(width_px, height_px, frame_count, bits, confidence, engine)


def size_message(what: str, shape: tuple[int, ...], wanted: tuple[int, int]) -> str:
    return (
        f"{what} is {shape[1]} x {shape[0]} pixels and the clip {wanted[1]} x {wanted[0]}: "
        "masks are of the upright full-size frame."
    )


def read_mask(path: Path, *, limits: Limits | None = None, data: bytes | None = None) -> NDArray[np.uint8]:
    """uint8 [H, W], the object's number in each pixel, from a palette, label or 0/255 picture.

    data: the file, where it is not on disk. Raises `CannotRead`, also for a picture with colours: what its numbers
    would be, nobody knows.
    """
    with opened_picture(path, limits or Limits(), data=data) as image:
        is_palette = image.mode == "P"
        if image.mode in ("RGB", "RGBA"):
            red, green, blue = (np.asarray(image.getchannel(channel), np.int16) for channel in "RGB")
            if max(np.abs(red - green).max(initial=0), np.abs(red - blue).max(initial=0)) > _GREY_SLACK:
                raise CannotRead(
                    f"{path}: a picture in colours is no mask. Give black and white, or objects by number."
                )
        values = np.asarray(image if image.mode in ("P", "L") else image.convert("L"))
    highest = int(values.max(initial=0))
    if highest <= _HIGHEST_OBJECT:
        return values
    is_drawn = not is_palette or (highest == 255 and bool(np.all((values == 0) | (values == 255))))
    return (values > 127).astype(np.uint8) if is_drawn else values


def palette() -> list[int]:
    """768 numbers: the colours by which DAVIS and Pascal VOC show objects 0..255; bits of the number spread out."""
    colours = []
    for number in range(256):
        channels = [0, 0, 0]
        for bit in range(8):
            for channel in range(3):
                channels[channel] |= ((number >> (3 * bit + channel)) & 1) << (7 - bit)
        colours += channels
    return colours


def write_mask_folder(track: MaskTrack, out: Path, on_frame: Callable[[int], None] = lambda _: None) -> None:
    """Palette PNGs `00000.png`, ... whose pixel value is the object's number. The folder appears when it is whole."""
    colours = palette()
    with new_folder(out) as folder:
        for frame in range(track.frame_count):
            image = Image.fromarray(track.labels(frame))  # a palette makes numbers of its greys
            image.putpalette(colours)
            image.save(folder / f"{frame:05d}.png")
            on_frame(frame)


def write_rle(
    track: MaskTrack,
    clip: Clip,
    out: Path,
    on_frame: Callable[[int], None] = lambda _: None,
    *,
    names: Mapping[int, str] | None = None,
    also: Mapping[str, Any] | None = None,
) -> None:
    """COCO instance annotations with compressed RLE: one image a frame, one category an object.

    names: what objects are called, by number. also: more entries for the head of the file. Written entry by entry: an
    hour of masks does not fit in memory.
    """
    names = names or {}
    head = {
        "info": {"description": f"masks of {clip.path.name}", "engine": track.engine},
        "categories": [{"id": number, "name": names.get(number, f"object {number}")} for number in track.objects],
        **(also or {}),
    }
    with whole_file(out) as part, part.open("w", encoding="utf-8") as file:
        file.write(json.dumps(head)[:-1])
        _write_list(file, "images", (_image(track, clip, frame) for frame in range(track.frame_count)))
        _write_list(file, "annotations", _annotations(track, on_frame))
        file.write("}")


def _write_list(file: TextIO, name: str, entries: Iterable[dict[str, Any]]) -> None:
    file.write(f', "{name}": [')
    for place, entry in enumerate(entries):
        file.write((",\n" if place else "\n") + json.dumps(entry))
    file.write("]")


def _image(track: MaskTrack, clip: Clip, frame: int) -> dict[str, Any]:
    return {
        "id": frame,
        "file_name": f"{frame:05d}.png",
        "width": track.width_px,
        "height": track.height_px,
        "time_s": float(clip.time(frame)),
    }


def _annotations(track: MaskTrack, on_frame: Callable[[int], None]) -> Iterator[dict[str, Any]]:
    from pycocotools import mask as coco

    count = 0
    for frame in range(track.frame_count):
        for number in track.objects:
            mask = track.mask(frame, number)
            if not mask.any():
                continue
            count += 1
            rle = coco.encode(np.asfortranarray(mask.view(np.uint8)))
            yield {
                "id": count,
                "image_id": frame,
                "category_id": number,
                "segmentation": {"size": rle["size"], "counts": rle["counts"].decode("ascii")},
                "area": int(coco.area(rle)),
                "bbox": [float(value) for value in coco.toBbox(rle)],
                "iscrowd": 0,  # evaluators leave crowds out
                "score": round(float(track.confidence[number][frame]), 4),
            }
        on_frame(frame)


# Told apart by most colour-blind people in this order, and visible on light and dark.
_SHOWN = ("#2f6fff", "#ff9416", "#0ca678", "#e64980", "#8a5cf6", "#f2c200", "#15aabf", "#a0522d", "#6aa80f")


def shown_colour(number: int) -> str:
    """#rrggbb in which people are shown object 1, 2, ...; the colours come round again after the ninth."""
    return _SHOWN[(number - 1) % len(_SHOWN)]


def overlay(rgb: NDArray[np.uint8], labels: NDArray[np.uint8], *, opacity: float = 0.5) -> NDArray[np.uint8]:
    """uint8 [H, W, 3]: objects tinted and outlined in the colours of `shown_colour`, for people to look at."""
    table = np.array([list(bytes.fromhex(shown_colour(number)[1:])) for number in range(256)], np.uint8)
    out = rgb.copy()
    inside = labels > 0
    tint = table[labels[inside]].astype(np.float32)
    out[inside] = np.rint(rgb[inside] * (1 - opacity) + tint * opacity).astype(np.uint8)
    thickness = max(1, round(max(labels.shape) / 640))
    for number in np.unique(labels[inside]):
        contours, _ = cv2.findContours((labels == number).view(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
        cv2.drawContours(out, contours, -1, table[number].tolist(), thickness, cv2.LINE_AA)
    return out
