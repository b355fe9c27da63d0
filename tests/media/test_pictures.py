"""Stills and animations as a browser shows them, and picture bombs refused before they go off."""

import struct
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from avfusion.errors import CannotRead, TooLarge
from avfusion.media.limits import Limits
from avfusion.media.pictures import PICTURE_COLOUR, is_picture, read_picture
from avfusion.media.probe import probe


def drawn(width: int = 31, height: int = 21) -> np.ndarray:
    y, x = np.mgrid[:height, :width]
    return np.stack([x * 8, y * 12, (x + y) * 4], axis=-1).astype(np.uint8)


@pytest.mark.parametrize("ending", ["png", "bmp", "tiff", "webp", "gif"])
def test_a_still_is_a_clip_of_one_frame(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"still.{ending}"
    colours = drawn() // 64 * 64
    Image.fromarray(colours).save(path, **({"lossless": True} if ending == "webp" else {}))
    clip = probe(path)
    assert (clip.width_px, clip.height_px, clip.frame_count, clip.has_alpha) == (31, 21, 1, False)
    assert clip.colour == PICTURE_COLOUR
    for backwards in (False, True):
        (frame,) = clip.frames(backwards=backwards)
        np.testing.assert_array_equal(frame.rgb, colours)
        assert [plane.shape for plane in frame.yuv] == [(21, 31), (11, 16), (11, 16)]
        assert frame.alpha.min() == 255


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation(tmp_path: Path, orientation: int) -> None:
    upright = drawn()
    how = {
        2: np.fliplr,
        3: lambda a: np.rot90(a, 2),
        4: np.flipud,
        5: lambda a: a.swapaxes(0, 1),
        6: lambda a: np.rot90(a, 1),
        7: lambda a: np.rot90(a.swapaxes(0, 1), 2),
        8: lambda a: np.rot90(a, -1),
    }
    stored = how.get(orientation, lambda a: a)(upright)  # fmt: skip
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(np.ascontiguousarray(stored)).save(tmp_path / "a.png", exif=exif)
    clip = probe(tmp_path / "a.png")
    assert (clip.width_px, clip.height_px) == (31, 21)
    np.testing.assert_array_equal(next(clip.frames()).rgb, upright)
    np.testing.assert_array_equal(read_picture(tmp_path / "a.png")[..., :3], upright)


def test_modes(tmp_path: Path) -> None:
    colours = drawn()
    grey16 = np.arange(31 * 21, dtype=np.uint16).reshape(21, 31) * 100
    Image.fromarray(grey16).save(tmp_path / "deep.png")
    assert np.abs(read_picture(tmp_path / "deep.png")[..., 0].astype(int) - grey16 / 257).max() <= 1

    Image.fromarray(colours).quantize(16).save(tmp_path / "palette.png")
    wanted = np.asarray(Image.fromarray(colours).quantize(16).convert("RGB"))
    np.testing.assert_array_equal(read_picture(tmp_path / "palette.png")[..., :3], wanted)

    Image.fromarray(colours).convert("CMYK").save(tmp_path / "print.jpg", quality=98)
    assert np.abs(read_picture(tmp_path / "print.jpg")[..., :3].astype(int) - colours).mean() < 6

    alpha = np.dstack([colours, np.tile(np.linspace(0, 255, 31).astype(np.uint8), (21, 1))])
    Image.fromarray(alpha).save(tmp_path / "alpha.png")
    clip = probe(tmp_path / "alpha.png")
    assert clip.has_alpha
    np.testing.assert_array_equal(next(clip.frames()).alpha, alpha[..., 3])
    np.testing.assert_array_equal(read_picture(tmp_path / "alpha.png"), alpha)

    Image.new("1", (5, 4), 1).save(tmp_path / "bit.png")
    assert read_picture(tmp_path / "bit.png").min() == 255


@pytest.mark.parametrize("ending", ["gif", "png", "webp"])
def test_animations_have_the_times_of_a_browser(tmp_path: Path, ending: str) -> None:
    pages = [Image.new("RGB", (20, 10), (shade, 0, 255 - shade)) for shade in (0, 60, 120, 240)]
    durations = [50, 120, 10, 300]  # browsers show what says 10 ms or less for 100
    pages[0].save(tmp_path / f"a.{ending}", save_all=True, append_images=pages[1:], duration=durations, lossless=True)
    clip = probe(tmp_path / f"a.{ending}")
    assert clip.ticks.tolist() == [0, 50, 170, 270]
    assert clip.end_tick == 570
    reds = [int(frame.rgb[5, 5, 0]) for frame in clip.frames()]
    assert np.abs(np.array(reds) - (0, 60, 120, 240)).max() <= 2
    assert [frame.index for frame in clip.frames(1, 4, backwards=True)] == [3, 2, 1]
    assert [int(frame.rgb[5, 5, 0]) for frame in clip.frames(backwards=True)] == reds[::-1]
    assert [int(frame.rgb[5, 5, 0]) for frame in clip.frames(2, 3)] == reds[2:3]


def test_pages_of_a_gif_are_composed(tmp_path: Path) -> None:
    base = Image.new("RGB", (20, 10), (255, 0, 0))
    second = base.copy()
    second.paste((0, 0, 255), (5, 5, 8, 8))
    base.save(tmp_path / "a.gif", save_all=True, append_images=[second], duration=100)
    frame = list(probe(tmp_path / "a.gif").frames())[1]
    assert frame.rgb[6, 6].tolist() == [0, 0, 255]
    assert frame.rgb[0, 0].tolist() == [255, 0, 0]


# Bombs


def chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def bombs(width: int, height: int) -> dict[str, bytes]:
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    png = (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    )
    jpeg = (
        b"\xff\xd8\xff\xc0" + struct.pack(">HBHHB", 17, 8, height, width, 3)
        + b"\x01\x11\0\x02\x11\0\x03\x11\0" + b"\xff\xda\0\x0c\x03\x01\0\x02\x11\x03\x11\0\x3f\0" + b"\xff\xd9"
    )  # fmt: skip
    gif = b"GIF89a" + struct.pack("<HH", width, height) + b"\x80\0\0" + bytes(6) + b"\x2c" + struct.pack(
        "<HHHH", 0, 0, width, height
    ) + b"\0\x02\x02\x44\x01\0;"  # fmt: skip
    size = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    frame = b"ANMF" + struct.pack("<I", 16) + bytes(6) + size + bytes(4)
    body = (
        b"WEBPVP8X" + struct.pack("<I", 10) + b"\x02\0\0\0" + size + b"ANIM" + struct.pack("<I", 6) + bytes(6) + frame
    )
    webp = b"RIFF" + struct.pack("<I", len(body)) + body
    bmp = b"BM" + struct.pack("<IHHI", 54, 0, 0, 54) + struct.pack("<IiiHHIIiiII", 40, width, height, 1, 24, *[0] * 6)
    return {"png": png, "jpg": jpeg, "gif": gif, "webp": webp, "bmp": bmp}


PROBE_IN_LITTLE_MEMORY = """
import resource, sys
resource.setrlimit(resource.RLIMIT_AS, (2 * 2**30, 2 * 2**30))
from avfusion.errors import TooLarge
from avfusion.media.probe import probe
from avfusion.media.masks import read_mask
from pathlib import Path
for read in (probe, read_mask):
    try:
        read(Path(sys.argv[1]))
    except TooLarge as error:
        print("TooLarge")
"""


@pytest.mark.parametrize("kind", ["png", "jpg", "gif", "webp", "bmp"])
@pytest.mark.parametrize("side", [12_000, 60_000])
def test_a_bomb_does_not_go_off(tmp_path: Path, kind: str, side: int) -> None:
    path = tmp_path / f"bomb.{kind}"
    path.write_bytes(bombs(side, side)[kind])
    assert path.stat().st_size < 2000
    done = subprocess.run(
        [sys.executable, "-c", PROBE_IN_LITTLE_MEMORY, str(path)], capture_output=True, text=True, timeout=60
    )
    assert done.stdout.split() == ["TooLarge", "TooLarge"], done.stderr[-500:]


def test_limits(tmp_path: Path) -> None:
    Image.fromarray(drawn()).save(tmp_path / "a.png")
    with pytest.raises(TooLarge, match="31 x 21"):
        read_picture(tmp_path / "a.png", limits=Limits(pixels=31 * 21 - 1))
    assert read_picture(tmp_path / "a.png", limits=Limits(pixels=31 * 21)).shape == (21, 31, 4)
    pages = [Image.new("L", (4, 4), shade) for shade in (0, 80, 160)]
    pages[0].save(tmp_path / "a.gif", save_all=True, append_images=pages[1:], duration=50)
    with pytest.raises(TooLarge, match=r"more frames than are taken here \(2\)"):
        probe(tmp_path / "a.gif", limits=Limits(frames=2))


def test_what_is_no_picture(tmp_path: Path) -> None:
    Image.fromarray(drawn()).save(tmp_path / "a.png")
    whole = (tmp_path / "a.png").read_bytes()
    (tmp_path / "cut.png").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(CannotRead, match="damaged"):
        list(probe(tmp_path / "cut.png").frames())
    (tmp_path / "text.png").write_text("text")
    with pytest.raises(CannotRead):
        read_picture(tmp_path / "text.png")
    with pytest.raises(CannotRead, match="no such file"):
        read_picture(tmp_path / "missing.png")
    assert not is_picture(tmp_path / "missing.png")
    assert is_picture(tmp_path / "a.png")
    # PostScript would start a program; it is no picture here, whatever its name says
    (tmp_path / "a.eps").write_text("%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n")
    with pytest.raises(CannotRead):
        read_picture(tmp_path / "a.eps")
