"""Removing from file to file: laws, formats, every bad input."""

import json
import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from avfusion.clip import Drawn, Point
from avfusion.errors import (
    CannotRead,
    MaskCountMismatch,
    MaskSizeMismatch,
    NoPrompt,
    OutputIsInput,
    Stopped,
    UnknownEngine,
    UnknownFormat,
    UsageError,
)
from avfusion.media.cut import cut
from avfusion.media.probe import probe
from avfusion.media.write import Encoding, write_video
from avfusion.metrics.inpaint import psnr_inside
from avfusion.pipelines.remove import RemoveSettings, remove
from avfusion.pipelines.remove_holes import grown, in_blocks
from avfusion.pipelines.remove_render import INVENTED, SEEN, map_picture, replaced
from tests.pipelines.conftest import FRAMES, HEIGHT, WIDTH, noise
from tests.pipelines.test_swap import masks_of, planes, same_times, sound_packets

LOSSLESS = Encoding(quality=0)


def scene(frame: int) -> np.ndarray:
    """What lies behind the ball of the made clip."""
    far = noise(1, (HEIGHT, WIDTH + 60), np.array([20.0, 60.0, 30.0]), [90, 170, 110])
    return np.rint(far[:, 60 - 2 * frame : 60 - 2 * frame + WIDTH]).astype(np.uint8)


def test_outside_the_hole_every_sample_is_the_clips(made, tmp_path):
    settings = RemoveSettings(grow_px=5, encoding=LOSSLESS)
    report = remove(made.clip, masks=made.masks, engine="telea", out=tmp_path / "out.mp4", settings=settings)
    for mask, before, after in zip(made.truth, planes(made.clip), planes(tmp_path / "out.mp4"), strict=True):
        hole = in_blocks(grown(mask, 5))
        assert np.array_equal(before[0][~hole], after[0][~hole])
        for channel in (1, 2):
            assert np.array_equal(before[channel][~hole[::2, ::2]], after[channel][~hole[::2, ::2]])
        assert (before[0][mask] != after[0][mask]).mean() > 0.8
    assert same_times(made.clip, tmp_path / "out.mp4")
    assert sound_packets(made.clip) == sound_packets(tmp_path / "out.mp4")
    assert (report.verb, report.frames, report.generations) == ("remove", FRAMES, FRAMES)
    assert (report.seen_share, report.invented_share) == (0, 1)
    assert report.engines == {"tracking": "given", "inpainting": "telea"}
    assert json.loads(json.dumps(report.as_json()))["map_out"] is None


def test_what_other_frames_show_comes_back(made, tmp_path):
    """The ball moves by more than its width against the scene, so that nearly all behind it is seen."""
    with_map = RemoveSettings(encoding=LOSSLESS, map_out=tmp_path / "map.mp4")
    report = remove(made.clip, masks=made.masks, out=tmp_path / "out.mp4", settings=with_map)
    assert report.engines["inpainting"] == "flow-fill"
    assert report.seen_share > 0.6
    assert report.seen_share + report.invented_share == pytest.approx(1)
    assert report.generations <= 3
    assert set(report.stages_s) == {"holes", "filling", "map"}
    shown, before = (list(probe(path).frames()) for path in (tmp_path / "out.mp4", made.clip))
    for frame in (2, 12, 21):
        assert psnr_inside(before[frame].rgb, scene(frame), made.truth[frame]) < 16
        assert psnr_inside(shown[frame].rgb, scene(frame), made.truth[frame]) > 26
    assert report.map_out == tmp_path / "map.mp4"
    assert same_times(made.clip, tmp_path / "map.mp4")
    assert sound_packets(tmp_path / "map.mp4") == []
    first = next(probe(tmp_path / "map.mp4").frames()).rgb.astype(int)
    assert (first[made.truth[0]].max(axis=1) - first[made.truth[0]].min(axis=1)).mean() > 60
    assert np.median(first[~made.truth[0]].max(axis=1) - first[~made.truth[0]].min(axis=1)) < 12


