"""The last few answers of segmenters, bit-packed: one click more need not ask for all clicks again."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from avfusion.clip import Drawn, Prompt
from avfusion.segmentation import Segmented


@dataclass(frozen=True, eq=False)
class _Packed:
    shape: tuple[int, ...]
    bits: Mapping[int, NDArray[np.uint8]]
    confidence: Mapping[int, float]


class RecentAnswers:
    """At most `most` answers, those used last. Safe to use from several threads."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._kept: OrderedDict[Hashable, _Packed] = OrderedDict()
        self._lock = threading.Lock()

    def longest(self, keys: Sequence[Hashable]) -> tuple[int, Segmented]:
        """The number of the last key that has an answer, from 1 on, and a fresh copy; 0 and nothing if none has."""
        with self._lock:
            for number in range(len(keys), 0, -1):
                kept = self._kept.get(keys[number - 1])
                if kept is not None:
                    self._kept.move_to_end(keys[number - 1])
                    return number, _unpacked(kept)
        return 0, Segmented({}, {})

    def keep(self, key: Hashable, answer: Segmented) -> None:
        shape = next((mask.shape for mask in answer.masks.values()), (0, 0))
        bits = {number: np.packbits(mask) for number, mask in answer.masks.items()}
        with self._lock:
            self._kept[key] = _Packed(shape, bits, dict(answer.confidence))
            self._kept.move_to_end(key)
            while len(self._kept) > self._most:
                self._kept.popitem(last=False)


def _unpacked(kept: _Packed) -> Segmented:
    size = int(np.prod(kept.shape))
    masks = {
        number: np.unpackbits(bits, count=size).view(np.bool_).reshape(kept.shape) for number, bits in kept.bits.items()
    }
    return Segmented(masks, dict(kept.confidence))


def saying(prompt: Prompt) -> Hashable:
    """Equal for prompts that say the same, drawn masks too."""
    if isinstance(prompt, Drawn):
        return prompt.frame, prompt.object, hashlib.sha256(np.packbits(prompt.mask).tobytes()).digest()
    return prompt
