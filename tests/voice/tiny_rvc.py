"""RVC voices of any size with weights anyone can draw again, as the files that users have, and a HuBERT beside them."""

import math
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import torch

from avfusion.voice.rvc_config import RvcConfig, config_of, tensor_shapes

RATES = {
    ("v1", 32000): ([10, 4, 2, 2, 2], [16, 16, 4, 4, 4]),
    ("v1", 40000): ([10, 10, 2, 2], [16, 16, 4, 4]),
    ("v1", 48000): ([10, 6, 2, 2, 2], [16, 16, 4, 4, 4]),
    ("v2", 24000): ([10, 6, 2, 2], [20, 12, 4, 4]),
    ("v2", 32000): ([10, 8, 2, 2], [20, 16, 4, 4]),
    ("v2", 40000): ([10, 10, 2, 2], [16, 16, 4, 4]),
    ("v2", 48000): ([12, 10, 2, 2], [24, 20, 4, 4]),
}
"""(version, rate in Hz) -> upsampling rates and kernels of the voices that there are."""

NORMED = (".cond_layer", ".in_layers.", ".res_skip_layers.", "dec.ups.", "dec.resblocks.")
"""Parts of the names of layers whose weight is kept as length and direction."""


def seeded(name: str, shape: tuple[int, ...]) -> torch.Tensor:
    """The tensor `name`, drawn from the CRC-32 of its name: independent of all others and of their order."""
    if name.endswith("num_batches_tracked"):
        return torch.zeros(shape, dtype=torch.int64)
    noise = np.random.default_rng(zlib.crc32(name.encode())).standard_normal(shape)
    if name.endswith(("weight_g", "running_var")):
        noise = 1.0 + 0.1 * np.abs(noise)
    elif name.endswith("gamma") or (len(shape) == 1 and name.endswith("weight")):
        noise = 1.0 + 0.1 * noise
    elif len(shape) <= 1:
        noise = 0.05 * noise
    else:
        noise = noise / math.sqrt(np.prod(shape[1:]))
    return torch.from_numpy(noise.astype(np.float32))


def config_list(version: str, rate_hz: int, *, tiny: bool = True) -> list[Any]:
    """The 18 values of a checkpoint's config; those of training, with 109 speakers."""
    rates, kernels = RATES[version, rate_hz]
    inter, hidden, filter_, layers, channels, speaker = (8, 8, 12, 1, 32, 4) if tiny else (192, 192, 768, 6, 512, 256)
    spectrum = 1025 if rate_hz > 32000 else 513
    return [
        spectrum, 32, inter, hidden, filter_, 2, layers, 3, 0, "1", [3, 7, 11], [[1, 3, 5]] * 3, rates, channels,
        kernels, 109, speaker, rate_hz,
    ]  # fmt: skip


def config(version: str, rate_hz: int, *, f0: bool = True, tiny: bool = True, speakers: int = 4) -> RvcConfig:
    values = config_list(version, rate_hz, tiny=tiny)
    values[15] = speakers
    return config_of(values, version=version, follows_pitch=f0)


def old_names(config: RvcConfig) -> dict[str, tuple[int, ...]]:
    """Name -> shape of every tensor as a file has them, lengths and directions apart."""
    shapes: dict[str, tuple[int, ...]] = {}
    for name, shape in tensor_shapes(config).items():
        if name.endswith(".weight") and any(part in name for part in NORMED):
            shapes |= {f"{name}_g": (shape[0], 1, 1), f"{name}_v": shape}
        else:
            shapes[name] = shape
    return shapes


def checkpoint(
    version: str = "v2", rate_hz: int = 40000, *, f0: bool = True, tiny: bool = True, speakers: int = 4
) -> dict[str, Any]:
    """A voice as its file holds it, in full precision."""
    shapes = old_names(config(version, rate_hz, f0=f0, tiny=tiny, speakers=speakers))
    return {
        "weight": {name: seeded(name, shape) for name, shape in shapes.items()},
        "config": config_list(version, rate_hz, tiny=tiny),
        "info": "20epoch",
        "sr": f"{rate_hz // 1000}k",
        "f0": int(f0),
        "version": version,
    }


def save(folder: Path, found: Any, name: str = "voice.pth") -> Path:
    torch.save(found, folder / name)
    return folder / name


def save_hubert(folder: Path, *, hidden: int, layers: int, projection: int = 0) -> Path:
    """A small HuBERT with random weights, as the hub hands it out; with a `final_proj` to `projection` features."""
    from safetensors.torch import load_file, save_file
    from transformers import HubertConfig, HubertModel

    torch.manual_seed(0)
    model = HubertModel(
        HubertConfig(
            hidden_size=hidden, num_hidden_layers=layers, num_attention_heads=4, intermediate_size=16,
            conv_dim=(16,) * 7, num_conv_pos_embeddings=16, num_conv_pos_embedding_groups=4,
        )
    )  # fmt: skip
    model.save_pretrained(folder)
    if projection:
        held = load_file(folder / "model.safetensors")
        held |= {"final_proj.weight": torch.randn(projection, hidden), "final_proj.bias": torch.randn(projection)}
        save_file(held, folder / "model.safetensors", {"format": "pt"})
    return folder


class Malice:
    """What a hostile file would do when it is opened as a pickle is."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.mark,)
