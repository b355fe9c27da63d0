"""Indexes that RVC does not write, and such as are not whole, are refused before they are searched."""

from pathlib import Path

import faiss
import numpy as np
import pytest

from avfusion.errors import CannotRead
from avfusion.voice.rvc_index import read_index

KEPT = np.random.default_rng(0).standard_normal((60, 8)).astype(np.float32)


def saved(path: Path, kind: str) -> Path:
    index = faiss.index_factory(8, kind)
    index.train(KEPT)
    index.add(KEPT) if "IDMap" not in kind else index.add_with_ids(KEPT, np.arange(60))
    faiss.write_index(index, str(path))
    return path


@pytest.mark.parametrize("kind", ["Flat", "IVF1,Flat"])
def test_indexes_that_keep_their_features_whole_are_read(tmp_path: Path, kind: str) -> None:
    index = read_index(saved(tmp_path / "added.index", kind))
    assert np.allclose(index.nearest(KEPT[:3]), KEPT[:3], atol=1e-4)


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        ("IVF1,SQ8", "IVFScalarQuantizer"),
        ("HNSW4", "HNSWFlat"),
        ("IDMap,Flat", "IDMap"),
        ("PCA4,IVF1,Flat", "PreTransform"),
        ("LSH", "LSH"),
    ],
)
def test_other_kinds_are_named(tmp_path: Path, kind: str, says: str) -> None:
    with pytest.raises(CannotRead, match=f"an index of the kind {says}; those of RVC voices are IVF Flat"):
        read_index(saved(tmp_path / "added.index", kind))


def test_what_is_not_whole_or_no_index_is_refused(tmp_path: Path) -> None:
    path = saved(tmp_path / "added.index", "IVF1,Flat")
    whole = path.read_bytes()
    for held in (whole[: len(whole) // 2], whole[:-1], whole[:10], b"", b"What is this?"):
        path.write_bytes(held)
        with pytest.raises(CannotRead, match=r"added\.index: cannot be read as an index"):
            read_index(path)
    with pytest.raises(CannotRead, match=r"cannot be read as an index|is a folder"):
        read_index(tmp_path)
