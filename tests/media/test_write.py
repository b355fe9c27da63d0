"""What goes in comes out: frame count, presentation times, colours, shapes; and what is refused leaves nothing."""

import os
import subprocess
import sys
import threading
import zipfile
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from avfusion.clip import Clip, Yuv
from avfusion.errors import CannotWrite, Stopped, TimesMismatch, UnknownFormat
from avfusion.media.probe import DAMAGED, probe
from avfusion.media.write import Encoding, write_video
from tests.media.making import NOISE, coded, copied, ffprobe, packets, planes_by_ffmpeg, psnr_db, source, stream_of

X264 = ("-c:v", "libx264", "-pix_fmt", "yuv420p")


def times(path: Path) -> list[Fraction]:
    """Presentation times in seconds, in order, as ffprobe sees them."""
    base = Fraction(stream_of(path)["time_base"])
    return sorted(int(packet["pts"]) * base for packet in packets(path, "v:0"))


TIME_BASES = {
    "variable": ([0, 7, 8, 40, 41, 95, 200], Fraction(1, 1000), 33),
    "late": ([5000, 5040, 5080, 5120], Fraction(1, 1000), 40),
    "ntsc": (list(range(3, 12)), Fraction(1001, 30000), 1),
    "broadcast": ([126000, 129003, 132006, 139512], Fraction(1, 90000), 3003),
    "odd": (list(range(0, 90, 10)), Fraction(100, 19620), 10),
    "one": ([0], Fraction(1, 25), 1),
    "one_late": ([3], Fraction(1, 25), 2),
    "two": ([0, 2], Fraction(1, 25), 5),
}


@pytest.mark.parametrize("ending", ["mp4", "mov"])
@pytest.mark.parametrize("name", TIME_BASES)
def test_times_are_exact(tmp_path: Path, name: str, ending: str) -> None:
    ticks, time_base, last = TIME_BASES[name]
    coded(
        tmp_path / "in.mkv" if time_base == Fraction(1, 1000) else tmp_path / "in.mp4",
        ticks,
        time_base=time_base,
        last=last,
    )
    clip = probe(next(tmp_path.iterdir()))
    wanted = [tick * time_base for tick in ticks]
    assert [clip.time(index) for index in range(clip.frame_count)] == wanted

    out = tmp_path / f"out.{ending}"
    copied(clip, out)

    assert times(out) == wanted
    again = probe(out)
    assert [again.time(index) for index in range(again.frame_count)] == wanted
    assert again.end_tick * again.time_base == clip.end_tick * clip.time_base
    assert [frame.time for frame in again.frames()] == wanted
    assert DAMAGED not in again.notes


@pytest.mark.parametrize("name", ["variable", "late", "ntsc", "one"])
def test_times_in_webm_are_right_to_a_millisecond(tmp_path: Path, name: str) -> None:
    ticks, time_base, last = TIME_BASES[name]
    coded(tmp_path / "in.mp4", ticks, time_base=time_base, last=last)
    written = copied(probe(tmp_path / "in.mp4"), tmp_path / "out.webm")
    assert any("0.001 s" in note for note in written.notes)
    found = times(tmp_path / "out.webm")
    assert len(found) == len(ticks)
    assert all(abs(time - tick * time_base) <= Fraction(6, 10000) for time, tick in zip(found, ticks, strict=True))


def test_times_in_gif_follow_hundredths(tmp_path: Path) -> None:
    ticks = [0, 10, 25, 60, 100]
    coded(tmp_path / "in.mp4", ticks, time_base=Fraction(1, 100), last=30)
    copied(probe(tmp_path / "in.mp4"), tmp_path / "out.gif")
    again = probe(tmp_path / "out.gif")
    assert [again.time(index) * 100 for index in range(again.frame_count)] == ticks
    assert again.duration_s == Fraction(130, 100)


