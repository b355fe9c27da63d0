"""AVSBench in its own layouts: what was written is read again, what is missing is named, dirt is seen through."""

import csv
import json
import shutil
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from avfusion.datasets.avs_clip import AvsSample, Setting, check_setting, check_split
from avfusion.datasets.avs_read import read_avs
from avfusion.datasets.avs_write import write_avs
from avfusion.datasets.truth import NumberPicture
from avfusion.errors import CannotRead, CannotWrite, UsageError
from tests.datasets.samples import FPS, HEIGHT_PX, WIDTH_PX, avs_sample

SETTINGS: tuple[Setting, ...] = ("s4", "ms3", "avss", "ov")


@pytest.fixture(scope="module")
def sets(tmp_path_factory: pytest.TempPathFactory) -> dict[Setting, Path]:
    """Each set with two clips for testing and one for training."""
    root = tmp_path_factory.mktemp("sets")
    samples = [
        avs_sample("aB-c_0_5000", labels=("dog", "off-the-screen")),
        avs_sample("d_e_0_10000", subset="v2", seconds=10, labels=("girl", "h orse"), number=26),
        avs_sample("f_0_5000", "train", subset="v1s"),
    ]
    for setting in SETTINGS:
        here = samples if setting in ("avss", "ov") else [samples[0], samples[2]]
        assert write_avs(root / setting, setting, here) == len(here)
    return {setting: root / setting for setting in SETTINGS}


@pytest.mark.parametrize("setting", SETTINGS)
def test_truth_comes_back_as_it_was(sets: dict[Setting, Path], setting: Setting) -> None:
    clip = read_avs(sets[setting], setting)[0]
    sample = avs_sample("x")
    for truth, written in zip(clip.truths, sample.truths, strict=True):
        assert truth is not None
        if setting in ("s4", "ms3"):
            shrunk = np.asarray(Image.fromarray(truth.labels()).resize((WIDTH_PX, HEIGHT_PX), Image.Resampling.NEAREST))
            assert truth.labels().shape == (224, 224)
            np.testing.assert_array_equal(shrunk, written > 0)
        else:
            np.testing.assert_array_equal(truth.labels(), written)


@pytest.mark.parametrize("setting", SETTINGS)
def test_each_second_is_shown_by_its_last_sixteenth(sets: dict[Setting, Path], setting: Setting) -> None:
    clip = read_avs(sets[setting], setting)[0]
    for second, path in enumerate(clip.frames):
        red = np.asarray(Image.open(path).convert("RGB"))[-1, -1, 0]
        assert red == pytest.approx(10 * (FPS * second + 1), abs=2)


@pytest.mark.parametrize("setting", SETTINGS)
def test_sound_and_moving_pictures_lie_beside_them(sets: dict[Setting, Path], setting: Setting) -> None:
    clip = read_avs(sets[setting], setting)[0]
    with av.open(str(clip.sound)) as sound:
        stream = sound.streams.audio[0]
        count = sum(frame.samples for frame in sound.decode(stream))
        assert (stream.rate, stream.channels, count) == (16000, 1, 80000)
    assert clip.video is not None
    with av.open(str(clip.video)) as video:
        assert len(list(video.decode(video=0))) == 5 * FPS
        assert len(video.streams.audio) == 1


def test_of_s4_s_training_clips_only_the_first_frame_is_true(sets: dict[Setting, Path]) -> None:
    for setting in ("s4", "avss", "ov"):
        (clip,) = read_avs(sets[setting], setting, "train")
        assert [truth is not None for truth in clip.truths] == [True, False, False, False, False]
    (clip,) = read_avs(sets["ms3"], "ms3", "train")
    assert all(clip.truths)


def test_dirt_among_the_labels_is_seen_through(sets: dict[Setting, Path]) -> None:
    for setting in ("avss", "ov"):
        assert [clip.labels for clip in read_avs(sets[setting], setting)] == [("dog",), ("girl", "horse")]
        assert [clip.subset for clip in read_avs(sets[setting], setting)] == ["v1m", "v2"]


def test_the_folder_itself_will_do_too(sets: dict[Setting, Path]) -> None:
    inner = {"s4": "AVSBench_object/Single-source", "ms3": "AVSBench_object", "avss": "AVSBench_semantic",
             "ov": "AVSBench-openvoc"}  # fmt: skip
    for setting in SETTINGS:
        assert read_avs(sets[setting] / inner[setting], setting)[0].name == "aB-c_0_5000"


