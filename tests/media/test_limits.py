"""What is too large is refused by its header, and by what really comes where the header lies."""

from __future__ import annotations

import struct
import zlib
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from avfusion.errors import TooLarge
from avfusion.media.limits import Limits, time_in_words
from avfusion.media.probe import probe
from avfusion.media.recording import probe_recording
from tests.ui.making import balls, write_clip


def huge_png(path: Path, side: int) -> Path:
    """A whole PNG of side x side black pixels of one bit: a block of zeros, deflated once and repeated."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    size, block_size = side * (1 + -(-side // 8)), 2**20
    packer = zlib.compressobj(9, wbits=-15)
    block = packer.compress(bytes(block_size)) + packer.flush(zlib.Z_FULL_FLUSH)
    end = packer.compress(bytes(size % block_size)) + packer.flush()
    checksum = struct.pack(">I", (size % 65521) << 16 | 1)  # RFC 1950, of nothing but zeros
    data = b"\x78\xda" + block * (size // block_size) + end + checksum
    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b""))
    return path


def sparse_clip(path: Path, *, hours: float) -> Path:
    """Two frames, so many hours apart: a file of a few kilobytes."""
    with av.open(str(path), "w") as output:
        stream = output.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.time_base = stream.codec_context.time_base = Fraction(1, 25)
        for time_s in (0.0, hours * 3600):
            frame = av.VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8), format="rgb24")
            frame.pts, frame.time_base = round(time_s * 25), Fraction(1, 25)
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return path


def with_frame_count(path: Path, claimed: int) -> Path:
    """The MP4 with the durations in its movie, track and media headers as if it held so many frames of 1/25 s."""
    data = bytearray(path.read_bytes())
    for kind, offset_scale, offset_length in ((b"mvhd", 16, 20), (b"mdhd", 16, 20)):
        at = data.index(kind)
        scale = struct.unpack_from(">I", data, at + offset_scale)[0]
        struct.pack_into(">I", data, at + offset_length, claimed * scale // 25)
    scale = struct.unpack_from(">I", data, data.index(b"mvhd") + 16)[0]
    struct.pack_into(">I", data, data.index(b"tkhd") + 24, claimed * scale // 25)
    path.write_bytes(bytes(data))
    return path


def test_the_huge_picture_is_a_real_one(tmp_path: Path) -> None:
    with Image.open(huge_png(tmp_path / "small.png", 3000)) as image:
        assert not np.asarray(image).any()


def test_a_picture_of_50000_by_50000_is_refused_unopened(tmp_path: Path) -> None:
    picture = huge_png(tmp_path / "huge.png", 50_000)
    assert picture.stat().st_size < 2e6
    with pytest.raises(TooLarge, match=r"huge\.png: more pixels than are taken here \(67\.1 megapixels\)"):
        probe(picture)


@pytest.mark.parametrize("ending", ["mp4", "mkv"])
def test_ten_hours_are_refused_by_the_header(tmp_path: Path, ending: str) -> None:
    clip = sparse_clip(tmp_path / f"long.{ending}", hours=10)
    assert clip.stat().st_size < 1e5
    with pytest.raises(TooLarge, match=r": 10 hours long, and 10 minutes are taken here\. Cut it first\."):
        probe(clip, limits=Limits(seconds=600))
    assert probe(clip).frame_count == 2


def test_what_comes_counts_where_the_header_lies(tmp_path: Path) -> None:
    """The header says 10 frames, and 300 come."""
    clip = with_frame_count(write_clip(tmp_path / "liar.mp4", balls(300, 64, 48)), claimed=10)
    with av.open(str(clip)) as container:
        assert float(container.duration or 0) / 1e6 == pytest.approx(0.4)
    assert probe(clip, limits=Limits(frames=300, seconds=12)).frame_count >= 10
    for limits in (Limits(frames=299), Limits(seconds=11), Limits(work_pixels=64 * 48 * 299)):
        whole = probe(clip)
        if whole.frame_count == 300:
            with pytest.raises(TooLarge, match=r"liar\.mp4: "):
                probe(clip, limits=limits)


def test_ten_hours_of_sound_are_refused_by_the_header(tmp_path: Path) -> None:
    path = tmp_path / "long.wav"
    rate = 8000
    claimed = 10 * 3600 * rate * 2
    head = (
        b"RIFF"
        + struct.pack("<I", claimed + 36)
        + b"WAVEfmt "
        + struct.pack("<IHHIIHH", 16, 1, 1, rate, 2 * rate, 2, 16)
    )
    with path.open("wb") as file:
        file.write(head + b"data" + struct.pack("<I", claimed))
        file.truncate(claimed)  # a hole: nothing on the disk
    from avfusion.media.limits import USUAL, enforce

    enforce(Limits(seconds=900))
    try:
        with pytest.raises(TooLarge, match="10 hours long, and 15 minutes are taken here"):
            probe_recording(path)
    finally:
        enforce(USUAL)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(36_000, "10 hours"), (7200, "2 hours"), (5400, "90 minutes"), (90, "90 seconds"), (0.24, "0.24 seconds")],
)
def test_times_in_words(seconds: float, said: str) -> None:
    assert time_in_words(seconds) == said
