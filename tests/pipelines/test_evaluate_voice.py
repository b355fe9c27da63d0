"""Scores of voices: sentences that two read, and one result beside its source."""

import json
import math
from pathlib import Path

import numpy as np
import pytest

from avfusion.errors import AvfusionError, CannotRead, NothingFound, UsageError
from avfusion.media.write_sound import write_sound
from avfusion.metrics.voice_likeness import voice_ears
from avfusion.pipelines.convert_voice import convert_voice
from avfusion.pipelines.evaluate_voice import evaluate_voice
from avfusion.pipelines.evaluate_voice_free import judge_voice
from tests.voice.talking import HIGH, LOW, Talker, talk

RATE = 16_000


def wav(path: Path, samples: np.ndarray) -> Path:
    path.parent.mkdir(exist_ok=True)
    write_sound(path, [samples[None].astype(np.float32)], rate_hz=RATE, channels=1, count=len(samples), tags={})
    return path


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two who say the same: the same dice. Sentence 3 is long, for listening to; "b" reads one more."""
    folder = tmp_path_factory.mktemp("read")
    speakers: dict[str, Talker] = {"a": LOW, "b": HIGH}
    for name, talker in speakers.items():
        for sentence, words in (("01", 3), ("02", 3), ("03", 9)):
            wav(folder / name / f"{name}_{sentence}.wav", talk(talker, words, seed=int(sentence)))
    wav(folder / "b" / "b_04.wav", talk(HIGH, 2, seed=4))
    (folder / "parallel.json").write_text("{}")
    return folder


def test_a_pair_is_scored_by_the_target_saying_the_same(dataset: Path) -> None:
    report = evaluate_voice(dataset, pairs=[("a", "b")], reference=["03"])
    assert [row.sentence for row in report.sentences] == ["01", "02"]
    assert report.reference == ("03",)
    assert report.engine == "world-knn"
    for row in report.sentences:
        assert row.distortion_db < 0.75 * row.source_db
        assert abs(row.lag_s) < 0.005
        assert row.duration_error_s == 0
        assert row.f0_ratio == pytest.approx(1, abs=0.1)
    assert report.overall.distortion_db == pytest.approx(np.mean([row.distortion_db for row in report.sentences]))
    assert report.pairs[0].pair == "a-b"
    said = json.loads(json.dumps(report.as_json(), allow_nan=False))
    assert "alpha 0.41" in said["rule"]
    assert said["overall"]["variance_ratio"] > 0
    if voice_ears() is None:
        assert said["overall"]["similarity"] is None
    else:
        assert report.overall.similarity > report.overall.source_similarity


def test_sentences_are_parted_in_two_halves(dataset: Path) -> None:
    report = evaluate_voice(dataset, pairs=[("b", "a")], test=["01"])
    assert report.reference == ("02", "03")
    assert [(row.pair, row.sentence) for row in report.sentences] == [("b-a", "01")]


def test_what_cannot_be_scored_is_refused(dataset: Path, tmp_path: Path) -> None:
    wav(tmp_path / "lone" / "lone_01.wav", talk(LOW, 1))
    wrong: list[tuple[type[AvfusionError], str, Path, dict[str, object]]] = [
        (UsageError, "no speaker c. There are: a, b", dataset, {"pairs": [("a", "c")]}),
        (UsageError, "not every speaker reads sentence 04", dataset, {"test": ["04"]}),
        (UsageError, "cannot be a test", dataset, {"test": ["01"], "reference": ["01"]}),
        (UsageError, "either heard or scored", dataset, {"test": ["01", "02", "03"]}),
        (CannotRead, "Lay it out as", tmp_path, {}),
        (CannotRead, "none: there is no such folder", tmp_path / "none", {}),
    ]
    for kind, words, folder, request in wrong:
        with pytest.raises(kind, match=words):
            evaluate_voice(folder, **request)  # type: ignore[arg-type]


def test_a_result_is_judged_without_the_same_words(dataset: Path, tmp_path: Path) -> None:
    source, target = dataset / "a" / "a_01.wav", dataset / "b" / "b_03.wav"
    convert_voice(source, out=tmp_path / "result.wav", target=[target])
    judged = judge_voice(source, tmp_path / "result.wav", [target])
    assert abs(judged.lag_s) < 0.005
    assert judged.pitch_result_hz == pytest.approx(judged.pitch_target_hz, rel=0.1)
    assert judged.result_distance_db < 0.6 * judged.source_distance_db
    assert 0.3 < judged.variance_ratio < 2
    alone = judge_voice(source, source)
    assert (alone.lag_s, alone.drift_s, alone.duration_error_s, alone.loudness_error_db) == pytest.approx((0, 0, 0, 0))
    assert math.isnan(alone.result_distance_db)
    assert alone.as_json()["variance_ratio"] is None
    with pytest.raises(NothingFound, match=r"silent\.wav: nobody speaks"):
        judge_voice(source, wav(tmp_path / "silent.wav", np.zeros(30_000)))
