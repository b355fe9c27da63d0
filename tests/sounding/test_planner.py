"""What is looked for, where and when: by rules, and by a model that a scripted server stands for."""

import base64
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from avfusion.clip import Box
from avfusion.sounding.asking import Asking
from avfusion.sounding.asking_endpoint import Endpoint
from avfusion.sounding.planner import Candidate, Detection, Pivot, Scene
from avfusion.sounding.planner_model import ModelPlanner, read_number, read_sources
from avfusion.sounding.planner_pictures import collage, with_boxes
from avfusion.sounding.planner_rules import Rules, heat_inside
from avfusion.sounding.tagging import Tag
from tests.sounding.answering import Answering, answering

HEIGHT, WIDTH = 60, 80
GREY = np.full((HEIGHT, WIDTH, 3), 128, np.uint8)
LEFT, RIGHT = Box(5, 10, 25, 40), Box(45, 10, 75, 50)


def candidate(frame: int, loudness: float = 1.0, sharpness: float = 1.0, heat: np.ndarray | None = None) -> Candidate:
    return Candidate(frame, GREY, loudness, sharpness, heat)


def scene(
    candidates: tuple[Candidate, ...],
    there: dict[tuple[int, str], tuple[Detection, ...]],
    names: tuple[Tag, ...] = (),
    labels: tuple[str, ...] = (),
    at_most: int = 3,
    notes: list[str] | None = None,
) -> Scene:
    return Scene(
        candidates=candidates, detect=lambda place, words: there.get((place, words), ()), tags=names, names=names,
        labels=labels, at_most=at_most, nearest=lambda name: (labels[-1] if labels else name, 0.5),
        note=(notes if notes is not None else []).append,
    )  # fmt: skip


def seen(score: float, box: Box = LEFT) -> tuple[Detection, ...]:
    return (Detection(box, score),)


# By rules


def test_the_frame_is_the_one_with_most_of_loudness_sharpness_and_score() -> None:
    shown = (candidate(0, 1.0, 0.2), candidate(10, 0.9, 0.9), candidate(20, 0.8, 0.8), candidate(30, 0.1, 0.1))
    there = {(0, "dog"): seen(0.9), (1, "dog"): seen(0.3), (2, "dog"): seen(0.6), (3, "dog"): seen(1.0)}
    assert Rules().sources(scene(shown, there, (Tag("dog", 0.5),))) == (Pivot("dog", 2),)
    assert Rules().moment(scene(shown, there), "dog") == 2


def test_what_is_nowhere_detected_is_left_out_and_the_surest_comes_first() -> None:
    names = (Tag("dog", 0.9), Tag("cat", 0.5), Tag("tuba", 0.4))
    there = {(0, "dog"): seen(0.3), (0, "tuba"): seen(0.9)}
    found = Rules().sources(scene((candidate(0),), there, names))
    assert found == (Pivot("tuba", 0), Pivot("dog", 0))
    assert Rules().sources(scene((candidate(0),), there, names, at_most=1)) == found[:1]
    assert Rules().sources(scene((candidate(0),), {}, names)) == ()
    assert Rules().moment(scene((candidate(0),), {}), "dog") is None


def test_what_is_hardly_heard_is_not_looked_for() -> None:
    names = (Tag("dog", 0.09), Tag("person", 0.08))
    there = {(0, "dog"): seen(0.3), (0, "person"): seen(0.9)}
    assert Rules().sources(scene((candidate(0),), there, names)) == (Pivot("dog", 0),)


def test_of_what_sounds_the_box_with_the_heat_is_meant() -> None:
    heat = np.zeros((6, 8), np.float32)
    heat[2, 6] = 1.0
    both = (*seen(0.6, LEFT), *seen(0.5, RIGHT))
    hot, unknown = scene((candidate(0, heat=heat),), {}), scene((candidate(0),), {})
    assert Rules().box(hot, 0, "dog", both, heard=True) == 1
    assert Rules().box(hot, 0, "dog", both, heard=False) == 0
    small = (*seen(0.6, LEFT), *seen(0.59, Box(5, 10, 9, 14)))
    assert Rules().box(unknown, 0, "dog", small[::-1], heard=True) == 1
    assert Rules().box(unknown, 0, "dog", (), heard=True) is None