def test_a_click_is_enough_and_a_part_will_do(made, tmp_path):
    told = []
    report = remove(
        made.clip, [Point(90, 95)], engine="telea", out=tmp_path / "out.mp4", span=(0, 8), on_progress=told.append
    )
    assert report.engines == {"segmentation": "grabcut", "tracking": "flow", "inpainting": "telea"}
    assert list(dict.fromkeys(p.stage for p in told)) == ["shots", "tracking", "holes", "filling"]
    assert (told[-1].stage, told[-1].done, told[-1].total) == ("filling", 8, 8)
    assert any(p.preview is not None for p in told)
    assert probe(tmp_path / "out.mp4").frame_count == report.frames == 8
    for frame, mask in zip(probe(tmp_path / "out.mp4").frames(), made.truth, strict=False):
        reddish = (frame.rgb[..., 0].astype(int) - frame.rgb[..., 1] > 40) & mask
        assert reddish.sum() < 0.2 * mask.sum()


@pytest.fixture
def picture(tmp_path) -> Path:
    path = tmp_path / "in.png"
    Image.fromarray(noise(3, (61, 91), np.array([10.0, 20.0, 90.0]), [80, 120, 255]).astype(np.uint8)).save(path)
    return path


def pixels(path):
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


def spot(height=61, width=91):
    mask = np.zeros((height, width), bool)
    mask[20:35, 30:51] = True
    return mask


@pytest.mark.parametrize("ending", [".png", ".webp", ".jpg", ".mp4", ".zip"])
def test_a_picture_gives_a_picture(picture, tmp_path, ending):
    out = tmp_path / f"out{ending}"
    report = remove(picture, [Drawn(spot())], out=out, settings=RemoveSettings(grow_px=2))
    assert report.engines == {"inpainting": "flow-fill"}  # nothing was tracked, and nothing segmented
    assert not any("tracking" in note or "segmentation" in note for note in report.notes)
    assert (report.frames, report.warp_error, report.invented_share) == (1, None, 1)
    if ending in (".png", ".webp"):
        before, after = pixels(picture), pixels(out)
        hole = in_blocks(grown(spot(), 2))
        assert np.array_equal(before[~hole], after[~hole])
        assert (before[spot()] != after[spot()]).any()
    elif ending != ".zip":
        assert probe(out).frame_count == 1
        assert (probe(out).width_px, probe(out).height_px) == ((91, 61) if ending == ".jpg" else (92, 62))


def test_a_pictures_transparency_and_profile_stay(tmp_path):
    from PIL import ImageCms

    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    rgba = np.random.default_rng(1).integers(0, 255, (61, 91, 4), np.uint8)
    Image.fromarray(rgba).save(tmp_path / "in.png", icc_profile=profile)
    out, map_out = tmp_path / "out.png", tmp_path / "map.png"
    settings = RemoveSettings(grow_px=0, map_out=map_out)
    remove(tmp_path / "in.png", [Drawn(spot())], engine="telea", out=out, settings=settings)
    with Image.open(out) as written:
        after, kept = np.asarray(written), written.info["icc_profile"]
    assert kept == profile
    hole = in_blocks(spot())
    assert np.array_equal(after[~hole], rgba[~hole])
    assert (after[hole][:, 3] == 255).all()
    shown = pixels(map_out).astype(int)
    assert ((shown[..., 0] - shown[..., 2] > 60) == hole).mean() > 0.99  # orange: all of it invented
    report = remove(tmp_path / "in.png", [Drawn(spot())], engine="telea", out=tmp_path / "out.jpg")
    assert any("no transparency" in note for note in report.notes)


def test_a_clip_of_one_frame_is_painted(made, tmp_path):
    clip = cut(probe(made.clip), 3, 4)
    write_video(tmp_path / "one.mp4", (frame.yuv for frame in clip.frames()), clip=clip)
    masks = masks_of(tmp_path / "masks", made.truth[3:4])
    report = remove(tmp_path / "one.mp4", masks=masks, out=tmp_path / "out.mp4")
    assert (report.frames, report.invented_share, report.warp_error) == (1, 1, None)
    assert probe(tmp_path / "out.mp4").frame_count == 1


@pytest.mark.parametrize("ending", [".png", ".jpg", ".webp"])
def test_one_frame_of_a_clip_becomes_a_picture(made, tmp_path, ending):
    out, map_out = tmp_path / f"out{ending}", tmp_path / f"map{ending}"
    settings = RemoveSettings(grow_px=2, map_out=map_out)
    report = remove(made.clip, masks=made.masks, span=(0, 1), engine="telea", out=out, settings=settings)
    assert (report.frames, report.warp_error) == (1, None)
    assert pixels(out).shape == pixels(map_out).shape == (HEIGHT, WIDTH, 3)
    if ending != ".jpg":
        hole = in_blocks(grown(made.truth[0], 2))
        first = next(probe(made.clip).frames()).rgb
        assert np.array_equal(pixels(out)[~hole], first[~hole])


