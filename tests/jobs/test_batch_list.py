"""A file of jobs is read whole or refused with the number of its line; nothing outside its folder is named."""

import json
import os
from pathlib import Path

import pytest

from avfusion.errors import CannotRead, CannotWrite, OutputIsInput, UsageError
from avfusion.jobs.batch_done import results_in
from avfusion.jobs.batch_list import read_batch, refuse_inputs
from avfusion.jobs.batch_outcome import Outcome
from avfusion.media.digest import digest_of
from tests.jobs.batches import swap_line, write_lines


def test_lines_are_jobs_with_paths_beside_the_file(tmp_path: Path) -> None:
    (tmp_path / "clips").mkdir()
    (tmp_path / "clips" / "a.mp4").write_bytes(b"a")
    first, second = swap_line("clips/a.mp4", "a.mp4"), swap_line("clips/a.mp4", "b.mp4", also={"matte": "c.mp4"})
    text = f"\ufeff{json.dumps(first)}\n\n   \n{json.dumps(second)}"
    (tmp_path / "jobs.jsonl").write_text(text, encoding="utf-8")
    one, other = read_batch(tmp_path / "jobs.jsonl")
    assert (one.line, one.name, one.outs) == (1, "a.mp4", ("a.mp4",))
    assert (other.line, other.name, other.outs) == (4, "b.mp4", ("b.mp4", "c.mp4"))
    assert one.paths() == {"clip": tmp_path / "clips" / "a.mp4"}
    assert one.unhashed == {"clip"}
    assert one.hashed(digest_of).job.inputs["clip"].sha256 == digest_of(tmp_path / "clips" / "a.mp4")


def test_the_same_wish_is_known_wherever_its_inputs_lie(tmp_path: Path) -> None:
    for name, held in (("a.mp4", b"a"), ("b.mp4", b"a"), ("c.mp4", b"c")):
        (tmp_path / name).write_bytes(held)
    lines = [swap_line(name, f"out-{name}") for name in ("a.mp4", "b.mp4", "c.mp4")]
    lines = [line | {"out": "out.mp4"} for line in lines]
    wishes = [
        read_batch(write_lines(tmp_path / f"{number}.jsonl", line))[0].hashed(digest_of).wish()
        for number, line in enumerate(lines)
    ]
    assert wishes[0] == wishes[1]
    assert wishes[0] != wishes[2]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "there is no job"),
        ("\n \n", "there is no job"),
        ("\n{'no': json}\n", "line 2: this is no job"),
        ('{"avfusion_job": 1, "avfusion_job": 1}', "line 1: this is no job: a key is there twice"),
        ("[]", "line 1: this is no job"),
        ("null", "line 1: this is no job"),
        ('{"avfusion_job": 2}', "line 1: avfusion_job: version 2"),
        ('{"avfusion_job": 1, "verb": "explode", "inputs": {}, "out": "a.mp4"}', "line 1: verb: 'explode' is none of"),
        ('{"avfusion_job": 1, "verb": "swap", "inputs": {}, "out": "a.mp4"}', "line 1: inputs.clip: is missing"),
    ],
)
def test_a_line_that_is_no_job_is_named(tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "jobs.jsonl").write_text(text)
    with pytest.raises(UsageError) as raised:
        read_batch(tmp_path / "jobs.jsonl")
    assert says in str(raised.value)


def test_bytes_that_are_no_text_and_endless_lines_are_named(tmp_path: Path) -> None:
    (tmp_path / "jobs.jsonl").write_bytes(b"\n\xff\xfe\n")
    with pytest.raises(UsageError, match="line 2: this is no text"):
        read_batch(tmp_path / "jobs.jsonl")
    (tmp_path / "jobs.jsonl").write_bytes(b" " * (17 * 2**20))
    with pytest.raises(UsageError, match="line 1: a job has 16 MB"):
        read_batch(tmp_path / "jobs.jsonl")
    with pytest.raises(CannotRead, match="cannot be read"):
        read_batch(tmp_path / "missing.jsonl")
    os.mkfifo(tmp_path / "pipe.jsonl")
    for path in (tmp_path, tmp_path / "pipe.jsonl"):
        with pytest.raises(CannotRead, match="this is not a file"):
            read_batch(path)


