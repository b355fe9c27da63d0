"""Models of the transformers package, much smaller, with random weights, saved as the hub hands them out."""

from pathlib import Path
from typing import Any

import torch
import transformers

from tests.segmentation.tiny_weights import shake


def tiny_sam2(folder: Path, *, side_px: int = 128) -> tuple[Any, Any]:
    """(model for pictures, processor). The folder holds the model for videos, of which it is a part, as on the hub."""
    sizes = [[side_px // step, side_px // step] for step in (4, 8, 16)]
    backbone = transformers.Sam2HieraDetConfig(
        hidden_size=8, num_attention_heads=1, image_size=[side_px, side_px], blocks_per_stage=[1, 1, 2, 1],
        embed_dim_per_stage=[8, 16, 32, 64], num_attention_heads_per_stage=[1, 2, 4, 8],
        window_size_per_stage=[8, 4, 4, 4], global_attention_blocks=[3],
    )  # fmt: skip
    vision = transformers.Sam2VisionConfig(
        backbone_config=backbone, backbone_channel_list=[64, 32, 16, 8], backbone_feature_sizes=sizes,
        fpn_hidden_size=32,
    )  # fmt: skip
    config = transformers.Sam2Config(
        vision_config=vision,
        prompt_encoder_config=transformers.Sam2PromptEncoderConfig(hidden_size=32, image_size=side_px),
        mask_decoder_config=transformers.Sam2MaskDecoderConfig(hidden_size=32, mlp_dim=64, iou_head_hidden_dim=32),
    )
    processor = transformers.Sam2Processor(
        transformers.Sam2ImageProcessor(
            size={"height": side_px, "width": side_px}, mask_size={"height": side_px // 4, "width": side_px // 4}
        )
    )
    model = shake(transformers.Sam2Model(config), seed=1)
    video = transformers.Sam2VideoConfig(
        vision_config=vision, image_size=side_px, memory_attention_hidden_size=32, memory_encoder_hidden_size=32,
        memory_attention_feed_forward_hidden_size=64,
        prompt_encoder_config=transformers.Sam2VideoPromptEncoderConfig(hidden_size=32, image_size=side_px),
        mask_decoder_config=transformers.Sam2VideoMaskDecoderConfig(
            hidden_size=32, mlp_dim=64, iou_head_hidden_dim=32
        ),
    )  # fmt: skip
    whole = transformers.Sam2VideoModel(video)
    assert whole.load_state_dict(model.state_dict(), strict=False).unexpected_keys == []
    whole.save_pretrained(folder)
    processor.save_pretrained(folder)
    return model, processor


def _saved(model: Any, processor: Any, folder: Path) -> tuple[Any, Any]:
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return model, processor


NAMES = {0: "person", 1: "dining table", 2: "wall-brick", 3: "car, auto", 4: "sky-other-merged", 5: "dog"}


def tiny_detr(folder: Path) -> tuple[Any, Any]:
    backbone = transformers.ResNetConfig(
        embedding_size=8, hidden_sizes=[8, 16, 32, 64], depths=[1, 1, 1, 1],
        out_features=["stage1", "stage2", "stage3", "stage4"],
    )  # fmt: skip
    config = transformers.DetrConfig(
        use_timm_backbone=False, backbone_config=backbone, d_model=32, encoder_layers=1, decoder_layers=2,
        encoder_attention_heads=8, decoder_attention_heads=8, encoder_ffn_dim=32, decoder_ffn_dim=32, num_queries=12,
        id2label=NAMES,
    )  # fmt: skip
    model = shake(transformers.DetrForSegmentation(config), seed=5, gain=2.0)
    with torch.no_grad():  # else all queries see the same
        model.detr.model.query_position_embeddings.weight.mul_(10)
        model.bbox_attention.q_proj.weight.mul_(8)
        model.bbox_attention.k_proj.weight.mul_(8)
        model.mask_head.conv1.conv.weight[:, 32:].mul_(300)
        model.detr.class_labels_classifier.weight.mul_(2)
    return _saved(model, transformers.DetrImageProcessor(size={"shortest_edge": 64, "longest_edge": 128}), folder)


def tiny_mask2former(folder: Path) -> tuple[Any, Any]:
    backbone = transformers.SwinConfig(
        embed_dim=8, depths=[1, 1, 1, 1], num_heads=[1, 2, 4, 8], window_size=4,
        out_features=["stage1", "stage2", "stage3", "stage4"],
    )  # fmt: skip
    config = transformers.Mask2FormerConfig(
        backbone_config=backbone, feature_size=32, mask_feature_size=32, hidden_dim=32, encoder_feedforward_dim=32,
        encoder_layers=1, decoder_layers=2, num_attention_heads=4, dim_feedforward=32, num_queries=12, id2label=NAMES,
    )  # fmt: skip
    processor = transformers.Mask2FormerImageProcessor(size={"height": 64, "width": 96}, size_divisor=32)
    model = shake(transformers.Mask2FormerForUniversalSegmentation(config), seed=3, gain=2.5)
    return _saved(model, processor, folder)


def tiny_segformer(folder: Path) -> tuple[Any, Any]:
    config = transformers.SegformerConfig(
        hidden_sizes=[8, 16, 32, 64], depths=[1, 1, 1, 1], num_attention_heads=[1, 2, 4, 8], decoder_hidden_size=32,
        id2label=NAMES,
    )  # fmt: skip
    processor = transformers.SegformerImageProcessor(size={"height": 96, "width": 96})
    return _saved(shake(transformers.SegformerForSemanticSegmentation(config), seed=4, gain=2.0), processor, folder)


def tiny_clipseg(folder: Path) -> tuple[Any, Any]:
    """Its tokenizer knows letters and nothing longer."""
    letters = [chr(code) for code in range(ord("a"), ord("z") + 1)]
    tokens = [*letters, *(f"{letter}</w>" for letter in letters), "<|startoftext|>", "<|endoftext|>"]
    tokenizer = transformers.CLIPTokenizer(vocab={token: number for number, token in enumerate(tokens)}, merges=[])
    size = {"hidden_size": 32, "intermediate_size": 32, "num_hidden_layers": 3, "num_attention_heads": 4}
    config = transformers.CLIPSegConfig(
        text_config={**size, "vocab_size": len(tokens), "max_position_embeddings": 32, "bos_token_id": len(tokens) - 2,
                     "eos_token_id": len(tokens) - 1},
        vision_config={**size, "image_size": 64, "patch_size": 16},
        projection_dim=32, extract_layers=[0, 1, 2], reduce_dim=16, decoder_num_attention_heads=2,
        decoder_intermediate_size=32, conditional_layer=0,
    )  # fmt: skip
    images = transformers.ViTImageProcessor(size={"height": 64, "width": 64})
    model = shake(transformers.CLIPSegForImageSegmentation(config), seed=3, gain=2.0)
    return _saved(model, transformers.CLIPSegProcessor(images, tokenizer), folder)


def tiny_grounding_dino(folder: Path) -> tuple[Any, Any]:
    """The network knows some tokens by BERT's numbers; the rest of the vocabulary are letters."""
    tokens = [f"[unused{number}]" for number in range(1100)]
    for number, token in {
        0: "[PAD]",
        100: "[UNK]",
        101: "[CLS]",
        102: "[SEP]",
        103: "[MASK]",
        1012: ".",
        1029: "?",
    }.items():
        tokens[number] = token
    for number in range(26):
        tokens[200 + number], tokens[300 + number] = chr(97 + number), f"##{chr(97 + number)}"
    tokenizer = transformers.BertTokenizer(vocab={token: number for number, token in enumerate(tokens)})
    backbone = transformers.SwinConfig(
        embed_dim=8, depths=[1, 1, 1, 1], num_heads=[1, 2, 4, 8], window_size=4,
        out_features=["stage2", "stage3", "stage4"],
    )  # fmt: skip
    text = transformers.BertConfig(
        vocab_size=len(tokens), hidden_size=32, num_hidden_layers=1, num_attention_heads=4, intermediate_size=32
    )
    config = transformers.GroundingDinoConfig(
        backbone_config=backbone, text_config=text, d_model=32, encoder_layers=1, decoder_layers=2, encoder_ffn_dim=32,
        decoder_ffn_dim=32, encoder_attention_heads=4, decoder_attention_heads=4, num_queries=12,
    )  # fmt: skip
    images = transformers.GroundingDinoImageProcessor(size={"shortest_edge": 64, "longest_edge": 128})
    model = shake(transformers.GroundingDinoForObjectDetection(config), seed=1)
    return _saved(model, transformers.GroundingDinoProcessor(images, tokenizer), folder)
