"""What an object knows, as plain arrays, and the object again from them: bit for bit, and no code is run for it.

Only named classes are taken, with what lies in their attributes: numbers, text, arrays, tuples, lists, dictionaries and
each other. Of a frame its number is kept, and it is read again.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from avfusion.clip import Frame

Arrays: TypeAlias = Mapping[str, NDArray[Any]]

_TREE = "tree"


def snapshot(value: Any, classes: Sequence[type]) -> dict[str, NDArray[Any]]:
    """`value` as arrays. Raises TypeError for what is of none of the classes and not plain."""
    taking = _Taking({kind: kind.__name__ for kind in classes})
    tree = json.dumps(taking.tree(value))
    return {**taking.arrays, _TREE: np.frombuffer(tree.encode(), np.uint8)}


def restored(arrays: Arrays, classes: Sequence[type], frame: Callable[[int], Frame]) -> Any:
    """What `snapshot` took; frame: reads one by its number."""
    tree = json.loads(arrays[_TREE].tobytes())
    return _value(tree, arrays, {kind.__name__: kind for kind in classes}, frame)


class _Taking:
    def __init__(self, names: Mapping[type, str]) -> None:
        self._names = names
        self._seen: dict[int, str] = {}
        self.arrays: dict[str, NDArray[Any]] = {}

    def tree(self, value: Any) -> Any:
        if value is None or type(value) in (bool, int, float, str):
            return {"plain": value}
        if isinstance(value, np.ndarray | np.generic):
            return {"scalar" if isinstance(value, np.generic) else "array": self._kept(value)}
        if isinstance(value, Frame):
            return {"frame": value.index}
        if isinstance(value, tuple | list):
            return {type(value).__name__: [self.tree(one) for one in value]}
        if isinstance(value, dict):
            return {"dict": [[self.tree(key), self.tree(one)] for key, one in value.items()]}
        name = self._names.get(type(value))
        if name is None:
            raise TypeError(f"{type(value).__name__} is not kept")
        return {"object": name, "of": {key: self.tree(one) for key, one in vars(value).items()}}

    def _kept(self, array: Any) -> str:
        """What has two names keeps being one array: it may be changed in its place."""
        name = self._seen.setdefault(id(array), f"a{len(self._seen)}")
        self.arrays[name] = array
        return name


def _value(tree: Any, arrays: Arrays, classes: Mapping[str, type], frame: Callable[[int], Frame]) -> Any:
    def of(inner: Any) -> Any:
        return _value(inner, arrays, classes, frame)

    (kind, held), *more = tree.items()
    if kind == "plain":
        return held
    if kind == "array":
        return arrays[held]
    if kind == "scalar":
        return arrays[held][()]
    if kind == "frame":
        return frame(held)
    if kind in ("tuple", "list"):
        values = [of(one) for one in held]
        return tuple(values) if kind == "tuple" else values
    if kind == "dict":
        return {of(key): of(one) for key, one in held}
    made: Any = object.__new__(classes[held])
    made.__dict__.update({key: of(one) for key, one in more[0][1].items()})
    return made
