"""SAM through its loading code, against segment_anything's own predictor on the same weights."""

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from segment_anything import SamPredictor

from avfusion.clip import Box, Drawn, Point, Prompt, Scribble
from avfusion.errors import CannotRead, MaskSizeMismatch, NoPrompt, PromptOutside
from avfusion.segmentation.promptable import Promptable, known_logits
from avfusion.segmentation.sam import load_sam
from tests.segmentation.tiny_sam import tiny_sam

HEIGHT, WIDTH = 90, 140
RGB = np.random.default_rng(3).integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[Promptable, Any]:
    path = tmp_path_factory.mktemp("sam") / "sam.pth"
    sam = tiny_sam(path)
    predictor = SamPredictor(sam)
    predictor.set_image(RGB)
    return load_sam(path, name="sam-vit-b", device="cpu"), predictor


PROMPTS: dict[str, tuple[list[Prompt], dict[str, Any]]] = {
    "one click": ([Point(70, 40)], {"point_coords": [[70, 40]], "point_labels": [1], "multimask_output": True}),
    "two clicks": (
        [Point(70, 40), Point(20.5, 80, keep=False)],
        {"point_coords": [[70, 40], [20.5, 80]], "point_labels": [1, 0], "multimask_output": False},
    ),
    "a box": ([Box(10, 20, 90, 80)], {"box": [10, 20, 90, 80], "multimask_output": False}),
    "a box and a click": (
        [Box(10, 20, 90, 80), Point(30, 30, keep=False)],
        {"point_coords": [[30, 30]], "point_labels": [0], "box": [10, 20, 90, 80], "multimask_output": False},
    ),
    "a stroke": (
        [Scribble(((10, 30), (50, 30)))],
        {"point_coords": [[10, 30], [30, 30], [50, 30]], "point_labels": [1, 1, 1], "multimask_output": False},
    ),
    "a click taken back by another": (
        [Point(70, 40), Point(30, 40), Point(30.5, 40.5, keep=False)],
        {"point_coords": [[70, 40], [30.5, 40.5]], "point_labels": [1, 0], "multimask_output": False},
    ),
}


@pytest.mark.parametrize("kind", PROMPTS)
def test_masks_are_those_of_the_authors_code(kind: str, pair: tuple[Promptable, Any]) -> None:
    engine, predictor = pair
    prompts, theirs = PROMPTS[kind]
    arrays = {key: value if isinstance(value, bool) else np.array(value) for key, value in theirs.items()}
    masks, scores, _ = predictor.predict(**arrays)
    best = int(scores.argmax())
    assert 0 < masks[best].mean() < 1, "a mask of all or nothing would compare nothing"
    found = engine.segment(RGB, prompts)
    np.testing.assert_array_equal(found.masks[1], masks[best])
    assert found.confidence[1] == pytest.approx(float(np.clip(scores[best], 0, 1)), abs=1e-5)


def test_what_was_known_goes_in_as_a_mask(pair: tuple[Promptable, Any]) -> None:
    engine, predictor = pair
    known = np.zeros((HEIGHT, WIDTH), bool)
    known[20:70, 30:100] = True
    side = 64  # four to a patch
    low = np.full((1, side, side), -8, np.float32)
    low[0, : round(165 * side / 256)] = known_logits(known, (round(165 * side / 256), side))
    drop = Point(40, 30, keep=False)
    masks, _, _ = predictor.predict(
        point_coords=np.array([[40, 30]]), point_labels=np.array([0]), mask_input=low, multimask_output=False
    )
    np.testing.assert_array_equal(engine.segment(RGB, [drop], prior={1: known}).masks[1], masks[0])
    np.testing.assert_array_equal(engine.segment(RGB, [Drawn(known), drop]).masks[1], masks[0])
    without, _, _ = predictor.predict(
        point_coords=np.array([[40, 30]]), point_labels=np.array([0]), multimask_output=False
    )
    assert (masks[0] != without[0]).any(), "what was known changed nothing"
    anew = engine.segment(RGB, [Box(10, 20, 90, 80)], prior={1: known}).masks[1]
    np.testing.assert_array_equal(anew, engine.segment(RGB, [Box(10, 20, 90, 80)]).masks[1])


