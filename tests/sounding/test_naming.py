"""Names by CLIP, through its loading code, against transformers' own call on the same weights."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch

from avfusion.errors import UsageError
from avfusion.sounding.naming import (
    NAMES,
    TEMPLATES,
    VIEWS_AT_MOST,
    ClipNamer,
    Namer,
    alone,
    load_clip_namer,
    softmax,
    spoken,
)
from tests.sounding.tiny_sounders import tiny_clip

SIDE = 32
LABELS = ("dog", "cat", "hair-dryer")
RGB = cv2.resize(
    np.random.default_rng(5).integers(0, 256, (6, 9, 3), np.uint8), (96, 64), interpolation=cv2.INTER_CUBIC
)
MASK = np.zeros(RGB.shape[:2], bool)
MASK[10:40, 20:50] = True


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> tuple[ClipNamer, Any, Any]:
    folder: Path = tmp_path_factory.mktemp("clip")
    theirs = tiny_clip(folder)
    return load_clip_namer(folder, name="clip-vit-b16", device="cpu"), *theirs


def by_transformers(clip: tuple[Any, ...], picture: np.ndarray, labels: tuple[str, ...]) -> np.ndarray:
    """Logits per name: the model called as a whole, sentence by sentence, and the mean taken of what it embeds."""
    _, model, processor = clip
    rows = []
    for label in labels:
        said = processor(text=[each.format(spoken(label)) for each in TEMPLATES], padding=True, return_tensors="pt")
        pixels = processor(images=picture, return_tensors="pt")
        with torch.no_grad():
            whole = model(**said, **pixels)
        mean = whole.text_embeds.mean(0)
        rows.append((whole.image_embeds[0] @ (mean / mean.norm()) * model.logit_scale.exp()).item())
    return np.array(rows)


def test_shares_are_those_of_transformers(clip: tuple[ClipNamer, Any, Any]) -> None:
    namer = clip[0]
    assert isinstance(namer, Namer)
    theirs = softmax(by_transformers(clip, alone(RGB, MASK), LABELS))
    named = namer.call([(RGB, MASK)], LABELS)
    np.testing.assert_allclose(named.shares, theirs, atol=1e-5)
    assert named.name == LABELS[int(theirs.argmax())]
    assert theirs.max() - theirs.min() > 0.01  # else all names would do


def test_logits_are_averaged_over_the_views(clip: tuple[ClipNamer, Any, Any]) -> None:
    other = np.zeros_like(MASK)
    other[30:60, 60:90] = True
    both = [by_transformers(clip, alone(RGB, mask), LABELS) for mask in (MASK, other)]
    empty = (RGB, np.zeros_like(MASK))
    named = clip[0].call([(RGB, MASK), empty, (RGB, other)], LABELS)
    np.testing.assert_allclose(named.shares, softmax(np.mean(both, axis=0)), atol=1e-5)


def test_it_is_as_sure_as_the_localiser_lets_it_be(clip: tuple[ClipNamer, Any, Any]) -> None:
    sure, half = (clip[0].call([(RGB, MASK)], LABELS, objectness=share) for share in (1.0, 0.5))
    assert half.name == sure.name
    assert half.confidence == pytest.approx(sure.confidence / 2)
    assert half.shares == sure.shares


def test_only_the_labels_that_are_given_are_names(clip: tuple[ClipNamer, Any, Any]) -> None:
    assert clip[0].call([(RGB, MASK)], ("tuba",)).name == "tuba"
    anything = clip[0].call([(RGB, MASK)])
    assert anything.names == NAMES
    assert len(NAMES) == 70
    assert sum(anything.shares) == pytest.approx(1)


def test_what_is_nowhere_seen_has_no_name(clip: tuple[ClipNamer, Any, Any]) -> None:
    named = clip[0].call([(RGB, np.zeros_like(MASK))], LABELS)
    assert (named.name, named.confidence) == ("", 0.0)


def test_a_label_without_a_letter_is_refused(clip: tuple[ClipNamer, Any, Any]) -> None:
    with pytest.raises(UsageError, match="' ' is no name"):
        clip[0].call([(RGB, MASK)], ("dog", " "))


def test_a_few_views_are_enough(clip: tuple[ClipNamer, Any, Any]) -> None:
    views = [(RGB, np.roll(MASK, 3 * step, axis=1)) for step in range(VIEWS_AT_MOST + 5)]
    few, all_of_them = clip[0].call(views[:VIEWS_AT_MOST], LABELS), clip[0].call(views, LABELS)
    assert all_of_them == few


def test_the_square_begins_at_the_box_and_is_black_elsewhere() -> None:
    mask = np.zeros((20, 30), bool)
    mask[12:18, 5:20] = True
    mask[13, 6] = False
    rgb = np.full((20, 30, 3), 200, np.uint8)
    square = alone(rgb, mask)
    assert square.shape == (15, 15, 3)  # it leaves the picture below
    assert (square[:6] == np.where(mask[12:18, 5:20, None], 200, 0)).all()
    assert not square[6:].any()


def test_there_are_fourteen_sentences() -> None:
    assert len(set(TEMPLATES)) == 14
    assert all(template.count("{}") == 1 for template in TEMPLATES)
    assert spoken("emergency-car") == "emergency car"
