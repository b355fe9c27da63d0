"""A made set on disk: the same bytes twice, read back by the readers as it was drawn, and nothing left when stopped."""

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from avfusion.datasets.avs_clip import Setting
from avfusion.datasets.avs_read import read_avs
from avfusion.datasets.classes import sounding_labels
from avfusion.datasets.made import MadeSettings, made_avs
from avfusion.datasets.made_rvos import made_rvos
from avfusion.datasets.rvos_clip import RVOS_LAYOUTS, RvosLayout
from avfusion.datasets.rvos_read import read_rvos
from avfusion.datasets.write_parts import save_picture
from avfusion.errors import CannotWrite, Stopped, UsageError
from avfusion.media.audio import read_sound
from avfusion.media.probe import probe
from avfusion.pipelines.evaluate_avs import evaluate_avs
from avfusion.pipelines.evaluate_avs_run import EngineChoice
from avfusion.pipelines.make_avs import make_avs
from avfusion.pipelines.progress import Progress

TWO = MadeSettings(clips=2, size_px=32, split="test", is_plain=True)


def digest(folder: Path) -> str:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return hashlib.sha256(
        b"".join(str(path.relative_to(folder)).encode() + path.read_bytes() for path in files)
    ).hexdigest()


def test_the_same_settings_make_the_same_bytes(tmp_path: Path) -> None:
    for name, seed in (("one", 0), ("two", 0), ("other", 1)):
        make_avs(tmp_path / name, setting="ov", settings=MadeSettings(clips=1, size_px=32, seed=seed))
    assert digest(tmp_path / "one") == digest(tmp_path / "two") != digest(tmp_path / "other")


@pytest.mark.parametrize("setting", ["s4", "ms3", "avss", "ov"])
def test_what_was_drawn_is_read_back(setting: Setting, tmp_path: Path) -> None:
    report = make_avs(tmp_path / "set", setting=setting, settings=TWO)
    assert (report.clips, report.splits) == (2, {"test": 2})
    drawn = list(made_avs(setting, TWO))
    for sample, clip in zip(drawn, read_avs(tmp_path / "set", setting, "test"), strict=True):
        assert clip.name == sample.name
        if setting != "ms3":  # whose table has no labels
            assert clip.labels == sounding_labels("_".join(sample.labels))
        side = 224 // 32 if setting in ("s4", "ms3") else 1  # squashed to 224, nearest pixel
        for truth, written in zip(sample.truths, clip.truths, strict=True):
            assert written is not None
            numbers = truth if setting in ("avss", "ov") else truth > 0
            assert np.array_equal(written.labels()[side // 2 :: side, side // 2 :: side], numbers)
        for second, path in enumerate(clip.frames):
            # Every frame has a grain of its own, so that no other one makes the same bytes.
            wanted = tmp_path / path.name
            save_picture(wanted, sample.pictures[25 * second + 23], size_px=224 if side > 1 else None)
            assert path.read_bytes() == wanted.read_bytes()
        assert clip.video is not None
        video = probe(clip.video)
        assert (video.frame_count, video.fps) == (len(sample.pictures), sample.fps)
        heard = read_sound(video)
        assert heard.duration_s == pytest.approx(sample.sound.duration_s, abs=0.1)


@pytest.mark.parametrize("setting", ["s4", "ms3", "avss", "ov"])
def test_without_video_all_else_is_the_same(setting: Setting, tmp_path: Path) -> None:
    settings = MadeSettings(clips=2, size_px=32, seed=4)
    make_avs(tmp_path / "moving", setting=setting, settings=settings)
    make_avs(tmp_path / "still", setting=setting, settings=replace(settings, is_moving=False))
    videos = list((tmp_path / "moving").rglob("*.mp4"))
    assert len(videos) == 2
    for path in videos:
        path.unlink()
    assert digest(tmp_path / "still") == digest(tmp_path / "moving")
    assert all(clip.video is None for clip in read_avs(tmp_path / "still", setting, "train"))


@pytest.mark.parametrize("layout", RVOS_LAYOUTS)
def test_what_was_said_is_read_back(layout: RvosLayout, tmp_path: Path) -> None:
    settings = MadeSettings(clips=1, size_px=32, split="val", is_plain=True)
    report = make_avs(tmp_path / "set", setting="rvos", settings=settings, layout=layout)
    assert (report.splits, report.layout) == ({"valid": 1}, layout)
    [sample] = made_rvos(layout, settings)
    [clip] = read_rvos(tmp_path / "set", layout, "valid")
    assert clip.sound is not None
    assert len(clip.frames) == len(sample.pictures)
    assert [expression.words for expression in clip.expressions] == [words for words, _ in sample.said]
    for expression, (_, objects) in zip(clip.expressions, sample.said, strict=True):
        for frame in (0, 50, 99):
            truth = expression.truths[frame]
            assert truth is not None
            assert np.array_equal(truth.labels() > 0, np.isin(sample.labels[frame], objects))


def test_stopping_leaves_nothing(tmp_path: Path) -> None:
    told: list[Progress] = []
    with pytest.raises(Stopped):
        make_avs(
            tmp_path / "set", setting="s4", settings=MadeSettings(clips=50, size_px=32), on_progress=told.append,
            should_stop=lambda: bool(told),
        )  # fmt: skip
    assert list(tmp_path.iterdir()) == []
    assert (told[0].done, told[0].total, told[0].unit) == (1, 50, "clips")


def test_a_folder_that_holds_something_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(CannotWrite):
        make_avs(tmp_path, setting="s4", settings=TWO)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


@pytest.mark.parametrize(("setting", "layout"), [("s5", ""), ("v2", ""), ("s4", "davis"), ("rvos", "coco")])
def test_a_set_that_is_not_made_is_refused(setting: str, layout: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"--setting|--layout"):
        make_avs(tmp_path / "set", setting=setting, settings=TWO, layout=layout)
    assert list(tmp_path.iterdir()) == []


def test_a_referring_set_is_not_made_without_its_frames(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--no-video"):
        make_avs(tmp_path / "set", setting="rvos", settings=replace(TWO, is_moving=False))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.proof
def test_whoever_hears_finds_more_than_whoever_hears_something_else(tmp_path: Path) -> None:
    """Things that sound and things that do not look alike: only the sound says which they are."""
    settings = MadeSettings(clips=6, size_px=128, split="test", is_plain=True)
    make_avs(tmp_path / "set", setting="s4", settings=settings)
    figures = evaluate_avs(tmp_path / "set", setting="s4", choice=EngineChoice(engine="mutual-information")).figures
    own, mute, swap = (figures[hearing]["M_J"] for hearing in ("own", "mute", "swap"))
    assert own - swap >= 0.3
    assert own - mute >= 0.3
