"""Dense flow of pictures of every shape: OpenCV's own DIS ends the process on very flat and wide ones."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

import avfusion
from avfusion.metrics.vos import region_similarity
from avfusion.tracking.flow import Flow
from avfusion.tracking.motion import coarse_flow, dense_flow, fine_flow
from avfusion.tracking.window import Field, Plane
from tests.tracking.sprites import frame, texture

PRESETS = {
    "ultrafast": cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST,
    "fast": cv2.DISOPTICAL_FLOW_PRESET_FAST,
    "medium": cv2.DISOPTICAL_FLOW_PRESET_MEDIUM,
}
TOO_FLAT = [(24, 320), (16, 320), (16, 640), (20, 500), (12, 320), (10, 2000), (31, 90), (8, 40)]
OF_EVERY_SIZE = [(1, 1), (1, 700), (700, 1), (7, 7), (11, 11), (8, 11), (15, 40), (15, 79), (31, 80), (16, 48)]


def shifted(shape: tuple[int, int], right_px: int) -> tuple[Plane, Plane]:
    """A picture, and the same from a camera that went on: all that was at x is at x + right_px."""
    height, width = shape
    noise = np.random.default_rng(3).integers(0, 256, (height + 40, width + 80)).astype(np.float32)
    wide: Any = sum(grain_px * cv2.GaussianBlur(noise, (0, 0), grain_px) for grain_px in (2, 8))
    wide = cv2.normalize(wide, None, 0, 255, cv2.NORM_MINMAX).astype(np.uint8)[20 : 20 + height]
    return wide[:, 40 : 40 + width].copy(), wide[:, 40 - right_px : 40 - right_px + width].copy()


@pytest.mark.parametrize("shape", TOO_FLAT, ids=str)
@pytest.mark.parametrize(
    "flow", [coarse_flow, lambda here, there: fine_flow(here, there, 3)], ids=["coarse flow", "fine flow"]
)
def test_a_flat_picture_that_is_shifted_has_the_flow_of_the_shift(
    shape: tuple[int, int], flow: Callable[[Plane, Plane], Field]
) -> None:
    for right_px in (0, 1, 3):
        found = flow(*shifted(shape, right_px))
        assert found.shape == (*shape, 2)
        assert np.isfinite(found).all()
        inner = found[:, 8:-8]
        assert np.median(np.abs(inner[..., 0] - right_px)) < 0.5
        assert np.median(np.abs(inner[..., 1])) < 0.5


@pytest.mark.parametrize("preset", PRESETS.values(), ids=PRESETS)
def test_the_flow_of_any_shape_is_finite(preset: int) -> None:
    for shape in TOO_FLAT + OF_EVERY_SIZE:
        found = dense_flow(cv2.DISOpticalFlow.create(preset), *shifted(shape, 1))
        assert found.shape == (*shape, 2)
        assert np.isfinite(found).all()


@pytest.mark.parametrize("preset", PRESETS.values(), ids=PRESETS)
@pytest.mark.parametrize("shape", [(32, 320), (32, 2000), (270, 480), (16, 32), (16, 79), (480, 16), (12, 8)], ids=str)
def test_where_opencv_is_safe_its_answer_is_taken_as_it_is(shape: tuple[int, int], preset: int) -> None:
    here, there = shifted(shape, 2)
    start = np.full((*shape, 2), 1.5, np.float32)
    expected = cv2.DISOpticalFlow.create(preset).calc(here, there, start.copy())
    assert np.array_equal(dense_flow(cv2.DISOpticalFlow.create(preset), here, there, start), expected)
    assert (start == 1.5).all()


def test_a_known_start_helps_flat_pictures_too() -> None:
    here, there = shifted((16, 320), 30)
    start = np.zeros((16, 320, 2), np.float32)
    start[..., 0] = 29
    found = dense_flow(cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST), here, there, start)
    assert np.median(np.abs(found[:, 40:-40, 0] - 30)) < 0.5


@pytest.mark.parametrize("shape", [(16, 640), (32, 640), (48, 640), (72, 1280), (20, 2000)], ids=str)
def test_an_object_of_a_flat_clip_is_followed(shape: tuple[int, int]) -> None:
    height, width = shape
    ground = texture(1, height, width, (60, 90, 160))
    thing = texture(2, height, width, (190, 120, 60))
    masks = np.zeros((5, height, width), bool)
    for index, mask in enumerate(masks):
        left = width // 3 + 2 * index
        mask[height // 4 : -height // 4, left : left + 60] = True
    frames = [frame(index, np.where(mask[..., None], thing, ground)) for index, mask in enumerate(masks)]
    state = Flow().begin(frames[0], {1: masks[0]})
    for each, mask in zip(frames[1:], masks[1:], strict=True):
        assert region_similarity(state.step(each).masks[1], mask) > 0.6


def test_dis_is_asked_in_one_place_only() -> None:
    sources = Path(avfusion.__file__).parent.rglob("*.py")
    users = {each.name: each.read_text("utf-8") for each in sources}
    askers = [name for name, text in users.items() if "DISOpticalFlow" in text and ".calc(" in text]
    assert askers == ["motion.py"]
