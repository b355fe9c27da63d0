"""A step is the same whenever it is taken, lowers the loss in the end, and goes on after a stop as if without it."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from avfusion.errors import CannotRead, InputError
from avfusion.sounding.networks.av2ts import Av2tsNetwork, av2ts_from
from avfusion.sounding.training.examples import Example, batch_for
from avfusion.sounding.training.learner import Learner
from avfusion.sounding.training.processes import Alone
from avfusion.sounding.training.saved import Best, folder_of, last_step, read_step, resumed, save_step
from avfusion.sounding.training.settings import Precision, TrainingSettings
from tests.sounding.training.small import SETTINGS, MadeClips, small_network

ALONE = Alone("cpu")


def losses(learner: Learner, clips: MadeClips, start: int, stop: int) -> list[float]:
    return [learner.step(step, batch_for(step, clips, learner.settings)).losses["total"] for step in range(start, stop)]


def test_the_loss_goes_down_in_fifty_steps() -> None:
    found = losses(Learner(small_network(), SETTINGS, ALONE), MadeClips(), 0, 50)
    assert np.mean(found[-10:]) < 0.6 * np.mean(found[:5])


def test_what_goes_on_finds_the_same_losses(tmp_path: Path) -> None:
    clips = MadeClips()
    through = losses(Learner(small_network(), SETTINGS, ALONE), clips, 0, 8)
    first = Learner(small_network(), SETTINGS, ALONE)
    begun = losses(first, clips, 0, 4)
    save_step(tmp_path, first, 4, Best(3, 0.5))
    torch.manual_seed(99)  # what else the process draws must not matter
    saved = read_step(tmp_path, 4)
    network = av2ts_from(first.network.config, saved.network, folder_of(tmp_path, 4))
    second = Learner(network, SETTINGS, ALONE)
    resumed(second, saved, tmp_path)
    assert saved.best == Best(3, 0.5)
    assert begun + losses(second, clips, 4, 8) == pytest.approx(through, abs=1e-6)


def test_only_the_last_two_steps_are_kept(tmp_path: Path) -> None:
    learner = Learner(small_network(), SETTINGS, ALONE)
    for step in (0, 5, 10):
        save_step(tmp_path, learner, step, None)
    assert last_step(tmp_path) == 10
    assert sorted(path.name for path in (tmp_path / "steps").iterdir()) == ["000005", "000010"]


def test_a_broken_step_is_refused_by_name(tmp_path: Path) -> None:
    place = save_step(tmp_path, Learner(small_network(), SETTINGS, ALONE), 4, None)
    (place / "state.safetensors").write_bytes(b"nothing of this kind")
    with pytest.raises(CannotRead, match=r"000004: cannot be gone on with"):
        read_step(tmp_path, 4)


def test_a_loss_that_is_no_number_names_its_clips() -> None:
    class Broken(MadeClips):
        def read(self, index: int) -> Example:
            example = super().read(index)
            broken = np.full_like(example.log_mel, np.nan) if index == 1 else example.log_mel
            return Example(example.name, example.rgb, broken, example.labels, example.annotated)

    learner = Learner(small_network(), SETTINGS, ALONE)
    before = {name: part.clone() for name, part in learner.network.state().items()}
    with pytest.raises(InputError, match=r"Step \d: the loss is no longer a number .*scene 1") as caught:
        losses(learner, Broken(), 0, 3)
    step = int(str(caught.value).split()[1].rstrip(":"))
    assert step > 1 or all(torch.equal(part, before[name]) for name, part in learner.network.state().items())


def test_backbone_and_ears_learn_more_slowly_and_tables_do_not_decay() -> None:
    settings = TrainingSettings(steps=10, batch=1, rate=1e-3, backbone_share=0.1)
    learner = Learner(small_network(), settings, ALONE)
    network = learner.network
    assert isinstance(network, Av2tsNetwork)
    found = {id(part): group for group in learner.optimizer.param_groups for part in group["params"]}
    assert len(found) == len(network.learnt())
    for name, part in network.learnt().items():
        group = found[id(part)]
        assert group["share"] == (0.1 if name.startswith(("backbone.", "ced.")) else 1.0), name
        if name in ("masks.queries", "pixels.level", "masks.norm.weight", "ced.time_pos_embed"):
            assert group["weight_decay"] == 0.0, name
        if name in ("masks.mask.0.weight", "levels.0.to.conv.weight"):
            assert group["weight_decay"] == settings.weight_decay, name


def test_the_rate_rises_and_then_falls_to_nothing() -> None:
    settings = TrainingSettings(steps=100, batch=1, rate=1.0, warm_up=4, power=1.0)
    rates = [settings.rate_at(step) for step in range(101)]
    assert rates[0] == pytest.approx(0.2)
    assert max(rates) == rates[4]
    assert rates[50] == pytest.approx(0.5)
    assert rates[100] == 0


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_half_precision_learns_too(precision: Precision) -> None:
    settings = replace(SETTINGS, precision=precision)
    found = losses(Learner(small_network(), settings, ALONE), MadeClips(2), 0, 12)
    assert all(np.isfinite(found))
    assert np.mean(found[-3:]) < np.mean(found[:3])
