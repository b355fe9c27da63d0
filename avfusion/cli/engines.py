"""`avfusion engines`: what is there, what is ready, and why not."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from avfusion.cli.options import DeviceOption, JsonOption
from avfusion.cli.results import print_json

commands = typer.Typer(help="Show the engines: what is there, what is ready, why not.", rich_markup_mode=None)

_COLUMNS = ("name", "ability", "state", "download", "licence", "about")


@commands.callback(invoke_without_command=True)
def engines(ctx: typer.Context, json: JsonOption = False) -> None:
    if ctx.invoked_subcommand is None:
        list_engines(json=json)


@commands.command("list")
def list_engines(json: JsonOption = False) -> None:
    """Show every engine and its state. Asks no network and loads nothing."""
    from avfusion.engines.catalogue import CATALOGUE

    _print_rows([_row(engine) for engine in CATALOGUE], as_json=json)


@commands.command("check")
def check(device: DeviceOption = "auto", json: JsonOption = False) -> None:
    """Load every engine that is ready. The exit status is 4 when one does not load."""
    from avfusion.engines.catalogue import CATALOGUE
    from avfusion.engines.registry import lend
    from avfusion.errors import EngineNotReady

    rows = [_row(engine) for engine in CATALOGUE]
    for row in rows:
        if row["state"] != "ready":
            continue
        try:
            with lend(row["name"], row["ability"], device):
                row["about"] = "loads"
        except (EngineNotReady, ImportError, OSError, RuntimeError) as error:
            row |= {"state": "fails", "about": " ".join(str(error).split())}
    _print_rows(rows, as_json=json)
    failed = [row["name"] for row in rows if row["state"] == "fails"]
    if failed:
        raise EngineNotReady(f"{', '.join(failed)}: does not load. The table says why.")


@commands.command("pull")
def pull(name: Annotated[str, typer.Argument(metavar="NAME")]) -> None:
    """Fetch the weights of an engine. The engines of this release have none."""
    from avfusion.engines.catalogue import CATALOGUE
    from avfusion.errors import UnknownEngine

    known = [engine.name for engine in CATALOGUE]
    if name not in known:
        raise UnknownEngine(f"{name}: there is no engine of that name. There are: {', '.join(known)}.")
    print(f"{name} has no weights: there is nothing to fetch.")


def _row(engine: Any) -> dict[str, Any]:
    from avfusion.engines.state import state

    found = state(engine)
    return {
        "name": engine.name,
        "ability": engine.ability,
        "state": found.kind,
        "download_bytes": engine.download_bytes,
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
        cells = row | {"download": size(row["download_bytes"]) if row["download_bytes"] else "none"}
        table.append(tuple(str(cells[column]) for column in _COLUMNS))
    widths = [max(len(line[column]) for line in table) for column in range(len(_COLUMNS))]
    for line in table:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())
