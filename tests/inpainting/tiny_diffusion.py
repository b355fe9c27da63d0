"""Diffusion pipelines, a thousand times smaller, with random weights, saved in diffusers' layout.

Their tokenizers know letters only, so that a word makes as many tokens as it has letters.
"""

import json
import string
from pathlib import Path
from typing import Any

import diffusers
import tokenizers
import torch
import transformers

from tests.segmentation.tiny_weights import shake

SIDE_PX = 64
"""The longer side of the pictures that the tiny networks make."""

READS = 77
"""Tokens of CLIP, the marks at the beginning and the end among them."""

READS_UMT5 = 512


def tiny_sd(folder: Path, *, variant: str | None = None) -> None:
    """Stable Diffusion for inpainting. variant: "fp16", as the weights are published."""
    tokenizer = clip_tokenizer(folder / "tokenizer")
    text_encoder = shake(transformers.CLIPTextModel(_text_config(len(tokenizer))), 1, 0.7)
    parts = {"unet": shake(_unet(), 2), "vae": shake(_vae(), 3, 0.8), "text_encoder": text_encoder}
    _save(parts, folder, variant)
    _scheduler().save_pretrained(folder / "scheduler")
    _index(folder, "StableDiffusionInpaintPipeline", safety_checker=[None, None], feature_extractor=[None, None])


def tiny_sdxl(folder: Path, *, variant: str | None = None) -> None:
    """Stable Diffusion XL for inpainting, with its two text encoders."""
    tokenizer = clip_tokenizer(folder / "tokenizer")
    clip_tokenizer(folder / "tokenizer_2")
    config = _text_config(len(tokenizer))
    parts = {
        "unet": shake(_unet(is_xl=True), 2),
        "vae": shake(_vae(), 3, 0.8),
        "text_encoder": shake(transformers.CLIPTextModel(config), 1, 0.7),
        "text_encoder_2": shake(transformers.CLIPTextModelWithProjection(config), 4, 0.7),
    }
    _save(parts, folder, variant)
    _scheduler().save_pretrained(folder / "scheduler")
    _index(folder, "StableDiffusionXLInpaintPipeline", force_zeros_for_empty_prompt=True)


def clip_tokenizer(folder: Path) -> Any:
    """CLIP's, without a single merge."""
    letters = [*string.ascii_lowercase, *string.digits, *",.-"]
    words = [*letters, *(f"{letter}</w>" for letter in letters), "<|startoftext|>", "<|endoftext|>"]
    folder.mkdir(parents=True)
    _write(folder / "vocab.json", {word: number for number, word in enumerate(words)})
    (folder / "merges.txt").write_text("#version: 0.2\n")
    marks = {"bos_token": words[-2], "eos_token": words[-1], "unk_token": words[-1], "pad_token": words[-1]}
    _write(folder / "tokenizer_config.json", {"tokenizer_class": "CLIPTokenizer", "model_max_length": READS, **marks})
    return transformers.CLIPTokenizer.from_pretrained(folder, local_files_only=True)


def _text_config(words: int) -> Any:
    return transformers.CLIPTextConfig(
        vocab_size=words, hidden_size=16, intermediate_size=24, projection_dim=16, num_hidden_layers=2,
        num_attention_heads=2, max_position_embeddings=READS, bos_token_id=words - 2, eos_token_id=words - 1,
        pad_token_id=words - 1,
    )  # fmt: skip


def _unet(*, is_xl: bool = False) -> Any:
    added = {
        "addition_embed_type": "text_time", "addition_time_embed_dim": 8,
        "projection_class_embeddings_input_dim": 6 * 8 + 16,
    }  # fmt: skip
    return diffusers.UNet2DConditionModel(
        sample_size=SIDE_PX // 2, in_channels=9, out_channels=4, layers_per_block=1, block_out_channels=(8, 16),
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"), up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        cross_attention_dim=32 if is_xl else 16, attention_head_dim=4, norm_num_groups=4, **(added if is_xl else {}),
    )  # fmt: skip


def _vae() -> Any:
    return diffusers.AutoencoderKL(
        block_out_channels=(8, 16), down_block_types=("DownEncoderBlock2D",) * 2, norm_num_groups=4,
        up_block_types=("UpDecoderBlock2D",) * 2, latent_channels=4, sample_size=SIDE_PX,
    )  # fmt: skip


