"""What a stored network must be made of to be read: the same parts, of the same shapes."""

from __future__ import annotations

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
            raise CannotRead(f"{source}: no {what}: {name} should be {ours} and is {theirs}.")
