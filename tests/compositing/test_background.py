"""What stands behind, where and when."""

from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest

from avfusion.clip import Clip, ColourTags, Frame
from avfusion.compositing.background import Moving, OutOfFocus, colour_background, frame_at, picture_background
from avfusion.compositing.fit import Fit, fitted
from avfusion.errors import UsageError
from avfusion.media.pictures import RgbaPicture


def clip_of(width=64, height=36, frames=12, fps=12, pixel_aspect=Fraction(1), shades=None):
    """A clip in memory: frame k is grey of shade `shades[k]`."""

    def read(clip, start, stop, backwards):
        order = range(stop - 1, start - 1, -1) if backwards else range(start, stop)
        for index in order:
            shade = (shades or range(0, 10 * frames, 10))[index]
            yield Frame(index, clip.time(index), RgbaPicture(np.full((height, width, 4), shade, np.uint8)))

    return Clip(
        path=Path("made.mp4"), width_px=width, height_px=height, fps=Fraction(fps), time_base=Fraction(1, fps),
        ticks=np.arange(frames), end_tick=frames, codec="h264", container="mov", pixel_format="yuv420p",
        pixel_aspect=pixel_aspect, colour=ColourTags(1, True, 1, 1), read_frames=read,
    )  # fmt: skip


def shades_behind(clip, background, loop):
    moving = Moving(clip, background, Fit(), loop)
    mask = np.zeros((clip.height_px, clip.width_px), bool)
    shades = [round(float(moving.behind(frame, mask)[0].mean())) for frame in clip.frames()]
    moving.close()
    return shades


@pytest.mark.parametrize(("text", "luma"), [("#ffffff", 255), ("#000", 0), ("#808080", 128)])
def test_a_colour_fills_the_frame(text, luma):
    y, u, v = colour_background(clip_of(), text).planes
    assert np.all(np.abs(y.astype(int) - luma) <= 1)
    assert np.all(u == 128)
    assert np.all(v == 128)


@pytest.mark.parametrize("text", ["#12345", "#zzzzzz", "#", "#1234567"])
def test_what_is_no_colour_is_refused(text):
    with pytest.raises(UsageError, match="not a colour"):
        colour_background(clip_of(), text)


def test_a_picture_of_the_clips_size_is_taken_as_it_is():
    picture = np.random.default_rng(1).integers(0, 256, (36, 64, 3), np.uint8)
    for kind in ("cover", "contain", "stretch"):
        assert np.array_equal(fitted(picture, clip_of(), Fit(kind)), picture)


@pytest.mark.parametrize("size", [(300, 40), (40, 300), (17, 23), (1000, 700), (1, 1)])
def test_cover_leaves_nothing_free_and_contain_shows_all(size):
    white = np.full((size[1], size[0], 3), 255, np.uint8)
    assert fitted(white, clip_of(), Fit("cover")).min() == 255
    assert fitted(white, clip_of(), Fit("stretch")).min() >= 254
    shown = fitted(white, clip_of(), Fit("contain"))[..., 0] > 127
    rows, columns = shown.any(1).sum(), shown.any(0).sum()
    assert rows >= 35 or columns >= 63
    # The longer side fills the frame, the other keeps the proportion, at least one pixel.
    assert abs(columns / rows - size[0] / size[1]) <= 0.12 * size[0] / size[1] or min(rows, columns) <= 9


def test_position_moves_the_cut():
    halves = np.zeros((36, 128, 3), np.uint8)
    halves[:, 64:] = 255
    assert fitted(halves, clip_of(), Fit("cover", (0.0, 0.5))).max() == 0
    assert fitted(halves, clip_of(), Fit("cover", (1.0, 0.5))).min() == 255


def test_scale_zooms_about_the_position():
    dot = np.zeros((36, 64, 3), np.uint8)
    dot[16:20, 30:34] = 255
    twice = fitted(dot, clip_of(), Fit("cover", scale=2.0))[..., 0] > 127
    assert twice.sum() == pytest.approx(4 * 16, rel=0.2)
    rows, columns = np.nonzero(twice)
    assert (rows.mean(), columns.mean()) == pytest.approx((17.5, 31.5), abs=0.6)


def test_a_round_thing_stays_round_behind_wide_pixels():
    disc = np.zeros((200, 200, 3), np.uint8)
    cv2.circle(disc, (100, 100), 80, (255, 255, 255), -1)
    shown = fitted(disc, clip_of(pixel_aspect=Fraction(2)), Fit("contain"))[..., 0] > 127
    width_seen, height_seen = shown.any(0).sum() * 2, shown.any(1).sum()
    assert width_seen == pytest.approx(height_seen, abs=2)


@pytest.mark.parametrize("wrong", [{"scale": 0.0}, {"scale": -1.0}, {"position": (0.5, 1.5)}])
def test_a_fit_out_of_range_is_refused(wrong):
    with pytest.raises(UsageError):
        Fit(**wrong)


def test_background_frames_are_chosen_by_time_not_by_index():
    clip, background = clip_of(frames=12, fps=24), clip_of(frames=6, fps=12)
    assert shades_behind(clip, background, "loop") == [0, 0, 10, 10, 20, 20, 30, 30, 40, 40, 50, 50]
    clip, background = clip_of(frames=6, fps=12), clip_of(frames=12, fps=24)
    assert shades_behind(clip, background, "loop") == [0, 20, 40, 60, 80, 100]


@pytest.mark.parametrize(
    ("loop", "wanted"),
    [
        ("loop", [0, 10, 20, 0, 10, 20, 0, 10]),
        ("ping-pong", [0, 10, 20, 20, 10, 0, 0, 10]),
        ("hold", [0, 10, 20, 20, 20, 20, 20, 20]),
    ],
)
def test_a_short_background_goes_on(loop, wanted):
    assert shades_behind(clip_of(frames=8), clip_of(frames=3), loop) == wanted


def test_variable_frame_times_are_followed():
    background = clip_of(frames=3)
    assert [frame_at(background, Fraction(t, 100), "hold")[0] for t in (0, 8, 9, 16, 17, 400)] == [0, 0, 1, 1, 2, 2]


def test_blur_keeps_a_flat_scene_and_takes_nothing_from_the_object():
    size = (90, 160)
    scene = np.full((*size, 4), 60, np.uint8)
    mask = np.zeros(size, bool)
    mask[30:60, 60:100] = True
    scene[mask] = 250
    frame = Frame(0, Fraction(0), RgbaPicture(scene))
    background = OutOfFocus(0.6).behind(frame, mask)[0]
    around = int(frame.yuv[0][0, 0])
    # Deep inside, nothing of the background is within reach, and the object hides it anyway.
    seen = cv2.erode(mask.view(np.uint8), np.ones((7, 7))) == 0
    assert np.abs(background.astype(int) - around)[seen].max() <= 3


def test_more_blur_is_blurrier():
    noise = np.random.default_rng(2).integers(0, 256, (90, 160, 1), np.uint8).repeat(4, axis=2)
    frame = Frame(0, Fraction(0), RgbaPicture(noise))
    spread = [OutOfFocus(s).behind(frame, np.zeros((90, 160), bool))[0].std() for s in (0.05, 0.3, 1.0)]
    assert spread[0] > spread[1] > spread[2]


def test_a_still_is_fitted_once():
    still = picture_background(clip_of(), np.full((9, 16, 3), 200, np.uint8), Fit())
    assert still.behind(None, None) is still.planes
