"""The laws of the house: who may import whom, what importing may do, and that the papers say what is there.

Each law on source text is a function that lists what breaks it, so that the tests can also show it something wrong.
"""

import ast
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
import yaml
from huggingface_hub import SpaceCardData, SpaceHardware

import avfusion

ROOT = Path(__file__).resolve().parents[1]
MODULES = sorted((ROOT / "avfusion").rglob("*.py"))

GROUND = {"clip", "errors"}
ABILITIES = {
    "segmentation", "tracking", "matting", "compositing", "inpainting", "voice", "sounding", "media", "metrics",
    "datasets",
}  # fmt: skip
MAY_IMPORT = {
    "errors": set(),
    "clip": {"errors"},
    **dict.fromkeys(ABILITIES, ABILITIES | GROUND),
    "engines": ABILITIES | GROUND,
    "pipelines": {"engines", "jobs"} | ABILITIES | GROUND,
    "jobs": {"engines", "pipelines"} | ABILITIES | GROUND,
    "ui": {"engines", "jobs", "pipelines"} | ABILITIES | GROUND,
    "__main__": {"cli"},
    "cli": {"ui", "engines", "jobs", "pipelines"} | ABILITIES | GROUND,
}
ONLY_IN = {"gradio": "ui", "typer": "cli", "ray": "jobs"}
HEAVY = ("torch", "transformers", "diffusers", "pymatting", "so_vits_svc_fork", "librosa")


# What a module imports


def module_name(file: Path, root: Path = ROOT) -> str:
    return ".".join(file.relative_to(root).with_suffix("").parts).removesuffix(".__init__")


def room_of(module: str) -> str | None:
    """avfusion.media.read -> media; None for the package itself and for other people's packages."""
    parts = module.split(".")
    return parts[1] if parts[0] == "avfusion" and len(parts) > 1 else None


def imported(tree: ast.AST, module: str, *, is_package: bool) -> Iterator[tuple[int, str]]:
    """(line, full name) of everything imported anywhere in the module, functions included.

    `from avfusion import Clip` counts as an import of the room that the package takes `Clip` from.
    """
    package = module if is_package else module.rpartition(".")[0]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*above, base] if base else above)
            for alias in node.names:
                name = avfusion._ROOM_OF.get(alias.name, alias.name) if base == "avfusion" else alias.name
                yield node.lineno, f"{base}.{name}"


def imports_against_the_layers(source: str, module: str, *, is_package: bool = False) -> list[str]:
    room = room_of(module)
    if room is None:
        return []
    if room not in MAY_IMPORT:
        return [f"{module}: `{room}` has no place among the layers; give it one in MAY_IMPORT"]
    broken = []
    for line, name in imported(ast.parse(source), module, is_package=is_package):
        other = room_of(name)
        if name.startswith("avfusion.__"):
            continue
        if other is not None and other != room and other not in MAY_IMPORT[room]:
            broken.append(f"{module}:{line} imports {name}")
        if ONLY_IN.get(name.split(".")[0], room) != room:
            broken.append(f"{module}:{line} imports {name}, which belongs in {ONLY_IN[name.split('.')[0]]}/")
    return broken


@pytest.mark.parametrize("file", MODULES, ids=module_name)
def test_imports_go_one_way(file: Path) -> None:
    is_package = file.name == "__init__.py"
    assert imports_against_the_layers(file.read_text(), module_name(file), is_package=is_package) == []


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("avfusion.media.read", "from avfusion.pipelines import swap"),
        ("avfusion.media.read", "def f():\n    import avfusion.engines.registry"),
        ("avfusion.media.read", "from ..engines import registry"),
        ("avfusion.media.read", "from avfusion import engines"),
        ("avfusion.clip", "from avfusion.media import probe"),
        ("avfusion.errors", "from avfusion import Clip"),
        ("avfusion.engines.registry", "from avfusion.pipelines.swap import swap"),
        ("avfusion.ui.page", "import avfusion.cli"),
        ("avfusion.pipelines.swap", "def f():\n    import gradio as gr"),
        ("avfusion.ui.page", "from typer import Typer"),
        ("avfusion.pipelines.swap", "import ray.util"),
        ("avfusion.utils", ""),
    ],
)
def test_the_layers_can_be_broken(module: str, source: str) -> None:
    assert len(imports_against_the_layers(source, module)) == 1


