"""What an image encoder made of the last few pictures, so that a second click on one costs only the decoder."""

from __future__ import annotations

import contextlib
import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import Generic, TypeVar

import numpy as np

from avfusion.clip import Rgb

T = TypeVar("T")

PICTURES_KEPT = 4
"""A SAM 2 embedding is about 16 MB; a person clicks on one picture, and looks back at a few."""


# What was encoded in this block, and nothing older, counts as known; None outside of any block.
_BLOCK: ContextVar[object | None] = ContextVar("block", default=None)


@contextlib.contextmanager
def encoding_anew() -> Iterator[None]:
    """In this block each picture is encoded once more, and is then known: so that what it takes can be measured."""
    token = _BLOCK.set(object())
    try:
        yield
    finally:
        _BLOCK.reset(token)


class Embeddings(Generic[T]):
    """encode: picture -> embedding. A picture is known by its pixels. Callers at once wait for one encoding."""

    def __init__(self, encode: Callable[[Rgb], T], kept: int = PICTURES_KEPT) -> None:
        self._encode = encode
        self._kept = kept
        self._lock = threading.Lock()
        self._known: OrderedDict[bytes, tuple[object | None, T]] = OrderedDict()

    def of(self, rgb: Rgb) -> T:
        rgb = np.ascontiguousarray(rgb)
        key = hashlib.blake2b(rgb.data, person=b"%dx%d" % rgb.shape[:2]).digest()
        with self._lock:
            block = _BLOCK.get()
            known = self._known.get(key)
            if known is None or block not in (None, known[0]):
                known = self._known[key] = (block, self._encode(rgb))
            self._known.move_to_end(key)
            while len(self._known) > self._kept:
                self._known.popitem(last=False)
            return known[1]
