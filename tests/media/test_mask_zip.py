"""Masks in a ZIP are those in the folder that was packed; what is no ZIP of masks is refused before it is unpacked."""

from __future__ import annotations

import io
import struct
import tracemalloc
import zipfile
import zlib
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from avfusion.clip import Clip
from avfusion.errors import AvfusionError, CannotRead, MaskCountMismatch, MaskSizeMismatch
from avfusion.media.cut import cut
from avfusion.media.mask_folder import MaskFolder
from avfusion.media.mask_zip import MaskZip
from avfusion.media.probe import probe
from tests.media.making import coded

WIDTH, HEIGHT, FRAMES = 52, 38, 5
MIB = 2**20

Pack = Callable[[zipfile.ZipFile], None]


@pytest.fixture
def clip(tmp_path: Path) -> Clip:
    times_ms = list(range(0, FRAMES * 40, 40))
    coded(tmp_path / "in.webm", times_ms, time_base=Fraction(1, 1000), codec="libvpx-vp9", size=(WIDTH, HEIGHT))
    return probe(tmp_path / "in.webm")


def png(frame: int, width: int = WIDTH) -> bytes:
    labels = np.zeros((HEIGHT, width), np.uint8)
    labels[4 : 20 + frame, 10:30] = 1
    labels[30:, frame : frame + 8] = 2
    file = io.BytesIO()
    Image.fromarray(labels).save(file, "png")
    return file.getvalue()


def names(folder: str = "") -> list[str]:
    return [f"{folder}{frame:05d}.png" for frame in range(FRAMES)]


def packed(path: Path, pack: Pack, **options: int) -> Path:
    with zipfile.ZipFile(path, "w", **options) as archive:  # type: ignore[call-overload]
        pack(archive)
    return path


def masks(folder: str = "") -> Pack:
    def pack(archive: zipfile.ZipFile) -> None:
        for frame, name in reversed(list(enumerate(names(folder)))):
            archive.writestr(name, png(frame))

    return pack


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
@pytest.mark.parametrize("folder", ["", "masks/"])
def test_it_reads_like_the_folder(clip: Clip, tmp_path: Path, method: int, folder: str) -> None:
    def pack(archive: zipfile.ZipFile) -> None:
        archive.writestr("readme.txt", "masks")
        masks(folder)(archive)
        for name in names("__MACOSX/._"):  # as a Mac packs it
            archive.writestr(name, b"Mac OS X")
        archive.comment = b"of my clip"

    given = MaskZip(packed(tmp_path / "masks.zip", pack, compression=method), clip)
    loose = tmp_path / "loose"
    loose.mkdir()
    for frame, name in enumerate(names()):
        (loose / name).write_bytes(png(frame))
    same = MaskFolder(loose, clip)
    assert (given.frame_count, given.engine) == (same.frame_count, same.engine)
    for frame in (3, 0, 4, 1, 2):
        np.testing.assert_array_equal(given.labels(frame), same.labels(frame))
        np.testing.assert_array_equal(given.union(frame), same.union(frame))


def test_they_may_be_of_a_part(clip: Clip, tmp_path: Path) -> None:
    def pack(archive: zipfile.ZipFile) -> None:
        for frame in (1, 2, 3):
            archive.writestr(f"{frame}.png", png(frame))

    path = packed(tmp_path / "masks.zip", pack)
    assert MaskZip(path, clip, part=cut(clip, 1, 4)).frame_count == 3
    with pytest.raises(MaskCountMismatch, match="3 mask PNGs for a clip of 5 frames"):
        MaskZip(path, clip)


def with_names(wrong: str) -> Pack:
    def pack(archive: zipfile.ZipFile) -> None:
        for frame, name in enumerate([*names()[:-1], wrong]):
            archive.writestr(name, png(frame))

    return pack


@pytest.mark.parametrize("name", ["../9.png", "a/../../9.png", "/tmp/9.png", "..\\9.png", "C:\\9.png", "C:9.png"])
def test_a_name_that_leads_out_of_the_folder_is_refused(clip: Clip, tmp_path: Path, name: str) -> None:
    with pytest.raises(CannotRead, match="outside of the folder"):
        MaskZip(packed(tmp_path / "masks.zip", with_names(name)), clip)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.webm", "masks.zip"]


