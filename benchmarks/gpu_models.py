"""Models at their published sizes with random weights, saved where the engines look for the real ones.

Speed does not depend on the weights. Sizes of SAM: segment-anything's build_sam.py; of SAM 2.1: the configurations that
its authors publish with each checkpoint. With those, image encoder and neck of SAM 2.1 have 27, 34, 69 and 213 million
weights (tiny, small, base-plus, large).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from avfusion.engines.catalogue import find
from avfusion.engines.engine import HubFiles
from avfusion.engines.folders import hub_repository, hub_snapshot, weights_file

COMMIT = "0" * 40


@dataclass(frozen=True)
class SamSize:
    """The image encoder of SAM. gflop: of one picture, counted; 0 where nobody counted."""

    engine: str
    depth: int
    width: int
    heads: int
    global_blocks: tuple[int, ...]
    gflop: float
    side_px: int = 1024
    decoder_width: int = 256


@dataclass(frozen=True)
class Sam2Size:
    """SAM 2.1 for clips. gflop: of encoder and neck for one frame; memory_gflop: of memory attention, for an object."""

    engine: str
    width: int
    heads: int
    blocks: tuple[int, int, int, int]
    global_blocks: tuple[int, ...]
    windows: tuple[int, int, int, int]
    background: int
    gflop: float
    memory_gflop: float = 606.0
    side_px: int = 1024
    memory_width: int = 256
    memory_layers: int = 4
    feed_forward: int = 2048


SAM = (
    SamSize("sam-vit-b", 12, 768, 12, (2, 5, 8, 11), 972),
    SamSize("sam-vit-l", 24, 1024, 16, (5, 11, 17, 23), 2986),
    SamSize("sam-vit-h", 32, 1280, 16, (7, 15, 23, 31), 5961),
)
SAM_SMALL = tuple(
    SamSize(size.engine, 2, 24 * (place + 1), 3, (1,), 0, side_px=128, decoder_width=32)
    for place, size in enumerate(SAM)
)

SAM2 = (
    Sam2Size("sam2.1-tiny", 96, 1, (1, 2, 7, 2), (5, 7, 9), (8, 4, 14, 7), 7, 291),
    Sam2Size("sam2.1-small", 96, 1, (1, 2, 11, 2), (7, 10, 13), (8, 4, 14, 7), 7, 359),
    Sam2Size("sam2.1-base-plus", 112, 2, (2, 3, 16, 3), (12, 16, 20), (8, 4, 14, 7), 14, 646),
    Sam2Size("sam2.1-large", 144, 2, (2, 6, 36, 4), (23, 33, 43), (8, 4, 16, 8), 7, 1823),
)
SAM2_SMALL = tuple(
    Sam2Size(
        size.engine,
        8,
        1,
        (1, 1, 2, 1),
        (3,),
        (8, 4, 4, 4),
        7,
        0,
        0,
        side_px=64,
        memory_width=128,
        memory_layers=2,
        feed_forward=64,
    )
    for size in SAM2
)


def install_sam(size: SamSize) -> Path:
    """A checkpoint in the authors' layout, where the engine looks for it; its path."""
    import torch

    (source,) = find(size.engine, "segmentation").sources
    assert not isinstance(source, HubFiles)
    path = weights_file(source)
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(_shaken(build_sam(size)).state_dict(), path)
    return path


