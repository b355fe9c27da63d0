"""Laws of putting the two directions of time together."""

import itertools
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from avfusion.inpainting.flow_fill_carry import NEVER, Carried
from avfusion.inpainting.flow_fill_merge import CarriedFiles, merged
from tests.inpainting.made_scenes import HEIGHT, WIDTH, disc

HOLE = disc(80, 48)
COUNT = int(HOLE.sum())
AROUND = np.full((HEIGHT, WIDTH, 3), 100, np.uint8)


def carried(level: int | NDArray[np.uint8], age: int = 1, doubt: int = 0) -> Carried:
    colour = np.empty((COUNT, 3), np.uint8)
    colour[...] = level
    return Carried(colour, np.full(COUNT, age, np.uint16), np.full(COUNT, doubt, np.uint8))


def test_where_both_agree_what_was_seen_is_not_touched() -> None:
    texture = np.random.default_rng(0).integers(0, 255, (COUNT, 3)).astype(np.uint8)
    colours, seen = merged(AROUND, HOLE, carried(texture), carried(texture, age=4))
    assert seen.all()
    assert np.array_equal(colours, texture)


def test_what_one_has_is_taken_as_it_is() -> None:
    texture = np.random.default_rng(0).integers(0, 255, (COUNT, 3)).astype(np.uint8)
    colours, seen = merged(AROUND, HOLE, carried(0, age=NEVER), carried(texture))
    assert seen.all()
    assert np.array_equal(colours, texture)
    _, seen = merged(AROUND, HOLE, carried(0, age=NEVER), carried(0, age=NEVER))
    assert not seen.any()


def test_the_nearer_in_time_counts_more() -> None:
    colours, _ = merged(AROUND, HOLE, carried(100, age=1), carried(110, age=9))
    assert np.abs(colours.astype(int) - 100).max() <= 3


def test_where_they_contradict_each_other_the_surroundings_have_a_say() -> None:
    """One of the two is right, at equal odds: the answer has less squared error than either on average."""
    one, other = carried(20), carried(220)
    colours, _ = merged(AROUND, HOLE, one, other)
    expected = np.mean([(colours.astype(float) - truth) ** 2 for truth in (20, 220)])
    assert expected < 0.6 * np.mean([0, 200**2])
    nearer, _ = merged(AROUND, HOLE, carried(20, age=0), carried(220, age=30))
    assert 60 < nearer.mean() < 100


def test_what_was_unlike_the_frame_yields_to_what_was_not() -> None:
    """Even where it was seen much later. Equal colours would tell nothing, and near ones call nobody else in."""
    colours, _ = merged(AROUND, HOLE, carried(90, age=1, doubt=40), carried(110, age=9, doubt=1))
    assert np.abs(colours.astype(int) - 110).max() <= 1


def test_the_more_doubtful_the_nearer_to_the_surroundings() -> None:
    alone = carried(0, age=NEVER)
    answers = [merged(AROUND, HOLE, carried(200, doubt=doubt), alone)[0].mean() for doubt in (0, 10, 20, 40, 80, 255)]
    assert answers[0] == 200
    assert all(after <= before for before, after in itertools.pairwise(answers))
    assert 100 < answers[-1] < 130


def test_leaning_on_the_surroundings_lessens_the_error_that_doubt_tells_of() -> None:
    """What was carried is right but for noise as large as its doubt; the surroundings miss the truth too."""
    draw = np.random.default_rng(0)
    truth = np.full((COUNT, 1), 150.0)
    noisy = np.clip(np.rint(truth + draw.normal(0, 50, (COUNT, 3))), 0, 255).astype(np.uint8)
    doubt = round(float(np.abs(noisy - truth).mean()))
    colours, _ = merged(AROUND, HOLE, carried(noisy, doubt=doubt), carried(0, age=NEVER))
    assert ((colours - truth) ** 2).mean() < 0.7 * ((noisy - truth) ** 2).mean()
    assert ((colours - truth) ** 2).mean() < 0.7 * ((AROUND[HOLE] - truth) ** 2).mean()


def test_faint_texture_stays_however_doubtful() -> None:
    grain = (100 + np.random.default_rng(0).integers(-4, 5, (COUNT, 3))).astype(np.uint8)
    colours, _ = merged(AROUND, HOLE, carried(grain, doubt=60), carried(0, age=NEVER))
    assert colours.std() > 0.8 * grain.std()


def test_the_files_give_back_what_was_put(tmp_path: Path) -> None:
    files = CarriedFiles(tmp_path / "carried")
    put = Carried(
        np.arange(30, dtype=np.uint8).reshape(10, 3),
        np.arange(10, dtype=np.uint16) * 6000,
        np.arange(10, dtype=np.uint8),
    )
    files.put(3, put)
    taken = files.take(3)
    assert np.array_equal(taken.colour, put.colour)
    assert np.array_equal(taken.age, put.age)
    assert np.array_equal(taken.doubt, put.doubt)
    assert not list((tmp_path / "carried").iterdir())
