"""CLIPSeg, and Grounding DINO with SAM 2.1, through their loading code, against transformers' own calls."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch

from avfusion.clip import Box, Drawn, Point, Words
from avfusion.errors import NoPrompt, NothingFound, UsageError
from avfusion.segmentation.clipseg import load_clipseg
from avfusion.segmentation.described import Described
from avfusion.segmentation.grounding import load_grounding_dino
from tests.segmentation.tiny_transformers import tiny_clipseg, tiny_grounding_dino, tiny_sam2
from tests.segmentation.tiny_weights import shake

HEIGHT, WIDTH = 90, 140
RGB = cv2.resize(
    np.random.default_rng(3).integers(0, 256, (6, 9, 3), np.uint8), (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC
)


@pytest.fixture(scope="module")
def clipseg(tmp_path_factory: pytest.TempPathFactory) -> tuple[Described, Any, Any]:
    folder = tmp_path_factory.mktemp("clipseg")
    theirs = tiny_clipseg(folder)
    return load_clipseg(folder, name="clipseg", device="cpu"), *theirs


@pytest.fixture(scope="module")
def grounding(tmp_path_factory: pytest.TempPathFactory) -> tuple[Described, Any, Any, Any, Any]:
    folder, sam_folder = tmp_path_factory.mktemp("grounding"), tmp_path_factory.mktemp("sam2")
    theirs, sam = tiny_grounding_dino(folder), tiny_sam2(sam_folder)
    return load_grounding_dino(folder, sam_folder, name="grounding-dino-tiny", device="cpu"), *theirs, *sam


@pytest.mark.parametrize("words", ["a dog", "cat"])
def test_clipseg_is_the_map_of_transformers_at_the_picture_s_size(
    words: str, clipseg: tuple[Described, Any, Any]
) -> None:
    engine, model, processor = clipseg
    inputs = processor(text=[words], images=[RGB], padding=True, return_tensors="pt")
    with torch.no_grad():
        logits = model(**inputs).logits.reshape(1, 1, 64, 64)
    full = torch.nn.functional.interpolate(logits, (HEIGHT, WIDTH), mode="bilinear", align_corners=False)[0, 0]
    found = engine.segment(RGB, [Words(words)])
    expected = (full.sigmoid() > 0.5).numpy()
    np.testing.assert_array_equal(found.masks[1], expected)
    assert 0.2 < expected.mean() < 0.8
    assert found.confidence[1] == pytest.approx(float(full.sigmoid().numpy()[expected].mean()), abs=1e-5)


def by_transformers(grounding: tuple[Any, ...], text: str) -> list[tuple[float, Any]]:
    """(score, mask bool [H, W]) of each instance: boxes from one model, each handed to the other."""
    _, model, processor, sam, sam_processor = grounding
    inputs = processor(images=RGB, text=text, return_tensors="pt")
    with torch.no_grad():
        outputs = model(**inputs)
    (found,) = processor.post_process_grounded_object_detection(
        outputs, inputs["input_ids"], threshold=0.25, text_threshold=0.25, target_sizes=[(HEIGHT, WIDTH)]
    )
    instances = []
    for score, box in zip(found["scores"], found["boxes"], strict=True):
        corners = np.clip(box.numpy(), 0, [WIDTH, HEIGHT] * 2).tolist()
        given = sam_processor(images=RGB, input_boxes=[[corners]], return_tensors="pt")
        with torch.no_grad():
            masks = sam(**given, multimask_output=False).pred_masks
        mask = sam_processor.post_process_masks(masks, given["original_sizes"])[0][0, 0].numpy()
        instances.append((float(score), mask))
    return instances


@pytest.mark.parametrize(
    ("words", "text"), [("a dog, cats", "a dog. cats."), ("Sky", "sky."), ("dog and cat.", "dog. cat.")]
)
def test_every_instance_that_grounding_dino_finds_is_in_the_mask(
    words: str, text: str, grounding: tuple[Any, ...]
) -> None:
    instances = by_transformers(grounding, text)
    assert len(instances) > 1
    expected = np.any([mask for _, mask in instances], axis=0)
    assert 0 < expected.mean() < 1
    np.testing.assert_array_equal(grounding[0].segment(RGB, [Words(words)]).masks[1], expected)


def test_a_click_takes_an_instance_away_and_gives_it_back(grounding: tuple[Any, ...]) -> None:
    engine = grounding[0]
    segments = engine._model.find(RGB, "sky")
    y, x = np.argwhere(segments.number >= 0)[0]
    under = segments.number == segments.number[y, x]
    whole = engine.segment(RGB, [Words("sky")]).masks[1]
    less = engine.segment(RGB, [Words("sky"), Point(x, y, keep=False)]).masks[1]
    np.testing.assert_array_equal(less, whole & ~under)
    again = engine.segment(RGB, [Words("sky"), Point(x, y, keep=False), Point(x, y)]).masks[1]
    np.testing.assert_array_equal(again, whole)


def test_a_box_says_which_of_the_parts(clipseg: tuple[Described, Any, Any]) -> None:
    engine = clipseg[0]
    segments = engine._model.find(RGB, "a dog")
    rows, columns = np.nonzero(segments.number == np.bincount(segments.number[segments.number >= 0]).argmax())
    box = Box(columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
    found = engine.segment(RGB, [Words("a dog"), box]).masks[1]
    assert found[rows, columns].all()
    assert not found[:, : int(box.x0) // 2].any()


def test_what_was_known_loses_the_part_that_is_clicked_away(clipseg: tuple[Described, Any, Any]) -> None:
    known = np.zeros((HEIGHT, WIDTH), bool)
    known[10:30, 10:30] = known[50:70, 80:120] = True
    found = clipseg[0].segment(RGB, [Point(90, 60, keep=False)], prior={1: known}).masks[1]
    assert found[:40].any()
    assert not found[40:].any()
    np.testing.assert_array_equal(clipseg[0].segment(RGB, [Drawn(known)]).masks[1], known)


def test_it_asks_for_words(clipseg: tuple[Described, Any, Any]) -> None:
    with pytest.raises(UsageError, match="say in words what object 1 is"):
        clipseg[0].segment(RGB, [Point(5, 5)])
    with pytest.raises(NoPrompt):
        clipseg[0].segment(RGB, [])


def test_what_is_not_there_is_said(tmp_path: Path) -> None:
    tiny_clipseg(tmp_path)
    engine = load_clipseg(tmp_path, name="clipseg", device="cpu")
    model = shake(engine._model._model, seed=3, gain=2.0)  # type: ignore[attr-defined]
    with torch.no_grad():
        for bias in [part.bias for part in model.modules() if isinstance(part, torch.nn.ConvTranspose2d)]:
            bias.fill_(-1e4)
    with pytest.raises(NothingFound, match="'a dog' was not found"):
        engine.segment(RGB, [Words("a dog")])
