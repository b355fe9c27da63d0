"""The Fusion tab in a real browser: the whole story, from a clip to the file that comes out."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest
from playwright.sync_api import expect

from avfusion.jobs.job_file import parse_job
from avfusion.media.recording import probe_recording
from avfusion.media.revoice import write_revoiced
from tests.ui.making import balls, write_clip
from tests.ui.test_voice import save
from tests.ui.visitor import PHONE, Visitor
from tests.voice.talking import HIGH, LOW, talk

pytestmark = pytest.mark.browser

Visit = Callable[..., Visitor]
RATE_HZ, FRAMES = 48_000, 24
COUNT = RATE_HZ * FRAMES // 25


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """clip.mp4: a ball that rolls while somebody with a high voice talks. low.wav: a low voice. A very long name."""
    folder = tmp_path_factory.mktemp("story")
    toned = write_clip(folder / "toned.mp4", balls(FRAMES, 160, 90), sound_s=COUNT / RATE_HZ)
    samples = talk(HIGH, 4, RATE_HZ)[None, :COUNT].astype(np.float32)
    track = probe_recording(toned).sounds[0]
    write_revoiced(folder / "clip.mp4", toned, track, [samples], first=0, count=COUNT, tags={})
    save(folder / "low.wav", talk(LOW, 4))
    write_clip(folder / f"{'long' * 30}<b>.mp4", balls(3, 90, 160))
    return folder


class Fuser:
    """A visitor in the Fusion tab."""

    def __init__(self, visitor: Visitor) -> None:
        self.visitor, self.page, self.see = visitor, visitor.page, visitor.see
        self.go("fusion")
        self.see("fusion-facts", "example.mp4")

    def go(self, tab: str) -> None:
        self.page.click(f"#{tab}-tab-button")

    def open(self, path: Path) -> None:
        with self.page.expect_file_chooser() as chooser:
            self.page.click("#fusion-upload")
        chooser.value.set_files(path)
        self.see("fusion-facts", path.name[:20])
        self.see("fusion-picture", "Nothing is marked yet")

    def mark(self) -> None:
        """The ball, in the tab that has the tools for it; and back."""
        self.page.click("#fusion-mark")
        self.see("background-time", "Frame 0")
        self.visitor.click_at(0.3, 0.5)
        self.see("background-object-status", "1 kept")
        self.go("fusion")
        self.see("fusion-picture", "Object 1: stays")

    def give(self, recording: Path) -> None:
        with self.page.expect_file_chooser() as chooser:
            self.page.click("#fusion-recordings")
        chooser.value.set_files(recording)
        self.see("fusion-voice", recording.name)

    def switch(self, what: str, is_on: bool) -> None:
        self.page.locator(f"#fusion-use-{what} input").set_checked(is_on)

    def run(self, says: str = "Done") -> None:
        self.page.click("#fusion-run")
        self.see("fusion-status", says, timeout_s=120)
        expect(self.page.locator("#fusion-stop")).to_be_hidden()

    def file(self, what: str) -> tuple[str, bytes]:
        with self.page.expect_download() as download:
            self.page.click(f"#fusion-{what}")
        return download.value.suggested_filename, Path(download.value.path()).read_bytes()


def times_of(data: bytes) -> list[float]:
    with av.open(io.BytesIO(data)) as container:
        return [round(frame.time, 6) for frame in container.decode(video=0)]


def test_a_clip_goes_in_and_comes_out_with_another_background_and_voice(visitor: Visitor, story: Path) -> None:
    fuser = Fuser(visitor)
    fuser.open(story / "clip.mp4")
    fuser.mark()
    fuser.give(story / "low.wav")
    fuser.go("background")
    visitor.choose("background-kind", "colour")
    fuser.go("fusion")
    fuser.see("fusion-background", "#1e6b52")
    fuser.run()

    expect(visitor.page.locator("#fusion-report")).to_be_in_viewport()
    proof = visitor.page.locator("#fusion-report dl.proof")
    expect(proof).to_contain_text("Frame timesthe same")
    expect(proof).to_contain_text(f"{COUNT} (the same)")
    found = re.search(r"(-?[\d.]+) ms", proof.inner_text())
    assert found is not None
    assert abs(float(found[1])) < 5

    name, clip = fuser.file("download")
    assert name == "clip-fused.mp4"
    assert times_of(clip) == times_of((story / "clip.mp4").read_bytes())
    with av.open(io.BytesIO(clip)) as container:
        picture = next(container.decode(video=0)).to_ndarray(format="rgb24")
    assert np.abs(picture[5, 5].astype(int) - (0x1E, 0x6B, 0x52)).max() < 12
    name, page = fuser.file("report-file")
    assert name == "clip-report.html"
    assert b"<html" in page[:400]
    name, job = fuser.file("job-file")
    asked = parse_job(job.decode())
    assert (asked.verb, asked.options.background, len(asked.prompts)) == ("fuse", "#1e6b52", 1)
    assert set(asked.inputs) == {"clip", "target-1"}

    players = "[...document.querySelectorAll('#fusion-player video')]"
    visitor.page.wait_for_function(f"{players}.every(one => one.readyState > 1)")
    assert visitor.page.evaluate(f"{players}.map(one => [one.className, one.muted])") == [
        ["after", False], ["before", True],
    ]  # fmt: skip
    visitor.page.click("#fusion-player [data-hears=before]")
    assert visitor.page.evaluate(f"{players}.map(one => one.muted)") == [True, False]
    visitor.page.locator("#fusion-player .seek").fill("5000")
    visitor.page.wait_for_function(f"{players}.every(one => Math.abs(one.currentTime - 0.48) < 0.05)")


def test_on_a_phone_an_object_is_taken_out_and_what_is_missing_is_said(visit: Visit, story: Path) -> None:
    fuser = Fuser(visit(PHONE))
    fuser.open(story / "clip.mp4")
    for what in ("background", "voice"):
        fuser.switch(what, False)
    fuser.run("Everything is switched off")
    fuser.switch("background", True)
    fuser.run("mark the object that stays")
    fuser.mark()
    fuser.page.locator("#fusion-removed input").check()
    fuser.see("fusion-picture", "Object 1: goes")
    expect(fuser.page.locator("#fusion-use-remove input")).to_be_checked()
    fuser.run("Let one stay")
    fuser.switch("background", False)
    fuser.run()
    expect(fuser.page.locator("#fusion-report")).to_contain_text("the same")
    assert fuser.page.evaluate("document.documentElement.scrollWidth") <= PHONE[0]


def test_long_names_and_tall_clips_do_not_break_the_page(visit: Visit, story: Path) -> None:
    fuser = Fuser(visit(PHONE))
    path = next(story.glob("long*"))
    fuser.open(path)
    name = fuser.page.locator("#fusion-facts .file span")
    expect(name).to_have_attribute("title", re.compile("^longlong.*mp4$"))
    assert len(name.inner_text()) < 50
    fuser.see("fusion-voice", "no sound")
    assert fuser.page.evaluate("document.documentElement.scrollWidth") <= PHONE[0]
    height = fuser.page.locator("#fusion-picture img").bounding_box()["height"]  # type: ignore[index]
    assert height < 500


@pytest.mark.proof
def test_a_run_that_was_cut_off_goes_on_when_the_page_is_opened_again(visitor: Visitor, clips: Path) -> None:
    fuser = Fuser(visitor)
    fuser.open(clips / "long.mp4")
    fuser.mark()
    fuser.page.click("#fusion-run")
    fuser.see("fusion-progress", "Following", timeout_s=60)
    visitor.page.reload()
    expect(visitor.page.locator("#background-run")).to_be_visible(timeout=60_000)
    offer = visitor.page.locator("#fusion-unfinished")
    while not offer.is_visible():  # the run of the page before may still be stopping
        visitor.page.wait_for_timeout(500)
        visitor.page.reload()
        expect(visitor.page.locator("#background-run")).to_be_visible(timeout=60_000)
    visitor.complaints.clear()  # what Gradio says of a page that is left while something runs
    visitor.page.click("#fusion-go-on")
    fuser.see("fusion-progress", "Following", timeout_s=60)
    visitor.page.click("#fusion-stop")
    fuser.see("fusion-status", "Stopped", timeout_s=60)
    expect(offer).to_be_visible(timeout=60_000)
    visitor.page.click("#fusion-forget")
    expect(offer).to_be_hidden()
    visitor.page.reload()
    expect(visitor.page.locator("#background-run")).to_be_visible(timeout=60_000)
    visitor.see("background-object-status", "the object fills", timeout_s=60)
    expect(offer).to_be_hidden()
