"""What `import avfusion` offers."""

import tomllib
from importlib import import_module
from pathlib import Path

import avfusion


def test_every_public_name_is_there_and_comes_from_its_room():
    for name in avfusion.__all__:
        assert getattr(avfusion, name) is not None
    for name, room in avfusion._ROOM_OF.items():
        assert getattr(avfusion, name) is getattr(import_module(f"avfusion.{room}"), name)


def test_a_misspelt_name_is_an_attribute_error():
    assert not hasattr(avfusion, "swop")


def test_a_wheel_has_what_the_package_needs_beside_its_code() -> None:
    """Every file in the package that is no Python matches a pattern of package-data."""
    root = Path(__file__).resolve().parents[1]
    patterns = tomllib.loads((root / "pyproject.toml").read_text())["tool"]["setuptools"]["package-data"]["avfusion"]
    covered = {path for pattern in patterns for path in (root / "avfusion").glob(pattern)}
    others = {
        path
        for path in (root / "avfusion").rglob("*")
        if path.is_file() and path.suffix not in (".py", ".pyc") and path.name != ".DS_Store"
    }
    assert others <= covered
