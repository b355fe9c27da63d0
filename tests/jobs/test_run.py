"""A run is a job: its folder is there while it can go on, and its file replays to the same result."""

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from avfusion.clip import Drawn
from avfusion.errors import CannotRead, CannotWrite, OutputIsInput, Stopped, UsageError
from avfusion.jobs.adopt import Started
from avfusion.jobs.home import home, job_folder
from avfusion.jobs.job_file import read_job
from avfusion.jobs.listing import unfinished
from avfusion.jobs.run import run, run_job, start
from avfusion.jobs.saving import save_job
from avfusion.jobs.schema import SwapOptions
from avfusion.jobs.state import alone
from avfusion.pipelines.swap import SwapSettings, swap
from tests.jobs.making import BOX, FRAMES, HEIGHT, WIDTH, ball_clip, heard, shown, stop_after

SETTINGS = SwapSettings(edges="hard")


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return ball_clip(tmp_path_factory.mktemp("clip") / "ball.mp4")


def started(clip: Path, out: Path, **more: object) -> Started:
    values = {"inputs": {"clip": clip}, "prompts": [BOX], "settings": SETTINGS, "options": SwapOptions("#204060")}
    return start("swap", out=out, **(values | more))  # type: ignore[arg-type]


def jobs() -> list[Path]:
    return sorted((home() / "jobs").glob("*"))


def test_a_job_gives_what_the_pipeline_gives(clip: Path, tmp_path: Path) -> None:
    one, other = tmp_path / "one.mp4", tmp_path / "other.mp4"
    swap(clip, [BOX], background="#204060", out=one, settings=SETTINGS)
    job = started(clip, other)
    report = run_job(job.folder)
    assert shown(one) == shown(other)
    assert heard(one) == heard(other)
    assert report["out"] == str(other)
    assert report["job"] == job.id
    assert report["frames"] == FRAMES
    # Done: what is heavy is gone, and the job says which engines did it.
    assert sorted(path.name for path in job.folder.iterdir()) == ["job.json", "lock", "run.json"]
    assert unfinished() == []
    with pytest.raises(UsageError, match="is done"):
        run(job.id)


def test_a_stopped_run_says_how_to_go_on_and_is_listed(clip: Path, tmp_path: Path) -> None:
    job = started(clip, tmp_path / "out.mp4")
    with pytest.raises(Stopped, match=f"avfusion resume {job.id}"):
        run(job, should_stop=stop_after(9))
    assert list(tmp_path.iterdir()) == []
    (one,) = unfinished()
    assert (one.id, one.verb, one.source, one.why) == (job.id, "swap", str(clip), "stopped")
    assert not one.is_running
    run(job.id)
    assert len(shown(tmp_path / "out.mp4")) == FRAMES
    assert unfinished() == []


def test_a_run_that_cannot_begin_leaves_no_folder(clip: Path, tmp_path: Path) -> None:
    job = started(clip, tmp_path / "none" / "out.mp4")
    with pytest.raises(CannotWrite, match="does not exist"):
        run(job)
    assert jobs() == []
    with pytest.raises(CannotRead, match="no such file"):
        started(tmp_path / "none.mp4", tmp_path / "out.mp4")
    assert jobs() == []


def test_messages_name_the_users_own_file(clip: Path, tmp_path: Path) -> None:
    job = started(clip, tmp_path / "out.mp4", span=(5, 500))
    with pytest.raises(UsageError, match=f"^{clip}: there are no frames 5 to 499"):
        run(job)


def test_an_input_that_changed_is_refused_by_name(clip: Path, tmp_path: Path) -> None:
    own = tmp_path / "own.mp4"
    own.write_bytes(clip.read_bytes())
    job = started(own, tmp_path / "out.mp4")
    with pytest.raises(Stopped):
        run(job, should_stop=stop_after(1))
    with own.open("ab") as file:
        file.write(b"x")
    with pytest.raises(UsageError, match=r"own.mp4: this file has changed"):
        run(job.id)


def test_a_file_that_was_replaced_is_still_there_for_its_job(clip: Path, tmp_path: Path) -> None:
    own = tmp_path / "own.mp4"
    own.write_bytes(clip.read_bytes())
    job = started(own, tmp_path / "out.mp4")
    own.unlink()
    run(job.id)
    assert len(shown(tmp_path / "out.mp4")) == FRAMES


def test_two_processes_never_run_one_job(clip: Path, tmp_path: Path) -> None:
    job = started(clip, tmp_path / "out.mp4")
    with alone(job.folder):
        assert unfinished()[0].is_running
        with pytest.raises(UsageError, match=f"is being run by process {os.getpid()}"):
            run(job.id)
    run(job.id)


