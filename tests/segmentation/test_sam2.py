"""SAM 2.1 on pictures through its loading code, against transformers' own call on the same weights."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from avfusion.clip import Box, Drawn, Point, Prompt
from avfusion.segmentation.promptable import Promptable, known_logits
from avfusion.segmentation.sam2 import load_sam2
from tests.segmentation.tiny_transformers import tiny_sam2

HEIGHT, WIDTH = 90, 140
RGB = np.random.default_rng(3).integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)
Theirs = tuple[Any, Any]


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[Promptable, Theirs]:
    folder = tmp_path_factory.mktemp("sam2")
    theirs = tiny_sam2(folder)
    return load_sam2(folder, name="sam2.1-tiny", device="cpu"), theirs


def by_transformers(theirs: Theirs, *, several: bool, masks: Any = None, **prompts: Any) -> tuple[Any, Any]:
    """masks bool [n, H, W] and scores [n] of one object, from the picture in one call."""
    model, processor = theirs
    inputs = processor(images=RGB, return_tensors="pt", **prompts)
    with torch.no_grad():
        found = model(**inputs, multimask_output=several, **({} if masks is None else {"input_masks": masks}))
    out = processor.post_process_masks(found.pred_masks, inputs["original_sizes"])[0][0]
    return out.numpy(), found.iou_scores[0, 0].numpy()


PROMPTS: dict[str, tuple[list[Prompt], dict[str, Any]]] = {
    "one click": ([Point(70, 40)], {"input_points": [[[[70, 40]]]], "input_labels": [[[1]]], "several": True}),
    "two clicks": (
        [Point(70, 40), Point(20, 80, keep=False)],
        {"input_points": [[[[70, 40], [20, 80]]]], "input_labels": [[[1, 0]]], "several": False},
    ),
    "a box": ([Box(10, 20, 90, 80)], {"input_boxes": [[[10, 20, 90, 80]]], "several": False}),
}


@pytest.mark.parametrize("kind", PROMPTS)
def test_masks_are_those_of_transformers(kind: str, pair: tuple[Promptable, Theirs]) -> None:
    engine, theirs = pair
    prompts, arguments = PROMPTS[kind]
    masks, scores = by_transformers(theirs, **arguments)
    best = int(scores.argmax())
    assert 0 < masks[best].mean() < 1, "a mask of all or nothing would compare nothing"
    found = engine.segment(RGB, prompts)
    np.testing.assert_array_equal(found.masks[1], masks[best])
    assert found.confidence[1] == pytest.approx(float(scores[best]), abs=1e-5)


def test_what_was_known_goes_in_as_a_mask(pair: tuple[Promptable, Theirs]) -> None:
    engine, theirs = pair
    known = np.zeros((HEIGHT, WIDTH), bool)
    known[20:70, 30:100] = True
    low = torch.from_numpy(known_logits(known, (32, 32)))[None, None]
    places: dict[str, Any] = {"input_points": [[[[40, 30]]]], "input_labels": [[[0]]], "several": False}
    masks, _ = by_transformers(theirs, masks=low, **places)
    drop = Point(40, 30, keep=False)
    np.testing.assert_array_equal(engine.segment(RGB, [drop], prior={1: known}).masks[1], masks[0])
    np.testing.assert_array_equal(engine.segment(RGB, [Drawn(known), drop]).masks[1], masks[0])
    assert (masks[0] != by_transformers(theirs, **places)[0][0]).any(), "what was known changed nothing"


def test_the_second_click_runs_only_the_decoder(tmp_path: Path) -> None:
    tiny_sam2(tmp_path)
    engine = load_sam2(tmp_path, name="sam2.1-tiny", device="cpu")
    runs = {"encoder": 0, "decoder": 0}
    model = engine._model._model  # type: ignore[attr-defined]
    for part, module in (("encoder", model.vision_encoder), ("decoder", model.mask_decoder)):
        module.register_forward_hook(lambda *_, part=part: runs.__setitem__(part, runs[part] + 1))
    first = engine.segment(RGB, [Point(70, 40)])
    again = engine.segment(RGB, [Point(70, 40), Box(10, 20, 90, 80, object=2)])
    assert runs == {"encoder": 1, "decoder": 3}
    assert first.confidence[1] == again.confidence[1]
