"""VGGish's log-mel: equal to the published front end, and what silence, tones and short sounds become."""

import wave
from pathlib import Path

import numpy as np
import pytest

from avfusion.sounding.networks.log_mel import (
    BANDS,
    OFFSET,
    RATE_HZ,
    STEPS,
    for_pictures,
    log_mel_examples,
    mel_bands,
)  # fmt: skip


@pytest.mark.real_data
def test_equals_the_published_front_end(shared_data: Path) -> None:
    with wave.open(str(shared_data / "speech" / "vctk" / "p225" / "p225_023.wav")) as file:
        assert file.getframerate() == RATE_HZ
        samples = np.frombuffer(file.readframes(-1), np.int16).astype(np.float32) / 32768
    published = np.load(shared_data / "parity" / "vggish_log_mel.npz")["examples"]
    np.testing.assert_allclose(log_mel_examples(samples)[: len(published)], published, rtol=1e-4, atol=1e-4)


def test_silence_is_the_offset() -> None:
    examples = log_mel_examples(np.zeros(RATE_HZ, np.float32))
    assert examples.shape == (1, STEPS, BANDS)
    np.testing.assert_allclose(examples, np.log(OFFSET))


@pytest.mark.parametrize("hz", [200.0, 1000.0, 5000.0])
def test_a_tone_is_loudest_in_the_band_around_it(hz: float) -> None:
    tone = np.sin(2 * np.pi * hz * np.arange(RATE_HZ) / RATE_HZ).astype(np.float32)
    loudest = log_mel_examples(tone)[0].mean(axis=0).argmax()
    assert loudest == mel_bands()[round(hz * 512 / RATE_HZ)].argmax()


def test_what_is_shorter_than_an_example_is_left_out() -> None:
    whole = 400 + 160 * (STEPS - 1)
    assert [len(log_mel_examples(np.zeros(count, np.float32))) for count in (0, 399, whole - 1, whole)] == [0, 0, 0, 1]


def test_every_picture_has_an_example() -> None:
    two = np.random.default_rng(0).random((2, STEPS, BANDS), np.float32)
    np.testing.assert_array_equal(for_pictures(two, 1, repeat_last=True), two[:1])
    np.testing.assert_array_equal(for_pictures(two, 4, repeat_last=True), two[[0, 1, 1, 1]])
    np.testing.assert_array_equal(for_pictures(two, 4, repeat_last=False)[2:], 0)
    np.testing.assert_array_equal(for_pictures(two[:0], 3, repeat_last=True), np.zeros((3, STEPS, BANDS)))
