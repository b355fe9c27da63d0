"""/replay: a job file and the files that it was made from, under any name, give what the job says."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import gradio as gr
import pytest

from avfusion.errors import CannotRead
from avfusion.media.digest import digest_of
from avfusion.media.probe import probe
from avfusion.pipelines.swap import swap
from avfusion.ui.endpoints import ENDPOINTS
from avfusion.ui.endpoints_asked import called
from avfusion.ui.endpoints_replay import replay
from tests.ui.making import balls, write_clip

FRAMES = 4


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_clip(tmp_path_factory.mktemp("clip") / "upload.mp4", balls(FRAMES, 96, 64))


def job_file(folder: Path, clip: Path, **changed: Any) -> Path:
    entry = {"path": "inputs/clip/rolling.mp4", "sha256": digest_of(clip)}
    plain = {
        "avfusion_job": 1, "verb": "swap", "inputs": {"clip": entry}, "options": {"background": "#204060"},
        "prompts": [{"kind": "box", "x0": 12, "y0": 14, "x1": 48, "y1": 50}], "settings": {"edges": "hard"},
        "out": "swapped.mp4",
    }  # fmt: skip
    path = folder / "job.json"
    path.write_text(json.dumps(plain | changed))
    return path


def replayed(job: Path, *files: Path) -> tuple[bytes, dict[str, Any]]:
    """The file goes when the call is over, as Gradio has its copy by then."""
    answers = called(replay)({"path": str(job)}, [{"path": str(file)} for file in files])
    for file, report in answers:
        if file is not None:
            return Path(file).read_bytes(), report
    raise AssertionError("no file came")


def test_it_is_an_endpoint() -> None:
    assert replay in ENDPOINTS


def test_a_job_gives_what_its_verb_gives(clip: Path, tmp_path: Path) -> None:
    from avfusion.clip import Box
    from avfusion.pipelines.swap_settings import SwapSettings

    made, report = replayed(job_file(tmp_path, clip), clip)
    swap(clip, [Box(12, 14, 48, 50)], background="#204060", out=tmp_path / "own.mp4",
         settings=SwapSettings(edges="hard"))  # fmt: skip
    (tmp_path / "made.mp4").write_bytes(made)
    pairs = zip(probe(tmp_path / "made.mp4").frames(), probe(tmp_path / "own.mp4").frames(), strict=True)
    assert all((one.rgb == other.rgb).all() for one, other in pairs)
    assert (report["verb"], report["out"], report["frames"]) == ("swap", "swapped.mp4", FRAMES)


def test_more_files_than_one_come_in_a_zip(clip: Path, tmp_path: Path) -> None:
    made, report = replayed(job_file(tmp_path, clip, also={"matte": "matte.mp4"}), clip)
    (tmp_path / "made.zip").write_bytes(made)
    with zipfile.ZipFile(tmp_path / "made.zip") as archive:
        assert archive.namelist() == ["matte.mp4", "swapped.mp4"]
    assert report["out"] == "swapped.zip"


def test_other_files_than_the_jobs_are_refused(clip: Path, tmp_path: Path) -> None:
    job = job_file(tmp_path, clip)
    with pytest.raises(gr.Error) as caught:
        replayed(job, job)
    assert str(caught.value.message) == ("clip: none of these files is the rolling.mp4 that the job was made from.")
    with pytest.raises(gr.Error) as caught:
        replayed(clip, clip)
    assert str(caught.value.message).startswith("upload.mp4: ")


def test_what_is_no_job_file_is_said_without_ids(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none.json"):
        with pytest.raises(CannotRead, match=r"Give a job file\.$"):
            next(replay(str(path), []))
