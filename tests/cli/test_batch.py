"""`avfusion batch`: its table, its statuses, and Ctrl-C."""

import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from avfusion.cli import main
from avfusion.cli.batch_table import in_a_line, shown
from avfusion.jobs.batch_outcome import Outcome

Material = Any
Run = Callable[..., subprocess.CompletedProcess[str]]


def line(out: str, **more: Any) -> dict[str, Any]:
    inputs = {"clip": {"path": "clip.mp4"}, "masks": {"path": "masks"}}
    job = {"avfusion_job": 1, "verb": "swap", "inputs": inputs, "options": {"background": "#204060"}, "out": out}
    return job | more


@pytest.fixture
def folder(material: Material, tmp_path: Path) -> Path:
    shutil.copy(material.clip, tmp_path / "clip.mp4")
    shutil.copytree(material.masks, tmp_path / "masks")
    return tmp_path


def write(folder: Path, *lines: dict[str, Any]) -> None:
    (folder / "jobs.jsonl").write_text("".join(f"{json.dumps(one)}\n" for one in lines))


def test_odd_names_stay_in_their_row(run: Run, folder: Path) -> None:
    odd = "<b>bold<\n&amp;\x1b[31m.mp4"
    write(folder, line(odd), line("fine.mp4", span=[0, 4]), line("no.mp4", inputs={"clip": {"path": "none\n.mp4"}}))
    done = run("batch", "jobs.jsonl", "--out", "results", "--workers", "1")
    assert done.returncode == 3, done.stderr
    head, first, second, third, empty, counts = done.stdout.splitlines()
    assert head.split() == ["name", "seconds", "status", "why"]
    assert first.startswith(r"<b>bold<\n&amp;\x1b[31m.mp4  ")
    assert [row[-4:] for row in (first, second)] == ["done", "done"]
    assert third.endswith("failed   none .mp4: there is no such file.")
    assert len({row.find(" done ") for row in (f"{first} ", f"{second} ")}) == 1
    assert empty == ""
    assert counts.startswith("results: 2 done, 1 failed in ")
    assert (folder / "results" / odd).is_file()
    assert [row.partition(" ")[0] for row in done.stderr.splitlines()] == ["1/3", "2/3", "3/3"]

    again = run("batch", "jobs.jsonl", "--out", "results", "--json", "--quiet")
    assert (again.returncode, again.stderr) == (3, "")
    assert json.loads(again.stdout)["counts"] == {"done": 0, "failed": 1, "skipped": 2, "not run": 0}


@pytest.mark.parametrize(
    ("arguments", "status", "says"),
    [
        (["missing.jsonl", "--out", "x"], 3, "missing.jsonl: cannot be read"),
        (["jobs.jsonl", "--out", "taken"], 3, "name a folder"),
        (["jobs.jsonl", "--out", "."], 3, "would replace an input"),
        (["jobs.jsonl", "--out", "x", "--on", "the moon"], 2, "--on the moon: give local, ray, or an address"),
        (["jobs.jsonl", "--out", "x", "--on", "ray://127.0.0.1:1"], 4, "no Ray cluster answers there"),
        (["jobs.jsonl", "--out", "x", "--workers", "0"], 2, "workers"),
        (["jobs.jsonl"], 2, "--out"),
    ],
)
def test_wrong_usage_is_one_line(
    folder: Path, arguments: list[str], status: int, says: str, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    write(folder, line("clip.mp4"))
    (folder / "taken").touch()
    monkeypatch.chdir(folder)
    assert main(["batch", *arguments]) == status
    said = capsys.readouterr()
    assert said.out == ""
    assert says in said.err
    assert said.err.count("\n") == 1
    assert not (folder / "x" / "clip.mp4").exists()


def test_stopped_what_is_done_stays_and_the_same_command_goes_on(run: Run, program: list[str], folder: Path) -> None:
    write(folder, *(line(f"{number:02d}.mp4") for number in range(12)))
    command = [*program, "batch", "jobs.jsonl", "--out", "results", "--workers", "1"]
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        first = process.stderr.readline()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=120)
    assert first.startswith("1/12 00.mp4 done in ")
    assert (process.returncode, out) == (130, ""), err
    assert "the same command goes on from there" in err.splitlines()[-1]
    assert "Traceback" not in err
    there = {path.name for path in (folder / "results").glob("*.mp4")}
    assert 1 <= len(there) < 12
    counts = json.loads((folder / "results" / "summary.json").read_text())["counts"]
    assert counts == {"done": len(there), "failed": 0, "skipped": 0, "not run": 12 - len(there)}
    assert [path for path in (folder / "results").iterdir() if "part" in path.name] == []
    write(folder, *(line(f"{number:02d}.mp4") for number in range(len(there) + 1)))
    again = run("batch", "jobs.jsonl", "--out", "results")
    assert again.returncode == 0, again.stderr
    assert again.stdout.count(" skipped  done before") == len(there)
    assert again.stdout.count(" done\n") == 1


def test_long_names_lose_their_middle() -> None:
    assert shown("a" * 40) == "a" * 40
    assert shown("begin" + "x" * 50 + "end.mp4") == f"begin{'x' * 14}...{'x' * 11}end.mp4"
    assert len(shown("\n" * 100)) == 40
    assert shown("\u202egnp.exe") == r"\u202egnp.exe"
    failed = Outcome("a.mp4", 1, "failed", why="no\nclip\x1b[2J here")
    assert in_a_line(failed) == "a.mp4 failed: no clip [2J here"
    assert in_a_line(Outcome("a.mp4", 1, "done", 2.04, tries=2)) == "a.mp4 done in 2.0 s (begun 2 times)"


def test_the_program_offers_batches_without_loading_what_runs_them() -> None:
    code = "import sys; import avfusion.cli; print(sorted({'ray', 'cv2', 'multiprocessing'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
