"""Rows of numbers side by side, clocks that wait for the device, and what a device could do at best."""

from __future__ import annotations

import platform
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

PEAK_TFLOPS = {"H200": 989, "H100 PCIe": 756, "H100": 989, "A100": 312, "L40S": 362, "L4": 121}
"""Dense bfloat16 arithmetic of known cards, in 10^12 operations a second, as makers print it; longer names first."""

_STATUS = Path("/proc/self/status")


@dataclass(frozen=True)
class Row:
    """One quantity of ours beside another. unit: for `ms` and `MiB` less is better, for `frames/s` more.

    floor: what the device's arithmetic alone would allow, in the same unit; None where that is not known.
    """

    what: str
    ours: float
    beside: str
    theirs: float
    unit: Literal["ms", "frames/s", "MiB"]
    floor: float | None = None

    @property
    def ratio(self) -> float:
        """How many times better ours is; for memory, how many times as much it takes."""
        return self.theirs / self.ours if self.unit == "ms" else self.ours / self.theirs

    @property
    def share(self) -> float | None:
        """How near ours comes to the floor, 0..1."""
        if self.floor is None:
            return None
        return self.floor / self.ours if self.unit == "ms" else self.ours / self.floor


def seconds(work: Callable[[], object], device: str, rounds: int) -> float:
    """The median of so many calls after the first ones, until the device is done."""
    taken = []
    warm_up = min(rounds, 2)
    for turn in range(warm_up + rounds):
        wait(device)
        start = time.perf_counter()
        work()
        wait(device)
        if turn >= warm_up:
            taken.append(time.perf_counter() - start)
    return statistics.median(taken)


def wait(device: str) -> None:
    if device != "cpu":
        import torch

        torch.cuda.synchronize()


def floor_s(gflop: float, device: str) -> float | None:
    """Seconds that so much arithmetic takes at the peak of a known card."""
    if device == "cpu" or not gflop:
        return None
    import torch

    name = torch.cuda.get_device_name()
    peak = next((tflops for card, tflops in PEAK_TFLOPS.items() if card in name), None)
    return None if peak is None else gflop / (peak * 1000)


def peak_bytes(work: Callable[[], object], device: str) -> float:
    """The most memory that was in use meanwhile, on the card or of this process (Linux)."""
    if device == "cpu":
        Path("/proc/self/clear_refs").write_text("5")  # begins its peak anew
        work()
        (peak,) = (line for line in _STATUS.read_text().splitlines() if line.startswith("VmHWM"))
        return int(peak.split()[1]) * 1024
    import torch

    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    work()
    return torch.cuda.max_memory_allocated()


def print_rows(title: str, rows: Sequence[Row]) -> None:
    print(f"\n### {title}\n")
    print("| what | ours | beside it | | unit | ratio | share of the card's peak |")
    print("|---|--:|---|--:|---|--:|--:|")
    for row in rows:
        share = "-" if row.share is None else f"{row.share:.0%}"
        numbers = f"{row.ours:.4g} | {row.beside} | {row.theirs:.4g} | {row.unit} | {row.ratio:.2f} | {share}"
        print(f"| {row.what} | {numbers} |", flush=True)


def machine(device: str) -> str:
    """The line under which the numbers stand."""
    import os

    import torch
    import transformers

    where = f"{os.cpu_count()} processor cores"
    if device != "cpu":
        where = f"{torch.cuda.get_device_name()}, {where}"
    return (
        f"{where}, Python {platform.python_version()}, torch {torch.__version__}, "
        f"transformers {transformers.__version__}"
    )