def test_the_layers_leave_the_rest_alone() -> None:
    source = (
        "import numpy\nfrom avfusion import Clip, __version__\nfrom avfusion.errors import CannotRead\nfrom . import x"
    )
    assert imports_against_the_layers(source, "avfusion.media.read") == []


# What a module says


def passes_on(handler: ast.ExceptHandler) -> bool:
    """Whether the handler ends by raising again, or keeps the exception itself so that another thread can raise it."""
    last = handler.body[-1]
    if isinstance(last, ast.Raise) and last.exc is None:
        return True
    kept = [node.value for node in ast.walk(handler) if isinstance(node, ast.Assign)]
    for node in ast.walk(handler):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            kept += node.args if node.func.attr in {"append", "put", "set_exception"} else []
    return handler.name is not None and any(ast.unparse(value) == handler.name for value in kept)


def catches_everything(source: str) -> list[int]:
    """Lines that catch `Exception` or everything. `except BaseException` may clear up, if it then passes it on."""
    lines = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ExceptHandler):
            caught = {ast.unparse(part) for part in getattr(node.type, "elts", [node.type]) if part is not None}
            if not caught or "Exception" in caught or ("BaseException" in caught and not passes_on(node)):
                lines.append(node.lineno)
        elif isinstance(node, ast.Call) and ast.unparse(node.func) in {"suppress", "contextlib.suppress"}:
            arguments = {ast.unparse(argument) for argument in node.args}
            lines += [node.lineno] if arguments & {"Exception", "BaseException"} else []
    return lines


def loads_that_could_run_code(source: str) -> list[int]:
    """Lines that open a file with `torch.load` and not with `weights_only=True`, or import pickle."""
    lines = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "torch.load":
            if not any(word.arg == "weights_only" and ast.unparse(word.value) == "True" for word in node.keywords):
                lines.append(node.lineno)
        elif isinstance(node, ast.ImportFrom) and node.module == "torch":
            lines += [node.lineno for alias in node.names if alias.name == "load"]
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names = {alias.name for alias in node.names} | {getattr(node, "module", None)}
            lines += [node.lineno] if names & {"pickle", "dill", "cloudpickle"} else []
    return lines


@pytest.mark.parametrize("file", MODULES, ids=module_name)
def test_nothing_catches_everything(file: Path) -> None:
    assert catches_everything(file.read_text()) == []


@pytest.mark.parametrize("file", MODULES, ids=module_name)
def test_model_files_cannot_run_code(file: Path) -> None:
    assert loads_that_could_run_code(file.read_text()) == []


@pytest.mark.parametrize(
    ("handler", "is_broken"),
    [
        ("except:\n    pass", True),
        ("except Exception:\n    pass", True),
        ("except (OSError, Exception):\n    raise", True),
        ("except BaseException:\n    print()", True),
        ("except BaseException as error:\n    print(error)", True),
        ("except BaseException:\n    print()\n    raise", False),
        ("except BaseException as error:\n    self.failure = error", False),
        ("except BaseException as error:\n    failures.append(error)", False),
        ("except OSError as error:\n    raise ValueError from error", False),
    ],
)
def test_catching_everything_is_seen(handler: str, is_broken: bool) -> None:
    assert bool(catches_everything(f"try:\n    f()\n{handler}")) is is_broken


def test_suppressing_everything_is_seen() -> None:
    assert catches_everything("with contextlib.suppress(Exception):\n    f()") == [1]
    assert catches_everything("with contextlib.suppress(OSError):\n    f()") == []


@pytest.mark.parametrize(
    ("source", "is_broken"),
    [
        ("torch.load(path)", True),
        ("torch.load(path, weights_only=False)", True),
        ("from torch import load", True),
        ("import pickle", True),
        ("from pickle import loads", True),
        ("torch.load(path, map_location='cpu', weights_only=True)", False),
        ("json.load(file)", False),
    ],
)
def test_loading_code_is_seen(source: str, is_broken: bool) -> None:
    assert bool(loads_that_could_run_code(source)) is is_broken