def test_heat_is_that_of_the_cells_under_the_box() -> None:
    heat = np.arange(48, dtype=np.float32).reshape(6, 8)
    assert heat_inside(heat, Box(20, 30, 40, 50), candidate(0)) == pytest.approx(heat[3:5, 2:4].mean())
    assert heat_inside(heat, Box(WIDTH - 1, HEIGHT - 1, WIDTH, HEIGHT), candidate(0)) == 47


@pytest.mark.parametrize(
    ("words", "place"),
    [
        ("the dog on the left", 0),
        ("the right one", 1),
        ("the biggest dog", 1),
        ("a small dog", 0),
        ("the dog at the top", 0),
        ("the dog at the bottom", 1),
    ],
)
def test_words_of_place_choose_among_boxes_that_are_about_as_sure(words: str, place: int) -> None:
    found = (*seen(0.5, LEFT), *seen(0.5, RIGHT), *seen(0.1, Box(0, 0, 1, 1)), *seen(0.1, Box(0, 0, 80, 60)))
    assert Rules().box(scene((candidate(0),), {}), 0, words, found, heard=False) == place


# What a model says


@pytest.mark.parametrize(
    ("said", "number"),
    [
        ("Frame [1] is blurred; so it is [3].", 3),
        ("[ 2 ]", 2),
        ("nothing [-1]", -1),
        ("[4]", None),
        ("[0]", None),
        ("[-2]", None),
        ("frame 3", None),
        ("", None),
    ],
)
def test_the_last_number_in_brackets_counts(said: str, number: int | None) -> None:
    assert read_number(said, 3) == number


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ('{"sources": [{"name": "dog", "frame": 2}]}', (Pivot("dog", 1),)),
        ('For example {"sources": []}. Mine: {"sources": [{"name": "A Dog.", "frame": 1}]} Done.', (Pivot("dog", 0),)),
        ('```json\n{"sources": [{"name": "cat", "frame": 9}, {"name": "tuba", "frame": "2"}]}\n```',
         (Pivot("cat", 0), Pivot("tuba", 0))),
        ('{"sources": []}', ()),
        ('{"sources": [{"frame": 2}, 3]}', None),
        ('{"sources": "dog"}', None),
        ('{"sources": [', None),
        ("{" * 3000, None),
        ("['dog': 2]", None),
    ],
)  # fmt: skip
def test_the_last_json_with_sources_counts(said: str, found: tuple[Pivot, ...] | None) -> None:
    assert read_sources(said, 3) == found


# By a model


@pytest.fixture
def server() -> Iterator[Answering]:
    with answering() as script:
        yield script


def planner(server: Answering, folder: Path) -> ModelPlanner:
    return ModelPlanner(Asking(Endpoint(server.url, "tiny"), folder=folder), Rules())


SHOWN = tuple(candidate(10 * place) for place in range(3))
NAMES = (Tag("dog", 0.9), Tag("cat", 0.5))
THERE = {(place, tag.name): seen(0.5) for place in range(3) for tag in NAMES}


def test_a_model_chooses_names_and_frames(server: Answering, tmp_path: Path) -> None:
    server.say = lambda words: '{"sources": [{"name": "cat", "frame": 3}, {"name": "cat", "frame": 1}]}'
    assert planner(server, tmp_path).sources(scene(SHOWN, THERE, NAMES)) == (Pivot("cat", 2),)
    asked = server.asked[0]["messages"][0]["content"]
    assert "- dog (0.90)\n- cat (0.50)" in asked[0]["text"]
    assert "3 frames" in asked[0]["text"]
    assert "Any name will do" in asked[0]["text"]
    coded = base64.b64decode(asked[1]["image_url"]["url"].partition(",")[2])
    assert cv2.imdecode(np.frombuffer(coded, np.uint8), 1).shape == (HEIGHT, 5 * WIDTH, 3)


def test_a_name_that_is_not_allowed_is_the_nearest_that_is(server: Answering, tmp_path: Path) -> None:
    server.say = lambda words: '{"sources": [{"name": "puppy", "frame": 1}]}'
    found = planner(server, tmp_path).sources(scene(SHOWN, THERE, NAMES, labels=("hair-dryer", "dog")))
    assert found == (Pivot("dog", 0),)
    assert "Use only these names: hair dryer, dog." in server.asked[0]["messages"][0]["content"][0]["text"]


def test_a_model_may_say_that_nothing_in_sight_sounds(server: Answering, tmp_path: Path) -> None:
    notes: list[str] = []
    server.say = lambda words: 'Off-screen. {"sources": []}'
    assert planner(server, tmp_path).sources(scene(SHOWN, THERE, NAMES, notes=notes)) == ()
    address = server.url.removeprefix("http://").removesuffix("/v1")
    assert notes == [f"tiny at {address} was shown frames of the clip, and chose among them and what is in them."]