def test_v2_is_the_long_clips_of_avss(sets: dict[Setting, Path]) -> None:
    (clip,) = read_avs(sets["avss"], "v2")
    assert (clip.name, clip.setting, len(clip.frames)) == ("d_e_0_10000", "v2", 10)


def test_a_clip_of_v2_may_have_nine_frames(sets: dict[Setting, Path], tmp_path: Path) -> None:
    copy = shutil.copytree(sets["avss"], tmp_path / "avss")
    place = copy / "AVSBench_semantic" / "v2" / "d_e_0_10000"
    (place / "labels_semantic" / "9.png").unlink()
    with_picture = read_error(copy, "avss")
    assert "v2/d_e_0_10000/labels_semantic/9.png" in with_picture
    (place / "frames" / "9.jpg").unlink()
    assert len(read_avs(copy, "avss")[1].frames) == 9


@pytest.mark.parametrize("setting", SETTINGS)
def test_missing_files_are_counted_and_the_first_are_named(
    sets: dict[Setting, Path], setting: Setting, tmp_path: Path
) -> None:
    copy = shutil.copytree(sets[setting], tmp_path / setting)
    clip = read_avs(copy, setting)[0]
    gone = [*clip.frames, clip.sound, *(truth.path for truth in clip.truths if isinstance(truth, NumberPicture))]
    for path in gone:
        path.unlink()
    said = read_error(copy, setting)
    assert f"{len(gone)} files of the data set are missing" in said
    assert str(gone[0].relative_to(copy)) in said
    assert f"and {len(gone) - 5} more" in said


def test_a_table_is_needed_and_its_columns(sets: dict[Setting, Path], tmp_path: Path) -> None:
    assert "s4_meta_data.csv is not here" in read_error(tmp_path, "s4")
    assert "avsbench_ov_test*.json is not here" in read_error(tmp_path, "ov")
    copy = shutil.copytree(sets["avss"], tmp_path / "avss")
    table = copy / "AVSBench_semantic" / "metadata.csv"
    table.write_text(table.read_text().replace("a_obj", "objects"))
    assert "no column a_obj" in read_error(copy, "avss")
    table.write_text("")
    assert "the table is empty" in read_error(copy, "avss")


def test_ms3_is_read_by_the_place_of_its_columns(sets: dict[Setting, Path], tmp_path: Path) -> None:
    copy = shutil.copytree(sets["ms3"], tmp_path / "ms3")
    table = copy / "AVSBench_object" / "Multi-sources" / "ms3_meta_data.csv"
    table.write_text(table.read_text().replace("video_id,split", "whatever,it says"))
    assert [clip.name for clip in read_avs(copy, "ms3")] == ["aB-c_0_5000"]


def test_open_vocabulary_takes_masks_from_its_list_where_the_pictures_are_not_there(
    sets: dict[Setting, Path], tmp_path: Path
) -> None:
    copy = shutil.copytree(sets["ov"], tmp_path / "ov")
    for folder in copy.rglob("labels_semantic"):
        shutil.rmtree(folder)
    listing = copy / "AVSBench-openvoc" / "avsbench_ov_test_base_novel.json"
    content = json.loads(listing.read_text())
    # The same square as a polygon, and another one of a class that nobody says sounds here.
    content["annotations"][0]["segmentations"][1] = [[7, 8, 18, 8, 18, 19, 7, 19]]
    content["annotations"].append({**content["annotations"][0], "id": 9, "category_id": 3})
    listing.write_text(json.dumps(content))
    clip = read_avs(copy, "ov")[0]
    for truth, written in zip(clip.truths, avs_sample("x").truths, strict=True):
        assert truth is not None
        np.testing.assert_array_equal(truth.labels(), written)


def test_a_list_that_is_no_list_is_said_so(sets: dict[Setting, Path], tmp_path: Path) -> None:
    copy = shutil.copytree(sets["ov"], tmp_path / "ov")
    listing = copy / "AVSBench-openvoc" / "avsbench_ov_test_base_novel.json"
    for content in ('{"videos": [{}], "annotations": []}', "[]", "{"):
        listing.write_text(content)
        assert str(listing) in read_error(copy, "ov")