def test_no_room_for_leftovers() -> None:
    assert [file for file in MODULES if file.stem in {"utils", "util", "helpers", "misc", "common"}] == []


def test_the_entry_is_short() -> None:
    assert len((ROOT / "app.py").read_text().splitlines()) <= 20


# What importing does

WATCH_IMPORTS = """
import importlib, json, os, sys
reached = []
sys.addaudithook(lambda event, args: reached.append(str(args[-1])) if event == "socket.connect" else None)
names, banned, allowed = map(json.loads, sys.argv[1:])
for name in allowed:
    importlib.import_module(name)
before, found, seen = dict(os.environ), {}, {heavy for heavy in banned if heavy in sys.modules}
for name in names:
    importlib.import_module(name)
    new = ({heavy for heavy in banned if heavy in sys.modules} | {f"connects to {where}" for where in reached}) - seen
    if dict(os.environ) != before:
        new.add("changes the environment")
        before = dict(os.environ)
    if new:
        found[name] = sorted(new)
    seen |= new
print(json.dumps(found))
"""


def what_importing_brings(
    names: list[str], *, banned: list[str], allowed: tuple[str, ...] = (), cwd: Path = ROOT
) -> dict[str, list[str]]:
    """Module -> what its import brought of the banned, imported one after another in one fresh process.

    allowed: imported first, so that what they do to the process is not held against us (cv2 sets LD_LIBRARY_PATH).
    """
    arguments = [json.dumps(names), json.dumps(banned), json.dumps(allowed)]
    done = subprocess.run(
        [sys.executable, "-c", WATCH_IMPORTS, *arguments], cwd=cwd, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, list[str]] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_the_package_alone_is_nearly_nothing() -> None:
    assert what_importing_brings(["avfusion"], banned=[*HEAVY, "gradio", "numpy", "cv2", "av", "typer"]) == {}


def test_importing_is_free() -> None:
    inner = [module_name(file) for file in MODULES if file.name != "__main__.py" and room_of(module_name(file)) != "ui"]
    allowed = ("numpy", "scipy", "cv2", "av", "PIL", "typer")
    assert what_importing_brings(inner, banned=[*HEAVY, "gradio", "ray"], allowed=allowed) == {}


def test_importing_the_page_brings_gradio_and_no_model() -> None:
    page = [module_name(file) for file in MODULES if room_of(module_name(file)) == "ui"]
    assert what_importing_brings(page, banned=[*HEAVY, "ray"], allowed=("cv2", "av", "gradio")) == {}


def test_the_command_line_starts_without_pictures() -> None:
    doors = [module_name(file) for file in MODULES if room_of(module_name(file)) in {"cli", "clip", "errors"}]
    assert what_importing_brings(doors, banned=[*HEAVY, "gradio", "cv2", "av"]) == {}


def test_a_costly_import_is_seen(tmp_path: Path) -> None:
    (tmp_path / "costly.py").write_text("import os, wave\nos.environ['COSTLY'] = '1'\n")
    (tmp_path / "cheap.py").write_text("import json\n")
    found = what_importing_brings(["cheap", "costly"], banned=["wave"], cwd=tmp_path)
    assert found == {"costly": ["changes the environment", "wave"]}


# What the papers say


def front_matter(readme: str) -> dict[str, object]:
    block = re.match(r"---\n(.*?)\n---\n", readme, re.DOTALL)
    assert block, "README.md does not start with a block between two lines of ---"
    values = yaml.safe_load(block[1])
    assert isinstance(values, dict)
    return values