def test_b_frames_come_back_in_order(tmp_path: Path) -> None:
    ticks = list(range(0, 40 * 512, 512))
    coded(tmp_path / "in.mp4", ticks, time_base=Fraction(1, 12800), last=512, options={"bf": "3", "b-adapt": "0"})
    assert any(packet["pts"] != packet["dts"] for packet in packets(tmp_path / "in.mp4", "v:0"))
    clip = probe(tmp_path / "in.mp4")
    copied(clip, tmp_path / "out.mp4")
    frames = list(probe(tmp_path / "out.mp4").frames())
    for frame, original in zip(frames, clip.frames(), strict=True):
        assert abs(int(frame.yuv[0][20, 20]) - int(original.yuv[0][20, 20])) <= 2


def test_lossless_is_lossless(tmp_path: Path, made: Callable[..., Path]) -> None:
    clip = probe(made("plain.mp4", *source(), *X264))
    copied(clip, tmp_path / "out.mp4", encoding=Encoding(quality=0))
    for frame, original in zip(probe(tmp_path / "out.mp4").frames(), clip.frames(), strict=True):
        for plane, wanted in zip(frame.yuv, original.yuv, strict=True):
            np.testing.assert_array_equal(plane, wanted)


@pytest.mark.parametrize(("ending", "least_db"), [("mp4", 38), ("mov", 45), ("webm", 33)])
def test_pictures_look_like_their_source(
    tmp_path: Path, made: Callable[..., Path], ending: str, least_db: float
) -> None:
    path = made("smooth.mp4", "-f", "lavfi", "-i", "testsrc=s=320x180:r=25:d=0.6", *X264, "-crf", "10")
    out = tmp_path / f"out.{ending}"
    copied(probe(path), out)
    assert psnr_db(planes_by_ffmpeg(out, "gray"), planes_by_ffmpeg(path, "gray")) > least_db


SMOOTH = ("-f", "lavfi", "-i", "gradients=s=96x64:r=25:d=0.4:seed=4")
COLOURS = [
    ("bt709", "bt709", "bt709", "tv"),
    ("smpte170m", "bt470bg", "smpte170m", "tv"),
    ("bt709", "bt709", "iec61966-2-1", "pc"),
]


@pytest.mark.parametrize("ending", ["mp4", "mov", "webm"])
@pytest.mark.parametrize(("matrix", "primaries", "transfer", "span"), COLOURS)
def test_colour_tags_stay(
    tmp_path: Path, made: Callable[..., Path], matrix: str, primaries: str, transfer: str, span: str, ending: str
) -> None:
    tags = ("-colorspace", matrix, "-color_primaries", primaries, "-color_trc", transfer, "-color_range", span)
    path = made(f"{matrix}-{span}.mp4", *SMOOTH, *X264, *tags)
    out = tmp_path / f"out.{ending}"
    copied(probe(path), out)
    before, after = stream_of(path), stream_of(out)
    keys = ["color_space", "color_primaries", "color_transfer", "color_range"]
    if ending == "mov" and span == "pc":
        # ProRes is always of limited range, and has no number for the curve of sRGB
        assert after["color_range"] == "tv"
        keys = keys[:2]
    for key in keys:
        assert after.get(key) == before[key], key
    shown = np.abs(next(probe(out).frames()).rgb.astype(int) - next(probe(path).frames()).rgb)
    assert shown.mean() < 2.5


@pytest.mark.parametrize("tags", COLOURS)
def test_gif_has_the_colours_of_the_frames(tmp_path: Path, made: Callable[..., Path], tags: tuple[str, ...]) -> None:
    matrix, primaries, transfer, span = tags
    asked = ("-colorspace", matrix, "-color_primaries", primaries, "-color_trc", transfer, "-color_range", span)
    clip = probe(made(f"{matrix}-{span}.mp4", *SMOOTH, *X264, *asked))
    copied(clip, tmp_path / "out.gif")
    shown = next(probe(tmp_path / "out.gif").frames()).rgb.astype(int)
    assert np.abs((shown - next(clip.frames()).rgb).mean(axis=(0, 1))).max() < 3


def test_untagged_stays_untagged(tmp_path: Path, made: Callable[..., Path]) -> None:
    clip = probe(made("plain.mp4", *source(), *X264))
    copied(clip, tmp_path / "out.mp4")
    assert probe(tmp_path / "out.mp4").colour == clip.colour


