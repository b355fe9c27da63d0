"""Shadows and reflections in scenes where the truth is known."""

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest

from avfusion.clip import Clip, Frame
from avfusion.inpainting.shadows import Cast, around, below, find_shadows, touching, voted, whole_cast
from avfusion.inpainting.shadows_plate import Difference
from avfusion.media.pictures import RgbaPicture
from avfusion.pipelines.davis import read_davis

WIDTH, HEIGHT, FRAMES = 224, 144, 36
FACTOR = 0.6


class Scene:
    """A red ball crosses a textured ground with a soft shadow beside it, darker by `FACTOR` in gamma-coded numbers."""

    engine = "made"
    frame_count = FRAMES

    def __init__(self, pan_px: float = 0.0, step_px: float = 3.0, shadow: float = FACTOR, mirrored: bool = False):
        ground = np.random.default_rng(3).random((HEIGHT, WIDTH + 120, 3)).astype(np.float32)
        ground = cv2.GaussianBlur(ground, (0, 0), 2.0)
        ground = (ground - ground.min()) / (ground.max() - ground.min())
        self.ground = 60 + ground * np.array([120, 110, 90], np.float32)
        self.pan_px, self.step_px, self.shadow, self.mirrored = pan_px, step_px, shadow, mirrored

    def centre(self, frame: int) -> tuple[float, float]:
        return 50 + self.step_px * frame, 60.0

    def union(self, frame: int) -> np.ndarray:
        return self._ellipse(*self.centre(frame), 18, 18) > 0.5

    def shade(self, frame: int) -> np.ndarray:
        """0..1, how much of the shadow lies there."""
        x, y = self.centre(frame)
        return self._ellipse(x + 12, y + 24, 26, 10)

    @staticmethod
    def _ellipse(x: float, y: float, across: float, down: float) -> np.ndarray:
        rows, columns = np.mgrid[:HEIGHT, :WIDTH].astype(np.float32)
        reach = np.hypot((columns - x) / across, (rows - y) / down)
        return np.clip((1 - reach) * min(across, down) / 3 + 0.5, 0, 1)

    def picture(self, frame: int) -> np.ndarray:
        moved = np.float32([[1, 0, -20 - self.pan_px * frame], [0, 1, 0]])
        rgb = cv2.warpAffine(self.ground, moved, (WIDTH, HEIGHT), borderMode=cv2.BORDER_REFLECT)
        alpha = cv2.GaussianBlur(self.union(frame).astype(np.float32), (0, 0), 0.7)[..., None]
        if self.mirrored:
            x, y = self.centre(frame)
            image = self._ellipse(x, y + 40, 18, 18)[..., None] * 0.5
            rgb = rgb * (1 - image) + np.array([210, 50, 40], np.float32) * image
        else:
            rgb = rgb * (1 - (1 - self.shadow) * self.shade(frame)[..., None])
        rgb = rgb * (1 - alpha) + np.array([210, 50, 40], np.float32) * alpha
        noise = np.random.default_rng(frame).normal(0, 1.5, rgb.shape)
        return np.clip(rgb + noise, 0, 255).astype(np.uint8)

    def clip(self) -> Clip:
        def read(clip: Clip, start: int, stop: int, backwards: bool) -> Iterator[Frame]:
            assert not backwards
            for index in range(start, stop):
                rgba = np.dstack([self.picture(index), np.full((HEIGHT, WIDTH), 255, np.uint8)])
                yield Frame(index, Fraction(index, 25), RgbaPicture(rgba))

        return Clip(
            path=Path("made"), width_px=WIDTH, height_px=HEIGHT, fps=Fraction(25), time_base=Fraction(1, 25),
            ticks=np.arange(FRAMES), end_tick=FRAMES, codec="made", container="made", pixel_format="rgb24",
            read_frames=read,
        )  # fmt: skip


def shares(scene: Scene) -> tuple[float, float]:
    """Of the shadow outside the object, how much is taken; and of what is taken, how much is no shadow at all."""
    taken = there = wrong = total = 0
    for frame, cast in enumerate(find_shadows(scene.clip(), scene)):
        assert not (cast & scene.union(frame)).any()
        shade = scene.shade(frame)
        outside = ~cv2.dilate(scene.union(frame).view(np.uint8), np.ones((7, 7))).astype(bool)
        there += (outside & (shade > 0.5)).sum()
        taken += (outside & (shade > 0.5) & cast).sum()
        wrong += (outside & (cv2.dilate(shade, np.ones((9, 9))) == 0) & cast).sum()
        total += (outside & cast).sum()
    return taken / there, wrong / max(1, total)


@pytest.mark.parametrize("pan_px", [0.0, 1.3])
def test_most_of_a_soft_shadow_is_taken_and_little_else(pan_px: float) -> None:
    taken, wrong = shares(Scene(pan_px))
    assert taken > 0.8
    assert wrong < 0.05


def test_without_a_shadow_nothing_is_taken() -> None:
    scene = Scene(1.3, shadow=1.0)
    for frame, cast in enumerate(find_shadows(scene.clip(), scene)):
        assert cast.mean() < 0.003, frame


