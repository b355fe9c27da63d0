"""The referring sets in their own layouts: expressions, their truth, and predictions as servers take them."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from avfusion.datasets.rvos_clip import RvosLayout, check_layout
from avfusion.datasets.rvos_predictions import need_any, read_expression, write_expressions
from avfusion.datasets.rvos_read import read_rvos
from avfusion.datasets.rvos_write import write_rvos
from avfusion.errors import CannotRead, CannotWrite, MaskCountMismatch, UsageError
from tests.datasets.samples import rvos_sample

LAYOUTS: tuple[RvosLayout, ...] = ("youtube", "davis", "mevis")


@pytest.fixture(scope="module")
def sets(tmp_path_factory: pytest.TempPathFactory) -> dict[RvosLayout, Path]:
    root = tmp_path_factory.mktemp("sets")
    for layout in LAYOUTS:
        samples = [rvos_sample("one", has_sound=True), rvos_sample("two")]
        if layout == "mevis":
            samples[0] = replace(samples[0], said=(*samples[0].said, ("both squares", (1, 2))))
        write_rvos(root / layout, layout, samples)
    return {layout: root / layout for layout in LAYOUTS}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_expressions_and_their_truth_come_back(sets: dict[RvosLayout, Path], layout: RvosLayout) -> None:
    one, two = read_rvos(sets[layout], layout)
    sample = rvos_sample("one")
    assert (one.name, len(one.frames), one.fps) == ("one", 3, 6)
    assert (one.sound is not None, two.sound) == (True, None)
    assert [said.words for said in one.expressions[:8]] == [words for words, _ in sample.said]
    for expression in one.expressions[:8]:
        (number,) = expression.objects
        for truth, labels in zip(expression.truths, sample.labels, strict=True):
            assert truth is not None
            np.testing.assert_array_equal(truth.labels() > 0, labels == number)


def test_mevis_can_mean_several_objects(sets: dict[RvosLayout, Path]) -> None:
    both = read_rvos(sets["mevis"], "mevis")[0].expressions[-1]
    assert (both.words, both.objects) == ("both squares", (1, 2))
    assert both.truths[0] is not None
    np.testing.assert_array_equal(both.truths[0].labels() > 0, rvos_sample("x").labels[0] > 0)


def test_expressions_come_in_the_order_of_their_numbers(sets: dict[RvosLayout, Path], tmp_path: Path) -> None:
    copy = shutil.copytree(sets["youtube"], tmp_path / "set")
    listing = copy / "meta_expressions" / "valid" / "meta_expressions.json"
    content = json.loads(listing.read_text())
    said = content["videos"]["one"]["expressions"]
    content["videos"]["one"]["expressions"] = {"10": said["0"], "9": said["1"]}
    listing.write_text(json.dumps(content))
    assert [one.number for one in read_rvos(copy, "youtube")[0].expressions] == ["9", "10"]


def test_a_set_that_keeps_its_truth_has_none(sets: dict[RvosLayout, Path], tmp_path: Path) -> None:
    youtube = shutil.copytree(sets["youtube"], tmp_path / "youtube")
    shutil.rmtree(youtube / "valid" / "Annotations")
    mevis = shutil.copytree(sets["mevis"], tmp_path / "mevis")
    (mevis / "valid" / "mask_dict.json").unlink()
    for folder, layout in ((youtube, "youtube"), (mevis, "mevis")):
        assert not any(one.truths for clip in read_rvos(folder, layout) for one in clip.expressions)


def test_frames_that_nobody_annotated_are_left_open(sets: dict[RvosLayout, Path], tmp_path: Path) -> None:
    copy = shutil.copytree(sets["youtube"], tmp_path / "set")
    (copy / "valid" / "Annotations" / "one" / "00001.png").unlink()
    truths = read_rvos(copy, "youtube")[0].expressions[0].truths
    assert [truth is None for truth in truths] == [False, True, False]


def test_videos_of_the_test_list_are_no_validation(sets: dict[RvosLayout, Path], tmp_path: Path) -> None:
    copy = shutil.copytree(sets["youtube"], tmp_path / "set")
    test = copy / "meta_expressions" / "test" / "meta_expressions.json"
    test.parent.mkdir()
    test.write_text('{"videos": {"one": {}}}')
    assert [clip.name for clip in read_rvos(copy, "youtube")] == ["two"]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_what_is_missing_is_named(sets: dict[RvosLayout, Path], layout: RvosLayout, tmp_path: Path) -> None:
    copy = shutil.copytree(sets[layout], tmp_path / layout)
    (copy / "valid" / "JPEGImages" / "two" / "00002.jpg").unlink()
    with pytest.raises(CannotRead, match=r"1 file of the data set is missing: valid/JPEGImages/two/00002.jpg"):
        read_rvos(copy, layout)


@pytest.mark.parametrize("content", ["[]", '{"videos": {"one": {}}}', '{"videos": {}}', '{"videos": [1]}', "{"])
def test_a_list_that_is_no_list_is_said_so(tmp_path: Path, content: str) -> None:
    listing = tmp_path / "meta_expressions" / "valid" / "meta_expressions.json"
    listing.parent.mkdir(parents=True)
    listing.write_text(content)
    with pytest.raises(CannotRead):
        read_rvos(tmp_path, "youtube")


@pytest.mark.parametrize("layout", LAYOUTS)
def test_validation_is_found_by_either_of_its_names(
    sets: dict[RvosLayout, Path], layout: RvosLayout, tmp_path: Path
) -> None:
    copy = shutil.copytree(sets[layout], tmp_path / layout)
    for path in sorted(copy.rglob("valid"), reverse=True):
        path.rename(path.with_name("val"))
    for split in ("val", "valid"):
        assert [clip.split for clip in read_rvos(copy, layout, split)] == ["val", "val"]
    assert [clip.split for clip in read_rvos(sets[layout], layout, "val")] == ["valid", "valid"]


def test_a_split_or_layout_that_is_not_there_is_answered_with_those_that_are(
    sets: dict[RvosLayout, Path], tmp_path: Path
) -> None:
    for layout, other, known in (("mevis", "youtube", "mevis"), ("youtube", "mevis", "youtube or davis")):
        with pytest.raises(CannotRead, match=r"no clip of the split tset here. There are: valid\."):
            read_rvos(sets[layout], layout, "tset")
        with pytest.raises(CannotRead, match=rf"no set of the layout {other} is here. It is laid out as {known}\."):
            read_rvos(sets[layout], other)
    with pytest.raises(
        CannotRead, match=r"no set of the layout davis is here. It lists none as meta_expressions/valid"
    ):
        read_rvos(tmp_path, "davis")


@pytest.mark.parametrize(
    ("was", "instead", "said"),
    [
        ('"exp": "square 1, 3"', '"words": 1', "video one, expression 3 has no 'exp'."),
        ('"exp": "square 1, 3"', '"exp": 3', "video one, expression 3: 'exp' is a whole number, and should be a text."),
        ('"obj_id": [2]', '"obj_id": ["b"]', "video one, expression 4: obj_id is 'b', and should be a whole number."),
        ('"obj_id": [2]', '"obj_id": 2', "video one, expression 4: 'obj_id' is a whole number, and should be a list."),
        ('"anno_id": [1]', '"anno_id": [99]', "video one, expression 4: its anno_id 99 is not in mask_dict.json"),
        ('"frames": [', '"pictures": [', "video one has no 'frames'."),
        ('"fps": "6"', '"fps": "1/0"', "video one: fps is '1/0', and should be pictures a second"),
        ('"videos"', '"clips"', "the list has no 'videos'."),
    ],
)
def test_what_is_wrong_in_a_list_is_said_with_its_place(
    sets: dict[RvosLayout, Path], was: str, instead: str, said: str, tmp_path: Path
) -> None:
    copy = shutil.copytree(sets["mevis"], tmp_path / "mevis")
    listing = copy / "valid" / "meta_expressions.json"
    listing.write_text(listing.read_text().replace(was, instead))
    with pytest.raises(CannotRead) as caught:
        read_rvos(copy, "mevis")
    assert str(caught.value).startswith(f"{listing}: {said}")


@pytest.mark.parametrize(
    ("masks", "said"),
    [
        ({"size": 3}, "a mask in one: 'size' is a whole number, and should be a list."),
        ({"size": [3]}, "a mask in one: its size is [3], and should be [height, width]."),
        ([1, 2, 3], "a mask in one is a list, and should be an object with 'size' in it."),
    ],
)
def test_what_is_wrong_in_masks_is_said_with_its_place(
    sets: dict[RvosLayout, Path], masks: object, said: str, tmp_path: Path
) -> None:
    copy = shutil.copytree(sets["mevis"], tmp_path / "mevis")
    path = copy / "valid" / "mask_dict.json"
    path.write_text(json.dumps({number: [masks] * 3 for number in json.loads(path.read_text())}))
    with pytest.raises(CannotRead) as caught:
        read_rvos(copy, "mevis")
    assert str(caught.value).startswith(f"{path}: {said}")


@pytest.mark.parametrize("what", ['"one"', '"00001"', '"3"'])
def test_a_list_cannot_lead_out_of_its_folder(sets: dict[RvosLayout, Path], tmp_path: Path, what: str) -> None:
    copy = shutil.copytree(sets["mevis"], tmp_path / "mevis")
    listing = copy / "valid" / "meta_expressions.json"
    listing.write_text(listing.read_text().replace(what, '"../out"'))
    with pytest.raises(CannotRead, match="is no name of a file"):
        read_rvos(copy, "mevis")


def test_masks_have_to_fit_the_frames(sets: dict[RvosLayout, Path], tmp_path: Path) -> None:
    copy = shutil.copytree(sets["mevis"], tmp_path / "mevis")
    masks = copy / "valid" / "mask_dict.json"
    content = json.loads(masks.read_text())
    masks.write_text(json.dumps(content | {"0": content["0"][:2]}))
    with pytest.raises(CannotRead, match="2 masks of an object in one, which has 3 frames"):
        read_rvos(copy, "mevis")
    masks.write_text(json.dumps({number: [{"size": [3, 3], "counts": [9]}] * 3 for number in content}))
    truth = read_rvos(copy, "mevis")[0].expressions[0].truths[0]
    assert truth is not None
    assert truth.labels().tolist() == [[0] * 3] * 3
    masks.write_text(json.dumps({number: [{"size": [3, 3], "counts": [8]}] * 3 for number in content}))
    truth = read_rvos(copy, "mevis")[0].expressions[0].truths[0]
    assert truth is not None
    with pytest.raises(CannotRead, match="do not fill 3 x 3 pixels"):
        truth.labels()


@pytest.mark.parametrize("layout", LAYOUTS)
def test_predictions_come_back(sets: dict[RvosLayout, Path], layout: RvosLayout, tmp_path: Path) -> None:
    clip = read_rvos(sets[layout], layout, names=["two"])[0]
    labels = rvos_sample("two").labels
    masks = [[frame == one.objects[0] for frame in labels] for one in clip.expressions]
    write_expressions(tmp_path, clip, masks)
    for place, frames in enumerate(masks):
        read = read_expression(tmp_path, clip, place)
        assert read is not None
        for ours, written in zip(read, frames, strict=True):
            np.testing.assert_array_equal(ours, written)
    example = {"youtube": "Annotations/two/0/00000.png", "mevis": "two/0/00000.png", "davis": "anno_0/two/00000.png"}
    picture = np.asarray(Image.open(tmp_path / example[layout]))
    assert set(np.unique(picture)) == ({0, 1, 2} if layout == "davis" else {0, 255})


def test_of_two_objects_in_a_pixel_the_surer_has_it(sets: dict[RvosLayout, Path], tmp_path: Path) -> None:
    clip = read_rvos(sets["davis"], "davis", names=["two"])[0]
    everything = np.ones((30, 40), bool)
    for sure, number in (([0.9] * 4 + [0.1] * 4, 1), ([0.1] * 4 + [0.9] * 4, 2)):
        write_expressions(tmp_path / str(number), clip, [[everything] * 3] * 8, sure)
        assert np.unique(Image.open(tmp_path / str(number) / "anno_3" / "two" / "00002.png")).tolist() == [number]


def test_half_a_prediction_is_none_of_either(sets: dict[RvosLayout, Path], tmp_path: Path) -> None:
    clip = read_rvos(sets["mevis"], "mevis", names=["two"])[0]
    assert read_expression(tmp_path, clip, 0) is None
    with pytest.raises(CannotRead, match=r"VIDEO/EXPRESSION/FRAME.png"):
        need_any(tmp_path, [clip])
    write_expressions(tmp_path, clip, [[np.zeros((30, 40), bool)] * 3] * 8)
    need_any(tmp_path, [clip])
    (tmp_path / "two" / "3" / "00001.png").unlink()
    with pytest.raises(MaskCountMismatch, match=r"1 of 3 masks are missing, the first is 00001.png"):
        read_expression(tmp_path, clip, 3)


def test_each_set_says_what_it_can(tmp_path: Path) -> None:
    both = replace(rvos_sample("one"), said=(("both", (1, 2)),))
    with pytest.raises(CannotWrite, match="Only MeViS"):
        write_rvos(tmp_path / "youtube", "youtube", [both])
    with pytest.raises(CannotWrite, match="4 expressions for object 1"):
        write_rvos(tmp_path / "davis", "davis", [replace(rvos_sample("one"), said=(("a", (1,)),))])
    assert check_layout("davis") == "davis"
    with pytest.raises(UsageError, match="youtube, davis, mevis"):
        check_layout("ytvos")
