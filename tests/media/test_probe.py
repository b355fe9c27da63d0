"""What is no clip is refused in one line, what is damaged is used as far as it goes, and nothing else is ever read."""

import random
import shutil
import subprocess
import sys
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from avfusion.errors import CannotRead, InputError, NoVideoStream, TooLarge
from avfusion.media.audio import read_sound
from avfusion.media.limits import Limits
from avfusion.media.probe import DAMAGED, probe
from tests.media.making import NOISE, coded, copied, ffprobe, packets, source

X264 = ("-c:v", "libx264", "-pix_fmt", "yuv420p", "-preset", "ultrafast", "-g", "10")


@pytest.fixture(scope="module")
def plain(made: Callable[..., Path]) -> Path:
    return made("probe.mp4", *source(seconds=2), *NOISE, *X264, "-c:a", "aac", "-movflags", "+faststart")


# What is no clip

NO_CLIPS = {
    "empty.mp4": b"",
    "text.mp4": b"This is not a film.\n" * 40,
    "noise.mp4": bytes(random.Random(3).randbytes(5000)),
    "zeros.mov": bytes(5000),
    "head.mp4": b"\0\0\0\x20ftypisom\0\0\2\0isomiso2avc1mp41",
    "empty.mkv": b"\x1a\x45\xdf\xa3",
    "one.byte": b"x",
    "page.html": b"<!DOCTYPE html><html><body>a</body></html>",
    "stub.png": b"\x89PNG\r\n\x1a\n",
    "stub.jpg": b"\xff\xd8\xff\xe0",
    "stub.gif": b"GIF89a",
    "stub.webp": b"RIFF\x10\0\0\0WEBPVP8 ",
    "stub.bmp": b"BM",
}


@pytest.mark.parametrize("name", NO_CLIPS)
def test_what_is_no_clip(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(NO_CLIPS[name])
    with pytest.raises(InputError) as raised:
        probe(tmp_path / name)
    assert "\n" not in str(raised.value)
    assert str(tmp_path / name) in str(raised.value)


def test_no_file_and_a_folder(tmp_path: Path) -> None:
    with pytest.raises(CannotRead, match="no such file"):
        probe(tmp_path / "missing.mp4")
    with pytest.raises(CannotRead, match="not a file"):
        probe(tmp_path)
    with pytest.raises(CannotRead):
        probe(tmp_path / ("x" * 400))
    with pytest.raises(CannotRead):
        probe("a\0b.mp4")
    with pytest.raises(CannotRead, match="not a file"):
        probe("/dev/zero")


@pytest.mark.parametrize("name", ["sound.mp3", "sound.wav", "sound.m4a", "sound.flac"])
def test_sound_alone_is_no_clip(made: Callable[..., Path], name: str) -> None:
    with pytest.raises(NoVideoStream):
        probe(made(name, *NOISE))


def test_a_cover_is_no_clip(made: Callable[..., Path]) -> None:
    cover = made("cover.jpg", *source(seconds=0.04), "-frames:v", "1")
    sound = made("sound.mp3", *NOISE)
    with pytest.raises(NoVideoStream):
        probe(made("covered.mp3", "-i", sound, "-i", cover, "-map", "0", "-map", "1", "-c", "copy",
                   "-disposition:v", "attached_pic"))  # fmt: skip


# Other files are not read


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("list.m3u8", "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n{clip}\n#EXT-X-ENDLIST\n"),
        ("list.mp4", "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n{clip}\n#EXT-X-ENDLIST\n"),
        ("remote.m3u8", "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\nhttp://127.0.0.1:9/a.ts\n#EXT-X-ENDLIST\n"),
        ("list.ffconcat", "ffconcat version 1.0\nfile '{clip}'\n"),
        ("concat.txt", "ffconcat version 1.0\nfile '{clip}'\n"),
        ("stream.sdp", "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\n"
                       "a=rtpmap:96 H264/90000\n"),
        ("dash.mpd", "<?xml version='1.0'?><MPD xmlns='urn:mpeg:dash:schema:mpd:2011' type='static'><Period>"
                     "<AdaptationSet><Representation id='0'><BaseURL>{clip}</BaseURL></Representation>"
                     "</AdaptationSet></Period></MPD>"),
        ("vapour.vpy", "import os\n"),
        ("imf.xml", "<?xml version='1.0'?><CompositionPlaylist>{clip}</CompositionPlaylist>"),
    ],
)  # fmt: skip
def test_playlists_are_refused(tmp_path: Path, plain: Path, name: str, text: str) -> None:
    shutil.copy(plain, tmp_path / "clip.mp4")
    (tmp_path / name).write_text(text.format(clip="clip.mp4"))
    opened: list[str] = []
    watching = [True]

    def watch(event: str, arguments: tuple[object, ...]) -> None:
        if watching[0] and event in ("open", "socket.connect"):
            opened.append(str(arguments[0]))

    sys.addaudithook(watch)
    try:
        with pytest.raises(CannotRead):
            probe(tmp_path / name)
    finally:
        watching[0] = False
    assert not any("clip.mp4" in path for path in opened)


