"""The pre-norm block: equal to torch's own on the same weights, and its scores as they are before the softmax."""

import math

import torch

from avfusion.sounding.networks.blocks import after_norm, block, draw_block
from avfusion.sounding.networks.layers import layer_norm
from tests.sounding.networks.loosened import loosened, unused


def weights() -> dict[str, torch.Tensor]:
    return loosened(draw_block(torch.Generator().manual_seed(0), "block", 16))


def tokens() -> torch.Tensor:
    return torch.randn(2, 5, 16, generator=torch.Generator().manual_seed(1))


def test_equals_a_layer_of_torch() -> None:
    layer = torch.nn.TransformerEncoderLayer(
        16, 4, 64, dropout=0.0, activation="gelu", batch_first=True, norm_first=True
    )
    names = {
        "out": "self_attn.out_proj",
        "mlp.fc1": "linear1",
        "mlp.fc2": "linear2",
        "norm1": "norm1",
        "norm2": "norm2",
    }
    ours = weights()
    state = {f"{to}.{part}": ours[f"block.{name}.{part}"] for name, to in names.items() for part in ("weight", "bias")}
    state |= {"self_attn.in_proj_weight": ours["block.qkv.weight"], "self_attn.in_proj_bias": torch.zeros(48)}
    layer.load_state_dict(state)
    torch.testing.assert_close(block(ours, "block", tokens(), heads=4), layer(tokens()))


def test_scores_are_queries_times_keys() -> None:
    ours, x = weights(), tokens()
    normed = layer_norm(ours, "block.norm1", x)
    _, scores = after_norm(ours, "block", x, normed, heads=4)
    q, k, v = (part.unflatten(2, (4, 4)).transpose(1, 2) for part in (normed @ ours["block.qkv.weight"].T).chunk(3, -1))
    seen = torch.nn.functional.scaled_dot_product_attention(q, k, v)
    torch.testing.assert_close((scores / math.sqrt(4)).softmax(-1) @ v, seen)


def test_every_weight_is_used() -> None:
    drawn = {name: part.requires_grad_() for name, part in weights().items()}
    block(drawn, "block", tokens(), heads=4).square().sum().backward()
    assert unused(drawn) == []
