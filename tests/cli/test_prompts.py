"""Prompts keep the order of the command line, and what is no prompt is said in one line."""

from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.main import get_command

from avfusion.cli.program import _program
from avfusion.cli.prompts import read_prompts
from avfusion.clip import Box, Clip, Drawn, Point, Prompt, Sounding, Words
from avfusion.errors import AvfusionError, CannotRead, MaskSizeMismatch, UsageError

CLIP = Clip(
    path=Path("clip.mp4"), width_px=40, height_px=30, fps=Fraction(25), time_base=Fraction(1, 25),
    ticks=np.arange(5, dtype=np.int64), end_tick=5, codec="h264", container="mov", pixel_format="yuv420p",
)  # fmt: skip


def prompts_of(*words: str, command: str = "swap") -> list[Prompt]:
    """What `avfusion COMMAND clip.mp4 ... WORDS` understands, through the program's own parser."""
    parser = get_command(_program).commands[command]  # type: ignore[attr-defined]
    needed = {"swap": ["--background", "blur", "--out", "out.mp4"], "segment": ["--out", "masks"]}[command]
    context = parser.make_context(command, ["clip.mp4", *needed, *words])
    return read_prompts(context.obj, CLIP)


def test_every_kind_of_prompt_in_order() -> None:
    words = "--point 3,4 --box 1,2,30,20@2 --object 2 --text dog@3 --not 5.5,6@1 --point=7,8 --object 1 --point 9,10@4"
    for command in ("swap", "segment"):
        assert prompts_of(*words.split(), command=command) == [
            Point(3, 4),
            Box(1, 2, 30, 20, frame=2),
            Words("dog", frame=3, object=2),
            Point(5.5, 6, keep=False, frame=1, object=2),
            Point(7, 8, object=2),
            Point(9, 10, frame=4, object=1),
        ]


SPOTS = st.tuples(st.integers(-50, 50), st.integers(-50, 50), st.integers(0, 9), st.booleans(), st.integers(1, 255))


@given(st.lists(SPOTS))
def test_any_order_comes_out_as_it_went_in(spots: list[tuple[int, int, int, bool, int]]) -> None:
    words: list[str] = []
    for x, y, frame, keep, number in spots:
        words += ["--object", str(number), "--point" if keep else "--not", f"{x},{y}@{frame}"]
    assert prompts_of(*words) == [
        Point(x, y, keep=keep, frame=frame, object=number) for x, y, frame, keep, number in spots
    ]


def test_other_options_in_between_change_nothing() -> None:
    words = ["--point", "1,2", "--edges", "hard", "--object", "3", "--quiet", "--point", "3,4", "--engine", "--point"]
    assert prompts_of(*words) == [Point(1, 2), Point(3, 4, object=3)]


def test_words_may_be_many_and_may_hold_an_at_sign() -> None:
    assert prompts_of("--text", "the man with a red @ cap", "--text", "me@home") == [
        Words("the man with a red @ cap"),
        Words("me@home"),
    ]


def test_what_sounds_may_name_a_frame() -> None:
    words = "--sound --object 2 --sound@4 --point 3,4 --sound=@1 --engine --sound --object 3 --sound"
    for command in ("swap", "segment"):
        assert prompts_of(*words.split(), command=command) == [
            Sounding(),
            Sounding(frame=4, object=2),
            Point(3, 4, object=2),
            Sounding(frame=1, object=2),
            Sounding(object=3),
        ]


def test_no_prompts_are_no_prompts() -> None:
    assert prompts_of() == []


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("--point 3", "--point 3: write it like --point 320,180"),
        ("--point 3,4,5", "--point 3,4,5: write it like"),
        ("--not a,b", "--not a,b: write it like --not"),
        ("--point nan,4", "write it like"),
        ("--point 3,inf", "write it like"),
        ("--point 3,4@", "write it like"),
        ("--point 3,4@-1", "write it like"),
        ("--point 3,4@1.5", "write it like"),
        ("--box 1,2,3", "write it like --box"),
        ("--box 9,2,9,8", "this box is empty"),
        ("--box 1,8,9,2", "this box is empty"),
        ("--text @4", "--text @4: there are no words"),
        ("--sound=4", "--sound=4: write it like --sound or"),
        ("--sound@-1", "--sound=@-1: write it like --sound or"),
        ("--object 2", "--object 2: no prompt follows"),
        ("--object 1 --object 2 --point 3,4", "--object 1: no prompt follows"),
        ("--point 3,4 --object 2", "--object 2: no prompt follows"),
    ],
)
def test_what_is_no_prompt_is_said(words: str, says: str) -> None:
    with pytest.raises(UsageError) as caught:
        prompts_of(*words.split())
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


# Masks as prompts


def write_png(path: Path, labels: np.ndarray) -> str:
    cv2.imwrite(str(path), labels)
    return str(path)


def labels_of(*boxes: tuple[int, slice, slice]) -> np.ndarray:
    labels = np.zeros((30, 40), np.uint8)
    for value, rows, columns in boxes:
        labels[rows, columns] = value
    return labels


def test_a_mask_holds_one_object_or_those_that_it_numbers(tmp_path: Path) -> None:
    both = labels_of((1, slice(0, 5), slice(0, 5)), (3, slice(10, 20), slice(10, 20)))
    path = write_png(tmp_path / "both.png", both)
    numbered = prompts_of("--mask", f"{path}@2")
    assert [(prompt.object, prompt.frame) for prompt in numbered] == [(1, 2), (3, 2)]
    for prompt in numbered:
        assert isinstance(prompt, Drawn)
        assert np.array_equal(prompt.mask, both == prompt.object)
    together = prompts_of("--object", "4", "--mask", path)
    assert [(prompt.object, prompt.frame) for prompt in together] == [(4, 0)]
    assert isinstance(together[0], Drawn)
    assert np.array_equal(together[0].mask, both > 0)


def test_a_drawn_mask_is_object_one(tmp_path: Path) -> None:
    drawn = labels_of((255, slice(0, 5), slice(0, 5)))
    (prompt,) = prompts_of("--mask", write_png(tmp_path / "drawn.png", drawn))
    assert isinstance(prompt, Drawn)
    assert (prompt.object, prompt.frame) == (1, 0)
    assert np.array_equal(prompt.mask, drawn > 0)


def test_an_at_sign_in_a_file_name_is_part_of_it(tmp_path: Path) -> None:
    written = write_png(tmp_path / "mask.png", labels_of((255, slice(0, 5), slice(0, 5))))
    odd = Path(written).rename(tmp_path / "mask@7")
    assert [prompt.frame for prompt in prompts_of("--mask", str(odd), "--mask", f"{odd}@3")] == [0, 3]


def test_masks_that_cannot_be_used_are_named(tmp_path: Path) -> None:
    other = write_png(tmp_path / "other.png", np.full((30, 41), 255, np.uint8))
    empty = write_png(tmp_path / "empty.png", np.zeros((30, 40), np.uint8))
    text = tmp_path / "text.png"
    text.write_text("no picture")
    errors: list[tuple[str, type[AvfusionError], str]] = [
        (other, MaskSizeMismatch, "41 x 30 pixels and the clip 40 x 30"),
        (empty, UsageError, "this mask is empty"),
        (str(text), CannotRead, "that can be read"),
        (str(tmp_path / "none.png"), CannotRead, "none.png"),
    ]
    for path, kind, says in errors:
        with pytest.raises(kind, match=says) as caught:
            prompts_of("--mask", f"{path}@1")
        assert str(caught.value).startswith(path)
