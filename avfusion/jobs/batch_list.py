"""Many jobs in one file, a job a line: read, confined to the file's folder, and seen not to be in each other's way."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from avfusion.errors import CannotRead, OutputIsInput, UsageError
from avfusion.jobs.job_file import Input, Job, job_of, located, strict_json
from avfusion.media.container import said

KEPT = ".batch"
SUMMARY = "summary.json"

_LONGEST_BYTES = 16 * 2**20
_UNKNOWN = "0" * 64
_NAMED = 5


@dataclass(frozen=True)
class Entry:
    """One line. folder: what its paths are relative to. unhashed: inputs whose sha256 the line leaves out."""

    line: int
    job: Job
    folder: Path
    unhashed: frozenset[str] = frozenset()

    @property
    def name(self) -> str:
        """What its result is called."""
        return self.job.out

    @property
    def outs(self) -> tuple[str, ...]:
        """The result, and the other files that it writes."""
        return (self.job.out, *self.job.also.values())

    def paths(self) -> dict[str, Path]:
        """Where its inputs lie, by name."""
        return {name: self.folder / one.path for name, one in self.job.inputs.items()}

    def wish(self) -> str:
        """The same for jobs that give the same: of everything in it but where its inputs lie."""
        inputs = {name: replace(one, path="") for name, one in self.job.inputs.items()}
        return hashlib.sha256(replace(self.job, inputs=inputs).written().encode()).hexdigest()

    def hashed(self, digest: Callable[[Path], str]) -> Entry:
        """With the sha256 of what lies there now, where the line leaves it out. Raises what `digest` raises."""
        inputs = dict(self.job.inputs)
        for name in self.unhashed:
            inputs[name] = Input(inputs[name].path, digest(self.folder / inputs[name].path))
        return replace(self, job=replace(self.job, inputs=inputs), unhashed=frozenset())


def read_batch(path: Path) -> list[Entry]:
    """The jobs in a file of JSON lines, as `avfusion.jobs.job_file` has them; an input may go without its sha256.

    Empty lines are passed over. Raises `CannotRead`, and `UsageError` that names every line that is not as it should be
    (of many the first ones). No input is opened.
    """
    entries: list[Entry] = []
    taken: dict[str, int] = {}
    wrong: list[str] = []
    for number, line in _lines(path):
        try:
            entry = _entry(line, f"line {number}: ", path.parent, number)
            _take_names(entry, taken)
            entries.append(entry)
        except UsageError as error:
            wrong.append(str(error))
    if len(wrong) == 1:
        raise UsageError(f"{path}, {wrong[0]}")
    if wrong:
        more = f" And {len(wrong) - _NAMED} more." if len(wrong) > _NAMED else ""
        raise UsageError(f"{path}: {len(wrong)} lines cannot be used. {' '.join(wrong[:_NAMED])}{more}")
    if not entries:
        raise UsageError(f"{path}: there is no job in this file. Give one job a line.")
    return entries


def _take_names(entry: Entry, taken: dict[str, int]) -> None:
    """taken: which line writes each name. Raises `UsageError` for a name that is taken."""
    for name in entry.outs:
        if name in (KEPT, SUMMARY):
            raise UsageError(f"line {entry.line}: out: {name} is the batch's own. Choose another name.")
        first = taken.setdefault(name, entry.line)
        if first != entry.line or entry.outs.count(name) > 1:
            raise UsageError(f"line {entry.line}: out: line {first} writes {_shown(name)} too. Give it another name.")


def refuse_inputs(entries: list[Entry], jobs: Path, out: Path) -> None:
    """Raises `OutputIsInput` where a result would replace an input of any job, or the list of jobs."""
    inputs = {jobs.resolve()}
    for entry in entries:
        inputs.update(path.resolve() for path in entry.paths().values())
    for entry in entries:
        for name in entry.outs:
            target = (out / name).resolve()
            if any(target == path or target in path.parents or path in target.parents for path in inputs):
                raise OutputIsInput(
                    f"{jobs}, line {entry.line}: {out / name} would replace an input. Choose another folder."
                )


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """(number, text) of each line that is not empty."""
    if path.exists() and not path.is_file():
        raise CannotRead(f"{path}: cannot be read (this is not a file). Give a file with a job a line.")
    try:
        with path.open("rb") as file:
            number = 0
            while line := file.readline(_LONGEST_BYTES + 1):
                number += 1
                if len(line) > _LONGEST_BYTES:
                    raise UsageError(f"{path}, line {number}: a job has {_LONGEST_BYTES // 2**20} MB at most.")
                try:
                    text = line.decode("utf-8-sig" if number == 1 else "utf-8").strip()
                except UnicodeDecodeError as error:
                    raise UsageError(f"{path}, line {number}: this is no text in UTF-8.") from error
                if text:
                    yield number, text
    except OSError as error:
        raise CannotRead(f"{path}: cannot be read ({said(error)}). Give a file with a job a line.") from error


def _entry(text: str, where: str, folder: Path, line: int) -> Entry:
    plain = strict_json(text, where)
    inputs = plain.get("inputs") if isinstance(plain, dict) else None
    unhashed = set()
    for name, one in inputs.items() if isinstance(inputs, dict) else ():
        if isinstance(one, dict) and "sha256" not in one:
            one["sha256"] = _UNKNOWN
            unhashed.add(name)
    entry = Entry(line, job_of(plain, where), folder, frozenset(unhashed))
    for name, one in entry.job.inputs.items():
        located(folder, one, f"{where}inputs.{name}")
    return entry


def _shown(name: str) -> str:
    return name if name.isprintable() else repr(name)
