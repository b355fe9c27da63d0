"""Sound in, sound out: what is written and read again has the same samples; a clip keeps its pictures bit for bit."""

import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from avfusion.errors import CannotRead, CannotWrite, TimesMismatch, TooLarge, UnknownFormat
from avfusion.media.mp3_length import say_length
from avfusion.media.recording import Recording, hear, probe_recording
from avfusion.media.revoice import write_revoiced
from avfusion.media.store import store
from avfusion.media.write_sound import write_sound
from tests.media.making import NOISE, NOISE_48K, ffmpeg, packets, sound_by_ffmpeg, source

H264 = ("-c:v", "libx264", "-pix_fmt", "yuv420p", "-preset", "ultrafast", "-bf", "2")
VP9 = ("-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8")
MARK = {"comment": "made by a test"}


def noise(channels: int, count: int) -> NDArray[np.float32]:
    return (0.2 * np.random.default_rng(count).standard_normal((channels, count))).astype(np.float32)


def written(path: Path, samples: NDArray[np.float32], rate_hz: int) -> Recording:
    halves = np.array_split(samples, 2, axis=1)
    write_sound(
        path, halves, rate_hz=rate_hz, channels=samples.shape[0], count=samples.shape[1], tags=MARK
    )  # fmt: skip
    return probe_recording(path)


def test_any_part_of_what_is_stored_is_read_back(tmp_path: Path) -> None:
    samples = noise(3, 1000)
    stored = store(tmp_path / "s", [samples[:, :10], samples[:, 10:10], samples[:, 10:]], channels=3, rate_hz=8000)
    assert stored.count == 1000
    assert np.array_equal(stored.read(), samples)
    assert np.array_equal(stored.read(90, 110), samples[:, 90:110])
    assert np.array_equal(np.concatenate(list(stored.blocks(64)), axis=1), samples)
    around = stored.read(-5, 1005)
    assert np.array_equal(around[:, 5:-5], samples)
    assert not around[:, :5].any()
    assert not around[:, -5:].any()


