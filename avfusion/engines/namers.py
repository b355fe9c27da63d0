"""What says how a thing in a picture is called: rows for the catalogue, the best first."""

from __future__ import annotations

from functools import partial

from avfusion.engines.engine import MIB, Engine, HubFiles
from avfusion.engines.folders import hub_snapshot

_FILES = ("config.json", "preprocessor_config.json", "tokenizer_config.json")


def _load_clip(name: str, source: HubFiles, device: str) -> object:
    from avfusion.sounding.naming import load_clip_namer

    return load_clip_namer(hub_snapshot(source), name=name, device=device)


def _clip(name: str, size: str, source: HubFiles, count_bytes: int, memory_mib: int, *, needs_card: bool) -> Engine:
    return Engine(
        name=name,
        ability="naming",
        words=f"CLIP, {size}: what a located thing is called, by any names you give.",
        licence="MIT",
        load=partial(_load_clip, name, source),
        peak_memory_bytes=memory_mib * MIB,
        sources=(source,),
        download_bytes=count_bytes,
        packages=("torch", "torchvision", "transformers"),
        understands=(),
        needs_card=needs_card,
    )


NAMERS: tuple[Engine, ...] = (
    _clip(
        "clip-vit-l14-336",
        "ViT-L/14 at 336 pixels",
        HubFiles("openai/clip-vit-large-patch14-336", "main", _FILES),
        1_711_000_000,
        2500,
        needs_card=True,
    ),
    _clip(
        "clip-vit-b16",
        "ViT-B/16",
        HubFiles("openai/clip-vit-base-patch16", "main", _FILES),
        599_000_000,
        1000,
        needs_card=False,
    ),
)
"""Names for things."""
