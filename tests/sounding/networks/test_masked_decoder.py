"""The masked decoder: equal to transformers' on the same weights, and where queries may look."""

from dataclasses import replace

import torch

from avfusion.sounding.networks.layers import Drawn
from avfusion.sounding.networks.masked_decoder import (
    MaskedDecoderConfig,
    decode_masks,
    draw_masked_decoder,
    where_to_look,
)  # fmt: skip
from tests.sounding.networks.loosened import loosened, unused

TINY = MaskedDecoderConfig(classes=3, queries=5, width=32, layers=4, hidden=48, heads=4, levels=3)


def weights(config: MaskedDecoderConfig) -> Drawn:
    return loosened(draw_masked_decoder(torch.Generator().manual_seed(0), "masks", config))


def inputs(levels: int) -> tuple[list[torch.Tensor], torch.Tensor]:
    dice = torch.Generator().manual_seed(1)
    sides = ((2, 3), (4, 6), (8, 12), (4, 6))[:levels]
    return [torch.randn(2, 32, *side, generator=dice) for side in sides], torch.randn(2, 32, 16, 24, generator=dice)


def their_state(ours: Drawn) -> Drawn:
    """The same weights under transformers' names; keys of attention stacked where torch stacks them."""
    names = {
        "queries": "queries_features.weight", "places": "queries_embedder.weight", "level": "level_embed.weight",
    }  # fmt: skip
    state = {theirs: ours[f"masks.{name}"] for name, theirs in names.items()}
    layers = {
        "self.query": "self_attn.q_proj", "self.key": "self_attn.k_proj", "self.value": "self_attn.v_proj",
        "self.out": "self_attn.out_proj", "cross.out": "cross_attn.out_proj", "norm1": "cross_attn_layer_norm",
        "norm2": "self_attn_layer_norm", "norm3": "final_layer_norm", "fc1": "fc1", "fc2": "fc2",
    }  # fmt: skip
    for part in ("weight", "bias"):
        for number in range(TINY.layers):
            to, of = f"decoder.layers.{number}", f"masks.layers.{number}"
            state |= {f"{to}.{theirs}.{part}": ours[f"{of}.{name}.{part}"] for name, theirs in layers.items()}
            stacked = [ours[f"{of}.cross.{name}.{part}"] for name in ("query", "key", "value")]
            state[f"{to}.cross_attn.in_proj_{part}"] = torch.cat(stacked)
        for layer in range(3):
            state[f"decoder.mask_predictor.mask_embedder.{layer}.0.{part}"] = ours[f"masks.mask.{layer}.{part}"]
        state[f"decoder.layernorm.{part}"] = ours[f"masks.norm.{part}"]
    return state


def test_equals_transformers() -> None:
    from transformers import Mask2FormerConfig
    from transformers.models.mask2former.modeling_mask2former import Mask2FormerTransformerModule

    config = Mask2FormerConfig(
        hidden_dim=32, mask_feature_size=32, num_queries=5, decoder_layers=5, dim_feedforward=48, num_attention_heads=4
    )
    theirs = Mask2FormerTransformerModule(32, config).eval()
    ours = weights(TINY)
    theirs.load_state_dict(their_state(ours))
    memories, features = inputs(3)
    with torch.no_grad():
        expected = theirs(memories, features)
    found = decode_masks(ours, "masks", TINY, memories, features)
    assert len(found.masks) == TINY.layers + 1
    for masks, wanted in zip(found.masks, expected.masks_queries_logits, strict=True):
        torch.testing.assert_close(masks, wanted, rtol=1e-4, atol=1e-4)
    last = torch.nn.functional.linear(
        expected.intermediate_hidden_states[-1].transpose(0, 1),
        ours["masks.classes.weight"],
        ours["masks.classes.bias"],
    )
    torch.testing.assert_close(found.classes[-1], last, rtol=1e-4, atol=1e-4)


def test_a_query_looks_where_its_mask_is_and_without_a_mask_everywhere() -> None:
    masks = torch.full((1, 2, 8, 8), -1.0)
    masks[0, 0, :4] = 1.0
    may = where_to_look(masks, 4, 2)
    assert may[0, 0, 0].reshape(4, 2).tolist() == [[True] * 2] * 2 + [[False] * 2] * 2
    assert may[0, 0, 1].all()


def test_what_queries_are_told_is_added_to_them() -> None:
    four = replace(TINY, levels=4)
    ours, (memories, features) = weights(four), inputs(4)
    told = torch.randn(2, 5, 32, generator=torch.Generator().manual_seed(2))
    found = decode_masks(ours, "masks", four, memories, features, told[:1].expand(2, -1, -1))
    moved = decode_masks({**ours, "masks.queries": ours["masks.queries"] + told[0]}, "masks", four, memories, features)
    torch.testing.assert_close(found.masks[-1], moved.masks[-1])
    assert not torch.allclose(found.masks[-1], decode_masks(ours, "masks", four, memories, features, told).masks[-1])


def test_full_size() -> None:
    config = MaskedDecoderConfig()
    drawn = {name: tensor.to("meta") for name, tensor in draw_masked_decoder(torch.Generator(), "m", config).items()}
    memories = [torch.zeros(5, 256, side, side, device="meta") for side in (7, 14, 28, 14)]
    told = torch.zeros(5, 96, 256, device="meta")
    found = decode_masks(drawn, "m", config, memories, torch.zeros(5, 256, 56, 56, device="meta"), told)
    assert len(found.classes) == len(found.masks) == 13
    assert found.classes[-1].shape == (5, 96, 3)
    assert found.masks[-1].shape == (5, 96, 56, 56)


def test_every_weight_is_used() -> None:
    four = replace(TINY, levels=4)
    memories, features = inputs(4)
    drawn = {name: tensor.requires_grad_() for name, tensor in weights(four).items()}
    found = decode_masks(drawn, "masks", four, memories, features)
    (found.masks[-1].square().sum() + found.classes[-1].square().sum()).backward()
    assert unused(drawn) == []
