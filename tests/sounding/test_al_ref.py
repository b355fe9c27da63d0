"""AL-Ref-SAM 2 put together from tiny random parts that were saved and loaded, from a clip to prompts and times."""

import threading
from collections.abc import Callable, Generator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from avfusion.clip import Box, Clip, Drawn, Frame, Rgb, Sound, Yuv
from avfusion.errors import InputError, UsageError
from avfusion.media.audio import read_sound
from avfusion.media.probe import probe
from avfusion.segmentation.grounding import load_boxes
from avfusion.segmentation.sam3 import load_sam3
from avfusion.sounding import Locator, Sources, Wish
from avfusion.sounding.al_ref import AlRef, AlRefSettings
from avfusion.sounding.al_ref_frames import candidates, loudness, sharpness
from avfusion.sounding.al_ref_parts import DinoDetector, Parts, Sam3Detector
from avfusion.sounding.al_ref_prompts import overlap
from avfusion.sounding.al_ref_refer import ReferSettings, collages
from avfusion.sounding.asking import Asking
from avfusion.sounding.gating import Clap, load_clap
from avfusion.sounding.planner import Detection
from avfusion.sounding.planner_model import ModelPlanner
from avfusion.sounding.planner_rules import Rules
from avfusion.sounding.tagging import Tag, load_ast
from tests.segmentation.tiny_sam3 import tiny_sam3
from tests.segmentation.tiny_transformers import tiny_grounding_dino
from tests.sounding.tiny_sounders import tiny_ast, tiny_clap

HEIGHT, WIDTH, FPS, RATE_HZ = 60, 96, 10, 16_000
SECONDS = 4


class Tiny(NamedTuple):
    parts: Parts
    dino: Any
    dino_processor: Any
    clap: Clap


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Tiny:
    torch.manual_seed(0)
    ast, clap, dino = (tmp_path_factory.mktemp(name) for name in ("ast", "clap", "dino"))
    tiny_ast(ast)
    tiny_clap(clap)
    model, processor = tiny_grounding_dino(dino)
    ears = load_clap(clap, device="cpu")
    parts = Parts(load_ast(ast, device="cpu"), ears, DinoDetector(load_boxes(dino, device="cpu")), Rules)
    return Tiny(parts, model, processor, ears)


