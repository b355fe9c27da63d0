"""The command line. One file a command; nothing but Typer is imported before a command runs."""

from __future__ import annotations

import sys
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command and returns its exit status, as `avfusion.cli.program.main`."""
    # Ctrl-C may come while Typer and the commands are being imported, which takes as long as a short command.
    try:
        from avfusion.cli.program import main as run

        return run(arguments)
    except KeyboardInterrupt:
        print("avfusion: stopped.", file=sys.stderr)
        return 130
