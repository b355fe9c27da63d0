"""The pixel decoder: equal to transformers' on the same weights, and what deformable attention is by definition."""

from collections.abc import Iterator

import torch

from avfusion.sounding.networks.layers import Drawn, sine_places
from avfusion.sounding.networks.pixel_decoder import (
    PixelDecoderConfig,
    decode_pixels,
    draw_pixel_decoder,
    look_around,
)  # fmt: skip
from tests.sounding.networks.loosened import loosened, unused

TINY = PixelDecoderConfig(width=32, layers=2, hidden=48, heads=4)
SIZES = ((16, 24), (8, 12), (4, 6), (2, 3))


def maps(config: PixelDecoderConfig) -> list[torch.Tensor]:
    dice = torch.Generator().manual_seed(1)
    return [torch.randn(2, config.width, *size, generator=dice) for size in SIZES]


def weights(config: PixelDecoderConfig) -> Drawn:
    return loosened(draw_pixel_decoder(torch.Generator().manual_seed(0), "pixels", config))


def their_names(config: PixelDecoderConfig) -> Iterator[tuple[str, str]]:
    """(ours, theirs) of every layer."""
    parts = {
        "value": "self_attn.value_proj", "out": "self_attn.output_proj", "offsets": "self_attn.sampling_offsets",
        "shares": "self_attn.attention_weights", "norm1": "self_attn_layer_norm", "norm2": "final_layer_norm",
        "fc1": "fc1", "fc2": "fc2",
    }  # fmt: skip
    for number in range(config.layers):
        for ours, theirs in parts.items():
            yield f"layers.{number}.{ours}", f"encoder.layers.{number}.{theirs}"
    yield "lateral.conv", "adapter_1.0"
    yield "lateral.norm", "adapter_1.1"
    yield "smooth.conv", "layer_1.0"
    yield "smooth.norm", "layer_1.1"
    yield "masks", "mask_projection"


def test_equals_transformers() -> None:
    from transformers import Mask2FormerConfig
    from transformers.models.mask2former.modeling_mask2former import Mask2FormerPixelDecoder

    config = Mask2FormerConfig(
        feature_size=32, mask_feature_size=32, encoder_layers=2, encoder_feedforward_dim=48, num_attention_heads=4
    )
    theirs = Mask2FormerPixelDecoder(config, [32] * 4).eval()
    theirs.input_projections = torch.nn.ModuleList([torch.nn.Identity()] * 3)
    ours = weights(TINY)
    state = {"level_embed": ours["pixels.level"]}
    for our_name, their_name in their_names(TINY):
        for part in ("weight", "bias"):
            if f"pixels.{our_name}.{part}" in ours:
                state[f"{their_name}.{part}"] = ours[f"pixels.{our_name}.{part}"]
    assert len(state) == len(ours)
    theirs.load_state_dict(state)
    with torch.no_grad():
        expected = theirs(maps(TINY), output_hidden_states=False)
    found = decode_pixels(ours, "pixels", TINY, maps(TINY))
    torch.testing.assert_close(found.masks, expected.mask_features, rtol=1e-4, atol=1e-5)
    for memory, wanted in zip(found.memories, expected.multi_scale_features, strict=True):
        torch.testing.assert_close(memory, wanted, rtol=1e-4, atol=1e-5)


def test_places_are_those_of_transformers() -> None:
    from transformers.models.mask2former.modeling_mask2former import Mask2FormerSinePositionEmbedding

    like = torch.zeros(1, 32, 5, 7)
    theirs = Mask2FormerSinePositionEmbedding(16, normalize=True)(like.shape, like.device, like.dtype)
    torch.testing.assert_close(sine_places(5, 7, 32, like), theirs[0])


def test_looking_at_one_pixel_finds_it() -> None:
    values = torch.randn(1, 2 * 3 + 4 * 4, 1, 5, generator=torch.Generator().manual_seed(0))
    where = torch.tensor([[2.5 / 3, 1.5 / 2], [0.5 / 4, 3.5 / 4]]).reshape(1, 1, 1, 2, 1, 2)
    shares = torch.tensor([0.25, 0.75]).reshape(1, 1, 1, 2, 1)
    found = look_around(values, [(2, 3), (4, 4)], where, shares)
    expected = 0.25 * values[0, 5, 0] + 0.75 * values[0, 6 + 12, 0]
    torch.testing.assert_close(found[0, 0], expected)


def test_full_size() -> None:
    config = PixelDecoderConfig()
    drawn = {name: tensor.to("meta") for name, tensor in draw_pixel_decoder(torch.Generator(), "p", config).items()}
    sides = (56, 28, 14, 7)
    found = decode_pixels(drawn, "p", config, [torch.zeros(5, 256, side, side, device="meta") for side in sides])
    assert [tuple(memory.shape) for memory in found.memories] == [(5, 256, side, side) for side in (7, 14, 28)]
    assert found.masks.shape == (5, 256, 56, 56)


def test_every_weight_is_used() -> None:
    drawn = {name: tensor.requires_grad_() for name, tensor in weights(TINY).items()}
    found = decode_pixels(drawn, "pixels", TINY, maps(TINY))
    sum(part.square().sum() for part in (*found.memories, found.masks)).backward()
    assert unused(drawn) == []
