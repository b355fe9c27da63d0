"""Seconds and memory of a piece of work, by real work and real allocations."""

import sys
import time

import numpy as np
import pytest

from avfusion.pipelines.measured import PeakMemory, Stopwatch

MIB = 2**20


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells the peak of a process")
def test_the_peak_is_seen_after_the_memory_was_given_back() -> None:
    memory = PeakMemory("cpu")
    block = np.ones(96 * MIB, np.uint8)
    del block
    growth = memory.growth_bytes()
    assert growth is not None
    assert 90 * MIB < growth < 160 * MIB


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells the peak of a process")
def test_what_came_before_the_start_does_not_count() -> None:
    block = np.ones(96 * MIB, np.uint8)
    del block
    growth = PeakMemory("cpu").growth_bytes()
    assert growth is not None
    assert growth < 32 * MIB


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells the peak of a process")
def test_the_same_work_needs_the_same_when_it_is_done_again() -> None:
    """Small pieces come from a heap, which keeps what was freed below a piece that is still in use."""
    kept = []

    def grown() -> int:
        memory = PeakMemory("cpu")
        pieces = [np.ones(64 * 1024, np.uint8) for _ in range(1024)]
        kept.append(pieces.pop())
        del pieces
        growth = memory.growth_bytes()
        assert growth is not None
        return growth

    grown()
    assert grown() > 56 * MIB


@pytest.mark.gpu
def test_a_card_is_asked_what_was_allocated_on_it() -> None:
    torch = pytest.importorskip("torch")
    if not torch.cuda.is_available():
        pytest.skip("no card here")
    kept = torch.ones(32 * MIB, dtype=torch.uint8, device="cuda")
    memory = PeakMemory("cuda")
    block = torch.ones(96 * MIB, dtype=torch.uint8, device="cuda")
    del block
    assert memory.growth_bytes() == 96 * MIB
    assert kept.numel() == 32 * MIB


def test_where_it_cannot_be_known_it_is_not_guessed() -> None:
    assert PeakMemory("mps").growth_bytes() is None


def test_a_stopwatch_counts_from_its_start() -> None:
    watch = Stopwatch("cpu")
    time.sleep(0.02)
    first = watch.seconds()
    assert first >= 0.02
    assert watch.seconds() >= first
