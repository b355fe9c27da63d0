"""What the catalogue says of one engine, and where its weights come from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

MIB = 1024**2


@dataclass(frozen=True)
class HubFiles:
    """Weights in a repository of the Hugging Face hub.

    revision: the full commit hash, so that a run can be repeated; where none is known to us, a branch, and then the
    cache notes the commit that was fetched. files: those that are needed beside the weights; in folders of a pipeline
    there are weights among them. weights: kinds of weights, any of which will do, the best first. A file may also lie
    there in parts, with a list of them beside it (`.index.json`). `gated`: the hub asks for an account with access.
    """

    repository: str
    revision: str
    files: tuple[str, ...] = ("config.json", "preprocessor_config.json")
    weights: tuple[str, ...] = ("model.safetensors", "pytorch_model.bin")
    gated: bool = False

    @property
    def page(self) -> str:
        return f"https://huggingface.co/{self.repository}"


@dataclass(frozen=True)
class WebFile:
    """Weights in one file anywhere else, known by their checksum."""

    url: str
    sha256: str


Weights: TypeAlias = HubFiles | WebFile

Understood: TypeAlias = Literal["clicks", "words"]
"""Kinds of prompts: places (clicks, strokes, boxes), or what a thing is called."""


@dataclass(frozen=True)
class Engine:
    """One named implementation of one ability: a row of the catalogue.

    words: what it is, in a line. licence: of its weights, or of the code where it has none. packages: what it needs
    beyond the core packages, by the name under which they are installed. peak_memory_bytes: on its device, while it
    works on a 1920 x 1080 frame. understands: which prompts it takes, if it takes any. load: builds it on a device
    (`cpu`, `cuda`, `cuda:1`, `mps`); imports happen in there. needs_card: it takes long for each frame on a CPU, so
    `auto` passes it over where it would have to work on one; named, it always works. folder: of weights that nobody
    fetches, as they come with the package or were trained here. refused: why it cannot work, whatever is fetched.
    paints: it says by itself which pixels sound in the pictures that benchmarks score.
    """

    name: str
    ability: str
    words: str
    licence: str
    load: Callable[[str], object]
    peak_memory_bytes: int
    sources: tuple[Weights, ...] = ()
    download_bytes: int = 0
    packages: tuple[str, ...] = ()
    understands: tuple[Understood, ...] = ("clicks",)
    needs_card: bool = False
    folder: Path | None = None
    refused: str = ""
    paints: bool = False
