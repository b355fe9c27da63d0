"""Scoring a dataset: the protocol against its definition, on pictures drawn here and on one real sequence."""

import json
import shutil
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from avfusion.clip import Frame
from avfusion.errors import CannotRead, MaskCountMismatch, NoPrompt, Stopped, UnknownEngine, UsageError
from avfusion.media.pictures import RgbaPicture, read_picture
from avfusion.pipelines.evaluate import evaluate_vos
from avfusion.pipelines.progress import Progress
from avfusion.tracking.flow import Flow

HEIGHT_PX, WIDTH_PX, FRAMES = 72, 96, 8


def disc(frame: int, step_px: int) -> NDArray[np.bool_]:
    rows, columns = np.ogrid[:HEIGHT_PX, :WIDTH_PX]
    inside: NDArray[np.bool_] = (rows - 36) ** 2 + (columns - 30 - step_px * frame) ** 2 < 16**2
    return inside


def draw(dataset: Path, name: str, *, step_px: int, inner: str = "") -> Path:
    """A grainy disc that moves over a grainy ground; returns the folder of its masks."""
    pictures, truths = (dataset / room / inner / name for room in ("JPEGImages", "Annotations"))
    pictures.mkdir(parents=True)
    truths.mkdir(parents=True)
    grain = np.random.default_rng(7).integers(0, 60, (HEIGHT_PX, WIDTH_PX, 3), np.uint8)
    for frame in range(FRAMES):
        inside = disc(frame, step_px)
        moved = np.roll(grain, step_px * frame, axis=1)
        bgr = np.where(inside[..., None], moved + np.uint8([20, 90, 180]), grain + np.uint8([90, 40, 10]))
        cv2.imwrite(str(pictures / f"{frame:05d}.jpg"), bgr.astype(np.uint8))
        cv2.imwrite(str(truths / f"{frame:05d}.png"), inside.astype(np.uint8) * 255)
    return truths


def overwrite(truths: Path, frame: int, mask: NDArray[np.bool_]) -> None:
    cv2.imwrite(str(truths / f"{frame:05d}.png"), mask.astype(np.uint8) * 255)


def test_scores_are_those_of_the_tracker_s_own_masks(tmp_path: Path) -> None:
    """An independent run of the tracker, J by its definition, first and last frame left out."""
    truths = draw(tmp_path, "moving", step_px=2)
    # The object moves faster in the truth than in the pictures: every frame has another score.
    for index in range(1, FRAMES):
        overwrite(truths, index, disc(index, 4))
    frames = [
        Frame(index, Fraction(index, 24), RgbaPicture(read_picture(path)))
        for index, path in enumerate(sorted((tmp_path / "JPEGImages" / "moving").iterdir()))
    ]
    state = Flow().begin(frames[0], {1: disc(0, 2)})
    ours = [state.step(frame).masks[1] for frame in frames[1:]]
    similarities = [
        np.count_nonzero(mask & disc(index, 4)) / np.count_nonzero(mask | disc(index, 4))
        for index, mask in enumerate(ours, start=1)
    ]
    report = evaluate_vos(tmp_path, engine="flow")
    assert report.sequences[0].j == pytest.approx(np.mean(similarities[:-1]))
    assert report.sequences[0].mean == pytest.approx((report.sequences[0].j + report.sequences[0].f) / 2)
    assert 0.3 < report.sequences[0].j < 0.9


def test_the_last_frame_is_not_scored_and_the_one_before_is(tmp_path: Path) -> None:
    truths = draw(tmp_path, "moving", step_px=2)
    right = evaluate_vos(tmp_path).overall
    elsewhere = disc(0, 0)[:, ::-1]
    overwrite(truths, FRAMES - 1, elsewhere)
    assert evaluate_vos(tmp_path).overall.j == right.j
    overwrite(truths, FRAMES - 2, elsewhere)
    wrong = evaluate_vos(tmp_path).overall
    # of the six frames that count, one is now as wrong as can be
    assert wrong.j < right.j - 0.5 / 6
    assert wrong.f < right.f