def test_a_playlist_opens_nothing_by_the_systems_account(tmp_path: Path, plain: Path) -> None:
    """FFmpeg opens files below Python: the clip is a pipe here, and whoever opened it would wait there for ever."""
    import os

    os.mkfifo(tmp_path / "clip.ts")
    (tmp_path / "list.m3u8").write_text("#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\nclip.ts\n#EXT-X-ENDLIST\n")
    (tmp_path / "list.ffconcat").write_text("ffconcat version 1.0\nfile 'clip.ts'\n")
    for name in ("list.m3u8", "list.ffconcat", "clip.ts"):
        code = f"from avfusion.media.probe import probe\nprobe({str(tmp_path / name)!r})"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
        assert "CannotRead" in done.stderr


@pytest.mark.parametrize(
    "name", ["a%d.mp4", "%03d.png.mp4", "-i.mp4", "a:b.mp4", "http:x.mp4", "ümläut 视频 .mp4", "concat:a.mp4"]
)
def test_names_are_only_names(tmp_path: Path, plain: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copy(plain, name)
    clip = probe(name)
    assert clip.frame_count == 50
    assert len(list(clip.frames(3, 5))) == 2


# What claims to be large


def test_sizes_are_asked_before_decoding(plain: Path) -> None:
    with pytest.raises(TooLarge, match="96 x 64"):
        probe(plain, limits=Limits(pixels=96 * 64 - 1))
    with pytest.raises(TooLarge, match="frames"):
        probe(plain, limits=Limits(frames=49))
    assert probe(plain, limits=Limits(pixels=96 * 64, frames=50)).frame_count == 50


CLAIMS = """
import resource, sys
resource.setrlimit(resource.RLIMIT_AS, (3 * 2**30, 3 * 2**30))
from avfusion.errors import AvfusionError
from avfusion.media.probe import probe
try:
    print("opened", probe(sys.argv[1]).width_px)
except AvfusionError as error:
    print(type(error).__name__, error)
"""


def claimed(path: Path) -> str:
    """What probing says, in a process that may not take much memory."""
    done = subprocess.run([sys.executable, "-c", CLAIMS, str(path)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr[-500:]
    return done.stdout


@pytest.mark.parametrize("side", [16_000, 30_000, 60_000])
@pytest.mark.parametrize("codec", ["rawvideo", "mpeg4", "ffv1"])
def test_a_header_that_claims_a_huge_picture(tmp_path: Path, made: Callable[..., Path], codec: str, side: int) -> None:
    path = made(f"{codec}.avi", *source(seconds=0.2), "-c:v", codec, "-pix_fmt", "yuv420p")
    data = bytearray(path.read_bytes())
    for at in (data.find(b"strf") + 12, data.find(b"avih") + 40):  # BITMAPINFOHEADER and the main header
        data[at : at + 8] = side.to_bytes(4, "little") * 2
    (tmp_path / "huge.avi").write_bytes(data)
    said = claimed(tmp_path / "huge.avi").split()
    if codec == "mpeg4":  # whose stream has a header of its own, and that is right
        assert said == ["opened", "96"]
    else:
        assert said[0] in ("TooLarge", "NoFrames", "CannotRead")


# What is damaged


def test_cut_short_with_its_index_in_front(tmp_path: Path, plain: Path) -> None:
    data = plain.read_bytes()
    (tmp_path / "cut.mp4").write_bytes(data[: len(data) * 6 // 10])
    clip = probe(tmp_path / "cut.mp4")
    assert DAMAGED in clip.notes
    assert 15 < clip.frame_count < 45
    frames = list(clip.frames())
    assert [frame.index for frame in frames] == list(range(clip.frame_count))
    for frame, original in zip(frames[:-1], probe(plain).frames(), strict=False):
        np.testing.assert_array_equal(frame.yuv[0], original.yuv[0])
    assert 0 < read_sound(clip).duration_s < Fraction(11, 10)
    copied(clip, tmp_path / "out.mp4")
    assert probe(tmp_path / "out.mp4").frame_count == clip.frame_count


def test_cut_short_with_its_index_at_the_end(tmp_path: Path, made: Callable[..., Path]) -> None:
    data = made("moov.mp4", *source(), *X264).read_bytes()
    (tmp_path / "cut.mp4").write_bytes(data[: len(data) * 6 // 10])
    with pytest.raises(CannotRead):
        probe(tmp_path / "cut.mp4")


@pytest.mark.parametrize("ending", ["mkv", "ts", "avi", "webm", "flv"])
def test_cut_short(tmp_path: Path, made: Callable[..., Path], ending: str) -> None:
    codec = ("-c:v", "libvpx-vp9", "-deadline", "realtime") if ending == "webm" else X264
    data = made(f"whole.{ending}", *source(seconds=2), *codec, "-bf", "0").read_bytes()
    (tmp_path / f"cut.{ending}").write_bytes(data[: len(data) * 6 // 10])
    clip = probe(tmp_path / f"cut.{ending}")
    assert 15 < clip.frame_count < 45
    assert [frame.index for frame in clip.frames()] == list(range(clip.frame_count))
    if ending in ("mkv", "webm"):
        assert DAMAGED in clip.notes


def test_a_frame_that_does_not_decode_shows_the_one_before(tmp_path: Path) -> None:
    coded(tmp_path / "in.mkv", list(range(0, 1200, 40)), time_base=Fraction(1, 1000), last=40, codec="mjpeg",
          options={"strict": "-1"})  # fmt: skip
    rows = packets(tmp_path / "in.mkv", "v:0")
    data = bytearray((tmp_path / "in.mkv").read_bytes())
    for row in rows[10:12]:
        at, size = int(row["pos"]), int(row["size"])
        data[at + 8 : at + size] = bytes(size - 8)
    (tmp_path / "torn.mkv").write_bytes(data)
    clip = probe(tmp_path / "torn.mkv")
    frames = list(clip.frames())
    assert [frame.index for frame in frames] == list(range(30))
    assert [frame.index for frame in frames if frame.held] == [10, 11]
    for held in frames[10:12]:
        np.testing.assert_array_equal(held.yuv[0], frames[9].yuv[0])
    assert [frame.held for frame in clip.frames(11, 14)] == [True, False, False]


def test_metadata_that_is_no_utf8(tmp_path: Path, made: Callable[..., Path]) -> None:
    path = made("titled.avi", *source(seconds=0.4), "-c:v", "mpeg4", "-metadata", "title=Cafe au lait")
    (tmp_path / "latin.avi").write_bytes(path.read_bytes().replace(b"Cafe au lait", b"Caf\xe9 au lait"))
    clip = probe(tmp_path / "latin.avi")
    assert len(list(clip.frames())) == clip.frame_count == 10
    copied(clip, tmp_path / "out.mp4")


# What is told


def test_what_a_clip_tells(made: Callable[..., Path], plain: Path) -> None:
    clip = probe(plain)
    assert (clip.width_px, clip.height_px, clip.fps, clip.codec, clip.container) == (96, 64, 25, "h264", "mov")
    assert (clip.duration_s, clip.bit_depth, clip.rotation_deg, clip.has_alpha) == (2, 8, 0, False)
    assert clip.seekable
    assert clip.notes == ()
    (track,) = clip.sounds
    assert (track.codec, track.rate_hz, track.channels, track.start_s) == ("aac", 44100, 1, 0)
    assert track.duration_s == Fraction(105, 100)


@pytest.mark.parametrize(
    ("rate", "fps"), [("30000/1001", Fraction(30000, 1001)), ("19.62", Fraction(981, 50)), ("24", 24), ("60", 60)]
)
@pytest.mark.parametrize("ending", ["mp4", "mkv"])
def test_rates_are_exact(made: Callable[..., Path], ending: str, rate: str, fps: Fraction) -> None:
    clip = probe(made(f"rate-{rate.replace('/', '-')}.{ending}", *source(rate=rate), *X264))
    assert clip.fps == fps
    assert clip.frame_count == round(fps)


def test_the_last_frame_lasts_as_long_as_others_where_nothing_says_it(tmp_path: Path) -> None:
    coded(tmp_path / "in.mkv", [0, 40, 80, 130, 170], time_base=Fraction(1, 1000), last=0)
    clip = probe(tmp_path / "in.mkv")
    assert clip.end_tick - clip.ticks[-1] >= 30


def test_interlaced_is_noted(made: Callable[..., Path]) -> None:
    clip = probe(made("fields.mp4", *source(), "-c:v", "libx264", "-pix_fmt", "yuv420p", "-flags", "+ildct+ilme"))
    assert any("interlaced" in note for note in clip.notes)


# Whatever comes in

FUZZ = """
import random, sys, time, warnings
from pathlib import Path
warnings.simplefilter("error")
from avfusion.errors import AvfusionError
from avfusion.media.audio import read_sound
from avfusion.media.limits import Limits
from avfusion.media.probe import probe
source, scratch, seed, seconds = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])
data, chance, counts = source.read_bytes(), random.Random(seed), {}
until, limits = time.monotonic() + seconds, Limits(pixels=4_000_000, frames=5000)
number = 0
while time.monotonic() < until:
    number += 1
    torn = bytearray(data)
    span = len(torn) if number % 2 else min(len(torn), 1500)
    for _ in range(chance.choice((1, 2, 5, 20, 100))):
        at = chance.randrange(span)
        torn[at] = chance.choice((0, 255, chance.randrange(256), torn[at] ^ (1 << chance.randrange(8))))
    if chance.random() < 0.2:
        torn = torn[: chance.randrange(len(torn))]
    if chance.random() < 0.1:
        at = chance.randrange(len(torn) or 1)
        torn[at:at] = chance.randbytes(chance.randrange(50))
    path = scratch / ("torn" + source.suffix)
    path.write_bytes(torn)
    (scratch / "last").write_text(str(number))
    try:
        clip = probe(path, limits=limits)
        times = []
        for frame in clip.frames():
            assert frame.rgb.shape == (clip.height_px, clip.width_px, 3), frame.rgb.shape
            if frame.index % 5 == 0:
                assert frame.yuv[0].shape == frame.rgb.shape[:2]
                frame.alpha
            times.append(frame.time)
        assert len(times) == clip.frame_count, (len(times), clip.frame_count)
        assert all(a < b for a, b in zip(times, times[1:])), times
        assert clip.end_tick > clip.ticks[-1]
        for track in clip.sounds:
            sound = read_sound(clip, track)
            assert sound.samples.ndim == 2 and sound.samples.dtype == "float32"
        outcome = "read"
    except AvfusionError as error:
        assert "\\n" not in str(error)
        outcome = type(error).__name__
    counts[outcome] = counts.get(outcome, 0) + 1
print(number, counts)
"""

TORN = {
    "fuzz.mp4": (*source("48x32", seconds=0.6), *NOISE, *X264, "-bf", "2", "-c:a", "aac"),
    "fuzz.webm": (
        *source("48x32", seconds=0.4),
        *NOISE,
        "-c:v",
        "libvpx-vp9",
        "-deadline",
        "realtime",
        "-c:a",
        "libopus",
    ),
    "fuzz.avi": (*source("48x32", seconds=0.4), *NOISE, "-c:v", "mpeg4", "-c:a", "libmp3lame"),
    "fuzz.ts": (*source("48x32", seconds=0.4), *X264),
    "fuzz.gif": source("32x24", rate="10", seconds=0.5),
    "fuzz.png": (*source("48x32", seconds=0.04), "-frames:v", "1"),
    "fuzz.jpg": (*source("48x32", seconds=0.04), "-frames:v", "1"),
    "fuzz.webp": (*source("48x32", rate="10", seconds=0.3), "-c:v", "libwebp_anim"),
}


@pytest.mark.parametrize("name", TORN)
def test_torn_files_are_read_or_refused(tmp_path: Path, made: Callable[..., Path], name: str) -> None:
    """In a process of its own: a crash of FFmpeg or a hang would be seen here."""
    path = made(name, *TORN[name])
    command = [sys.executable, "-c", FUZZ, str(path), str(tmp_path), "11", "2.5"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, (done.returncode, (tmp_path / "last").read_text(), done.stderr[-1500:])
    assert "'read'" in done.stdout


@pytest.mark.real_data
def test_recordings(shared_data: Path) -> None:
    for path in sorted((shared_data / "clips").iterdir()):
        clip = probe(path)
        assert len(list(clip.frames(0, 3))) == 3
        counted = ffprobe(path, "-select_streams", "v:0", "-count_frames", "-show_entries", "stream=nb_read_frames")
        assert clip.frame_count == int(counted["streams"][0]["nb_read_frames"])
        assert DAMAGED not in clip.notes
