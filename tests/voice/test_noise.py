"""How noisy a recording of a voice is, beside what was mixed into it."""

import math

import numpy as np
import pytest

from avfusion.clip import Sound
from avfusion.voice.noise import signal_to_noise_db
from tests.voice.talking import LOW, mono, talk


@pytest.mark.parametrize("wanted_db", [5.0, 15.0, 25.0])
def test_noise_that_was_mixed_in_is_found(wanted_db: float) -> None:
    clean = talk(LOW, 9)
    loud = clean[np.abs(clean) > 1e-3]
    noise = np.random.default_rng(0).standard_normal(len(clean))
    noisy = clean + noise * np.sqrt((loud**2).mean()) * 10 ** (-wanted_db / 20)
    assert signal_to_noise_db([mono(noisy)]) == pytest.approx(wanted_db, abs=3)
    # A rumble that no voice reaches down to is none of it, and neither is silence around the recording.
    rumble = 0.2 * np.sin(2 * np.pi * 20 * np.arange(len(clean)) / 16_000)
    framed = np.pad(noisy, 16_000)
    for same in (noisy + rumble, framed):
        assert signal_to_noise_db([mono(same)]) == pytest.approx(signal_to_noise_db([mono(noisy)]), abs=1)


def test_clean_speech_is_clean_and_next_to_nothing_is_not_judged() -> None:
    assert signal_to_noise_db([mono(talk(LOW, 9))]) > 40
    assert math.isnan(signal_to_noise_db([]))
    assert math.isnan(signal_to_noise_db([Sound(np.zeros((2, 48_000), np.float32), 48_000)]))
    assert math.isnan(signal_to_noise_db([mono(talk(LOW, 1)[:8_000])]))