def picture(index: int) -> Rgb:
    """Soft spots that drift; every fifth frame is sharper than its neighbours."""
    dice = np.random.default_rng(3)
    spots = cv2.resize(dice.integers(0, 256, (6, 9, 3), np.uint8), (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
    moved = np.roll(spots, index, axis=1)
    return moved if index % 5 == 0 else np.asarray(cv2.GaussianBlur(moved, (0, 0), 3), np.uint8)


class Shown(NamedTuple):
    pixels: Rgb

    def rgb(self) -> Rgb:
        return self.pixels

    def yuv(self) -> Yuv:
        planes = cv2.cvtColor(self.pixels, cv2.COLOR_RGB2YUV)
        return planes[..., 0], planes[::2, ::2, 1], planes[::2, ::2, 2]

    def alpha(self) -> None:
        return None


def made_clip(count: int = SECONDS * FPS) -> Clip:
    def read(clip: Clip, start: int, stop: int, backwards: bool) -> Generator[Frame, None, None]:
        for index in reversed(range(start, stop)) if backwards else range(start, stop):
            yield Frame(index, clip.time(index), Shown(picture(index)))

    ticks = np.arange(count, dtype=np.int64)
    return Clip(
        Path("made.mp4"), WIDTH, HEIGHT, Fraction(FPS), Fraction(1, FPS), ticks, count, "", "", "", read_frames=read
    )


def noise(*loud: float) -> Sound:
    """A second of noise for each loudness."""
    dice = np.random.default_rng(4)
    seconds = [amount * dice.uniform(-1, 1, RATE_HZ) for amount in loud]
    return Sound(np.concatenate(seconds)[None].astype(np.float32), RATE_HZ)


def quiet(stage: str, done: int, total: int) -> None:
    pass


def locate(
    parts: Parts, folder: Path, sound: Sound | None = None, wish: Wish | None = None, clip: Clip | None = None,
    settings: AlRefSettings | None = None, tell: Callable[[str, int, int], None] = quiet,
) -> Sources:  # fmt: skip
    sound = sound or noise(0.1, 0.5, 0.0, 0.3)
    engine = AlRef("al-ref-sam2", parts, settings)
    return engine.locate(clip or made_clip(), sound, wish or Wish(), folder=folder, tell=tell)


# As a whole, by rules


def test_it_finds_names_boxes_and_times(tiny: Tiny, tmp_path: Path) -> None:
    found = locate(tiny.parts, tmp_path)
    assert isinstance(AlRef("al-ref-sam2", tiny.parts), Locator)
    assert found.abstained == ""
    assert {source.name for source in found.found} <= {"man", "dog", "guitar"}
    assert [source.number for source in found.found] == list(range(1, len(found.found) + 1))
    for source in found.found:
        (box,) = source.prompts
        assert isinstance(box, Box)
        assert box.object == source.number
        assert 0 <= box.x0 < box.x1 <= WIDTH
        assert 0 <= box.y0 < box.y1 <= HEIGHT
        assert source.sounds.shape == (SECONDS,)
        assert source.sounds[2] == 0  # silence gates
        assert 0 < source.confidence <= 1
    again = locate(tiny.parts, tmp_path)
    assert [source.prompts for source in again.found] == [source.prompts for source in found.found]


def test_the_box_is_one_that_grounding_dino_gives_for_the_name(tiny: Tiny, tmp_path: Path) -> None:
    for source in locate(tiny.parts, tmp_path).found:
        (box,) = source.prompts
        assert isinstance(box, Box)
        rgb = picture(box.frame)
        inputs = tiny.dino_processor(images=rgb, text=f"{source.name}.", return_tensors="pt")
        with torch.no_grad():
            outputs = tiny.dino(**inputs)
        (theirs,) = tiny.dino_processor.post_process_grounded_object_detection(
            outputs, inputs["input_ids"], threshold=0.25, text_threshold=0.25, target_sizes=[(HEIGHT, WIDTH)]
        )
        order = theirs["scores"].argsort(descending=True)[:3]
        corners = theirs["boxes"][order].numpy().clip(0, [WIDTH, HEIGHT] * 2)
        ours = np.array([box.x0, box.y0, box.x1, box.y1])
        assert np.abs(corners - ours).max(axis=1).min() < 1e-3


def test_only_the_names_that_are_allowed_are_given(tiny: Tiny, tmp_path: Path) -> None:
    found = locate(tiny.parts, tmp_path, wish=Wish(labels=("tuba", "dog"), sources=1))
    assert len(found.found) == 1
    assert found.found[0].name in ("tuba", "dog")


def test_one_source_alone_sounds_wherever_anything_does(tiny: Tiny, tmp_path: Path) -> None:
    (source,) = locate(tiny.parts, tmp_path, wish=Wish(sources=1)).found
    np.testing.assert_array_equal(source.sounds, [1, 1, 0, 1])


@pytest.mark.parametrize("sound", [noise(0.0, 0.0), noise(1e-5), Sound(np.zeros((2, 0), np.float32), RATE_HZ)])
def test_silence_has_no_source(tiny: Tiny, tmp_path: Path, sound: Sound) -> None:
    found = locate(tiny.parts, tmp_path, sound)
    assert found.found == ()
    assert found.abstained == "The sound is silent throughout."


def test_a_short_sound_a_still_and_a_long_sound_will_do(tiny: Tiny, tmp_path: Path) -> None:
    for source in locate(tiny.parts, tmp_path, noise(0.3)).found:
        assert not source.sounds[1:].any()
    for source in locate(tiny.parts, tmp_path, clip=made_clip(1)).found:
        assert source.sounds.shape == (1,)
        assert source.prompts[0].frame == 0
    longer = locate(tiny.parts, tmp_path, noise(*[0.3] * 4, *[0.9] * 3))
    assert longer.found[0].sounds.shape == (SECONDS,)
    cut = locate(tiny.parts, tmp_path, noise(*[0.3] * 4))
    assert [source.confidence for source in longer.found] == [source.confidence for source in cut.found]


def test_it_stops_when_told_to(tiny: Tiny, tmp_path: Path) -> None:
    stages = []

    def tell(stage: str, done: int, total: int) -> None:
        stages.append(stage)
        if stage == "looking":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        locate(tiny.parts, tmp_path, tell=tell)
    assert stages[0] == "listening"


# What it decides, with ears and eyes that a test tells what they notice


class Told:
    """Hears `tags`, of whose names the letters a, b sound where `steps` says so, and sees `boxes` by name."""

    scale = 20.0

    def __init__(
        self, tags: dict[str, float], boxes: dict[str, Sequence[Detection]], steps: Sequence[str] = ()
    ) -> None:
        self._tags, self._boxes, self._steps = tags, boxes, steps

    def tags(self, sound: Sound, waiting: Callable[[], None] = lambda: None) -> tuple[Tag, ...]:
        return tuple(Tag(name, share) for name, share in self._tags.items())

    def find(self, rgb: Rgb, words: str, *, box_score: float, word_score: float) -> tuple[Detection, ...]:
        return tuple(each for each in self._boxes.get(words, ()) if each.score >= box_score)

    def words(self, sentences: Sequence[str]) -> NDArray[np.float32]:
        rows = np.array([[name in said for name in ("dog", "guitar")] for said in sentences], np.float32)
        return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)

    def sounds(self, sound: Sound, steps: int, step_s: float, waiting: Callable[[], None] = lambda: None) -> Any:
        return self.words(self._steps)

    def parts(self) -> Parts:
        return Parts(self, self, self, Rules)


LEFT, RIGHT = Box(5, 10, 30, 40), Box(50, 10, 90, 50)
HEARD = {"Bark": 0.8, "Guitar": 0.6, "Music": 0.9}


def test_each_of_two_sources_sounds_in_its_seconds(tmp_path: Path) -> None:
    boxes = {"dog": [Detection(LEFT, 0.5)], "guitar": [Detection(RIGHT, 0.4)]}
    steps = ["dog", "dog guitar", "dog", "guitar"]
    found = locate(Told(HEARD, boxes, steps).parts(), tmp_path)
    assert [(source.name, source.name_confidence) for source in found.found] == [("dog", 0.8), ("guitar", 0.6)]
    assert [(source.sounds >= 0.5).tolist() for source in found.found] == [
        [True, True, False, False],  # the third second is silent, whatever the ears make of it
        [False, True, False, True],
    ]
    assert found.found[0].confidence == pytest.approx((0.8 * 0.5) ** 0.5)


def test_two_names_for_one_box_are_one_source(tmp_path: Path) -> None:
    boxes = {"dog": [Detection(LEFT, 0.5)], "guitar": [Detection(Box(5, 10, 30, 39), 0.5)]}
    found = locate(Told(HEARD, boxes).parts(), tmp_path)
    assert [source.name for source in found.found] == ["dog"]
    assert "'guitar' is the same thing as 'dog'." in found.notes


def test_detectors_are_asked_in_plain_words(tmp_path: Path) -> None:
    told = Told({"Hair dryer": 0.9}, {"hair dryer": [Detection(LEFT, 0.5)]})
    (source,) = locate(told.parts(), tmp_path, wish=Wish(labels=("hair-dryer", "dog"))).found
    assert source.name == "hair-dryer"


def test_what_is_heard_and_not_seen_is_abstained_from(tmp_path: Path) -> None:
    found = locate(Told(HEARD, {}).parts(), tmp_path)
    assert found.found == ()
    assert found.abstained == "Nothing that is seen makes what is heard (Bark, Guitar, Music)."
    assert locate(Told({}, {}).parts(), tmp_path).abstained == "Nothing in the sound is recognised."
    assert locate(Told({"Music": 0.9}, {}).parts(), tmp_path).abstained != ""


class Rough:
    """Another engine, with a map or an error."""

    name = "rough"

    def __init__(self, heat: NDArray[np.float32] | None) -> None:
        self._heat = heat

    def locate(self, clip: Clip, sound: Sound, wish: Wish | None = None, *, folder: Path, tell: Any) -> Sources:
        if self._heat is None:
            raise InputError("not with me")
        return Sources((), 1.0, self._heat, abstained="rough")


def test_the_map_of_another_engine_helps_to_choose_and_is_passed_on(tmp_path: Path) -> None:
    told = Told({"Bark": 0.9}, {"dog": [Detection(LEFT, 0.7), Detection(RIGHT, 0.4)]})
    heat = np.zeros((SECONDS, 6, 8), np.float32)
    heat[:, 2, 6] = 1
    for rough, box in ((Rough(heat), RIGHT), (Rough(None), LEFT), (None, LEFT)):
        found = locate(Parts(told, told, told, Rules, rough=rough), tmp_path)
        (prompt,) = found.found[0].prompts
        assert isinstance(prompt, Box)
        assert prompt.x0 == box.x0
        assert (found.heat is heat) == (box is RIGHT)


# What words describe


def test_a_description_gets_a_prompt_on_a_frame_of_each_collage(tmp_path: Path) -> None:
    told = Told({}, {"the dog on the left": [Detection(RIGHT, 0.6), Detection(LEFT, 0.5)]})
    silent = Sound(np.zeros((1, 0), np.float32), RATE_HZ)
    found = locate(told.parts(), tmp_path, silent, Wish(text="the dog on the left"), made_clip(110))
    (source,) = found.found
    assert [(prompt.frame // 50, prompt.object) for prompt in source.prompts] == [(0, 1), (1, 1)]
    assert all(isinstance(prompt, Box) and prompt.x0 == LEFT.x0 for prompt in source.prompts)
    assert source.sounds.tolist() == [1.0] * 11
    assert source.name == "the dog on the left"


def test_where_nothing_is_sure_the_likeliest_thing_of_the_first_frame_is_shown(tmp_path: Path) -> None:
    found = locate(Told({}, {"dog": [Detection(LEFT, 0.01)]}).parts(), tmp_path, wish=Wish(text="dog"))
    (source,) = found.found
    assert [prompt.frame for prompt in source.prompts] == [0]
    assert source.confidence == 0.01
    assert "nowhere found for sure" in found.notes[0]
    nothing = locate(Told({}, {}).parts(), tmp_path, wish=Wish(text="dog"))
    assert (nothing.found, nothing.abstained) == ((), "Nothing that is seen is 'dog'.")


def test_a_pivot_that_is_much_less_sure_is_dropped(tmp_path: Path) -> None:
    class Fading(Told):
        def find(self, rgb: Rgb, words: str, *, box_score: float, word_score: float) -> tuple[Detection, ...]:
            is_early = any((rgb == picture(index)).all() for index in range(0, 50, 10))
            return (Detection(LEFT, 0.9 if is_early else 0.3),)

    found = locate(Fading({}, {}).parts(), tmp_path, wish=Wish(text="dog"), clip=made_clip(100))
    assert [prompt.frame for prompt in found.found[0].prompts if prompt.frame >= 50] == []


def test_with_tiny_networks_too(tiny: Tiny, tmp_path: Path) -> None:
    (source,) = locate(tiny.parts, tmp_path, wish=Wish(text="the dog, which barks")).found
    (box,) = source.prompts
    assert isinstance(box, Box)
    assert box.frame % 10 == 0


def test_too_many_words_are_refused(tiny: Tiny, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="too long a description"):
        locate(tiny.parts, tmp_path, wish=Wish(text="dog " * 100))


@pytest.mark.parametrize(
    ("count", "expected"),
    [
        (1, [[0]]),
        (45, [[0, 10, 20, 30, 40]]),
        (51, [[0, 10, 20, 30, 40]]),
        (61, [[0, 10, 20, 30, 40], [50, 60]]),
    ],
)
def test_every_tenth_frame_five_to_a_collage(count: int, expected: list[list[int]]) -> None:
    assert collages(count, ReferSettings()) == expected


def test_long_clips_are_looked_at_less_often() -> None:
    groups = collages(100_000, ReferSettings())
    assert len(groups) <= 8
    assert groups[-1][-1] > 97_000


# A model that decides


class Wise:
    """Answers at once, what a test tells it to."""

    name = "wise"

    def __init__(self, *answers: str) -> None:
        self._answers = list(answers)

    def answer(self, words: str, pictures: Sequence[bytes], wait_s: float, stop: threading.Event) -> str:
        return self._answers.pop(0)


def test_a_model_s_names_and_frames_become_prompts(tmp_path: Path) -> None:
    boxes = {"puppy": [Detection(LEFT, 0.5), Detection(RIGHT, 0.4)], "amplifier": []}
    told = Told(HEARD, boxes, ["", "", "", ""])
    said = '{"sources": [{"name": "puppy", "frame": 2}, {"name": "amplifier", "frame": 1}]}'
    asking = Asking(Wise(said, "the whole one: [2]"), folder=tmp_path / "answers")
    parts = Parts(told, told, told, lambda: ModelPlanner(asking, Rules()))
    found = locate(parts, tmp_path)
    (source,) = found.found
    (prompt,) = source.prompts
    assert (source.name, prompt.frame // FPS) == ("puppy", 1)
    assert isinstance(prompt, Box)
    assert prompt.x0 == RIGHT.x0
    assert found.notes == (
        "wise was shown frames of the clip, and chose among them and what is in them.",
        "'amplifier' is heard, and was not found in the picture.",
    )


def test_one_thing_on_two_frames_is_one_source(tmp_path: Path) -> None:
    boxes = {"puppy": [Detection(LEFT, 0.5)], "dog": [Detection(LEFT, 0.4)], "tuba": [Detection(RIGHT, 0.4)]}
    told = Told(HEARD, boxes, [""] * SECONDS)
    said = '{"sources": [{"name": "puppy", "frame": 2}, {"name": "dog", "frame": 4}, {"name": "tuba", "frame": 1}]}'
    asking = Asking(Wise(said), folder=tmp_path / "answers")
    found = locate(Parts(told, told, told, lambda: ModelPlanner(asking, Rules())), tmp_path)
    assert {source.name for source in found.found} == {"puppy", "tuba"}
    assert "'dog' is the same thing as 'puppy'." in found.notes


# Its parts


def test_sam3_gives_masks(tmp_path: Path) -> None:
    torch.manual_seed(0)
    tiny_sam3(tmp_path)
    sam3 = load_sam3(tmp_path, name="sam3", device="cpu")
    rgb = picture(0)
    segments = sam3.find(rgb, "dog")
    found = Sam3Detector(sam3).find(rgb, "dog", box_score=0.25, word_score=0.25)
    assert len(found) > 0
    assert [each.score for each in found] == sorted((each.score for each in found), reverse=True)
    for each in found:
        assert each.mask is not None
        number = segments.scores.index(each.score)
        assert (each.mask <= (segments.number >= 0)).all()
        assert (segments.number == number).sum() > 0
        rows, columns = np.nonzero(each.mask)
        assert (each.box.x0, each.box.y0) == (columns.min(), rows.min())
        assert (each.box.x1, each.box.y1) == (columns.max() + 1, rows.max() + 1)
    told = Told({"Bark": 0.9}, {"dog": found[:1]})
    (source,) = locate(told.parts(), tmp_path).found
    (prompt,) = source.prompts
    assert isinstance(prompt, Drawn)
    np.testing.assert_array_equal(prompt.mask, found[0].mask)


def test_loudness_is_that_of_its_moment() -> None:
    loud = loudness(noise(0.1, 0.5, 0.0, 0.3), 4.0)
    assert loud.blocks.shape == (40,)
    np.testing.assert_allclose(loud.blocks[:20].reshape(2, 10).mean(1), [0.1 / 3**0.5, 0.5 / 3**0.5], rtol=0.05)
    assert loud.audible(4, 1.0).tolist() == [True, True, False, True]
    assert loud.standing_out(4, 1.0).tolist() == [True, True, False, True]
    assert [int(time_s) for time_s in loud.loudest(4)] == [0, 1, 2, 3]
    assert loud.at(1.5) > 4 * loud.at(0.5)
    assert loud.at(99.0) == loud.at(3.95)


def test_what_is_always_there_does_not_stand_out() -> None:
    barks = loudness(noise(0.004, 0.5, 0.005, 0.4, 0.004), 5.0)
    assert barks.audible(5, 1.0).all()
    assert barks.standing_out(5, 1.0).tolist() == [False, True, False, True, False]
    music = loudness(noise(0.3, 0.2, 0.4, 0.3), 4.0)
    assert music.standing_out(4, 1.0).all()


@pytest.mark.real_data
def test_a_dog_that_pauses_is_silent_then(shared_data: Path) -> None:
    dog, drums = (probe(shared_data / "sounding" / name) for name in ("dog_barking.mp4", "drum_kit.mp4"))
    barks = loudness(read_sound(dog), float(dog.duration_s)).standing_out(10, 1.0)
    assert np.flatnonzero(~barks).tolist() == [7, 8]
    assert loudness(read_sound(drums), float(drums.duration_s)).standing_out(10, 1.0).all()


def test_the_sharpest_frame_is_the_sharpest() -> None:
    shown = candidates(made_clip(), [4, 5, 6])
    assert [each.frame for each in shown] == [4, 5, 6]
    assert max(shown, key=lambda each: each.sharpness).frame == 5
    assert shown[1].sharpness == 1
    assert sharpness(np.full((2, 3, 3), 9, np.uint8)) == 0


def test_overlap_of_boxes() -> None:
    assert overlap(LEFT, LEFT) == pytest.approx(1)
    assert overlap(LEFT, RIGHT) == 0
    assert overlap(Box(0, 0, 2, 2), Box(1, 0, 3, 2)) == pytest.approx(1 / 3)
