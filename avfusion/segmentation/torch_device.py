"""How engines with learnt weights compute on each kind of device."""

from __future__ import annotations

import contextlib
from typing import Any

from avfusion.errors import EngineNotReady


def halved(device: Any) -> contextlib.AbstractContextManager[Any]:
    """Half precision (bfloat16) on a CUDA card; the CPU and MPS keep float32, which is what they are checked in."""
    import torch

    kind = torch.device(device).type
    return torch.autocast("cuda", torch.bfloat16) if kind == "cuda" else contextlib.nullcontext()


def need_torchvision() -> None:
    """Raises EngineNotReady where torchvision is missing, or is no build for the torch that is there."""
    try:
        import torchvision  # noqa: F401
    except (ImportError, RuntimeError) as error:
        said = str(error).strip().splitlines()[0].rstrip(".")
        raise EngineNotReady(
            f"torchvision cannot be imported ({said}). torch and torchvision must be builds for each other: "
            "install both from the same package index."
        ) from error
