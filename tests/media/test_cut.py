"""Part of a clip: its frames, its times, and the sound that belongs to them."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from avfusion.media.audio import read_sound
from avfusion.media.cut import cut
from avfusion.media.probe import probe
from tests.media.making import copied, lag_samples, sound_by_ffmpeg, source

X264 = ("-c:v", "libx264", "-pix_fmt", "yuv420p")
SWEEP = ("-f", "lavfi", "-i", "aevalsrc='sin(2*PI*(200+300*t)*t)*0.5':s=48000:d=4")


@pytest.fixture
def path(made: Callable[..., Path]) -> Path:
    return made("cut.mp4", *source("96x64", "25", 4.0), *SWEEP, *X264, "-c:a", "aac", "-map", "0:v", "-map", "1:a")


def test_frames_are_the_same_renumbered(path: Path) -> None:
    clip = probe(path)
    part = cut(clip, 30, 70)
    assert part.frame_count == 40
    assert part.time(0) == 0
    assert part.duration_s == Fraction(40, 25)
    for mine, whole in zip(part.frames(5, 9), clip.frames(35, 39), strict=True):
        assert mine.index == whole.index - 30
        assert mine.time == whole.time - clip.time(30) == part.time(mine.index)
        assert np.array_equal(mine.rgb, whole.rgb)
        assert mine.yuv[0] is mine.yuv[0]
    assert [frame.index for frame in part.frames(5, 9, backwards=True)] == [8, 7, 6, 5]


def test_all_of_a_clip_is_the_clip(path: Path) -> None:
    clip = probe(path)
    assert cut(clip, 0, clip.frame_count) is clip


@pytest.mark.parametrize(("ending", "border_s"), [(".mp4", 1 / 40), (".webm", 1 / 200), (".mov", 1 / 40)])
def test_the_sound_stays_in_step(tmp_path: Path, path: Path, ending: str, border_s: float) -> None:
    """The sweep that lies under the frames lies under them still, and ends with them."""
    clip = probe(path)
    copied(cut(clip, 30, 70), tmp_path / f"part{ending}")
    part = probe(tmp_path / f"part{ending}")
    assert [part.time(k) for k in range(40)] == [Fraction(k, 25) for k in range(40)]
    found = sound_by_ffmpeg(part.path)[:, 0]
    whole = sound_by_ffmpeg(path)[:, 0]
    assert len(found) / 48_000 == pytest.approx(1.6, abs=border_s)
    lead = round(float(part.sounds[0].start_s) * 48_000)
    wanted = whole[round(1.2 * 48_000) + lead :]
    # away from the ends, where a codec has only one side to lean on
    middle = slice(4800, 60_000)
    assert abs(lag_samples(found[middle], wanted[middle])) <= 48
    assert np.abs(found[middle] - wanted[middle]).mean() < 0.05


def test_samples_are_cut_to_the_sample(path: Path) -> None:
    clip = probe(path)
    whole, part = read_sound(clip), read_sound(cut(clip, 30, 70))
    assert part.samples.shape[1] == round(1.6 * part.rate_hz)
    first = round(1.2 * part.rate_hz)
    assert np.array_equal(part.samples, whole.samples[:, first : first + part.samples.shape[1]])


@pytest.mark.parametrize(
    ("codec", "ending", "is_copied"),
    [("aac", ".mp4", True), ("flac", ".mp4", True), ("pcm_s16le", ".mov", True), ("libmp3lame", ".mp4", False)],
)
def test_packets_that_reach_over_a_border_are_heard_within_it(
    tmp_path: Path, made: Callable[..., Path], codec: str, ending: str, is_copied: bool
) -> None:
    """By another player too, which may let the last packet ring out. A decoder of MP3 needs more than the packet
    before: that is encoded anew."""
    coding = (*X264, "-c:a", codec, "-strict", "-2", "-t", "2")
    own = made(f"{codec}{ending}", *source("64x64", "25", 2.0), *SWEEP, *coding)
    for start, stop in ((11, 33), (0, 30), (20, 21)):
        out = tmp_path / f"{start}{ending}"
        copied(cut(probe(own), start, stop), out)
        wanted, found = sound_by_ffmpeg(own)[start * 1920 : stop * 1920], sound_by_ffmpeg(out)
        size = len(wanted)
        assert read_sound(probe(out)).samples.shape == (1, size)
        assert size <= len(found) < size + 4096 + 1
        assert np.allclose(found[:size], wanted, atol=1e-4) == is_copied
        assert lag_samples(found[:size, 0], wanted[:, 0]) == 0
