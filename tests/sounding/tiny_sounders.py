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


TAGS = ("Speech", "Male speech, man speaking", "Bark", "Silence", "Guitar", "Music")


def tiny_ast(folder: Path) -> tuple[Any, Any]:
    """It hears 0.64 s at a time, in 32 bands."""
    config = transformers.ASTConfig(
        hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=32, max_length=64,
        num_mel_bins=32, id2label=dict(enumerate(TAGS)), label2id={name: n for n, name in enumerate(TAGS)},
    )  # fmt: skip
    extractor = transformers.ASTFeatureExtractor(num_mel_bins=32, max_length=64)
    return _saved(shake(transformers.ASTForAudioClassification(config), seed=6, gain=2.0), extractor, folder)


def _roberta() -> Any:
    """Every byte is a token of its own."""
    from tokenizers.pre_tokenizers import ByteLevel

    tokens = ["<s>", "<pad>", "</s>", "<unk>", "<mask>", *sorted(ByteLevel.alphabet())]
    vocab = {token: number for number, token in enumerate(tokens)}
    return transformers.RobertaTokenizer(vocab=vocab, merges=[], model_max_length=100)


def tiny_clap(folder: Path) -> tuple[Any, Any]:
    tokenizer = _roberta()
    audio = transformers.ClapAudioConfig(
        window_size=2, num_mel_bins=32, spec_size=64, patch_size=4, patch_stride=[4, 4], hidden_size=64,
        depths=[1, 1, 1, 1], num_attention_heads=[1, 1, 2, 2], patch_embeds_hidden_size=8, num_hidden_layers=4,
    )  # fmt: skip
    text = transformers.ClapTextConfig(
        vocab_size=len(tokenizer), hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=32,
        max_position_embeddings=104, pad_token_id=1,
    )  # fmt: skip
    config = transformers.ClapConfig(text_config=text.to_dict(), audio_config=audio.to_dict(), projection_dim=16)
    extractor = transformers.ClapFeatureExtractor(
        feature_size=32, sampling_rate=16_000, hop_length=320, max_length_s=2, fft_window_size=512,
        frequency_max=8000, truncation="rand_trunc",
    )  # fmt: skip
    model = shake(transformers.ClapModel(config), seed=3, gain=2.0)
    with torch.no_grad():
        model.logit_scale_a.fill_(3.0)
    return _saved(model, transformers.ClapProcessor(extractor, tokenizer), folder)


_CHAT = (
    "{% for message in messages %}{{ '<|im_start|>' + message.role + '\n' }}{% for part in message.content %}"
    "{% if part.type == 'image' %}<|vision_start|><|image_pad|><|vision_end|>{% else %}{{ part.text }}{% endif %}"
    "{% endfor %}{{ '<|im_end|>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)


def tiny_qwen(folder: Path) -> tuple[Any, Any]:
    """Every byte is a token of its own; what it says is noise."""
    from tokenizers.pre_tokenizers import ByteLevel

    special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|vision_start|>", "<|vision_end|>", "<|image_pad|>",
               "<|video_pad|>"]  # fmt: skip
    letters = sorted(ByteLevel.alphabet())
    vocab = {token: number for number, token in enumerate([*letters, *special])}
    tokenizer = transformers.Qwen2Tokenizer(vocab=vocab, merges=[], extra_special_tokens=special[1:])
    assert len(tokenizer) == len(vocab)
    vision = {"depth": 1, "hidden_size": 32, "intermediate_size": 32, "num_heads": 2, "patch_size": 8,
              "spatial_merge_size": 2, "temporal_patch_size": 2, "out_hidden_size": 32, "num_position_embeddings": 64,
              "deepstack_visual_indexes": [0]}  # fmt: skip
    text = {"vocab_size": len(vocab), "hidden_size": 32, "intermediate_size": 32, "num_hidden_layers": 2,
            "num_attention_heads": 2, "num_key_value_heads": 2, "head_dim": 16, "max_position_embeddings": 4096,
            "rope_parameters": {"rope_type": "default", "rope_theta": 10000.0, "mrope_section": [4, 2, 2]}}  # fmt: skip
    config = transformers.Qwen3VLConfig(
        text_config=text, vision_config=vision, image_token_id=vocab["<|image_pad|>"],
        video_token_id=vocab["<|video_pad|>"], vision_start_token_id=vocab["<|vision_start|>"],
        vision_end_token_id=vocab["<|vision_end|>"],
    )  # fmt: skip
    size = {"shortest_edge": 16 * 16, "longest_edge": 64 * 64}
    images = transformers.Qwen2VLImageProcessor(patch_size=8, merge_size=2, size=size)
    videos = transformers.Qwen3VLVideoProcessor(patch_size=8, merge_size=2, size=size)
    processor = transformers.Qwen3VLProcessor(images, tokenizer, videos, chat_template=_CHAT)
    model = shake(transformers.Qwen3VLForConditionalGeneration(config), seed=4)
    model.generation_config.eos_token_id = vocab["<|im_end|>"]
    model.generation_config.pad_token_id = vocab["<|endoftext|>"]
    return _saved(model, processor, folder)
