"""Mask PNGs in one ZIP as a track: checked whole at the start, unpacked one by one, in memory, when the frames come.

Nothing is written to disk, and no name of the archive becomes a path. What an entry may hold is known from the clip's
size before anything is unpacked, so that an archive cannot grow beyond one mask at a time.
"""

from __future__ import annotations

import struct
import zipfile
import zlib
from pathlib import Path, PurePosixPath, PureWindowsPath

import numpy as np
from numpy.typing import NDArray

from avfusion.clip import Clip, Mask
from avfusion.errors import CannotRead, MaskCountMismatch, MaskSizeMismatch
from avfusion.media.container import check_file
from avfusion.media.limits import Limits
from avfusion.media.masks import read_mask, size_message
from avfusion.media.pictures import opened_picture

# No mask takes more than its pixels with four bytes each, and what a PNG says of itself.
_MOST_BYTES_PER_PIXEL = 5
_PNG_SLACK_BYTES = 2**20
# What an archive's list of its files takes: some bytes for each mask, and for what a ZIP of a folder has besides.
_LISTED_BYTES = 1024
_LIST_SLACK_BYTES = 2**20
# The parts of a ZIP file, by section of PKWARE's APPNOTE.TXT 6.3.10: 4.3.7, 4.3.16, 4.3.15 and 4.3.14.
_LOCAL = struct.Struct("<4s5H3L2H")
_END, _END_SIGNATURE = struct.Struct("<4s4H2LH"), b"PK\x05\x06"
_LOCATOR, _LOCATOR_SIGNATURE = struct.Struct("<4sLQL"), b"PK\x06\x07"
_END_64 = struct.Struct("<4sQ2H2L4Q")
_LONGEST_COMMENT = 2**16 - 1
_ENCRYPTED = 0x1


class MaskZip:
    """Reads like a `MaskTrack` of one engine, `given`. No file stays open."""

    engine = "given"

    def __init__(self, path: Path, clip: Clip, *, part: Clip | None = None) -> None:
        """Masks of `clip`, or of a part of it if there are as many as that has frames; in the order of their names.

        Raises `CannotRead`, `MaskCountMismatch` and `MaskSizeMismatch` before any picture is decoded.
        """
        self._path = path
        pixels = clip.width_px * clip.height_px
        self._most_bytes = _MOST_BYTES_PER_PIXEL * pixels + _PNG_SLACK_BYTES
        self._entries = _masks_in(path, most=clip.frame_count)
        if part is not None and len(self._entries) == part.frame_count:
            clip = part
        _check_count(path, len(self._entries), clip)
        self.width_px, self.height_px, self.frame_count = clip.width_px, clip.height_px, clip.frame_count
        for entry in self._entries:
            self._check_entry(entry)
        for entry in self._entries:
            self._check_shape(entry)

    def labels(self, frame: int) -> NDArray[np.uint8]:
        """uint8 [H, W]: the object's number, 0 for background."""
        entry = self._entries[frame]
        return read_mask(self._path / entry.filename, data=self._unpacked(entry))

    def union(self, frame: int) -> Mask:
        """bool [H, W]: any object."""
        return self.labels(frame) > 0

    def _check_entry(self, entry: zipfile.ZipInfo) -> None:
        """By what the archive's list says of it."""
        where = f"{self._path}: {entry.filename}"
        if _leads_out(entry.filename):
            raise CannotRead(f"{where} would lie outside of the folder it is unpacked in. Pack the masks anew.")
        if entry.flag_bits & _ENCRYPTED:
            raise CannotRead(f"{where} is encrypted. Pack the masks without a password.")
        if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise CannotRead(f"{where} is packed in a way that is not read here. Pack the masks as a usual ZIP.")
        if max(entry.file_size, entry.compress_size) > self._most_bytes:
            raise CannotRead(
                f"{where} is too large for a mask of this clip: {entry.file_size / 2**20:,.0f} MiB unpacked, "
                f"and {self._most_bytes / 2**20:,.0f} MiB are the most."
            )

    def _check_shape(self, entry: zipfile.ZipInfo) -> None:
        path = self._path / entry.filename
        with opened_picture(path, Limits(), data=self._unpacked(entry)) as image:
            shape = image.height, image.width
        if shape != (self.height_px, self.width_px):
            raise MaskSizeMismatch(size_message(str(path), shape, (self.height_px, self.width_px)))

    def _unpacked(self, entry: zipfile.ZipInfo) -> bytes:
        """What an entry holds: never more than the archive's list said. Raises `CannotRead`."""
        damaged = CannotRead(f"{self._path}: {entry.filename} is damaged. Pack the masks anew.")
        try:
            with self._path.open("rb") as file:
                file.seek(entry.header_offset)
                head = _LOCAL.unpack(file.read(_LOCAL.size))
                file.seek(head[-2] + head[-1], 1)
                packed = file.read(entry.compress_size)
            if entry.compress_type == zipfile.ZIP_STORED:
                data = packed
            else:
                data = zlib.decompressobj(-zlib.MAX_WBITS).decompress(packed, entry.file_size + 1)
        except (OSError, struct.error, zlib.error) as error:
            raise damaged from error
        if len(data) != entry.file_size or zlib.crc32(data) != entry.CRC:
            raise damaged
        return data


