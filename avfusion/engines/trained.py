"""Networks that lie in folders on this machine: those that come with the package, and each that was trained here."""

from __future__ import annotations

import re
from collections.abc import Collection
from functools import lru_cache, partial
from pathlib import Path

from avfusion.engines.engine import MIB, Engine, HubFiles
from avfusion.engines.folders import home, hub_snapshot
from avfusion.engines.namers import NAMERS
from avfusion.errors import CannotRead

TRAINED = "trained"
"""Under `home()`: each folder in it is an engine of its name."""

SHIPPED = Path(__file__).parents[1] / "sounding" / "checkpoints"

_CLIP = next(row for row in NAMERS if row.name == "clip-vit-b16")
_CLIP_SOURCE = next(source for source in _CLIP.sources if isinstance(source, HubFiles))

# Of the file itself, of what it becomes, and of pictures on their way through it. What pixels say to each other grows
# with the square of their number: it was measured with the demonstrations, and is a byte for so many pairs.
_TIMES_FILE, _PICTURES_BYTES, _PIXEL_BYTES, _PAIRS_TO_A_BYTE = 3, 600 * MIB, 500, 200
_SHIPPED_BYTES, _SHIPPED_PX = 2 * MIB, 96
_NAMEABLE = re.compile(r"[A-Za-z0-9][\w.-]{0,63}", re.ASCII)
_LONGEST_NOTE, _LONGEST_REASON = 80, 200
_YOURS = "yours"


def trained_engines(taken: Collection[str]) -> tuple[Engine, ...]:
    """A row for each folder, in the order of their names; those that cannot be used say why. taken: names of others."""
    room = home() / TRAINED
    try:
        folders = sorted(path for path in room.iterdir() if path.is_dir() and not path.name.startswith("."))
    except OSError:
        return ()
    return tuple(_row(folder, taken) for folder in folders)


def shipped_engine(name: str, checkpoint: str, words: str) -> Engine:
    """The row of a network that comes with the package, where its folder of that name is there."""
    return _engine(name, SHIPPED / checkpoint, words, "Apache-2.0", _SHIPPED_BYTES, _SHIPPED_PX)


def _row(folder: Path, taken: Collection[str]) -> Engine:
    from avfusion.sounding.checkpoint import check_weights, read_card

    shown = re.sub(r"[^\w.-]", "?", folder.name, flags=re.ASCII)[:64]
    if folder.name in taken:
        return _refused(folder, f"{TRAINED}/{shown}", "its folder has the name of a built-in engine; give it another")
    if not _NAMEABLE.fullmatch(folder.name):
        why = "a name has letters, digits, '.', '_' and '-', 64 at most; give its folder another"
        return _refused(folder, f"{TRAINED}/{shown}", why)
    try:
        card = read_card(folder)
        if weights_of(folder).is_file():  # what is missing is told where an engine is asked for its state
            check_weights(folder)
    except CannotRead as error:
        return _refused(folder, folder.name, _within(folder, str(error)))
    note = card.note if len(card.note) <= _LONGEST_NOTE else f"{card.note[: _LONGEST_NOTE - 3]}..."
    words = f"{card.kind}, trained here for {card.setting}{f': {note}' if note else ''}".rstrip(".")
    found_bytes = weights_bytes(folder)
    return _engine(folder.name, folder, f"{words}.", _YOURS, found_bytes, card.size_px, needs_clip=card.needs_clip)


def _refused(folder: Path, name: str, why: str) -> Engine:
    return _engine(name, folder, "A trained network.", _YOURS, 0, 0, refused=why)


def _within(folder: Path, words: str) -> str:
    """In a line, without the way to the folder, which is nobody's business on a public page."""
    said = " ".join(words.replace(str(folder), f"{TRAINED}/{folder.name}").split())
    return said if len(said) <= _LONGEST_REASON else f"{said[: _LONGEST_REASON - 3]}..."


def _engine(
    name: str,
    folder: Path,
    words: str,
    licence: str,
    weights_bytes: int,
    size_px: int,
    *,
    refused: str = "",
    needs_clip: bool = False,
) -> Engine:
    return Engine(
        name=name,
        ability="sounding",
        words=words,
        licence=licence,
        load=partial(_load, name, folder),
        peak_memory_bytes=_TIMES_FILE * weights_bytes + _bytes_of_pictures(size_px),
        sources=(_CLIP_SOURCE,) if needs_clip else (),
        download_bytes=_CLIP.download_bytes if needs_clip else 0,
        packages=("torch", "torchvision", "transformers", "safetensors"),
        understands=(),
        folder=folder,
        refused=refused,
        paints=True,
    )


def _bytes_of_pictures(size_px: int) -> int:
    """Of as many as are looked at together, squares of that side."""
    pixels = size_px**2
    return _PICTURES_BYTES + _PIXEL_BYTES * pixels + pixels**2 // _PAIRS_TO_A_BYTE


def weights_of(folder: Path) -> Path:
    return folder / "model.safetensors"


def weights_bytes(folder: Path) -> int:
    path = weights_of(folder)
    return path.stat().st_size if path.is_file() else 0


def missing_in(folder: Path) -> str:
    """What a folder must have and has not, in words; "" if nothing."""
    missing = [path.name for path in (folder / "config.json", weights_of(folder)) if not path.is_file()]
    if not missing:
        return ""
    if folder.parent == SHIPPED:
        return f"its weights are not in this installation ({folder.name}/{missing[0]})"
    return f"{_within(folder, str(folder))}: there is no {missing[0]} in it; a finished training leaves one"


def stamp(folder: Path) -> str:
    """Another one when the weights are others; "" where there are none."""
    path = weights_of(folder)
    if not path.is_file():
        return ""
    found = path.stat()
    return f"{found.st_mtime_ns}-{found.st_size}"


def checksum(folder: Path) -> str:
    """Of the weights: the first 12 digits of their SHA-256; "" where there are none."""
    return _checksum(weights_of(folder), mark) if (mark := stamp(folder)) else ""


@lru_cache(maxsize=64)
def _checksum(path: Path, mark: str) -> str:
    """mark: so that it is computed anew for other weights at the same place."""
    from hashlib import file_digest

    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()[:12]


def _load(name: str, folder: Path, device: str) -> object:
    from avfusion.sounding.checkpoint import read_checkpoint

    checkpoint = read_checkpoint(folder)
    if checkpoint.card.kind == "av2ts":
        from avfusion.sounding.av2ts_painter import Av2tsPainter

        return Av2tsPainter(name, checkpoint, device)
    from avfusion.sounding.naming import load_clip_namer
    from avfusion.sounding.ov_avss_painter import OvAvssPainter

    card = checkpoint.card
    clip = hub_snapshot(_CLIP_SOURCE) if card.needs_clip else card.words
    namer = load_clip_namer(clip, name=name, device=device) if card.is_open else None
    return OvAvssPainter(name, checkpoint, namer, device)
