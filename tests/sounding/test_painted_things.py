"""Patches of what is painted, and their links from one second to the next."""

import numpy as np
import pytest
from numpy.typing import NDArray

from avfusion.sounding import painted_things
from avfusion.sounding.painted_things import Things, patches_of

SIDE = 40


def field(*boxes: tuple[int, int, int, int], sure: float = 0.9) -> NDArray[np.float32]:
    """Boxes (top, left, bottom, right) on nothing."""
    out = np.full((SIDE, SIDE), 0.1, np.float32)
    for top, left, bottom, right in boxes:
        out[top:bottom, left:right] = sure
    return out


def ones(sure: NDArray[np.float32]) -> NDArray[np.uint8]:
    return (sure > 0.5).astype(np.uint8)


def after(*fields: NDArray[np.float32]) -> list[list[int]]:
    """The seconds in which each thing is painted, the most painted first."""
    things = Things()
    for second, sure in enumerate(fields):
        things.add(second, sure, ones(sure))
    return [list(thing.patches) for thing in things.most_painted(10)]


def test_a_patch_gives_its_place_back_exactly() -> None:
    dice = np.random.default_rng(1)
    sure = np.clip(field((0, 0, 9, 12), (20, 20, 40, 40)) + dice.normal(0, 0.3, (SIDE, SIDE)), 0, 1).astype(np.float32)
    numbers = dice.integers(1, 3, (SIDE, SIDE), dtype=np.uint8)
    numbers[:20], numbers[20:, :30] = 1, 2
    shown = 0
    for number in (1, 2):
        things = Things()
        things.add(0, sure, np.where(numbers == number, number, 0).astype(np.uint8))
        for thing in things.most_painted(9):
            coded = thing.sure_at(0, (SIDE, SIDE))
            assert ((sure > 0.5) & (numbers == number))[coded > 127].all()
            patch = thing.patches[0][0]
            assert (coded > 127).sum() == patch.area
            assert patch.score == pytest.approx(float(sure[coded > 127].mean()), abs=1e-5)
            shown += 1
    assert shown > 1


def test_the_edge_is_kept_so_that_it_lies_right_when_enlarged() -> None:
    sure = field((10, 10, 20, 20))
    sure[9, 10:20] = 0.49
    (patch,) = patches_of(sure, ones(sure))
    assert (patch.top, patch.left, patch.sure.shape) == (9, 9, (12, 12))
    assert (patch.sure[0, 1:-1] == round(0.49 * 255)).all()
    assert (patch.sure[-1] == round(0.1 * 255)).all()


def test_specks_and_the_background_are_no_patches() -> None:
    sure = field((0, 0, 2, 2), (10, 10, 20, 20))
    assert [patch.area for patch in patches_of(sure, ones(sure))] == [100]
    assert patches_of(sure, np.zeros_like(ones(sure))) == []


def test_what_overlaps_goes_on_and_what_does_not_is_new() -> None:
    here, near, far = ((10, left, 20, left + 10) for left in (2, 7, 27))
    assert after(field(here), field(near), field(far)) == [[0, 1], [2]]
    assert after(field(here), field(), field(), field(near)) == [[0, 3]]


def test_two_things_that_meet_stay_two() -> None:
    one, other, joined = (10, 4, 20, 14), (10, 18, 20, 28), (10, 4, 20, 28)
    assert after(field(one, other), field(joined), field(one, other)) == [[0, 1, 2], [0, 2]]


def test_a_thing_in_two_pieces_is_one() -> None:
    whole, left, right = (10, 4, 20, 28), (10, 4, 20, 14), (10, 18, 20, 28)
    things = Things()
    for second, sure in enumerate((field(whole), field(left, right))):
        things.add(second, sure, ones(sure))
    (thing,) = things.most_painted(9)
    assert thing.score(1) == pytest.approx(0.9)
    assert (thing.sure_at(1, (SIDE, SIDE)) > 127).sum() == 200


def test_names_vote_by_how_much_they_paint() -> None:
    things = Things()
    sure = field((10, 10, 30, 30))
    for second, number in enumerate((4, 4, 9)):
        things.add(second, sure, ones(sure) * np.uint8(number))
    (thing,) = things.most_painted(9)
    assert thing.votes() == {4: pytest.approx(2 / 3), 9: pytest.approx(1 / 3)}
    assert thing.weight == pytest.approx(2.7)


def test_noise_fills_no_memory_and_what_lasts_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(painted_things, "_THINGS_AT_MOST", 8)
    things = Things()
    lasting = (0, 0, 12, 12)
    for second in range(60):
        # Somewhere else each time, four at a time.
        boxes = [(20, 8 * k + second % 2, 26, 8 * k + 6) for k in range(4) if (second // 2 + k) % 3]
        sure = field(lasting, *boxes)
        things.add(second, sure, ones(sure))
    found = things.most_painted(100)
    assert len(found) <= 8
    assert list(found[0].patches) == list(range(60))
