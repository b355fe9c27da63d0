"""Model files that a user brings (`.pth`, `.pt`, `.ckpt`) -> tensors by name. What is in them is read, never run."""

from __future__ import annotations

import re
import stat
import warnings
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from avfusion.errors import CannotRead
from avfusion.voice.layers import Shape, Tensor, Weights

# A weight kept as length and direction (T. Salimans and D. Kingma, 2016), as torch named the two before and after 2.0.
_LENGTHS = (".weight_g", ".parametrizations.weight.original0")
_DIRECTIONS = (".weight_v", ".parametrizations.weight.original1")
_OTHERS = {".safetensors": "a file of safetensors", ".onnx": "an ONNX model", ".index": "an index"}
# The largest voices and content encoders are some 400 MB, checkpoints of their training a good 1 GB.
LARGEST_BYTES = 4_000_000_000
# Beyond the bytes of the file itself, what a zip that torch wrote may say that it holds.
_SLACK_BYTES = 1_000_000


def read_file(path: Path) -> Any:
    """What `torch.save` wrote, on the CPU: tensors and plain values alone.

    Raises CannotRead for a file that is missing, damaged, or holds anything that could run code; it is not run.
    """
    import torch

    try:
        _refuse_by_its_looks(path)
        with warnings.catch_warnings():  # what torch would like its developers to know of old files
            warnings.simplefilter("ignore")
            return torch.load(path, map_location="cpu", weights_only=True)
    except torch.serialization.pickle.UnpicklingError as error:  # type: ignore[attr-defined]
        what = re.search(r"(?:GLOBAL|global|class|function) ([\w.]+\.\w+)", str(error))
        held = f" ({what[1]})" if what else ""
        raise CannotRead(
            f"{path}: refused, because it is damaged or holds more than tensors and plain values{held}; nothing in it "
            "was run. Get the file again from whom you trust."
        ) from error
    except EOFError as error:
        raise CannotRead(f"{path}: is empty or ends too early. Get it again.") from error
    except FileNotFoundError as error:
        raise CannotRead(f"{path}: there is no such file. Give a model file.") from error
    except OSError as error:
        raise CannotRead(
            f"{path}: cannot be read as a model file ({error.strerror or 'it is damaged'}). Get it again."
        ) from error
    except MemoryError as error:
        raise CannotRead(f"{path}: cannot be read as a model file: it does not fit into memory.") from error
    except (
        LookupError, zipfile.BadZipFile, RuntimeError, ValueError, TypeError, AttributeError, AssertionError
    ) as error:  # fmt: skip
        # What torch says of it is for those who call torch, and may advise them to run what is in the file.
        raise CannotRead(
            f"{path}: cannot be read as a model file (torch did not write it, or it is damaged). Get it again."
        ) from error


def _refuse_by_its_looks(path: Path) -> None:
    """Raises CannotRead for what is no file of torch, and for one that would become far larger in memory; OSError."""
    refuse_what_is_no_file(path, LARGEST_BYTES)
    with path.open("rb") as file:
        is_safetensors = file.read(10)[8:] == b'{"'
    suffix = ".safetensors" if is_safetensors else path.suffix
    if suffix in _OTHERS:
        raise CannotRead(f"{path}: is {_OTHERS[suffix]}, which is not taken here. Give the voice's .pth, .pt or .ckpt.")
    if not zipfile.is_zipfile(path):
        return
    with zipfile.ZipFile(path) as parts:
        held_bytes = sum(part.file_size for part in parts.infolist())
    if held_bytes > path.stat().st_size + _SLACK_BYTES:
        raise CannotRead(
            f"{path}: refused, because it is compressed, which torch never does, and would fill {held_bytes} bytes. "
            "Get the file again from whom you trust."
        )


def refuse_what_is_no_file(path: Path, largest_bytes: int) -> None:
    """Raises CannotRead for a folder, a device, a pipe, and a file of more bytes; OSError."""
    facts = path.stat()
    if stat.S_ISDIR(facts.st_mode):
        raise CannotRead(f"{path}: is a folder. Give the file in it.")
    if not stat.S_ISREG(facts.st_mode):
        raise CannotRead(f"{path}: is no file but a device or a pipe. Give the file itself.")
    if facts.st_size > largest_bytes:
        raise CannotRead(
            f"{path}: is too large for a part of a voice ({facts.st_size / 1e6:.0f} MB, where up to "
            f"{largest_bytes / 1e6:.0f} MB are taken). Give another file."
        )


