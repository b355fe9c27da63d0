"""Words as `wan-vace-1.3b` reads them: by a text encoder of 11 GB that is in memory only while it reads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from avfusion.inpainting.diffusion_parts import load_network, load_tokenizer
from avfusion.inpainting.diffusion_wish import check_length

READS = 512
"""Tokens, the mark at the end among them."""


class WordReader:
    """What words mean to the network. It works on the CPU, and remembers what it read last.

    A sentence is read without the padding that the network's input has: the padding is masked in the encoder, so that
    it changes nothing but the time.
    """

    def __init__(self, folder: Path, *, name: str) -> None:
        self._folder = folder
        self._name = name
        self._tokenizer = load_tokenizer(folder / "tokenizer", "AutoTokenizer")
        self._known: dict[str, Any] = {}

    def check(self, words: str) -> None:
        """Raises `UsageError` for words that are too long."""
        check_length(_plain(words), self._tokenizer, READS, self._name)

    def read(self, *sentences: str) -> list[Any]:
        """For each sentence a tensor [1, READS, D], zero after its end. Raises CannotRead."""
        plain = [_plain(words) for words in sentences]
        if not all(words in self._known for words in plain):
            encoder = load_network(self._folder / "text_encoder", "transformers", "UMT5EncoderModel", "auto")
            self._known = {words: _meaning(words, self._tokenizer, encoder) for words in plain}
        return [self._known[words] for words in plain]


def _plain(words: str) -> str:
    return " ".join(words.split())


def _meaning(words: str, tokenizer: Any, encoder: Any) -> Any:
    import torch

    tokens = tokenizer(words, return_tensors="pt")
    with torch.no_grad():
        states = encoder(tokens.input_ids, tokens.attention_mask).last_hidden_state
    return torch.nn.functional.pad(states, (0, 0, 0, READS - states.shape[1]))
