"""K-means of what each speaker says, made from prepared pieces: so-vits can lean on it to sound more like the speaker.

so-vits-svc 4.0 mixes the content of a source with the nearest of these centres (its cluster ratio).
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from avfusion.errors import InputError
from avfusion.media.target import whole_file
from avfusion.voice.so_vits_files import own_logging, silent
from avfusion.voice.train_so_vits_config import Config
from avfusion.voice.train_so_vits_prepare import Prepared

CLUSTERS = "kmeans.pt"


def train_clusters(prepared: Prepared, config: Config, count: int, path: Path) -> Path:
    """Writes `count` centres for each speaker of `config` to `path`, in so-vits-svc-fork's format, made by its code.

    Takes seconds for minutes of speech. Raises InputError where a speaker has fewer frames of speech than centres, and
    CannotWrite.
    """
    import numpy as np
    import torch

    pieces = _by_speaker(prepared)
    for speaker, number in config["spk"].items():
        frames = sum(pieces.get(number, {}).values())
        if frames < count:
            raise InputError(f"{speaker}: has {frames} frames of speech, too few for {count} clusters. Ask for fewer.")
    before = np.random.get_state()  # the fork draws from the dice of the whole program
    np.random.seed(int(config["train"].get("seed", 0)))
    try:
        found = {speaker: _centres(pieces[number], count) for speaker, number in config["spk"].items()}
    finally:
        np.random.set_state(before)
    with whole_file(path) as part:
        torch.save(found, part)
    return path


def _by_speaker(prepared: Prepared) -> dict[int, dict[Path, int]]:
    """Number of a speaker -> piece -> frames in it."""
    import torch

    pieces: dict[int, dict[Path, int]] = {}
    for file in prepared.files:
        held = torch.load(file, weights_only=True)
        pieces.setdefault(int(held["spk"]), {})[file] = held["content"].shape[-1]
    return pieces


def _centres(pieces: Mapping[Path, int], count: int) -> dict[str, Any]:
    """What the fork keeps of one speaker: n_features_in_, _n_threads, cluster_centers_ [count, features]."""
    with own_logging(), silent():
        from so_vits_svc_fork.cluster.train_cluster import train_cluster

        with tempfile.TemporaryDirectory(prefix="avfusion-") as folder:
            for piece in pieces:
                (Path(folder) / piece.name).symlink_to(piece.resolve())
            return dict(train_cluster(folder, count))
