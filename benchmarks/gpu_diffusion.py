"""Diffusion pipelines at their published sizes with random weights, saved where the engines look for the real ones.

The text encoder of Wan has one layer instead of 24: it reads once, before the work that is timed here.
"""

from __future__ import annotations

import json
import string
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from avfusion.engines.catalogue import find
from avfusion.engines.engine import HubFiles
from avfusion.engines.folders import hub_repository, hub_snapshot

ENGINES = ("sd-1.5-inpaint", "sdxl-inpaint", "wan-vace-1.3b")

_COMMIT = "0" * 40
_READS = 77

_SDXL_UNET = {
    "cross_attention_dim": 2048, "block_out_channels": (320, 640, 1280), "attention_head_dim": [5, 10, 20],
    "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"), "sample_size": 128,
    "up_block_types": ("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"), "use_linear_projection": True,
    "transformer_layers_per_block": [1, 2, 10], "addition_embed_type": "text_time", "addition_time_embed_dim": 256,
    "projection_class_embeddings_input_dim": 6 * 256 + 1280,
}  # fmt: skip
_SMALL_UNET = {
    "cross_attention_dim": 16, "block_out_channels": (8, 16), "attention_head_dim": 4, "norm_num_groups": 4,
    "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D"), "sample_size": 16, "layers_per_block": 1,
    "up_block_types": ("CrossAttnUpBlock2D", "UpBlock2D"),
}  # fmt: skip
_SMALL_SDXL = {
    "cross_attention_dim": 32, "addition_embed_type": "text_time", "addition_time_embed_dim": 8,
    "projection_class_embeddings_input_dim": 6 * 8 + 16,
}  # fmt: skip
_CLIP_L = {"hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 12, "num_attention_heads": 12}
_CLIP_G = {
    "hidden_size": 1280, "intermediate_size": 5120, "num_hidden_layers": 32, "num_attention_heads": 20,
    "projection_dim": 1280,
}  # fmt: skip
_SMALL_CLIP = {
    "hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 1, "num_attention_heads": 2, "projection_dim": 16,
}  # fmt: skip
_WAN = {"num_attention_heads": 12, "ffn_dim": 8960, "num_layers": 30, "vace_layers": list(range(0, 30, 2))}
_SMALL_WAN = {
    "num_attention_heads": 2, "attention_head_dim": 12, "ffn_dim": 32, "num_layers": 2, "vace_layers": [0],
    "text_dim": 16, "freq_dim": 16,
}  # fmt: skip
_SMALL_WAN_VAE = {"base_dim": 4, "num_res_blocks": 1}


def install_diffusion(engine: str, *, is_small: bool) -> Path:
    """A folder of the hub's cache in diffusers' layout, where the engine looks for it; its path."""
    import torch

    (source,) = find(engine, "inpainting").sources
    assert isinstance(source, HubFiles)
    if len(source.revision) != len(_COMMIT):
        reference = hub_repository(source) / "refs" / source.revision
        reference.parent.mkdir(parents=True, exist_ok=True)
        reference.write_text(_COMMIT)
    folder = hub_snapshot(source)
    torch.manual_seed(0)
    if engine == "wan-vace-1.3b":
        _put_wan(folder, is_small)
    else:
        _put_sd(folder, is_small, is_xl=engine == "sdxl-inpaint")
    (folder / "model_index.json").write_text("{}")  # nothing but what holds without it
    return folder


def _put_sd(folder: Path, is_small: bool, *, is_xl: bool) -> None:
    import diffusers
    import transformers

    large = _SDXL_UNET if is_xl else {"cross_attention_dim": 768, "sample_size": 64}
    small = {**_SMALL_UNET, **(_SMALL_SDXL if is_xl else {})}
    stages = 2 if is_small else 4
    parts: dict[str, Any] = {
        "unet": diffusers.UNet2DConditionModel(in_channels=9, **(small if is_small else large)),
        "vae": diffusers.AutoencoderKL(
            block_out_channels=(8, 16) if is_small else (128, 256, 512, 512), norm_num_groups=4 if is_small else 32,
            down_block_types=("DownEncoderBlock2D",) * stages, up_block_types=("UpDecoderBlock2D",) * stages,
            layers_per_block=2, latent_channels=4,
        ),
    }  # fmt: skip
    encoders: list[tuple[str, str, Mapping[str, Any]]] = [("", "CLIPTextModel", _CLIP_L)]
    encoders += [("_2", "CLIPTextModelWithProjection", _CLIP_G)] if is_xl else []
    for number, kind, sizes in encoders:
        words = _put_letters(folder / f"tokenizer{number}")
        config = transformers.CLIPTextConfig(
            vocab_size=words, bos_token_id=words - 2, eos_token_id=words - 1, pad_token_id=words - 1,
            **(_SMALL_CLIP if is_small else sizes),
        )  # fmt: skip
        parts[f"text_encoder{number}"] = getattr(transformers, kind)(config)
    for name, network in parts.items():
        network.half().save_pretrained(folder / name, variant="fp16")
    diffusers.DDIMScheduler(beta_schedule="scaled_linear", steps_offset=1).save_pretrained(folder / "scheduler")


def _put_wan(folder: Path, is_small: bool) -> None:
    import diffusers
    import tokenizers
    import transformers

    width = 16 if is_small else 4096
    config = transformers.UMT5Config(vocab_size=64, d_model=width, d_kv=8, d_ff=2 * width, num_layers=1, num_heads=2)
    transformers.UMT5EncoderModel(config).save_pretrained(folder / "text_encoder")
    letters = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), *((letter, -1.0) for letter in string.ascii_lowercase)]
    words = tokenizers.Tokenizer(tokenizers.models.Unigram(letters, unk_id=2))
    words.post_processor = tokenizers.processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    transformers.PreTrainedTokenizerFast(
        tokenizer_object=words, eos_token="</s>", pad_token="<pad>", unk_token="<unk>"
    ).save_pretrained(folder / "tokenizer")
    transformer = diffusers.WanVACETransformer3DModel(**(_SMALL_WAN if is_small else _WAN))
    transformer.save_pretrained(folder / "transformer", max_shard_size="100GB")
    diffusers.AutoencoderKLWan(**(_SMALL_WAN_VAE if is_small else {})).save_pretrained(folder / "vae")
    diffusers.UniPCMultistepScheduler(
        prediction_type="flow_prediction", use_flow_sigmas=True, flow_shift=3.0
    ).save_pretrained(folder / "scheduler")


def _put_letters(folder: Path) -> int:
    """CLIP's tokenizer without a single merge; how many tokens it knows."""
    letters = list(string.ascii_lowercase)
    words = [*letters, *(f"{letter}</w>" for letter in letters), "<|startoftext|>", "<|endoftext|>"]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "vocab.json").write_text(json.dumps({word: number for number, word in enumerate(words)}))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    marks = {"bos_token": words[-2], "eos_token": words[-1], "unk_token": words[-1], "pad_token": words[-1]}
    (folder / "tokenizer_config.json").write_text(json.dumps({"model_max_length": _READS, **marks}))
    return len(words)
