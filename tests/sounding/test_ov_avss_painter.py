"""OV-AVSS as a painter, from the file on: places by the network, names by the model of words beside it."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from avfusion.datasets.classes import BACKGROUND, CLASSES
from avfusion.engines.catalogue import find
from avfusion.engines.folders import home
from avfusion.engines.registry import Registry
from avfusion.engines.state import state
from avfusion.engines.trained import TRAINED
from avfusion.errors import CannotRead, InputError
from avfusion.sounding import Locator
from avfusion.sounding.checkpoint import read_card, read_checkpoint, write_checkpoint
from avfusion.sounding.naming import load_clip_namer
from avfusion.sounding.networks.log_mel import log_mel_examples
from avfusion.sounding.networks.ov_avss import OvAvssNetwork, draw_ov_avss
from avfusion.sounding.networks.ov_avss_config import OV_AVSS_TINY
from avfusion.sounding.open_names import PaintSettings, paint_closed, paint_names
from avfusion.sounding.ov_avss_painter import OvAvssPainter
from avfusion.sounding.painted import Painter
from tests.sounding.networks.loosened import loosened
from tests.sounding.test_av2ts_painter import noise, pictures
from tests.sounding.tiny_sounders import tiny_clip

NAMES = {"wolf": "dog", "car": "train", "violin": "guitar"}


def network(classes: int = 1) -> OvAvssNetwork:
    """Random, nothing nearly zero; its queries are sure that they stand for something."""
    drawn = draw_ov_avss(replace(OV_AVSS_TINY, classes=classes), 2)
    weights = loosened({name: part.detach() for name, part in drawn.weights.items()})
    weights["masks.classes.bias"][: max(classes // 2, 1)] += 4
    return replace(drawn, weights={name: part.requires_grad_() for name, part in weights.items()})


def folder_of(folder: Path, classes: int = 1, names: dict[str, str] | None = None, *, words: bool = True) -> Path:
    folder.parent.mkdir(parents=True, exist_ok=True)
    write_checkpoint(folder, kind="ov-avss", setting="ov", size_px=64, network=network(classes), names=names)
    if words:
        tiny_clip(folder / "words")
    return folder


EASY = PaintSettings(score=0.05)
"""Random names have small shares, and are painted all the same."""


def painter(folder: Path) -> OvAvssPainter:
    checkpoint = read_checkpoint(folder)
    words = checkpoint.card.words
    namer = load_clip_namer(words, name="words", device="cpu") if checkpoint.card.is_open else None
    return OvAvssPainter("mine", checkpoint, namer, settings=EASY)


def by_hand(folder: Path, count: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Classes [Q, C + 1] and masks [Q, T, h, w] of the network, and its maps at 64 x 64."""
    read = read_checkpoint(folder).network
    rgb = torch.from_numpy(pictures(count)).permute(0, 3, 1, 2).float()[None]
    with torch.no_grad():
        said = read.predict(rgb, torch.from_numpy(log_mel_examples(noise(count).samples[0]))[None])
        return said.classes[-1][0], said.masks[-1][0], read.maps(said, height=64, width=64)


def test_it_paints_what_the_network_and_the_words_say(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "ov", names=NAMES)
    mine = painter(folder)
    assert isinstance(mine, Painter)
    assert isinstance(mine, Locator)
    painted = mine.paint(pictures(6), noise(6))
    classes, masks, maps = by_hand(folder, 6)
    assert np.array_equal(painted.probabilities, 1 - maps[:, 0].numpy())
    assert painted.most == 1.0
    namer = load_clip_namer(folder / "words", name="words", device="cpu")
    named = paint_names(classes, masks, pictures(6), tuple(NAMES.values()), namer, EASY).numbers
    assert named.any()
    assert painted.names == (BACKGROUND, *NAMES, "")
    sounding = (named == 0) & (painted.probabilities > 0.5)
    assert np.array_equal(painted.numbers, np.where(sounding, 4, named))


def test_labels_are_the_names(tmp_path: Path) -> None:
    known = painter(folder_of(tmp_path / "known", names=NAMES))
    assert known.paint(pictures(1), noise(1), CLASSES[1:]).names == (BACKGROUND, "car", "violin", "wolf", "")
    assert known.paint(pictures(1), noise(1), ("a frog",)).names == (BACKGROUND, "a frog", "")
    free = painter(folder_of(tmp_path / "free"))
    assert free.paint(pictures(1), noise(1), ("a frog", "dog")).names == (BACKGROUND, "a frog", "dog", "")
    assert free.paint(pictures(1), noise(1)).names == (*CLASSES, "")


def test_classes_of_its_own(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "closed", len(CLASSES), words=False)
    assert not read_card(folder).needs_clip
    painted = painter(folder).paint(pictures(3), noise(3), ("a frog",))
    classes, masks, maps = by_hand(folder, 3)
    named = paint_closed(classes, masks, (64, 64), EASY).numbers
    assert painted.names == (*CLASSES, "")
    assert np.array_equal(np.where(painted.numbers == len(CLASSES), 0, painted.numbers), named)
    assert np.array_equal(painted.probabilities, 1 - maps[:, 0].numpy())


def test_predictions_that_are_no_numbers_are_told(tmp_path: Path) -> None:
    checkpoint = read_checkpoint(folder_of(tmp_path / "closed", len(CLASSES), words=False))
    absurd = replace(
        checkpoint.network, weights={name: part * 1e30 for name, part in checkpoint.network.weights.items()}
    )
    with pytest.raises(InputError, match=r"^engine mine: its predictions are no numbers; .*$"):
        OvAvssPainter("mine", replace(checkpoint, network=absurd), None).paint(pictures(1), noise(1))


def test_other_numbers_of_classes_are_none(tmp_path: Path) -> None:
    with pytest.raises(CannotRead, match="a network of 5 classes is no ov-avss for ov, which has 1 or 71"):
        read_checkpoint(folder_of(tmp_path / "five", 5, words=False))


def test_as_an_engine_it_takes_the_words_beside_it_or_waits_for_clip() -> None:
    folder_of(home() / TRAINED / "with", names=NAMES)
    folder_of(home() / TRAINED / "without", words=False)
    with Registry().lend("with", "sounding", "cpu") as engine:
        assert engine.paint(pictures(2), noise(2)).numbers.shape == (2, 64, 64)
    waiting = find("without", "sounding")
    assert waiting.sources == find("clip-vit-b16", "naming").sources
    assert state(waiting).words.startswith("needs a download of 599 MB: avfusion engines pull without")
