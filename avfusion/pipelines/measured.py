"""What a piece of work takes: its seconds, and the memory that it needs above what was in use before."""

from __future__ import annotations

import ctypes
import gc
import re
import sys
import time
from pathlib import Path

from avfusion.engines.devices import is_card

_STATUS = Path("/proc/self/status")
_CLEAR = Path("/proc/self/clear_refs")
# Writing this sets the peak of the resident set to what is resident now (proc_pid_clear_refs(5)).
_RESET_PEAK = "5"


class PeakMemory:
    """From here on, on a device. On a card what torch allocates there; on the CPU what the process has resident.

    The process is measured whole: what other threads take meanwhile counts too.
    """

    def __init__(self, device: str) -> None:
        self._device = device
        self._before_bytes = self._start()

    def growth_bytes(self) -> int | None:
        """The peak since the start above what was in use at the start; None where that cannot be known."""
        if self._before_bytes is None:
            return None
        if is_card(self._device):
            import torch

            return max(0, int(torch.cuda.max_memory_allocated(self._device)) - self._before_bytes)
        peak_bytes = _resident_bytes("VmHWM")
        return None if peak_bytes is None else max(0, peak_bytes - self._before_bytes)

    def _start(self) -> int | None:
        if is_card(self._device):
            import torch

            torch.cuda.reset_peak_memory_stats(self._device)
            return int(torch.cuda.memory_allocated(self._device))
        if self._device != "cpu" or sys.platform != "linux":
            return None
        _give_back()
        try:
            _CLEAR.write_text(_RESET_PEAK)
        except OSError:  # a container that does not allow it
            return None
        return _resident_bytes("VmRSS")


class Stopwatch:
    """Seconds since it was made. Work that a card was given is done when it starts, and when it is read."""

    def __init__(self, device: str) -> None:
        self._device = device
        _finish(device)
        self._started_s = time.perf_counter()

    def seconds(self) -> float:
        _finish(self._device)
        return time.perf_counter() - self._started_s


def _finish(device: str) -> None:
    """Cards work behind the program's back."""
    if is_card(device):
        import torch

        torch.cuda.synchronize(device)
    elif device == "mps":
        import torch

        torch.mps.synchronize()


def _give_back() -> None:
    """Hands freed memory to the system: what is used again without being asked for would not show as growth."""
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc has it
    if trim is not None:
        trim(0)


def _resident_bytes(field: str) -> int | None:
    """VmRSS or VmHWM of this process."""
    found = re.search(rf"^{field}:\s+(\d+) kB$", _STATUS.read_text(), re.MULTILINE)
    return None if found is None else int(found[1]) * 1024
