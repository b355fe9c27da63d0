"""AVSBench scored: the truth scores 1; the sound is the clip's own, none or another's; what is written scores alike."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from avfusion.clip import Drawn
from avfusion.datasets.avs_clip import Setting
from avfusion.datasets.avs_predictions import prediction_files, write_prediction
from avfusion.datasets.avs_read import read_avs
from avfusion.datasets.avs_write import write_avs
from avfusion.datasets.classes import CLASSES
from avfusion.datasets.made import MadeSettings, made_avs
from avfusion.errors import CannotRead, MaskSizeMismatch, Stopped, UsageError
from avfusion.pipelines.convert_voice_given import read_short
from avfusion.pipelines.evaluate_avs import evaluate_avs
from avfusion.pipelines.evaluate_avs_run import EngineChoice, pictures_of
from avfusion.pipelines.evaluate_sound import sound_under
from avfusion.sounding import Sources
from tests.datasets.samples import FPS, avs_sample
from tests.pipelines.sounders import scripted, source

SETTINGS: tuple[Setting, ...] = ("s4", "ms3", "avss", "ov")


def louder(sample, gain):
    return replace(sample, sound=replace(sample.sound, samples=sample.sound.samples * np.float32(gain)))


@pytest.fixture(scope="module")
def sets(tmp_path_factory):
    """Each set with a dog (base) and a violin (novel), told apart by their loudness."""
    root = tmp_path_factory.mktemp("sets")
    samples = [avs_sample("one_0_5000"), louder(avs_sample("two_0_5000", labels=("violin",), number=68), 2)]
    for setting in SETTINGS:
        write_avs(root / setting, setting, samples)
    return {setting: root / setting for setting in SETTINGS}


@pytest.fixture
def knowing(monkeypatch):
    """An engine that knows the truth of both clips by their loudness, and hears silence."""

    def answer(clip, sound, wish):
        loudness = float(np.abs(sound.samples).mean())
        if loudness == 0:
            return Sources((), abstained="It is silent.")
        sample = avs_sample("x") if loudness < 0.12 else avs_sample("x", number=68)
        masks = [Drawn(sample.truths[second] > 0, frame=FPS * second + 1) for second in (0, 1, 3, 4)]
        name = "dog" if loudness < 0.12 else "violin"
        return Sources((source(1, *masks, sounds=(1, 1, 0, 1, 1), name=name),), step_s=1.0)

    return scripted(answer, monkeypatch)


@pytest.mark.parametrize("setting", SETTINGS)
def test_the_truth_scores_one_wherever_it_can(sets, setting, tmp_path):
    for clip in read_avs(sets[setting], setting):
        write_prediction(tmp_path, clip, [truth.labels() for truth in clip.truths])
    report = evaluate_avs(sets[setting], setting=setting, predictions=tmp_path)
    assert list(report.figures) == ["own"]
    figures = report.figures["own"]
    if setting in ("s4", "ms3"):
        # One frame of five has nothing to find: a zero where each frame is a clip of its own.
        assert figures == {name: pytest.approx(score) for name, score in
                           (("M_J", 1), ("M_F", 1), ("M_F by frame", 0.8))}  # fmt: skip
    elif setting == "ov":
        assert figures == {"mIoU": 1, "base": 1, "novel": 1, "harmonic": 1}
    else:
        assert figures["mIoU present"] == 1
        assert figures["mIoU"] == figures["F"] == pytest.approx(3 / 71), "over all 71 classes, of which three are here"
    assert (report.frames, len(report.clips), report.engines) == (10, 2, {})


@pytest.mark.parametrize("setting", ["s4", "avss"])
def test_an_engine_that_knows_scores_one_and_hears_the_difference(sets, setting, knowing, tmp_path):
    report = evaluate_avs(sets[setting], setting=setting, write=tmp_path / "out")
    loudness = [round(float(np.abs(sound.samples).mean()), 2) for _, sound, _ in knowing.heard]
    assert loudness == [0.08, 0, 0.16, 0.16, 0, 0.08], "own, none, the other's, of each clip"
    assert {sound.samples.shape[1] for _, sound, _ in knowing.heard} == {80000}
    assert {wish.labels for _, _, wish in knowing.heard} == {() if setting == "s4" else CLASSES[1:]}
    assert report.engines["sounding"] == "scripted"
    assert [report.abstained(hearing) for hearing in ("own", "mute", "swap")] == [0, 2, 0]
    assert report.clips[0].abstained == {"mute": "It is silent."}

    first = "M_J" if setting == "s4" else "mIoU present"
    own, mute, swap = (report.figures[hearing][first] for hearing in ("own", "mute", "swap"))
    assert own == pytest.approx(1)
    assert mute < 0.5
    # Without names only the place counts, and the two have the same.
    assert swap == pytest.approx(1) if setting == "s4" else swap < 0.5

    assert report.written == tmp_path / "out"
    assert evaluate_avs(sets[setting], setting=setting, predictions=tmp_path / "out").figures == report.figures
    alone = evaluate_avs(sets[setting], setting=setting, predictions=tmp_path / "out" / "own")
    assert alone.figures == {"own": report.figures["own"]}
    assert json.loads(json.dumps(report.as_json()))["figures"] == report.figures


def test_a_prediction_of_another_size_scores_the_same_when_stored(tmp_path):
    """Of a made clip, by the engine that is there without weights."""
    samples = made_avs("s4", MadeSettings(1, seed=3, size_px=96, split="test", is_plain=True))
    write_avs(tmp_path / "set", "s4", samples)
    report = evaluate_avs(tmp_path / "set", setting="s4", write=tmp_path / "out",
                          choice=EngineChoice("mutual-information", "flow", "grabcut"))  # fmt: skip
    assert report.figures["own"]["M_J"] > 0.6
    assert report.figures["own"]["M_F"] > report.figures["mute"]["M_F"] + 0.3
    assert report.abstained("mute") == 1
    assert evaluate_avs(tmp_path / "set", setting="s4", predictions=tmp_path / "out").figures == report.figures


def test_names_that_are_no_class_are_left_out(sets, monkeypatch):
    def answer(clip, sound, wish):
        places = [np.zeros((clip.height_px, clip.width_px), bool) for _ in range(3)]
        for third, place in enumerate(places):
            place[8:20, 4 + 12 * third : 16 + 12 * third] = True
        names = ("cat", "dog", "thunder")
        return Sources(
            tuple(
                source(
                    number,
                    *(Drawn(place, frame=FPS * second + 1, object=number) for second in range(5)),
                    sounds=[1] * 5,
                    name=name,
                )
                for number, (place, name) in enumerate(zip(places, names, strict=True), 1)
            )
        )

    scripted(answer, monkeypatch)
    report = evaluate_avs(sets["avss"], setting="avss", clips=["one_0_5000"], controls=False)
    # Only in the last second the dog sounds where it is said to.
    assert report.classes == {"background": pytest.approx(1, abs=0.3), "cat": 0, "dog": pytest.approx(0.25, abs=0.1)}
    assert list(report.figures) == ["own"]


def test_without_moving_pictures_there_is_one_a_second(sets, knowing, tmp_path):
    copy = shutil.copytree(sets["avss"], tmp_path / "avss")
    for video in copy.rglob("video.mp4"):
        video.unlink()

    def answer(clip, sound, wish):
        assert (clip.frame_count, clip.fps) == (5, 1)
        masks = [Drawn(truth > 0, frame=second) for second, truth in enumerate(avs_sample("x").truths) if truth.any()]
        return Sources((source(1, *masks, sounds=(1, 1, 0, 1, 1), name="dog"),), step_s=1.0)

    knowing.answer = answer
    report = evaluate_avs(copy, setting="avss", clips=["one_0_5000"])
    assert report.figures["own"]["mIoU present"] == 1


def test_another_clip_s_sound_is_one_in_which_nothing_sounds_that_sounds_here(sets):
    (clip, _) = read_avs(sets["s4"], "s4")
    sounds = [clip.sound, Path("b.wav"), Path("c.wav"), Path("d.wav")]
    labels = [("dog", "man"), ("man",), ("cat",), ("dog",)]
    others = [sound_under("swap", place, pictures_of(clip), sounds, labels) for place in range(4)]
    assert others == [sounds[2], sounds[2], sounds[3], sounds[1]]


def test_one_clip_alone_is_swapped_with_itself_turned_round(sets):
    (clip, _) = read_avs(sets["s4"], "s4")
    swapped = sound_under("swap", 0, pictures_of(clip), [clip.sound], [("dog",)])
    own = read_short(clip.sound).samples
    np.testing.assert_allclose(swapped.samples[:, :40000], own[:, 40000:], atol=1e-6)


def test_what_contradicts_itself_is_refused(sets, tmp_path):
    with pytest.raises(UsageError, match="as they are"):
        evaluate_avs(sets["s4"], setting="s4", predictions=tmp_path, choice=EngineChoice())
    with pytest.raises(CannotRead, match="10 predictions are missing"):
        evaluate_avs(sets["s4"], setting="s4", predictions=tmp_path)


@pytest.mark.parametrize("setting", ["s4", "avss"])
def test_what_is_of_another_size_is_refused_before_anything_is_scored(sets, setting, knowing, tmp_path):
    copy, stored = shutil.copytree(sets[setting], tmp_path / "set"), tmp_path / "stored"
    clips = read_avs(copy, setting)
    for clip in clips:
        write_prediction(stored, clip, [truth.labels() for truth in clip.truths])
    prediction = prediction_files(stored, clips[-1])[-1]
    for size in ((224, 224), (300, 200)):
        Image.open(prediction).resize(size, Image.Resampling.NEAREST).save(prediction)
        if size == (224, 224):
            evaluate_avs(copy, setting=setting, predictions=stored)
    with pytest.raises(MaskSizeMismatch, match=rf"{prediction.name}: the prediction has 300 x 200 pixels"):
        evaluate_avs(copy, setting=setting, predictions=stored)

    truth = clips[-1].truths[-1].path
    Image.open(truth).resize((300, 200), Image.Resampling.NEAREST).save(truth)
    with pytest.raises(MaskSizeMismatch, match=rf"{truth.name}: a true mask has 300 x 200 pixels"):
        evaluate_avs(copy, setting=setting)
    assert knowing.heard == []


def test_stopping_leaves_nothing(sets, knowing, tmp_path):
    with pytest.raises(Stopped):
        evaluate_avs(sets["s4"], setting="s4", write=tmp_path / "out", should_stop=lambda: len(knowing.heard) > 1)
    assert list(tmp_path.iterdir()) == []