def test_grey_of_16_bits_comes_back_with_8_and_a_note(tmp_path):
    grey = (noise(5, (61, 91), np.array([10.0]), [250])[..., 0] * 257).astype(np.uint16)
    Image.fromarray(grey).save(tmp_path / "in.png")
    report = remove(tmp_path / "in.png", [Drawn(spot())], engine="telea", out=tmp_path / "out.png")
    assert any("16 bits" in note for note in report.notes)
    hole = in_blocks(grown(spot(), 3))
    assert np.array_equal(pixels(tmp_path / "out.png")[~hole][:, 0], (grey >> 8)[~hole])


def test_folders_of_pictures_are_written_beside_each_other(made, tmp_path):
    settings = RemoveSettings(map_out=tmp_path / "map")
    remove(made.clip, masks=made.masks, span=(0, 2), engine="telea", out=tmp_path / "out", settings=settings)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["map", "out"]
    for folder in (tmp_path / "map", tmp_path / "out"):
        assert len(list(folder.glob("*.png"))) == 2


def test_a_picture_says_what_it_can_become_and_what_it_does_not_show(picture, tmp_path):
    with pytest.raises(UnknownFormat, match=r"\.png, \.jpg or \.webp"):
        remove(picture, [Drawn(spot())], out=tmp_path / "out.bmp")
    report = remove(
        picture, [Drawn(spot())], engine="telea", out=tmp_path / "out.png", settings=RemoveSettings(shadows=True)
    )
    assert any(note.startswith("Shadows are found by how they move") for note in report.notes)


def test_each_frame_for_itself_costs_a_picture_a_frame(made, tmp_path):
    settings = RemoveSettings(each_frame=True)
    report = remove(made.clip, masks=made.masks, span=(0, 4), out=tmp_path / "out.mp4", settings=settings)
    assert (report.generations, report.seen_share) == (4, 0)


@pytest.mark.parametrize("words", ["", "  "])
def test_to_replace_takes_words(words):
    with pytest.raises(UsageError, match="say what in words"):
        RemoveSettings(replace=True, words=words)


@pytest.mark.parametrize("stage", ["holes", "filling", "map"])
def test_stopping_leaves_nothing(made, tmp_path, stage):
    told = []
    with pytest.raises(Stopped):
        remove(
            made.clip, masks=made.masks, engine="telea", out=tmp_path / "out.mp4",
            settings=RemoveSettings(map_out=tmp_path / "map.mp4"),
            on_progress=told.append, should_stop=lambda: any(p.stage == stage and p.done for p in told),
        )  # fmt: skip
    assert list(tmp_path.iterdir()) == []
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("avfusion")]


@pytest.mark.parametrize(
    ("wrong", "error", "words"),
    [
        ({}, NoPrompt, "nothing says which object"),
        ({"prompts": [Drawn(np.ones((10, 10), bool))]}, MaskSizeMismatch, "10 x 10"),
        ({"prompts": [Point(90, 95)], "engine": "magic"}, UnknownEngine, "flow-fill"),
        ({"prompts": [Point(90, 95)], "tracker": "magic"}, UnknownEngine, "flow"),
        ({"prompts": [Point(90, 95)], "out": "out.doc"}, UnknownFormat, "ending"),
        ({"prompts": [Point(90, 95)], "out": "out.jpg"}, UnknownFormat, "24 frames"),
        ({"engine": "telea", "settings": RemoveSettings(words="grass")}, UsageError, "no words"),
        ({"settings": RemoveSettings(map_out=Path("out.mp4"))}, UsageError, "file of its own"),
        ({"prompts": [Point(90, 95)], "settings": RemoveSettings(grow_px=5000)}, UsageError, "grow 5000"),
        ({"masks": Path("nowhere")}, CannotRead, "nowhere"),
    ],
)  # fmt: skip
def test_bad_requests_are_refused_in_one_line_and_leave_nothing(made, tmp_path, wrong, error, words, monkeypatch):
    monkeypatch.chdir(tmp_path)
    asked = {"prompts": [], "out": "out.mp4"} | wrong
    with pytest.raises(error, match=words) as caught:
        remove(made.clip, asked.pop("prompts"), **asked)
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("masks", "error", "words"),
    [
        (np.zeros((FRAMES, HEIGHT, WIDTH)), UsageError, "nothing to remove"),
        (np.ones((FRAMES, HEIGHT, WIDTH)), UsageError, "Nothing is left"),
        (np.ones((FRAMES, 90, 160)), MaskSizeMismatch, "160 x 90"),
        (np.ones((FRAMES - 5, HEIGHT, WIDTH)), MaskCountMismatch, "19 mask PNGs"),
    ],
    ids=["empty", "everything", "small", "gaps"],
)
def test_masks_that_cannot_be_holes_are_refused(made, tmp_path, masks, error, words):
    folder = masks_of(tmp_path / "masks", masks)
    with pytest.raises(error, match=words):
        remove(made.clip, masks=folder, out=tmp_path / "out.mp4")
    assert [path.name for path in tmp_path.iterdir()] == ["masks"]


