"""The command line. One file a command; nothing but Typer is imported before a command runs."""

from avfusion.cli.program import main

__all__ = ["main"]