def _scheduler() -> Any:
    return diffusers.DDIMScheduler(
        beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", clip_sample=False, set_alpha_to_one=False,
        steps_offset=1,
    )  # fmt: skip


def _save(parts: dict[str, Any], folder: Path, variant: str | None) -> None:
    for name, network in parts.items():
        network = network.to(torch.float16) if variant == "fp16" else network
        network.save_pretrained(folder / name, safe_serialization=True, variant=variant)


def _index(folder: Path, pipeline: str, **more: Any) -> None:
    """What diffusers' own loading goes by."""
    parts = {
        "unet": ["diffusers", "UNet2DConditionModel"], "vae": ["diffusers", "AutoencoderKL"],
        "scheduler": ["diffusers", "DDIMScheduler"], "tokenizer": ["transformers", "CLIPTokenizer"],
        "tokenizer_2": ["transformers", "CLIPTokenizer"], "text_encoder": ["transformers", "CLIPTextModel"],
        "text_encoder_2": ["transformers", "CLIPTextModelWithProjection"],
    }  # fmt: skip
    there = {name: kind for name, kind in parts.items() if (folder / name).is_dir()}
    _write(
        folder / "model_index.json",
        {"_class_name": pipeline, "_diffusers_version": diffusers.__version__, **there, **more},
    )


def _write(path: Path, content: Any) -> None:
    path.write_text(json.dumps(content))


def tiny_wan_vace(folder: Path) -> None:
    """Wan 2.1 VACE; 8 pixels of the picture and 4 frames make one of the network's, as in the real one."""
    tokenizer = umt5_tokenizer(folder / "tokenizer")
    transformer = diffusers.WanVACETransformer3DModel(
        patch_size=(1, 2, 2), num_attention_heads=2, attention_head_dim=12, in_channels=4, out_channels=4, text_dim=16,
        freq_dim=16, ffn_dim=32, num_layers=2, cross_attn_norm=True, rope_max_seq_len=32, vace_layers=[0],
        vace_in_channels=2 * 4 + 64,
    )  # fmt: skip
    vae = diffusers.AutoencoderKLWan(
        base_dim=4, z_dim=4, dim_mult=[1, 1, 1, 1], num_res_blocks=1, temperal_downsample=[False, True, True],
        latents_mean=[0.1, -0.1, 0.2, 0.0], latents_std=[1.5, 1.2, 0.9, 1.1],
    )  # fmt: skip
    config = transformers.UMT5Config(
        vocab_size=len(tokenizer), d_model=16, d_kv=8, d_ff=24, num_layers=2, num_heads=2, pad_token_id=0,
        eos_token_id=1,
    )  # fmt: skip
    text_encoder = transformers.UMT5EncoderModel(config)
    parts = {"transformer": shake(transformer, 5, 0.8), "vae": shake(vae, 6, 1.0)}
    _save({**parts, "text_encoder": shake(text_encoder, 7, 0.7)}, folder, None)
    scheduler = diffusers.UniPCMultistepScheduler(
        prediction_type="flow_prediction", use_flow_sigmas=True, flow_shift=3.0, num_train_timesteps=1000
    )
    scheduler.save_pretrained(folder / "scheduler")
    _index(folder, "WanVACEPipeline")


def umt5_tokenizer(folder: Path) -> Any:
    """Letters, and a mark at the end."""
    letters = [(letter, -5.0) for letter in "\N{LOWER ONE EIGHTH BLOCK}" + string.ascii_lowercase + string.digits]
    letters_only = tokenizers.Tokenizer(
        tokenizers.models.Unigram([("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), *letters], unk_id=2)
    )
    letters_only.pre_tokenizer = tokenizers.pre_tokenizers.Metaspace()
    letters_only.decoder = tokenizers.decoders.Metaspace()
    letters_only.post_processor = tokenizers.processors.TemplateProcessing(
        single="$A </s>", pair="$A </s> $B </s>", special_tokens=[("</s>", 1)]
    )
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_object=letters_only, eos_token="</s>", pad_token="<pad>", unk_token="<unk>"
    )
    tokenizer.save_pretrained(folder)
    return tokenizer