@pytest.mark.parametrize(
    "path", ["../outside.mp4", "/etc/hostname", "inside/../../outside.mp4", "link.mp4", "to/x.mp4"]
)
def test_files_outside_the_folder_are_refused(tmp_path: Path, path: str) -> None:
    folder = tmp_path / "batch"
    folder.mkdir()
    (tmp_path / "outside.mp4").write_bytes(b"secret")
    (folder / "link.mp4").symlink_to(tmp_path / "outside.mp4")
    (folder / "to").symlink_to(tmp_path)
    (folder / "fine.mp4").write_bytes(b"fine")
    jobs = write_lines(folder / "jobs.jsonl", swap_line("fine.mp4", "a.mp4"), swap_line(path, "b.mp4"))
    with pytest.raises(UsageError, match=r"line 2: inputs\.clip\.path: .* leads out of the job's folder"):
        read_batch(jobs)


@pytest.mark.parametrize("out", ["../b.mp4", "/b.mp4", "..", "a/b.mp4", ".batch", "summary.json"])
def test_results_have_names_and_no_folders(tmp_path: Path, out: str) -> None:
    with pytest.raises(UsageError, match="line 1: out: "):
        read_batch(write_lines(tmp_path / "jobs.jsonl", swap_line("a.mp4", out)))


def test_two_jobs_never_write_one_file(tmp_path: Path) -> None:
    twice = [swap_line("a.mp4", "x.mp4"), swap_line("b.mp4", "x.mp4")]
    with pytest.raises(UsageError, match=r"line 2: out: line 1 writes x\.mp4 too"):
        read_batch(write_lines(tmp_path / "jobs.jsonl", *twice))
    with pytest.raises(UsageError, match=r"line 1: out: line 1 writes x\.mp4 too"):
        read_batch(write_lines(tmp_path / "jobs.jsonl", swap_line("a.mp4", "x.mp4", also={"matte": "x.mp4"})))


def test_a_result_never_replaces_an_input(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(b"a")
    (tmp_path / "b.mp4").write_bytes(b"b")
    jobs = write_lines(tmp_path / "jobs.jsonl", swap_line("a.mp4", "c.mp4"), swap_line("b.mp4", "a.mp4"))
    with pytest.raises(OutputIsInput, match="line 2"):
        refuse_inputs(read_batch(jobs), jobs, tmp_path)
    refuse_inputs(read_batch(jobs), jobs, tmp_path / "elsewhere")
    own = write_lines(tmp_path / "own.mp4", swap_line("a.mp4", "own.mp4"))
    with pytest.raises(OutputIsInput):
        refuse_inputs(read_batch(own), own, tmp_path)


def test_a_folder_of_results_is_for_one_batch_at_a_time(tmp_path: Path) -> None:
    out = tmp_path / "made" / "here"
    with results_in(out), pytest.raises(UsageError, match="another batch"), results_in(out):
        pass
    with results_in(out):
        pass
    (tmp_path / "file").touch()
    with pytest.raises(CannotWrite, match="name a folder"), results_in(tmp_path / "file"):
        pass
    with pytest.raises(CannotWrite), results_in(tmp_path / "file" / "below"):
        pass


def test_done_is_what_was_asked_for_and_is_still_there(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(b"a")
    lines = [swap_line("a.wav", "x.wav"), swap_line("a.wav", "x.wav", options={"background": "#000000"})]
    one, other = (
        read_batch(write_lines(tmp_path / f"{number}.jsonl", line))[0].hashed(digest_of)
        for number, line in enumerate(lines)
    )
    with results_in(tmp_path / "out") as results:
        assert results.find(one) is None
        (tmp_path / "out" / "x.wav").write_bytes(b"result")
        results.note(one, Outcome(one.name, one.line, "done", report={"frames": 3}))
    with results_in(tmp_path / "out") as results:
        found = results.find(one)
        assert found is not None
        assert (found.status, found.report) == ("skipped", {"frames": 3})
        # Another job of the same name, whose result happens to be as long.
        assert results.find(other) is None
    (tmp_path / "out" / "x.wav").write_bytes(b"longer result")
    with results_in(tmp_path / "out") as results:
        assert results.find(one) is None


def test_all_lines_that_are_wrong_are_named_at_once(tmp_path: Path) -> None:
    good = json.dumps(swap_line("a.mp4", "x.mp4"))
    lines = [good, "no json", json.dumps(swap_line("../a.mp4", "y.mp4")), good, *["[]"] * 4]
    (tmp_path / "jobs.jsonl").write_text("\n".join(lines))
    with pytest.raises(UsageError) as raised:
        read_batch(tmp_path / "jobs.jsonl")
    said = str(raised.value)
    assert "7 lines cannot be used. line 2: this is no job" in said
    assert "line 3: inputs.clip.path" in said
    assert "line 4: out: line 1 writes x.mp4 too" in said
    assert "line 6: " in said
    assert "line 7: " not in said
    assert said.endswith("And 2 more.")
    assert "\n" not in said
