"""A run as a file: what was asked of which inputs, readable, strict when read, replayed anywhere to the same result.

    {
      "avfusion_job": 1,
      "verb": "swap",
      "inputs": {"clip": {"path": "inputs/clip/talking.mp4", "sha256": "9f86d08188..."}},
      "prompts": [{"kind": "point", "x": 320, "y": 180, "keep": true, "frame": 0, "object": 1}],
      "options": {"background": "#204060"},
      "settings": {"edges": "soft", "encoding": {"quality": 18}},
      "engines": {"engine": "flow", "segmenter": "grabcut", "device": "auto"},
      "span": [0, 48],
      "out": "swapped.mp4",
      "also": {"matte": "matte.mp4"},
      "revisions": {}
    }

Paths are relative to the file's folder and stay inside it.
"""

from __future__ import annotations

import json
import re
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Any, NoReturn, TypeAlias

from avfusion.clip import Box, Drawn, Point, Prompt, Scribble, Sounding, Words
from avfusion.errors import CannotRead, UsageError
from avfusion.jobs.plain import as_plain, from_plain, of_type
from avfusion.jobs.schema import VERBS, Verb
from avfusion.media.container import said
from avfusion.media.target import whole_file

VERSION = 1
_VERSION_KEY = "avfusion_job"
_LONGEST_BYTES = 16 * 2**20
_LONGEST_PATH_BYTES, _LONGEST_NAME_BYTES = 4096, 255
_NAME = re.compile(r"[a-z][a-z_]*(-[1-9][0-9]{0,3})?")
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Input:
    """A file or a folder. path: relative to the job file's folder, with slashes. sha256: of what is in it."""

    path: str
    sha256: str


@dataclass(frozen=True)
class DrawnInput:
    """A mask given by the user that lies in a PNG among the inputs: `mask` is the input's name."""

    mask: str
    frame: int = 0
    object: int = 1


JobPrompt: TypeAlias = Point | Box | Scribble | Words | Sounding | DrawnInput

_KINDS: dict[str, type[Any]] = {
    "point": Point, "box": Box, "scribble": Scribble, "words": Words, "sounding": Sounding, "drawn": DrawnInput,
}  # fmt: skip


@dataclass(frozen=True)
class Job:
    """One run. verb, inputs by name, the log of prompts, the verb's settings and options (`avfusion.jobs.schema`).

    engines: what was asked for, by the name of the parameter. span: frames (start, stop); None: all. out: the name of
    the result's file; also: those of the other files that were asked for. revisions: ability -> which weights made the
    result, once it was made.
    """

    verb: str
    inputs: Mapping[str, Input]
    out: str
    settings: Any
    options: Any
    prompts: tuple[JobPrompt, ...] = ()
    engines: Mapping[str, str] = field(default_factory=dict)
    span: tuple[int, int] | None = None
    also: Mapping[str, str] = field(default_factory=dict)
    revisions: Mapping[str, str] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        names = {kind: name for name, kind in _KINDS.items()}
        return {
            _VERSION_KEY: VERSION,
            "verb": self.verb,
            "inputs": {name: as_plain(one) for name, one in self.inputs.items()},
            "prompts": [{"kind": names[type(prompt)], **as_plain(prompt)} for prompt in self.prompts],
            "options": as_plain(self.options),
            "settings": as_plain(self.settings),
            "engines": dict(self.engines),
            "span": None if self.span is None else list(self.span),
            "out": self.out,
            "also": dict(self.also),
            "revisions": dict(self.revisions),
        }

    def written(self) -> str:
        return json.dumps(self.as_json(), indent=2) + "\n"


def write_job(job: Job, path: Path) -> None:
    """Raises `CannotWrite`."""
    with whole_file(path) as part:
        part.write_text(job.written(), encoding="utf-8")


def read_job(path: Path, wanted: str = "Give the id of a job, or a job file.") -> Job:
    """The job in a file. Raises `CannotRead`, and `UsageError` that names the key for whatever is not as it should be.

    wanted: what whoever asks takes, for the message. Nothing that the job names is opened.
    """
    try:
        found = path.stat()
        # A pipe would make its reader wait for ever.
        if not stat.S_ISREG(found.st_mode):
            raise CannotRead(f"{path}: is no file, or a pipe or device. {wanted}")
        if found.st_size > _LONGEST_BYTES:
            raise UsageError(f"{path}: a job file has {_LONGEST_BYTES // 2**20} MB at most.")
        text = path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise CannotRead(f"{path}: cannot be read ({said(error)}). {wanted}") from error
    return parse_job(text, f"{path}: ")


