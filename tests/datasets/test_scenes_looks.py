"""Made looks: what pink noise is, what a sprite may hold, and that shapes and textures differ."""

import itertools

import numpy as np
import pytest

from avfusion.datasets.scenes_looks import REACH, SHAPES, TEXTURES, draw_background, draw_sprite, pink_noise

RADIUS_PX = 24.0


def random(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_the_amplitude_of_pink_noise_falls_as_one_over_the_frequency() -> None:
    spectra = [np.abs(np.fft.fft2(pink_noise(128, 128, random(seed)))) for seed in range(4)]
    frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(128), np.fft.fftfreq(128)))
    wanted = (frequency > 0.02) & (frequency < 0.4)
    slope = np.polyfit(np.log(frequency[wanted]), np.log(np.mean(spectra, axis=0)[wanted]), 1)[0]
    assert slope == pytest.approx(-1, abs=0.05)


def test_pink_noise_has_no_mean_and_a_deviation_of_one() -> None:
    noise = pink_noise(40, 60, random())
    assert noise.shape == (40, 60)
    assert noise.mean() == pytest.approx(0, abs=1e-9)
    assert noise.std() == pytest.approx(1)


def test_a_background_is_a_picture() -> None:
    picture = draw_background(30, 50, random())
    assert picture.shape == (30, 50, 3)
    assert picture.min() >= 0
    assert picture.max() <= 255


@pytest.mark.parametrize("shape", SHAPES)
def test_a_sprite_is_opaque_in_the_middle_and_ends_before_its_edge(shape: str) -> None:
    sprite = draw_sprite(shape, "striped", RADIUS_PX, random())
    opacity = sprite[..., 3]
    middle = len(sprite) // 2
    assert opacity[middle, middle] == 1
    assert not np.concatenate([opacity[0], opacity[-1], opacity[:, 0], opacity[:, -1]]).any()
    assert np.all(sprite[..., :3] <= 255 * opacity[..., None] + 1e-3)  # colours are times opacity
    area = opacity.sum() / (np.pi * RADIUS_PX**2)
    assert 0.4 < area < REACH**2


def test_no_two_shapes_are_alike() -> None:
    assert len(SHAPES) >= 8
    angle = np.linspace(0, 2 * np.pi, 720, endpoint=False)
    outlines = {name: np.minimum(shape(angle), REACH) for name, shape in SHAPES.items()}
    for first, second in itertools.combinations(outlines.values(), 2):
        smaller, larger = np.minimum(first, second), np.maximum(first, second)
        assert np.sum(smaller**2) / np.sum(larger**2) < 0.9  # the IoU of two star-shaped outlines


def test_no_two_textures_are_alike() -> None:
    assert len(TEXTURES) >= 8
    axis = np.linspace(-1, 1, 64)
    drawn = [texture(*np.meshgrid(axis, axis)) > 0.5 for texture in TEXTURES.values()]
    for first, second in itertools.combinations(drawn, 2):
        assert np.mean(first != second) > 0.1
