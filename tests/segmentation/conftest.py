"""What the tests of networks start from."""

import pytest
import torch


@pytest.fixture(scope="module", autouse=True)
def same_dice() -> None:
    """Some networks draw buffers when they are made: always the same ones, whatever ran before."""
    torch.manual_seed(0)