def parse_job(text: str, where: str = "") -> Job:
    """The job in a text; where: what messages begin with. Raises `UsageError`."""
    return job_of(strict_json(text, where), where)


def strict_json(text: str, where: str = "") -> Any:
    """What a text of JSON says. Raises `UsageError`, also for a key that is there twice and for what is no number."""
    try:
        return json.loads(text, parse_constant=_no_constant, object_pairs_hook=_without_doubles)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{where}this is no job: {said(error)}.") from error


def job_of(plain: Any, where: str = "") -> Job:
    """The job in what JSON gave. Raises `UsageError`."""
    try:
        return _job(plain)
    except UsageError as error:
        raise UsageError(f"{where}{error}") from error


def _job(plain: Any) -> Job:
    if not isinstance(plain, dict) or _VERSION_KEY not in plain:
        raise UsageError(f"this is no job: there is no {_VERSION_KEY}.")
    if plain[_VERSION_KEY] != VERSION:
        raise UsageError(f"{_VERSION_KEY}: version {plain[_VERSION_KEY]!r} is not known here, only {VERSION}.")
    known = (_VERSION_KEY, "verb", "inputs", "prompts", "options", "settings", "engines", "span", "out", "also",
             "revisions")  # fmt: skip
    for key in plain:
        if key not in known:
            raise UsageError(f"{key}: there is no such key in a job. There are {', '.join(known)}.")
    for key in ("verb", "inputs", "out"):
        if key not in plain:
            raise UsageError(f"{key}: is missing.")
    name = of_type(str, plain["verb"], "verb")
    if name not in VERBS:
        raise UsageError(f"verb: {name!r} is none of {', '.join(VERBS)}.")
    verb = VERBS[name]
    inputs = _inputs(plain["inputs"], verb)
    also = {key: _file_name(value, f"also.{key}") for key, value in _texts(plain, "also", verb.also).items()}
    return Job(
        verb=name,
        inputs=inputs,
        out=_file_name(plain["out"], "out"),
        settings=from_plain(verb.settings(), plain.get("settings", {}), "settings"),
        options=from_plain(verb.options(), plain.get("options", {}), "options"),
        prompts=tuple(_prompts(plain.get("prompts", []), inputs)),
        engines=_texts(plain, "engines", tuple(verb.engines)),
        span=_span(plain.get("span")),
        also=also,
        revisions=_texts(plain, "revisions", None),
    )


def _inputs(plain: Any, verb: Verb) -> dict[str, Input]:
    if not isinstance(plain, dict):
        raise UsageError("inputs: give an object with a path and a sha256 for each name.")
    found = {}
    for name, one in plain.items():
        if not _NAME.fullmatch(name) or not verb.takes(name):
            there = ", ".join(f"{known}1" if known.endswith("-") else known for known in verb.inputs)
            raise UsageError(f"inputs.{name[:40]}: {verb.name} has no such input. It has {there}.")
        found[name] = _input(one, f"inputs.{name}")
    for name in verb.needs:
        if name not in found:
            raise UsageError(f"inputs.{name}: is missing.")
    return found


def _input(plain: Any, where: str) -> Input:
    """Raises `UsageError` for a path that could lead out of the job's folder, whatever lies there."""
    if not isinstance(plain, dict) or set(plain) != {"path", "sha256"}:
        raise UsageError(f"{where}: give a path and a sha256, and nothing else.")
    path, sha256 = of_type(str, plain["path"], f"{where}.path"), of_type(str, plain["sha256"], f"{where}.sha256")
    if not is_inside(path):
        raise UsageError(f"{where}.path: {path!r} leads out of the job's folder. Put the file beside the job file.")
    if not _SHA256.fullmatch(sha256):
        raise UsageError(f"{where}.sha256: give 64 hexadecimal digits.")
    return Input(path, sha256)


def is_inside(path: str) -> bool:
    """Whether a relative path stays below its folder by its own words; links are another matter (`located`)."""
    parts = PurePosixPath(path).parts
    bad = "\\" in path or "\0" in path or path.startswith("/") or ":" in path.split("/")[0]
    return bool(parts) and not bad and ".." not in parts and _can_be_a_name(path)


def _can_be_a_name(words: str) -> bool:
    """JSON can hold half of a character, which no file system takes."""
    try:
        return len(words.encode("utf-8", "surrogateescape")) <= _LONGEST_PATH_BYTES
    except UnicodeEncodeError:
        return False


