"""What a stored network must be made of: the first part that is not right is named."""

from pathlib import Path

import pytest
import torch

from avfusion.errors import CannotRead
from avfusion.sounding.networks.stored import need_shapes

WANTED = {"a.weight": (2, 3), "a.bias": (2,)}
STATE = {"a.weight": torch.ones(2, 3), "a.bias": torch.ones(2)}


def test_the_same_parts_are_taken() -> None:
    need_shapes(WANTED, STATE, Path("x.safetensors"), "network of this size")


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ({**STATE, "a.bias": torch.ones(3)}, r"a\.bias should be \(2,\) and is \(3,\)"),
        ({"a.bias": STATE["a.bias"]}, r"a\.weight should be \(2, 3\) and is nothing"),
        ({**STATE, "b": torch.ones(())}, r"b should be nothing and is \(\)"),
    ],
)
def test_others_are_named(state: dict[str, torch.Tensor], said: str) -> None:
    with pytest.raises(CannotRead, match=rf"^x\.safetensors: no network of this size: {said}\.$"):
        need_shapes(WANTED, state, Path("x.safetensors"), "network of this size")