@pytest.mark.parametrize("ending", ["mp4", "mov"])
def test_pixel_aspect_stays(tmp_path: Path, made: Callable[..., Path], ending: str) -> None:
    clip = probe(made("wide.mp4", *source("72x58"), *X264, "-vf", "setsar=64/45"))
    assert clip.pixel_aspect == Fraction(64, 45)
    copied(clip, tmp_path / f"out.{ending}")
    assert probe(tmp_path / f"out.{ending}").pixel_aspect == Fraction(64, 45)


@pytest.mark.parametrize("ending", ["webm", "gif"])
@pytest.mark.parametrize(("aspect", "size"), [("64/45", (102, 58)), ("1/2", (72, 116))])
def test_square_pixels_where_no_other_can_be_kept(
    tmp_path: Path, made: Callable[..., Path], ending: str, aspect: str, size: tuple[int, int]
) -> None:
    clip = probe(made(f"sar{aspect[0]}.mp4", *source("72x58"), *X264, "-vf", f"setsar={aspect}"))
    written = copied(clip, tmp_path / f"out.{ending}")
    again = probe(tmp_path / f"out.{ending}")
    assert ((again.width_px, again.height_px), again.pixel_aspect) == (size, 1)
    assert any("square pixels" in note for note in written.notes)


@pytest.mark.parametrize(
    ("ending", "size"), [("mp4", (36, 28)), ("webm", (35, 27)), ("mov", (35, 27)), ("gif", (35, 27))]
)
@pytest.mark.parametrize("has_planes", [True, False])
def test_odd_sizes(
    tmp_path: Path, made: Callable[..., Path], ending: str, size: tuple[int, int], has_planes: bool
) -> None:
    clip = probe(
        made("odd.mkv", "-f", "lavfi", "-i", "gradients=s=35x27:d=0.4:seed=1", "-c:v", "ffv1", "-pix_fmt", "yuv420p")
    )
    assert (clip.width_px, clip.height_px) == (35, 27)
    out = tmp_path / f"out.{ending}"
    written = write_video(out, ((frame.yuv if has_planes else frame.rgb) for frame in clip.frames()), clip=clip)
    again = probe(out)
    assert (again.width_px, again.height_px) == size
    assert any("even size" in note for note in written.notes) == (ending == "mp4")
    first, original = next(again.frames()).rgb, next(clip.frames()).rgb
    assert np.abs(first[:27, :35].astype(int) - original).mean() < 16
    if ending == "mp4":
        assert np.abs(first[:, 35].astype(int) - first[:, 34]).mean() < 24


def test_pngs_and_zip_hold_the_frames(tmp_path: Path, made: Callable[..., Path]) -> None:
    clip = probe(made("sound.mp4", *source(), *NOISE, *X264, "-c:a", "aac"))
    written = write_video(tmp_path / "pngs", (frame.rgb for frame in clip.frames()), clip=clip)
    assert written.notes == ("PNGs have no sound; it was left out.",)
    names = sorted(path.name for path in (tmp_path / "pngs").iterdir())
    assert names == [f"{index:05d}.png" for index in range(clip.frame_count)]
    write_video(tmp_path / "out.zip", (frame.rgb for frame in clip.frames()), clip=clip)
    with zipfile.ZipFile(tmp_path / "out.zip") as archive:
        assert sorted(archive.namelist()) == names
        for name, frame in zip(names, clip.frames(), strict=True):
            (tmp_path / "one.png").write_bytes(archive.read(name))
            for path in (tmp_path / "pngs" / name, tmp_path / "one.png"):
                np.testing.assert_array_equal(np.asarray(Image.open(path)), frame.rgb)


def test_planes_in_pngs_have_the_clips_colours(tmp_path: Path, made: Callable[..., Path]) -> None:
    clip = probe(made("plain.mp4", *source(), *X264))
    write_video(tmp_path / "pngs", (frame.yuv for frame in clip.frames()), clip=clip)
    for index, frame in enumerate(clip.frames()):
        saved = np.asarray(Image.open(tmp_path / "pngs" / f"{index:05d}.png")).astype(int)
        assert np.abs(saved - frame.rgb).mean() < 2


# Alpha


