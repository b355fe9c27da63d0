"""Laws of blending, and a plain float64 reference for everything between."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from avfusion.clip import Clip, ColourTags
from avfusion.compositing.blend import Blender
from avfusion.matting import Matte, hard_matte

TAGS = {
    "HD": ColourTags(1, False, 1, 1),
    "SD": ColourTags(6, False, 6, 6),
    "full range": ColourTags(1, True, 1, 1),
    "BT.2020": ColourTags(9, False, 9, 14),
}
KR_KB = {1: (0.2126, 0.0722), 6: (0.299, 0.114), 9: (0.2627, 0.0593)}


def clip_of(width, height, colour):
    return Clip(
        path=Path("made.mp4"), width_px=width, height_px=height, fps=Fraction(25), time_base=Fraction(1, 25),
        ticks=np.arange(3), end_tick=3, codec="h264", container="mov", pixel_format="yuv420p", colour=colour,
    )  # fmt: skip


def planes(width, height, seed, low=40, high=210):
    random = np.random.default_rng(seed)
    chroma = (-(-height // 2), -(-width // 2))
    return (
        random.integers(low, high, (height, width), np.uint8),
        random.integers(100, 156, chroma, np.uint8),
        random.integers(100, 156, chroma, np.uint8),
    )


def flat(width, height, luma, cb=128, cr=128):
    chroma = (-(-height // 2), -(-width // 2))
    return (
        np.full((height, width), luma, np.uint8),
        np.full(chroma, cb, np.uint8),
        np.full(chroma, cr, np.uint8),
    )


def reference(front, matte, behind, colour):
    """The same, said plainly: every pixel to RGB, to light by the sRGB formula, mixed, and back."""
    kr, kb = KR_KB[colour.matrix]
    kg = 1 - kr - kb
    scale_y, scale_c, low = (1, 1, 0) if colour.full_range else (255 / 219, 255 / 224, 16)

    def rgb_of(yuv):
        y = (yuv[0].astype(float) - low) * scale_y
        height, width = y.shape
        cb, cr = (
            (np.repeat(np.repeat(plane, 2, 0), 2, 1)[:height, :width].astype(float) - 128) * scale_c
            for plane in yuv[1:]
        )
        r, b = y + 2 * (1 - kr) * cr, y + 2 * (1 - kb) * cb
        return np.clip(np.stack([r, (y - kr * r - kb * b) / kg, b], -1), 0, 255) / 255

    def light(code):
        return np.where(code <= 0.04045, code / 12.92, ((code + 0.055) / 1.055) ** 2.4)

    def code(value):
        return np.where(value <= 0.0031308, value * 12.92, 1.055 * np.maximum(value, 1e-9) ** (1 / 2.4) - 0.055)

    alpha = matte.alpha[..., None] / 255
    mixed = code(alpha * light(rgb_of(front)) + (1 - alpha) * light(rgb_of(behind))) * 255
    return (mixed @ [kr, kg, kb]) / scale_y + low


@pytest.mark.parametrize("size", [(16, 12), (17, 13)], ids=["even", "odd"])
@pytest.mark.parametrize("colour", TAGS.values(), ids=TAGS)
def test_ones_give_the_frame_and_zeros_the_background(size, colour):
    front, behind = planes(*size, 1), planes(*size, 2)
    blender = Blender(clip_of(*size, colour))
    for value, wanted in ((True, front), (False, behind)):
        made = blender.blend(front, hard_matte(np.full(size[::-1], value)), behind)
        assert all(np.array_equal(a, b) for a, b in zip(made, wanted, strict=True))


@pytest.mark.parametrize("size", [(32, 24), (33, 25)], ids=["even", "odd"])
def test_hard_edges_choose_luma_pixel_by_pixel(size):
    front, behind = planes(*size, 3), planes(*size, 4)
    mask = np.random.default_rng(5).random(size[::-1]) > 0.5
    made = Blender(clip_of(*size, TAGS["HD"])).blend(front, hard_matte(mask), behind)
    assert np.array_equal(made[0], np.where(mask, front[0], behind[0]))


@pytest.mark.parametrize("colour", TAGS.values(), ids=TAGS)
@pytest.mark.parametrize("size", [(32, 24), (31, 23)], ids=["even", "odd"])
def test_partial_alpha_equals_the_plain_formula(size, colour):
    front, behind = planes(*size, 6, 80, 180), planes(*size, 7, 80, 180)
    matte = Matte(np.random.default_rng(8).integers(0, 256, size[::-1], np.uint8))
    made = Blender(clip_of(*size, colour)).blend(front, matte, behind)
    assert np.abs(made[0] - reference(front, matte, behind, colour)).max() <= 1.5


def test_light_is_mixed_not_code_values():
    """Half white, half black is the grey that reflects half the light: code 188 of 255, not 128."""
    size = (8, 8)
    matte = Matte(np.full(size, 128, np.uint8))
    made = Blender(clip_of(*size, TAGS["full range"])).blend(flat(*size, 255), matte, flat(*size, 0))
    assert np.all(np.abs(made[0].astype(int) - 188) <= 1)
    assert np.all(made[1] == 128)
    assert np.all(made[2] == 128)


def test_a_picture_over_itself_stays_itself():
    size = (32, 32)
    same = flat(*size, 120, 110, 150)
    matte = Matte(np.random.default_rng(9).integers(0, 256, size, np.uint8))
    made = Blender(clip_of(*size, TAGS["HD"])).blend(same, matte, same)
    assert all(np.abs(a.astype(int) - b).max() <= 1 for a, b in zip(made, same, strict=True))


def test_partial_pixels_take_the_estimated_foreground():
    size = (8, 8)
    alpha = np.full(size, 128, np.uint8)
    green = np.zeros((*size, 3), np.uint8)
    green[..., 1] = 255
    blender = Blender(clip_of(*size, TAGS["HD"]))
    tinted = blender.blend(flat(*size, 60, 90, 200), Matte(alpha, 0, 0, green), flat(*size, 16))
    assert tinted[1].mean() < 100  # away from red, towards green: both chroma below neutral
    assert tinted[2].mean() < 100


def test_inputs_are_left_alone():
    size = (16, 16)
    front, behind = planes(*size, 10), planes(*size, 11)
    before = [plane.copy() for plane in (*front, *behind)]
    Blender(clip_of(*size, TAGS["HD"])).blend(front, Matte(np.full(size, 99, np.uint8)), behind)
    assert all(np.array_equal(a, b) for a, b in zip(before, (*front, *behind), strict=True))


def test_light_wrap_brightens_only_the_band():
    size = (64, 64)
    depth = np.tile(np.clip((np.arange(64, dtype=np.float32) - 16) / 16, 0, 1), (64, 1))
    alpha = np.where(depth > 0, 255, 0).astype(np.uint8)
    front, behind = flat(*size, 60), flat(*size, 220)
    matte = Matte(alpha, 0, 0, None, depth)
    plain = Blender(clip_of(*size, TAGS["HD"])).blend(front, matte, behind)
    wrapped = Blender(clip_of(*size, TAGS["HD"]), light_wrap=0.8).blend(front, matte, behind)
    more = wrapped[0].astype(int) - plain[0]
    assert np.all(more >= -1)
    assert more[:, 18:24].min() > 10
    assert np.all(more[:, 34:] == 0)
    assert np.all(np.diff(more[32, 18:33]) <= 0)
