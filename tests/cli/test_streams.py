"""The real program where its output is closed, full or not read, and where Ctrl-C comes before anything runs."""

import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import ROOT

Material = Any

LISTINGS = [["engines"], ["engines", "--json"], ["--help"], ["engines", "list"]]


def ended(command: Sequence[str], redirection: str, cwd: Path) -> tuple[int, str]:
    """(exit status of the program, what it said on standard error) with its output sent somewhere by a shell."""
    line = f'"$@" {redirection}'
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", line, "bash", *command], cwd=cwd, capture_output=True, text=True, timeout=120
    )
    return done.returncode, done.stderr


@pytest.mark.parametrize("words", LISTINGS)
@pytest.mark.parametrize("redirection", [">&-", "| head -c 1 > /dev/null", "| true", ">&- 2>&-"])
def test_what_nobody_reads_is_no_failure(
    program: list[str], words: list[str], redirection: str, tmp_path: Path
) -> None:
    assert ended([*program, *words], redirection, tmp_path) == (0, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
@pytest.mark.parametrize("words", LISTINGS)
def test_an_output_that_is_full_is_said_in_a_line(program: list[str], words: list[str], tmp_path: Path) -> None:
    status, said = ended([*program, *words], "> /dev/full", tmp_path)
    assert status == 3
    assert said == "avfusion: standard output: cannot be written (No space left on device). Send it elsewhere.\n"


@pytest.mark.parametrize("redirection", ["2> /dev/full", "2>&-", "2>&1 > /dev/null | true", "> /dev/full 2>&-"])
def test_a_run_ends_well_though_nobody_reads_of_it(
    program: list[str], redirection: str, material: Material, tmp_path: Path
) -> None:
    words = ["swap", str(material.clip), "--masks", str(material.masks), "--background", "blur", "--out", "out.mp4"]
    status, said = ended([*program, *words], redirection, tmp_path)
    assert (status, said) == (3 if redirection.startswith(">") else 0, "")
    assert (tmp_path / "out.mp4").is_file()


# Stops where a module is imported, as if Ctrl-C came just then.
_INTERRUPTED = """
import signal, sys
sys.path.insert(0, {root!r})
class CtrlC:
    def find_spec(self, name, path=None, target=None):
        if name == {module!r}:
            signal.raise_signal(signal.SIGINT)
sys.meta_path.insert(0, CtrlC())
from avfusion.cli import main
sys.exit(main())
"""


@pytest.mark.parametrize("module", ["avfusion.cli.program", "typer", "avfusion.cli.voice", "avfusion.pipelines.swap"])
def test_ctrl_c_while_modules_are_imported_is_a_line(module: str, material: Material, tmp_path: Path) -> None:
    script = _INTERRUPTED.format(root=str(ROOT), module=module)
    words = ["swap", str(material.clip), "--masks", str(material.masks), "--background", "blur", "--out", "out.mp4"]
    done = subprocess.run(
        [sys.executable, "-c", script, *words], cwd=tmp_path, capture_output=True, text=True, timeout=120
    )
    assert (done.returncode, done.stdout) == (130, "")
    assert re.fullmatch(r"avfusion: [Ss]topped\..*\n", done.stderr)
    assert list(tmp_path.iterdir()) == []
