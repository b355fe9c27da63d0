"""Every pitch method follows a glide, at the right times."""

import numpy as np
import pytest
from numpy.typing import NDArray

from avfusion.errors import UsageError
from avfusion.voice.pitch import METHODS, f0_hz

COUNT = 80
VOICED = slice(20, 60)


def glide() -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """0.8 s at 16 kHz, and the pitch every 10 ms: quiet, then a buzz from 110 to 220 Hz, then quiet."""
    time = np.arange(COUNT * 160) / 16000
    true = np.where((time >= 0.2) & (time < 0.6), 110 * 2 ** ((time - 0.2) / 0.4), 0)
    phase = 2 * np.pi * np.cumsum(true) / 16000
    buzz = sum(np.sin(tone * phase) / tone for tone in range(1, 12)) * 0.1 * (true > 0)
    quiet = 1e-4 * np.random.default_rng(0).standard_normal(time.size)
    return (buzz + quiet).astype(np.float32), true[::160]


@pytest.mark.parametrize("method", sorted(METHODS))
def test_a_glide_is_followed_in_time(method: str) -> None:
    wave, true = glide()
    found = f0_hz(wave, method, count=COUNT)
    inner = slice(VOICED.start + 3, VOICED.stop - 3)
    is_voiced = found[inner] > 0
    assert is_voiced.mean() > 0.9
    # 10 ms late would be 1.7 % flat.
    ratio = found[inner][is_voiced] / true[inner][is_voiced]
    assert abs(np.log2(np.median(ratio)) * 12) < 0.15
    assert not found[: VOICED.start - 4].any()
    assert not found[VOICED.stop + 4 :].any()


@pytest.mark.parametrize("method", ["dio", "harvest", "parselmouth"])
@pytest.mark.parametrize("samples", [1, 160, 1000])
def test_short_and_silent_sounds_have_frames_too(method: str, samples: int) -> None:
    assert f0_hz(np.zeros(samples, np.float32), method, count=7).tolist() == [0.0] * 7
    click = np.zeros(samples, np.float32)
    click[0] = 0.5
    found = f0_hz(click, method, count=7)
    assert found.shape == (7,)
    assert np.isfinite(found).all()


def test_other_methods_are_named() -> None:
    with pytest.raises(UsageError, match="dio, harvest, parselmouth, crepe, crepe-tiny"):
        f0_hz(np.ones(10, np.float32), "ear", count=1)
