"""SAM 2.1 on clips through its loading code, against transformers' own session on the same weights."""

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from avfusion.clip import Frame
from avfusion.errors import MaskSizeMismatch, NoPrompt
from avfusion.tracking import Correctable, Example
from avfusion.tracking.sam2_video import MemoryTracker, load_sam2_video
from tests.tracking.tiny_video import tiny_sam2_video
from tests.tracking.video_session import HEIGHT, WIDTH, Heard, Session, frame, square, tensors

Theirs = tuple[Any, Any]


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[MemoryTracker, Theirs]:
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("sam2-video")
    theirs = tiny_sam2_video(folder)
    return load_sam2_video(folder, name="sam2.1-tiny", device="cpu"), theirs


@pytest.fixture(scope="module")
def exact(pair: tuple[MemoryTracker, Theirs]) -> tuple[MemoryTracker, Theirs]:
    """The same in double precision: sums in another order give the same masks there, to the last pixel."""
    engine, (model, processor) = copy.deepcopy(pair)
    network = engine._network
    pixels = network.pixels
    network.pixels = lambda rgb: pixels(rgb).double()
    network._model.double()
    network.__dict__.pop("_grid", None)
    return engine, (model.double(), processor)


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> Heard:
    return Heard(monkeypatch)


@pytest.mark.proof
def test_two_hundred_frames_are_those_of_an_unbounded_session_and_memory_is_flat(
    pair: tuple[MemoryTracker, Theirs], heard: Heard
) -> None:
    engine, theirs = pair
    session = Session(*theirs)
    masks = {1: square(1)}
    state = engine.begin(frame(0), masks)
    session.know(frame(0), masks)
    sizes: dict[int, tuple[int, int]] = {}
    shares = []
    for index in range(1, 201):
        tracked = state.step(frame(index))
        logits = session.step(frame(index))
        assert torch.equal(heard.logits[-1], logits), index
        np.testing.assert_array_equal(tracked.masks[1], session.masks(logits)[0])
        shares.append(tracked.masks[1].mean())
        assert 0 <= tracked.confidence[1] <= 1
        heard.logits.clear()
        held = tensors(state)
        sizes[index] = len(held), sum(held.values())
    assert len(set(shares)) > 100, "masks that stay the same would compare nothing"
    assert 0.01 < np.median(shares) < 0.99
    assert sizes[200] == sizes[30]
    assert sizes[30][1] > sizes[3][1]
    assert len(tensors(session.kept)) > 10 * sizes[200][0], "the session was to keep everything"


def test_ten_objects_are_those_of_the_session_that_takes_them_one_by_one(
    exact: tuple[MemoryTracker, Theirs], heard: Heard
) -> None:
    engine, theirs = exact
    session = Session(*theirs)
    masks = {number: square(number) for number in range(1, 11)}
    state = engine.begin(frame(0), masks)
    session.know(frame(0), masks)
    alone = {7: engine.begin(frame(0), {7: masks[7]})}
    overlaps = 0
    for index in range(1, 13):
        tracked = state.step(frame(index))
        together = heard.logits[-1]
        logits = session.step(frame(index))
        torch.testing.assert_close(together, logits, rtol=0, atol=1e-9)
        whole = session.masks(logits)
        np.testing.assert_array_equal(session.masks(together), whole)
        for number, own in alone.items():
            np.testing.assert_array_equal(own.step(frame(index)).masks[number], whole[number - 1])
        # Where they overlap the higher logit wins, as transformers' own post-processing has it.
        apart = session.masks(logits, apart=True)
        np.testing.assert_array_equal(np.stack([tracked.masks[number] for number in sorted(masks)]), apart)
        overlaps += int((whole.sum(0) > 1).sum())
        assert apart.sum(0).max() <= 1
    assert overlaps > 0