def discs(clip: Clip) -> Iterator[np.ndarray]:
    """RGBA: a soft disc that wanders over a smooth picture."""
    y, x = np.mgrid[: clip.height_px, : clip.width_px]
    for index in range(clip.frame_count):
        distance = np.hypot(x - 30 - index, y - 30)
        alpha = np.clip((22 - distance) / 6, 0, 1) * 255
        yield np.stack([x * 2, y * 3, x + y, alpha], axis=-1).clip(0, 255).astype(np.uint8)


@pytest.mark.parametrize(
    ("name", "worst", "mean"), [("out.mov", 2, 0.5), ("out.webm", 60, 3), ("out.gif", 255, 16), ("pngs", 0, 0)]
)
def test_alpha_comes_back(tmp_path: Path, made: Callable[..., Path], name: str, worst: int, mean: float) -> None:
    clip = probe(made("plain.mp4", *source(), *X264))
    out = tmp_path / name
    write_video(out, discs(clip), clip=clip, alpha=True)
    if name == "pngs":
        alphas = [np.asarray(Image.open(path))[..., 3] for path in sorted(out.iterdir())]
    else:
        again = probe(out)
        assert again.has_alpha
        assert again.frame_count == clip.frame_count
        alphas = [frame.alpha for frame in again.frames()]
        if name == "out.webm":
            assert again.codec == "libvpx-vp9"
    for alpha, original in zip(alphas, discs(clip), strict=True):
        error = np.abs(alpha.astype(int) - original[..., 3])
        assert error.max() <= worst
        assert error.mean() <= mean
        if name == "out.gif":
            np.testing.assert_array_equal(alpha > 127, original[..., 3] > 127)


def test_no_alpha_in_mp4(tmp_path: Path, made: Callable[..., Path]) -> None:
    clip = probe(made("plain.mp4", *source(), *X264))
    with pytest.raises(UnknownFormat, match=r"no transparency.*\.webm"):
        write_video(tmp_path / "out.mp4", discs(clip), clip=clip, alpha=True)
    assert list(tmp_path.iterdir()) == []


# What goes wrong


OUTPUTS = ["out.mp4", "out.webm", "out.mov", "out.gif", "out.zip", "pngs"]


def some(clip: Clip, count: int) -> Iterator[Yuv]:
    frame = next(clip.frames()).yuv
    for _ in range(count):
        yield frame


@pytest.mark.parametrize("name", OUTPUTS)
@pytest.mark.parametrize("missing", [-25, -1, 1])
def test_another_number_of_pictures_is_refused(
    tmp_path: Path, made: Callable[..., Path], name: str, missing: int
) -> None:
    clip = probe(made("sound.mp4", *source(), *NOISE, *X264, "-c:a", "aac"))
    with pytest.raises(TimesMismatch):
        write_video(tmp_path / name, some(clip, clip.frame_count + missing), clip=clip)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "error", [Stopped("stopped"), OSError(2, "a file of the producer's"), KeyboardInterrupt(), ValueError("x")]
)
@pytest.mark.parametrize("name", OUTPUTS)
def test_what_the_producer_raises_comes_through(
    tmp_path: Path, made: Callable[..., Path], name: str, error: BaseException
) -> None:
    clip = probe(made("sound.mp4", *source(), *NOISE, *X264, "-c:a", "aac"))

    def pictures() -> Iterator[Yuv]:
        yield from some(clip, 20)
        raise error

    with pytest.raises(type(error)) as raised:
        write_video(tmp_path / name, pictures(), clip=clip)
    assert raised.value is error
    assert list(tmp_path.iterdir()) == []
    assert "avfusion-behind" not in [thread.name for thread in threading.enumerate()]


def test_a_picture_of_another_size_is_refused(tmp_path: Path, made: Callable[..., Path]) -> None:
    clip = probe(made("plain.mp4", *source(), *X264))
    wrong = (np.zeros((64, 98), np.uint8), np.zeros((32, 49), np.uint8), np.zeros((32, 49), np.uint8))
    with pytest.raises(TimesMismatch, match="98 x 64"):
        write_video(tmp_path / "out.mp4", (wrong for _ in range(clip.frame_count)), clip=clip)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", OUTPUTS)