def test_an_empty_folder_of_masks_is_called_so(made, tmp_path):
    (tmp_path / "masks").mkdir()
    with pytest.raises(MaskCountMismatch, match="holds no mask PNGs"):
        remove(made.clip, masks=tmp_path / "masks", out=tmp_path / "out.mp4")


def test_the_output_never_replaces_its_input(made):
    for settings in (RemoveSettings(), RemoveSettings(map_out=made.clip)):
        out = made.clip if settings.map_out is None else made.clip.with_name("other.mp4")
        with pytest.raises(OutputIsInput):
            remove(made.clip, masks=made.masks, out=out, settings=settings)


@pytest.mark.parametrize(
    "wrong", [{"steps": 0}, {"strength": 0}, {"strength": 1.1}, {"guidance": -1}, {"grow_px": -2}, {"feather_px": -1}]
)
def test_settings_out_of_range_are_refused(wrong):
    with pytest.raises(UsageError):
        RemoveSettings(**wrong)


def test_a_grown_mask_is_what_lies_within_the_radius():
    mask = np.zeros((40, 50), bool)
    mask[20, 25] = True
    rows, columns = np.ogrid[:40, :50]
    assert np.array_equal(grown(mask, 7), (rows - 20) ** 2 + (columns - 25) ** 2 <= 49)
    assert np.array_equal(grown(mask, 0), mask)
    assert not grown(np.zeros_like(mask), 5).any()


@pytest.mark.parametrize("shape", [(10, 12), (9, 11)])
def test_holes_are_of_whole_blocks(shape):
    mask = np.random.default_rng(4).random(shape) > 0.9
    blocks = in_blocks(mask)
    assert (blocks | ~mask).all()
    for y in range(shape[0]):
        for x in range(shape[1]):
            block = (slice(y // 2 * 2, y // 2 * 2 + 2), slice(x // 2 * 2, x // 2 * 2 + 2))
            assert blocks[y, x] == mask[block].any()


def test_without_a_hole_planes_pass_as_they_are(made):
    clip = probe(made.clip)
    planes_in = next(clip.frames()).yuv
    rgb = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    assert replaced(clip, planes_in, rgb, np.zeros((HEIGHT, WIDTH), bool)) is planes_in
    black = replaced(clip, planes_in, rgb, np.ones((HEIGHT, WIDTH), bool))
    assert [np.unique(plane).tolist() for plane in black] == [[16], [128], [128]]


def test_the_map_has_two_colours_that_differ_in_more_than_hue():
    rgb = np.full((20, 30, 3), 120, np.uint8)
    labels = np.zeros((20, 30), np.uint8)
    labels[:5], labels[10:] = SEEN, INVENTED
    shown = map_picture(rgb, labels).astype(int)
    assert shown[7, 7].tolist() == [54, 54, 54]
    assert shown[2, 2, 2] > shown[2, 2, 0] + 60  # blue
    assert shown[15, 2, 0] > shown[15, 2, 2] + 60  # orange
    luma = shown @ np.array([0.299, 0.587, 0.114])
    assert abs(luma[2, 2] - luma[15, 2]) > 25
