"""Data sets in both layouts, through the engines' loading code, against the same numbers worked out anew."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.metrics import jaccard_score

from avfusion.cli import main
from avfusion.engines.catalogue import find
from avfusion.engines.engine import HubFiles
from avfusion.engines.registry import Registry
from avfusion.errors import AvfusionError, CannotRead, EngineNotReady, MaskSizeMismatch, UnknownEngine, UsageError
from avfusion.pipelines import evaluate_segmentation as pipeline
from avfusion.pipelines.evaluate_segmentation import evaluate_segmentation, match_names
from avfusion.pipelines.scene_truth import ADE_NAMES, read_scenes
from tests.engines.test_segmenters import makers, put
from tests.segmentation.tiny_transformers import NAMES

HEIGHT, WIDTH = 48, 72


@pytest.fixture(autouse=True)
def own_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    """No engine of an earlier test, and the same dice for all."""
    torch.manual_seed(0)
    registry = Registry()
    monkeypatch.setattr(pipeline, "lend", registry.lend)


def pull(name: str) -> None:
    (source,) = find(name, "segmentation").sources
    assert isinstance(source, HubFiles)
    put(source, next(make for part, make in makers().items() if part in source.repository))


def picture(seed: int) -> np.ndarray:
    spots = np.random.default_rng(seed).integers(0, 256, (5, 7, 3), np.uint8)
    return cv2.resize(spots, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)


def blocks(seed: int, count: int) -> np.ndarray:
    """uint8 [H, W]: numbers 0..count in blocks of 12 x 12 pixels."""
    numbers = np.random.default_rng(seed).integers(0, count + 1, (HEIGHT // 12, WIDTH // 12))
    return np.kron(numbers, np.ones((12, 12))).astype(np.uint8)


@pytest.fixture
def ade(tmp_path: Path) -> Path:
    """Two pictures with the tiny engines' six classes; 0 is no class."""
    for room in ("images", "annotations"):
        (tmp_path / room / "validation").mkdir(parents=True)
    for index in range(2):
        Image.fromarray(picture(index)).save(tmp_path / "images" / "validation" / f"{index}.png")
        Image.fromarray(blocks(index, 6)).save(tmp_path / "annotations" / "validation" / f"{index}.png")
    lines = [f"{number + 1}\t0.1\t5\t5\t{name}" for number, name in NAMES.items()]
    (tmp_path / ADE_NAMES).write_text("\n".join(["Idx\tRatio\tTrain\tVal\tName", *lines]) + "\n")
    return tmp_path


