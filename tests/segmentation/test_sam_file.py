"""The authors' three sizes are recognised by the shapes of their weights; the same weights in transformers agree."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from segment_anything import sam_model_registry

from avfusion.clip import Box, Point, Prompt
from avfusion.segmentation.sam import load_sam
from avfusion.segmentation.sam_file import _build
from tests.segmentation.tiny_sam import tiny_sam

RGB = np.random.default_rng(3).integers(0, 256, (180, 256, 3), np.uint8)


@pytest.mark.parametrize("size", ["vit_b", "vit_l", "vit_h"])
def test_the_published_sizes_are_recognised(size: str) -> None:
    with torch.device("meta"):
        theirs = sam_model_registry[size]()
        ours = _build({name: tuple(weight.shape) for name, weight in theirs.state_dict().items()})
    assert {name: weight.shape for name, weight in ours.state_dict().items()} == {
        name: weight.shape for name, weight in theirs.state_dict().items()
    }
    blocks = [(b.window_size, b.attn.num_heads, b.attn.scale) for b in ours.image_encoder.blocks]
    assert blocks == [(b.window_size, b.attn.num_heads, b.attn.scale) for b in theirs.image_encoder.blocks]
    assert ours.image_encoder.img_size == theirs.image_encoder.img_size == 1024
    assert ours.prompt_encoder.mask_input_size == (256, 256)
    assert [layer.cross_attn_token_to_image.num_heads for layer in ours.mask_decoder.transformer.layers] == [8, 8]


RENAMED = (
    ("image_encoder.", "vision_encoder."), ("blocks.", "layers."), ("patch_embed.proj.", "patch_embed.projection."),
    ("neck.0.", "neck.conv1."), ("neck.1.", "neck.layer_norm1."), ("neck.2.", "neck.conv2."),
    ("neck.3.", "neck.layer_norm2."), (".norm", ".layer_norm"), ("output_upscaling.0.", "upscale_conv1."),
    ("output_upscaling.1.", "upscale_layer_norm."), ("output_upscaling.3.", "upscale_conv2."),
    ("mask_downscaling.0.", "mask_embed.conv1."), ("mask_downscaling.1.", "mask_embed.layer_norm1."),
    ("mask_downscaling.3.", "mask_embed.conv2."), ("mask_downscaling.4.", "mask_embed.layer_norm2."),
    ("mask_downscaling.6.", "mask_embed.conv3."), ("point_embeddings.", "point_embed."),
    ("pe_layer.positional_encoding_gaussian_matrix", "shared_embedding.positional_embedding"),
)  # fmt: skip


def renamed(name: str) -> str:
    """A weight's name in transformers' SamModel."""
    if "iou_prediction_head." in name or "output_hypernetworks_mlps." in name:
        for old, new in (("layers.0.", "proj_in."), ("layers.1.", "layers.0."), ("layers.2.", "proj_out.")):
            if old in name:
                return name.replace(old, new)
    for old, new in RENAMED:
        name = name.replace(old, new)
    return name


def in_transformers(sam: Any, side_px: int) -> Any:
    config = transformers.SamConfig(
        vision_config={
            "hidden_size": 24, "output_channels": 32, "num_hidden_layers": 3, "num_attention_heads": 3,
            "image_size": side_px, "patch_size": 16, "window_size": 14, "global_attn_indexes": [1], "num_pos_feats": 16,
            "mlp_dim": 96,
        },
        prompt_encoder_config={"hidden_size": 32, "image_size": side_px, "patch_size": 16, "mask_input_channels": 16},
        mask_decoder_config={"hidden_size": 32, "mlp_dim": 64, "iou_head_hidden_dim": 32},
    )  # fmt: skip
    model = transformers.SamModel(config)
    weights = {renamed(name): weight for name, weight in sam.state_dict().items()}
    weights["shared_image_embedding.positional_embedding"] = weights[
        "prompt_encoder.shared_embedding.positional_embedding"
    ]
    model.load_state_dict(weights)
    return model.eval()


@pytest.mark.parametrize("prompt", [Point(90, 70), Box(30, 40, 180, 150)])
def test_transformers_says_the_same_with_the_same_weights(prompt: Prompt, tmp_path: Path) -> None:
    """Only where a logit is next to zero may the two differ: they add up in another order."""
    sam = tiny_sam(tmp_path / "sam.pth", side_px=256)
    found = load_sam(tmp_path / "sam.pth", name="sam-vit-b", device="cpu").segment(RGB, [prompt]).masks[1]
    model = in_transformers(sam, 256)
    images = transformers.SamImageProcessor(
        size={"longest_edge": 256}, pad_size={"height": 256, "width": 256}, mask_size={"longest_edge": 64},
        mask_pad_size={"height": 64, "width": 64},
    )  # fmt: skip
    processor = transformers.SamProcessor(images)
    is_click = isinstance(prompt, Point)
    places: dict[str, Any] = (
        {"input_points": [[[prompt.x, prompt.y]]]}
        if isinstance(prompt, Point)
        else {"input_boxes": [[[30.0, 40.0, 180.0, 150.0]]]}
    )
    inputs = processor(images=RGB, return_tensors="pt", **places)
    with torch.no_grad():
        out = model(**inputs, multimask_output=is_click)
    masks = processor.image_processor.post_process_masks(
        out.pred_masks,
        inputs["original_sizes"],
        inputs["reshaped_input_sizes"],
        binarize=False,
        pad_size={"height": 256, "width": 256},
    )[0][0].numpy()
    logits = masks[int(out.iou_scores[0, 0].argmax())]
    differs = (logits > 0) != found
    assert 0.01 < found.mean() < 0.99
    assert np.abs(logits[differs]).max(initial=0) < 1e-3
    assert differs.mean() < 1e-3
