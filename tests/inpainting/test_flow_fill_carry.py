"""Laws of carrying in one direction: what doubt tells."""

import numpy as np

from avfusion.clip import Rgb
from avfusion.inpainting.flow_fill_carry import NEVER, Carrier
from avfusion.inpainting.flow_fill_survey import Survey
from tests.inpainting.made_scenes import HEIGHT, WIDTH, disc, view, wall

HOLE = disc(80, 48)
NONE = np.zeros((HEIGHT, WIDTH), bool)
SHOWN = np.rint(view(wall(), 100, 60)).astype(np.uint8)


def doubts(*later: Rgb) -> list[float]:
    """The mean doubt in the hole, frame by frame, of what a first frame without a hole showed."""
    count = 1 + len(later)
    known = Survey((0,), np.repeat(np.eye(3)[None], count, 0), np.zeros((count, 3)), (False,))
    carrier = Carrier(known)
    carrier.step(0, SHOWN, NONE)
    found = []
    for index, rgb in enumerate(later, 1):
        carried = carrier.step(index, rgb, HOLE)
        assert (carried.age != NEVER).all()
        found.append(float(carried.doubt.mean()))
    return found


def changed() -> Rgb:
    """The wall with other texture on it, of the same light."""
    other = np.random.default_rng(5).permutation(SHOWN.reshape(-1, 3)).reshape(SHOWN.shape)
    return np.asarray(other)


def test_what_still_fits_is_not_doubted() -> None:
    assert max(doubts(SHOWN, SHOWN)) < 2


def test_what_does_not_fit_the_frame_is_doubted_and_stays_so() -> None:
    """In the second frame nothing fits; what is carried on from there may be anything, though the third frame fits."""
    before, after = doubts(changed(), SHOWN)
    assert before > 10
    assert after >= 0.9 * before


def test_doubt_is_of_the_side_that_does_not_fit() -> None:
    half = SHOWN.copy()
    half[:, 80:] = changed()[:, 80:]
    known = Survey((0,), np.repeat(np.eye(3)[None], 2, 0), np.zeros((2, 3)), (False,))
    carrier = Carrier(known)
    carrier.step(0, SHOWN, NONE)
    doubt = np.zeros((HEIGHT, WIDTH))
    doubt[HOLE] = carrier.step(1, half, HOLE).doubt
    right = HOLE.copy()
    right[:, :80] = False
    assert doubt[right].mean() > 2 * doubt[HOLE & ~right].mean()