def _masks_in(path: Path, *, most: int) -> list[zipfile.ZipInfo]:
    """The PNGs that the archive lists, by their names. A list far too long for `most` masks is refused unread."""
    check_file(path)
    try:
        if _list_bytes(path) > most * _LISTED_BYTES + _LIST_SLACK_BYTES:
            raise MaskCountMismatch(
                f"{path}: this ZIP lists far more files than the clip's {most} frames. Give one mask PNG for each."
            )
        with zipfile.ZipFile(path) as archive:
            entries = [entry for entry in archive.infolist() if _is_mask(entry.filename)]
    except (zipfile.BadZipFile, struct.error, OSError, ValueError, NotImplementedError) as error:
        raise CannotRead(f"{path}: this ZIP cannot be read. Pack the masks anew.") from error
    return sorted(entries, key=lambda entry: entry.filename)


def _list_bytes(path: Path) -> int:
    """How much the archive says its list takes, found where `zipfile` finds it; 0 where it says nothing."""
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - _LONGEST_COMMENT - _END.size - _LOCATOR.size - _END_64.size))
        tail = file.read()
    end = len(tail) - _END.size
    if end < 0 or tail[end : end + 4] != _END_SIGNATURE:  # there is a comment behind it
        end = tail.rfind(_END_SIGNATURE)
    if end < 0 or len(tail) - end < _END.size:
        return 0
    at = end - _LOCATOR.size
    if at >= _END_64.size and tail[at : at + 4] == _LOCATOR_SIGNATURE:
        return int(_END_64.unpack_from(tail, at - _END_64.size)[8])
    return int(_END.unpack_from(tail, end)[5])


def _is_mask(name: str) -> bool:
    """A PNG; what a Mac adds beside each file is none."""
    path = PurePosixPath(name)
    return path.suffix.lower() == ".png" and not path.name.startswith("._") and path.parts[0] != "__MACOSX"


def _leads_out(name: str) -> bool:
    """Whether a name leads to somewhere else than below the archive's own folder, on any system."""
    return any(
        path.is_absolute() or path.drive or ".." in path.parts for path in (PurePosixPath(name), PureWindowsPath(name))
    )


def _check_count(path: Path, count: int, clip: Clip) -> None:
    if count != clip.frame_count:
        what = f"a clip of {clip.frame_count} frames" if clip.frame_count > 1 else "a picture"
        raise MaskCountMismatch(
            f"{path}: {count} mask {'PNG' if count == 1 else 'PNGs'} for {what}. There must be one for each frame."
        )