def install_sam2(size: Sam2Size) -> Path:
    """A folder of the hub's cache, where the engine looks for it; its path."""
    import transformers

    (source,) = find(size.engine, "tracking").sources
    assert isinstance(source, HubFiles)
    reference = hub_repository(source) / "refs" / source.revision
    if len(source.revision) != len(COMMIT):
        reference.parent.mkdir(parents=True, exist_ok=True)
        reference.write_text(COMMIT)
    folder = hub_snapshot(source)
    _shaken(build_sam2(size)).save_pretrained(folder)
    side = {"height": size.side_px, "width": size.side_px}
    quarter = {"height": size.side_px // 4, "width": size.side_px // 4}
    images = transformers.Sam2ImageProcessor(size=side, mask_size=quarter)
    clips = transformers.Sam2VideoVideoProcessor(size=side)
    transformers.Sam2VideoProcessor(images, clips).save_pretrained(folder)
    images.save_pretrained(folder)
    return folder


def build_sam(size: SamSize) -> Any:
    """segment-anything's own model."""
    import torch
    from segment_anything.modeling import ImageEncoderViT, MaskDecoder, PromptEncoder, Sam, TwoWayTransformer

    grid, dim = size.side_px // 16, size.decoder_width
    return Sam(
        image_encoder=ImageEncoderViT(
            depth=size.depth,
            embed_dim=size.width,
            img_size=size.side_px,
            mlp_ratio=4,
            norm_layer=partial(torch.nn.LayerNorm, eps=1e-6),
            num_heads=size.heads,
            patch_size=16,
            qkv_bias=True,
            use_rel_pos=True,
            global_attn_indexes=size.global_blocks,
            window_size=14,
            out_chans=dim,
        ),
        prompt_encoder=PromptEncoder(
            embed_dim=dim,
            image_embedding_size=(grid, grid),
            input_image_size=(size.side_px, size.side_px),
            mask_in_chans=16,
        ),
        mask_decoder=MaskDecoder(
            num_multimask_outputs=3,
            transformer=TwoWayTransformer(depth=2, embedding_dim=dim, mlp_dim=8 * dim, num_heads=8),
            transformer_dim=dim,
            iou_head_depth=3,
            iou_head_hidden_dim=dim,
        ),
    ).eval()


def build_sam2(size: Sam2Size) -> Any:
    """transformers' own model for clips."""
    import transformers

    widths = [size.width * 2**stage for stage in range(4)]
    side, wide = size.side_px, size.memory_width
    backbone = transformers.Sam2HieraDetConfig(
        hidden_size=size.width, num_attention_heads=size.heads, image_size=[side, side],
        blocks_per_stage=list(size.blocks), embed_dim_per_stage=widths,
        num_attention_heads_per_stage=[size.heads * 2**stage for stage in range(4)],
        window_size_per_stage=list(size.windows), global_attention_blocks=list(size.global_blocks),
        window_positional_embedding_background_size=[size.background, size.background],
    )  # fmt: skip
    vision = transformers.Sam2VisionConfig(
        backbone_config=backbone, backbone_channel_list=widths[::-1], fpn_hidden_size=wide,
        backbone_feature_sizes=[[side // step, side // step] for step in (4, 8, 16)],
    )  # fmt: skip
    prompts = transformers.Sam2VideoPromptEncoderConfig(hidden_size=wide, image_size=side)
    decoder = transformers.Sam2VideoMaskDecoderConfig(
        hidden_size=wide, iou_head_hidden_dim=wide, mlp_dim=size.feed_forward
    )
    config = transformers.Sam2VideoConfig(
        vision_config=vision, prompt_encoder_config=prompts, mask_decoder_config=decoder, image_size=side,
        memory_attention_num_layers=size.memory_layers,
        memory_attention_feed_forward_hidden_size=size.feed_forward, memory_attention_hidden_size=wide,
        memory_encoder_hidden_size=wide, memory_fuser_embed_dim=wide,
        mask_downsampler_embed_dim=wide, memory_attention_rope_feat_sizes=[side // 16, side // 16],
    )  # fmt: skip
    return transformers.Sam2VideoModel(config).eval()


def _shaken(model: Any) -> Any:
    """Random weights with which outputs vary from place to place."""
    import torch

    torch.manual_seed(0)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if weight.ndim > 1:
                weight.normal_(0, 1.5 / weight[0].numel() ** 0.5)
            else:
                weight.normal_(float(name.endswith("weight")), 0.1)
    return model
