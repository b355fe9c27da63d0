"""PSNR, SSIM and warp error: laws, and each computed by hand another way."""

import math

import cv2
import numpy as np
import pytest
from scipy.ndimage import correlate, gaussian_filter, map_coordinates

from avfusion.errors import MaskSizeMismatch
from avfusion.metrics.inpaint import WarpMeter, psnr_inside, ssim_inside, visible, warp_error


def texture(seed: int = 1, height: int = 96, width: int = 128) -> np.ndarray:
    rough = np.random.default_rng(seed).random((height, width, 3)) * 255
    smooth = gaussian_filter(rough, (2, 2, 0))
    return np.clip((smooth - 127.5) * 5 + 127.5, 0, 255).astype(np.uint8)


def disc(height: int = 96, width: int = 128, radius: int = 25) -> np.ndarray:
    rows, columns = np.ogrid[:height, :width]
    return (rows - 50) ** 2 + (columns - 60) ** 2 < radius**2


def test_what_is_alike_is_perfect() -> None:
    picture = texture()
    assert psnr_inside(picture, picture, disc()) == math.inf
    assert ssim_inside(picture, picture, disc()) == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize("step", [1, 5, 16])
def test_a_known_error_gives_a_known_psnr(step: int) -> None:
    truth = np.full((60, 80, 3), 100, np.uint8)
    hole = np.zeros((60, 80), bool)
    hole[10:30, 20:50] = True
    ours = truth.copy()
    ours[hole] += np.uint8(step)
    assert psnr_inside(ours, truth, hole) == pytest.approx(20 * math.log10(255 / step))
    ours[~hole] = 0  # what is outside counts for nothing
    assert psnr_inside(ours, truth, hole) == pytest.approx(20 * math.log10(255 / step))


def test_noise_of_known_strength_gives_its_psnr() -> None:
    noise = np.random.default_rng(2).normal(0, 8, (200, 200, 3))
    truth = np.full((200, 200, 3), 128, np.uint8)
    ours = np.clip(np.rint(truth + noise), 0, 255).astype(np.uint8)
    expected = 10 * math.log10(255**2 / (64 + 1 / 12))  # rounding adds a twelfth
    assert psnr_inside(ours, truth, np.ones((200, 200), bool)) == pytest.approx(expected, abs=0.05)


def by_hand_ssim(a: np.ndarray, b: np.ndarray, hole: np.ndarray) -> float:
    """The definition, with the window written out and applied by scipy."""
    place = np.arange(11) - 5
    window = np.exp(-(place[:, None] ** 2 + place**2) / (2 * 1.5**2))
    window /= window.sum()
    x, y = (cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(float) for picture in (a, b))

    def mean(values: np.ndarray) -> np.ndarray:
        return correlate(values, window, mode="mirror")

    mx, my = mean(x), mean(y)
    vx, vy, cov = mean(x * x) - mx**2, mean(y * y) - my**2, mean(x * y) - mx * my
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    return float((((2 * mx * my + c1) * (2 * cov + c2)) / ((mx**2 + my**2 + c1) * (vx + vy + c2)))[hole].mean())


@pytest.mark.parametrize("where", ["inside", "at the border", "everywhere"])
def test_ssim_is_that_of_the_definition(where: str) -> None:
    a = texture()
    b = np.clip(a.astype(int) + np.random.default_rng(5).integers(-30, 30, a.shape), 0, 255).astype(np.uint8)
    hole = {"inside": disc(), "at the border": np.roll(disc(), -55, axis=1), "everywhere": np.ones((96, 128), bool)}
    assert ssim_inside(a, b, hole[where]) == pytest.approx(by_hand_ssim(a, b, hole[where]), abs=1e-9)


def test_worse_is_less() -> None:
    truth = texture()
    slightly, badly = (cv2.GaussianBlur(truth, (0, 0), sigma) for sigma in (0.8, 4))
    assert psnr_inside(slightly, truth, disc()) > psnr_inside(badly, truth, disc())
    assert 1 > ssim_inside(slightly, truth, disc()) > ssim_inside(badly, truth, disc())


def test_pictures_of_other_sizes_and_empty_holes_are_refused() -> None:
    with pytest.raises(MaskSizeMismatch):
        psnr_inside(texture(), texture(height=90), disc())
    with pytest.raises(MaskSizeMismatch):
        ssim_inside(texture(), texture(), disc(height=90))
    with pytest.raises(ValueError, match="without a pixel"):
        psnr_inside(texture(), texture(), np.zeros((96, 128), bool))


def moved(picture: np.ndarray, step: tuple[float, float]) -> np.ndarray:
    rows, columns = np.mgrid[: picture.shape[0], : picture.shape[1]].astype(float)
    at = [rows - step[1], columns - step[0]]
    planes = [map_coordinates(picture[..., channel].astype(float), at, order=1, mode="nearest") for channel in range(3)]
    return np.rint(np.stack(planes, axis=-1)).astype(np.uint8)


def test_warp_error_is_that_of_the_definition() -> None:
    before, after = texture(1), texture(2)
    flow = np.random.default_rng(3).normal(0, 2, (96, 128, 2)).astype(np.float32)
    rows, columns = np.mgrid[:96, :128].astype(float)
    counted = disc()
    at = [np.clip(rows + flow[..., 1], 0, 95), np.clip(columns + flow[..., 0], 0, 127)]
    warped = np.stack([map_coordinates(after[..., c].astype(float), at, order=1) for c in range(3)], axis=-1)
    expected = ((before / 255 - warped / 255) ** 2).sum(axis=2)[counted].mean()
    # OpenCV looks up in steps of a 32nd of a pixel.
    assert warp_error(before, after, flow, counted) == pytest.approx(expected, rel=0.02)


def test_what_moves_as_the_truth_does_is_steady() -> None:
    meter, still = WarpMeter(), WarpMeter()
    for frame in range(5):
        picture = moved(texture(), (1.0 * frame, 0))
        meter.observe(picture, disc(), guide=picture)
        still.observe(texture(), disc())
    assert meter.error is not None
    assert meter.error < 2e-4
    assert still.error == 0


def test_flicker_adds_what_it_should() -> None:
    """Brightness jumps by 10 of 255 from frame to frame: three channels, each (10 / 255)^2."""
    meter = WarpMeter()
    for frame in range(4):
        truth = np.clip(texture(), 20, 230)
        shown = truth + np.uint8(10 * (frame % 2))
        meter.observe(shown, disc(), guide=truth)
    assert meter.error == pytest.approx(3 * (10 / 255) ** 2, rel=1e-6)


def test_nothing_to_compare_has_no_error() -> None:
    alone, empty = WarpMeter(), WarpMeter()
    alone.observe(texture(), disc())
    for _ in range(3):
        empty.observe(texture(), np.zeros((96, 128), bool))
    assert alone.error is None
    assert empty.error is None


def test_what_does_not_return_is_not_counted() -> None:
    forth = np.zeros((40, 40, 2), np.float32)
    forth[..., 0] = 3
    back = -forth
    assert visible(forth, back)[:, :36].all()
    assert not visible(forth, back)[:, 37:].any()  # it leaves the picture
    back[10:20, 10:20] = 3
    assert not visible(forth, back)[11:19, 8:15].any()
