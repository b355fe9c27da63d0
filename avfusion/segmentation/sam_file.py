"""A SAM checkpoint in its authors' own layout -> the model that it is of, built from the shapes of its weights.

A. Kirillov et al., "Segment Anything", ICCV 2023; the layout is that of the `segment-anything` package.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from avfusion.errors import CannotRead
from avfusion.segmentation.torch_device import need_torchvision

_ENCODER = "image_encoder."
_HEADS_IN_DECODER = 8


def read_sam(path: Path) -> Any:
    """A `segment_anything.modeling.Sam` in evaluation mode, on the CPU.

    Nothing in the file is run. Raises CannotRead for a file that is missing, cut short or of something else, and
    EngineNotReady where torch and torchvision do not fit each other.
    """
    import torch

    # Found out further below, it would look like a fault of the file.
    need_torchvision()
    try:
        weights = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, ValueError, EOFError, torch.serialization.pickle.UnpicklingError, KeyError) as error:  # type: ignore[attr-defined]
        raise CannotRead(
            f"{path}: cannot be read as weights ({_first_line(error)}). Delete it and fetch it again."
        ) from error
    if not isinstance(weights, dict) or f"{_ENCODER}patch_embed.proj.weight" not in weights:
        raise CannotRead(f"{path}: holds no SAM model in the layout of the segment-anything package.")
    try:
        sam = _build({name: tuple(weight.shape) for name, weight in weights.items()})
        sam.load_state_dict(weights)
    except (RuntimeError, KeyError, AttributeError, ValueError, ZeroDivisionError) as error:
        raise CannotRead(f"{path}: is not a whole SAM model ({_first_line(error)}).") from error
    return sam.eval()


def _build(shapes: dict[str, tuple[int, ...]]) -> Any:
    from segment_anything.modeling import MaskDecoder, PromptEncoder, Sam, TwoWayTransformer

    decoder = "mask_decoder."
    dim = shapes[f"{decoder}mask_tokens.weight"][1]
    grid = shapes[f"{_ENCODER}pos_embed"][1]
    patch_px = shapes[f"{_ENCODER}patch_embed.proj.weight"][2]
    side_px = grid * patch_px
    transformer = TwoWayTransformer(
        depth=_count(shapes, f"{decoder}transformer.layers."),
        embedding_dim=dim,
        mlp_dim=shapes[f"{decoder}transformer.layers.0.mlp.lin1.weight"][0],
        num_heads=_HEADS_IN_DECODER,
    )
    return Sam(
        image_encoder=_image_encoder(shapes, grid, patch_px),
        prompt_encoder=PromptEncoder(
            embed_dim=dim,
            image_embedding_size=(grid, grid),
            input_image_size=(side_px, side_px),
            mask_in_chans=shapes["prompt_encoder.mask_downscaling.3.weight"][0],
        ),
        mask_decoder=MaskDecoder(
            transformer_dim=dim,
            transformer=transformer,
            num_multimask_outputs=shapes[f"{decoder}mask_tokens.weight"][0] - 1,
            iou_head_depth=_count(shapes, f"{decoder}iou_prediction_head.layers."),
            iou_head_hidden_dim=shapes[f"{decoder}iou_prediction_head.layers.0.weight"][0],
        ),
    )


def _image_encoder(shapes: dict[str, tuple[int, ...]], grid: int, patch_px: int) -> Any:
    import torch
    from segment_anything.modeling import ImageEncoderViT

    width = shapes[f"{_ENCODER}pos_embed"][3]
    depth = _count(shapes, f"{_ENCODER}blocks.")
    # A table of relative positions has two rows less one for each place that a block looks at in one direction.
    reach = [(shapes[f"{_ENCODER}blocks.{block}.attn.rel_pos_h"][0] + 1) // 2 for block in range(depth)]
    windows = {places for places in reach if places != grid}
    return ImageEncoderViT(
        depth=depth,
        embed_dim=width,
        img_size=grid * patch_px,
        patch_size=patch_px,
        mlp_ratio=shapes[f"{_ENCODER}blocks.0.mlp.lin1.weight"][0] / width,
        norm_layer=partial(torch.nn.LayerNorm, eps=1e-6),
        num_heads=width // shapes[f"{_ENCODER}blocks.0.attn.rel_pos_h"][1],
        qkv_bias=True,
        use_rel_pos=True,
        global_attn_indexes=tuple(block for block, places in enumerate(reach) if places == grid),
        window_size=windows.pop() if windows else 0,
        out_chans=shapes[f"{_ENCODER}neck.0.weight"][0],
    )


def _count(shapes: dict[str, tuple[int, ...]], prefix: str) -> int:
    return len({name.removeprefix(prefix).split(".")[0] for name in shapes if name.startswith(prefix)})


def _first_line(error: Exception) -> str:
    words = str(error.args[0]) if error.args else type(error).__name__
    return words.strip().splitlines()[0].rstrip(".:")
