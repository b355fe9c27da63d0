"""How engines with learnt weights compute on each kind of device."""

from __future__ import annotations

import contextlib
from typing import Any


def halved(device: Any) -> contextlib.AbstractContextManager[Any]:
    """Half precision (bfloat16) on a CUDA card; the CPU and MPS keep float32, which is what they are checked in."""
    import torch

    kind = torch.device(device).type
    return torch.autocast("cuda", torch.bfloat16) if kind == "cuda" else contextlib.nullcontext()
