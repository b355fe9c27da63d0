"""Which device an engine works on, and how much memory engines may fill there."""

from __future__ import annotations

import os
import re
from pathlib import Path

from avfusion.engines.engine import Engine
from avfusion.errors import EngineNotReady, UsageError

BUDGET_VARIABLE = "AVFUSION_GPU_MEMORY"
IN_TURN = "AVFUSION_GPU_TURN"
"""Set by us in the process that has the card, where it is lent."""

_SHARE_OF_DEVICE = 0.9
_SHARE_OF_MACHINE = 0.5
_CONTAINER_LIMIT = Path("/sys/fs/cgroup/memory.max")
_UNITS = {"": 1, "MB": 10**6, "MIB": 2**20, "GB": 10**9, "GIB": 2**30}


def pick_device(engine: Engine, wanted: str = "auto") -> str:
    """`wanted`, or with `auto` CUDA, then MPS, then the CPU. Engines that do not use torch work on the CPU.

    Raises `UsageError` for what is no device, `EngineNotReady` for one that is not there.
    """
    if not re.fullmatch(r"auto|cpu|mps|cuda(:\d+)?", wanted):
        raise UsageError(f"{wanted}: not a device. Use auto, cpu, cuda, cuda:1 (a second card) or mps.")
    if "torch" not in engine.packages or wanted == "cpu":
        return "cpu"
    import torch

    cards = 0 if is_lent() else torch.cuda.device_count()
    if wanted == "auto":
        return "cuda" if cards else "mps" if torch.backends.mps.is_available() else "cpu"
    number = int(wanted.partition(":")[2] or 0)
    is_there = torch.backends.mps.is_available() if wanted == "mps" else number < cards
    if not is_there:
        raise EngineNotReady(f"{wanted}: there is no such device here. Use auto or cpu.")
    return wanted


def is_lent() -> bool:
    """Whether this is ZeroGPU and not the card's turn: torch sees a card there all the time, and cannot use it."""
    return os.environ.get("SPACES_ZERO_GPU", "").lower() in ("1", "t", "true") and not os.environ.get(IN_TURN)


def has_card(wanted: str = "auto") -> bool:
    """Whether an engine that uses torch would work on more than a CPU; a device that is not there is none."""
    if wanted == "cpu":
        return False
    import torch

    cards, has_mps = 0 if is_lent() else torch.cuda.device_count(), torch.backends.mps.is_available()
    if wanted.startswith("cuda"):
        return cards > int(wanted.partition(":")[2] or 0)
    return has_mps or (wanted == "auto" and cards > 0)


def memory_budget(device: str) -> int:
    """Bytes that loaded engines may fill on a device: `AVFUSION_GPU_MEMORY` on a card, or most of what it has.

    On the CPU (and for MPS, which shares its memory) it is half of the machine's memory. Raises `UsageError`.
    """
    if not is_card(device):
        return int(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") * _SHARE_OF_MACHINE)
    named = os.environ.get(BUDGET_VARIABLE)
    if named:
        return parse_bytes(named)
    import torch

    return int(torch.cuda.get_device_properties(device).total_memory * _SHARE_OF_DEVICE)


def is_card(device: str) -> bool:
    return device.startswith("cuda")


def free_memory(device: str) -> int:
    """Bytes that one more engine could take now: on a card what is free, elsewhere all that the machine has.

    A machine makes room for what is in use; a card does not.
    """
    if not is_card(device):
        return _machine_memory()
    import torch

    free_bytes: int = torch.cuda.mem_get_info(device)[0]
    # What torch keeps for later and nobody uses is free too.
    return free_bytes + torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)


def _machine_memory() -> int:
    """Bytes; those that a container may use, where it has less than the machine."""
    whole = int(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    try:
        limit = _CONTAINER_LIMIT.read_text().strip()
    except OSError:
        return whole
    return min(whole, int(limit)) if limit.isdigit() else whole


def parse_bytes(words: str) -> int:
    """ "24GB" -> 24_000_000_000; also MB, MiB, GiB and plain bytes. Raises `UsageError`."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([A-Z]*)", words.strip().upper())
    if match is None or match[2] not in _UNITS:
        raise UsageError(f"{BUDGET_VARIABLE}={words}: not an amount of memory. Write it like 24GB or 8000MB.")
    return round(float(match[1]) * _UNITS[match[2]])
