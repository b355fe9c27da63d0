"""After a cut: what is there is found where it is, and what is not there is not found."""

import cv2
import numpy as np
import pytest

from avfusion.metrics.vos import region_similarity
from avfusion.tracking.refind import refind, remember
from tests.tracking.sprites import frame, texture

HEIGHT, WIDTH, RADIUS = 240, 360, 60


def scene(seed, *, at=None, zoom=1.0, tint=(200, 70, 60), skin_seed=77):
    """(picture, mask): a textured disc, if any, on a textured plate."""
    rgb = texture(seed, HEIGHT, WIDTH, (80, 130, 90))
    if at is None:
        return rgb, np.zeros((HEIGHT, WIDTH), bool)
    skin = texture(skin_seed, 2 * RADIUS, 2 * RADIUS, tint, grain_px=2)
    side = round(2 * RADIUS * zoom)
    skin = cv2.resize(skin, (side, side), interpolation=cv2.INTER_LINEAR)
    rows, columns = np.ogrid[:side, :side]
    inside = (rows - side / 2) ** 2 + (columns - side / 2) ** 2 < (side / 2) ** 2
    top, left = at[1] - side // 2, at[0] - side // 2
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[top : top + side, left : left + side] = inside
    rgb[mask] = skin[inside]
    return rgb, mask


@pytest.fixture(scope="module")
def memories():
    rgb, mask = scene(1, at=(120, 120))
    return {1: [remember(frame(0, rgb), mask)]}


@pytest.mark.parametrize(("at", "zoom"), [((120, 120), 1.0), ((240, 100), 1.0), ((200, 120), 1.5), ((90, 90), 0.75)])
def test_it_is_found_in_another_place_and_size(memories, at, zoom):
    rgb, truth = scene(2, at=at, zoom=zoom)
    found = refind(frame(9, rgb), memories)
    assert region_similarity(found[1].mask, truth) > 0.9
    assert 0.3 < found[1].confidence <= 1


def test_what_is_not_there_is_not_found(memories):
    assert refind(frame(9, scene(2)[0]), memories) == {}
    assert refind(frame(9, np.full((HEIGHT, WIDTH, 3), 90, np.uint8)), memories) == {}


def test_the_same_drawing_in_other_colours_is_another_thing(memories):
    assert refind(frame(9, scene(2, at=(200, 120), tint=(60, 70, 210))[0]), memories) == {}


def test_a_thing_without_texture_is_not_remembered():
    rgb, mask = scene(1, at=(120, 120))
    rgb[mask] = (200, 70, 60)
    assert remember(frame(0, rgb), mask) is None
    assert refind(frame(1, rgb), {1: []}) == {}


def test_a_logo_that_stays_on_the_screen_is_not_the_object():
    """It lies over the object before the cut, and after it over another thing of the same colour."""
    logo = texture(5, 36, 36, (230, 230, 40), grain_px=1.5)
    before, mask = scene(1, at=(120, 120))
    after, _ = scene(2, at=(120, 120), skin_seed=78)
    for rgb in (before, after):
        rgb[140:176, 130:166] = logo
    remembered = remember(frame(0, before), mask)
    assert remembered is not None
    assert refind(frame(9, after), {1: [remembered]}) == {}
