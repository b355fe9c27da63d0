"""New samples in the place of one sound track, while pictures are written and the other tracks go over as they are."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from avfusion.media.probe import probe
from avfusion.media.recording import hear, probe_recording
from avfusion.media.store import StoredSound, store
from avfusion.media.write import NewSound, write_video
from tests.media.making import ffmpeg, packets, sound_by_ffmpeg, source, stream_of


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two tones, of 440 and of 1000 Hz, in tracks of their own."""
    path = tmp_path_factory.mktemp("carry") / "clip.mp4"
    low, high = ("-i", "sine=frequency=440:r=48000:d=1.02"), ("-i", "sine=frequency=1000:r=44100:d=1.02")
    maps = ("-map", "0:v", "-map", "1:a", "-map", "2:a", "-metadata:s:a:1", "language=deu")
    ffmpeg(
        *source(),
        "-f",
        "lavfi",
        *low,
        "-f",
        "lavfi",
        *high,
        *maps,
        "-c:v",
        "libx264",
        "-preset",
        "ultrafast",
        "-c:a",
        "aac",
        path,
    )
    return path


def noise(clip: Path, track: int, folder: Path) -> StoredSound:
    """As many samples as the track has, and where they begin, but others."""
    old = hear(probe_recording(clip), folder / "old", track=probe(clip).sounds[track])
    samples = 0.2 * np.random.default_rng(4).standard_normal((old.channels, old.count)).astype(np.float32)
    return replace(store(folder / "new", [samples], channels=old.channels, rate_hz=old.rate_hz), first=old.first)


def written(clip: Path, out: Path, new: NewSound) -> None:
    source_clip = probe(clip)
    write_video(out, (frame.yuv for frame in source_clip.frames()), clip=source_clip, sound=new)


@pytest.mark.parametrize("track", [0, 1])
def test_one_track_is_new_and_the_other_as_it_was(clip: Path, tmp_path: Path, track: int) -> None:
    sound, out = noise(clip, track, tmp_path), tmp_path / "out.mp4"
    written(clip, out, NewSound(probe(clip).sounds[track].stream, sound, {"comment": "noise"}))
    other = 1 - track
    assert [row["data_hash"] for row in packets(clip, f"a:{other}")] == [
        row["data_hash"] for row in packets(out, f"a:{other}")
    ]
    assert [one.language for one in probe(out).sounds] == [one.language for one in probe(clip).sounds]
    assert int(stream_of(out, f"a:{track}")["duration_ts"]) == sound.count
    after = sound_by_ffmpeg(out, track)[: sound.count, 0]
    across = np.corrcoef(after, sound.read()[0][: len(after)])[0, 1]
    assert across > 0.7  # of noise that is a sample late it is 0


def test_in_uncompressed_sound_every_sample_is_there(clip: Path, tmp_path: Path) -> None:
    sound, out = noise(clip, 0, tmp_path), tmp_path / "out.mov"
    written(clip, out, NewSound(probe(clip).sounds[0].stream, sound))
    after = sound_by_ffmpeg(out)
    assert after.shape == (sound.count, sound.channels)
    assert np.abs(after - np.clip(sound.read().T, -1, 1)).max() < 1e-6


def test_what_begins_late_is_silent_until_then(clip: Path, tmp_path: Path) -> None:
    sound, out = noise(clip, 0, tmp_path), tmp_path / "out.mov"
    written(clip, out, NewSound(probe(clip).sounds[0].stream, replace(sound, first=9_600)))
    after = sound_by_ffmpeg(out)
    assert len(after) == 9_600 + sound.count
    assert not after[:9_600].any()
    assert np.abs(after[9_600:] - np.clip(sound.read().T, -1, 1)).max() < 1e-6
