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


def tiny_sam3_video(folder: Path, seed: int = 6) -> tuple[Any, Any]:
    """(Sam3VideoModel, Sam3VideoProcessor), saved in the folder. It finds something more often than a real one."""
    side_px, patch_px = 112, 14
    heads = {"num_attention_heads": 4, "hidden_size": WIDE}
    layers = {"num_layers": 1, "intermediate_size": 64, **heads}
    vision = transformers.Sam3VisionConfig(
        backbone_config=transformers.Sam3ViTConfig(
            hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=2, image_size=side_px,
            patch_size=patch_px, window_size=4, global_attn_indexes=[1], pretrain_image_size=56,
        ),
        fpn_hidden_size=WIDE, backbone_feature_sizes=[[32, 32], [16, 16], [8, 8]],
    )  # fmt: skip
    tokenizer = _letters()
    text = {
        "model_type": "clip_text_model", "vocab_size": len(tokenizer), "hidden_size": 32, "intermediate_size": 64,
        "projection_dim": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "max_position_embeddings": 32,
        "bos_token_id": tokenizer.bos_token_id, "eos_token_id": tokenizer.eos_token_id,
    }  # fmt: skip
    detector = transformers.Sam3Config(
        vision_config=vision, text_config=text, geometry_encoder_config=layers, detr_encoder_config=layers,
        detr_decoder_config={**layers, "num_layers": 2, "num_queries": 3}, mask_decoder_config=heads,
    )  # fmt: skip
    tracker = transformers.Sam3TrackerVideoConfig(
        vision_config=vision, image_size=side_px, memory_attention_num_layers=2,
        memory_attention_rope_feat_sizes=[8, 8],
        prompt_encoder_config={"hidden_size": WIDE, "image_size": side_px, "patch_size": patch_px},
        mask_decoder_config={"hidden_size": WIDE, "mlp_dim": 64, "iou_head_hidden_dim": 32},
        memory_attention_feed_forward_hidden_size=64, **_wide(),
    )  # fmt: skip
    config = transformers.Sam3VideoConfig(
        detector_config=detector, tracker_config=tracker, low_res_mask_size=32, score_threshold_detection=0.2,
        new_det_thresh=0.25, high_conf_thresh=0.25, high_iou_thresh=0.3, recondition_every_nth_frame=4,
    )  # fmt: skip
    size = {"height": side_px, "width": side_px}
    images = transformers.Sam3ImageProcessor(size=size, mask_size={"height": 32, "width": 32})
    processor = transformers.Sam3VideoProcessor(images, transformers.Sam2VideoVideoProcessor(size=size), tokenizer)
    model = shake(transformers.Sam3VideoModel(config), seed=seed)
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return model, processor


def _letters() -> Any:
    """A tokenizer that knows letters and nothing longer."""
    letters = [chr(code) for code in range(ord("a"), ord("z") + 1)]
    tokens = [*letters, *(f"{letter}</w>" for letter in letters), "<|startoftext|>", "<|endoftext|>"]
    return transformers.CLIPTokenizer(vocab={token: number for number, token in enumerate(tokens)}, merges=[])
