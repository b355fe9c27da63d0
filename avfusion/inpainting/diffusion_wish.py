"""What diffusion engines check of a wish before they begin."""

from __future__ import annotations

from typing import Any

from avfusion.errors import UsageError
from avfusion.inpainting import Wish

_SEEDS = 2**63
_SHOWN = 60


def check_wish(wish: Wish) -> None:
    """Raises `UsageError` for numbers that mean nothing."""
    if wish.steps < 1:
        raise UsageError(f"{wish.steps} steps: there must be at least one.")
    if not 0 <= wish.strength <= 1:
        raise UsageError(f"strength {wish.strength}: it must lie between 0 (all stays as it is) and 1.")
    if not 0 <= wish.seed < _SEEDS:
        raise UsageError(f"seed {wish.seed}: it must be a whole number from 0 to {_SEEDS - 1}.")


def check_length(words: str, tokenizer: Any, limit: int, engine: str) -> None:
    """Raises `UsageError` for words that the text encoder would silently lose the end of. limit: tokens, all told."""
    tokens = tokenizer(words, verbose=False).input_ids
    if len(tokens) <= limit:
        return
    # The last token only marks the end, and is kept.
    lost = tokenizer.decode(tokens[limit - 1 : -1], skip_special_tokens=True).strip()
    shown = lost if len(lost) <= _SHOWN else f"{lost[:_SHOWN]}..."
    raise UsageError(
        f"{engine} reads {limit} tokens of text, and these words make {len(tokens)}: "
        f"it would lose the end ({shown}). Say it in fewer words."
    )