def test_overall_is_the_mean_over_sequences(tmp_path: Path) -> None:
    for name, step_px in (("still", 0), ("moving", 3)):
        draw(tmp_path, name, step_px=step_px)
    report = evaluate_vos(tmp_path)
    assert [score.name for score in report.sequences] == ["moving", "still"]
    assert [score.frames for score in report.sequences] == [FRAMES, FRAMES]
    assert report.overall.frames == 2 * FRAMES
    for measure in ("j", "f", "mean"):
        values = [getattr(score, measure) for score in report.sequences]
        assert getattr(report.overall, measure) == pytest.approx(np.mean(values))
    speeds = [score.frames_per_s for score in report.sequences]
    assert report.overall.frames_per_s == pytest.approx(2 / sum(1 / speed for speed in speeds))
    assert (report.engine, report.device) == ("flow", "cpu")
    assert json.loads(json.dumps(report.as_json()))["overall"]["j"] == report.overall.j


def test_only_the_named_sequences_in_their_order(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        draw(tmp_path, name, step_px=1)
    report = evaluate_vos(tmp_path, sequences=["c", "a"])
    assert [score.name for score in report.sequences] == ["c", "a"]


def test_davis_has_a_folder_for_the_resolution(tmp_path: Path) -> None:
    draw(tmp_path / "flat", "moving", step_px=2)
    draw(tmp_path / "deep", "moving", step_px=2, inner="480p")
    flat, deep = (evaluate_vos(tmp_path / layout).overall for layout in ("flat", "deep"))
    assert (flat.j, flat.f) == (deep.j, deep.f)


def test_progress_counts_the_frames_of_all_sequences_and_a_stop_is_obeyed(tmp_path: Path) -> None:
    for name in ("a", "b"):
        draw(tmp_path, name, step_px=1)
    told: list[Progress] = []
    evaluate_vos(tmp_path, on_progress=told.append)
    assert (told[-1].done, told[-1].total) == (2 * FRAMES, 2 * FRAMES)
    with pytest.raises(Stopped):
        evaluate_vos(tmp_path, should_stop=lambda: True)


def test_what_is_no_dataset_is_said(tmp_path: Path) -> None:
    with pytest.raises(CannotRead, match="not laid out as DAVIS"):
        evaluate_vos(tmp_path)
    truths = draw(tmp_path, "a", step_px=1)
    with pytest.raises(UsageError, match=r"no sequence b\. There are: a"):
        evaluate_vos(tmp_path, sequences=["b"])
    with pytest.raises(UnknownEngine, match=r"There are: .*flow"):
        evaluate_vos(tmp_path, engine="grabcut")
    overwrite(truths, 0, np.zeros((HEIGHT_PX, WIDTH_PX), bool))
    with pytest.raises(NoPrompt, match=r"00000\.png: the first mask is empty"):
        evaluate_vos(tmp_path)
    (truths / "00003.png").unlink()
    with pytest.raises(MaskCountMismatch, match="7 masks for 8 pictures"):
        evaluate_vos(tmp_path)
    shutil.rmtree(tmp_path / "JPEGImages" / "a")
    with pytest.raises(CannotRead, match="no JPEG pictures"):
        evaluate_vos(tmp_path)
    shutil.rmtree(truths)
    (tmp_path / "JPEGImages").mkdir(exist_ok=True)
    with pytest.raises(CannotRead, match="no sequence in it"):
        evaluate_vos(tmp_path)


@pytest.mark.real_data
def test_a_real_sequence_scores_far_above_nothing(shared_data: Path) -> None:
    report = evaluate_vos(shared_data / "vos", sequences=["blackswan"])
    assert report.overall.frames == 50
    assert report.overall.j > 0.85
    assert report.overall.f > 0.85
