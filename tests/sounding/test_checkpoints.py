"""The networks that ship with the package: they go by the sound, on made scenes that no training has seen."""

from pathlib import Path

import numpy as np
import pytest

from avfusion.datasets.classes import BASE_NUMBERS, CLASSES, NOVEL_NUMBERS, NUMBER_OF
from avfusion.datasets.made import MadeSettings, made_avs
from avfusion.datasets.scenes_settings import RATE_HZ
from avfusion.engines.registry import lend
from avfusion.metrics.avs import BinaryScores
from avfusion.metrics.avs_semantic import OpenScores
from avfusion.sounding.painted import Painter

SHIPPED = Path(__file__).parents[2] / "avfusion" / "sounding" / "checkpoints"


def scored(painter: Painter, *, swapped: bool) -> float:
    """M_J over made clips of another seed than any that was trained on."""
    settings = MadeSettings(clips=12, seed=7000, size_px=128, split="test", is_moving=False)
    samples = list(made_avs("ms3", settings))
    scores = BinaryScores()
    for place, sample in enumerate(samples):
        heard = samples[(place + 1) % len(samples)] if swapped else sample
        assert heard.sound.rate_hz == RATE_HZ
        painted = painter.paint(np.asarray(sample.pictures), heard.sound)
        scores.add(list(painted.probabilities), [truth > 0 for truth in sample.truths])
    return scores.score().m_j


@pytest.mark.parametrize("engine", ["av2ts", "ov-avss"])
def test_they_go_by_the_sound(engine: str) -> None:
    with lend(engine, "sounding", "cpu") as painter:
        own, swapped = scored(painter, swapped=False), scored(painter, swapped=True)
    assert own > 0.45
    assert own - swapped > 0.15


def test_kinds_that_no_training_has_seen_are_found_and_named() -> None:
    scores = OpenScores(len(CLASSES), BASE_NUMBERS, NOVEL_NUMBERS)
    settings = MadeSettings(clips=24, seed=7000, size_px=128, split="test", is_moving=False)
    with lend("ov-avss", "sounding", "cpu") as painter:
        for sample in made_avs("ov", settings):
            painted = painter.paint(np.asarray(sample.pictures), sample.sound, CLASSES[1:])
            numbers = np.array([NUMBER_OF.get(name, 0) for name in painted.names], np.uint8)
            for found, truth in zip(numbers[painted.numbers], sample.truths, strict=True):
                scores.add(found, truth)
    score = scores.score()
    assert score.seen > 0.15
    assert score.unseen > 0.1


def test_each_comes_with_what_made_it() -> None:
    folders = sorted(path for path in SHIPPED.iterdir() if path.is_dir())
    assert [folder.name for folder in folders] == ["av2ts-ms3", "ov-avss"]
    for folder in folders:
        said = (folder / "README.md").read_text(encoding="utf-8")
        assert "avfusion train" in said
        assert "synthetic" in said
        assert (folder / "model.safetensors").stat().st_size < 4 * 1024**2
