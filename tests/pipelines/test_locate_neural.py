"""Locating with engines that have weights: tiny ones, fetched into place, from a clip to masks in files."""

import json

import numpy as np
import pytest

from avfusion.clip import Sound
from avfusion.engines import registry
from avfusion.engines.registry import Registry
from avfusion.pipelines.locate import LocateSettings, locate
from tests.engines.test_sounders import fetched, nobody_to_ask  # noqa: F401
from tests.sounding.answering import answering


@pytest.fixture(autouse=True)
def own_engines(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing that another test loaded."""
    monkeypatch.setattr(registry, "_REGISTRY", Registry())


def noise(*loud: float) -> Sound:
    """Half a second of noise for each loudness."""
    dice = np.random.default_rng(4)
    return Sound(np.concatenate([each * dice.uniform(-1, 1, 8000) for each in loud])[None].astype(np.float32), 16_000)


def test_from_a_clip_to_masks_with_names_and_by_words(made, tmp_path):
    fetched("al-ref-sam2", "sounding")
    how = {
        "engine": "al-ref-sam2",
        "segmenter": "grabcut",
        "tracker": "flow",
        "device": "cpu",
        "sound": noise(0.2, 0.4),
    }
    report = locate(made.clip, out=tmp_path / "heard", settings=LocateSettings(sources=2), **how)
    assert report.engines["sounding"] == "al-ref-sam2"
    assert report.revisions["sounding"].count("+") == 3
    assert 1 <= len(report.sources) <= 2
    written = json.loads((tmp_path / "heard" / "sources.json").read_text())
    assert [source["name"] for source in written["sources"]] == [source.name for source in report.sources]
    assert {source.name for source in report.sources} <= {"man", "dog", "guitar"}
    described = locate(made.clip, out=tmp_path / "described", text="the ball", **how)
    (source,) = described.sources
    assert (source.name, source.spans) == ("the ball", ((0.0, 1.0),))
    silent = locate(made.clip, out=tmp_path / "silent", **{**how, "sound": noise(0.0, 0.0)})
    assert silent.abstained == "The sound is silent throughout."


@pytest.mark.parametrize("how", ["good", "malformed", "slow", "failing"])
def test_whatever_a_model_s_server_does_there_is_a_result(made, tmp_path, monkeypatch, how):
    from avfusion.sounding import asking

    fetched("al-ref-sam2", "sounding")
    monkeypatch.setattr(asking, "WAIT_S", 0.5)
    with answering() as server:
        monkeypatch.setenv("AVFUSION_VLM_URL", server.url)
        monkeypatch.setenv("AVFUSION_VLM_MODEL", "tiny")
        good = '{"sources": [{"name": "tuba", "frame": 1}]} [1]'
        server.say = {
            "good": lambda words: good,
            "malformed": lambda words: "Hm.",
            "slow": lambda words: good * 10_000,
        }.get(how)
        server.slow_s, server.status = (60.0 if how == "slow" else 0.0), (500 if how == "failing" else 200)
        report = locate(
            made.clip, out=tmp_path / "masks", engine="al-ref-sam2", segmenter="grabcut", tracker="flow", device="cpu",
            sound=noise(0.2, 0.4),
        )  # fmt: skip
    assert len(report.sources) > 0
    said = [note for note in report.notes if "chosen by rules instead" in note]
    if how == "good":
        assert [source.name for source in report.sources] == ["tuba"]
        assert said == []
    else:
        why = {"malformed": "cannot be read", "slow": "did not answer within 0.5 s", "failing": "status 500"}[how]
        assert why in said[0]
        assert "tuba" not in {source.name for source in report.sources}
