"""`avfusion engines pull` against a hub on this machine."""

from collections.abc import Iterator

import pytest

from avfusion.cli import main
from tests.engines.hub_server import Hub, serving

NAME = "segformer-b0-ade"
FILES = {"config.json": b"{}", "preprocessor_config.json": b"{}", "model.safetensors": bytes(3_000_000)}


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    monkeypatch.delenv("HF_HUB_OFFLINE")
    with serving(Hub(FILES, "nvidia/segformer-b0-finetuned-ade-512-512")) as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        yield hub


def test_pull_fetches_says_how_far_it_is_and_fetches_once(hub: Hub, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["engines", "pull", NAME]) == 0
    out, err = capsys.readouterr()
    assert out == f"{NAME}: fetched.\n"
    steps = err.splitlines()
    assert (steps[0], steps[-1]) == (f"{NAME} 0 % of 3 MB", f"{NAME} 100 % of 3 MB")
    assert len(steps) <= 11
    hub.asked.clear()
    assert main(["engines", "pull", NAME]) == 0
    assert capsys.readouterr().out == f"{NAME} is here already.\n"
    assert hub.asked == []


def test_quiet_says_only_what_came_of_it(hub: Hub, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["engines", "pull", NAME, "--quiet"]) == 0
    assert capsys.readouterr() == (f"{NAME}: fetched.\n", "")


def test_without_a_name_those_of_the_variable_are_pulled(
    hub: Hub, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["engines", "pull"]) == 2
    assert "AVFUSION_PRELOAD" in capsys.readouterr().err
    monkeypatch.setenv("AVFUSION_PRELOAD", f"{NAME},grabcut")
    assert main(["engines", "pull", "--quiet"]) == 0
    assert capsys.readouterr().out == f"{NAME}, grabcut: here.\n"


def test_several_are_pulled_with_commas_between(hub: Hub, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["engines", "pull", f"{NAME},nope", "--quiet"]) == 2
    assert "nope: there is no engine of that name" in capsys.readouterr().err
    assert hub.asked == [], "nothing is fetched where one of them is none"
    assert main(["engines", "pull", f"{NAME}, grabcut", "--quiet"]) == 0
    assert capsys.readouterr().out == f"{NAME}: fetched.\ngrabcut has no weights: there is nothing to fetch.\n"
    assert main(["engines", "pull", ","]) == 2
    assert "which engine?" in capsys.readouterr().err


def test_offline_and_wrong_names_are_one_line(
    hub: Hub, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["engines", "pull", "segformer-b9-ade"]) == 2
    assert "Did you mean segformer-b" in capsys.readouterr().err
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert main(["engines", "pull", NAME]) == 4
    err = capsys.readouterr().err
    assert "HF_HUB_OFFLINE is set" in err
    assert err.count("\n") == 1
    assert hub.asked == []


def test_a_download_that_does_not_load_fails_the_check(hub: Hub, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["engines", "pull", NAME, "--quiet"]) == 0
    capsys.readouterr()
    assert main(["engines", "check"]) == 4
    out, err = capsys.readouterr()
    (row,) = [line for line in out.splitlines() if line.startswith(NAME)]
    assert "fails" in row
    assert NAME in err
