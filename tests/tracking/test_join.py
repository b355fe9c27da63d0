"""Between two answers: a smooth way from one to the other."""

import numpy as np
import pytest

from avfusion.metrics.vos import region_similarity
from avfusion.tracking.join import join


def disc(x, y=50, radius=20):
    rows, columns = np.ogrid[:100, :160]
    return (rows - y) ** 2 + (columns - x) ** 2 < radius**2


def test_the_ends_are_the_answers_themselves():
    one, two = disc(50), disc(60)
    assert np.array_equal(join(one, two, 1.0), one)
    assert np.array_equal(join(one, two, 0.0), two)


@pytest.mark.parametrize("weight", [0.1, 0.5, 0.9])
def test_where_both_agree_nothing_changes(weight):
    one, two = disc(50), disc(60)
    found = join(one, two, weight)
    assert found[one & two].all()
    assert not found[~(one | two)].any()
    assert np.array_equal(join(one, one, weight), one)


def test_it_goes_over_steadily():
    one, two = disc(50), disc(50, radius=30)
    areas = [int(join(one, two, weight).sum()) for weight in (1.0, 0.75, 0.5, 0.25, 0.0)]
    assert areas == sorted(areas)
    assert len(set(areas)) == 5
    assert region_similarity(join(one, two, 0.5), disc(50, radius=25)) > 0.95


def test_masks_apart_are_not_mixed():
    one, two = disc(30), disc(120)
    assert np.array_equal(join(one, two, 0.6), one)
    assert np.array_equal(join(one, two, 0.4), two)
    nothing = np.zeros_like(one)
    assert np.array_equal(join(nothing, two, 0.6), nothing)


def test_an_object_that_fills_the_picture_has_an_outline_at_its_rim():
    everything = np.ones((100, 160), bool)
    found = join(everything, disc(80, radius=48), 0.5)
    assert disc(80, radius=48).sum() < found.sum() < everything.sum()
