"""A so-vits voice hears RMVPE's pitch at the right times."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from avfusion.errors import EngineNotReady
from avfusion.voice.rmvpe import Rmvpe
from avfusion.voice.so_vits_files import load_svc, silent
from avfusion.voice.so_vits_pitch import follow_by_rmvpe
from tests.voice.tiny_rmvpe import TINY, weights
from tests.voice.tiny_so_vits import tiny_hubert, tiny_so_vits

RATE_HZ = 44100


class Glide(Rmvpe):
    """Hears 100 Hz in the beginning and 200 Hz a second later, and nothing from 0.3 to 0.5 s."""

    def f0_hz(self, wave: NDArray[np.float32]) -> NDArray[np.float64]:
        time = np.arange(wave.size // 160 + 1) / 100
        return np.where((time >= 0.3) & (time < 0.5), 0, 100 + 100 * time)


def test_the_pitch_is_at_the_frames_of_the_voice(tmp_path: Path) -> None:
    svc = load_svc(tiny_so_vits(tmp_path), tiny_hubert(tmp_path / "encoder"), "cpu")
    wave = (0.1 * np.sin(2 * np.pi * 130 * np.arange(RATE_HZ) / RATE_HZ)).astype(np.float32)
    with silent():  # of pyworld, where it is imported first
        content, _, _ = svc.get_unit_f0(wave, 0, 0, "ada", "dio")
    follow_by_rmvpe(svc, Glide(TINY, weights()))
    same, f0, voiced = svc.get_unit_f0(wave, 12, 0, "ada", "dio")
    assert np.array_equal(same, content)
    assert f0.shape == voiced.shape == (1, content.shape[2])
    time = np.arange(f0.shape[1]) * 512 / RATE_HZ
    inner = (time < 0.29) | (time > 0.51)
    # An octave higher, and in the gap drawn through.
    assert np.allclose(f0[0], 2 * (100 + 100 * time), rtol=0.02)
    assert voiced[0].numpy()[inner].all()
    assert not voiced[0].numpy()[(time > 0.31) & (time < 0.49)].any()
    follow_by_rmvpe(svc, None)
    with pytest.raises(EngineNotReady, match="avfusion engines pull rmvpe"):
        svc.get_unit_f0(wave, 0, 0, "ada", "dio")