def check_own_memory(path: Path, weights: Iterable[Any]) -> None:
    """Raises CannotRead for a tensor of more numbers than are kept of it: one number a million times takes no room in
    a file, and all the memory as soon as it is used."""
    for value in weights:
        if value.numel() * value.element_size() > value.untyped_storage().nbytes():
            raise CannotRead(
                f"{path}: refused, because it holds a weight that is larger than what is kept of it. Get the file "
                "again from whom you trust."
            )


def as_weights(path: Path, found: object) -> dict[str, Tensor]:
    """Tensors by name, floating ones as float32. Raises CannotRead where there are none, or not only such."""
    import torch

    if not isinstance(found, Mapping) or not found:
        raise CannotRead(f"{path}: holds no weights.")
    for name, value in found.items():
        is_plain = isinstance(value, torch.Tensor) and value.layout is torch.strided and not value.is_quantized
        if not isinstance(name, str) or not is_plain:
            raise CannotRead(f"{path}: holds {name!r} where a weight belongs.")
    check_own_memory(path, found.values())
    weights = {name: value.detach() for name, value in found.items()}
    weights = {name: value.float() if value.is_floating_point() else value for name, value in weights.items()}
    broken = next((name for name, value in weights.items() if not torch.isfinite(value).all()), None)
    if broken is not None:
        raise CannotRead(f"{path}: its weights are not numbers ({broken}). The training of this model went wrong.")
    return weights


def without_weight_norm(path: Path, weights: Weights) -> dict[str, Tensor]:
    """Weights kept as length and direction, under either of torch's names, as the one tensor `...weight` they are.

    Length and direction are those of each entry of the first axis. Raises CannotRead where one of the two is missing.
    """
    plain: dict[str, Tensor] = {}
    for name, value in weights.items():
        ending = next((end for end in (*_LENGTHS, *_DIRECTIONS) if name.endswith(end)), None)
        if ending is None:
            plain[name] = value
            continue
        stem = name.removesuffix(ending)
        length, direction = (
            next((weights[stem + end] for end in ends if stem + end in weights), None)
            for ends in (_LENGTHS, _DIRECTIONS)
        )
        if length is None or direction is None or f"{stem}.weight" in weights:
            raise CannotRead(f"{path}: is not whole: of {stem} it has the weight's length or direction alone.")
        plain[f"{stem}.weight"] = _scaled(path, stem, length, direction)
    return plain


def _scaled(path: Path, stem: str, length: Tensor, direction: Tensor) -> Tensor:
    if tuple(length.shape) != (*direction.shape[:1], *([1] * (direction.ndim - 1))):
        shapes = f"{tuple(length.shape)} and {tuple(direction.shape)}"
        raise CannotRead(f"{path}: the length and the direction of the weight {stem} have the shapes {shapes}.")
    axes = tuple(range(1, direction.ndim))
    return direction * (length / direction.norm(dim=axes, keepdim=True))


def check_shapes(path: Path, weights: Weights, expected: Mapping[str, Shape], *, of: str) -> None:
    """Raises CannotRead unless the tensors are those expected, none missing and none left over. of: their network."""
    missing = sorted(expected.keys() - weights.keys())
    extra = sorted(weights.keys() - expected.keys())
    wrong = [name for name, shape in expected.items() if name in weights and tuple(weights[name].shape) != shape]
    if wrong:
        name = wrong[0]
        held, wanted = (" x ".join(map(str, shape)) or "one number" for shape in (weights[name].shape, expected[name]))
        raise CannotRead(
            f"{path}: its config and its weights do not match: {name} is {held}, where {of} has {wanted} "
            f"({len(wrong)} tensors differ). Give the config that belongs to these weights."
        )
    if missing or extra:
        said = [
            f"{words} {len(names)} ({names[0]}, ...)"
            for words, names in (("lacks", missing), ("has beyond it", extra))
            if names
        ]
        raise CannotRead(f"{path}: is not {of}: of its tensors it {' and '.join(said)}.")
