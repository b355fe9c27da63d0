"""What a stored network must be made of to be read: the same parts, of the same shapes."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from pathlib import Path

from avfusion.errors import CannotRead
from avfusion.sounding.networks.layers import Tensor


def need_shapes(wanted: Mapping[str, tuple[int, ...]], state: Mapping[str, Tensor], source: Path, what: str) -> None:
    """Raises `CannotRead`, naming `source`, where a tensor is missing, has another shape, or is of no part of what is
    wanted. what: "AV2TS of this configuration"."""
    for name in [*wanted, *state]:
        ours = wanted.get(name, "nothing")
        theirs = tuple(state[name].shape) if name in state else "nothing"
        if ours != theirs:
            raise CannotRead(f"{source}: no {what}: {in_line(name)} should be {ours} and is {in_line(str(theirs))}.")


def in_line(said: str, most: int = 80) -> str:
    """Words out of a file for a message or a table: in a line, not too long, and nothing in them that a terminal obeys
    (categories C of Unicode: escapes, marks that turn the writing round, halves of a character)."""
    words = "".join(" " if letter.isspace() else letter for letter in said)
    plain = " ".join("".join(letter for letter in words if unicodedata.category(letter)[0] != "C").split())
    return plain if len(plain) <= most else f"{plain[: most - 3]}..."
