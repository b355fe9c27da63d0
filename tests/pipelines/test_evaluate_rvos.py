"""Referring sets scored: the truth scores 1, the words or the sound are the right ones or not, predictions are kept."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from avfusion.clip import Drawn
from avfusion.datasets.rvos_clip import RvosLayout
from avfusion.datasets.rvos_predictions import write_expressions
from avfusion.datasets.rvos_read import read_rvos
from avfusion.datasets.rvos_write import write_rvos
from avfusion.errors import CannotRead, EngineNotReady, MaskSizeMismatch, UsageError
from avfusion.pipelines.evaluate_avs_run import EngineChoice
from avfusion.pipelines.evaluate_rvos import evaluate_rvos
from avfusion.sounding import Sources
from tests.datasets.samples import rvos_sample
from tests.pipelines.sounders import scripted, source

LAYOUTS: tuple[RvosLayout, ...] = ("youtube", "davis", "mevis")


@pytest.fixture(scope="module")
def sets(tmp_path_factory):
    root = tmp_path_factory.mktemp("sets")
    for layout in LAYOUTS:
        write_rvos(root / layout, layout, [rvos_sample("one", has_sound=True, frames=2)])
    return {layout: root / layout for layout in LAYOUTS}


@pytest.fixture
def understanding(monkeypatch):
    """An engine that finds what "square N, ..." says, but nothing in silence."""

    def answer(clip, sound, wish):
        if not np.abs(sound.samples).any():
            return Sources((), abstained="It is silent.")
        labels = rvos_sample("x", frames=2).labels == int(wish.text.split()[1].strip(","))
        masks = [Drawn(mask, frame=frame) for frame, mask in enumerate(labels)]
        return Sources((source(1, *masks),), step_s=1.0)

    return scripted(answer, monkeypatch, understands=("words",))


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_truth_scores_one(sets, layout, tmp_path):
    (clip,) = read_rvos(sets[layout], layout)
    write_expressions(tmp_path, clip, [[truth.labels() > 0 for truth in one.truths] for one in clip.expressions])
    report = evaluate_rvos(sets[layout], layout=layout, predictions=tmp_path)
    assert report.figures == {"own": {"J&F": 1, "J": 1, "F": 1}}
    assert report.missing == {"own": 0}
    assert [row.scores for row in report.expressions] == [{"own": (1, 1)}] * 8


def test_who_understands_the_words_scores_one_and_other_words_find_another_thing(understanding, tmp_path):
    sample = rvos_sample("one", has_sound=True, frames=2)
    write_rvos(tmp_path / "set", "mevis", [replace(sample, said=sample.said[3:5])])
    report = evaluate_rvos(tmp_path / "set", layout="mevis", write=tmp_path / "out")
    assert list(report.figures) == ["own", "words", "mute", "swap"]
    means = {told: figures["J&F"] for told, figures in report.figures.items()}
    assert means == {"own": 1, "words": pytest.approx(0, abs=0.01), "mute": 0, "swap": 1}
    words = [wish.text for _, _, wish in understanding.heard]
    assert words == ["square 1, 3", "square 2, 0", "square 2, 0", "square 1, 3", *["square 1, 3", "square 2, 0"] * 2]
    assert report.engines["sounding"] == "scripted"

    again = evaluate_rvos(tmp_path / "set", layout="mevis", predictions=tmp_path / "out")
    assert (again.figures, again.expressions) == (report.figures, report.expressions)
    assert json.loads(json.dumps(report.as_json()))["figures"] == report.figures


def test_a_missing_prediction_scores_nothing(sets, tmp_path):
    (clip,) = read_rvos(sets["mevis"], "mevis")
    write_expressions(tmp_path, clip, [[truth.labels() > 0 for truth in one.truths] for one in clip.expressions])
    shutil.rmtree(tmp_path / "one" / "5")
    report = evaluate_rvos(sets["mevis"], layout="mevis", predictions=tmp_path)
    assert report.figures["own"]["J&F"] == pytest.approx(7 / 8)
    assert report.missing == {"own": 1}
    assert report.expressions[5].scores == {"own": None}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_what_is_of_another_size_is_refused_by_name(sets, layout, tmp_path):
    copy = shutil.copytree(sets[layout], tmp_path / "set")
    (clip,) = read_rvos(copy, layout)
    write_expressions(
        tmp_path / "out", clip, [[truth.labels() > 0 for truth in one.truths] for one in clip.expressions]
    )
    prediction = sorted((tmp_path / "out").rglob("*.png"))[-1]
    Image.open(prediction).resize((224, 224), Image.Resampling.NEAREST).save(prediction)
    with pytest.raises(MaskSizeMismatch, match=rf"{prediction}: the prediction has 224 x 224 pixels .* 40 x 30"):
        evaluate_rvos(copy, layout=layout, predictions=tmp_path / "out")

    Image.open(clip.frames[1]).resize((80, 60)).save(clip.frames[1])
    with pytest.raises(MaskSizeMismatch, match=r"a true mask has 40 x 30 pixels and its picture one/00001.jpg 80 x 60"):
        evaluate_rvos(copy, layout=layout, predictions=tmp_path / "out")


def test_a_set_that_keeps_its_truth_is_written_and_not_scored(sets, understanding, tmp_path):
    copy = shutil.copytree(sets["youtube"], tmp_path / "set")
    shutil.rmtree(copy / "valid" / "Annotations")
    with pytest.raises(UsageError, match="keeps the truth of valid to itself"):
        evaluate_rvos(copy, layout="youtube")
    listing = copy / "meta_expressions" / "valid" / "meta_expressions.json"
    said = json.loads(listing.read_text())
    said["videos"]["one"]["expressions"] = {"7": {"exp": "square 1, 7"}}
    listing.write_text(json.dumps(said))
    report = evaluate_rvos(copy, layout="youtube", write=tmp_path / "out", controls=False)
    assert (report.figures, report.written) == ({}, tmp_path / "out")
    assert len(list((tmp_path / "out" / "own" / "Annotations" / "one" / "7").iterdir())) == 2


def test_what_cannot_be_is_refused(sets, tmp_path):
    with pytest.raises(CannotRead, match="no predictions in it"):
        evaluate_rvos(sets["davis"], layout="davis", predictions=tmp_path)
    with pytest.raises(UsageError, match="as they are"):
        evaluate_rvos(sets["davis"], layout="davis", predictions=tmp_path, choice=EngineChoice())
    with pytest.raises(EngineNotReady, match="by words"):
        evaluate_rvos(sets["davis"], layout="davis")
