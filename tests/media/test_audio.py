"""Sound stays: packets as they are where the format takes them, else the same samples at the same times."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from avfusion.clip import Clip
from avfusion.errors import CannotRead
from avfusion.media.audio import read_sound
from avfusion.media.probe import probe
from tests.media.making import (
    NOISE,
    NOISE_48K,
    copied,
    ffmpeg,
    lag_samples,
    packets,
    sound_by_ffmpeg,
    source,
    stream_of,
)

H264 = ("-c:v", "libx264", "-pix_fmt", "yuv420p", "-preset", "ultrafast")
VP9 = ("-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8")

SOURCES = {
    "aac.mp4": (*source(), *NOISE, *H264, "-c:a", "aac"),
    "stereo.mp4": (*source(), *NOISE, *H264, "-c:a", "aac", "-ac", "2"),
    "mp3.avi": (*source(), *NOISE, "-c:v", "mpeg4", "-c:a", "libmp3lame"),
    "pcm.mov": (*source(), *NOISE, *H264, "-c:a", "pcm_s16le"),
    "pcm24.mov": (*source(), *NOISE, *H264, "-c:a", "pcm_s24le"),
    "pcm.mkv": (*source(), *NOISE, *H264, "-c:a", "pcm_s16le"),
    "pcm96.mkv": (*source(), *NOISE, *H264, "-c:a", "pcm_s16le", "-ar", "192000"),
    "aac.mkv": (*source(), *NOISE, *H264, "-c:a", "aac"),
    "aac.ts": (*source(), *NOISE, *H264, "-c:a", "aac", "-muxdelay", "0", "-muxpreload", "0"),
    "mp2.ts": (*source(), *NOISE, *H264, "-c:a", "mp2"),
    "opus.webm": (*source(), *NOISE_48K, *VP9, "-c:a", "libopus"),
    "opus.mkv": (*source(), *NOISE_48K, *H264, "-c:a", "libopus"),
    "vorbis.webm": (*source(), *NOISE, *VP9, "-c:a", "libvorbis"),
    "flac.mkv": (*source(), *NOISE, *H264, "-c:a", "flac"),
    "ac3.mkv": (*source(), *NOISE_48K, *H264, "-c:a", "ac3"),
    "alac.mov": (*source(), *NOISE, *H264, "-c:a", "alac"),
    "short.mp4": (*source(), "-f", "lavfi", "-i", "anoisesrc=d=0.3:a=0.3:r=48000", *H264, "-c:a", "aac"),
    "long.mp4": (*source(), "-f", "lavfi", "-i", "anoisesrc=d=2.7:a=0.3:r=48000", *H264, "-c:a", "aac"),
    "surround.mp4": (
        *source(), *NOISE_48K, *H264, "-c:a", "aac", "-b:a", "384k",
        "-af", "pan=5.1|c0=c0|c1=0.8*c0|c2=0.6*c0|c3=0.1*c0|c4=0.4*c0|c5=0.2*c0",
    ),
    "late.mov": (*source(), "-itsoffset", "0.3", *NOISE, *H264, "-c:a", "pcm_s16le"),
    "late.mkv": (*source(), "-itsoffset", "0.3", *NOISE_48K, *H264, "-c:a", "aac"),
}  # fmt: skip

COPIED = {
    "mp4": {"aac.mp4", "stereo.mp4", "mp3.avi", "aac.mkv", "aac.ts", "flac.mkv", "ac3.mkv", "alac.mov", "short.mp4",
            "long.mp4", "surround.mp4", "late.mkv"},
    "mov": {"aac.mp4", "stereo.mp4", "mp3.avi", "pcm.mov", "pcm24.mov", "pcm.mkv", "pcm96.mkv", "aac.mkv", "aac.ts",
            "ac3.mkv", "alac.mov", "short.mp4", "long.mp4", "surround.mp4", "late.mov", "late.mkv"},
    "webm": {"opus.webm", "opus.mkv", "vorbis.webm"},
}  # fmt: skip


def hashes(path: Path, stream: str = "a:0") -> list[str]:
    return [packet["data_hash"] for packet in packets(path, stream)]


def on_the_clock(clip: Clip) -> tuple[np.ndarray, int, int]:
    """The first channel's samples, their rate, and the number of the first on the file's clock."""
    sound, track = read_sound(clip), clip.sounds[0]
    assert sound.samples.dtype == np.float32
    assert sound.samples.shape[0] == track.channels
    return sound.samples[0], sound.rate_hz, round(track.start_s * sound.rate_hz)


@pytest.mark.parametrize("ending", ["mp4", "mov", "webm"])
@pytest.mark.parametrize("name", SOURCES)
def test_sound_stays(tmp_path: Path, made: Callable[..., Path], name: str, ending: str) -> None:
    path = made(name, *SOURCES[name])
    clip = probe(path)
    out = tmp_path / f"out.{ending}"
    written = copied(clip, out)
    is_copied = name in COPIED[ending]
    assert any("encoded anew" in note for note in written.notes) != is_copied
    if is_copied and name != "aac.ts":  # there each packet carries a header of its own
        if "pcm" in clip.sounds[0].codec:  # whose packets are cut anew
            np.testing.assert_array_equal(sound_by_ffmpeg(out), sound_by_ffmpeg(path))
        else:
            assert hashes(out) == hashes(path)

    again = probe(out)
    samples, rate_hz, first = on_the_clock(clip)
    result, result_rate_hz, result_first = on_the_clock(again)
    assert again.sounds[0].channels == clip.sounds[0].channels
    scale = Fraction(result_rate_hz, rate_hz)
    # the last sample is at its time: to the sample, or to the millisecond that the container rounds to
    rounding = 1 if again.container == "mov" and clip.container == "mov" else result_rate_hz // 900
    assert abs(result_first + len(result) - (first + len(samples)) * scale) <= rounding
    if is_copied:
        assert len(result) == len(samples)
    elif not name.startswith("late") and name != "mp2.ts":
        assert abs(len(result) - len(samples) * scale) <= (0 if scale == 1 and name != "vorbis.webm" else 160)

    if scale == 1:
        shift = result_first - first
        start = max(0, -shift), max(0, shift)
        assert abs(lag_samples(result[start[0] :], samples[start[1] :])) <= (0 if rounding == 1 else rounding)


@pytest.mark.parametrize(
    "name", ["pcm.mov", "flac.mkv", "stereo.mp4", "surround.mp4", "opus.webm", "alac.mov", "mp3.avi"]
)
def test_samples_are_those_of_ffmpeg(made: Callable[..., Path], name: str) -> None:
    path = made(name, *SOURCES[name])
    samples = read_sound(probe(path)).samples.T
    wanted = sound_by_ffmpeg(path)
    assert len(samples) <= len(wanted) < len(samples) + 2048  # ffmpeg leaves an encoder's padding at the end
    np.testing.assert_allclose(samples, wanted[: len(samples)], atol=2e-4)


@pytest.mark.parametrize(
    ("name", "count"), [("aac.mp4", 46305), ("pcm.mkv", 46305), ("opus.webm", 50400), ("aac.mkv", None)]
)
def test_length_is_that_of_what_was_recorded(made: Callable[..., Path], name: str, count: int | None) -> None:
    clip = probe(made(name, *SOURCES[name]))
    if count is not None:
        assert read_sound(clip).samples.shape[1] == count
    assert abs(clip.sounds[0].duration_s - Fraction(105, 100)) < Fraction(5, 100)


def test_pcm_is_the_same_number_for_number(tmp_path: Path, made: Callable[..., Path]) -> None:
    path = made("flac.mkv", *SOURCES["flac.mkv"])
    copied(probe(path), tmp_path / "out.mov")
    np.testing.assert_array_equal(sound_by_ffmpeg(tmp_path / "out.mov"), sound_by_ffmpeg(path))


def test_every_track_is_kept_with_its_language(tmp_path: Path, made: Callable[..., Path]) -> None:
    tracks = (
        "-map",
        "0",
        "-map",
        "1",
        "-map",
        "2",
        "-metadata:s:a:0",
        "language=fra",
        "-metadata:s:a:1",
        "language=ita",
    )
    path = made(
        "two.mp4", *source(), *NOISE, "-f", "lavfi", "-i", "sine=440:r=48000:d=0.8", *tracks, *H264, "-c:a", "aac"
    )
    clip = probe(path)
    assert [(track.codec, track.rate_hz, track.language) for track in clip.sounds] == [
        ("aac", 44100, "fra"),
        ("aac", 48000, "ita"),
    ]
    for ending in ("mp4", "webm", "mov"):
        out = tmp_path / f"out.{ending}"
        copied(clip, out)
        again = probe(out)
        assert [track.language for track in again.sounds] == ["fra", "ita"]
        for track, wanted in zip(again.sounds, clip.sounds, strict=True):
            found, original = read_sound(again, track), read_sound(clip, wanted)
            assert abs(found.duration_s - original.duration_s) < Fraction(1, 1000)
        if ending != "webm":
            assert [hashes(out, f"a:{k}") for k in (0, 1)] == [hashes(path, f"a:{k}") for k in (0, 1)]


def test_no_sound(tmp_path: Path, made: Callable[..., Path]) -> None:
    clip = probe(made("silent.mp4", *source(), *H264))
    assert clip.sounds == ()
    assert copied(clip, tmp_path / "out.mp4").notes == ()
    with pytest.raises(CannotRead, match="no sound"):
        read_sound(clip)
    with_sound = probe(made("aac.mp4", *SOURCES["aac.mp4"]))
    copied(with_sound, tmp_path / "muted.mp4", sound=False)
    assert probe(tmp_path / "muted.mp4").sounds == ()
    assert any("no sound" in note for note in copied(with_sound, tmp_path / "out.gif").notes)


@pytest.mark.parametrize("ending", ["mp4", "mov", "webm"])
def test_damaged_packets_leave_the_rest_in_place(tmp_path: Path, made: Callable[..., Path], ending: str) -> None:
    path = made(
        "ticks.mkv", *source(), "-f", "lavfi", "-i", "sine=1000:r=48000:d=2:beep_factor=4", *H264, "-c:a", "ac3"
    )
    data = bytearray(path.read_bytes())
    sound = packets(path, "a:0")
    for packet in sound[20:26]:
        at, size = int(packet["pos"]), int(packet["size"])
        data[at + 12 : at + size] = bytes(size - 12)
    broken = tmp_path / "broken.mkv"
    broken.write_bytes(data)
    whole, clip = read_sound(probe(path)), probe(broken)
    torn = read_sound(clip)
    assert torn.samples.shape == whole.samples.shape
    np.testing.assert_allclose(torn.samples[:, -24_000:], whole.samples[:, -24_000:], atol=2e-3)
    copied(clip, tmp_path / f"out.{ending}")
    again = read_sound(probe(tmp_path / f"out.{ending}"))
    assert abs(again.duration_s - whole.duration_s) < Fraction(2, 1000)


def test_a_hole_is_silence(tmp_path: Path) -> None:
    ffmpeg(*source(), "-f", "lavfi", "-i", "sine=500:r=48000:d=1.5", *H264, "-c:a", "pcm_s16le",
           "-bsf:a", "noise=drop=between(pts\\,500\\,800)", tmp_path / "hole.mkv")  # fmt: skip
    samples = read_sound(probe(tmp_path / "hole.mkv")).samples[0]
    assert abs(len(samples) - 72_000) <= 48
    quiet = np.abs(samples)[:71_520].reshape(-1, 480).max(axis=1) < 1e-4
    assert 27 <= quiet.sum() <= 34
    assert 48 <= np.flatnonzero(quiet)[0] <= 52


@pytest.mark.parametrize("ending", ["mp4", "webm"])
def test_ts_sound_is_readable_by_others(tmp_path: Path, made: Callable[..., Path], ending: str) -> None:
    copied(probe(made("aac.ts", *SOURCES["aac.ts"])), tmp_path / f"out.{ending}")
    assert stream_of(tmp_path / f"out.{ending}", "a:0")["codec_name"] == ("aac" if ending == "mp4" else "opus")
    assert len(sound_by_ffmpeg(tmp_path / f"out.{ending}")) > 44100
