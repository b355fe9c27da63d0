"""Folders of trained networks: what is written is read, and what is no such folder is refused by the file's name."""

import json
import os
import struct
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save, save_file

from avfusion.errors import CannotRead, CannotWrite, UsageError
from avfusion.sounding.checkpoint import check_setting_of, check_weights, read_card, read_checkpoint, write_checkpoint
from avfusion.sounding.networks.av2ts import Av2tsNetwork, draw_av2ts
from avfusion.sounding.networks.av2ts_config import AV2TS_TINY
from tests.sounding.networks.test_av2ts import inputs


@pytest.fixture(scope="module")
def network() -> Av2tsNetwork:
    return draw_av2ts(AV2TS_TINY, 3)


@pytest.fixture
def folder(tmp_path: Path, network: Av2tsNetwork) -> Path:
    names = {"wolf": "plain triangle"}
    write_checkpoint(
        tmp_path / "one", kind="av2ts", setting="ms3", size_px=64, names=names, note="2 scenes", network=network
    )
    return tmp_path / "one"


def test_what_is_written_is_read(folder: Path, network: Av2tsNetwork) -> None:
    assert {path.name for path in folder.iterdir()} == {"config.json", "model.safetensors"}
    checkpoint = read_checkpoint(folder)
    card = checkpoint.card
    assert (card.kind, card.setting, card.size_px, card.note) == ("av2ts", "ms3", 64, "2 scenes")
    assert card.names == {"wolf": "plain triangle"}
    assert card.network == network.config == checkpoint.network.config
    rgb, log_mel = inputs(1, 2)
    with torch.no_grad():
        first, again = (one.predict(rgb, log_mel) for one in (network, checkpoint.network))
    assert torch.equal(first.masks[-1], again.masks[-1])
    assert torch.equal(first.classes[-1], again.classes[-1])
    assert read_card(folder) == card


def test_a_checkpoint_takes_the_place_of_another_or_not_at_all(folder: Path) -> None:
    other = draw_av2ts(replace(AV2TS_TINY, classes=71), 4)
    write_checkpoint(folder, kind="av2ts", setting="avss", size_px=32, network=other)
    card = read_checkpoint(folder).card
    assert (card.setting, card.size_px, card.names, card.note) == ("avss", 32, {}, "")
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    (folder / "model.safetensors").unlink()
    (folder / "model.safetensors").mkdir()
    with pytest.raises(CannotWrite, match=r"model\.safetensors"):
        write_checkpoint(folder, kind="av2ts", setting="ms3", size_px=64, network=draw_av2ts(AV2TS_TINY, 5))
    assert (folder / "config.json").read_bytes() == before["config.json"]
    assert {path.name for path in folder.iterdir()} == set(before)
    with pytest.raises(CannotWrite, match="nowhere"):
        write_checkpoint(folder / "nowhere" / "at", kind="av2ts", setting="avss", size_px=32, network=other)


def test_weights_for_another_setting_are_told(folder: Path) -> None:
    checkpoint = read_checkpoint(folder)
    check_setting_of(checkpoint, "ms3")
    for what in (checkpoint, checkpoint.card):
        with pytest.raises(UsageError, match=r"one: these weights are for ms3, not for avss\.$"):
            check_setting_of(what, "avss")


def said(folder: Path, **changes: object) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def network_of(folder: Path, **changes: object) -> dict[str, object]:
    return {**json.loads((folder / "config.json").read_text())["network"], **changes}


def refused(folder: Path, name: str, why: str) -> None:
    with pytest.raises(CannotRead, match=why) as caught:
        read_checkpoint(folder)
    assert str(caught.value).startswith(f"{folder / name}: ")
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < len(str(folder)) + 300
    assert str(caught.value).isprintable()


