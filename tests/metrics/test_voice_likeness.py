"""Whether two recordings are one voice, where Resemblyzer is installed; and nothing said where it is not."""

import math
from pathlib import Path

import numpy as np
import pytest
import soundfile

from avfusion.clip import Sound
from avfusion.metrics.voice_likeness import VoiceEars, likeness, voice_ears
from avfusion.voice.one_channel import resampled
from tests.voice.talking import HIGH, LOW, mono, talk


@pytest.fixture(scope="module")
def ears() -> VoiceEars:
    pytest.importorskip("resemblyzer", exc_type=ImportError, reason="the extra 'similarity' is not installed")
    found = voice_ears()
    assert found is not None
    return found


def test_what_was_not_heard_is_no_number() -> None:
    voice = np.array([0.6, 0.8])
    assert likeness(voice, voice) == pytest.approx(1)
    assert math.isnan(likeness(voice, None))
    assert math.isnan(likeness(None, voice))


def test_one_talker_is_more_like_himself_than_another(ears: VoiceEars) -> None:
    low, again, high = (ears.voice([mono(talk(who, 6, seed=seed))]) for who, seed in ((LOW, 1), (LOW, 2), (HIGH, 3)))
    assert low is not None
    assert low.shape == (256,)
    assert np.linalg.norm(low) == pytest.approx(1)
    assert likeness(low, again) > likeness(low, high) + 0.05


def test_rate_loudness_and_channels_do_not_matter(ears: VoiceEars) -> None:
    sound = mono(talk(LOW, 6))
    quiet = 0.1 * resampled(sound.samples[0], 16_000, 44_100)
    assert likeness(ears.voice([sound]), ears.voice([Sound(np.stack([quiet, quiet]), 44_100)])) > 0.95


def test_nobody_has_no_voice(ears: VoiceEars) -> None:
    for nobody in (np.zeros(32_000), talk(LOW, 1)[:2_000]):
        assert ears.voice([mono(nobody)]) is None
    assert ears.voice([]) is None


@pytest.mark.real_data
def test_real_speakers_are_told_apart(ears: VoiceEars, shared_data: Path) -> None:
    def voice(who: str, *sentences: str) -> np.ndarray:
        paths = [shared_data / "speech" / "vctk" / who / f"{who}_{sentence}.wav" for sentence in sentences]
        found = ears.voice([mono(*soundfile.read(path)) for path in paths])
        assert found is not None
        return found

    known = voice("p225", "003", "008", "011")
    assert likeness(known, voice("p225", "021")) > likeness(known, voice("p226", "021")) + 0.1
