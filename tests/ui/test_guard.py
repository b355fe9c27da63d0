"""Which addresses are answered: results are, and what is kept beside them, or lies elsewhere, is not."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from avfusion.jobs.home import home, job_folder, new_job
from avfusion.ui.guard import is_shown, refusal


@pytest.fixture
def job() -> Path:
    return job_folder(new_job())


@pytest.mark.parametrize(
    "inner",
    ["clip-1/my clip.mp4", "result-2/clip-blur.webm", "masks-3/clip-masks.zip", "rle-4/clip-masks.json", "a.PNG"],
)
def test_results_are_shown(job: Path, inner: str) -> None:
    assert is_shown(str(job / inner))
    assert refusal(f"/gradio_api/file={job / inner}") is None


@pytest.mark.parametrize(
    "inner",
    [
        "", "job.json", "run.json", "lock", "form.json", "kept/journal.jsonl", "kept/pieces/0.mp4",
        "track/object-1.bits", "given-1/track/confidence.npz", ".hidden.mp4", "log", "notes.txt", "x.log", "page.py",
    ],
)  # fmt: skip
def test_what_is_kept_beside_them_is_not(job: Path, inner: str) -> None:
    path = str(job / inner)
    roundabout = f"{job}/clip-1/../{inner}"
    doubled = "/" + path
    relative = os.path.relpath(path)
    for name in (path, roundabout, doubled, relative):
        assert not is_shown(name), name
    for route in ("/gradio_api/file=", "/file=", "/gradio_api/file/", "/prefix/gradio_api/file="):
        assert refusal(f"{route}{path}") == (403, "This file is not for visitors.")


@pytest.mark.parametrize(
    "address",
    ["http://example.org/a.mp4", "https://example.org/a.mp4", "HTTPS://example.org", "file:///etc/passwd", "ftp://x/y",
     "https%3A//example.org/a.mp4", "data:text/html,x"],
)  # fmt: skip
def test_nothing_is_fetched_from_elsewhere_for_a_visitor(address: str) -> None:
    assert not is_shown(address)
    assert refusal(f"/gradio_api/file={address}") is not None
    assert refusal(f"/gradio_api/proxy={address}") is not None


def test_other_addresses_are_gradios_own_affair() -> None:
    for path in ("/", "/config", "/gradio_api/info", "/gradio_api/upload", "/gradio_api/queue/join", "/assets/a.js"):
        assert refusal(path) is None
    assert is_shown("/somewhere/else.txt"), "Gradio opens the folders that the page names, and no others"
    assert not is_shown(str(home() / "jobs"))
