"""Made clips: the same whatever their number, and what each setting promises of them."""

from collections import Counter

import numpy as np
import pytest

from avfusion.datasets.avs_clip import AvsSample, Split
from avfusion.datasets.classes import BASE_NUMBERS, CLASSES, NOVEL_NUMBERS, NUMBER_OF, sounding_labels
from avfusion.datasets.made import MadeSettings, made_avs, split_of
from avfusion.datasets.made_rvos import made_rvos
from avfusion.datasets.rvos_clip import RvosSample
from avfusion.datasets.rvos_write import ANNOTATORS

TINY = MadeSettings(clips=7, size_px=32)


@pytest.fixture(scope="module")
def avss() -> list[AvsSample]:
    return list(made_avs("avss", TINY))


@pytest.fixture(scope="module")
def mevis() -> list[RvosSample]:
    return list(made_rvos("mevis", MadeSettings(clips=3, size_px=32)))


def classes_in(sample: AvsSample) -> set[int]:
    return {int(number) for number in np.unique(sample.truths)} - {0}


def test_a_clip_is_the_same_whatever_their_number(avss: list[AvsSample]) -> None:
    again = list(made_avs("avss", MadeSettings(clips=2, size_px=32)))
    for one, other in zip(again, avss, strict=False):
        assert (one.name, one.split, one.labels, one.subset) == (other.name, other.split, other.labels, other.subset)
        assert np.array_equal(one.pictures, other.pictures)
        assert np.array_equal(one.sound.samples, other.sound.samples)
        assert np.array_equal(one.truths, other.truths)


def test_another_seed_makes_other_clips(avss: list[AvsSample]) -> None:
    other = next(made_avs("avss", MadeSettings(clips=1, size_px=32, seed=1)))
    assert other.name != avss[0].name
    assert not np.array_equal(other.pictures[:10], avss[0].pictures[:10])


def test_splits_are_70_15_15_and_three_clips_have_all_of_them() -> None:
    settings = MadeSettings(clips=100)
    assert Counter(split_of(settings, index) for index in range(100)) == {"train": 70, "val": 15, "test": 15}
    assert {split_of(settings, index) for index in range(3)} == {"train", "val", "test"}
    assert {split_of(MadeSettings(clips=9, split="test"), index) for index in range(9)} == {"test"}


def test_avss_has_clips_of_five_and_ten_seconds(avss: list[AvsSample]) -> None:
    seconds = {"v1s": 5, "v1m": 5, "v2": 10}
    assert {sample.subset for sample in avss} == set(seconds)
    for sample in avss:
        assert len(sample.truths) == seconds[sample.subset]
        assert len(sample.pictures) == len(sample.truths) * sample.fps
        assert sample.sound.duration_s == len(sample.truths)


def test_whatever_is_true_has_its_name_among_the_labels(avss: list[AvsSample]) -> None:
    assert any(classes_in(sample) for sample in avss)
    for sample in avss:
        labels = sounding_labels("_".join(sample.labels))
        assert classes_in(sample) <= {NUMBER_OF[name] for name in labels}


def test_some_rows_are_as_dirty_as_the_published_ones(avss: list[AvsSample]) -> None:
    dirt = [label for sample in avss for label in sample.labels if label not in CLASSES[1:]]
    assert "off-the-screen" in dirt
    assert "background" in dirt
    assert any(" " in label for label in dirt)


def test_some_seconds_are_silent(avss: list[AvsSample]) -> None:
    assert any(not truth.any() for sample in avss for truth in sample.truths)


def test_s4_has_one_source_and_ms3_several() -> None:
    for sample in made_avs("s4", MadeSettings(clips=3, size_px=32)):
        assert len(sample.labels) == 1
        assert len(sample.truths) == 5
    assert all(2 <= len(sample.labels) <= 3 for sample in made_avs("ms3", MadeSettings(clips=2, size_px=32)))


def test_ov_trains_on_base_kinds_alone_and_tests_on_novel_ones_too() -> None:
    # Two clips of five seconds, of which the second has novel kinds alone when it is for testing.
    expected: tuple[tuple[Split, tuple[int, ...]], ...] = (("train", BASE_NUMBERS), ("test", NOVEL_NUMBERS))
    for split, numbers in expected:
        base, last = made_avs("ov", MadeSettings(clips=2, size_px=32, seed=3, split=split))
        assert classes_in(base) <= set(BASE_NUMBERS)
        assert classes_in(last)
        assert classes_in(last) <= set(numbers)


def test_everything_is_said_four_times_in_words_of_its_own(mevis: list[RvosSample]) -> None:
    for sample in mevis:
        alone = [(words, objects) for words, objects in sample.said if not words.startswith("everything")]
        assert len({words for words, _ in alone}) == len(alone)
        things = sorted({objects for _, objects in alone})
        assert [objects for _, objects in alone] == [thing for thing in things for _ in range(ANNOTATORS)]
        assert things == [(number,) for number in range(1, len(things) + 1)]
        assert set(np.unique(sample.labels)) <= {0, *range(1, len(things) + 1)}


def test_what_is_said_of_sound_is_true(mevis: list[RvosSample]) -> None:
    for sample in mevis:
        said = dict(sample.said)
        heard = said["everything that makes a sound"]
        silent = said.get("everything that moves without a sound", ())
        assert sorted((*heard, *silent)) == sorted({objects[0] for objects in said.values() if len(objects) == 1})
        for words, objects in said.items():
            if words.endswith("no sound") and not words.startswith("everything"):
                assert set(objects) <= set(silent)
            if words.startswith("the thing that"):
                assert set(objects) <= set(heard)


def test_only_mevis_speaks_of_several_things_at_once() -> None:
    for sample in made_rvos("davis", MadeSettings(clips=1, size_px=32)):
        assert all(len(objects) == 1 for _, objects in sample.said)
