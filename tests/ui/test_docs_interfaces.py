"""docs/interfaces.md: every snippet runs, against a running page and the bundled example, and the tables are true."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.ui.conftest import ROOT, Server

PAGE = ROOT / "docs" / "interfaces.md"
SNIPPETS = re.findall(r"^```(python|sh)\n(.*?)^```$", PAGE.read_text(), re.DOTALL | re.MULTILINE)
ADDRESS = "http://127.0.0.1:7860"
# What each shows at its end, in their order on the page.
SHOWN = [
    r"swapped\.mp4 6 \{.*'tracking': 'flow'",
    r"removed\.mp4 \d",
    r"'stage': 'converting'.*'verb': 'voice'.*\(5000, 2\) lies outside the picture of 1280 x 720 pixels",
    r"True True -?\d",
    r"\b3$",
    r"\['swap', 'segment', 'remove', 'voice', 'fuse', 'locate', 'compare', 'replay'\].*3 \{'verb': 'segment'",
    r"^3 \{'segmentation'",
    r"",
]


def titles() -> list[str]:
    """The heading over each snippet, with a number where there are more."""
    text, found = PAGE.read_text(), []
    for match in re.finditer(r"^```(?:python|sh)\n", text, re.MULTILINE):
        heading = re.findall(r"^## (.*)$", text[: match.start()], re.MULTILINE)[-1]
        found.append(f"{heading} {sum(one.startswith(heading) for one in found) + 1}")
    return found


def test_there_is_something_to_run() -> None:
    assert len(SNIPPETS) == len(SHOWN) == len(titles())


@pytest.mark.parametrize(("snippet", "shown"), list(zip(SNIPPETS, SHOWN, strict=False)), ids=titles())
def test_a_snippet_runs(snippet: tuple[str, str], shown: str, server: Server, tmp_path: Path) -> None:
    (tmp_path / "assets").symlink_to(ROOT / "assets")
    (tmp_path / "bin").mkdir()
    start = f"import sys; sys.path.insert(0, {str(ROOT)!r}); from avfusion.cli import main; sys.exit(main())"
    program = tmp_path / "bin" / "avfusion"
    program.write_text(f"#!{sys.executable}\n{start}\n")
    program.chmod(0o755)
    kind, code = snippet
    command = [sys.executable, "-c", code] if kind == "python" else ["bash", "-euo", "pipefail", "-c", code]
    command[-1] = code.replace(ADDRESS, server.address.rstrip("/"))
    paths = os.pathsep.join([str(tmp_path / "bin"), os.environ["PATH"]])
    environment = os.environ | {"PATH": paths, "PYTHONPATH": str(ROOT), "GRADIO_TEMP_DIR": str(tmp_path / "downloads")}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert re.search(shown, done.stdout.strip(), re.DOTALL), done.stdout


def test_the_tables_are_as_the_code_has_them() -> None:
    spec = importlib.util.spec_from_file_location("make_interfaces", ROOT / "docs" / "make_interfaces.py")
    assert spec is not None
    assert spec.loader is not None
    maker = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(maker)
    assert maker.made(PAGE.read_text()) == PAGE.read_text(), "python docs/make_interfaces.py renews them"
