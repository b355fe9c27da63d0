"""What a small CLIP is shown: no look of a novel kind, things on black, and words for all of them."""

import numpy as np
import pytest

from avfusion.datasets.classes import NUMBER_OF
from avfusion.datasets.scenes_looks import SHAPES, TEXTURES
from avfusion.datasets.scenes_settings import BASE_KINDS, NOVEL_KINDS
from avfusion.sounding.training.words_lessons import LOOKS, NOVEL_LOOKS, draw_cut_out, made_captions


def test_every_shape_and_texture_is_taught_but_no_novel_look() -> None:
    assert len(set(LOOKS)) == 56
    assert not set(LOOKS) & {(kind.shape, kind.texture) for kind in NOVEL_KINDS}
    assert set(LOOKS) >= {(kind.shape, kind.texture) for kind in BASE_KINDS}
    assert {shape for shape, _ in LOOKS} == set(SHAPES)
    assert {texture for _, texture in LOOKS} == set(TEXTURES)


def test_all_kinds_have_words_of_their_own() -> None:
    words = made_captions()
    assert words["wolf"] == "plain triangle"
    assert words["trumpet"] == "striped star"
    assert len(set(words.values())) == len(words) == 16
    assert set(words) <= set(NUMBER_OF)


@pytest.mark.parametrize("look", [*LOOKS[::9], *NOVEL_LOOKS[:2]])
def test_a_thing_touches_the_sides_of_its_square_and_stands_on_black(look: tuple[str, str]) -> None:
    dark = []
    for seed in range(4):
        square = draw_cut_out(look, 64, np.random.default_rng(seed)).numpy()
        assert square.shape == (3, 64, 64)
        assert square.min() >= 0
        assert 0.2 < square.max() <= 1
        dark.append((square.max(axis=0) < 0.05).mean())
        columns, rows = (square.max(axis=axes) for axes in ((0, 1), (0, 2)))
        assert columns[:4].max() > 0.05
        assert rows[:4].max() > 0.05
    assert 0.02 < np.mean(dark) < 0.9


def test_a_seed_gives_one_view() -> None:
    first, again, other = (draw_cut_out(LOOKS[3], 64, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert first.equal(again)
    assert not first.equal(other)