def wrong_in_card(card: dict[str, object]) -> list[str]:
    """What the hub would refuse or ignore, by its published reference for the configuration of Spaces."""
    colours = {"red", "yellow", "green", "blue", "indigo", "purple", "pink", "gray"}
    hardware = {flavour.value for flavour in SpaceHardware}
    tags = card.get("tags")
    emoji = str(card.get("emoji", ""))
    checks = {
        "title": isinstance(card.get("title"), str),
        "emoji": len(emoji) == 1 and ord(emoji) > 0x2000,
        "colorFrom": card.get("colorFrom") in colours,
        "colorTo": card.get("colorTo") in colours,
        "sdk": card.get("sdk") == "gradio",
        "sdk_version": bool(re.fullmatch(r"\d+\.\d+\.\d+", str(card.get("sdk_version")))),
        "python_version": isinstance(card.get("python_version"), str),
        "app_file": (ROOT / str(card.get("app_file"))).is_file(),
        "license": card.get("license") == "apache-2.0",
        "short_description": 0 < len(str(card.get("short_description", ""))) <= 60,
        "suggested_hardware": card.get("suggested_hardware") in hardware,
        "tags": isinstance(tags, list) and len(tags) == len(set(tags)) and all(isinstance(tag, str) for tag in tags),
    }
    return [name for name, is_right in checks.items() if not is_right]


def test_the_space_card_is_valid() -> None:
    card = front_matter((ROOT / "README.md").read_text())
    assert wrong_in_card(card) == []
    assert SpaceCardData(**card).to_dict() == card


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("emoji", "AV"),
        ("colorTo", "teal"),
        ("python_version", 3.12),
        ("short_description", "x" * 61),
        ("tags", "video"),
    ],
)
def test_a_wrong_card_is_seen(name: str, value: object) -> None:
    card = front_matter((ROOT / "README.md").read_text())
    assert wrong_in_card(card | {name: value}) == [name]


def test_the_readme_opens_with_the_two_commands() -> None:
    after_title = (ROOT / "README.md").read_text().split("\n# AVFusion\n", 1)[1].lstrip().splitlines()
    assert [line.split("#")[0].strip() for line in after_title[1:3]] == ["make app", "make test"]


def layout() -> ModuleType:
    spec = importlib.util.spec_from_file_location("layout", ROOT / ".ci" / "layout.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_table_of_files_is_complete() -> None:
    table = layout().rows((ROOT / "CONTRIBUTING.md").read_text())
    assert set(table) == {str(file.relative_to(ROOT)) for file in MODULES}, "`make fix` renews the table"
    assert [file for file, words in table.items() if not words.strip()] == []


def test_the_table_of_files_renews_itself(tmp_path: Path) -> None:
    (tmp_path / "avfusion").mkdir()
    (tmp_path / "avfusion" / "kept.py").write_text('"""Other words."""\n')
    (tmp_path / "avfusion" / "new.py").write_text('"""What is\nnew. And more."""\n')
    head, tail = "# Layout\n\n| file | what |\n| --- | --- |\n", "\nAfter.\n"
    old = f"{head}| `avfusion/gone.py` | gone |\n| `avfusion/kept.py` | my words |\n{tail}"
    expected = f"{head}| `avfusion/kept.py` | my words |\n| `avfusion/new.py` | What is new |\n{tail}"
    assert layout().renewed(old, tmp_path) == expected


# What the tests start from


@pytest.mark.parametrize(("ci", "outcome"), [("", "1 skipped"), ("true", "1 error")])
def test_without_recordings_tests_are_skipped_and_fail_in_ci(tmp_path: Path, ci: str, outcome: str) -> None:
    tests = tmp_path / "repository" / "tests"
    tests.mkdir(parents=True)
    shutil.copy(ROOT / "tests" / "conftest.py", tests)
    shutil.copy(ROOT / "pyproject.toml", tests.parent)
    (tests / "test_it.py").write_text(
        textwrap.dedent("""
            import pytest

            @pytest.mark.real_data
            def test_it(shared_data):
                pass
        """)
    )
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    done = subprocess.run(
        command, cwd=tests.parent, env=os.environ | {"CI": ci}, capture_output=True, text=True, timeout=120
    )
    assert outcome in done.stdout.splitlines()[-1], done.stdout


def test_every_test_has_its_own_home(own_home: Path, tmp_path: Path) -> None:
    from huggingface_hub import constants

    assert Path(os.environ["AVFUSION_HOME"]).is_relative_to(own_home)
    assert not tmp_path.is_relative_to(own_home)
    assert list(tmp_path.iterdir()) == []
    assert constants.HF_HUB_OFFLINE
    assert not Path(constants.HF_HOME).is_relative_to(Path.home() / ".cache")
