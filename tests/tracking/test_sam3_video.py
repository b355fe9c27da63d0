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


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("sam3")
    model, processor = tiny_sam3_video(folder)
    return load_sam3_video(folder, name="sam3-video", device="cpu"), model, processor, folder


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


def test_words_find_what_the_session_finds_later_instances_too(made: Made) -> None:
    engine, model, processor, _ = made
    assert isinstance(engine, Describable)
    shares, _ = compared(engine, Described(model, processor, ["dog"]), frames=14)
    assert shares[0] == 0 < max(shares), "the instances were to come later"


def test_what_the_detector_confirms_again_and_again_stays_the_same_too(
    made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More conditioning frames than the tracker looks at in one frame; pointers of all of them."""
    engine, model, processor, _ = made
    for each in (engine._model, model):
        for name, value in (("recondition_every_nth_frame", 1), ("high_iou_thresh", 0.0), ("assoc_iou_thresh", 0.0)):
            monkeypatch.setattr(each, name, value)
    session = Described(model, processor, ["red car"])
    _, state = compared(engine, session, frames=20, words="red car")
    config = model.tracker_model.config
    known = [each["cond_frame_outputs"].values() for each in state._session.output_dict_per_obj.values()]
    assert max(len(memories) for memories in known) > config.max_cond_frame_num
    # Beside their pointers no more is kept of them than the tracker looks back.
    whole = [sum("maskmem_features" in memory for memory in memories) for memories in known]
    assert max(whole) <= config.max_cond_frame_num + config.num_maskmem - 1


def compared(engine: Sam3Video, session: Described, *, frames: int, words: str = "dog") -> tuple[list[float], Any]:
    """The share of the picture on each frame, and our state; masks are the session's, confidence goes with them."""
    tracked, state = engine.begin_described(frame(0), {7: words})
    theirs = session.step(frame(0), 0)
    shares = []
    for index in range(1, frames):
        expected = theirs.get(words, np.zeros((HEIGHT, WIDTH), bool))
        np.testing.assert_array_equal(tracked.masks[7], expected, err_msg=str(index - 1))
        assert (tracked.confidence[7] > 0) == expected.any()
        assert tracked.confidence[7] <= 1
        shares.append(float(expected.mean()))
        tracked, theirs = state.step(frame(index)), session.step(frame(index), index)
    assert len(set(shares)) > 5
    return shares, state


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


def test_with_words_memory_is_flat(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = made[0]
    _, state = engine.begin_described(frame(0), {1: "red car"})
    monkeypatch.setattr(engine._model, "new_det_thresh", 2.0)  # from here on no instance comes, and none is confirmed
    monkeypatch.setattr(engine._model, "recondition_every_nth_frame", 0)
    held: dict[int, tuple[int, int]] = {}
    for index in range(1, 31):
        state.step(frame(index))
        sizes = tensors(state._session).values()
        held[index] = len(sizes), sum(sizes)
    assert held[30] == held[20], held
    assert held[20][1] > held[2][1]


def test_masks_are_followed_as_transformers_tracker_follows_them(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a model of its own, loaded from the same folder: its image encoder is that of the detector."""
    _, _, processor, folder = made
    theirs = transformers.Sam3TrackerVideoModel.from_pretrained(folder).eval().double()
    engine = load_sam3_video(folder, name="sam3-video", device="cpu")
    network, pixels = engine._network, engine._network.pixels
    engine._model.double()
    network.pixels = lambda rgb: pixels(rgb).double()
    images = transformers.Sam3TrackerVideoProcessor(processor.image_processor, processor.video_processor)
    heard, session = Heard(monkeypatch), Session(theirs, images)
    masks: Mapping[int, Any] = {1: square(1)}
    state = engine.begin(frame(0), masks)
    session.know(frame(0), masks)
    assert isinstance(state, Correctable)
    # More conditioning frames than the tracker looks at in one frame.
    for index in range(1, 25):
        if index in (3, 5, 8, 9, 10, 15):
            right = {1: square(index % 5 + 1)}
            assert state.correct(right, turns=False)
            session.know(frame(index - 1), right)
        state.step(frame(index))
        torch.testing.assert_close(heard.logits[-1], session.step(frame(index)), rtol=0, atol=1e-6)
    shares = {float((logits > 0).float().mean()) for logits in heard.logits}
    assert len(shares) > 10


def test_no_words_find_nothing(made: Made) -> None:
    with pytest.raises(NoPrompt, match="describe an object first"):
        made[0].begin_described(frame(0), {1: " "})