def test_the_second_click_runs_only_the_decoder(tmp_path: Path) -> None:
    tiny_sam(tmp_path / "sam.pth")
    engine = load_sam(tmp_path / "sam.pth", name="sam-vit-b", device="cpu")
    runs = {"encoder": 0, "decoder": 0}
    sam = engine._model._sam  # type: ignore[attr-defined]
    for part, module in (("encoder", sam.image_encoder), ("decoder", sam.mask_decoder)):
        module.register_forward_hook(lambda *_, part=part: runs.__setitem__(part, runs[part] + 1))
    first = engine.segment(RGB, [Point(70, 40)])
    assert runs == {"encoder": 1, "decoder": 1}
    engine.segment(RGB.copy(), [Point(70, 40), Point(20, 20, object=2), Box(5, 5, 50, 50, object=3)])
    assert runs == {"encoder": 1, "decoder": 4}
    engine.segment(255 - RGB, [Point(70, 40)])
    assert runs == {"encoder": 2, "decoder": 5}
    again = engine.segment(RGB, [Point(70, 40)])
    assert runs == {"encoder": 2, "decoder": 6}
    np.testing.assert_array_equal(first.masks[1], again.masks[1])


def test_objects_never_overlap_and_a_drawn_mask_is_taken_as_it_is(pair: tuple[Promptable, Any]) -> None:
    drawn = np.zeros((HEIGHT, WIDTH), bool)
    drawn[30:34, 50:54] = True
    found = pair[0].segment(RGB, [Point(70, 40), Box(10, 20, 90, 80, object=2), Drawn(drawn, object=7)])
    assert sum(mask.astype(int) for mask in found.masks.values()).max() == 1
    np.testing.assert_array_equal(found.masks[7], drawn)
    assert found.confidence[7] == 1


@pytest.mark.parametrize(
    ("prompts", "error"),
    [
        ([], NoPrompt),
        ([Point(5, 5, keep=False)], NoPrompt),
        ([Point(WIDTH, 5)], PromptOutside),
        ([Drawn(np.ones((3, 4), bool))], MaskSizeMismatch),
    ],
)
def test_what_cannot_be_used_is_refused(
    prompts: list[Prompt], error: type[Exception], pair: tuple[Promptable, Any]
) -> None:
    with pytest.raises(error):
        pair[0].segment(RGB, prompts)


class Spy:
    """What a pickle that runs code would run."""

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return (open, ("ran", "w"))


def test_what_is_no_sam_is_refused_in_a_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    whole = tmp_path / "sam.pth"
    weights = tiny_sam(whole).state_dict()
    half = whole.read_bytes()[: whole.stat().st_size // 2]
    bad = {
        "missing": None,
        "cut short": half,
        "empty": b"",
        "text": b"<html>moved</html>",
        "code": pickle.dumps(Spy(), protocol=2),
        "something else": {"layer.weight": torch.zeros(3)},
        "a part": {name: weight for name, weight in weights.items() if "mask_decoder" not in name},
        "another size": {**weights, "mask_decoder.iou_token.weight": torch.zeros(1, 7)},
        "a list": [1, 2],
    }
    for name, content in bad.items():
        path = tmp_path / f"{name}.pth"
        if isinstance(content, bytes):
            path.write_bytes(content)
        elif content is not None:
            torch.save(content, path)
        with pytest.raises(CannotRead, match=name) as raised:
            load_sam(path, name="sam-vit-b", device="cpu")
        assert "\n" not in str(raised.value)
    assert not (tmp_path / "ran").exists()
