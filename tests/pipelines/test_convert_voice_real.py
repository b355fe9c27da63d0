"""Every voice engine on recordings as people have them: as long as before, on time, in their channels, unclipped."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from avfusion.pipelines.convert_voice import VoiceSettings, convert_voice
from tests.voice.tiny_voices import tiny_voice

RECORDINGS = (
    ("jfk.flac", 44_100, 2),
    ("mp3/p240_00000.mp3", 24_000, 1),
)
START_S = 1.0


@pytest.mark.real_data
@pytest.mark.parametrize("name", ["world-knn", "so-vits", "rvc", "autovc"])
def test_real_recordings(shared_data: Path, tmp_path: Path, name: str) -> None:
    """The first seconds of each; networks have random weights: what they say is noise, and its lag means nothing."""
    model = tiny_voice(name, tmp_path)
    target = [shared_data / "speech/vctk/p226/p226_003.wav"] if name in ("world-knn", "autovc") else []
    for file, rate_hz, channels in RECORDINGS:
        media, out = shared_data / "speech" / file, tmp_path / "out.wav"
        settings = VoiceSettings(preview_s=START_S)
        report = convert_voice(media, out=out, target=target, model=model, engine=name, settings=settings)
        result, out_hz = soundfile.read(out, always_2d=True)
        whole_s = soundfile.info(media).duration
        assert result.shape == (round(min(START_S, whole_s) * rate_hz), channels), file
        assert out_hz == rate_hz
        assert np.abs(result).max() < 1
        assert report.true_peak_db is not None
        assert report.true_peak_db < -0.9
        if name == "world-knn":
            assert report.lag_s is not None
            assert abs(report.lag_s) < 0.005, file
