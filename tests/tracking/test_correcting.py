"""A state that is corrected on its way goes on from the correction, and keeps what it knew."""

import numpy as np
import pytest

from avfusion.metrics.vos import region_similarity
from avfusion.tracking import Example
from avfusion.tracking.flow import Flow
from tests.tracking.sprites import Scene


@pytest.fixture(scope="module")
def clip():
    return list(Scene(frames=20).play())


def test_it_goes_on_from_the_correction(clip):
    state = Flow().begin(clip[0][0], {1: clip[0][1]})
    wrong = np.roll(clip[0][1], 12, axis=0)
    lost = Flow().begin(clip[0][0], {1: wrong})
    for frame, _ in clip[1:8]:
        state.step(frame)
        lost.step(frame)
    assert lost.correct({1: clip[7][1]}, turns=False)
    frame, truth = clip[8]
    assert region_similarity(lost.step(frame).masks[1], truth) > 0.85


def test_it_turns_round(clip):
    state = Flow().begin(clip[0][0], {1: clip[0][1]})
    for frame, _ in clip[1:12]:
        state.step(frame)
    assert state.correct({1: clip[11][1]}, turns=True)
    for frame, truth in reversed(clip[4:11]):
        assert region_similarity(state.step(frame).masks[1], truth) > 0.85


def test_a_correction_elsewhere_is_another_beginning(clip):
    state = Flow().begin(clip[0][0], {1: clip[0][1]})
    state.step(clip[1][0])
    far = np.zeros_like(clip[0][1])
    far[-20:, -20:] = True
    assert not state.correct({1: far}, turns=False)
    assert not state.correct({1: clip[1][1], 2: far}, turns=False)


def test_an_object_half_hidden_at_the_start_is_known_from_elsewhere(clip):
    """Begun on a sliver of the disc, with the whole of it known from another frame: it comes to be seen whole."""
    frame, truth = clip[8]
    sliver = truth.copy()
    columns = np.flatnonzero(truth.any(0))
    sliver[:, columns[len(columns) // 4] :] = False
    known = Flow().begin(frame, {1: sliver}, [Example(clip[0][0], {1: clip[0][1]})])
    alone = Flow().begin(frame, {1: sliver})
    overlaps = []
    for state in (known, alone):
        masks = [state.step(later).masks[1] for later, _ in clip[9:16]]
        overlaps.append(region_similarity(masks[-1], clip[15][1]))
    assert overlaps[0] > overlaps[1] + 0.1, overlaps
