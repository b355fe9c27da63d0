"""Engines asked the same: what they say, what it takes them, and how far they agree."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from avfusion.clip import Box, Drawn, Mask, Point
from avfusion.engines import registry
from avfusion.engines.catalogue import find
from avfusion.engines.engine import MIB, Engine
from avfusion.errors import (
    EngineNotReady,
    MaskCountMismatch,
    MaskSizeMismatch,
    NoPrompt,
    NothingFound,
    PromptOutside,
    Stopped,
    UnknownEngine,
    UsageError,
)
from avfusion.media.probe import probe
from avfusion.pipelines import compare_question
from avfusion.pipelines.compare import Answer, agreement, compare
from avfusion.pipelines.davis import read_davis
from avfusion.pipelines.evaluate import evaluate_vos
from avfusion.segmentation import Segmented
from avfusion.segmentation.embeddings import Embeddings
from avfusion.segmentation.labelled import Labelled
from avfusion.segmentation.segments import Segments
from avfusion.tracking import Tracked

BALL = Box(50, 55, 130, 135)


class Shifted:
    """A real engine whose answer is a drawn disc, moved to the side: how far it is off is known."""

    def __init__(self, name: str, shift_px: int) -> None:
        self.name, self._shift_px = name, shift_px

    def segment(self, rgb: np.ndarray, prompts: Any, **_: Any) -> Segmented:
        masks = {}
        for prompt in prompts:
            rows, columns = np.ogrid[: rgb.shape[0], : rgb.shape[1]]
            x, y = (prompt.x0 + prompt.x1) / 2 + self._shift_px, (prompt.y0 + prompt.y1) / 2
            masks[prompt.object] = (columns - x) ** 2 + (rows - y) ** 2 < 34**2
        return Segmented(masks, dict.fromkeys(masks, 0.75))


class Failing:
    name = "failing"

    def segment(self, *_: Any, **__: Any) -> Segmented:
        raise NothingFound("failing saw\nnothing there")


class Halves:
    """Cuts every picture in two, at a column of its own."""

    vocabulary = ("grass", "sky", "road")

    def __init__(self, column: int) -> None:
        self._column = column
        self.found = 0

    def find(self, rgb: np.ndarray) -> Segments:
        self.found += 1
        number = np.zeros(rgb.shape[:2], np.int32)
        number[:, self._column :] = 1
        return Segments(number, ("grass", "sky"), (0.5, 1.0))


HALVES = {"halves": Halves(100), "halves-too": Halves(200)}


def row(name: str, load: Any, ability: str = "segmentation", **facts: Any) -> Engine:
    return Engine(name, ability, "For tests.", "none", load, 50 * MIB, **facts)


@pytest.fixture
def _own_engines(monkeypatch: pytest.MonkeyPatch) -> None:
    """Engines of the tests beside the real ones, lent by a registry as those are."""
    rows = (
        find("grabcut", "segmentation"),
        row("disc", lambda _: Shifted("disc", 0)),
        row("disc-too", lambda _: Shifted("disc-too", 0)),
        row("beside", lambda _: Shifted("beside", 30)),
        row("far", lambda _: Shifted("far", 150)),
        row("failing", lambda _: Failing()),
        row("by-words", lambda _: Failing(), understands=("words",)),
        row("halves", lambda _: Labelled("halves", HALVES["halves"])),
        row("halves-too", lambda _: Labelled("halves-too", HALVES["halves-too"])),
        row("nowhere", lambda _: Failing(), packages=("no-such-package",)),
        find("flow", "tracking"),
        row("still", lambda _: Still(), "tracking"),
    )
    monkeypatch.setattr(registry, "_REGISTRY", registry.Registry(rows))
    monkeypatch.setattr(compare_question, "find", lambda name, ability: find(name, ability, catalogue=rows))


class Still:
    """A tracker that says the first mask again and again; asked to be exhaustive, the whole picture."""

    name = "still"

    def __init__(self, *, whole: bool = False) -> None:
        self._whole = whole

    def exhaustively(self) -> "Still":
        return Still(whole=True)

    def begin(self, frame: Any, masks: Mapping[int, Mask], sure: Any = ()) -> Any:
        said = {number: mask | self._whole for number, mask in masks.items()}

        class State:
            def step(self, frame: Any) -> Tracked:
                return Tracked(said, dict.fromkeys(said, 0.5))

        return State()


def iou(first: np.ndarray, second: np.ndarray) -> float:
    return float((first & second).sum() / (first | second).sum())


@pytest.mark.usefixtures("_own_engines")
def test_answers_are_held_against_each_other(made: Any, tmp_path: Path) -> None:
    heard: list[Answer] = []
    found = compare(
        made.clip, [BALL], engines=["disc", "beside", "far", "disc-too"], folder=tmp_path, on_answer=heard.append
    )
    assert [answer.engine for answer in heard] == [answer.engine for answer in found.answers]
    assert found.engines == ("disc", "beside", "far", "disc-too")
    assert np.array_equal(found.iou, found.iou.T)
    assert np.array_equal(np.diag(found.iou), np.ones(4))
    assert found.iou[0, 3] == 1  # two that say the same
    assert found.iou[0, 2] == 0  # two that have no pixel in common
    masks = [answer.masks.mask(0) for answer in found.answers if answer.masks is not None]
    assert found.iou[0, 1] == pytest.approx(iou(masks[0], masks[1]))
    assert np.allclose(agreement(found, 0), np.mean(masks, axis=0))
    assert found.frames == (0, 1)
    for answer in found.answers:
        assert answer.ability == "segmentation"
        assert answer.confidence == 0.75
        assert answer.seconds > 0
        assert answer.device == "cpu"


@pytest.mark.usefixtures("_own_engines")
def test_identical_masks_agree_wholly_or_not_at_all(made: Any, tmp_path: Path) -> None:
    found = compare(made.clip, [BALL], engines=["disc", "disc-too"], folder=tmp_path)
    assert set(np.unique(agreement(found, 0))) == {0.0, 1.0}


def test_an_engine_agrees_with_itself(made: Any, tmp_path: Path) -> None:
    frame = probe(made.clip)
    first = compare(frame, [BALL], engines=["grabcut", "grabcut"], folder=tmp_path / "a")
    assert first.engines == ("grabcut",)
    again = compare(frame, [BALL], engines=["grabcut"], folder=tmp_path / "b")
    one, other = (found.answers[0].masks for found in (first, again))
    assert one is not None
    assert other is not None
    assert np.array_equal(one.mask(0), other.mask(0))


@pytest.mark.usefixtures("_own_engines")
def test_those_that_fail_say_why_and_the_others_go_on(made: Any, tmp_path: Path) -> None:
    names = ["nowhere", "failing", "by-words", "disc"]
    found = compare(made.clip, [BALL], engines=names, folder=tmp_path)
    problems = {answer.engine: answer.problem for answer in found.answers}
    assert problems["nowhere"] == "nowhere: needs a package: pip install no-such-package"
    assert problems["failing"] == "failing saw nothing there"
    assert "words only" in problems["by-words"]
    assert problems["disc"] == ""
    assert [answer.masks is None for answer in found.answers] == [True, True, True, False]
    assert found.engines == ("disc",)


@pytest.mark.usefixtures("_own_engines")
def test_what_cannot_be_asked_is_refused_before_any_work(made: Any, tmp_path: Path) -> None:
    clip = probe(made.clip)
    with pytest.raises(UnknownEngine, match="Did you mean grabcut"):
        compare(clip, [BALL], engines=["disc", "grabcutt"], folder=tmp_path / "masks")
    with pytest.raises(EngineNotReady, match="needs a package"):
        compare(clip, [BALL], engines=["nowhere"], folder=tmp_path / "masks")
    with pytest.raises(UsageError, match="at least one"):
        compare(clip, [BALL], engines=[], folder=tmp_path / "masks")
    with pytest.raises(UsageError, match="not a device"):
        compare(clip, [BALL], engines=["disc"], device="abacus", folder=tmp_path / "masks")
    with pytest.raises(PromptOutside, match="frame 24 is outside"):
        compare(clip, [], engines=["disc"], frame=24, folder=tmp_path / "masks")
    with pytest.raises(NoPrompt, match="frame 3"):
        compare(clip, [BALL], engines=["disc"], frame=3, folder=tmp_path / "masks")
    with pytest.raises(NoPrompt):
        compare(clip, [], engines=["flow"], whole_clip=True, folder=tmp_path / "masks")
    assert list(tmp_path.iterdir()) == []


def test_a_truth_equal_to_the_mask_is_met_perfectly(made: Any, tmp_path: Path) -> None:
    given = Drawn(made.truth[0])
    wrong = np.roll(made.truth[0], 20, axis=1)
    for truth, wanted in ((made.truth[0], 1.0), (made.masks / "00000.png", 1.0), (wrong, iou(made.truth[0], wrong))):
        found = compare(made.clip, [given], engines=["grabcut"], truth=truth, folder=tmp_path)
        scores = found.answers[0].scores
        assert scores is not None
        assert scores.iou == pytest.approx(wanted)
        assert (scores.boundary_f == 1) == (wanted == 1)


def test_objects_are_scored_by_their_numbers(made: Any, tmp_path: Path) -> None:
    one, other = np.zeros((2, 180, 320), bool)
    one[20:60, 20:60], other[100:160, 200:300] = True, True
    prompts = [Drawn(one, object=1), Drawn(other, object=2)]
    right = one + 2 * other.astype(np.uint8)
    swapped = 2 * one + other.astype(np.uint8)
    for truth, wanted in ((right, 1.0), (swapped, 0.0), (one | other, 1.0)):
        found = compare(made.clip, prompts, engines=["grabcut"], truth=truth, folder=tmp_path)
        assert found.answers[0].scores is not None
        assert found.answers[0].scores.iou == wanted


def test_a_truth_that_does_not_fit_is_refused(made: Any, tmp_path: Path) -> None:
    with pytest.raises(MaskSizeMismatch, match="20 x 10 pixels and the clip 320 x 180"):
        compare(made.clip, [BALL], engines=["grabcut"], truth=np.ones((10, 20), bool), folder=tmp_path / "masks")
    few = tmp_path / "few"
    few.mkdir()
    (few / "00000.png").write_bytes((made.masks / "00000.png").read_bytes())
    with pytest.raises(MaskCountMismatch, match="1 mask PNGs for a clip of 24 frames"):
        compare(
            made.clip, [Drawn(made.truth[0])], engines=["flow"], whole_clip=True, truth=few, span=(0, 3),
            folder=tmp_path / "masks",
        )  # fmt: skip
    assert not (tmp_path / "masks").exists()


@pytest.mark.usefixtures("_own_engines")
def test_everything_in_a_picture_is_matched_whatever_its_numbers(made: Any, tmp_path: Path) -> None:
    found = compare(made.clip, [], engines=["halves", "halves-too", "disc"], folder=tmp_path)
    assert found.kind == "everything"
    first, second, third = found.answers
    assert "has to be told what the object is" in third.problem
    assert first.masks is not None
    assert second.masks is not None
    # The largest first: 220 of 320 columns are sky to one, 200 are grass to the other.
    assert first.labels == ("sky", "grass")
    assert second.labels == ("grass", "sky")
    assert first.masks.mask(0, 1).sum() == 220 * 180
    shared = [220, 100, 200, 120]
    best = [max(120 / 220, 100 / 320), 100 / 200, max(100 / 200, 100 / 320), 120 / 220]
    wanted = np.average(best, weights=shared)
    assert found.iou[0, 1] == pytest.approx(wanted)


@pytest.mark.usefixtures("_own_engines")
def test_everything_is_scored_by_the_segment_that_fits_best(made: Any, tmp_path: Path) -> None:
    truth = np.zeros((180, 320), np.uint8)
    truth[:, 100:] = 7
    found = compare(made.clip, [], engines=["halves", "halves-too"], truth=truth, folder=tmp_path)
    first, second = (answer.scores for answer in found.answers)
    assert first is not None
    assert second is not None
    assert (first.iou, first.boundary_f) == (1.0, 1.0)
    assert second.iou == pytest.approx(120 / 220)


@pytest.mark.usefixtures("_own_engines")
def test_an_engine_with_names_says_what_the_object_is(made: Any, tmp_path: Path) -> None:
    found = compare(made.clip, [Point(20, 20)], engines=["halves"], folder=tmp_path)
    assert found.answers[0].labels == ("grass",)


@pytest.mark.usefixtures("_own_engines")
def test_a_picture_that_is_known_is_encoded_again_to_be_timed(made: Any, tmp_path: Path) -> None:
    clip = probe(made.clip)
    before = HALVES["halves"].found
    for count in (1, 2):
        compare(clip, [Point(20, 20)], engines=["halves"], folder=tmp_path)
        assert HALVES["halves"].found == before + count  # once each, though two questions are put to it


def test_embeddings_of_old_are_good_outside_of_a_measurement() -> None:
    from avfusion.segmentation.embeddings import encoding_anew

    calls: list[int] = []
    known = Embeddings(lambda rgb: calls.append(1))
    picture = np.zeros((4, 4, 3), np.uint8)
    known.of(picture)
    with encoding_anew():
        known.of(picture)
        known.of(picture)
    known.of(picture)
    assert len(calls) == 2


@pytest.fixture
def tracked(made: Any, tmp_path: Path, _own_engines: None) -> Any:
    return compare(
        made.clip, [Drawn(made.truth[4], frame=4)], engines=["flow", "still"], whole_clip=True, span=(4, 16),
        truth=made.masks, folder=tmp_path,
    )  # fmt: skip


def test_trackers_follow_through_a_span(made: Any, tracked: Any, tmp_path: Path) -> None:
    assert tracked.frames == (4, 16)
    flow, still = tracked.answers
    assert flow.ability == still.ability == "tracking"
    assert flow.masks.frame_count == 12
    assert np.array_equal(flow.masks.mask(0), made.truth[4])
    per_frame = [iou(still.masks.mask(place), made.truth[4 + place]) for place in range(12)]
    assert still.scores.iou == pytest.approx(np.mean(per_frame[1:-1]))  # as DAVIS counts
    assert flow.scores.iou > 0.85 > still.scores.iou
    pairs = [iou(flow.masks.mask(place), still.masks.mask(place)) for place in range(12)]
    assert tracked.iou[0, 1] == pytest.approx(np.mean(pairs))
    assert tracked.least_agreed == 4 + int(np.argmin(pairs))
    # A mask that stands still wavers against what moves under it.
    assert flow.flicker < still.flicker
    assert flow.frames_per_s > 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["flow", "still"]


def test_agreement_counts_frames_as_the_clip_does(tracked: Any) -> None:
    both = [answer.masks.mask(6) for answer in tracked.answers]
    assert np.allclose(agreement(tracked, 10), np.mean(both, axis=0))
    with pytest.raises(ValueError, match="frame 3 was not compared"):
        agreement(tracked, 3)


@pytest.mark.usefixtures("_own_engines")
def test_all_trackers_start_from_the_same_mask(made: Any, tmp_path: Path) -> None:
    found = compare(
        made.clip, [BALL], engines=["flow", "still"], whole_clip=True, span=(0, 3), segmenter="grabcut",
        folder=tmp_path,
    )  # fmt: skip
    first, second = (answer.masks for answer in found.answers)
    assert first is not None
    assert second is not None
    assert np.array_equal(first.mask(0), second.mask(0))
    assert iou(first.mask(0), made.truth[0]) > 0.8


@pytest.mark.usefixtures("_own_engines")
def test_trackers_that_can_look_at_everything_do_so_when_they_are_asked_to(made: Any, tmp_path: Path) -> None:
    for exhaustive in (False, True):
        found = compare(
            made.clip, [Drawn(made.truth[0])], engines=["flow", "still"], whole_clip=True, span=(0, 3),
            exhaustive=exhaustive, folder=tmp_path,
        )  # fmt: skip
        flow, still = (answer.masks for answer in found.answers)
        assert flow is not None
        assert still is not None
        assert still.mask(1).all() == exhaustive
        assert not flow.mask(1).all()


@pytest.mark.usefixtures("_own_engines")
def test_the_truth_of_one_frame_of_a_clip(made: Any, tmp_path: Path) -> None:
    def scored(**more: Any) -> Any:
        return compare(
            made.clip, [Drawn(made.truth[0])], engines=["still"], whole_clip=True, span=(0, 6), folder=tmp_path, **more
        )

    found = scored(truth=made.truth[5], frame=5).answers[0].scores
    assert found is not None
    assert found.iou == pytest.approx(iou(made.truth[0], made.truth[5]))
    with pytest.raises(UsageError, match="frame 9, and frames 0 to 5"):
        scored(truth=made.truth[9], frame=9)
    every = scored(truth=made.truth[:6]).answers[0].scores
    assert every is not None
    assert every.iou == pytest.approx(np.mean([iou(made.truth[0], true) for true in made.truth[1:5]]))


@pytest.mark.usefixtures("_own_engines")
def test_a_stop_comes_through(made: Any, tmp_path: Path) -> None:
    asked = iter([False] * 12)
    with pytest.raises(Stopped):
        compare(
            made.clip, [Drawn(made.truth[0])], engines=["flow", "still"], whole_clip=True, folder=tmp_path,
            should_stop=lambda: next(asked, True),
        )  # fmt: skip
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


@pytest.mark.usefixtures("_own_engines")
def test_progress_says_whose_it_is(made: Any, tmp_path: Path) -> None:
    stages: list[str] = []
    compare(
        made.clip, [Drawn(made.truth[0])], engines=["flow", "still"], whole_clip=True, span=(0, 4), folder=tmp_path,
        on_progress=lambda progress: stages.append(progress.stage),
    )  # fmt: skip
    assert stages[0] == "flow"
    assert {re.sub(":.*", "", stage) for stage in stages} == {"flow", "still", "comparing"}


@pytest.mark.usefixtures("_own_engines")
def test_nobody_answers_in_another_engines_name(made: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Even where the user allows smaller engines to step in."""
    pytest.importorskip("torch")

    class Greedy:
        name = "greedy"

        def segment(self, *_: Any, **__: Any) -> Segmented:
            import torch

            torch.empty(2**60, dtype=torch.uint8)
            raise AssertionError

    monkeypatch.setenv("AVFUSION_FALLBACK", "smaller")
    rows = (row("greedy", lambda _: Greedy()), find("grabcut", "segmentation"))
    monkeypatch.setattr(registry, "_REGISTRY", registry.Registry(rows))
    monkeypatch.setattr(compare_question, "find", lambda name, ability: find(name, ability, catalogue=rows))
    found = compare(made.clip, [BALL], engines=["greedy", "grabcut"], folder=tmp_path)
    assert found.engines == ("grabcut",)
    assert "greedy: ran out of memory" in found.answers[0].problem


@pytest.mark.real_data
def test_j_and_f_of_a_tracker_are_those_of_the_evaluation(shared_data: Path, tmp_path: Path) -> None:
    for room, ending in (("JPEGImages", "jpg"), ("Annotations", "png")):
        (tmp_path / "davis" / room / "dog").mkdir(parents=True)
        for path in sorted((shared_data / "vos" / room / "dog").glob(f"*.{ending}"))[:10]:
            (tmp_path / "davis" / room / "dog" / path.name).symlink_to(path)
    evaluated = evaluate_vos(tmp_path / "davis", engine="flow").overall
    (sequence,) = read_davis(tmp_path / "davis")
    found = compare(
        sequence.clip(), [Drawn(sequence.first_mask())], engines=["flow"], whole_clip=True,
        truth=tmp_path / "davis" / "Annotations" / "dog", folder=tmp_path / "masks",
    )  # fmt: skip
    scores = found.answers[0].scores
    assert scores is not None
    assert (scores.iou, scores.boundary_f) == pytest.approx((evaluated.j, evaluated.f))
