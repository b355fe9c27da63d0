"""Clips that several tests read: each is made once, when it is first asked for."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.media.making import ffmpeg


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """made("name.mp4", *arguments of ffmpeg) -> path of the clip that ffmpeg makes of them."""
    folder = tmp_path_factory.mktemp("clips")

    def make(name: str, *arguments: str | Path) -> Path:
        recipe = hashlib.sha256(repr(arguments).encode()).hexdigest()[:8]
        path = folder / recipe / name
        if not path.exists():
            path.parent.mkdir(exist_ok=True)
            ffmpeg(*arguments, path)
        return path

    return make
