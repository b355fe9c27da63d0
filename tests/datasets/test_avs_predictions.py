"""Predictions in the files of AVSBench's own code: class colours there and back, greys kept, missing ones named."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from avfusion.datasets.avs_clip import AvsClip, Setting
from avfusion.datasets.avs_predictions import (
    need_predictions,
    numbers_of,
    read_classes,
    read_probabilities,
    write_prediction,
)
from avfusion.datasets.classes import BASE_NUMBERS, CLASSES, NOVEL_NUMBERS, NUMBER_OF, sounding_labels
from avfusion.datasets.write_parts import save_colours
from avfusion.errors import CannotRead


def clip(setting: Setting, category: str = "") -> AvsClip:
    frames = (Path("0.png"), Path("1.png"))
    return AvsClip("name", setting, "test", "v1m", category, (), frames, Path("a.wav"), (None, None))


def test_every_class_comes_back_from_its_colour(tmp_path: Path) -> None:
    numbers = np.arange(71, dtype=np.uint8)[None]
    save_colours(tmp_path / "all.png", numbers)
    colours = np.asarray(Image.open(tmp_path / "all.png"))
    np.testing.assert_array_equal(numbers_of(colours), numbers)
    known = {"accordion": (128, 0, 0), "airplane": (0, 128, 0), "axe": (128, 128, 0), "boat": (64, 0, 0),
             "trumpet": (192, 192, 192), "tuba": (32, 0, 0), "woman": (32, 128, 128)}  # fmt: skip
    assert {name: tuple(colours[0, NUMBER_OF[name]].tolist()) for name in known} == known


def test_unknown_colours_are_background() -> None:
    assert numbers_of(np.array([[[1, 2, 3], [255, 255, 255], [128, 0, 0]]], np.uint8)).tolist() == [[0, 0, 1]]


def test_where_the_files_lie(tmp_path: Path) -> None:
    masks = [np.array([[0, 1]], np.uint8), np.array([[1, 0]], np.uint8)]
    write_prediction(tmp_path, clip("s4", "dog"), masks)
    write_prediction(tmp_path, clip("ms3"), masks)
    written = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.png"))
    assert written == ["dog/name/name_0.png", "dog/name/name_1.png", "name/name_0.png", "name/name_1.png"]
    for path in tmp_path.rglob("*_0.png"):
        picture = np.asarray(Image.open(path))
        assert picture.shape == (224, 224)
        assert (picture[:, :112].max(), picture[:, 112:].min()) == (0, 255)


def test_greys_are_probabilities_and_class_pictures_may_be_numbers(tmp_path: Path) -> None:
    (tmp_path / "name").mkdir()
    for k in range(2):
        Image.fromarray(np.array([[0, 51, 255]], np.uint8)).save(tmp_path / "name" / f"name_{k}.png")
    (first, _) = read_probabilities(tmp_path, clip("ms3"))
    assert first.tolist() == [[0, pytest.approx(0.2), 1]]
    for k in range(2):
        Image.fromarray(np.array([[0, 17]], np.uint8)).convert("P").save(tmp_path / "name" / f"name_{k}.png")
    assert read_classes(tmp_path, clip("avss"))[0].tolist() == [[0, 17]]


def test_class_numbers_come_back(tmp_path: Path) -> None:
    masks = [np.array([[0, 70]], np.uint8), np.array([[3, 0]], np.uint8)]
    write_prediction(tmp_path, clip("avss"), masks)
    for ours, written in zip(read_classes(tmp_path, clip("avss")), masks, strict=True):
        np.testing.assert_array_equal(ours, written)


def test_missing_predictions_are_named(tmp_path: Path) -> None:
    with pytest.raises(CannotRead, match=r"2 predictions are missing: name/name_0.png, name/name_1.png"):
        need_predictions(tmp_path, [clip("ms3")])


def test_classes_are_numbered_in_the_order_of_the_alphabet() -> None:
    assert len(CLASSES) == 71
    assert list(CLASSES[1:]) == sorted(CLASSES[1:])
    assert (NUMBER_OF["accordion"], NUMBER_OF["trumpet"], NUMBER_OF["woman"]) == (1, 63, 70)
    assert (len(BASE_NUMBERS), len(NOVEL_NUMBERS)) == (40, 30)
    base = {CLASSES[number] for number in BASE_NUMBERS}
    assert {"airplane", "dog", "vacuum-cleaner", "woman"} <= base
    assert not {"accordion", "violin", "wolf", "erhu"} & base


@pytest.mark.parametrize(
    ("field", "labels"),
    [
        ("bird", ("bird",)),
        ("girl_guitar", ("girl", "guitar")),
        ("off-the-screen", ()),
        ("background_man", ("man",)),
        ("h orse_man", ("horse", "man")),
        ("man_man", ("man",)),
        ("thunder", ("thunder",)),
    ],
)
def test_labels_of_the_published_table(field: str, labels: tuple[str, ...]) -> None:
    assert sounding_labels(field) == labels
