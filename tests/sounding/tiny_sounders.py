"""Models that hear, name and answer, much smaller, with random weights, saved as the hub hands them out."""

from pathlib import Path
from typing import Any

import torch
import transformers

from tests.segmentation.tiny_weights import shake

LETTERS = [chr(code) for code in range(ord("a"), ord("z") + 1)]


def _saved(model: Any, processor: Any, folder: Path) -> tuple[Any, Any]:
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return model, processor


def tiny_clip(folder: Path) -> tuple[Any, Any]:
    """Its tokenizer knows letters and nothing longer."""
    tokens = [*LETTERS, *(f"{letter}</w>" for letter in LETTERS), "<|startoftext|>", "<|endoftext|>"]
    tokenizer = transformers.CLIPTokenizer(vocab={token: number for number, token in enumerate(tokens)}, merges=[])
    size = {"hidden_size": 32, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4}
    config = transformers.CLIPConfig(
        text_config={**size, "vocab_size": len(tokens), "max_position_embeddings": 64, "bos_token_id": len(tokens) - 2,
                     "eos_token_id": len(tokens) - 1},
        vision_config={**size, "image_size": 32, "patch_size": 8},
        projection_dim=16,
    )  # fmt: skip
    images = transformers.CLIPImageProcessor(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32})
    model = shake(transformers.CLIPModel(config), seed=2, gain=2.0)
    with torch.no_grad():
        model.logit_scale.fill_(3.0)
    return _saved(model, transformers.CLIPProcessor(images, tokenizer), folder)