def test_no_folder(tmp_path: Path, made: Callable[..., Path], name: str) -> None:
    clip = probe(made("plain.mp4", *source(), *X264))
    with pytest.raises(CannotWrite, match="does not exist"):
        copied(clip, tmp_path / "nowhere" / name)


def test_a_folder_in_place_of_the_file(tmp_path: Path, made: Callable[..., Path]) -> None:
    clip = probe(made("plain.mp4", *source(), *X264))
    (tmp_path / "out.mp4").mkdir()
    with pytest.raises(CannotWrite, match="folder"):
        copied(clip, tmp_path / "out.mp4")
    (tmp_path / "pngs").mkdir()
    (tmp_path / "pngs" / "mine.txt").write_text("mine")
    with pytest.raises(CannotWrite, match="already"):
        copied(clip, tmp_path / "pngs")
    assert (tmp_path / "pngs" / "mine.txt").read_text() == "mine"


def test_unknown_ending(tmp_path: Path, made: Callable[..., Path]) -> None:
    with pytest.raises(UnknownFormat, match=r"\.mp4"):
        copied(probe(made("plain.mp4", *source(), *X264)), tmp_path / "out.xyz")


def test_what_was_there_stays_until_the_new_is_whole(tmp_path: Path, made: Callable[..., Path]) -> None:
    clip = probe(made("plain.mp4", *source(), *X264))
    out = tmp_path / "out.mp4"
    out.write_text("old")

    def pictures() -> Iterator[Yuv]:
        for count, frame in enumerate(clip.frames()):
            assert out.read_text() == "old"
            if count == 10:
                raise Stopped("stopped")
            yield frame.yuv

    with pytest.raises(Stopped):
        write_video(out, pictures(), clip=clip)
    assert out.read_text() == "old"
    copied(clip, out)
    assert probe(out).frame_count == clip.frame_count


@pytest.mark.parametrize(
    "name", ["a:b.mp4", "-y.mp4", "100%d.webm", "sp ace.mov", "ümläut-视频.mp4", "x" * 250 + ".mp4", "http:..gif"]
)
def test_names_are_only_names(
    tmp_path: Path, made: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    clip = probe(made("plain.mp4", *source(), *X264))
    copied(clip, Path(name))
    assert os.listdir() == [name]
    assert probe(Path(name)).frame_count == clip.frame_count


FULL_DISK = """
import resource, sys, threading
from pathlib import Path
from avfusion.errors import CannotWrite
from avfusion.media.probe import DAMAGED, probe
from avfusion.media.write import write_video, Encoding
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]), int(sys.argv[3])))
clip = probe(sys.argv[1])
try:
    write_video(Path(sys.argv[2]), (f.yuv for f in clip.frames()), clip=clip, encoding=Encoding(quality=1))
except CannotWrite as error:
    assert "disk is full" in str(error), error
    print("refused", threading.active_count())
"""


@pytest.mark.parametrize("limit", [0, 3000])
@pytest.mark.parametrize("name", OUTPUTS)
def test_a_full_disk_leaves_nothing(tmp_path: Path, made: Callable[..., Path], name: str, limit: int) -> None:
    path = made("sound.mp4", *source(), *NOISE, *X264, "-c:a", "aac")
    command = [sys.executable, "-c", FULL_DISK, str(path), str(tmp_path / name), str(limit)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.stdout.split() == ["refused", "1"], done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_full_device(tmp_path: Path, made: Callable[..., Path]) -> None:
    clip = probe(made("plain.mp4", *source(), *X264))
    (tmp_path / "out.mp4").symlink_to("/dev/full")
    copied(clip, tmp_path / "out.mp4")
    assert not (tmp_path / "out.mp4").is_symlink()
    assert Path("/dev/full").is_char_device()


def test_metadata_of_the_result_is_readable(tmp_path: Path, made: Callable[..., Path]) -> None:
    clip = probe(made("sound.mp4", *source(), *NOISE, *X264, "-c:a", "aac"))
    copied(clip, tmp_path / "out.mp4")
    kinds = [stream["codec_type"] for stream in ffprobe(tmp_path / "out.mp4", "-show_streams")["streams"]]
    assert sorted(kinds) == ["audio", "video"]
