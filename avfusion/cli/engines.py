"""`avfusion engines`: what is there, what is ready, and why not."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from avfusion.cli.options import DeviceOption, JsonOption, QuietOption
from avfusion.cli.results import print_json

if TYPE_CHECKING:
    from avfusion.engines.downloads import Fetching

commands = typer.Typer(help="Show the engines: what is there, what is ready, why not.", rich_markup_mode=None)

_COLUMNS = ("name", "ability", "state", "download", "memory", "device", "licence", "about")
_WORTH_SHOWING_BYTES = 1_000_000


@commands.callback(invoke_without_command=True)
def engines(ctx: typer.Context, json: JsonOption = False) -> None:
    if ctx.invoked_subcommand is None:
        list_engines(json=json)


@commands.command("list")
def list_engines(json: JsonOption = False) -> None:
    """Show every engine and its state. Asks no network and loads nothing."""
    from avfusion.engines.catalogue import rows

    _print_rows([_row(engine) for engine in rows()], as_json=json)


@commands.command("check")
def check(device: DeviceOption = "auto", json: JsonOption = False) -> None:
    """Load every engine that is ready. The exit status is 4 when one does not load."""
    from avfusion.engines.catalogue import rows
    from avfusion.engines.registry import lend
    from avfusion.errors import AvfusionError, EngineNotReady

    shown = [_row(engine) for engine in rows()]
    for row in shown:
        if row["state"] != "ready":
            continue
        try:
            with lend(row["name"], row["ability"], device):
                row["about"] = "loads"
        except (AvfusionError, ImportError, OSError, RuntimeError) as error:
            row |= {"state": "fails", "about": " ".join(str(error).split())}
    _print_rows(shown, as_json=json)
    failed = [row["name"] for row in shown if row["state"] == "fails"]
    if failed:
        raise EngineNotReady(f"{', '.join(failed)}: does not load. The table says why.")


@commands.command("pull")
def pull(
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME,NAME]", help="Those in AVFUSION_PRELOAD if left out.")
    ] = None,
    quiet: QuietOption = False,
) -> None:
    """Fetch the weights of an engine, or of several. What was cut off goes on where it stopped."""
    from avfusion.engines.catalogue import named
    from avfusion.engines.downloads import PRELOAD_VARIABLE, preload
    from avfusion.errors import UsageError

    with _DownloadLine(quiet=quiet) as line:
        if name is None:
            names = preload(line)
            done = [f"{', '.join(names)}: here."]
        else:
            names = tuple(word.strip() for word in name.split(",") if word.strip())
            for one in names:
                named(one)  # raises for one that is none before anything is fetched
            done = [_pulled(one, line) for one in names]
    if not names:
        raise UsageError(f"which engine? Give its name, or set {PRELOAD_VARIABLE}=NAME,NAME.")
    print("\n".join(done))


def _pulled(name: str, line: _DownloadLine) -> str:
    """What came of it, in words."""
    from avfusion.engines.catalogue import named
    from avfusion.engines.downloads import pull

    engines = named(name)
    if any(engine.sources for engine in engines):
        return f"{name}: fetched." if pull(name, line) else f"{name} is here already."
    if not any(engine.folder for engine in engines):
        return f"{name} has no weights: there is nothing to fetch."
    pull(name, line)  # raises where its folder cannot be used
    return f"{name} lies on this machine: there is nothing to fetch."


class _DownloadLine:
    """Progress on standard error: a line that rewrites itself, or where it is no terminal one for each tenth."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self._rewrites = sys.stderr.isatty()
        self._last = ""

    def __enter__(self) -> _DownloadLine:
        return self

    def __exit__(self, *exception: object) -> None:
        if self._last and self._rewrites:
            print(file=sys.stderr)

    def __call__(self, fetching: Fetching) -> None:
        from avfusion.engines.state import size

        # Settings of a few kilobytes come and go between the weights.
        if self._quiet or fetching.total_bytes < _WORTH_SHOWING_BYTES:
            return
        percent = 100 * fetching.done_bytes // fetching.total_bytes
        if not self._rewrites:
            percent -= percent % 10
        words = f"{fetching.engine} {percent} % of {size(fetching.total_bytes)}"
        if words != self._last:
            print(f"\r{words}" if self._rewrites else words, end="" if self._rewrites else "\n", file=sys.stderr)
            sys.stderr.flush()
            self._last = words


def _row(engine: Any) -> dict[str, Any]:
    from avfusion.engines.state import state

    found = state(engine)
    return {
        "name": engine.name,
        "ability": engine.ability,
        "state": found.kind,
        "download_bytes": engine.download_bytes,
        "memory_bytes": engine.peak_memory_bytes,
        "device": "cuda, mps or cpu" if "torch" in engine.packages else "cpu",
        "licence": engine.licence,
        "about": found.words or engine.words,
    }


def _print_rows(rows: list[dict[str, Any]], *, as_json: bool) -> None:
    from avfusion.engines.state import size

    if as_json:
        print_json(rows)
        return
    table: list[tuple[str, ...]] = [_COLUMNS]
    for row in rows:
        download = size(row["download_bytes"]) if row["download_bytes"] else "none"
        cells = row | {"download": download, "memory": size(row["memory_bytes"])}
        table.append(tuple(str(cells[column]) for column in _COLUMNS))
    widths = [max(len(line[column]) for line in table) for column in range(len(_COLUMNS))]
    for line in table:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())
