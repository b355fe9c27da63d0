"""Features of the source drawn towards those the voice was trained on: a search in the voice's `.index` of faiss."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from avfusion.errors import CannotRead
from avfusion.voice.model_file import LARGEST_BYTES, refuse_what_is_no_file

_NEIGHBOURS = 8
# A squared distance below this is the same feature.
_SAME = 1e-9


@dataclass(frozen=True, eq=False)
class RvcIndex:
    """The features of the recordings that a voice was trained on, [count, size], for searching."""

    path: Path
    index: Any

    @property
    def size(self) -> int:
        return int(self.index.d)

    def nearest(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """float32 [T, size]: for each frame the mean of its eight nearest in the index, each weighted by the inverse
        square of its (squared) distance. A frame for which the search finds none stays as it is."""
        squared, places = self.index.search(np.ascontiguousarray(features, np.float32), _NEIGHBOURS)
        is_found = places >= 0
        weights = np.where(is_found, np.maximum(squared, _SAME).astype(np.float64) ** -2, 0.0)
        total = weights.sum(axis=1, keepdims=True)
        some = total[:, 0] > 0
        unique, where = np.unique(places[is_found], return_inverse=True)
        found = np.zeros((*places.shape, self.size), np.float32)
        found[is_found] = self._vectors(unique)[where]
        mean = np.einsum("tk,tkd->td", weights / np.where(total > 0, total, 1), found)
        return np.where(some[:, None], mean, features).astype(np.float32)

    def _vectors(self, places: NDArray[np.int64]) -> NDArray[np.float32]:
        return (
            np.stack([self.index.reconstruct(int(place)) for place in places])
            if places.size
            else np.zeros((0, self.size), np.float32)
        )


def read_index(path: Path | str) -> RvcIndex:
    """The index in a file that faiss wrote. Raises CannotRead, also for one without features ("trained_...")."""
    import faiss

    path = Path(path)
    try:
        refuse_what_is_no_file(path, LARGEST_BYTES)
        index = faiss.read_index(str(path))
    except (OSError, RuntimeError, MemoryError) as error:
        raise CannotRead(
            f"{path}: cannot be read as an index of faiss. Give the .index that belongs to the voice."
        ) from error
    if not isinstance(index, faiss.IndexFlat | faiss.IndexIVFFlat):
        kind = type(index).__name__.removeprefix("Index")
        raise CannotRead(f"{path}: is an index of the kind {kind}; those of RVC voices are IVF Flat. Give such a one.")
    if index.metric_type != faiss.METRIC_L2:
        raise CannotRead(f"{path}: does not search by Euclidean distance, so it is not the index of an RVC voice.")
    if index.ntotal == 0:
        raise CannotRead(f"{path}: holds no features. Give the index whose name begins with `added_`.")
    if isinstance(index, faiss.IndexIVF):
        index.make_direct_map()
    return RvcIndex(path, index)
