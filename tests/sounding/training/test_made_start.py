"""Lessons say what is seen and heard, without novel kinds; and whoever is taught by them knows more than before."""

import numpy as np
import torch

from avfusion.sounding.networks.backbones import PVT_V2_TINY, draw_backbone
from avfusion.sounding.networks.layers import Tensor
from avfusion.sounding.training.made_start import Lessons, StartSettings, draw_lessons, teach_ears, teach_eyes

SETTINGS = StartSettings(scenes=8, eye_steps=120, eye_batch=8, ear_steps=400, ear_batch=16)


def silently(what: str, done: int, total: int) -> None:
    """Nobody waits."""


def lessons() -> Lessons:
    return draw_lessons(64, SETTINGS, silently)


def test_each_second_has_a_picture_its_kinds_and_its_timbres() -> None:
    found = lessons()
    assert found.rgb.shape == (40, 64, 64, 3)
    assert found.kinds.shape == (40, 64, 64)
    assert found.log_mel.shape == (40, 96, 64)
    assert found.timbres.shape == (40, 8)
    assert set(np.unique(found.kinds)) <= set(range(9))
    seen = np.array([[(picture == 1 + kind).any() for kind in range(8)] for picture in found.kinds])
    heard = found.timbres > 0
    assert (seen | ~heard)[heard.any(1)].mean() > 0.95  # what is heard is there, unless it is hidden
    assert (seen & ~heard).any()  # what is seen need not be heard


def test_the_same_seed_gives_the_same_lessons() -> None:
    first, second = lessons(), lessons()
    assert (first.rgb == second.rgb).all()
    assert (first.log_mel == second.log_mel).all()


def test_ears_learn() -> None:
    found = lessons()
    mean, deviation = float(found.log_mel.mean()), float(found.log_mel.std())
    matrix = (0.1 * torch.randn(64, 16, generator=torch.Generator().manual_seed(0))).requires_grad_()

    def tokens(log_mel: Tensor) -> Tensor:
        return (((log_mel.mean(1) - mean) / deviation) @ matrix).tanh()

    chance = float((found.timbres == 0).mean())  # of whoever always says that nothing is heard
    assert teach_ears(tokens, [matrix], found, SETTINGS, silently) > chance + 0.02


def test_eyes_learn() -> None:
    backbone = draw_backbone(PVT_V2_TINY, 0)
    chance = 1 / 8
    assert teach_eyes(backbone, lessons(), SETTINGS, silently) > 2 * chance
    assert not backbone.training
