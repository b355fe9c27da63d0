"""Regions cover the picture, keep to its edges, and know their neighbours."""

from __future__ import annotations

import numpy as np
import pytest

from avfusion.segmentation.regions import split


@pytest.fixture
def halves() -> np.ndarray:
    """Left half red, right half blue, with some grain."""
    rgb = np.empty((60, 90, 3), np.uint8)
    rgb[:, :45], rgb[:, 45:] = (190, 60, 50), (50, 60, 190)
    return np.clip(rgb + np.random.default_rng(0).normal(0, 4, rgb.shape), 0, 255).astype(np.uint8)


def test_every_pixel_has_a_region_and_sizes_add_up(halves: np.ndarray) -> None:
    regions = split(halves, 7)
    assert regions.label.shape == (60, 90)
    assert set(np.unique(regions.label)) == set(range(regions.count))
    assert regions.size.sum() == 60 * 90
    assert regions.size.min() >= 1


def test_regions_end_at_edges(halves: np.ndarray) -> None:
    regions = split(halves, 7)
    share = regions.share(np.arange(90) < np.full((60, 1), 45))
    assert np.minimum(share, 1 - share).mean() < 0.03


def test_ways_across_an_edge_are_long(halves: np.ndarray) -> None:
    regions = split(halves, 7)
    seed = np.array([regions.label[30, 10]])
    distance = regions.distance(seed)
    assert distance[seed[0]] == 0
    assert distance[regions.label[5, 40]] < 0.3 * distance[regions.label[30, 50]]


def test_neighbours_touch_and_are_alike_as_their_colours_are(halves: np.ndarray) -> None:
    regions = split(halves, 7)
    assert (regions.first < regions.second).all()
    left, right = regions.label[30, 5], regions.label[30, 85]
    assert regions.alike[left, regions.label[10, 30]] > 0.5
    assert regions.alike[left, right] < 0.01
    assert np.allclose(regions.alike, regions.alike.T, atol=1e-5)


@pytest.mark.parametrize("size", [(1, 1), (3, 200), (7, 7), (40, 9)])
def test_pictures_of_every_size_can_be_split(size: tuple[int, int]) -> None:
    regions = split(np.full((*size, 3), 120, np.uint8), 7)
    assert regions.size.sum() == size[0] * size[1]