def located(folder: Path, one: Input, where: str) -> Path:
    """The file of an input. Raises `UsageError` where a link leads out of the folder, or out of the input's own."""
    root, path = folder.resolve(), folder / one.path
    try:
        inner = path.rglob("*") if path.is_dir() else ()
        leads_out = any(not found.resolve().is_relative_to(root) for found in (path, *inner))
    except (OSError, RuntimeError) as error:  # a name that is too long; a link to itself
        why = said(error).partition(" from ")[0]
        raise UsageError(f"{where}.path: {one.path[:40]!r} cannot be followed ({why}). Put the file there.") from error
    if leads_out:
        raise UsageError(f"{where}.path: {one.path!r} is a link that leads out of the job's folder.")
    return path


def _file_name(value: Any, where: str) -> str:
    name: str = of_type(str, value, where)
    is_name = is_inside(name) and "/" not in name and name != "."
    if not is_name or len(name.encode("utf-8", "surrogateescape")) > _LONGEST_NAME_BYTES:
        raise UsageError(f"{where}: {name[:40]!r} is not the name of a file. Give one without a folder.")
    return name


def _texts(plain: Mapping[str, Any], key: str, known: Sequence[str] | None) -> dict[str, str]:
    values = plain.get(key, {})
    if not isinstance(values, dict):
        raise UsageError(f"{key}: give an object with text.")
    for name in values:
        if known is not None and name not in known:
            raise UsageError(f"{key}.{name[:40]}: there is no such key here. There are {', '.join(known) or 'none'}.")
    return {name: of_type(str, value, f"{key}.{name}") for name, value in values.items()}


def _span(plain: Any) -> tuple[int, int] | None:
    span: tuple[int, int] | None = of_type(tuple[int, int] | None, plain, "span")
    return span


def _prompts(plain: Any, inputs: Mapping[str, Input]) -> list[JobPrompt]:
    if not isinstance(plain, list):
        raise UsageError("prompts: give a list.")
    found: list[JobPrompt] = []
    for place, one in enumerate(plain):
        where = f"prompts[{place}]"
        kind = one.get("kind") if isinstance(one, dict) else None
        if not isinstance(kind, str) or kind not in _KINDS:
            raise UsageError(f"{where}.kind: give one of {', '.join(_KINDS)}.")
        prompt = _prompt(_KINDS[kind], {key: value for key, value in one.items() if key != "kind"}, where)
        if isinstance(prompt, DrawnInput) and prompt.mask not in inputs:
            raise UsageError(f"{where}.mask: there is no input {prompt.mask[:40]!r}.")
        found.append(prompt)
    return found


def _prompt(kind: type[Any], plain: dict[str, Any], where: str) -> JobPrompt:
    try:
        prompt: JobPrompt = from_plain(kind, plain, where)
    except TypeError as error:
        raise UsageError(f"{where}: {said(error).partition('() ')[2]}.") from error
    if not 1 <= prompt.object <= 255:
        raise UsageError(f"{where}.object: give a number from 1 to 255.")
    if prompt.frame < 0:
        raise UsageError(f"{where}.frame: frames count from 0.")
    return prompt


def with_masks(prompts: Sequence[Prompt]) -> tuple[tuple[JobPrompt, ...], dict[str, Drawn]]:
    """Prompts as a job has them, and the drawn masks that have to be put among its inputs, by name."""
    masks: dict[str, Drawn] = {}
    found: list[JobPrompt] = []
    for prompt in prompts:
        if isinstance(prompt, Drawn):
            name = f"drawn-{len(masks) + 1}"
            masks[name] = prompt
            found.append(DrawnInput(name, prompt.frame, prompt.object))
        else:
            found.append(prompt)
    return tuple(found), masks


def used(job: Job, engines: Mapping[str, str], revisions: Mapping[str, str]) -> Job:
    """The job with the engines that did it, so that it gives the same on another machine: no `auto` is left."""
    abilities = VERBS[job.verb].engines
    named = {
        key: engines[abilities[key]]
        for key, asked in job.engines.items()
        if asked == "auto" and abilities[key] in engines and engines[abilities[key]] != "given"
    }
    return replace(job, engines={**job.engines, **named}, revisions=dict(revisions))


def _no_constant(word: str) -> NoReturn:
    raise ValueError(f"{word} is not a number that JSON has")


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key is there twice")
    return found
