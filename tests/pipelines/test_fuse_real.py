"""A second of a real interview: a new background, another voice, and both still together."""

from pathlib import Path

import pytest

from avfusion.clip import Box, Point
from avfusion.pipelines.convert_voice import VoiceWish
from avfusion.pipelines.fuse import fuse
from tests.media.making import stream_of


@pytest.mark.real_data
def test_an_interview_stays_in_sync(shared_data: Path, tmp_path: Path) -> None:
    target = tuple(sorted((shared_data / "speech" / "vctk" / "p225").glob("*.wav")))[:2]
    man = [Box(240, 20, 900, 715), Point(440, 200), Point(450, 450), Point(330, 600), Point(800, 600)]
    report = fuse(
        shared_data / "clips" / "talking.mp4", man, background="#204060", voice=VoiceWish(target=target), span=(0, 25),
        out=tmp_path / "out.mp4",
    )  # fmt: skip
    assert report.engines == {"segmentation": "grabcut", "tracking": "flow", "voice": "world-knn"}
    assert (report.sync.times_identical, report.sync.times_off_s, report.frames) == (True, 0, 25)
    assert report.sync.samples_equal
    assert int(stream_of(report.out, "a:0")["duration_ts"]) == report.sync.samples_before == 48_000
    assert report.sync.lag_s is not None
    assert abs(report.sync.lag_s) < 0.005
    assert report.voice is not None
    assert report.voice.pitch_after_hz == pytest.approx(report.voice.pitch_target_hz, rel=0.12)
