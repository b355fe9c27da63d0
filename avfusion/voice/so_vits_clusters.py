"""The k-means of so-vits voices (`kmeans.pt`): centres of what each speaker says, read without running anything."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from avfusion.errors import CannotRead
from avfusion.voice.model_file import read_file

_FACTS = ("n_features_in_", "_n_threads", "cluster_centers_")


@contextlib.contextmanager
def plain_arrays() -> Iterator[None]:
    """Within it `read_file` also takes arrays of numbers from numpy, as numpy 1 and 2 write them."""
    import numpy as np
    import torch
    from numpy._core.multiarray import _reconstruct  # type: ignore[attr-defined]

    makers: list[Any] = [(_reconstruct, f"numpy.{core}.multiarray._reconstruct") for core in ("core", "_core")]
    plain: list[Any] = [np.ndarray, np.dtype, np.dtypes.Float32DType, np.dtypes.Float64DType, *makers]
    with torch.serialization.safe_globals(plain):
        yield


def is_clusters(found: object) -> bool:
    """Whether what was read from a file is the k-means of so-vits: {speaker: facts with cluster_centers_ [n, size]}."""
    return (
        isinstance(found, Mapping)
        and bool(found)
        and all(isinstance(facts, Mapping) and facts.keys() >= set(_FACTS) for facts in found.values())
        and all(getattr(facts["cluster_centers_"], "ndim", 0) == 2 for facts in found.values())
    )


def read_clusters(path: Path) -> dict[str, Any]:
    """Speaker -> k-means of scikit-learn. Raises CannotRead."""
    from sklearn.cluster import KMeans

    with plain_arrays():
        held = read_file(path)
    if not is_clusters(held):
        raise CannotRead(f"{path}: is no so-vits k-means ({', '.join(_FACTS)} for each speaker). Give its kmeans.pt.")
    models = {}
    for speaker, facts in held.items():
        model = KMeans(len(facts["cluster_centers_"]))
        model.__dict__ |= {name: facts[name] for name in _FACTS}
        models[speaker] = model
    return models
