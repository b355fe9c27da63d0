"""What an image encoder made of the last few pictures, so that a second click on one costs only the decoder."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

import numpy as np

from avfusion.clip import Rgb

T = TypeVar("T")

PICTURES_KEPT = 4
"""A SAM 2 embedding is about 16 MB; a person clicks on one picture, and looks back at a few."""


class Embeddings(Generic[T]):
    """encode: picture -> embedding. A picture is known by its pixels. Callers at once wait for one encoding."""

    def __init__(self, encode: Callable[[Rgb], T], kept: int = PICTURES_KEPT) -> None:
        self._encode = encode
        self._kept = kept
        self._lock = threading.Lock()
        self._known: OrderedDict[bytes, T] = OrderedDict()

    def of(self, rgb: Rgb) -> T:
        rgb = np.ascontiguousarray(rgb)
        key = hashlib.blake2b(rgb.data, person=b"%dx%d" % rgb.shape[:2]).digest()
        with self._lock:
            if key not in self._known:
                self._known[key] = self._encode(rgb)
            self._known.move_to_end(key)
            while len(self._known) > self._kept:
                self._known.popitem(last=False)
            return self._known[key]
