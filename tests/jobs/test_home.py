"""Job folders: private, found by nothing but their id, and cleaned up by age."""

import os
import time
from pathlib import Path

import pytest

from avfusion.errors import CannotWrite, UsageError
from avfusion.jobs.home import LASTING, clean, home, job_folder, new_job


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