def bomb(path: Path, declared_bytes: int | None = None, unpacked_mib: int = 64) -> Path:
    """A mask of so many MiB of zeros in a thousandth of that; its list says `declared_bytes` where that is given."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        with archive.open(names()[0], "w", force_zip64=True) as file:
            for _ in range(unpacked_mib):
                file.write(bytes(MIB))
        for frame, name in list(enumerate(names()))[1:]:
            archive.writestr(name, png(frame))
        if declared_bytes is not None:
            archive.infolist()[0].file_size = declared_bytes
    return path


@pytest.mark.parametrize(("declared_bytes", "message"), [(None, "too large for a mask"), (1000, "damaged")])
def test_a_bomb_is_not_unpacked(clip: Clip, tmp_path: Path, declared_bytes: int | None, message: str) -> None:
    """Whether its list tells the truth, or says that there is little in it."""
    path = bomb(tmp_path / "masks.zip", declared_bytes)
    assert path.stat().st_size < 64 * MIB / 500
    tracemalloc.start()
    with pytest.raises(CannotRead, match=message):
        MaskZip(path, clip)
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak_bytes < 4 * MIB


def test_many_gigabytes_by_the_list_are_refused(clip: Clip, tmp_path: Path) -> None:
    with pytest.raises(CannotRead, match="10,240 MiB unpacked"):
        MaskZip(bomb(tmp_path / "masks.zip", 10 * 1024 * MIB, unpacked_mib=1), clip)


def test_a_list_far_too_long_is_not_read(clip: Clip, tmp_path: Path) -> None:
    def pack(archive: zipfile.ZipFile) -> None:
        for number in range(5_000):
            archive.writestr(f"{number:0220d}.png", b"")

    path = packed(tmp_path / "masks.zip", pack)
    tracemalloc.start()
    with pytest.raises(MaskCountMismatch, match="far more files"):
        MaskZip(path, clip)
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak_bytes < MIB


def with_pixels(archive: zipfile.ZipFile) -> None:
    """A PNG of little more than its head, which promises 60,000 x 60,000 pixels."""
    head = struct.pack(">LLBBBBB", 60_000, 60_000, 8, 0, 0, 0, 0)
    chunk = b"IHDR" + head
    data = b"\x89PNG\r\n\x1a\n" + struct.pack(">L", len(head)) + chunk + struct.pack(">L", zlib.crc32(chunk))
    for name in names():
        archive.writestr(name, data + struct.pack(">L", 0) + b"IDAT" + struct.pack(">L", zlib.crc32(b"IDAT")))


def wide(archive: zipfile.ZipFile) -> None:
    for frame, name in enumerate(names()):
        archive.writestr(name, png(frame, WIDTH + 1))


def no_pictures(archive: zipfile.ZipFile) -> None:
    for name in names():
        archive.writestr(name, b"no picture")


@pytest.mark.parametrize(
    ("pack", "error"),
    [
        (with_pixels, AvfusionError),
        (wide, MaskSizeMismatch),
        (no_pictures, CannotRead),
        (lambda archive: None, MaskCountMismatch),
        (lambda archive: archive.writestr("00000.png", png(0)), MaskCountMismatch),
    ],
)
def test_what_holds_no_masks_of_the_clip_is_refused(
    clip: Clip, tmp_path: Path, pack: Pack, error: type[AvfusionError]
) -> None:
    with pytest.raises(error) as raised:
        MaskZip(packed(tmp_path / "masks.zip", pack, compression=zipfile.ZIP_DEFLATED), clip)
    assert str(tmp_path / "masks.zip") in str(raised.value)
    assert "\n" not in str(raised.value)


def test_what_cannot_be_unpacked_is_refused(clip: Clip, tmp_path: Path) -> None:
    whole = packed(tmp_path / "masks.zip", masks(), compression=zipfile.ZIP_DEFLATED).read_bytes()
    encrypted, flipped = bytearray(whole), bytearray(whole)
    at = whole.rindex(b"PK\x01\x02")
    encrypted[at + 8] |= 1
    flipped[60] ^= 0xFF  # in the first mask's data
    cases = [b"", b"PK\x03\x04 no more", whole[: len(whole) // 2], bytes(encrypted), bytes(flipped), b"x" * 100]
    for number, data in enumerate(cases):
        path = tmp_path / f"{number}.zip"
        path.write_bytes(data)
        with pytest.raises(CannotRead):
            MaskZip(path, clip)
    with pytest.raises(CannotRead, match="usual ZIP"):
        MaskZip(packed(tmp_path / "lzma.zip", masks(), compression=zipfile.ZIP_LZMA), clip)
    with pytest.raises(CannotRead, match="no such file"):
        MaskZip(tmp_path / "missing.zip", clip)
