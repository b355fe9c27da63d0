"""SAM 3 on pictures through its loading code, against transformers' own two models on the same weights."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file

from avfusion.clip import Box, Drawn, Point, Prompt, Words
from avfusion.errors import CannotRead, NoPrompt, NothingFound, UsageError
from avfusion.segmentation.promptable import known_logits
from avfusion.segmentation.sam3 import Sam3, load_sam3
from tests.segmentation.tiny_sam3 import tiny_sam3

HEIGHT, WIDTH = 90, 140
RGB = cv2.resize(
    np.random.default_rng(3).integers(0, 256, (6, 9, 3), np.uint8), (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sam3")
    tiny_sam3(path)
    return path


@pytest.fixture(scope="module")
def engine(folder: Path) -> Sam3:
    return load_sam3(folder, name="sam3", device="cpu")


Theirs = tuple[Any, Any]


@pytest.fixture(scope="module")
def described(folder: Path) -> Theirs:
    return transformers.Sam3Model.from_pretrained(folder).eval(), transformers.Sam3Processor.from_pretrained(folder)


@pytest.fixture(scope="module")
def clicked(folder: Path) -> Theirs:
    model = transformers.Sam3TrackerModel.from_pretrained(folder).eval()
    return model, transformers.Sam3TrackerProcessor.from_pretrained(folder)


def instances(described: Theirs, words: str) -> tuple[Any, Any]:
    """masks bool [n, H, W], scores [n], of the picture and the words in one call."""
    model, processor = described
    inputs = processor(images=RGB, text=words, return_tensors="pt")
    with torch.no_grad():
        outputs = model(**inputs)
    (found,) = processor.post_process_instance_segmentation(outputs, threshold=0.5, target_sizes=[(HEIGHT, WIDTH)])
    return found["masks"].numpy().astype(bool), found["scores"].numpy()


@pytest.mark.parametrize("words", ["dog", "A Cat", "car"])
def test_every_instance_of_what_words_say_is_in_the_mask(words: str, engine: Sam3, described: Theirs) -> None:
    masks, scores = instances(described, words.lower())
    assert len(masks) == (1 if words == "car" else 3), "of one thing not all that the network proposes is believed"
    assert 0 < masks.any(0).mean() < 1
    np.testing.assert_array_equal(engine.segment(RGB, [Words(words)]).masks[1], masks.any(0))
    segments = engine.find(RGB, words)
    np.testing.assert_array_equal(segments.scores, scores)
    by_size = np.argsort([-mask.sum() for mask in masks], kind="stable")
    expected = np.full((HEIGHT, WIDTH), -1)
    for number in by_size:
        expected[masks[number]] = number
    np.testing.assert_array_equal(segments.number, expected)


def test_each_of_several_things_is_looked_for_by_itself(engine: Sam3, described: Theirs) -> None:
    expected = instances(described, "dog")[0].any(0) | instances(described, "a cat")[0].any(0)
    np.testing.assert_array_equal(engine.segment(RGB, [Words("Dog and a cat.")]).masks[1], expected)
    assert {"dog", "a cat"} == set(engine.find(RGB, "dog, a cat").labels)


def test_a_click_takes_an_instance_away_and_gives_it_back(engine: Sam3) -> None:
    segments = engine.find(RGB, "dog")
    y, x = np.argwhere(segments.number >= 0)[0]
    under = segments.number == segments.number[y, x]
    whole = engine.segment(RGB, [Words("dog")]).masks[1]
    less = engine.segment(RGB, [Words("dog"), Point(x, y, keep=False)]).masks[1]
    np.testing.assert_array_equal(less, whole & ~under)
    again = engine.segment(RGB, [Words("dog"), Point(x, y, keep=False), Point(x, y)]).masks[1]
    np.testing.assert_array_equal(again, whole)


def by_clicks(clicked: Theirs, *, several: bool, masks: Any = None, **prompts: Any) -> Any:
    """The best mask bool [H, W], of the picture and the prompts in one call."""
    model, processor = clicked
    inputs = processor(images=RGB, return_tensors="pt", **prompts)
    with torch.no_grad():
        found = model(**inputs, multimask_output=several, **({} if masks is None else {"input_masks": masks}))
    out = processor.post_process_masks(found.pred_masks, inputs["original_sizes"])[0][0]
    return out[int(found.iou_scores[0, 0].argmax())].numpy()


PROMPTS: dict[str, tuple[list[Prompt], dict[str, Any]]] = {
    "one click": ([Point(70, 40)], {"input_points": [[[[70, 40]]]], "input_labels": [[[1]]], "several": True}),
    "two clicks": (
        [Point(70, 40), Point(20, 80, keep=False)],
        {"input_points": [[[[70, 40], [20, 80]]]], "input_labels": [[[1, 0]]], "several": False},
    ),
    "a box": ([Box(10, 20, 90, 80)], {"input_boxes": [[[10, 20, 90, 80]]], "several": False}),
}


@pytest.mark.parametrize("kind", PROMPTS)
def test_clicks_and_boxes_are_answered_as_by_transformers(kind: str, engine: Sam3, clicked: Theirs) -> None:
    prompts, arguments = PROMPTS[kind]
    expected = by_clicks(clicked, **arguments)
    assert 0 < expected.mean() < 1, "a mask of all or nothing would compare nothing"
    np.testing.assert_array_equal(engine.segment(RGB, prompts).masks[1], expected)


def test_what_was_known_goes_in_as_a_mask(engine: Sam3, clicked: Theirs) -> None:
    known = np.zeros((HEIGHT, WIDTH), bool)
    known[20:70, 30:100] = True
    low = torch.from_numpy(known_logits(known, (32, 32)))[None, None]
    places: dict[str, Any] = {"input_points": [[[[40, 30]]]], "input_labels": [[[0]]], "several": False}
    expected = by_clicks(clicked, masks=low, **places)
    drop = Point(40, 30, keep=False)
    np.testing.assert_array_equal(engine.segment(RGB, [drop], prior={1: known}).masks[1], expected)
    np.testing.assert_array_equal(engine.segment(RGB, [Drawn(known), drop]).masks[1], expected)
    assert (expected != by_clicks(clicked, **places)).any(), "what was known changed nothing"


def test_words_and_clicks_look_at_the_picture_once(folder: Path) -> None:
    engine = load_sam3(folder, name="sam3", device="cpu")
    detector, clicked = engine._model._detector, engine._model._model
    runs = []
    detector.vision_encoder.backbone.trunk.register_forward_hook(lambda *_: runs.append("trunk"))
    engine.segment(RGB, [Words("dog"), Point(70, 40, object=2), Box(10, 20, 90, 80, object=3)])
    engine.segment(RGB.copy(), [Words("a cat"), Point(20, 20, object=2)])
    assert runs == ["trunk"]
    first = engine.segment(RGB, [Point(70, 40)]).masks[1]
    other = engine.segment(255 - RGB, [Point(70, 40)]).masks[1]
    assert runs == ["trunk", "trunk"]
    assert (first != other).any(), "another picture was not looked at"
    ours = {id(weight) for weight in detector.parameters()} | {id(weight) for weight in clicked.parameters()}
    trunk = sum(1 for _ in detector.vision_encoder.backbone.trunk.parameters())
    assert len(ours) == len(list(detector.parameters())) + len(list(clicked.parameters())) - trunk


def test_what_cannot_be_found_or_read_is_said(engine: Sam3) -> None:
    with pytest.raises(NothingFound, match="'sky' was not found"):
        engine.segment(RGB, [Words("sky")])
    with pytest.raises(UsageError, match="too long a description"):
        engine.segment(RGB, [Words("a very long and winding description of a very small thing")])
    with pytest.raises(UsageError, match="empty"):
        engine.segment(RGB, [Words("  ")])
    with pytest.raises(NoPrompt):
        engine.segment(RGB, [Point(5, 5, keep=False)])


@pytest.mark.parametrize("part", ["detector_model.detr_decoder", "tracker_model.mask_decoder", "tracker_neck"])
def test_half_a_model_is_refused_in_a_line(part: str, tmp_path: Path) -> None:
    tiny_sam3(tmp_path)
    weights = load_file(tmp_path / "model.safetensors")
    save_file({name: weight for name, weight in weights.items() if not name.startswith(part)},
              tmp_path / "model.safetensors", metadata={"format": "pt"})  # fmt: skip
    with pytest.raises(CannotRead, match=r"weights of Sam3\w+ are not there") as raised:
        load_sam3(tmp_path, name="sam3", device="cpu")
    assert "\n" not in str(raised.value)