def test_a_model_chooses_the_moment_and_the_box(server: Answering, tmp_path: Path) -> None:
    server.say = lambda words: "[2]"
    both = (*seen(0.6, LEFT), *seen(0.5, RIGHT))
    wise, asked = planner(server, tmp_path), scene(SHOWN, THERE)
    assert wise.moment(asked, "the dog {on the left}") == 1
    assert wise.box(asked, 1, "the dog", both, heard=False) == 1
    assert wise.box(asked, 1, "dog", both, heard=True) == 1
    questions = [each["messages"][0]["content"][0]["text"] for each in server.asked]
    assert '"the dog {on the left}"' in questions[0]
    assert "1: [5, 10, 25, 40]\n2: [45, 10, 75, 50]" in questions[1]
    assert "that is heard" in questions[2]
    assert wise.box(asked, 1, "dog", seen(0.5), heard=True) == 0
    assert len(server.asked) == 3  # one box alone is no question


def test_a_model_may_say_that_it_is_none(server: Answering, tmp_path: Path) -> None:
    server.say = lambda words: "None of them: [-1]"
    wise, asked = planner(server, tmp_path), scene(SHOWN, THERE)
    both = (*seen(0.6, LEFT), *seen(0.5, RIGHT))
    assert wise.moment(asked, "a whale") is None
    assert wise.box(asked, 0, "a whale", both, heard=False) is None
    assert wise.box(asked, 0, "dog", both, heard=True) == 0


@pytest.mark.parametrize("how", ["malformed", "failing"])
def test_without_a_usable_answer_the_rules_decide_and_it_is_said(server: Answering, tmp_path: Path, how: str) -> None:
    notes: list[str] = []
    server.say, server.status = ((lambda words: "Well..."), 200) if how == "malformed" else (None, 503)
    wise, asked = planner(server, tmp_path), scene(SHOWN, THERE, NAMES, notes=notes)
    both = (*seen(0.6, LEFT), *seen(0.5, RIGHT))
    assert wise.sources(asked) == Rules().sources(asked) != ()
    assert wise.moment(asked, "dog") == Rules().moment(asked, "dog") is not None
    assert wise.box(asked, 0, "dog", both, heard=True) == Rules().box(asked, 0, "dog", both, heard=True)
    why = "its answer cannot be read" if how == "malformed" else "it refused with status 503"
    place = server.url.removeprefix("http://").removesuffix("/v1")
    assert notes == [
        f"tiny at {place}: {why}; {what} was chosen by rules instead."
        for what in ("what sounds", "the frame", "the box")
    ]
    assert len(server.asked) == (3 if how == "malformed" else 1)


# What it is shown


def test_frames_lie_in_order_each_with_a_number_on_it() -> None:
    frames = [np.full((HEIGHT, WIDTH, 3), 40 * place + 20, np.uint8) for place in range(6)]
    grid = collage(frames, 5)
    assert grid.shape == (2 * HEIGHT, 5 * WIDTH, 3)
    for place, frame in enumerate(frames):
        row, column = divmod(place, 5)
        tile = grid[row * HEIGHT : (row + 1) * HEIGHT, column * WIDTH : (column + 1) * WIDTH]
        assert (tile[HEIGHT // 2 :] == frame[0, 0]).all()
        assert (tile[: HEIGHT // 2, : WIDTH // 2] != frame[0, 0]).any()
    assert not grid[HEIGHT:, WIDTH:].any()
    assert collage([np.zeros((3000, 1000, 3), np.uint8)], 1).shape == (512, 171, 3)


def test_boxes_are_drawn_where_they_are_and_the_frame_stays_as_it_was() -> None:
    frame = GREY.copy()
    shown = with_boxes(frame, [LEFT, Box(0, 0, WIDTH, HEIGHT)])
    assert (frame == GREY).all()
    assert (shown[38:42, 12:24] != 128).any()
    assert (shown[:, WIDTH // 2] != 128).any(axis=1).sum() < HEIGHT // 2
    large = with_boxes(np.full((2000, 4000, 3), 128, np.uint8), [Box(2000, 0, 4000, 2000)])
    assert large.shape == (512, 1024, 3)
    assert (large[250, 508:516] != 128).any()
    assert (large[250, :500] == 128).all()