def test_what_stands_still_shows_no_shadow() -> None:
    """Nobody can tell it from a dark patch of the ground: nothing is taken rather than something wrong."""
    scene = Scene(step_px=0)
    assert not any(cast.any() for cast in find_shadows(scene.clip(), scene))


@pytest.mark.real_data
def test_the_shadow_under_a_real_car_is_taken(shared_data: Path) -> None:
    (sequence,) = read_davis(shared_data / "vos", ["car-shadow"])

    class Masks:
        def union(self, frame: int) -> np.ndarray:
            return sequence.truth(frame)

    clip = replace(sequence.clip(), ticks=np.arange(26), end_tick=26)
    for frame, cast in enumerate(find_shadows(clip, Masks())):
        mask = sequence.truth(frame)
        assert 0.05 < cast.sum() / mask.sum() < 0.6, frame
        middle = np.nonzero(mask)[0].mean()
        assert (np.nonzero(cast)[0] > middle).mean() > 0.9, frame


def test_a_mirror_image_below_is_taken() -> None:
    scene = Scene(mirrored=True)
    for frame, cast in enumerate(find_shadows(scene.clip(), scene)):
        x, y = scene.centre(frame)
        image = (scene._ellipse(x, y + 40, 18, 18) > 0.5) & ~scene.union(frame)
        if 8 <= frame < FRAMES - 8:
            assert (cast & image).sum() > 0.6 * image.sum(), frame


def test_frames_without_the_object_have_no_shadow() -> None:
    class Leaving(Scene):
        def union(self, frame: int) -> np.ndarray:
            return super().union(frame) if frame < 20 else np.zeros((HEIGHT, WIDTH), bool)

    scene = Leaving()
    casts = list(find_shadows(scene.clip(), scene))
    assert len(casts) == FRAMES
    assert any(cast.any() for cast in casts[:20])
    assert not any(cast.any() for cast in casts[20:])


@pytest.mark.parametrize(("count", "reach"), [(0, 3), (1, 3), (3, 5), (9, 2), (9, 0)])
def test_each_item_comes_with_its_neighbours(count: int, reach: int) -> None:
    seen = [(list(window), window[place]) for window, place in around(range(count), reach)]
    assert seen == [(list(range(max(0, k - reach), min(count, k + reach + 1))), k) for k in range(count)]


def test_a_mirror_lies_below_what_it_mirrors() -> None:
    mask = np.zeros((60, 80), bool)
    mask[10:25, 30:50] = True
    under = below(mask)
    assert under[26:39, 32:48].all()
    assert not under[:20].any()
    assert not under[:, :26].any()
    assert not under[41:].any()


def test_only_what_touches_the_object_is_kept() -> None:
    mask = np.zeros((60, 80), bool)
    mask[10:25, 30:50] = True
    candidates = np.zeros_like(mask)
    candidates[25:33, 30:50] = True
    candidates[50:58, 5:20] = True
    kept = touching(candidates, mask)
    assert np.array_equal(kept, candidates & (np.arange(60) < 40)[:, None])


def moved(frame: int, shadow: bool) -> Cast:
    """An object that goes 4 pixels a frame, and what was taken for its shadow."""
    mask, cast = np.zeros((2, 60, 160), bool)
    mask[10:30, 4 * frame : 4 * frame + 20] = True
    if shadow:
        cast[30:40, 4 * frame : 4 * frame + 24] = True
    known = ~mask
    pose = (4 * frame + 9.5, 19.5, 20.0)
    return Cast(cast, Difference(np.zeros((60, 160, 3), np.float32), known, known, mask, 0, 0, mask.shape, pose))


@pytest.mark.parametrize("odd", [False, True])
def test_a_shadow_neither_comes_nor_goes_for_a_frame(odd: bool) -> None:
    frames = [moved(frame, shadow=odd == (frame == 6)) for frame in range(13)]
    usual = moved(6, shadow=not odd).cast
    np.testing.assert_array_equal(voted(frames[6], frames), usual)
    lasting = [moved(frame, shadow=frame < 7) for frame in range(13)]
    np.testing.assert_array_equal(voted(lasting[6], lasting), moved(6, shadow=True).cast)


def test_what_lies_between_an_object_and_its_shadow_goes_too() -> None:
    """A table: the ground between its legs is never seen, and above it there is none."""
    table, cast = np.zeros((2, 80, 100), bool)
    table[30:40, 20:70] = table[40:50, 20:24] = table[40:50, 30:34] = True  # two legs, near each other
    table[20:30, 20:24] = table[20:30, 30:34] = True  # and two horns
    cast[47:54, 20:50] = True
    cast &= ~table
    whole = whole_cast(cast, table)
    assert (whole | ~cast).all()
    assert not (whole & table).any()
    assert whole[40:50, 24:30].all()  # between the legs
    assert whole[54, 22:48].all()  # the soft edge
    assert not whole[20:29].any()  # between the horns
    assert not whole_cast(np.zeros_like(cast), table).any()
