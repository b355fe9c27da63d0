"""Devices and memory budgets."""

import pytest

from avfusion.engines.devices import memory_budget, parse_bytes, pick_device
from avfusion.engines.engine import Engine
from avfusion.errors import EngineNotReady, UsageError

PLAIN = Engine("plain", "tracking", "For tests.", "none", lambda device: None, 1)
NEURAL = Engine("neural", "tracking", "For tests.", "none", lambda device: None, 1, packages=("torch",))


@pytest.mark.parametrize("wanted", ["auto", "cpu", "cuda", "cuda:1", "mps"])
def test_engines_without_torch_work_on_the_cpu(wanted: str) -> None:
    assert pick_device(PLAIN, wanted) == "cpu"


@pytest.mark.parametrize("wanted", ["", "gpu", "cuda:", "cuda:x", "CPU"])
def test_what_is_no_device_is_refused(wanted: str) -> None:
    with pytest.raises(UsageError, match="not a device"):
        pick_device(PLAIN, wanted)


def test_neural_engines_take_the_best_device_there_is() -> None:
    torch = pytest.importorskip("torch")
    best = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    assert pick_device(NEURAL) == best
    assert pick_device(NEURAL, "cpu") == "cpu"
    missing = f"cuda:{torch.cuda.device_count()}"
    with pytest.raises(EngineNotReady, match=f"{missing}: there is no such device"):
        pick_device(NEURAL, missing)


@pytest.mark.parametrize(
    ("words", "count"),
    [
        ("8000000000", 8 * 10**9),
        ("24GB", 24 * 10**9),
        ("24 gb", 24 * 10**9),
        ("1.5GiB", 3 * 2**29),
        ("800MB", 8 * 10**8),
    ],
)
def test_amounts_of_memory(words: str, count: int) -> None:
    assert parse_bytes(words) == count


@pytest.mark.parametrize("words", ["much", "-1GB", "24 TB", "GB", "1e9"])
def test_what_is_no_amount_of_memory_is_refused(words: str) -> None:
    with pytest.raises(UsageError, match="AVFUSION_GPU_MEMORY"):
        parse_bytes(words)


def test_the_variable_is_for_cards_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AVFUSION_GPU_MEMORY", "3GB")
    assert memory_budget("cuda") == memory_budget("cuda:1") == 3 * 10**9
    assert memory_budget("cpu") > 0
    monkeypatch.setenv("AVFUSION_GPU_MEMORY", "much")
    assert memory_budget("cpu") > 0
