"""The length of a throat beside another's is found from what both say, and frames are brought to it."""

import numpy as np
import pytest

from avfusion.voice.cepstrum import log_amplitude, mel_cepstra
from avfusion.voice.world_speech import ALPHA, ORDER, Speech, band_of, listen
from avfusion.voice.world_throat import lengthened, relative_length
from avfusion.voice.world_units import units_of
from tests.voice.talking import Talker, talk

RATE = 16_000
BINS = 513


def heard(throat: float, words: int, seed: int, pitch_hz: float = 130) -> Speech:
    return listen(talk(Talker(pitch_hz, throat), words, RATE, seed=seed), RATE, RATE)


@pytest.mark.parametrize("throat", [0.9, 1.0, 1.12])
def test_it_is_found_from_other_words_at_another_pitch(throat: float) -> None:
    """Resonances higher by a factor are a throat shorter by it; the target's is longer by as much."""
    target = units_of([heard(1.0, 16, seed=5)])
    assert relative_length(heard(throat, 12, seed=6, pitch_hz=170), target) == pytest.approx(throat, rel=0.035)


def test_of_little_speech_little_is_believed() -> None:
    target = units_of([heard(1.0, 16, seed=5)])
    one_word, many = (relative_length(heard(1.12, words, seed=6), target) for words in (1, 12))
    assert 0.98 < one_word < many


@pytest.mark.parametrize("band_hz", [8_000, 16_000])
@pytest.mark.parametrize("factor", [0.85, 1.2])
def test_a_longer_throat_has_its_resonances_lower(band_hz: int, factor: float) -> None:
    hz = np.linspace(0, band_hz / 2, BINS)
    hill = np.exp(-0.5 * ((hz - 0.3 * band_hz / 2) / (0.05 * band_hz)) ** 2)
    cepstra = mel_cepstra(np.exp(4 * hill)[None], ORDER, ALPHA[band_hz])
    speech = Speech(band_hz, band_of(band_hz), np.zeros(1), cepstra, np.zeros(1))
    longer = lengthened(speech, factor)
    found = log_amplitude(longer.cepstra, BINS, ALPHA[band_hz])[0]
    wanted = np.interp(hz * factor, hz, 2 * hill)
    assert np.abs(found - wanted).max() < 0.05
    assert lengthened(speech, 1.0) is speech