def test_only_named_clips(sets: dict[Setting, Path]) -> None:
    assert [clip.name for clip in read_avs(sets["avss"], "avss", names=["d_e_0_10000"])] == ["d_e_0_10000"]
    with pytest.raises(CannotRead, match=r"no clip nobody here. There are: aB-c_0_5000, d_e_0_10000\."):
        read_avs(sets["avss"], "avss", names=["nobody"])


@pytest.mark.parametrize("setting", SETTINGS)
def test_a_split_without_clips_is_answered_with_those_that_have_some(
    sets: dict[Setting, Path], setting: Setting
) -> None:
    with pytest.raises(CannotRead, match=r"no clip of the split val here. There are: train, test\."):
        read_avs(sets[setting], setting, "val")


@pytest.mark.parametrize("name", ["", "a/b", "..", "a b"])
def test_names_that_are_no_file_names_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(CannotWrite, match="a clip's name"):
        write_avs(tmp_path / "set", "ms3", [avs_sample(name)])
    assert not list(tmp_path.iterdir())


def test_two_clips_of_one_name_are_refused(tmp_path: Path) -> None:
    with pytest.raises(CannotWrite, match="two clips"):
        write_avs(tmp_path / "set", "ms3", [avs_sample("a"), avs_sample("a")])


def test_metadata_is_laid_out_as_published(sets: dict[Setting, Path]) -> None:
    with (sets["avss"] / "AVSBench_semantic" / "metadata.csv").open() as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["vid", "uid", "s_min", "s_sec", "a_obj", "split", "label"]
    assert rows[2] == ["d_e", "d_e_0_10000", "0", "0", "girl_h orse", "test", "v2"]


def test_settings_and_splits_have_names() -> None:
    assert check_setting("s4") == "s4"
    assert check_split("val") == "val"
    with pytest.raises(UsageError, match="There are: s4, ms3, avss, ov"):
        check_setting("v2")
    with pytest.raises(UsageError, match="There are: train, val, test"):
        check_split("valid")


@pytest.mark.parametrize(
    ("was", "instead", "said"),
    [
        ('"videos"', '"clips"', "the list has no 'videos'."),
        ('"video_id": 1', '"video": 1', "annotation 0 (counted from 0) has no 'video_id'."),
        ('"label": "v1m"', '"label": 1', "video 0 (counted from 0): 'label' is a whole number, and should be a text."),
        ('"height": 30', '"height": null', "video aB-c_0_5000: 'height' is null, and should be a whole number."),
        ('"category_id"', '"category"', "video aB-c_0_5000: an annotation has no 'category_id'."),
    ],
)
def test_what_is_wrong_in_a_list_is_said_with_its_place(
    sets: dict[Setting, Path], was: str, instead: str, said: str, tmp_path: Path
) -> None:
    copy = shutil.copytree(sets["ov"], tmp_path / "ov")
    for labels in copy.rglob("labels_semantic"):
        shutil.rmtree(labels)
    (listing,) = copy.rglob("avsbench_ov_test*.json")
    listing.write_text(listing.read_text().replace(was, instead))
    assert read_error(copy, "ov").startswith(f"{listing}: {said}")


def read_error(folder: Path, setting: Setting) -> str:
    with pytest.raises(CannotRead) as caught:
        read_avs(folder, setting)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_sample_without_its_kind_is_refused(tmp_path: Path) -> None:
    sample: AvsSample = avs_sample("a", subset="v3")
    with pytest.raises(CannotWrite, match="v1s, v1m or v2"):
        write_avs(tmp_path / "set", "avss", [sample])


@pytest.mark.parametrize("setting", ["s4", "ms3", "avss", "ov"])
def test_a_list_cannot_lead_out_of_its_folder(sets: dict[Setting, Path], setting: Setting, tmp_path: Path) -> None:
    copy = shutil.copytree(sets[setting], tmp_path / setting)
    for listing in (*copy.rglob("*.csv"), *copy.rglob("avsbench_ov*.json")):
        listing.write_text(listing.read_text().replace("aB-c_0_5000", "../../out"))
    assert "is no name of a file" in read_error(copy, setting)