CARDS: dict[str, tuple[dict[str, object], str]] = {
    "kind": ({"kind": "pickle\n"}, "its kind is"),
    "no kind": ({"kind": None}, "its kind is None"),
    "unhashable kind": ({"kind": []}, "its kind is"),
    "setting": ({"setting": "s5"}, "its setting is 's5'"),
    "classes": ({"setting": "avss"}, "of 2 classes is no av2ts for avss, which has 71"),
    "size": ({"size_px": 100}, "size_px is 100"),
    "larger than any training": ({"size_px": 1056}, "size_px is 1056; it is a multiple of 32, up to 1024"),
    "large": ({"size_px": 32 * 10**6}, "size_px is 32000000"),
    "true": ({"size_px": True}, "size_px is True"),
    "names": ({"names": {"dog": 3}}, "names are words"),
    "note": ({"note": ["x"]}, "note is a line"),
    "network": ({"network": "tiny"}, "network a configuration"),
    "rude network": ({"network": {"\x1b[2J\u202e\ud800" + "x" * 999: 1}}, r"it has no \[2Jxxx"),
    "rude value": ({"network": {"width": "\x1b" * 999}}, "width is "),
    "rude kind": ({"kind": "\x1b\u202e\ud800"}, "its kind is"),
    "many classes": ({"network": {"classes": 10**999}}, "a network of 1000"),
    "odd network": ({"network": {"width": "wide"}}, "no configuration of AV2TS"),
}


@pytest.mark.parametrize(("changes", "why"), CARDS.values(), ids=CARDS)
def test_odd_cards(folder: Path, changes: dict[str, object], why: str) -> None:
    said(folder, **changes)
    refused(folder, "config.json", why)


@pytest.mark.parametrize("text", ["", "{", "[]", "[" * 100_000, '"av2ts"', "\x00\xff", " " * 2**19])
def test_cards_that_are_none(folder: Path, text: str) -> None:
    (folder / "config.json").write_text(text, encoding="latin-1")
    refused(folder, "config.json", "JSON|configuration")


@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
def test_missing_files(folder: Path, name: str) -> None:
    (folder / name).unlink()
    refused(folder, name, "no such file")


NETWORKS: dict[str, dict[str, object]] = {
    "wide": {"width": 10**9},
    "deep": {"decoder_layers": 10**8},
    "negative": {"encoder_hidden": -1},
    "more heads": {"heads": 7},
    "no heads": {"heads": 0},
    "another width": {"width": 64},
    "without an idea": {"temporal_attention": False, "shared_map": False},
    "backbone of three": {"backbone": {"widths": [16, 24, 32]}},
}


@pytest.mark.parametrize("changes", NETWORKS.values(), ids=NETWORKS)
def test_networks_that_the_file_does_not_hold(folder: Path, changes: dict[str, object]) -> None:
    network = network_of(folder)
    for name, value in changes.items():
        known = network[name]
        network[name] = {**known, **value} if isinstance(known, dict) and isinstance(value, dict) else value
    said(folder, network=network)
    with pytest.raises(CannotRead, match=r"no AV2TS|no av2ts|no network") as caught:
        read_checkpoint(folder)
    assert str(folder) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_what_is_said_is_nothing_that_a_terminal_obeys(folder: Path) -> None:
    note = "two\n\tscenes \x1b[31m\x07 of\u2028 \u202emine\ud800, \u732b \u00e9t\u00e9 \U0001f436"
    said(folder, note=note, names={"wolf\x1b": "a \u202ewolf", "car": "train"})
    card = read_card(folder)
    assert card.note == "two scenes [31m of mine, \u732b \u00e9t\u00e9 \U0001f436"
    assert card.names == {"wolf": "a wolf", "car": "train"}


def test_names_of_tensors_are_shown_plainly(folder: Path) -> None:
    path = folder / "model.safetensors"
    state = load_file(path)
    rude = "\x1b[2J\u202e" + "more" * 999
    save_file(state | {rude: torch.zeros(1)}, path)
    refused(folder, "model.safetensors", r"beside it: \[2Jmore.*\.\.\. should be nothing")
    save_file(state | {next(iter(state)): torch.zeros([1] * 500)}, path)
    refused(folder, "model.safetensors", "no av2ts of config.json beside it")