def test_in_single_precision_too_but_for_rounding(pair: tuple[MemoryTracker, Theirs], heard: Heard) -> None:
    engine, theirs = pair
    session = Session(*theirs)
    masks = {number: square(number) for number in range(1, 11)}
    state = engine.begin(frame(0), masks)
    session.know(frame(0), masks)
    for index in range(1, 9):
        state.step(frame(index))
        logits = session.step(frame(index))
        assert ((heard.logits[-1] > 0) == (logits > 0)).float().mean() > 0.999


@pytest.mark.parametrize("count", [1, 10])
def test_the_image_encoder_runs_once_a_frame_and_the_rest_once_for_all_objects(
    count: int, pair: tuple[MemoryTracker, Theirs]
) -> None:
    engine, _ = pair
    model = engine._network._model
    parts = ("vision_encoder", "memory_attention", "mask_decoder", "memory_encoder")
    runs = dict.fromkeys(parts, 0)
    hooks = [
        getattr(model, part).register_forward_hook(lambda *_, part=part: runs.__setitem__(part, runs[part] + 1))
        for part in parts
    ]
    state = engine.begin(frame(0), {number: square(number) for number in range(1, count + 1)})
    for index in range(1, 6):
        state.step(frame(index))
    for hook in hooks:
        hook.remove()
    assert runs == {"vision_encoder": 6, "memory_attention": 5, "mask_decoder": 6, "memory_encoder": 6}


def test_backwards_is_forwards_on_the_reversed_clip(pair: tuple[MemoryTracker, Theirs]) -> None:
    engine, theirs = pair
    masks = {1: square(1), 2: square(4)}
    back, forth = engine.begin(frame(18), masks), engine.begin(frame(0, shown=18), masks)
    session = Session(*theirs)
    session.know(frame(18), {1: masks[1]})
    alone = engine.begin(frame(18), {1: masks[1]})
    for step in range(1, 19):
        one, other = back.step(frame(18 - step)), forth.step(frame(step, shown=18 - step))
        for number in masks:
            np.testing.assert_array_equal(one.masks[number], other.masks[number])
        assert one.confidence == other.confidence
        logits = session.step(frame(18 - step), reverse=True)
        np.testing.assert_array_equal(alone.step(frame(18 - step)).masks[1], session.masks(logits)[0])


@pytest.mark.parametrize("turns", [False, True])
def test_a_correction_makes_its_frame_a_conditioning_frame(
    turns: bool, exact: tuple[MemoryTracker, Theirs], heard: Heard
) -> None:
    engine, theirs = exact
    session = Session(*theirs)
    masks = {1: square(1), 2: square(4)}
    state, untold = engine.begin(frame(10), masks), engine.begin(frame(10), masks)
    session.know(frame(10), masks)
    assert isinstance(state, Correctable)
    for index in range(11, 19):
        state.step(frame(index))
        session.step(frame(index))
        untold.step(frame(index))
    right = {1: square(3), 2: square(6)}
    assert state.correct(right, turns=turns)
    session.know(frame(18), right)
    changed = 0
    # Beyond its first frame too, where the session has its conditioning output again.
    for index in range(17, 5, -1) if turns else range(19, 30):
        tracked = state.step(frame(index))
        logits = session.step(frame(index), reverse=turns)
        torch.testing.assert_close(heard.logits[-1], logits, rtol=0, atol=1e-9)
        changed += int((tracked.masks[1] != untold.step(frame(index)).masks[1]).sum())
    assert changed > 0


def test_surely_known_frames_are_further_conditioning_frames(exact: tuple[MemoryTracker, Theirs], heard: Heard) -> None:
    engine, theirs = exact
    masks = {1: square(1), 2: square(4)}
    sure = [
        Example(frame(0), {1: square(9)}),  # what the tracker is begun with counts there
        Example(frame(12), {1: square(2), 2: square(5), 3: square(7)}),
        Example(frame(6), {2: square(6)}),
    ]
    state = engine.begin(frame(0), masks, sure)
    alone = {number: Session(*theirs) for number in masks}
    for number, session in alone.items():
        session.know(frame(0), {number: masks[number]})
        for example in sure[1:]:
            if number in example.masks:
                session.know(example.frame, {number: example.masks[number]})
    for index in range(1, 20):
        tracked = state.step(frame(index))
        for place, session in enumerate(alone.values()):
            logits = session.step(frame(index))
            torch.testing.assert_close(heard.logits[-1][place : place + 1], logits, rtol=0, atol=1e-9)
        if index == 12:
            assert tracked.confidence[1] > 0.99


