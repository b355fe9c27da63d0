"""Batches follow from the step's number alone, all clips come in turn, and truths move with their pictures."""

import numpy as np
import pytest
import torch

from avfusion.sounding.networks.matching import IGNORED
from avfusion.sounding.training.examples import Example, batch_for, changed, chosen_for
from avfusion.sounding.training.settings import Changes, TrainingSettings

SETTINGS = TrainingSettings(steps=10, batch=4, size_px=32, seed=3)


class Drawn:
    """Ten clips of five pictures: a white square on black, and labels that say where it is."""

    def __init__(self, pictures: int = 5) -> None:
        self._pictures = pictures

    def __len__(self) -> int:
        return 10

    def read(self, index: int) -> Example:
        labels = np.zeros((self._pictures, 32, 32), np.uint8)
        labels[:, 2 + index : 12 + index, 5:20] = 1
        return Example(
            name=f"clip {index}",
            rgb=np.repeat(labels[..., None] * np.uint8(255), 3, axis=3),
            log_mel=np.full((self._pictures, 96, 64), index, np.float32) + np.arange(self._pictures)[:, None, None],
            labels=labels,
            annotated=np.ones(self._pictures, np.bool_),
        )


def test_every_clip_comes_once_in_each_round() -> None:
    chosen = [index for step in range(5) for index in chosen_for(step, 10, 4, 0)]
    assert sorted(chosen[:10]) == sorted(chosen[10:]) == list(range(10))
    assert chosen[:10] != chosen[10:]


def test_a_batch_larger_than_the_set() -> None:
    assert sorted(chosen_for(0, 3, 7, 0)[:3]) == [0, 1, 2]
    assert len(chosen_for(0, 3, 7, 0)) == 7


def test_a_step_has_the_same_batch_whenever_it_is_asked_for() -> None:
    first, again, other = (batch_for(step, Drawn(), SETTINGS) for step in (7, 7, 8))
    assert first.names == again.names != other.names
    torch.testing.assert_close(first.rgb, again.rgb, rtol=0, atol=0)


def test_processes_share_a_step() -> None:
    whole = batch_for(2, Drawn(), SETTINGS)
    parts = [batch_for(2, Drawn(), SETTINGS, process=number, processes=2) for number in (0, 1)]
    assert whole.names == (parts[0].names[0], parts[1].names[0], parts[0].names[1], parts[1].names[1])
    torch.testing.assert_close(whole.rgb[1::2], parts[1].rgb, rtol=0, atol=0)


def test_of_long_clips_a_row_is_seen_with_its_own_sound() -> None:
    batch = batch_for(0, Drawn(pictures=10), SETTINGS)
    assert batch.rgb.shape == (4, 5, 3, 32, 32)
    times = batch.log_mel[:, :, 0, 0] - torch.tensor([int(name[5:]) for name in batch.names])[:, None]
    assert ((times[:, 1:] - times[:, :-1]) == 1).all()
    assert len(set(times[:, 0].tolist())) > 1


@pytest.mark.parametrize("scale", [0.5, 1.0, 2.0])
def test_truths_move_with_their_pictures(scale: float) -> None:
    example = Drawn().read(3)
    found = changed(example, Changes(scales=(scale,), colour=0.0), np.random.default_rng(0))
    assert found.rgb.shape == example.rgb.shape
    known = found.labels != IGNORED
    white = found.rgb[..., 0] > 128
    # Where pictures are scaled, the one edge is soft and the other is not.
    assert (white == (found.labels == 1))[known].mean() > 0.94
    assert known.all() == (scale >= 1)
    assert (found.rgb == found.rgb[:1]).all()


def test_colours_change_and_truths_do_not() -> None:
    example = Drawn().read(0)
    grey = Example(example.name, example.rgb // 2 + 60, example.log_mel, example.labels, example.annotated)
    found = [changed(grey, Changes(flip=False), np.random.default_rng(seed)) for seed in range(8)]
    assert all((one.labels == grey.labels).all() for one in found)
    assert len({one.rgb.tobytes() for one in found}) > 4


def test_a_row_has_a_picture_that_somebody_annotated() -> None:
    class FirstOnly(Drawn):
        def read(self, index: int) -> Example:
            example = super().read(index)
            return Example(example.name, example.rgb, example.log_mel, example.labels, np.arange(5) == 0)

    batch = batch_for(0, FirstOnly(), TrainingSettings(steps=10, batch=10, size_px=32, pictures=2))
    assert batch.annotated.tolist() == [[True, False]] * 10
