"""States against a hub cache as huggingface_hub lays it out, and packages that are there or not."""

from pathlib import Path

import pytest

from avfusion.engines.engine import Engine, HubFiles, WebFile, Weights
from avfusion.engines.folders import hub_snapshot, weights_file
from avfusion.engines.state import revision, size, state

COMMIT = "0123456789abcdef0123456789abcdef01234567"


def engine(source: Weights | None = None, *, packages: tuple[str, ...] = ()) -> Engine:
    sources = () if source is None else (source,)
    return Engine("some", "tracking", "For tests.", "none", lambda device: None, 1, sources, 38_900_000, packages)


def hub(*files: str, gated: bool = False) -> HubFiles:
    """The last of the files are the weights."""
    return HubFiles("someone/some-model", COMMIT, files[:-1], files[-1:], gated)


def put(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"weights")


def test_nothing_needed_is_ready() -> None:
    assert state(engine()).is_ready
    assert state(engine(packages=("numpy",))).is_ready


def test_a_missing_package_is_named_and_those_that_are_there_are_not() -> None:
    found = state(engine(packages=("numpy", "no-such-package-anywhere")))
    assert (found.kind, found.words) == ("needs package", "needs a package: pip install no-such-package-anywhere")


def test_hub_weights_are_ready_when_every_file_of_that_commit_is_there() -> None:
    source = hub("config.json", "model.safetensors")
    assert state(engine(source)).kind == "needs download"
    put(hub_snapshot(source) / "config.json")
    found = state(engine(source))
    assert found.kind == "needs download"
    assert "39 MB" in found.words
    assert "avfusion engines pull some" in found.words
    put(hub_snapshot(source) / "model.safetensors")
    assert state(engine(source)).is_ready


def test_our_snapshot_path_is_the_hub_s_own() -> None:
    """huggingface_hub must find what we find; its constants were read at the session's start."""
    import huggingface_hub
    from huggingface_hub import constants

    source = hub("model.safetensors")
    cache = Path(constants.HF_HUB_CACHE)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HF_HOME", str(cache.parent))
        put(hub_snapshot(source) / "model.safetensors")
    found = huggingface_hub.try_to_load_from_cache("someone/some-model", "model.safetensors", revision=COMMIT)
    assert found == str(cache / "models--someone--some-model" / "snapshots" / COMMIT / "model.safetensors")


def test_any_of_the_kinds_of_weights_will_do() -> None:
    source = HubFiles("someone/some-model", COMMIT, ("config.json",), ("model.safetensors", "pytorch_model.bin"))
    put(hub_snapshot(source) / "config.json")
    assert not state(engine(source)).is_ready
    put(hub_snapshot(source) / "pytorch_model.bin")
    assert state(engine(source)).is_ready


def test_a_branch_is_the_commit_that_was_fetched() -> None:
    source = HubFiles("someone/some-model", "main", (), ("model.safetensors",))
    put(hub_snapshot(HubFiles("someone/some-model", COMMIT)) / "model.safetensors")
    assert not state(engine(source)).is_ready
    reference = hub_snapshot(HubFiles("someone/some-model", COMMIT)).parents[1] / "refs" / "main"
    reference.parent.mkdir()
    reference.write_text(COMMIT)
    assert state(engine(source)).is_ready


def test_an_engine_needs_all_its_sources() -> None:
    sources = tuple(WebFile("https://example.org/weights.pt", digit * 64) for digit in "ab")
    row = Engine("some", "tracking", "For tests.", "none", lambda device: None, 1, sources, 1)
    put(weights_file(sources[0]))
    assert state(row).kind == "needs download"
    put(weights_file(sources[1]))
    assert state(row).is_ready


def test_a_download_that_was_cut_short_is_not_ready() -> None:
    source = hub("model.safetensors")
    link = hub_snapshot(source) / "model.safetensors"
    link.parent.mkdir(parents=True)
    link.symlink_to("../../blobs/not-there-yet")
    assert state(engine(source)).kind == "needs download"


def test_hub_cache_can_lie_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    put(tmp_path / "models--someone--some-model" / "snapshots" / COMMIT / "model.safetensors")
    assert state(engine(hub("model.safetensors"))).is_ready


@pytest.mark.parametrize("how", ["environment", "file"])
def test_gated_weights_ask_for_access_until_there_is_a_token(
    how: str, own_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HF_TOKEN", raising=False)
    source = hub("model.safetensors", gated=True)
    found = state(engine(source))
    assert found.kind == "gated"
    assert "https://huggingface.co/someone/some-model" in found.words
    if how == "environment":
        monkeypatch.setenv("HF_TOKEN", "token")
    else:
        put(own_home / "huggingface" / "token")
    assert state(engine(source)).kind == "needs download"


def test_gated_weights_that_are_here_are_ready_without_a_token() -> None:
    source = hub("model.safetensors", gated=True)
    put(hub_snapshot(source) / "model.safetensors")
    assert state(engine(source)).is_ready


def test_a_file_is_known_by_its_checksum() -> None:
    old, new = (WebFile("https://example.org/weights.pt", digit * 64) for digit in "ab")
    put(weights_file(old))
    assert state(engine(old)).is_ready
    assert state(engine(new)).kind == "needs download"


@pytest.mark.parametrize(
    ("count", "words"),
    [(0, "0"), (1, "1 MB"), (155_400_000, "155 MB"), (999_999_999, "1000 MB"), (2_560_000_000, "2.6 GB")],
)
def test_sizes_are_said_in_powers_of_ten(count: int, words: str) -> None:
    assert size(count) == words


def test_the_revision_is_the_commit_that_was_fetched_or_the_checksum() -> None:
    named = HubFiles("someone/some-model", COMMIT)
    branch = HubFiles("someone/other-model", "main")
    reference = hub_snapshot(branch).parents[1] / "refs" / "main"
    reference.parent.mkdir(parents=True)
    reference.write_text("f" * 40 + "\n")
    file = WebFile("https://example.org/weights.pt", "0123456789ab" + "c" * 52)
    row = Engine("some", "tracking", "For tests.", "none", lambda device: None, 1, (named, branch, file))
    assert revision(row) == f"{COMMIT}+{'f' * 40}+0123456789ab"
    assert revision(engine()) == ""


@pytest.mark.parametrize(
    ("torch", "asks", "wrong"),
    [
        ("2.11.0", "torch==2.11.0", False),
        ("2.11.0+cpu", "torch (==2.11.0)", False),
        ("2.12.0", "torch==2.11.0", True),
        ("2.12.0+cu130", "torch (==2.11.0)", True),
        ("2.12.0", "torch>=2", False),
        ("2.12.0", "numpy", False),
    ],
)
def test_a_torchvision_for_another_torch_is_said(
    torch: str, asks: str, wrong: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, version, more in (("torch", torch, ""), ("torchvision", "0.26.0", f"Requires-Dist: {asks}\n")):
        folder = tmp_path / f"{name}-{version}.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{more}")
    monkeypatch.syspath_prepend(tmp_path)
    found = state(engine(packages=("torch", "torchvision")))
    assert found.kind == ("needs package" if wrong else "ready")
    if wrong:
        assert found.words == (
            f"torchvision 0.26.0 is a build for torch 2.11.0, and {torch} is here: "
            "install both from the same package index"
        )
    assert state(engine(packages=("torch",))).is_ready