def test_a_correction_may_leave_objects_out_and_bring_new_ones(
    exact: tuple[MemoryTracker, Theirs], heard: Heard
) -> None:
    engine, theirs = exact
    masks = {1: square(1), 2: square(4), 3: square(8)}
    state = engine.begin(frame(0), masks)
    alone = {number: Session(*theirs) for number in (1, 3, 5)}
    for number in (1, 3):
        alone[number].know(frame(0), {number: masks[number]})
    for index in range(1, 5):
        state.step(frame(index))
        for number in (1, 3):
            alone[number].step(frame(index))
    told = {1: square(2), 3: square(7), 5: square(10)}
    assert state.correct(told, turns=False)
    for number, session in alone.items():
        session.know(frame(4), {number: told[number]})
    for index in range(5, 12):
        assert sorted(state.step(frame(index)).masks) == [1, 3, 5]
        logits = torch.cat([session.step(frame(index)) for session in alone.values()])
        torch.testing.assert_close(heard.logits[-1], logits, rtol=0, atol=1e-9)


def test_pictures_are_prepared_on_the_device_as_the_processor_prepares_them(pair: tuple[MemoryTracker, Theirs]) -> None:
    engine, (_, processor) = pair
    rgb = frame(3).rgb
    theirs = processor(images=rgb, return_tensors="pt")["pixel_values"]
    assert torch.equal(engine._network.pixels(rgb), theirs)


def test_an_object_that_is_gone_has_no_pixels_and_no_confidence(
    pair: tuple[MemoryTracker, Theirs], monkeypatch: pytest.MonkeyPatch
) -> None:
    engine, _ = copy.deepcopy(pair)
    head = engine._network._model.mask_decoder.pred_obj_score_head
    with torch.no_grad():
        head.proj_out.weight.zero_()
        head.proj_out.bias.fill_(-8)
    tracked = engine.begin(frame(0), {1: square(1), 2: square(4)}).step(frame(1))
    assert not any(mask.any() for mask in tracked.masks.values())
    assert max(tracked.confidence.values()) < 0.01


def test_what_cannot_be_followed_is_refused(pair: tuple[MemoryTracker, Theirs]) -> None:
    engine, _ = pair
    with pytest.raises(NoPrompt, match="no mask on frame 4 shows an object"):
        engine.begin(frame(4), {1: np.zeros((HEIGHT, WIDTH), bool)})
    with pytest.raises(NoPrompt):
        engine.begin(frame(4), {})
    with pytest.raises(MaskSizeMismatch, match="the mask of object 2 is 70x48, frame 4 is 72x48"):
        engine.begin(frame(4), {1: square(1), 2: square(2)[:, :70]})
    state = engine.begin(frame(4), {1: square(1)})
    with pytest.raises(MaskSizeMismatch, match="frame 5 has another size"):
        state.step(_smaller(frame(5)))


def _smaller(one: Frame) -> Frame:
    class Picture:
        def rgb(self) -> Any:
            return one.rgb[::2, ::2]

        def yuv(self) -> Any:
            return tuple(plane[::2, ::2] for plane in one.yuv)

        def alpha(self) -> None:
            return None

    return Frame(one.index, one.time, Picture())


def test_a_folder_without_its_weights_says_so(tmp_path: Path) -> None:
    from avfusion.errors import CannotRead

    tiny_sam2_video(tmp_path)
    (tmp_path / "model.safetensors").write_bytes(b"cut short")
    with pytest.raises(CannotRead, match="cannot be read as a Sam2VideoModel"):
        load_sam2_video(tmp_path, name="sam2.1-tiny", device="cpu")
