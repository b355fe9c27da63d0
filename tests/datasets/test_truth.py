"""True masks as sets keep them: COCO's run lengths against pycocotools, polygons, pictures; damage is said so."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from pycocotools import mask as coco

from avfusion.datasets.truth import CodedMasks, NumberPicture, decode, encode
from avfusion.errors import CannotRead, TooLarge

SOURCE = Path("list.json")


@given(st.integers(1, 40), st.integers(1, 40), st.floats(0, 1), st.integers(0, 2**32 - 1))
def test_run_lengths_are_coco_s(width: int, height: int, share: float, seed: int) -> None:
    mask = np.random.default_rng(seed).random((height, width)) < share
    coded = encode(mask)
    assert coded["counts"] == coco.encode(np.asfortranarray(mask.astype(np.uint8)))["counts"].decode()
    np.testing.assert_array_equal(decode(coded, width_px=width, height_px=height, source=SOURCE), mask)


def test_long_runs_and_plain_counts() -> None:
    mask = np.zeros((700, 900), bool)
    mask[100:650, 3:880] = True
    plain = {"size": [700, 900], "counts": [3 * 700 + 100, *[550, 150] * 876, 550, 50 + 20 * 700]}
    for coded in (encode(mask), plain):
        np.testing.assert_array_equal(decode(coded, width_px=900, height_px=700, source=SOURCE), mask)


@pytest.mark.parametrize(
    "counts", ["", "0", "zzzz", "PPPPPPPP", "ooo1", "\u20ac", [119], [-5, 125], [60.0, 60.0], None, 5]
)
def test_damaged_run_lengths_are_refused(counts: object) -> None:
    with pytest.raises(CannotRead, match=r"list.json: the run lengths"):
        decode({"size": [10, 12], "counts": counts}, width_px=12, height_px=10, source=SOURCE)


@pytest.mark.parametrize(
    "coded",
    [
        {"size": [12, 10], "counts": [120]}, {"counts": [120]}, "text", 7, [[1, 2, 3, 4]], [7], [["1"] * 6],
        [[0, 0, 1, 1, 1, float("nan")]], [[0, 0, 1, 1, 2, 2, 3]],
    ],
)  # fmt: skip
def test_what_is_no_mask_of_that_size_is_refused(coded: object) -> None:
    with pytest.raises(CannotRead, match=r"list.json"):
        decode(coded, width_px=12, height_px=10, source=SOURCE)


def test_a_size_that_no_memory_holds_is_refused() -> None:
    with pytest.raises(TooLarge):
        CodedMasks(SOURCE, 10**7, 10**7, ()).labels()


def test_a_later_mask_lies_over_an_earlier() -> None:
    left, all_of_it = [[0, 0, 1, 0, 1, 3, 0, 3]], {"size": [4, 4], "counts": [0, 16]}
    over = CodedMasks(SOURCE, 4, 4, ((3, all_of_it), (5, left))).labels()
    assert over.tolist() == [[5, 5, 3, 3]] * 4
    assert set(np.unique(CodedMasks(SOURCE, 4, 4, ((5, left), (3, all_of_it))).labels())) == {3}


def test_pictures_of_numbers(tmp_path: Path) -> None:
    numbers = np.array([[0, 1, 2, 70]], np.uint8)
    Image.fromarray(numbers).save(tmp_path / "grey.png")
    assert NumberPicture(tmp_path / "grey.png").labels().tolist() == numbers.tolist()
    assert NumberPicture(tmp_path / "grey.png", (2, 70)).labels().tolist() == [[0, 0, 2, 70]]
    assert NumberPicture(tmp_path / "grey.png", ()).labels().tolist() == [[0, 0, 0, 0]]


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA"])
def test_a_drawn_mask_reads_alike_in_whatever_it_is_stored(mode: str, tmp_path: Path) -> None:
    Image.fromarray(np.array([[0, 255], [255, 0]], np.uint8)).convert(mode).save(tmp_path / "mask.png")
    assert NumberPicture(tmp_path / "mask.png", is_drawn=True).labels().tolist() == [[0, 1], [1, 0]]
