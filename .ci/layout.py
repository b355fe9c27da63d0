"""Keeps the table of files in CONTRIBUTING.md: adds rows for new files, drops those of files that are gone.

A new row says what the first sentence of the module's docstring says; a row that is there keeps its words.
"""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
_ROW = re.compile(r"^\| `(?P<file>avfusion/[^`]+\.py)` \| (?P<words>.*) \|$", re.MULTILINE)
_TABLE = re.compile(r"(?<=^\| --- \| --- \|\n)(?:\| `avfusion/.*\n)*", re.MULTILINE)


def rows(text: str) -> dict[str, str]:
    """File -> words, as the table in `text` has them."""
    return {row["file"]: row["words"] for row in _ROW.finditer(text)}


def package_files(root: Path) -> list[str]:
    """Every module of the package in the table's order: a folder's own files, then its folders."""
    files = (root / "avfusion").rglob("*.py")
    return [str(file.relative_to(root)) for file in sorted(files, key=lambda file: (file.parent, file.name))]


def first_sentence(module: Path) -> str:
    docstring = ast.get_docstring(ast.parse(module.read_text(encoding="utf-8"))) or ""
    return re.split(r"\.(?:\s|$)", " ".join(docstring.split()), maxsplit=1)[0].replace("|", "\\|")


def renewed(text: str, root: Path) -> str:
    """`text` with a table of the files that `root` has now."""
    known = rows(text)
    lines = [f"| `{file}` | {known.get(file) or first_sentence(root / file)} |\n" for file in package_files(root)]
    return _TABLE.sub(lambda _: "".join(lines), text, count=1)


if __name__ == "__main__":
    page = ROOT / "CONTRIBUTING.md"
    page.write_text(renewed(page.read_text(encoding="utf-8"), ROOT), encoding="utf-8")
