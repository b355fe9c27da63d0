"""A trained network in a folder: config.json says what it is, model.safetensors holds its weights.

write_checkpoint(folder, kind="av2ts", setting="ms3", size_px=128, names={}, note="500 made scenes", network=network)
checkpoint = read_checkpoint(folder)
checkpoint.network.predict(rgb, log_mel)
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol, TypeAlias, get_args

from avfusion.datasets.avs_clip import SETTINGS, Setting
from avfusion.datasets.classes import CLASSES
from avfusion.errors import CannotRead, UsageError
from avfusion.media.target import whole_file, writing
from avfusion.sounding.networks.layers import Drawn, Tensor
from avfusion.sounding.networks.plain_config import as_plain
from avfusion.sounding.networks.stored import in_line

Kind: TypeAlias = Literal["av2ts", "ov-avss"]
KINDS: tuple[Kind, ...] = get_args(Kind)

CONFIG, WEIGHTS, WORDS = "config.json", "model.safetensors", "words"

_CONFIG_BYTES, _HEADER_BYTES = 2**18, 2**21
# A file of safetensors: so many bytes that say how long the header is, the header in JSON, and then all tensors.
_LENGTH_BYTES, _METADATA = 8, "__metadata__"
_NO_WEIGHTS = "no file of safetensors, or cut off"
# As `avfusion train --size` has it: at twice that, a second of a clip takes 20 GB.
_LARGEST_PX = 1024
_STRIDE_PX = 32


class Network(Protocol):
    """What networks of all kinds have in common."""

    @property
    def config(self) -> Any: ...

    def predict(self, rgb: Tensor, log_mel: Tensor) -> Any: ...

    def state(self) -> Drawn: ...

    def on(self, device: str) -> Any: ...


@dataclass(frozen=True)
class Card:
    """What config.json says. size_px: pictures are squashed to squares of that side. names: what words stand for a
    label, where it is not the label itself. note: what it was trained on, in a line. network: its configuration."""

    folder: Path
    kind: Kind
    setting: Setting
    size_px: int
    names: Mapping[str, str]
    note: str
    network: Any

    @property
    def is_open(self) -> bool:
        """Whether the network finds things and leaves it to a model of pictures and words what they are called."""
        return self.kind == "ov-avss" and self.network.classes == 1

    @property
    def words(self) -> Path:
        """The folder of that model, where the network has one of its own."""
        return self.folder / WORDS

    @property
    def needs_clip(self) -> bool:
        """Whether it needs a model that somebody else trained."""
        return self.is_open and not (self.words / CONFIG).is_file()


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """A network, on the CPU, with what its folder says of it."""

    card: Card
    network: Network


def read_card(folder: Path) -> Card:
    """Reads config.json alone, and needs no torch. Raises `CannotRead`, naming the file."""
    path = folder / CONFIG
    values = _json(path)
    kind, setting, size_px = values.get("kind"), values.get("setting"), values.get("size_px")
    if kind not in KINDS:
        raise CannotRead(f"{path}: no checkpoint of {' or '.join(KINDS)}: its kind is {_short(kind)}.")
    if setting not in SETTINGS:
        raise CannotRead(f"{path}: its setting is {_short(setting)}; there are {', '.join(SETTINGS)}.")
    if type(size_px) is not int or not 0 < size_px <= _LARGEST_PX or size_px % _STRIDE_PX:
        raise CannotRead(f"{path}: size_px is {_short(size_px)}; it is a multiple of 32, up to {_LARGEST_PX}.")
    names, note = values.get("names", {}), values.get("note", "")
    if not isinstance(names, dict) or not all(isinstance(words, str) for words in names.values()):
        raise CannotRead(f"{path}: names are words for labels, and not {_short(names)}.")
    if not isinstance(note, str) or not isinstance(values.get("network"), dict):
        raise CannotRead(f"{path}: note is a line, and network a configuration of {kind}.")
    network = _config(kind, values["network"], path)
    _check_classes(kind, setting, network.classes, path)
    # What the file says is printed: labels and the note as well.
    said = {in_line(label, len(label)): in_line(words, len(words)) for label, words in names.items()}
    return Card(folder, kind, setting, size_px, said, in_line(note, len(note)), network)


def check_weights(folder: Path) -> None:
    """Looks at no more of the weights than the header, and needs neither torch nor safetensors. Raises `CannotRead`,
    naming the file, where it is missing, cut off or something else. What passes may still not fit the network."""
    path = folder / WEIGHTS
    if not path.is_file():
        raise CannotRead(f"{path}: there is no such file; a trained network has it.")
    try:
        with path.open("rb") as file:
            first = file.read(_LENGTH_BYTES)
            rest_bytes = path.stat().st_size - _LENGTH_BYTES
            header_bytes = int.from_bytes(first, "little")
            if len(first) < _LENGTH_BYTES or not 0 < header_bytes <= min(_HEADER_BYTES, rest_bytes):
                raise CannotRead(f"{path}: {_NO_WEIGHTS}: its header claims {header_bytes} bytes.")
            header = json.loads(file.read(header_bytes))
        claimed_bytes = max([0, *(part["data_offsets"][1] for name, part in header.items() if name != _METADATA)])
        has_all = claimed_bytes == rest_bytes - header_bytes
    except (OSError, ValueError, RecursionError) as error:
        raise CannotRead(f"{path}: {_NO_WEIGHTS} ({_short(error)}).") from error
    except (AttributeError, LookupError, TypeError) as error:
        raise CannotRead(f"{path}: {_NO_WEIGHTS}: its header is none.") from error
    if not has_all:
        had_bytes = rest_bytes - header_bytes
        raise CannotRead(
            f"{path}: {_NO_WEIGHTS}: {in_line(str(claimed_bytes))} bytes of tensors, and {had_bytes} there."
        )


def read_checkpoint(folder: Path) -> Checkpoint:
    """Raises `CannotRead`, naming the file: where one is missing, is something else, does not fit the configuration, or
    holds what is no number. Sizes are compared before memory is taken for them."""
    card = read_card(folder)
    path = folder / WEIGHTS
    check_weights(folder)
    _check_fits(card, _shapes(path), path)
    return Checkpoint(card, _built(card, _tensors(path), path))


def check_setting_of(checkpoint: Card | Checkpoint, setting: str) -> None:
    """Raises `UsageError` where the weights were trained for another setting."""
    card = checkpoint.card if isinstance(checkpoint, Checkpoint) else checkpoint
    if card.setting != setting:
        raise UsageError(f"{card.folder}: these weights are for {card.setting}, not for {setting}.")


def write_checkpoint(
    folder: Path,
    *,
    kind: Kind,
    setting: Setting,
    size_px: int,
    network: Network,
    names: Mapping[str, str] | None = None,
    note: str = "",
) -> None:
    """Both files whole, or what was there before. The folder is made where there is none. Raises `CannotWrite`."""
    from safetensors.torch import save

    said = {
        "kind": kind, "setting": setting, "size_px": size_px, "network": as_plain(network.config),
        "names": dict(names or {}), "note": note,
    }  # fmt: skip
    weights = save({name: part.detach().cpu().contiguous() for name, part in network.state().items()})
    with writing(folder):
        folder.mkdir(exist_ok=True)
    with whole_file(folder / CONFIG) as config, whole_file(folder / WEIGHTS) as model:
        config.write_text(json.dumps(said, indent=2) + "\n", encoding="utf-8")
        model.write_bytes(weights)


def _json(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise CannotRead(f"{path}: there is no such file; a trained network has it.")
    try:
        if path.stat().st_size > _CONFIG_BYTES:
            raise CannotRead(f"{path}: too large to be the configuration of a network.")
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise CannotRead(f"{path}: cannot be read as JSON ({_short(error)}).") from error
    if not isinstance(values, dict):
        raise CannotRead(f"{path}: no configuration of a network.")
    return values


def _check_classes(kind: Kind, setting: Setting, classes: int, path: Path) -> None:
    with_names = len(CLASSES)
    known = [2 if setting in ("s4", "ms3") else with_names] if kind == "av2ts" else [1, with_names]
    if classes not in known:
        counts = " or ".join(map(str, known))
        raise CannotRead(
            f"{path}: a network of {_short(classes)} classes is no {kind} for {setting}, which has {counts}."
        )


def _config(kind: Kind, values: Mapping[str, Any], path: Path) -> Any:
    from avfusion.sounding.networks.av2ts_config import from_plain as av2ts_from_plain
    from avfusion.sounding.networks.ov_avss_config import from_plain as ov_avss_from_plain

    try:
        return av2ts_from_plain(values, path) if kind == "av2ts" else ov_avss_from_plain(values, path)
    except CannotRead as error:
        # It quotes what is in the file.
        raise CannotRead(f"{path}: {in_line(str(error).removeprefix(f'{path}: ').rstrip('.'))}.") from error


def _built(card: Card, state: Mapping[str, Tensor], path: Path) -> Network:
    if card.kind == "av2ts":
        from avfusion.sounding.networks.av2ts import av2ts_from

        return av2ts_from(card.network, state, path)
    from avfusion.sounding.networks.ov_avss import ov_avss_from

    return ov_avss_from(card.network, state, path)


def _drawn_nowhere(card: Card) -> Network:
    """The network of that configuration in shapes alone."""
    import torch

    from avfusion.sounding.networks.av2ts import draw_av2ts
    from avfusion.sounding.networks.ov_avss import draw_ov_avss

    with torch.device("meta"):
        return draw_av2ts(card.network, 0) if card.kind == "av2ts" else draw_ov_avss(card.network, 0)


def _shapes(path: Path) -> dict[str, tuple[int, ...]]:
    """Of all tensors of a file, by its header alone."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "pt") as file:
            return {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118
    except (OSError, SafetensorError) as error:
        raise CannotRead(f"{path}: {_NO_WEIGHTS} ({_short(error)}).") from error


def _check_fits(card: Card, shapes: Mapping[str, tuple[int, ...]], path: Path) -> None:
    """Raises `CannotRead` where the network of the configuration is of other shapes than the file's."""
    what = f"{card.kind} of {CONFIG} beside it"
    # No layer without a tensor, and no width that is not a side of one: so much may be asked of memory.
    largest = max([len(shapes), *(side for shape in shapes.values() for side in shape)])
    if any(number < 0 or number > largest for number in _numbers(as_plain(card.network))):
        raise CannotRead(f"{path}: no {what}, which is larger than this file.")
    try:
        wanted = {name: tuple(part.shape) for name, part in _drawn_nowhere(card).state().items()}
    except (ValueError, RuntimeError, TypeError, IndexError, ZeroDivisionError, AssertionError) as error:
        raise CannotRead(f"{card.folder / CONFIG}: no network is like that ({_short(error)}).") from error
    for name in [*wanted, *shapes]:
        ours, theirs = wanted.get(name, "nothing"), shapes.get(name, "nothing")
        if ours != theirs:
            raise CannotRead(f"{path}: no {what}: {in_line(name)} should be {ours} and is {in_line(str(theirs))}.")


def _numbers(values: Any) -> Iterator[int]:
    """All whole numbers in a configuration."""
    if isinstance(values, dict | list | tuple):
        for value in values.values() if isinstance(values, dict) else values:
            yield from _numbers(value)
    elif type(values) is int:
        yield values


def _tensors(path: Path) -> Drawn:
    import torch
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        tensors: Drawn = load_file(path)
    except (OSError, SafetensorError) as error:
        raise CannotRead(f"{path}: {_NO_WEIGHTS} ({_short(error)}).") from error
    known = (torch.float32, torch.float16, torch.bfloat16, torch.float64, torch.int64)
    for name, part in tensors.items():
        if part.dtype not in known:
            raise CannotRead(f"{path}: {in_line(name)} is of {part.dtype}, which no weight is.")
        if not bool(torch.isfinite(part).all()):
            raise CannotRead(f"{path}: {in_line(name)} has values that are no numbers: the training went astray.")
    return tensors


def _short(said: object) -> str:
    """In a line, not too long."""
    return in_line((str(said) if isinstance(said, Exception) else repr(said)).rstrip("."))
