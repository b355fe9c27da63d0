"""What the program offers, under which names, and what comes out when all is well."""

import inspect
import json
import os
import subprocess
import sys
import typing
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
from typer.main import get_command

from avfusion.cli import evaluate, main, remove, segment, swap
from avfusion.cli.program import _program
from avfusion.compositing.background import Loop
from avfusion.compositing.fit import FitKind
from avfusion.matting import Edges
from avfusion.media.masks import read_mask
from avfusion.media.probe import probe
from avfusion.media.write import Encoding
from avfusion.pipelines.evaluate import evaluate_vos
from avfusion.pipelines.evaluate_inpaint import evaluate_inpaint
from avfusion.pipelines.remove import RemoveSettings
from avfusion.pipelines.remove import remove as remove_pipeline
from avfusion.pipelines.segment import Kind
from avfusion.pipelines.segment import segment as segment_pipeline
from avfusion.pipelines.swap import SwapSettings
from avfusion.pipelines.swap import swap as swap_pipeline

Run = Callable[..., subprocess.CompletedProcess[str]]
Material = Any

COMMANDS = [
    "app", "demo", "compare", "segment", "swap", "remove", "voice", "fuse", "locate", "resume", "make-avs", "batch",
    "engines", "evaluate", "train",
]  # fmt: skip


# Help


