"""CED: a small audio transformer that turns one log-mel example into tokens. Its weights have their published names.

H. Dinkel et al., "CED: Consistent ensemble distillation for audio tagging" (ICASSP 2024); a vision transformer after
A. Dosovitskiy et al. (ICLR 2021) on patches of 16 bands by 16 steps.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from avfusion.errors import CannotRead
from avfusion.sounding.networks.layers import (
    Dice,
    Drawn,
    Tensor,
    Weights,
    join_heads,
    layer_norm,
    linear,
    mlp,
    split_heads,
)

PATCH = 16
EPS = 1e-6
IGNORED = ("outputlayer.", "front_end.")
"""Parts of published files that no token depends on: the tagger's head, and the buffers of its own spectrogram."""


@dataclass(frozen=True)
class CedConfig:
    """width: of a token. bands: of the log-mel. patches_at_most: in time, so many have a place of their own."""

    width: int = 256
    depth: int = 12
    heads: int = 4
    bands: int = 64
    patches_at_most: int = 63

    @property
    def band_patches(self) -> int:
        return self.bands // PATCH


CED_MINI = CedConfig()


def ced_tokens(weights: Weights, config: CedConfig, log_mel: Tensor) -> Tensor:
    """log_mel [N, bands, steps] -> tokens [N, bands / 16 * steps / 16, width]: [5, 64, 96] -> [5, 24, 256].

    Tokens run through time within a band of patches, lowest band first. As when it was trained, but without dropout and
    by the statistics of training: its weights stay as they are.
    """
    from torch.nn import functional

    mean, variance = weights["init_bn.1.running_mean"], weights["init_bn.1.running_var"]
    scale, shift = weights["init_bn.1.weight"], weights["init_bn.1.bias"]
    even = functional.batch_norm(log_mel, mean, variance, scale, shift)
    kernel, bias = weights["patch_embed.proj.weight"], weights["patch_embed.proj.bias"]
    patches = functional.conv2d(even[:, None], kernel, bias, stride=PATCH)
    places = weights["time_pos_embed"][..., : patches.shape[3]] + weights["freq_pos_embed"]
    tokens = (patches + places).flatten(2).transpose(1, 2)
    for number in range(config.depth):
        tokens = _block(weights, f"blocks.{number}", tokens, heads=config.heads)
    return layer_norm(weights, "norm", tokens, eps=EPS)


def _block(weights: Weights, name: str, x: Tensor, *, heads: int) -> Tensor:
    from torch.nn import functional

    qkv = linear(weights, f"{name}.attn.qkv", layer_norm(weights, f"{name}.norm1", x, eps=EPS))
    q, k, v = (split_heads(part, heads) for part in qkv.chunk(3, dim=-1))
    seen = join_heads(functional.scaled_dot_product_attention(q, k, v))
    x = x + linear(weights, f"{name}.attn.proj", seen)
    return x + mlp(weights, f"{name}.mlp", layer_norm(weights, f"{name}.norm2", x, eps=EPS))


def ced_shapes(config: CedConfig) -> dict[str, tuple[int, ...]]:
    """Name -> shape of all that `ced_tokens` looks at."""
    width = config.width
    shapes: dict[str, tuple[int, ...]] = {
        "time_pos_embed": (1, width, 1, config.patches_at_most),
        "freq_pos_embed": (1, width, config.band_patches, 1),
        **{f"init_bn.1.{part}": (config.bands,) for part in ("weight", "bias", "running_mean", "running_var")},
        "patch_embed.proj.weight": (width, 1, PATCH, PATCH),
        "patch_embed.proj.bias": (width,),
    }
    layers = {"attn.qkv": (3 * width, width), "attn.proj": (width, width)}
    layers |= {"mlp.fc1": (4 * width, width), "mlp.fc2": (width, 4 * width)}
    norms = [f"blocks.{number}.norm{which}" for number in range(config.depth) for which in (1, 2)]
    for name in [*norms, "norm"]:
        shapes |= {f"{name}.weight": (width,), f"{name}.bias": (width,)}
    for number in range(config.depth):
        for name, shape in layers.items():
            shapes |= {f"blocks.{number}.{name}.weight": shape, f"blocks.{number}.{name}.bias": shape[:1]}
    return shapes


def draw_ced(dice: Dice, config: CedConfig) -> Drawn:
    """Weights that know nothing, for tests and for networks that never saw the published ones."""
    import torch

    drawn: Drawn = {}
    for name, shape in ced_shapes(config).items():
        is_scale = name.endswith("running_var") or (("norm" in name or "bn" in name) and name.endswith("weight"))
        if is_scale:
            drawn[name] = torch.ones(shape)
        elif name.endswith(("bias", "running_mean")):
            drawn[name] = torch.zeros(shape)
        else:
            drawn[name] = torch.randn(shape, generator=dice) * 0.02
    return drawn


def from_published(state: Mapping[str, Tensor], config: CedConfig, source: Path) -> Drawn:
    """The weights out of a published file's tensors, also where all names begin with `encoder.`, as on the hub.

    source: named in the error. Raises `CannotRead` where one is missing, has another shape, or is unknown.
    """
    bare = {name.removeprefix("encoder."): tensor for name, tensor in state.items()}
    shapes = ced_shapes(config)
    for name, shape in shapes.items():
        if name not in bare or tuple(bare[name].shape) != shape:
            found = tuple(bare[name].shape) if name in bare else "nothing"
            raise CannotRead(f"{source}: no CED of this size: {name} should be {shape} and is {found}.")
    known = {*shapes, "init_bn.1.num_batches_tracked"}
    unknown = [name for name in bare if name not in known and not name.startswith(IGNORED)]
    if unknown:
        raise CannotRead(f"{source}: no CED of this size: it has a {unknown[0]}, which nothing would use.")
    return {name: bare[name] for name in shapes}
