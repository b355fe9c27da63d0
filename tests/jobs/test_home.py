"""Job folders: private, found by nothing but their id, and cleaned up by age."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from avfusion.errors import CannotWrite, UsageError
from avfusion.jobs.home import LASTING, clean, hold, home, job_folder, new_job, tidy, uploads


def age(folder: Path, by_s: float) -> None:
    then = time.time() - by_s
    for path in (*folder.rglob("*"), folder):
        os.utime(path, (then, then), follow_symlinks=False)


def test_home_is_the_variable_or_the_users_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AVFUSION_HOME", str(tmp_path / "here"))
    assert home() == tmp_path / "here"
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AVFUSION_HOME", "~/there")
    assert home() == tmp_path / "there"
    monkeypatch.delenv("AVFUSION_HOME")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    assert home() == tmp_path / ".cache" / "avfusion"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert home() == tmp_path / "cache" / "avfusion"
    assert list(tmp_path.iterdir()) == [], "asking makes no folder"


def test_a_job_has_its_own_private_folder() -> None:
    jobs = {new_job() for _ in range(20)}
    assert len(jobs) == 20
    for job in jobs:
        assert len(job) == 32
        folder = job_folder(job)
        assert folder.is_relative_to(home())
        assert folder.stat().st_mode & 0o777 == 0o700
        assert list(folder.iterdir()) == []


@pytest.mark.parametrize(
    "job",
    ["", ".", "..", "../jobs", "/etc", "0" * 31, "0" * 33, "0" * 32 + "\n", "0" * 31 + "/", "A" * 32, "g" * 32],
)
def test_what_is_no_id_is_refused(job: str) -> None:
    new_job()
    with pytest.raises(UsageError, match="not the id of a job"):
        job_folder(job)


def test_a_job_that_never_was_is_refused() -> None:
    with pytest.raises(UsageError, match="cleaned up"):
        job_folder("0" * 32)


def test_clean_takes_only_old_jobs() -> None:
    old, young, busy = new_job(), new_job(), new_job()
    (job_folder(old) / "track").mkdir()
    (job_folder(old) / "track" / "object-1.bits").write_bytes(b"bits")
    (job_folder(busy) / "track").mkdir()
    for job in (old, busy):
        age(job_folder(job), by_s=1000)
    (job_folder(busy) / "track" / "object-1.bits").write_bytes(b"bits")
    age(job_folder(busy) / "track", by_s=0)
    assert clean(older_than_s=500) == 1
    assert not (home() / "jobs" / old).exists()
    assert job_folder(young).is_dir()
    assert job_folder(busy).is_dir()
    with pytest.raises(UsageError, match="cleaned up"):
        job_folder(old)
    assert clean(older_than_s=-10) == 2


def test_hours_of_work_stay_longer() -> None:
    lasting = new_job()
    (job_folder(lasting) / LASTING).touch()
    age(job_folder(lasting), by_s=1000)
    assert clean(older_than_s=500) == 0
    assert clean(older_than_s=30) == 1


def test_clean_leaves_alone_what_is_no_job(tmp_path: Path) -> None:
    assert clean(older_than_s=0) == 0
    new_job()
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "file").touch()
    (home() / "jobs" / "notes").mkdir()
    (home() / "jobs" / ("a" * 32)).symlink_to(mine)
    assert clean(older_than_s=-10) == 1
    assert (mine / "file").exists()
    assert (home() / "jobs" / "notes").is_dir()


def test_a_home_that_cannot_be_made_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("AVFUSION_HOME", str(tmp_path / "file" / "home"))
    with pytest.raises(CannotWrite, match="Set AVFUSION_HOME"):
        new_job()


def filled(size: int, *, age_s: float, folder: Path | None = None) -> Path:
    """A job with a file of so many bytes that came so long ago."""
    folder = job_folder(new_job()) if folder is None else folder
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "clip.mp4").write_bytes(b"x" * size)
    age(folder, by_s=age_s)
    return folder


def test_the_oldest_go_until_the_rest_fits() -> None:
    folders = [filled(100_000, age_s=5000 - 1000 * number) for number in range(4)]
    sent = filled(100_000, age_s=4500, folder=uploads() / "0123abcd")
    left = tidy(older_than_s=10_000, most_bytes=250_000)
    assert [folder.exists() for folder in folders] == [False, False, True, True]
    assert not sent.exists(), "uploads count, and go, like jobs"
    assert 200_000 <= left <= 250_000
    assert tidy(older_than_s=10_000, most_bytes=250_000) == left, "what fits stays"


def test_what_is_old_goes_though_there_is_room() -> None:
    old, young = filled(10, age_s=5000), filled(10, age_s=1000)
    tidy(older_than_s=3000, most_bytes=float("inf"))
    assert not old.exists()
    assert young.exists()


def test_what_just_came_stays_and_so_does_what_is_unfinished_for_longer() -> None:
    unfinished, finished, new = filled(90_000, age_s=5000), filled(90_000, age_s=4000), filled(90_000, age_s=10)
    (unfinished / "kept").mkdir()
    age(unfinished, by_s=5000)
    tidy(older_than_s=1000, most_bytes=200_000)
    assert unfinished.exists(), "a week's work of one who was cut off is not a day's rubbish"
    assert not finished.exists()
    tidy(older_than_s=1e6, most_bytes=1)
    assert not unfinished.exists()
    assert new.exists()


def test_what_is_in_use_is_never_tidied() -> None:
    folder = filled(100_000, age_s=50_000)
    with hold(folder), hold(folder):
        assert clean(older_than_s=10) == 0
        assert tidy(older_than_s=10, most_bytes=0) >= 100_000
        assert folder.is_dir()
    assert tidy(older_than_s=10, most_bytes=0) == 0
    assert not folder.exists()


def test_what_a_dead_process_used_is_free() -> None:
    folder = filled(10, age_s=50_000)
    script = "import sys, time\nfrom pathlib import Path\nfrom avfusion.jobs.home import hold\n"
    script += "held = hold(Path(sys.argv[1]))\nprint('held', flush=True)\ntime.sleep(600)"
    with subprocess.Popen([sys.executable, "-c", script, str(folder)], stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        assert clean(older_than_s=10) == 0
        other.send_signal(signal.SIGKILL)
    assert clean(older_than_s=10) == 1


def test_a_hole_fills_no_disk_and_a_second_name_counts_once() -> None:
    folder = filled(100_000, age_s=10)
    os.link(folder / "clip.mp4", folder / "again.mp4")
    with (folder / "object-1.bits").open("wb") as file:
        file.truncate(10**9)
    assert 100_000 <= tidy(older_than_s=1000, most_bytes=float("inf")) < 200_000


def test_tidying_follows_no_link(tmp_path: Path) -> None:
    mine = filled(10, age_s=50_000, folder=tmp_path / "mine")
    folder = filled(10, age_s=50_000)
    (folder / "link").symlink_to(mine)
    (uploads()).mkdir(parents=True)
    (uploads() / "link").symlink_to(mine)
    os.utime(folder, (0, 0))
    os.utime(folder / "link", (0, 0), follow_symlinks=False)
    tidy(older_than_s=10, most_bytes=0)
    assert not folder.exists()
    assert (mine / "clip.mp4").exists()