def test_a_saved_job_replays_elsewhere(clip: Path, tmp_path: Path) -> None:
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[30:66, 34:70] = True
    out = tmp_path / "out.mp4"
    job = started(clip, out, prompts=[Drawn(mask)])
    first = tmp_path / "first"
    first.mkdir()
    save_job(job.id, first / "my.json")
    run(job)
    moved = tmp_path / "moved"
    first.rename(moved)
    report = run_job(moved / "my.json")
    assert report["out"] == str(moved / "out.mp4")
    assert shown(moved / "out.mp4") == shown(out)
    assert all(not Path(one.path).is_absolute() for one in read_job(moved / "my.json").inputs.values())


def test_a_job_saved_over_another_takes_its_place_with_its_inputs(clip: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.mp4"
    other.write_bytes(clip.read_bytes())
    mask = np.ones((HEIGHT, WIDTH), bool)
    saved = tmp_path / "my.json"
    save_job(started(clip, tmp_path / "out.mp4", prompts=[Drawn(mask)]).id, saved)
    (tmp_path / "my-inputs" / "letters.txt").write_text("mine")
    save_job(started(other, tmp_path / "out.mp4").id, saved)
    (one,) = read_job(saved).inputs.values()
    kept = {str(path.relative_to(tmp_path)) for path in (tmp_path / "my-inputs").rglob("*") if path.is_file()}
    assert kept == {"my-inputs/letters.txt", one.path}
    assert (tmp_path / one.path).name == "other.mp4"
    assert Path(run_job(saved)["out"]).exists()


def test_a_job_that_cannot_be_saved_leaves_the_one_before_as_it_was(clip: Path, tmp_path: Path) -> None:
    saved = tmp_path / "my.json"
    save_job(started(clip, tmp_path / "out.mp4").id, saved)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    unreadable = started(clip, tmp_path / "out.mp4", prompts=[Drawn(np.ones((HEIGHT, WIDTH), bool))])
    next((unreadable.folder / "inputs").rglob("mask.png")).unlink()
    with pytest.raises(UsageError, match="no longer kept"):
        save_job(unreadable.id, saved)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["my-inputs", "my.json"]


def test_a_job_file_goes_on_where_it_was_stopped(clip: Path, tmp_path: Path) -> None:
    job = started(clip, tmp_path / "out.mp4")
    save_job(job.id, tmp_path / "my.json")
    run(job)
    (tmp_path / "out.mp4").unlink()
    for _ in range(2):
        with pytest.raises(Stopped):
            run(tmp_path / "my.json", should_stop=stop_after(9))
        assert len(unfinished()) == 1
    run(tmp_path / "my.json")
    assert unfinished() == []
    assert (tmp_path / "out.mp4").exists()


def test_a_job_of_another_version_is_refused(clip: Path, tmp_path: Path) -> None:
    job = started(clip, tmp_path / "out.mp4")
    plain = json.loads((job.folder / "job.json").read_text())
    (job.folder / "job.json").write_text(json.dumps(plain | {"avfusion_job": 9}))
    with pytest.raises(UsageError, match="version 9 is not known"):
        run(job.id)
    assert unfinished() == []


def test_what_is_no_job_is_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cleaned up"):
        run("0" * 32)
    with pytest.raises(CannotRead, match="there is no job in this folder"):
        run(tmp_path)
    with pytest.raises(CannotRead, match="cannot be read"):
        run("nothing.json")


def test_a_job_does_not_leave_its_folder(clip: Path, tmp_path: Path) -> None:
    job = started(clip, tmp_path / "out.mp4")
    save_job(job.id, tmp_path / "my.json")
    link = next((tmp_path / "my-inputs").rglob("*.mp4"))
    link.unlink()
    link.symlink_to(clip)
    before = jobs()
    with pytest.raises(UsageError, match="leads out of the job's folder"):
        run(tmp_path / "my.json")
    assert jobs() == before
    assert job_folder(job.id).is_dir()


def test_a_folder_from_elsewhere_says_nothing_of_where_to_write_or_what_to_remove(clip: Path, tmp_path: Path) -> None:
    dear, hostile = tmp_path / "dear", tmp_path / "hostile"
    dear.mkdir()
    (dear / "letters.txt").write_text("keep")
    save_job(started(clip, tmp_path / "out.mp4").id, tmp_path / "saved.json")
    hostile.mkdir()
    job = json.loads((tmp_path / "saved.json").read_text())
    for one in job["inputs"].values():
        (hostile / one["path"]).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / one["path"]).rename(hostile / one["path"])
    (hostile / "job.json").write_text(json.dumps(job))
    outs = {"out": str(dear / "letters.txt")}
    (hostile / "run.json").write_text(
        json.dumps({"outs": outs, "status": "unfinished", "why": "", "report": {}, "sources": {}})
    )
    (hostile / "parts.txt").write_text(json.dumps(str(dear)) + "\n")
    report = run_job(hostile)
    assert Path(report["out"]) == hostile / "out.mp4"
    assert (dear / "letters.txt").read_text() == "keep"


