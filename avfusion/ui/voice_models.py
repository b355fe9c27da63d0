"""Files of trained voices that a visitor brings: what each is, and which of them belong together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Literal

from avfusion.errors import AvfusionError, UsageError
from avfusion.ui import words
from avfusion.voice.inspect_file import FileFacts, inspect_file
from avfusion.voice.opening import ModelFiles

Part = Literal["weights", "config", "index", "clusters", "speaker_encoder", ""]

_PARTS: dict[str, tuple[Part, ...]] = {
    "so-vits": ("config", "clusters"),
    "rvc": ("index",),
    "autovc": ("speaker_encoder",),
}
"""What goes with the weights of an engine."""


@dataclass(frozen=True)
class Brought:
    """One file. part: what it serves as; empty for one that cannot be used, and `problem` says why. said: its kind."""

    path: Path
    part: Part = ""
    engine: str = ""
    said: str = ""
    notes: tuple[str, ...] = ()
    problem: str = ""


def look_into(path: Path) -> Brought:
    """Reads the file; nothing in it runs."""
    if path.suffix.lower() == ".json":
        return Brought(path, "config", said="the config of a so-vits voice")
    try:
        facts = inspect_file(path)
    except AvfusionError as error:
        return Brought(path, problem=str(error))
    part = _part_of(facts)
    if not part:
        return Brought(path, problem=f"{path}: {facts.kind}. {' '.join(facts.notes)}".strip())
    return Brought(path, part, facts.engine, _said(facts), facts.notes)


def _part_of(facts: FileFacts) -> Part:
    if facts.engine:
        return "weights"
    if facts.path.suffix.lower() == ".index":
        return "index"
    if "speaker encoder" in facts.kind:
        return "speaker_encoder"
    if "k-means" in facts.kind:
        return "clusters"
    return ""


def _said(facts: FileFacts) -> str:
    pitch = {True: "follows the pitch", False: "makes its own melody", None: ""}[facts.follows_pitch]
    rate = f"{facts.rate_hz} Hz" if facts.rate_hz else ""
    speakers = f"{facts.speakers} speakers" if facts.speakers and facts.speakers > 1 else ""
    parts = (facts.kind, facts.version, rate, pitch, speakers, facts.trained)
    return ", ".join(part for part in parts if part)


def lines(models: Sequence[Brought]) -> str:
    """A line for each file: what it is and what to know, or why it cannot be used."""
    return "".join(_line(model) for model in models)


def _line(model: Brought) -> str:
    if model.problem:
        return words.problem(UsageError(model.problem), model.path)
    notes = escape(" ".join(model.notes))
    more = f" <span>{notes}</span>" if notes else ""
    return f'<p class="note taken"><b>{words.file_name(model.path.name)}</b> {escape(model.said)}.{more}</p>'


def by_engine(models: Sequence[Brought]) -> dict[str, ModelFiles]:
    """The voice of each engine for which there are weights; of two files for one thing the last counts."""
    newest: dict[Part, Path] = {model.part: model.path for model in models if model.part not in ("", "weights")}
    voices: dict[str, ModelFiles] = {}
    for model in models:
        if model.part == "weights":
            rest: dict[str, Path] = {part: newest[part] for part in _PARTS.get(model.engine, ()) if part in newest}
            voices.pop(model.engine, None)
            voices[model.engine] = ModelFiles(model.path, **rest)
    return voices


def voice_for(models: Sequence[Brought], engine: str) -> tuple[str, ModelFiles]:
    """An engine and the files for it; with `auto` those that came last. Raises `UsageError` where there are none."""
    voices = by_engine(models)
    if not voices:
        problems = [model.problem for model in models if model.problem]
        raise UsageError(problems[-1] if problems else "There is no voice among these files. Give its weights too.")
    name = list(voices)[-1] if engine == "auto" else engine
    if name not in voices:
        raise UsageError(
            f"{name} has no voice among these files: they are for {', '.join(voices)}. Choose that engine."
        )
    return name, voices[name]
