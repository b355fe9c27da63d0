"""A tokenizer for given words: each of them is one token, and all others are spelt."""

import pytest

from avfusion.datasets.scenes_looks import SHAPES, TEXTURES
from avfusion.sounding.training.words_model import words_processor
from avfusion.sounding.training.words_tokens import merges_of, word_tokenizer


def test_pairs_are_joined_the_most_frequent_first() -> None:
    assert merges_of(["aa", "aab", "ab"]) == [("a", "b</w>"), ("a", "ab</w>"), ("a", "a</w>")]


@pytest.mark.parametrize("word", [*SHAPES, *TEXTURES, "this", "is", "photo", "scene", "large"])
def test_known_words_are_whole(word: str) -> None:
    assert words_processor().tokenizer.tokenize(f"The {word}.") == ["the</w>", f"{word}</w>", ".</w>"]


def test_other_words_are_spelt_and_long_sentences_cut_off() -> None:
    tokenizer = word_tokenizer(["tuba"], longest=8)
    *spelt, whole = tokenizer.tokenize("tub tuba")
    assert ("".join(spelt), whole) == ("tub</w>", "tuba</w>")
    assert len(spelt) > 1
    known = tokenizer("tuba tuba", truncation=True)["input_ids"]
    assert tokenizer.convert_ids_to_tokens(known) == ["<|startoftext|>", "tuba</w>", "tuba</w>", "<|endoftext|>"]
    assert len(tokenizer("a long sentence", truncation=True)["input_ids"]) == 8
