"""A tokenizer that has a token for every word it was made for, and letters for all others."""

from __future__ import annotations

import importlib
from collections import Counter
from collections.abc import Iterable
from itertools import pairwise
from typing import Any

START, END = "<|startoftext|>", "<|endoftext|>"
_WORD_END = "</w>"


def word_tokenizer(words: Iterable[str], *, longest: int) -> Any:
    """A `CLIPTokenizer` of transformers; words in lower case. longest: tokens of a sentence, where it is cut off."""
    from tokenizers.pre_tokenizers import ByteLevel

    letters = sorted(ByteLevel.alphabet())
    merges = merges_of(words)
    tokens = [*letters, *(letter + _WORD_END for letter in letters), *("".join(pair) for pair in merges), START, END]
    transformers: Any = importlib.import_module("transformers")
    vocab = {token: place for place, token in enumerate(tokens)}
    return transformers.CLIPTokenizer(vocab=vocab, merges=merges, model_max_length=longest)


def merges_of(words: Iterable[str]) -> list[tuple[str, str]]:
    """Pairs in the order in which they are to be joined, the most frequent first, until each word is whole.

    P. Gage, "A new algorithm for data compression" (1994), as R. Sennrich et al. (ACL 2016) apply it to words.
    """
    rows = [[*word[:-1], word[-1] + _WORD_END] for word in sorted(set(words))]
    merges: list[tuple[str, str]] = []
    while counts := Counter(pair for row in rows for pair in pairwise(row)):
        pair = max(counts, key=lambda found: (counts[found], found))
        merges.append(pair)
        rows = [_joined(row, pair) for row in rows]
    return merges


def _joined(row: list[str], pair: tuple[str, str]) -> list[str]:
    joined: list[str] = []
    for part in row:
        if joined and (joined[-1], part) == pair:
            joined[-1] += part
        else:
            joined.append(part)
    return joined