@pytest.fixture
def coco(tmp_path: Path) -> Path:
    """Two pictures with a segment for each block; persons, tables, cars and dogs are things."""
    pngs = tmp_path / "annotations" / "panoptic_val2017"
    pngs.mkdir(parents=True)
    (tmp_path / "val2017").mkdir()
    annotations = []
    for index in range(2):
        Image.fromarray(picture(index)).save(tmp_path / "val2017" / f"{index}.jpg", quality=100)
        number = np.kron(np.arange(24).reshape(4, 6), np.ones((12, 12), int))
        ids = 300 * number  # 0 is no segment
        Image.fromarray(np.dstack([ids % 256, ids // 256, ids * 0]).astype(np.uint8)).save(pngs / f"{index}.png")
        kinds = np.random.default_rng(index).integers(0, 6, 24)
        parts = [
            {"id": 300 * place, "category_id": 10 + int(kinds[place]), "iscrowd": int(place == 5)}
            for place in range(1, 24)
        ]
        annotations.append({"image_id": index, "file_name": f"{index}.png", "segments_info": parts})
    categories = [
        {"id": 10 + number, "name": name, "isthing": int(name in ("person", "dining table", "car, auto", "dog"))}
        for number, name in NAMES.items()
    ]
    listed = {
        "images": [{"id": index, "file_name": f"{index}.jpg"} for index in range(2)],
        "annotations": annotations,
        "categories": categories[::-1],
    }
    (tmp_path / "annotations" / "panoptic_val2017.json").write_text(json.dumps(listed))
    return tmp_path


def predicted(engine: str, rgb: np.ndarray) -> np.ndarray:
    """The class of each pixel by the engine, -1 for none."""
    number = {name: place for place, name in NAMES.items()}
    with Registry().lend(engine, "segmentation", "cpu") as parser:
        found = parser.segments(rgb)
    return np.array([*(number[label] for label in found.labels), -1])[found.number]


def test_ade_as_scikit_learn_counts_over_all_pictures(ade: Path) -> None:
    pull("segformer-b0-ade")
    report = evaluate_segmentation(ade, engine="segformer-b0-ade")
    truth = np.stack([blocks(index, 6).astype(int) - 1 for index in range(2)])
    ours = np.stack([predicted("segformer-b0-ade", picture(index)) for index in range(2)])
    labelled = truth >= 0
    ious = jaccard_score(truth[labelled], ours[labelled], labels=range(6), average=None, zero_division=0)
    assert [row.name for row in report.classes] == list(NAMES.values())
    assert [row.iou for row in report.classes] == pytest.approx(ious.tolist())
    assert report.mean_iou == pytest.approx(ious.mean())
    assert report.pixel_accuracy == pytest.approx((truth == ours)[labelled].mean())
    assert 0 < report.mean_iou < 1
    assert report.pictures == 2
    assert report.unnamed == ()
    assert report.panoptic is None


def test_the_truth_itself_scores_one(coco: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An engine that reads the truth: crowds and what has no truth are no mistakes."""
    pull("mask2former-swin-tiny-coco")
    scenes = read_scenes(coco)
    answers = iter([scenes.parts(scene) for scene in scenes.scenes])
    from avfusion.segmentation.labelled import Labelled
    from avfusion.segmentation.segments import Segments

    def segments(self: Labelled, rgb: np.ndarray) -> Segments:
        parts = next(answers)
        return Segments(parts.number, tuple(scenes.names[kind] for kind in parts.classes), (1.0,) * len(parts.classes))

    monkeypatch.setattr(Labelled, "segments", segments)
    report = evaluate_segmentation(coco, engine="mask2former-swin-tiny-coco")
    assert report.mean_iou == report.pixel_accuracy == 1
    assert report.panoptic is not None
    things, stuff = report.panoptic["things"], report.panoptic["stuff"]
    assert things is not None
    assert (things.pq, things.sq, things.rq) == (1, 1, 1)
    # Each block of stuff is a segment of its own in this truth, and one of all of them in the answer.
    assert stuff is not None
    assert stuff.pq < 1


def test_coco_gives_panoptic_quality_and_mean_iou(coco: Path) -> None:
    pull("mask2former-swin-tiny-coco")
    report = evaluate_segmentation(coco, engine="mask2former-swin-tiny-coco")
    assert report.panoptic is not None
    assert set(report.panoptic) == {"all", "things", "stuff"}
    truth = [read_scenes(coco).classes(scene) for scene in read_scenes(coco).scenes]
    ours = [
        predicted("mask2former-swin-tiny-coco", np.array(Image.open(coco / "val2017" / f"{i}.jpg"))) for i in (0, 1)
    ]
    right = sum(int(((one == other) & (one >= 0)).sum()) for one, other in zip(truth, ours, strict=True))
    assert report.pixel_accuracy == pytest.approx(right / sum(int((one >= 0).sum()) for one in truth))
    for row in report.classes:
        assert row.pq is None or 0 <= row.pq <= 1


def test_truth_is_read_as_it_was_written(coco: Path) -> None:
    scenes = read_scenes(coco)
    assert scenes.names == tuple(NAMES.values())
    assert scenes.things == (True, True, False, True, False, True)
    parts = scenes.parts(scenes.scenes[0])
    assert (parts.number[:12, :12] == -1).all()
    assert parts.classes[0] == np.random.default_rng(0).integers(0, 6, 24)[1]
    assert [place for place, crowd in enumerate(parts.is_crowd) if crowd] == [4]


def test_names_are_matched_by_what_is_most_alike() -> None:
    ade_names = ["wall", "screen door, screen", "person, individual", "screen, silver screen", "crt screen"]
    matched = match_names(ade_names, ["screen", "Screen door", "person", "silver screen", "wall-brick", "crt_screen"])
    assert matched == {"screen": 3, "Screen door": 1, "person": 2, "silver screen": 3, "crt_screen": 4}


def test_a_class_without_a_name_is_told(ade: Path) -> None:
    pull("segformer-b0-ade")
    names = (ade / ADE_NAMES).read_text().replace("wall-brick", "unicorn")
    (ade / ADE_NAMES).write_text(names)
    report = evaluate_segmentation(ade, engine="segformer-b0-ade")
    assert report.unnamed == ("unicorn",)
    assert report.classes[2].iou == 0


def _without(*parts: str) -> Callable[[Path], None]:
    return lambda folder: folder.joinpath(*parts).unlink()


def _wrong_size(folder: Path) -> None:
    Image.fromarray(blocks(0, 6)[:-1]).save(folder / "annotations" / "validation" / "0.png")


def _other_names(folder: Path) -> None:
    (folder / ADE_NAMES).write_text("Idx\tName\n" + "".join(f"{number + 1}\tthing {number}\n" for number in range(6)))


def _high_class(folder: Path) -> None:
    Image.fromarray(blocks(0, 6) + np.uint8(20)).save(folder / "annotations" / "validation" / "0.png")


@pytest.mark.parametrize(
    ("spoil", "error", "says"),
    [
        (_without("images", "validation", "1.png"), CannotRead, r"validation/1.jpg: this picture is missing"),
        (_without(ADE_NAMES), CannotRead, "objectInfo150.txt: the names of the classes are missing"),
        (_wrong_size, MaskSizeMismatch, r"0.png: 72 x 47 pixels, and .*0.png has 72 x 48"),
        (_other_names, UsageError, "has names for 0 of its 6 classes .none for 'thing 0'"),
        (_high_class, CannotRead, "0.png: class 26, and the data set has names for 6"),
    ],
)
def test_what_is_wrong_with_ade_is_said(
    ade: Path, spoil: Callable[[Path], None], error: type[AvfusionError], says: str
) -> None:
    pull("segformer-b0-ade")
    spoil(ade)
    with pytest.raises(error, match=says) as raised:
        evaluate_segmentation(ade, engine="segformer-b0-ade")
    assert "\n" not in str(raised.value)


def test_what_is_wrong_with_coco_is_said(coco: Path) -> None:
    listed = coco / "annotations" / "panoptic_val2017.json"
    whole = listed.read_text()
    (coco / "annotations" / "panoptic_val2017" / "1.png").rename(coco / "away.png")
    with pytest.raises(CannotRead, match=r"panoptic_val2017/1.png: this truth is missing"):
        read_scenes(coco)
    (coco / "away.png").rename(coco / "annotations" / "panoptic_val2017" / "1.png")
    listed.write_text(whole[:100])
    with pytest.raises(CannotRead, match="not whole, or no JSON"):
        read_scenes(coco)
    listed.write_text(whole.replace("segments_info", "parts"))
    with pytest.raises(CannotRead, match="not a list of panoptic segments"):
        read_scenes(coco)
    listed.write_text(whole.replace('"id": 300,', '"id": 301,'))
    scenes = read_scenes(coco)
    with pytest.raises(CannotRead, match=r"0.png: segment 300 is not in its list"):
        scenes.parts(scenes.scenes[0])


def test_engines_that_cannot_be_scored_are_refused(ade: Path, tmp_path: Path) -> None:
    with pytest.raises(UnknownEngine, match="segformer"):
        evaluate_segmentation(ade, engine="segformer")
    with pytest.raises(EngineNotReady, match="avfusion engines pull segformer-b0-ade"):
        evaluate_segmentation(ade, engine="segformer-b0-ade")
    with pytest.raises(UsageError, match=r"grabcut gives no names to what it finds. These do: .*segformer"):
        evaluate_segmentation(ade, engine="grabcut")
    with pytest.raises(CannotRead, match="laid out neither as ADE20K"):
        evaluate_segmentation(ade / "images", engine="grabcut")


def test_the_program_prints_a_table_or_json(coco: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pull("mask2former-swin-tiny-coco")
    words = ["evaluate", "segmentation", str(coco), "--engine", "mask2former-swin-tiny-coco", "--quiet"]
    assert main(words) == 0
    table = capsys.readouterr().out
    assert "mean IoU 0." in table
    assert "things PQ" in table
    assert main([*words, "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["pictures"] == 2
    assert f"mean IoU {report['mean_iou']:.3f}" in table
    assert main(["evaluate", "segmentation", str(coco / "none"), "--engine", "clipseg"]) == 3


@pytest.mark.real_data
def test_a_real_panoptic_truth_is_read(shared_data: Path, tmp_path: Path) -> None:
    """Two cats on a couch, with two remote controls, as COCO has them."""
    photos = shared_data / "photos"
    parts = json.loads((photos / "two_cats_panoptic.json").read_text())
    names = {17: "cat", 63: "couch", 75: "remote", 93: "blanket"}
    listed = {
        "images": [{"id": 1, "file_name": "two_cats.png"}],
        "annotations": [{"image_id": 1, "file_name": "two_cats_panoptic.png", "segments_info": parts}],
        "categories": [{"id": own, "name": name, "isthing": own < 90} for own, name in names.items()],
    }
    (tmp_path / "panoptic.json").write_text(json.dumps(listed))
    (tmp_path / "panoptic").symlink_to(photos)
    (tmp_path / "images").symlink_to(photos)
    scenes = read_scenes(tmp_path)
    found = scenes.parts(scenes.scenes[0])
    areas = np.bincount(found.number[found.number >= 0])
    assert areas.tolist() == [part["area"] for part in parts]
    assert set(np.unique(scenes.classes(scenes.scenes[0]))) <= {-1, 0, 1, 2, 3}
