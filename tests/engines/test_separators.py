"""What takes voice and background apart, through the registry: `hdemucs` where its weights lie, else `repet-sim`."""

from pathlib import Path

import numpy as np
import pytest

from avfusion.engines.catalogue import choose, find
from avfusion.engines.registry import Registry
from avfusion.engines.state import state
from avfusion.errors import EngineNotReady
from avfusion.media.store import store
from tests.voice.tiny_hdemucs import pulled


def test_auto_takes_hdemucs_only_when_it_is_there() -> None:
    assert state(find("hdemucs", "separation")).kind == "needs download"
    choice = choose("separation")
    assert choice.engine.name == "repet-sim"
    assert "hdemucs needs a download of 335 MB" in choice.why
    with pytest.raises(EngineNotReady, match="avfusion engines pull hdemucs"):
        choose("separation", "hdemucs")
    pulled()
    assert choose("separation").engine.name == "hdemucs"
    assert choose("separation", "repet-sim").engine.name == "repet-sim"


@pytest.mark.parametrize("name", ["hdemucs", "repet-sim"])
def test_a_separator_is_lent_and_separates(name: str, tmp_path: Path) -> None:
    pulled()
    samples = np.random.default_rng(0).standard_normal((2, 8_000)).astype(np.float32)
    sound = store(tmp_path / "sound", [samples], channels=2, rate_hz=16_000)
    with Registry().lend(name, "separation", "cpu") as separator:
        assert separator.name == name
        voice = separator.voice_of(sound, tmp_path / "voice")
    assert (voice.channels, voice.count, voice.rate_hz) == (2, 8_000, 16_000)