@pytest.mark.parametrize("rate_hz", [8000, 16000, 22050, 44100, 48000])
@pytest.mark.parametrize("ending", [".wav", ".flac", ".mp3"])
@pytest.mark.parametrize(("channels", "count"), [(1, 60), (2, 777), (1, 9001)])
def test_a_written_recording_has_the_same_length_and_sound(
    tmp_path: Path, ending: str, rate_hz: int, channels: int, count: int
) -> None:
    samples = noise(channels, count)
    recording = written(tmp_path / f"out{ending}", samples, rate_hz)
    heard = hear(recording, tmp_path / "heard")
    assert (heard.count, heard.rate_hz, heard.channels) == (count, rate_hz, channels)
    if ending != ".mp3":
        assert np.abs(heard.read() - np.clip(samples, -1, 1)).max() < 2**-22


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(4_000, 30_000), st.sampled_from([8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000]))
def test_an_mp3_of_any_length_says_how_long_it_is(tmp_path: Path, count: int, rate_hz: int) -> None:
    count += rate_hz // 4  # of a few frames alone FFmpeg cannot say for sure that they are an MP3
    heard = hear(written(tmp_path / "out.mp3", noise(1 + count % 2, count), rate_hz), tmp_path / "heard")
    assert (heard.count, heard.rate_hz) == (count, rate_hz)


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("rate_hz", [16000, 44100])
def test_the_sound_in_an_mp3_lies_where_it_did_and_others_read_the_same(
    tmp_path: Path, rate_hz: int, channels: int
) -> None:
    """LAME's delay is left out at the beginning, its padding at the end: over two packets, for this many samples."""
    frame = 1152 if rate_hz == 44100 else 576
    count = 20 * frame - 1105 + 7
    samples = np.zeros((channels, count), np.float32)
    samples[:, count // 2] = 0.9
    heard = hear(written(tmp_path / "out.mp3", samples, rate_hz), tmp_path / "heard")
    assert heard.count == count
    assert np.abs(heard.read()).argmax(axis=1).tolist() == [count // 2] * channels
    assert len(sound_by_ffmpeg(tmp_path / "out.mp3")) == count


def test_where_ffmpeg_says_the_length_itself_we_say_the_same(tmp_path: Path) -> None:
    """The checksum of the tag is FFmpeg's own too."""
    written(tmp_path / "said.wav", noise(2, 20_000), 44_100)
    ffmpeg("-i", tmp_path / "said.wav", "-c:a", "libmp3lame", tmp_path / "said.mp3")
    before = (tmp_path / "said.mp3").read_bytes()
    assert say_length(tmp_path / "said.mp3", 20_000)
    assert (tmp_path / "said.mp3").read_bytes() == before
    assert say_length(tmp_path / "said.mp3", 19_990)
    assert hear(probe_recording(tmp_path / "said.mp3"), tmp_path / "heard").count == 19_990


def test_a_file_without_the_tag_is_left_as_it_is(tmp_path: Path) -> None:
    for held in (b"", b"ID3\x04\x00\x00\x00\x00\x00\x05hello", b"\xff\xfb\x90\x00" + bytes(500)):
        (tmp_path / "plain.mp3").write_bytes(held)
        assert not say_length(tmp_path / "plain.mp3", 1000)
        assert (tmp_path / "plain.mp3").read_bytes() == held


@pytest.mark.parametrize("rate_hz", [8000, 22050, 44100])
def test_sound_of_any_length_is_put_into_a_clip_and_read_again_to_the_sample(tmp_path: Path, rate_hz: int) -> None:
    """MP4 says in an edit list how much of its packets is sound, MOV and Matroska hold packets of the right length;
    WebM has 48 kHz alone, and there what is read is less than a sample longer."""
    ffmpeg(*source("48x32", seconds=1), *VP9, tmp_path / "silent.mkv")
    ffmpeg("-i", tmp_path / "silent.mkv", *H264, tmp_path / "silent.mp4")
    for count in (rate_hz // 2 + 1, 3 * rate_hz // 4 + 317):
        written(tmp_path / "said.flac", noise(1, count), rate_hz)
        for container, ending in ((".mkv", ".mkv"), (".mkv", ".webm"), (".mp4", ".mp4"), (".mp4", ".mov")):
            clip, out = tmp_path / f"clip{container}", tmp_path / f"out{ending}"
            coding = ("-c:v", "copy", "-c:a", "aac" if container == ".mp4" else "copy")
            ffmpeg("-i", tmp_path / f"silent{container}", "-i", tmp_path / "said.flac", *coding, clip)
            recording = probe_recording(clip)
            heard = hear(recording, tmp_path / "heard")
            assert heard.count == count, container
            write_revoiced(
                out, clip, recording.sounds[0], heard.blocks(), first=heard.first, count=count, tags={}
            )  # fmt: skip
            again = hear(probe_recording(out), tmp_path / "again")
            assert again.count == math.ceil(count * again.rate_hz / rate_hz), ending
            assert again.rate_hz == (48000 if ending == ".webm" else rate_hz)


def test_the_mark_is_in_the_file(tmp_path: Path) -> None:
    import av

    for ending in (".wav", ".flac", ".mp3"):
        written(tmp_path / f"out{ending}", noise(1, 5000), 16000)
        with av.open(str(tmp_path / f"out{ending}")) as container:
            assert container.metadata.get("comment") == MARK["comment"], ending


def test_too_few_samples_leave_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(TimesMismatch, match="10 samples for the 11"):
        write_sound(tmp_path / "out.wav", [noise(1, 10)], rate_hz=8000, channels=1, count=11, tags={})
    with pytest.raises(UnknownFormat, match=r"Use \.wav, \.flac, \.mp3"):
        write_sound(tmp_path / "out.xyz", [], rate_hz=8000, channels=1, count=0, tags={})
    with pytest.raises(CannotWrite, match="does not exist"):
        write_sound(tmp_path / "no" / "out.wav", [noise(1, 10)], rate_hz=8000, channels=1, count=10, tags={})
    with pytest.raises(CannotWrite, match="too few for this format"):  # MP3 has half that rate at most
        write_sound(tmp_path / "out.mp3", [noise(1, 1)], rate_hz=96_000, channels=1, count=1, tags={})
    assert list(tmp_path.iterdir()) == []


def breaking() -> Iterator[NDArray[np.float32]]:
    yield noise(1, 100)
    raise RuntimeError("on the way")


def test_what_breaks_on_the_way_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="on the way"):
        write_sound(tmp_path / "out.wav", breaking(), rate_hz=8000, channels=1, count=100, tags={})
    assert list(tmp_path.iterdir()) == []


def test_a_recording_without_sound_is_refused(tmp_path: Path) -> None:
    ffmpeg(*source(), *H264, tmp_path / "silent.mp4")
    with pytest.raises(CannotRead, match="no sound in this file"):
        probe_recording(tmp_path / "silent.mp4")
    (tmp_path / "text.wav").write_text("hello")
    with pytest.raises(CannotRead, match="not a video or sound file"):
        probe_recording(tmp_path / "text.wav")


def test_a_header_that_claims_days_is_refused(tmp_path: Path) -> None:
    write_sound(tmp_path / "long.wav", [noise(1, 8000)], rate_hz=8000, channels=1, count=8000, tags={})
    data = bytearray((tmp_path / "long.wav").read_bytes())
    at = data.index(b"fmt ") + 12
    data[at : at + 4] = (1_000_000).to_bytes(4, "little")
    (tmp_path / "long.wav").write_bytes(data)
    with pytest.raises(TooLarge, match="1000000 Hz"):
        probe_recording(tmp_path / "long.wav")


SOURCES = {
    "aac.mp4": (*source(), *NOISE, *H264, "-c:a", "aac"),
    "late.mov": (*source(), "-itsoffset", "0.3", *NOISE, *H264, "-c:a", "pcm_s16le"),
    "flac.mkv": (*source(), *NOISE_48K, *H264, "-c:a", "flac", "-ac", "2"),
    "opus.webm": (*source(), *NOISE_48K, *VP9, "-c:a", "libopus"),
}  # fmt: skip
INTO = [(name, name[name.index(".") :]) for name in SOURCES] + [("flac.mkv", ".mp4"), ("aac.mp4", ".mkv")]


@pytest.mark.parametrize(("name", "ending"), INTO)
def test_a_clip_keeps_its_pictures_and_the_length_of_its_sound(tmp_path: Path, name: str, ending: str) -> None:
    clip, out = tmp_path / name, tmp_path / f"out{ending}"
    ffmpeg(*SOURCES[name], clip)
    recording = probe_recording(clip)
    heard = hear(recording, tmp_path / "heard")
    track = recording.sounds[0]
    assert recording.has_picture
    write_revoiced(out, clip, track, (-block for block in heard.blocks(999)), first=heard.first, count=heard.count,
                   tags=MARK)  # fmt: skip
    before, after = packets(clip, "v:0"), packets(out, "v:0")
    assert [row["data_hash"] for row in before] == [row["data_hash"] for row in after]
    assert np.allclose([float(row["pts_time"]) for row in before], [float(row["pts_time"]) for row in after], atol=6e-4)
    again = hear(probe_recording(out), tmp_path / "again")
    assert again.first + again.count == heard.first + heard.count
    both = again.read(heard.first - again.first), heard.read()
    assert np.corrcoef(both[0].ravel(), -both[1].ravel())[0, 1] > 0.9


def test_the_other_sound_tracks_stay(tmp_path: Path) -> None:
    clip, out = tmp_path / "two.mp4", tmp_path / "out.mp4"
    ffmpeg(*source(), *NOISE, *NOISE_48K, "-map", "0:v", "-map", "1:a", "-map", "2:a", *H264, "-c:a", "aac", clip)
    recording = probe_recording(clip)
    heard = hear(recording, tmp_path / "heard", track=recording.sounds[1])
    write_revoiced(
        out, clip, recording.sounds[1], heard.blocks(), first=heard.first, count=heard.count, tags={}
    )  # fmt: skip
    rows = packets(clip, "a:0"), packets(out, "a:0")
    assert [row["data_hash"] for row in rows[0]] == [row["data_hash"] for row in rows[1]]
    assert len(probe_recording(out).sounds) == 2


def test_an_independent_reader_hears_the_same(tmp_path: Path) -> None:
    samples = noise(1, 22050)
    written(tmp_path / "out.flac", samples, 22050)
    theirs = sound_by_ffmpeg(tmp_path / "out.flac")
    assert np.abs(theirs.reshape(-1) - samples[0].clip(-1, 1)).max() < 1e-4


def test_pictures_that_a_format_does_not_hold_are_refused(tmp_path: Path) -> None:
    ffmpeg(*SOURCES["aac.mp4"], tmp_path / "clip.mp4")
    recording = probe_recording(tmp_path / "clip.mp4")
    with pytest.raises(UnknownFormat, match=r"do not hold h264 video as it is. Use \.mkv"):
        write_revoiced(
            tmp_path / "out.webm", tmp_path / "clip.mp4", recording.sounds[0], [], first=0, count=0, tags={}
        )  # fmt: skip
    assert sorted(path.name for path in tmp_path.iterdir()) == ["clip.mp4"]
