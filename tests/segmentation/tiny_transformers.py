"""Models of the transformers package, much smaller, with random weights, saved as the hub hands them out."""

from pathlib import Path
from typing import Any

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


def _saved(model: Any, processor: Any, folder: Path, *, seed: int = 1) -> tuple[Any, Any]:
    shake(model, seed=seed)
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return model, processor
