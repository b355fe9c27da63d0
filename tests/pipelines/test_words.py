"""Words go to engines that understand them, clicks after them correct, and trackers that follow words do."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from avfusion.cli import main
from avfusion.clip import Clip, Drawn, Frame, Mask, Point, Prompt, Words
from avfusion.engines.catalogue import CATALOGUE, find
from avfusion.engines.engine import Engine, HubFiles
from avfusion.engines.folders import hub_snapshot
from avfusion.engines.registry import Registry
from avfusion.errors import EngineNotReady, NothingFound, UsageError
from avfusion.media.masks import read_mask
from avfusion.media.probe import probe
from avfusion.pipelines import frame as frame_module
from avfusion.pipelines import segmenters as segmenters_module
from avfusion.pipelines import track as track_module
from avfusion.pipelines.frame import look, mask_frame
from avfusion.pipelines.segmenters import described, segmenters_for
from avfusion.pipelines.track import Tracking, track
from avfusion.segmentation.clipseg import load_clipseg
from avfusion.segmentation.segments import pieces
from avfusion.tracking import Example, Tracked
from avfusion.tracking.sam3_video import load_sam3_video
from tests.engines.test_segmenters import makers, put
from tests.pipelines.conftest import Made, encode, noise
from tests.segmentation.tiny_transformers import tiny_clipseg
from tests.tracking.tiny_video import tiny_sam3_video


@pytest.fixture
def clip(made: Made) -> Clip:
    return probe(made.clip)


@pytest.fixture(autouse=True)
def same_dice() -> None:
    torch.manual_seed(0)


def pull(name: str) -> None:
    """Tiny weights where a download would put the real ones."""
    for source in find(name, "segmentation").sources:
        where = getattr(source, "repository", "")
        put(source, next(make for part, make in makers().items() if part in where))


def middle_of(mask: Mask) -> tuple[float, float]:
    """x, y of the pixel that lies deepest inside."""
    depth = cv2.distanceTransform(mask.view(np.uint8), cv2.DIST_L2, 5)
    y, x = np.unravel_index(depth.argmax(), depth.shape)
    return float(x), float(y)


# Which engine


def test_without_an_engine_for_words_one_line_says_what_to_fetch(clip: Clip, tmp_path: Path) -> None:
    wanted = "no engine for segmentation by words is ready: .*avfusion engines pull"
    with pytest.raises(EngineNotReady, match=wanted) as raised:
        mask_frame(clip, [Words("a dog")], frame=0)
    assert "\n" not in str(raised.value)
    with pytest.raises(EngineNotReady, match=wanted):
        track(clip, [Words("a dog")], folder=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_an_engine_that_does_not_understand_says_which_do(clip: Clip) -> None:
    with pytest.raises(UsageError, match=r"grabcut does not understand words. These do: .*clipseg.* engines pull"):
        mask_frame(clip, [Words("a dog")], frame=0, segmenter="grabcut")
    pull("clipseg")
    with pytest.raises(UsageError, match="These do: clipseg; choose one with --segmenter"):
        mask_frame(clip, [Words("a dog")], frame=0, segmenter="grabcut")


def test_words_and_clicks_may_need_two_engines() -> None:
    pull("clipseg")
    both: list[Prompt] = [Words("a dog"), Point(3, 4, object=2)]
    assert segmenters_for(both).name == segmenters_for(both, "clipseg").name == "clipseg and grabcut"
    assert segmenters_for(both[:1]).used["words"].engine.name == "clipseg"
    assert segmenters_for(both[1:]).name == "grabcut"
    assert segmenters_for(both[1:], segmenters_for(both)).name == "grabcut"
    pull("segformer-b0-ade")
    assert segmenters_for(both, "segformer-b0-ade").name == "segformer-b0-ade"
    assert segmenters_for(both[1:], "segformer-b0-ade").name == "segformer-b0-ade"


def test_a_mask_drawn_later_ends_a_description() -> None:
    drawn = Drawn(np.ones((2, 2), bool), object=2)
    assert described([Words("a"), Words("b", object=2), Point(1, 1), drawn]) == {1}
    assert described([drawn, Words("b", object=2)]) == {2}


def test_an_engine_for_words_that_gets_none_is_refused(clip: Clip, tmp_path: Path) -> None:
    pull("clipseg")
    with pytest.raises(UsageError, match="clipseg finds things by words only; say what the object is"):
        track(clip, [Point(90, 95)], folder=tmp_path, segmenter="clipseg")


def test_empty_words_are_refused(clip: Clip) -> None:
    with pytest.raises(UsageError, match="the words for object 2 are empty"):
        mask_frame(clip, [Words("  ", object=2)], frame=0)


# On a frame


def test_a_frame_is_answered_as_the_engine_answers_it(clip: Clip, tmp_path: Path) -> None:
    pull("clipseg")
    found = mask_frame(clip, [Words("a dog", frame=3)], frame=3)
    tiny_clipseg(tmp_path)
    alone = load_clipseg(tmp_path, name="clipseg", device="cpu").segment(look(clip, 3).rgb, [Words("a dog")])
    np.testing.assert_array_equal(found.masks[1], alone.masks[1])
    assert found.confidence == alone.confidence
    assert 0 < found.masks[1].mean() < 1


def test_clicks_choose_among_what_the_words_found_and_add_what_they_did_not(clip: Clip) -> None:
    pull("clipseg")
    words = Words("a dog", frame=10)
    whole = mask_frame(clip, [words], frame=10).masks[1]
    parts = pieces(whole)
    assert parts.max() > 0
    part = parts == np.bincount(parts[whole]).argmax()
    (x, y), (far_x, far_y) = middle_of(part), middle_of(~whole)
    dropped = [words, Point(x, y, keep=False, frame=10)]
    np.testing.assert_array_equal(mask_frame(clip, dropped, frame=10).masks[1], whole & ~part)
    taken_back = [*dropped, Point(x, y, frame=10)]
    np.testing.assert_array_equal(mask_frame(clip, taken_back, frame=10).masks[1], whole)
    more = mask_frame(clip, [words, Point(far_x, far_y, frame=10)], frame=10).masks[1]
    assert more[int(far_y), int(far_x)]
    assert more[whole].mean() > 0.5


def test_all_that_the_words_found_may_be_clicked_away(clip: Clip) -> None:
    pull("grounding-dino-tiny")
    words = Words("cat", frame=10)
    assert mask_frame(clip, [words], frame=10).masks[1].all()
    assert not mask_frame(clip, [words, Point(5, 5, keep=False, frame=10)], frame=10).masks[1].any()


def test_what_is_pointed_at_stays_beside_what_is_described(made: Made, clip: Clip) -> None:
    pull("clipseg")
    ball = Drawn(made.truth[0], object=2)
    found = mask_frame(clip, [ball, Words("a dog"), Point(10, 10, keep=False, object=2)], frame=0)
    assert set(found.masks) == {1, 2}
    assert found.masks[2].any()
    assert not (found.masks[1] & found.masks[2]).any()


# Through a clip, by masks


def test_a_track_starts_from_what_the_words_mean(clip: Clip, tmp_path: Path) -> None:
    pull("clipseg")
    found = track(clip, [Words("a dog", frame=4)], folder=tmp_path, span=(2, 8))
    np.testing.assert_array_equal(found.track.mask(4), mask_frame(clip, [Words("a dog", frame=4)], frame=4).masks[1])
    assert found.engines == {"words": "clipseg", "segmentation": "grabcut", "tracking": "flow"}
    again = track(clip, [Words("a dog", frame=4)], folder=tmp_path, span=(2, 8))
    assert again.frames_tracked == 0


# Through a clip, by words


class ByColour:
    """A tracking engine that knows the words red and blue, and finds in each frame all that has that colour."""

    name = "by-colour"

    def begin(self, frame: Frame, masks: Mapping[int, Mask], sure: Sequence[Example] = ()) -> Held:
        return Held(masks)

    def begin_described(self, frame: Frame, words: Mapping[int, str]) -> tuple[Tracked, Seen]:
        state = Seen(words)
        return state.step(frame), state


class Seen:
    def __init__(self, words: Mapping[int, str]) -> None:
        self._words = words

    def step(self, frame: Frame) -> Tracked:
        red, green, blue = (frame.rgb[..., channel].astype(int) for channel in range(3))
        colours = {"red": (red > 120) & (red > green + 30), "blue": (blue > 120) & (blue > red + 30)}
        masks = {number: colours[words] for number, words in self._words.items()}
        return Tracked(masks, {number: float(mask.any()) for number, mask in masks.items()})


class Held:
    """What was pointed at stays where it is."""

    def __init__(self, masks: Mapping[int, Mask]) -> None:
        self._masks = masks

    def step(self, frame: Frame) -> Tracked:
        return Tracked(self._masks, dict.fromkeys(self._masks, 1.0))


BY_COLOUR = Engine(
    "by-colour", "tracking", "For tests.", "none", lambda device: ByColour(), 1, understands=("clicks", "words")
)


@pytest.fixture
def follows_words(monkeypatch: pytest.MonkeyPatch) -> None:
    """A catalogue with one engine more."""
    catalogue = (*CATALOGUE, BY_COLOUR)
    registry = Registry(catalogue)
    for module in (track_module, frame_module, segmenters_module):
        for name in ("settle", "lend"):
            if hasattr(module, name):
                monkeypatch.setattr(module, name, getattr(registry, name))


@pytest.fixture(scope="module")
def late(made: Made, tmp_path_factory: pytest.TempPathFactory) -> Clip:
    """Four frames of a green ground, eight with a red ball on it, and after a cut four blue ones with the ball."""
    ground = noise(1, (180, 320), np.array([20.0, 60.0, 30.0]), [90, 170, 110])
    other = noise(7, (180, 320), np.array([10.0, 10.0, 150.0]), [60, 60, 255])
    rows, columns = np.ogrid[:180, :320]
    frames = []
    for index in range(16):
        picture = (ground if index < 12 else other).astype(np.uint8)
        if index >= 4:
            picture[(rows - 90) ** 2 + (columns - 40 - 12 * index) ** 2 < 900] = (220, 40, 30)
        frames.append(picture)
    return probe(encode(np.stack(frames), tmp_path_factory.mktemp("late") / "late.mp4", sound=False))


def masks_of(tracking: Tracking, number: int = 1) -> np.ndarray:
    return np.stack([tracking.track.mask(frame, number) for frame in range(tracking.track.frame_count)])


@pytest.mark.usefixtures("follows_words")
def test_a_thing_that_comes_later_is_found_and_after_a_cut_again(late: Clip, tmp_path: Path) -> None:
    found = track(late, [Words("red")], folder=tmp_path)
    assert found.shots == (0, 12)
    assert found.engines == {"tracking": "by-colour"}
    areas = masks_of(found).sum((1, 2))
    assert (areas[:4] == 0).all()
    assert (np.abs(areas[4:] - np.pi * 900) < 300).all()
    from_the_end = track(late, [Words("red", frame=15)], folder=tmp_path)
    np.testing.assert_array_equal(masks_of(from_the_end), masks_of(found))


@pytest.mark.usefixtures("follows_words")
def test_the_laws_of_a_log_hold_for_words(late: Clip, tmp_path: Path) -> None:
    first = track(late, [Words("red")], folder=tmp_path)
    wanted = masks_of(first)
    square = np.zeros((180, 320), bool)
    square[20:60, 20:60] = True
    corrected = track(late, [Words("red"), Drawn(square, frame=10)], folder=tmp_path)
    assert np.array_equal(corrected.track.mask(10), square)
    assert not np.array_equal(masks_of(corrected)[9], wanted[9])
    undone = track(late, [Words("red")], folder=tmp_path)
    assert undone.frames_tracked == 0
    np.testing.assert_array_equal(masks_of(undone), wanted)
    at_once = track(late, [Words("red"), Drawn(square, frame=10)], folder=tmp_path / "at-once")
    np.testing.assert_array_equal(masks_of(at_once), masks_of(corrected))
    renamed = track(late, [Words("red"), Words("blue", frame=12)], folder=tmp_path)
    np.testing.assert_array_equal(masks_of(renamed)[:4], wanted[:4])
    assert masks_of(renamed)[12:].sum() > 4 * 30_000


@pytest.mark.usefixtures("follows_words")
def test_words_and_masks_are_followed_side_by_side(late: Clip, tmp_path: Path) -> None:
    square = np.zeros((180, 320), bool)
    square[70:110, 130:170] = True
    log = [Words("red"), Drawn(square, object=2)]
    found = track(late, log, folder=tmp_path)
    assert found.engines == {"segmentation": "grabcut", "tracking": "by-colour"}
    for frame in range(late.frame_count):
        assert not (found.track.mask(frame, 1) & found.track.mask(frame, 2)).any()
    assert all(np.array_equal(mask, square) for mask in masks_of(found, 2)[:12])
    alone = track(late, [Words("red")], folder=tmp_path)
    np.testing.assert_array_equal(masks_of(found)[:12], masks_of(alone)[:12] & ~square)


@pytest.mark.usefixtures("follows_words")
def test_a_tracker_of_masks_gets_what_the_words_mean(late: Clip, tmp_path: Path) -> None:
    with pytest.raises(EngineNotReady, match="segmentation by words"):
        track(late, [Words("red")], folder=tmp_path, engine="flow")
    pull("clipseg")
    try:
        found = track(late, [Words("red")], folder=tmp_path, engine="flow", span=(0, 3))
    except NothingFound:
        pytest.fail("the tiny network sees nothing on this frame; choose another seed")
    assert found.engines["tracking"] == "flow"
    assert found.engines["words"] == "clipseg"


def test_sam_3_follows_words_through_a_track_as_it_does_alone(late: Clip, tmp_path: Path) -> None:
    (source,) = find("sam3-video", "tracking").sources
    assert isinstance(source, HubFiles)
    put(source, tiny_sam3_video)
    found = track(late, [Words("dog", frame=2)], folder=tmp_path, engine="sam3-video", span=(2, 4))
    assert found.engines == {"tracking": "sam3-video"}
    alone = load_sam3_video(hub_snapshot(source), name="sam3-video", device="cpu")
    frames = list(late.frames(2, 4))
    tracked, state = alone.begin_described(frames[0], {1: "dog"})
    for frame in frames:
        tracked = tracked if frame.index == 2 else state.step(frame)
        np.testing.assert_array_equal(found.track.mask(frame.index), tracked.masks[1])


# From the command line


def test_the_program_takes_words(made: Made, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = [str(made.clip), "--text", "a dog@1", "--from", "1", "--to", "3", "--quiet", "--json"]
    assert main(["segment", *words, "--out", str(tmp_path / "masks")]) == 4
    line = capsys.readouterr().err
    assert line.count("\n") == 1
    assert "avfusion engines pull" in line
    pull("clipseg")
    assert main(["segment", *words, "--out", str(tmp_path / "masks")]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["engines"] == {"words": "clipseg", "segmentation": "grabcut", "tracking": "flow"}
    mask = mask_frame(probe(made.clip), [Words("a dog", frame=1)], frame=1).masks[1]
    np.testing.assert_array_equal(read_mask(tmp_path / "masks" / "00000.png") > 0, mask)
    swap = ["swap", *words, "--background", "#204060", "--out", str(tmp_path / "out.mp4")]
    assert main([*swap, "--segmenter", "grabcut"]) == 2
    assert "These do: clipseg" in capsys.readouterr().err
    assert main(swap) == 0
    assert probe(tmp_path / "out.mp4").frame_count == 3
