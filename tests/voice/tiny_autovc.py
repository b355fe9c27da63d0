"""AutoVC's two files with weights anyone can draw again."""

from functools import cache
from pathlib import Path
from typing import Any

import torch

from avfusion.voice.autovc_network import AutoVcConfig, generator_shapes, speaker_shapes
from tests.voice.tiny_rvc import seeded

TINY = AutoVcConfig(neck=4, embedding=8, pre=16, every=16)
"""Every size that a file may choose, small; widths that are fixed stay."""


@cache
def generator(config: AutoVcConfig) -> dict[str, Any]:
    return {"model": {name: seeded(name, shape) for name, shape in generator_shapes(config).items()}}


@cache
def speaker(embedding: int) -> dict[str, Any]:
    held = {f"module.{name}": seeded(name, shape) for name, shape in speaker_shapes(embedding).items()}
    return {"step": 3000000, "model_b": held}


def save_both(folder: Path, config: AutoVcConfig) -> tuple[Path, Path]:
    torch.save(generator(config), folder / "autovc.ckpt")
    torch.save(speaker(config.embedding), folder / "3000000-BL.ckpt")
    return folder / "autovc.ckpt", folder / "3000000-BL.ckpt"
