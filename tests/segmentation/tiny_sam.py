"""SAM, a thousand times smaller, with random weights, in the layout of its authors' checkpoints."""

from functools import partial
from pathlib import Path
from typing import Any

import torch
from segment_anything.modeling import ImageEncoderViT, MaskDecoder, PromptEncoder, Sam, TwoWayTransformer

from tests.segmentation.tiny_weights import shake


def tiny_sam(path: Path, *, side_px: int = 256) -> Any:
    """Saves the weights at `path`; the model that they were taken from."""
    grid, dim = side_px // 16, 32
    sam = Sam(
        image_encoder=ImageEncoderViT(
            depth=3,
            embed_dim=24,
            img_size=side_px,
            mlp_ratio=4,
            norm_layer=partial(torch.nn.LayerNorm, eps=1e-6),
            num_heads=3,
            patch_size=16,
            qkv_bias=True,
            use_rel_pos=True,
            global_attn_indexes=[1],
            window_size=14,
            out_chans=dim,
        ),
        prompt_encoder=PromptEncoder(
            embed_dim=dim, image_embedding_size=(grid, grid), input_image_size=(side_px, side_px), mask_in_chans=16
        ),
        mask_decoder=MaskDecoder(
            num_multimask_outputs=3,
            transformer=TwoWayTransformer(depth=2, embedding_dim=dim, mlp_dim=64, num_heads=8),
            transformer_dim=dim,
            iou_head_depth=3,
            iou_head_hidden_dim=32,
        ),
    )
    shake(sam, seed=1)
    torch.save(sam.state_dict(), path)
    return sam
