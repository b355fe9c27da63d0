"""Inpainting engines scored on holes that are cut into clips whose truth is known."""

import json
import math

import cv2
import numpy as np
import pytest
from PIL import Image

from avfusion.errors import CannotRead, MaskCountMismatch, Stopped, UnknownEngine, UsageError
from avfusion.inpainting import Filled
from avfusion.media.probe import probe
from avfusion.pipelines.davis import read_davis
from avfusion.pipelines.evaluate_inpaint import Case, blanked, evaluate_inpaint, score_filled
from avfusion.pipelines.evaluate_inpaint_holes import Borrowed, to_and_fro
from tests.pipelines.conftest import noise

WIDTH, HEIGHT = 128, 80


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    """`pan`: a textured scene that moves by 3 pixels a frame, 8 frames. `small`: of half the size, with 5 frames."""
    root = tmp_path_factory.mktemp("davis")
    for name, scale, count in (("pan", 1, 8), ("small", 0.5, 5)):
        pictures, masks = root / "JPEGImages" / name, root / "Annotations" / name
        pictures.mkdir(parents=True)
        masks.mkdir(parents=True)
        width, height = round(WIDTH * scale), round(HEIGHT * scale)
        far = noise(3, (height, width + 40), np.array([20.0, 30.0, 40.0]), [200, 180, 160]).astype(np.uint8)
        for frame in range(count):
            Image.fromarray(far[:, 3 * frame : 3 * frame + width]).save(pictures / f"{frame:05d}.jpg", quality=98)
            mask = np.zeros((height, width), np.uint8)
            cv2.circle(mask, (width // 3 + frame, height // 2), round(12 * scale), 1, -1)
            Image.fromarray(mask).save(masks / f"{frame:05d}.png")
    return root


def test_each_sequence_gets_the_masks_of_the_next(dataset):
    pan, small = read_davis(dataset)
    holes = Borrowed(small, (HEIGHT, WIDTH), 8)
    for frame, own in enumerate([0, 1, 2, 3, 4, 3, 2, 1]):
        mask = holes.union(frame)
        assert mask.shape == (HEIGHT, WIDTH)
        assert np.array_equal(mask[::2, ::2], small.truth(own))
    assert np.array_equal(Borrowed(pan, (HEIGHT, WIDTH), 8).union(3), pan.truth(3))
    assert [to_and_fro(index, 1) for index in range(3)] == [0, 0, 0]


def test_no_engine_sees_the_truth(dataset):
    pan, small = read_davis(dataset)
    holes = Borrowed(small, (HEIGHT, WIDTH), 8)
    for frame, true in zip(blanked(pan.clip(), holes).frames(), pan.clip().frames(), strict=True):
        hole = holes.union(frame.index)
        assert len(np.unique(frame.rgb[hole])) == 1
        assert np.array_equal(frame.rgb[~hole], true.rgb[~hole])


def test_engines_are_scored_side_by_side(dataset):
    report = evaluate_inpaint(dataset)
    assert [(score.name, score.engine) for score in report.scores] == [
        ("pan", "flow-fill"), ("pan", "telea"), ("small", "flow-fill"), ("small", "telea"),
    ]  # fmt: skip
    flow_fill, telea = report.overall
    assert flow_fill.psnr_db > telea.psnr_db + 3
    assert flow_fill.ssim > telea.ssim
    assert flow_fill.warp_error < telea.warp_error
    assert flow_fill.seen_share > 0.3
    assert telea.seen_share == 0
    assert flow_fill.frames == telea.frames == 13
    assert set(json.loads(json.dumps(report.as_json()))) >= {"dataset", "scores", "overall", "devices"}


def exactly(case, change=lambda rgb: rgb):
    for frame in case.clip.frames():
        hole = case.holes.union(frame.index)
        yield Filled(frame.index, change(frame.rgb), np.zeros_like(hole), hole)


def test_the_truth_itself_is_exact_and_a_known_error_is_found(dataset):
    pan, small = read_davis(dataset)
    case = Case("pan", pan.clip(), Borrowed(small, (HEIGHT, WIDTH), 8))
    exact = score_filled(case, "truth", exactly(case), lambda: None)
    assert (exact.psnr_db, exact.ssim) == (None, pytest.approx(1))
    assert exact.warp_error == exact.truth_warp_error
    off = score_filled(case, "off", exactly(case, lambda rgb: np.minimum(rgb, 245) + np.uint8(10)), lambda: None)
    assert off.psnr_db == pytest.approx(20 * math.log10(255 / 10), abs=0.1)


def test_a_clip_with_masks_of_its_own(made):
    report = evaluate_inpaint(made.clip, masks=made.masks, engines=["telea"], frames=3)
    (score,) = report.scores
    assert (score.frames, score.name) == (3, "clip.mp4")
    assert score.hole_share == pytest.approx(made.truth[:3].mean())
    assert score.psnr_db < 25
    assert probe(made.clip).frame_count > 3


@pytest.mark.parametrize(
    ("wrong", "error", "words"),
    [
        ({"sequences": ["none"]}, UsageError, "there is no sequence none"),
        ({"engines": ["magic"]}, UnknownEngine, "There are"),
        ({"engines": []}, UsageError, "at least one"),
        ({"frames": 0}, UsageError, "at least 1"),
    ],
)
def test_bad_requests_are_refused(dataset, wrong, error, words):
    with pytest.raises(error, match=words):
        evaluate_inpaint(dataset, **wrong)


def test_what_is_no_dataset_is_refused(dataset, tmp_path, made):
    with pytest.raises(CannotRead):
        evaluate_inpaint(tmp_path)
    for room in ("JPEGImages", "Annotations"):
        (tmp_path / room).mkdir()
        (tmp_path / room / "pan").symlink_to(dataset / room / "pan")
    with pytest.raises(UsageError, match="one sequence"):
        evaluate_inpaint(tmp_path)
    with pytest.raises(MaskCountMismatch):
        evaluate_inpaint(made.clip, masks=dataset / "Annotations" / "pan")


def test_it_can_be_stopped(dataset):
    told = []
    with pytest.raises(Stopped):
        evaluate_inpaint(dataset, engines=["telea"], on_progress=told.append, should_stop=lambda: bool(told))