def test_other_weights(folder: Path) -> None:
    path = folder / "model.safetensors"
    state = load_file(path)
    first = next(iter(state))
    for changed in (
        {name: part for name, part in state.items() if name != first},
        state | {first: state[first][:1].contiguous()},
        state | {"more": torch.zeros(1)},
        {},
    ):
        save_file(changed, path)
        refused(folder, "model.safetensors", "no av2ts of config.json beside it")


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_no_numbers(folder: Path, value: float) -> None:
    path = folder / "model.safetensors"
    state = load_file(path)
    state["masks.queries"][0, 0] = value
    save_file(state, path)
    refused(folder, "model.safetensors", "masks.queries has values that are no numbers")
    state["masks.queries"] = state["masks.queries"].nan_to_num(0, 0).bool()
    save_file(state, path)
    refused(folder, "model.safetensors", "masks.queries is of torch.bool")


def framed(header: bytes) -> bytes:
    return struct.pack("<Q", len(header)) + header


def lying_files() -> dict[str, bytes]:
    header = json.dumps({"a": {"dtype": "F32", "shape": [10**6, 10**6], "data_offsets": [0, 4 * 10**12]}}).encode()
    whole = save({"a": torch.zeros(4)})
    return {
        "empty": b"",
        "no bytes of a header": struct.pack("<Q", 0),
        "deep": framed(b"[" * 100_000),
        "a list": framed(b"[]"),
        "tensors that are none": framed(b'{"a": 3}'),
        "without places": framed(b'{"a": {}}'),
        "one place": framed(b'{"a": {"data_offsets": [0]}}'),
        "places in words": framed(b'{"a": {"data_offsets": [0, "x"]}}'),
        "places that are no numbers": framed(b'{"a": {"data_offsets": [0, NaN]}}'),
        "rude kind of number": framed(b'{"a": {"dtype": "\\u001b[2J", "shape": [], "data_offsets": [0, 0]}}'),
        "short": b"abc",
        "pickle": torch.zeros(3).numpy().dumps(),
        "huge header": struct.pack("<Q", 2**62) + b"{}",
        "header of all": struct.pack("<Q", 2**20) + b"{}",
        "claims more": struct.pack("<Q", len(header)) + header + b"\0" * 64,
        "cut": whole[:-3],
        "no JSON": struct.pack("<Q", 4) + b"oops",
        "more at the end": whole + b"\0" * 8,
    }


@pytest.mark.parametrize("data", lying_files().values(), ids=lying_files())
def test_files_that_lie(folder: Path, data: bytes) -> None:
    (folder / "model.safetensors").write_bytes(data)
    refused(folder, "model.safetensors", "no file of safetensors, or cut off")


def test_weights_are_looked_at_without_reading_them(folder: Path) -> None:
    check_weights(folder)
    path = folder / "model.safetensors"
    header = b'{"__metadata__": {"a": "b"}, "a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 1099511627776]}}'
    path.write_bytes(framed(header))
    with pytest.raises(CannotRead, match="1099511627776 bytes of tensors, and 0 there"):
        check_weights(folder)
    os.truncate(path, 8 + len(header) + 2**40)  # a terabyte of nothing, which takes no room
    check_weights(folder)
    refused(folder, "model.safetensors", "no file of safetensors, or cut off")
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(CannotRead, match="there is no such file"):
        check_weights(folder)


def test_half_precision_is_read(folder: Path) -> None:
    path = folder / "model.safetensors"
    save_file({name: part.half() if part.is_floating_point() else part for name, part in load_file(path).items()}, path)
    network = read_checkpoint(folder).network
    rgb, log_mel = inputs(1, 1)
    with torch.no_grad():
        assert network.predict(rgb, log_mel).masks[-1].dtype == torch.float32