def test_help_is_plain_text_and_lists_what_there_is(run: Run) -> None:
    done = run("--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert all(f"\n  {command} " in done.stdout for command in COMMANDS)
    assert done.stdout.isascii(), "no boxes"
    assert list(get_command(_program).commands) == COMMANDS  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["-h"],
        *([command, "--help"] for command in COMMANDS),
        ["evaluate", "vos", "-h"],
        ["evaluate", "inpaint", "-h"],
    ],
)
def test_every_command_has_help(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 0
    out, err = capsys.readouterr()
    assert out.startswith("Usage: avfusion")
    assert err == ""


def test_help_and_engines_start_without_pictures() -> None:
    script = (
        "import sys\n"
        "from avfusion.cli import main\n"
        "for words in (['--help'], ['engines']):\n"
        "    assert main(words) == 0\n"
        "heavy = ('numpy', 'cv2', 'av', 'torch', 'gradio', 'rich', 'pydantic')\n"
        "print([name for name in heavy if name in sys.modules])\n"
    )
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run([sys.executable, "-c", script], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


# The same names and defaults as from Python

_OF_A_RUN = {"on_progress", "should_stop", "prompts", "span", "keep"}
_SHARED = {
    "swap": (swap.swap, swap_pipeline, {*_OF_A_RUN, "settings"}),
    "remove": (remove.remove, remove_pipeline, {*_OF_A_RUN, "settings"}),
    "segment": (segment.segment, segment_pipeline, _OF_A_RUN),
    "evaluate vos": (evaluate.vos, evaluate_vos, {"on_progress", "should_stop", "sequences"}),
    "evaluate inpaint": (
        evaluate.inpaint,
        evaluate_inpaint,
        {"on_progress", "should_stop", "sequences", "settings", "engines"},
    ),
}


@pytest.mark.parametrize("verb", _SHARED)
def test_options_are_called_and_preset_as_in_python(verb: str) -> None:
    command, pipeline, only_in_python = _SHARED[verb]
    options = inspect.signature(command).parameters
    for name, parameter in inspect.signature(pipeline).parameters.items():
        if name not in only_in_python:
            assert options[name].default == parameter.default, name


def test_settings_are_preset_as_in_python() -> None:
    defaults = {name: option.default for name, option in inspect.signature(swap.swap).parameters.items()}
    settings, encoding = SwapSettings(), Encoding()
    for name in ("edges", "fit", "scale", "loop", "blur", "light_wrap", "colour_match"):
        assert defaults[name] == getattr(settings, name), name
    assert defaults["position"] == ",".join(str(part) for part in settings.position)
    for name in ("quality", "preset", "hardware"):
        assert defaults[name] == getattr(encoding, name), name


def test_settings_of_a_removal_are_preset_as_in_python() -> None:
    defaults = {name: option.default for name, option in inspect.signature(remove.remove).parameters.items()}
    own_names = {"words": "prompt", "feather_px": "feather", "grow_px": "grow", "map_out": "map_"}
    for setting in fields(RemoveSettings):
        if setting.name != "encoding":
            assert defaults[own_names.get(setting.name, setting.name)] == setting.default, setting.name
    for name in ("quality", "preset", "hardware"):
        assert defaults[name] == getattr(Encoding(), name), name


def test_choices_are_those_of_python() -> None:
    assert get_args(swap.Edges) == get_args(Edges)
    assert get_args(swap.FitKind) == get_args(FitKind)
    assert get_args(swap.Loop) == get_args(Loop)
    assert get_args(segment.Kind) == get_args(Kind)
    assert typing.get_type_hints(swap.swap)["edges"] == Edges


# What works


def test_engines_are_listed_for_people_and_programs(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    done = run("engines")
    assert (done.returncode, done.stderr) == (0, "")
    head, *rows = done.stdout.splitlines()
    assert head.split() == ["name", "ability", "state", "download", "memory", "device", "licence", "about"]
    assert main(["engines", "--json"]) == main(["engines", "list", "--json"]) == 0
    once, twice = capsys.readouterr().out.split("]\n[")
    assert once.strip("[]\n") == twice.strip("[]\n")
    listed = json.loads(f"{once}]")
    assert [row["name"] for row in listed] == [row.split()[0] for row in rows]
    assert {row["name"] for row in listed if row["state"] == "ready"} >= {"grabcut", "flow"}


def test_engines_are_checked_by_loading_them(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["engines", "check", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert {row["about"] for row in rows if row["state"] == "ready"} == {"loads"}


def test_there_is_nothing_to_pull(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["engines", "pull", "flow"]) == 0
    assert "nothing to fetch" in capsys.readouterr().out


def test_swap_puts_the_ground_behind_the_disc(run: Run, material: Material, tmp_path: Path) -> None:
    done = run(
        "swap", material.clip, "--masks", material.masks, "--background", material.ground, "--edges", "hard",
        "--matte", "matte.mp4", "--out", "out.mp4", "--json",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert (report["verb"], report["out"], report["frames"]) == ("swap", "out.mp4", 12)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["matte.mp4", "out.mp4"]
    assert "rendering 12/12 frames, 100 %" in done.stderr
    (first, *_), (matte, *_) = (list(probe(tmp_path / name).frames()) for name in ("out.mp4", "matte.mp4"))
    inside, outside = material.disc, ~material.disc
    assert np.median(first.rgb[inside], axis=0) == pytest.approx([232, 152, 52], abs=16)
    assert np.median(first.rgb[outside], axis=0) == pytest.approx([10, 200, 10], abs=8)
    assert np.median(matte.rgb[inside]) > 240
    assert np.median(matte.rgb[outside]) < 15


def test_a_name_that_is_no_text_is_a_name(
    material: Material, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / os.fsdecode(b"\xff.mp4")
    words = ["swap", str(material.clip), "--masks", str(material.masks), "--background", "blur", "--quiet"]
    assert main([*words, "--out", str(out)]) == 0
    assert "\\udcff.mp4: 12 frames" in capfd.readouterr().out
    assert out.is_file()


def test_segment_follows_a_box(run: Run, material: Material, tmp_path: Path) -> None:
    rows, columns = np.nonzero(material.disc)
    box = f"{columns.min() - 3},{rows.min() - 3},{columns.max() + 4},{rows.max() + 4}"
    done = run("segment", material.clip, "--object", "2", "--box", box, "--out", "masks", "--quiet")
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert done.stdout.startswith("masks: 12 frames, 96 x 64, 0.48 s\n")
    paths = sorted((tmp_path / "masks").iterdir())
    assert [path.name for path in paths] == [f"{frame:05d}.png" for frame in range(12)]
    for path in paths:
        ours, truth = read_mask(path) == 2, read_mask(material.masks / path.name) > 0
        assert np.count_nonzero(ours & truth) / np.count_nonzero(ours | truth) > 0.8, path.name
