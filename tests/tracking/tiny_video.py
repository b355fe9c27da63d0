"""Video models of the transformers package, much smaller, with random weights, saved as the hub hands them out."""

from pathlib import Path
from typing import Any

import transformers

from tests.segmentation.tiny_weights import shake

SIDE_PX = 64
WIDE = 128
"""The hidden size; below 64 and at 64 transformers' own session fails at the second frame."""


def tiny_sam2_video(folder: Path) -> tuple[Any, Any]:
    """(Sam2VideoModel, Sam2VideoProcessor), saved in the folder."""
    backbone = transformers.Sam2HieraDetConfig(
        hidden_size=8, num_attention_heads=1, image_size=[SIDE_PX, SIDE_PX], blocks_per_stage=[1, 1, 2, 1],
        embed_dim_per_stage=[8, 16, 32, 64], num_attention_heads_per_stage=[1, 2, 4, 8],
        window_size_per_stage=[8, 4, 4, 4], global_attention_blocks=[3],
    )  # fmt: skip
    vision = transformers.Sam2VisionConfig(
        backbone_config=backbone, backbone_channel_list=[64, 32, 16, 8], backbone_feature_sizes=_sizes(),
        fpn_hidden_size=WIDE,
    )  # fmt: skip
    config = transformers.Sam2VideoConfig(
        vision_config=vision, image_size=SIDE_PX, memory_attention_num_layers=2,
        memory_attention_rope_feat_sizes=[SIDE_PX // 16, SIDE_PX // 16], **_heads(transformers, "Sam2Video"), **_wide(),
        memory_attention_feed_forward_hidden_size=64,
    )  # fmt: skip
    return _saved(transformers.Sam2VideoModel(config), folder)


def tiny_edgetam(folder: Path) -> tuple[Any, Any]:
    """(EdgeTamVideoModel, Sam2VideoProcessor), saved in the folder."""
    backbone = transformers.TimmWrapperConfig(
        architecture="test_resnet", model_args={"in_chans": 3, "features_only": True, "out_indices": [1, 2, 3, 4]}
    )
    vision = transformers.EdgeTamVisionConfig(
        backbone_config=backbone, backbone_channel_list=[96, 192, 48, 32], backbone_feature_sizes=_sizes(),
        fpn_hidden_size=WIDE,
    )  # fmt: skip
    config = transformers.EdgeTamVideoConfig(
        vision_config=vision, image_size=SIDE_PX, memory_attention_num_layers=2,
        memory_attention_rope_feat_sizes=[SIDE_PX // 16, SIDE_PX // 16], memory_attention_rope_k_sizes=[2, 2],
        perceiver_resampler_num_latents=4, perceiver_resampler_num_latents_2d=4,
        perceiver_resampler_mlp_intermediate_size=64, memory_attention_mlp_hidden_size=64,
        **_heads(transformers, "EdgeTamVideo"), **_wide(),
    )  # fmt: skip
    return _saved(transformers.EdgeTamVideoModel(config), folder, seed=3)


def _sizes() -> list[list[int]]:
    return [[SIDE_PX // step, SIDE_PX // step] for step in (4, 8, 16)]


def _heads(package: Any, family: str) -> dict[str, Any]:
    return {
        "prompt_encoder_config": getattr(package, f"{family}PromptEncoderConfig")(hidden_size=WIDE, image_size=SIDE_PX),
        "mask_decoder_config": getattr(package, f"{family}MaskDecoderConfig")(
            hidden_size=WIDE, mlp_dim=64, iou_head_hidden_dim=32
        ),
    }


def _wide() -> dict[str, int]:
    return {
        "memory_attention_hidden_size": WIDE, "memory_encoder_hidden_size": WIDE, "memory_fuser_embed_dim": WIDE,
        "mask_downsampler_embed_dim": WIDE, "memory_fuser_intermediate_dim": 64,
    }  # fmt: skip


def _saved(model: Any, folder: Path, seed: int = 1) -> tuple[Any, Any]:
    size = {"height": SIDE_PX, "width": SIDE_PX}
    images = transformers.Sam2ImageProcessor(size=size, mask_size={"height": SIDE_PX // 4, "width": SIDE_PX // 4})
    processor = transformers.Sam2VideoProcessor(images, transformers.Sam2VideoVideoProcessor(size=size))
    shake(model, seed=seed).save_pretrained(folder)
    processor.save_pretrained(folder)
    return model, processor