def test_a_folder_that_is_not_ours_stays_as_it_is(clip: Path, tmp_path: Path) -> None:
    job = started(clip, tmp_path / "out.mp4")
    mine = tmp_path / "mine"
    shutil.copytree(job.folder, mine)
    before = {path: path.stat().st_size for path in mine.rglob("*")}
    with pytest.raises(CannotWrite, match="does not exist"):
        run(mine, out=tmp_path / "none" / "out.mp4")
    run(mine, out=tmp_path / "out.mp4")
    assert {path: path.stat().st_size for path in mine.rglob("*")} == before


def test_a_saved_job_of_any_name_can_be_read(clip: Path, tmp_path: Path) -> None:
    job = started(clip, tmp_path / "out.mp4")
    for name in ("a:b.json", "..json", "x\\y.json", "job"):
        save_job(job.id, tmp_path / name)
        assert read_job(tmp_path / name).verb == "swap"
    with pytest.raises(CannotWrite, match="does not exist"):
        save_job(job.id, tmp_path / "none" / "job.json")
    assert not (tmp_path / "none").exists()


def test_a_job_file_does_not_write_over_what_is_not_its_own(clip: Path, tmp_path: Path) -> None:
    job = started(clip, tmp_path / "out.mp4", also={"matte": tmp_path / "matte.mp4"})
    save_job(job.id, tmp_path / "my.json")
    run(job)
    run(tmp_path / "my.json")  # its own earlier result may go
    before = jobs()
    (tmp_path / "matte.mp4").write_text("precious")
    with pytest.raises(CannotWrite, match=r"matte.mp4: this is there already"):
        run(tmp_path / "my.json")
    (tmp_path / "new.mp4").write_text("the user says that it may go")
    report = run_job(tmp_path / "my.json", out=tmp_path / "new.mp4")
    assert Path(report["out"]).name == "new.mp4"
    assert len(shown(tmp_path / "new-matte.mp4")) == len(shown(tmp_path / "new.mp4")) == FRAMES
    assert (tmp_path / "matte.mp4").read_text() == "precious"
    assert len(jobs()) == len(before) + 1


def test_a_job_file_names_neither_itself_nor_its_inputs(clip: Path, tmp_path: Path) -> None:
    save_job(started(clip, tmp_path / "out.mp4").id, tmp_path / "my.json")
    plain = json.loads((tmp_path / "my.json").read_text())
    (tmp_path / "clip.mp4").write_bytes(clip.read_bytes())
    plain["inputs"]["clip"]["path"] = "clip.mp4"
    for out, also, error in (
        ("my.json", {}, OutputIsInput), ("clip.mp4", {}, OutputIsInput), ("a.mp4", {"matte": "my.json"}, OutputIsInput),
        ("a.mp4", {"matte": "a.mp4"}, UsageError),
    ):  # fmt: skip
        text = json.dumps(plain | {"out": out, "also": also})
        (tmp_path / "my.json").write_text(text)
        before = jobs()
        with pytest.raises(error, match=r"own input|in one place"):
            run(tmp_path / "my.json")
        assert (tmp_path / "my.json").read_text() == text
        assert jobs() == before
    assert (tmp_path / "clip.mp4").read_bytes() == clip.read_bytes()


def test_a_run_that_goes_on_elsewhere_takes_its_other_files_along(clip: Path, tmp_path: Path) -> None:
    job = started(clip, tmp_path / "out.mp4", also={"matte": tmp_path / "matte.mp4"})
    with pytest.raises(Stopped):
        run(job, should_stop=stop_after(9))
    (tmp_path / "matte.mp4").write_text("of another run")
    with pytest.raises(OutputIsInput):
        run(job.id, out=clip)
    run(job.id, out=tmp_path / "other.mp4")
    assert (tmp_path / "matte.mp4").read_text() == "of another run"
    assert (tmp_path / "other-matte.mp4").exists()


def test_what_a_saved_job_has_is_its_own(clip: Path, tmp_path: Path) -> None:
    own = tmp_path / "own.mp4"
    own.write_bytes(clip.read_bytes())
    job = started(own, tmp_path / "out.mp4")
    save_job(job.id, tmp_path / "my.json")
    with own.open("ab") as file:
        file.write(b"edited")
    (saved,) = (tmp_path / "my-inputs").rglob("*.mp4")
    assert saved.read_bytes() == clip.read_bytes()
    with pytest.raises(UsageError, match=f"^{own}: this file has changed"):
        run(job.id)  # what lies in the folder of the run is a link: said by the name that the user knows


def test_inputs_that_lie_beside_the_job_file_are_found(clip: Path, tmp_path: Path) -> None:
    job = started(clip, tmp_path / "out.mp4")
    there = tmp_path / "downloads"
    there.mkdir()
    shutil.copy(job.folder / "job.json", there / "dl.json")
    (there / "ball.mp4").write_bytes(b"another of that name")
    (there / "leads-out.mp4").symlink_to(clip)
    with pytest.raises(CannotRead, match=f"the job's clip is not there. Put ball.mp4 beside the job file, in {there}"):
        run(there / "dl.json")
    (there / "ball (1).mp4").write_bytes(clip.read_bytes())
    run(there / "dl.json")
    assert len(shown(there / "out.mp4")) == FRAMES
