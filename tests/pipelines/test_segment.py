"""Masks out to files, in each of their forms."""

import json

import numpy as np
import pytest
from PIL import Image
from pycocotools import mask as coco

from avfusion.clip import Drawn, Point
from avfusion.errors import CannotWrite, NoPrompt, UnknownFormat
from avfusion.media.probe import probe
from avfusion.pipelines.frame import mask_frame
from avfusion.pipelines.segment import segment


def overlap(found, truth):
    return (found & truth).sum() / (found | truth).sum()


def test_a_folder_gets_palette_pngs_that_hold_the_objects_number(made, tmp_path):
    report = segment(made.clip, [Drawn(made.truth[0], object=3)], out=tmp_path / "masks")
    paths = sorted((tmp_path / "masks").iterdir())
    assert [path.name for path in paths] == [f"{index:05d}.png" for index in range(report.frames)]
    for path, truth in zip(paths, made.truth, strict=True):
        image = Image.open(path)
        values = np.asarray(image)
        assert image.mode == "P"
        assert set(np.unique(values)) <= {0, 3}
        assert overlap(values == 3, truth) > 0.8


def test_json_is_coco_rle_of_the_same_masks(made, tmp_path):
    segment(made.clip, [Drawn(made.truth[0])], out=tmp_path / "masks.json")
    document = json.loads((tmp_path / "masks.json").read_text())
    assert len(document["images"]) == len(made.truth)
    for row in document["annotations"]:
        mask = coco.decode(row["segmentation"]).astype(bool)
        assert overlap(mask, made.truth[row["image_id"]]) > 0.8


@pytest.mark.parametrize(("kind", "sounds"), [("overlay", 1), ("matte", 0)])
def test_a_video_shows_the_masks_at_the_clips_times(made, tmp_path, kind, sounds):
    segment(made.clip, [Drawn(made.truth[0])], out=tmp_path / "out.mp4", kind=kind)
    clip, out = probe(made.clip), probe(tmp_path / "out.mp4")
    assert [out.time(k) for k in range(out.frame_count)] == [clip.time(k) for k in range(clip.frame_count)]
    assert len(out.sounds) == sounds
    for before, after, truth in zip(clip.frames(), out.frames(), made.truth, strict=True):
        changed = np.abs(after.rgb.astype(int) - before.rgb).max(axis=2) > 40
        if kind == "overlay":
            assert changed[truth].mean() > 0.6
            assert changed[~truth].mean() < 0.02
        else:
            assert ((after.rgb[..., 1] > 127) == truth).mean() > 0.97


def test_one_frame_needs_a_prompt_of_its_own(made):
    clip = probe(made.clip)
    found = mask_frame(clip, [Point(90 + 5 * 6, 107, frame=6), Point(1, 1, frame=0)], frame=6)
    assert overlap(found.masks[1], made.truth[6]) > 0.8
    with pytest.raises(NoPrompt, match="frame 7"):
        mask_frame(clip, [Point(5, 5, frame=6)], frame=7)


def test_where_masks_cannot_go(made, tmp_path):
    with pytest.raises(UnknownFormat, match="masks go to"):
        segment(made.clip, [Point(90, 95)], out=tmp_path / "masks.txt")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("mine")
    with pytest.raises(CannotWrite, match="already"):
        segment(made.clip, [Drawn(made.truth[0])], out=tmp_path / "full")
    assert [path.name for path in (tmp_path / "full").iterdir()] == ["mine.txt"]


def test_in_and_out_points(made, tmp_path):
    segment(made.clip, [Drawn(made.truth[8], frame=8)], out=tmp_path / "masks", span=(6, 12))
    paths = sorted((tmp_path / "masks").iterdir())
    assert [path.name for path in paths] == [f"{index:05d}.png" for index in range(6)]
    assert np.array_equal(np.asarray(Image.open(paths[2])) > 0, made.truth[8])
    segment(made.clip, [Drawn(made.truth[8], frame=8)], out=tmp_path / "masks.json", span=(6, 12))
    document = json.loads((tmp_path / "masks.json").read_text())
    assert len(document["images"]) == len(document["annotations"]) == 6
    assert document["annotations"][2]["score"] == 1
