"""Motion energy: what moves by itself shows, what the camera moves does not, and windows end at cuts."""

from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from avfusion.clip import Clip, Frame
from avfusion.media.pictures import RgbaPicture
from avfusion.sounding.motion_energy import Motion, MotionSettings, motions

Picture = NDArray[np.uint8]
SETTINGS = MotionSettings()


def made_clip(picture: Callable[[int], Picture], count: int, fps: int = 25, size: tuple[int, int] = (64, 96)) -> Clip:
    """picture: frame number -> uint8 [H, W], in grey."""

    def read(clip: Clip, start: int, stop: int, backwards: bool) -> Iterator[Frame]:
        for index in reversed(range(start, stop)) if backwards else range(start, stop):
            rgba = np.dstack([np.repeat(picture(index)[..., None], 3, axis=2), np.full(size, 255, np.uint8)])
            yield Frame(index, Fraction(index, fps), RgbaPicture(rgba))

    return Clip(
        Path("made"), size[1], size[0], Fraction(fps), Fraction(1, fps), np.arange(count), count, "", "", "rgb24",
        read_frames=read,
    )  # fmt: skip


def ground(seed: int = 0, side_px: int = 160) -> Picture:
    rough = np.random.default_rng(seed).standard_normal((side_px, side_px)).astype(np.float32)
    smooth = cv2.GaussianBlur(rough, (0, 0), 3)
    return np.clip(128 + 40 * smooth / smooth.std(), 0, 255).astype(np.uint8)


def only(clip: Clip, settings: MotionSettings = SETTINGS) -> Motion:
    (motion,) = motions(clip, settings)
    return motion


def test_a_moving_thing_is_where_it_moves() -> None:
    background, thing = ground(), ground(1)[:20, :20]

    def picture(index: int) -> Picture:
        out = background[:64, :96].copy()
        down = 24 + 3 * (index % 2)
        out[down : down + 20, 40:60] = thing
        return out

    energy = only(made_clip(picture, 12)).energy
    assert energy.shape == (11, 16, 24)
    usual = energy.mean(axis=0)
    assert usual[6:12, 10:15].min() > 1
    # The blur reaches into the next cell.
    usual[5:13, 9:16] = 0
    assert usual.max() < 0.01


def test_a_shaken_camera_moves_nothing() -> None:
    background = ground()
    shifts = np.random.default_rng(0).integers(-3, 4, (12, 2)) + 20

    def picture(index: int) -> Picture:
        down, right = shifts[index]
        return background[down : down + 64, right : right + 96]

    energy = only(made_clip(picture, 12)).energy
    plain = np.mean([np.abs(picture(k + 1).astype(float) - picture(k)).mean() for k in range(11)])
    assert energy.mean() < 0.15 * plain


def test_a_cut_ends_a_window() -> None:
    first, second = ground()[:64, :96], ground(7)[:64, :96]
    found = list(motions(made_clip(lambda index: first if index < 30 else second, 60), SETTINGS))
    assert [each.frames[0] for each in found] == [0, 30]
    assert [len(each.energy) for each in found] == [29, 29]
    assert max(float(each.energy.max()) for each in found) < 0.5


def test_a_long_clip_is_looked_at_in_equal_windows_and_none_is_held() -> None:
    still = ground()[:64, :96]
    clip = made_clip(lambda _: still, 130)
    settings = MotionSettings(window_s=2.0)
    found = motions(clip, settings)
    lengths = [each.edges_s[-1] - each.edges_s[0] for each in found]
    assert len(lengths) == 3
    assert max(lengths) <= 2.0
    assert max(lengths) - min(lengths) < 0.1


def test_fast_pictures_are_left_out_and_times_kept() -> None:
    still = ground()[:64, :96]
    motion = only(made_clip(lambda _: still, 61, fps=60))
    assert motion.frames.tolist() == list(range(0, 61, 2))
    np.testing.assert_allclose(motion.edges_s, np.arange(31) / 30)


def test_one_picture_has_no_motion() -> None:
    assert list(motions(made_clip(lambda _: ground()[:64, :96], 1), SETTINGS)) == []
