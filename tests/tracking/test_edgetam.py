"""EdgeTAM through its loading code, against transformers' own session on the same weights."""

import copy
from typing import Any

import numpy as np
import pytest
import torch

from avfusion.tracking.edgetam import load_edgetam
from avfusion.tracking.sam2_video import MemoryTracker
from tests.tracking.tiny_video import tiny_edgetam
from tests.tracking.video_session import Heard, Session, frame, square, tensors

Theirs = tuple[Any, Any]


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[MemoryTracker, Theirs]:
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("edgetam")
    theirs = tiny_edgetam(folder)
    return load_edgetam(folder, name="edgetam", device="cpu"), theirs


@pytest.mark.parametrize("reverse", [False, True])
def test_one_object_is_that_of_the_session_with_flat_memory(
    reverse: bool, pair: tuple[MemoryTracker, Theirs], monkeypatch: pytest.MonkeyPatch
) -> None:
    engine, theirs = pair
    heard, session = Heard(monkeypatch), Session(*theirs)
    masks = {1: square(1)}
    order = range(30, -1, -1) if reverse else range(31)
    state = engine.begin(frame(order[0]), masks)
    session.know(frame(order[0]), masks)
    sizes, shares = [], []
    for index in order[1:]:
        tracked = state.step(frame(index))
        logits = session.step(frame(index), reverse=reverse)
        assert torch.equal(heard.logits.pop(), logits), index
        np.testing.assert_array_equal(tracked.masks[1], session.masks(logits)[0])
        shares.append(tracked.masks[1].mean())
        held = tensors(state)
        sizes.append((len(held), sum(held.values())))
    assert len(set(shares)) > 15, "masks that stay the same would compare nothing"
    assert sizes[-1] == sizes[19] > sizes[2]


def test_objects_at_once_with_a_correction_are_those_taken_one_by_one(
    pair: tuple[MemoryTracker, Theirs], monkeypatch: pytest.MonkeyPatch
) -> None:
    engine, (model, processor) = copy.deepcopy(pair)
    network, pixels = engine._network, engine._network.pixels
    network.__dict__.pop("_grid", None)
    network._model.double()
    network.pixels = lambda rgb: pixels(rgb).double()
    heard, session = Heard(monkeypatch), Session(model.double(), processor)
    masks = {number: square(number) for number in range(1, 6)}
    state = engine.begin(frame(0), masks)
    session.know(frame(0), masks)
    for index in range(1, 15):
        if index == 8:
            right = {number: square(6 - number) for number in masks}
            assert state.correct(right, turns=False)
            session.know(frame(7), right)
        state.step(frame(index))
        logits = session.step(frame(index))
        torch.testing.assert_close(heard.logits[-1], logits, rtol=0, atol=1e-6)
        np.testing.assert_array_equal(session.masks(heard.logits[-1]), session.masks(logits))
