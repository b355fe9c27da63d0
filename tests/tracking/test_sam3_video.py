"""SAM 3 on clips through its loading code, against transformers' own sessions on the same weights."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from numpy.typing import NDArray

from avfusion.clip import Frame
from avfusion.errors import NoPrompt
from avfusion.tracking import Correctable, Describable
from avfusion.tracking.sam3_video import Sam3Video, load_sam3_video
from tests.tracking.tiny_video import tiny_sam3_video
from tests.tracking.video_session import HEIGHT, WIDTH, Heard, Session, frame, square, tensors

Made = tuple[Sam3Video, Any, Any, Path]


def make(folder: Path, seed: int) -> Made:
    torch.manual_seed(0)
    model, processor = tiny_sam3_video(folder, seed)
    return load_sam3_video(folder, name="sam3-video", device="cpu"), model, processor, folder


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return make(tmp_path_factory.mktemp("sam3"), 4)


class Described:
    """transformers' own streaming session with words; everything is kept."""

    def __init__(self, model: Any, processor: Any, words: list[str]) -> None:
        self._model, self._processor = model, processor
        self.kept = processor.init_video_session(inference_device="cpu", dtype=torch.float32)
        processor.add_text_prompt(self.kept, words)

    def step(self, one: Frame, index: int) -> dict[str, NDArray[np.bool_]]:
        """bool [H, W] by words: any instance of what they say."""
        pixels = self._processor(images=one.rgb, return_tensors="pt")["pixel_values"]
        found = self._model(self.kept, frame=pixels, frame_idx=index)
        shown = self._processor.postprocess_outputs(self.kept, found, original_sizes=[[HEIGHT, WIDTH]])
        places = {instance: place for place, instance in enumerate(shown["object_ids"].tolist())}
        return {
            text: np.logical_or.reduce([shown["masks"][places[one]].numpy() for one in instances])
            for text, instances in shown["prompt_to_obj_ids"].items()
        }


@pytest.mark.parametrize("seed", [4, 2])
def test_words_find_what_the_session_finds_later_instances_too(seed: int, tmp_path: Path, made: Made) -> None:
    engine, model, processor, _ = made if seed == 4 else make(tmp_path, seed)
    assert isinstance(engine, Describable)
    session = Described(model, processor, ["dog"])
    tracked, state = engine.begin_described(frame(0), {7: "dog"})
    theirs = session.step(frame(0), 0)
    shares = []
    for index in range(1, 25):
        expected = theirs.get("dog", np.zeros((HEIGHT, WIDTH), bool))
        np.testing.assert_array_equal(tracked.masks[7], expected, err_msg=str(index - 1))
        assert (tracked.confidence[7] > 0) == expected.any()
        assert tracked.confidence[7] <= 1
        shares.append(expected.mean())
        tracked, theirs = state.step(frame(index)), session.step(frame(index), index)
    assert len(set(shares)) > 5
    conditioned = [len(each["cond_frame_outputs"]) for each in session.kept.output_dict_per_obj.values()]
    if seed == 4:
        assert shares[0] == 0 < max(shares), "the instances were to come later"
    else:
        assert max(conditioned) > 4, "the detector was to confirm what is tracked more often than the tracker looks back"


def test_objects_of_several_descriptions_do_not_overlap(made: Made) -> None:
    engine, model, processor, _ = made
    session = Described(model, processor, ["dog", "red car"])
    tracked, state = engine.begin_described(frame(0), {1: "dog", 2: "red car", 3: "dog"})
    theirs = session.step(frame(0), 0)
    contested = 0
    for index in range(1, 15):
        masks = tracked.masks
        assert sum(mask.astype(int) for mask in masks.values()).max() <= 1
        whole = np.logical_or.reduce([*theirs.values(), np.zeros((HEIGHT, WIDTH), bool)])
        np.testing.assert_array_equal(np.logical_or.reduce(list(masks.values())), whole)
        for number, text in ((1, "dog"), (2, "red car")):
            assert not (masks[number] & ~theirs.get(text, whole & False)).any()
        assert not masks[3].any(), "what the words say belongs to the first object that has them"
        contested += int(np.sum(sum(mask.astype(int) for mask in theirs.values()) > 1))
        tracked, theirs = state.step(frame(index)), session.step(frame(index), index)
    assert contested > 0


def test_backwards_words_find_the_same_as_on_the_reversed_clip(made: Made) -> None:
    engine = made[0]
    back, there = engine.begin_described(frame(12), {1: "dog"}), engine.begin_described(frame(0, shown=12), {1: "dog"})
    for step in range(1, 13):
        one, other = back[1].step(frame(12 - step)), there[1].step(frame(step, shown=12 - step))
        np.testing.assert_array_equal(one.masks[1], other.masks[1])


def test_with_words_memory_grows_by_pointers_alone(made: Made) -> None:
    engine, model, processor, _ = made
    _, state = engine.begin_described(frame(0), {1: "red car"})
    session = Described(model, processor, ["red car"])
    session.step(frame(0), 0)
    held: dict[int, tuple[int, int]] = {}
    for index in range(1, 51):
        state.step(frame(0))
        session.step(frame(0), index)
        pointers = {
            memory["object_pointer"].untyped_storage().data_ptr()
            for outputs in state._session.output_dict_per_obj.values()
            for memory in outputs["cond_frame_outputs"].values()
        }
        own = {place: size for place, size in tensors(state._session).items() if place not in pointers}
        held[index] = len(own), sum(own.values())
    assert held[50] == held[30], held
    assert sum(tensors(session.kept).values()) > 5 * held[50][1]


def test_masks_are_followed_as_transformers_tracker_follows_them(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a model of its own, loaded from the same folder: its image encoder is that of the detector."""
    engine, _, processor, folder = made
    theirs = transformers.Sam3TrackerVideoModel.from_pretrained(folder).eval()
    images = transformers.Sam3TrackerVideoProcessor(processor.image_processor, processor.video_processor)
    heard, session = Heard(monkeypatch), Session(theirs, images)
    masks: Mapping[int, Any] = {1: square(1)}
    state = engine.begin(frame(0), masks)
    session.know(frame(0), masks)
    assert isinstance(state, Correctable)
    # More conditioning frames than the tracker looks at in one frame.
    for index in range(1, 40):
        if index in (5, 9, 10, 11, 20):
            right = {1: square(index % 5 + 1)}
            assert state.correct(right, turns=False)
            session.know(frame(index - 1), right)
        state.step(frame(index))
        assert torch.equal(heard.logits[-1], session.step(frame(index))), index
    shares = {float((logits > 0).float().mean()) for logits in heard.logits}
    assert len(shares) > 10


def test_no_words_find_nothing(made: Made) -> None:
    with pytest.raises(NoPrompt, match="describe an object first"):
        made[0].begin_described(frame(0), {1: " "})
