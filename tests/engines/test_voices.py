"""Voice engines through the registry: tiny weights where the real ones would lie, a user's files, and a sound."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from avfusion.clip import Sound
from avfusion.engines.catalogue import choose, find
from avfusion.engines.registry import Registry
from avfusion.engines.state import state
from avfusion.errors import CannotRead, EngineNotReady, UsageError
from avfusion.voice import Reference, Speaker, Target
from avfusion.voice.inspect_file import engine_of
from avfusion.voice.opening import ModelFiles
from tests.voice.talking import HIGH, LOW, mono, talk
from tests.voice.tiny_rvc import Malice, save, save_hubert
from tests.voice.tiny_voices import pulled, pulled_rmvpe, tiny_voice

SOUND = mono(talk(LOW, 1))
REFERENCE = Reference((mono(talk(HIGH, 6, seed=5)),))
TARGETS: dict[str, Target] = {
    "world-knn": REFERENCE, "so-vits": Speaker("ada"), "rvc": Speaker("1"), "autovc": REFERENCE,
}  # fmt: skip


def lent(name: str, files: ModelFiles | None, options: Mapping[str, Any], target: Target, seed: int = 0) -> Sound:
    with Registry().lend(name, "voice", "cpu") as opener:
        assert opener.name == name
        engine = opener.open(files, options)
        assert engine.name == name
        return engine.convert(SOUND, target, seed=seed)


OPTIONS: dict[str, dict[str, Any]] = {
    "world-knn": {"formant_semitones": 2.0},
    "so-vits": {"f0_method": "harvest", "cluster_ratio": 0.9, "noise": 0.2},
    "rvc": {"f0_method": "dio", "index_rate": 0.5, "protect": 0.1, "own_loudness": 1.0},
    "autovc": {},
}


@pytest.mark.parametrize("name", OPTIONS)
def test_an_engine_is_lent_and_opens_a_voice(name: str, tmp_path: Path) -> None:
    if find(name, "voice").sources:
        assert state(find(name, "voice")).kind == "needs download"
        with pytest.raises(EngineNotReady, match=f"avfusion engines pull {name}"):
            choose("voice", name)
    files, target = tiny_voice(name, tmp_path), TARGETS[name]
    if files is not None:
        assert engine_of(files.weights) == name
    plain = lent(name, files, {"automatic_pitch": False}, target)
    assert plain.samples.shape == SOUND.samples.shape
    assert not np.array_equal(plain.samples, SOUND.samples)
    if OPTIONS[name]:
        other = lent(name, files, OPTIONS[name], target)
        assert not np.array_equal(plain.samples, other.samples)
    with pytest.raises(UsageError, match=f"{name} has no setting for loudness"):
        lent(name, files, {"loudness": 1}, target)


def test_a_k_means_that_is_given_counts(tmp_path: Path) -> None:
    files = tiny_voice("so-vits", tmp_path)
    assert files is not None
    alone = replace(files, clusters=None)
    made = [
        lent("so-vits", given, options, Speaker()).samples
        for given, options in (
            (files, {}),
            (files, {"cluster_ratio": 0.5}),
            (files, {"cluster_ratio": 0.0}),
            (alone, {}),
        )
    ]
    np.testing.assert_array_equal(made[0], made[1])
    np.testing.assert_array_equal(made[2], made[3])
    assert not np.array_equal(made[0], made[3])


def test_files_that_an_engine_does_not_take_are_refused(tmp_path: Path) -> None:
    rvc = tiny_voice("rvc", tmp_path)
    assert rvc is not None
    with pytest.raises(UsageError, match="rvc takes no config"):
        lent("rvc", ModelFiles(rvc.weights, config=rvc.weights), {}, Speaker())
    with pytest.raises(UsageError, match="rvc takes its voice from a model file"):
        lent("rvc", None, {}, Speaker())
    with pytest.raises(UsageError, match="not from a model file"):
        lent("world-knn", rvc, {}, REFERENCE)
    with pytest.raises(UsageError, match="needs its speaker encoder"):
        lent("autovc", rvc, {}, REFERENCE)
    with pytest.raises(UsageError, match=r"needs the config\.json"):
        lent("so-vits", rvc, {}, Speaker())


def test_a_voice_that_needs_no_download_comes_first() -> None:
    choice = choose("voice")
    assert choice.engine.name == "world-knn"
    assert "Better" not in choice.why


def test_so_vits_settings_out_of_range_are_refused(tmp_path: Path) -> None:
    files = tiny_voice("so-vits", tmp_path)
    for options, words in (({"f0_method": "ear"}, "no pitch method"), ({"cluster_ratio": 2.0}, "between 0 and 1")):
        with pytest.raises(UsageError, match=words):
            lent("so-vits", files, options, TARGETS["so-vits"])


@pytest.mark.parametrize("name", ["rvc", "so-vits"])
def test_rmvpe_follows_the_pitch_once_it_is_pulled(name: str, tmp_path: Path) -> None:
    files = tiny_voice(name, tmp_path)
    with pytest.raises(EngineNotReady, match="rmvpe: needs a download of 181 MB: avfusion engines pull rmvpe"):
        lent(name, files, {"f0_method": "rmvpe"}, TARGETS[name])
    pulled_rmvpe()
    with Registry().lend("rmvpe", "pitch", "cpu") as follower:
        assert follower.name == "rmvpe"
    plain, other = (lent(name, files, {"f0_method": method}, TARGETS[name]) for method in ("dio", "rmvpe"))
    assert plain.samples.shape == other.samples.shape
    assert not np.array_equal(plain.samples, other.samples)


def test_code_in_a_model_file_does_not_run(tmp_path: Path) -> None:
    pulled("rvc", lambda path: save_hubert(path, hidden=768, layers=1))
    path = save(tmp_path, {"weight": Malice(tmp_path / "ran"), "config": []})
    with pytest.raises(CannotRead, match="nothing in it was run"):
        lent("rvc", ModelFiles(path), {}, Speaker())
    with pytest.raises(CannotRead, match="nothing in it was run"):
        engine_of(path)
    assert not (tmp_path / "ran").exists()
