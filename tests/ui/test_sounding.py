"""The Sounding tab in a real browser: found, looked at, held against silence, and taken to other tabs."""

from __future__ import annotations

import io
import json
import shutil
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect
from scipy.signal import resample_poly

from avfusion.clip import Sound
from avfusion.datasets.scenes import Scene, draw_scene
from avfusion.datasets.scenes_settings import PRESETS
from avfusion.media.recording import probe_recording
from avfusion.media.revoice import write_revoiced
from tests.ui.conftest import Server
from tests.ui.making import balls, write_clip
from tests.ui.visitor import PHONE, Visitor

pytestmark = pytest.mark.browser

Visit = Callable[..., Visitor]
SECONDS = 4


def made_scene(seed: int = 1) -> Scene:
    """One of three things that move sounds all the time."""
    return draw_scene(replace(PRESETS["one"], seconds=SECONDS), seed)


def save(path: Path, scene: Scene, sound: Sound) -> None:
    toned = write_clip(path.with_name("toned.mp4"), list(scene.frames), sound_s=SECONDS)
    samples = resample_poly(sound.samples, 3, 1, axis=1).astype(np.float32)
    track = probe_recording(toned).sounds[0]
    write_revoiced(path, toned, track, [samples], first=0, count=samples.shape[1], tags={})


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """sounds.mp4: of three things that move one sounds, for all but the last second. elsewhere.mp4: with the sound of
    another scene. silent.mp4: no sound at all, and a long name."""
    folder = tmp_path_factory.mktemp("scenes")
    scene, other = made_scene(), made_scene(51)
    heard = scene.sound.samples.copy()
    heard[:, 3 * scene.sound.rate_hz :] = 0
    save(folder / "sounds.mp4", scene, Sound(heard, scene.sound.rate_hz))
    save(folder / "elsewhere.mp4", scene, other.sound)
    write_clip(folder / f"silent{'long' * 20}.mp4", balls(6, 160, 90))
    return folder


class Listener:
    """A visitor in the Sounding tab."""

    def __init__(self, visitor: Visitor) -> None:
        self.visitor, self.page, self.see = visitor, visitor.page, visitor.see
        self.page.click("#sounding-tab-button")
        self.see("sounding-facts", "made-scene.mp4", timeout_s=60)

    def open(self, path: Path) -> None:
        self.page.set_input_files("#sounding-file input[type=file]", path)
        self.see("sounding-facts", path.name[:20])

    def run(self, says: str = "Done", *, timeout_s: float = 120) -> None:
        self.page.click("#sounding-run")
        self.see("sounding-status", says, timeout_s=timeout_s)
        expect(self.page.locator("#sounding-stop")).to_be_hidden()

    def file(self, what: str) -> tuple[str, bytes]:
        with self.page.expect_download() as download:
            self.page.click(what)
        return download.value.suggested_filename, Path(download.value.path()).read_bytes()


def shut_out(page: Page) -> list[tuple[str, str]]:
    """axe's findings in the tab that shut somebody out, with what they are about."""
    answer = Axe().run(page, context="#sounding-tab", options={"resultTypes": ["violations"]}).response
    return [
        (one["id"], str(node["target"]))
        for one in answer["violations"]
        for node in one["nodes"]
        if one["impact"] in ("serious", "critical")
    ]


def test_what_sounds_is_found_shown_and_held_against_silence(visitor: Visitor, scenes: Path) -> None:
    listener = Listener(visitor)
    page = visitor.page
    listener.open(scenes / "sounds.mp4")
    listener.run()
    expect(page.locator("#sounding-report")).to_contain_text("sounding mutual-information")
    listener.see("sounding-answer", "Found, the surest first: Source 1")
    entry = page.locator("#sounding-player ul.entries li")
    expect(entry).to_have_count(1)
    expect(entry).to_contain_text("0:00.0 - 0:03.0")
    film = page.locator("#sounding-player video")
    page.wait_for_function("document.querySelector('#sounding-player video').readyState >= 2")
    assert film.evaluate("e => e.duration") == pytest.approx(SECONDS, abs=0.05)
    assert film.evaluate("e => [e.videoWidth, e.videoHeight]") == [128, 128]

    # By the keyboard alone: to where the source begins, and the heat map on.
    page.locator("#sounding-player .seek").fill("9000")
    page.wait_for_function("document.querySelector('#sounding-player video').currentTime > 3.5")
    page.locator("#sounding-player .time-of").press("Enter")
    page.wait_for_function("document.querySelector('#sounding-player video').currentTime === 0")
    heat = page.locator("#sounding-player canvas.heat")
    expect(heat).to_be_hidden()
    page.locator("#sounding-player .switch-heat").press("Space")
    expect(page.locator("#sounding-player .switch-heat")).to_have_attribute("aria-pressed", "true")
    expect(heat).to_be_visible()
    page.wait_for_function(
        "() => { const one = document.querySelector('#sounding-player canvas.heat');"
        "return Math.max(...one.getContext('2d').getImageData(0, 0, one.width, one.height).data) > 100; }"
    )

    name, data = listener.file("#sounding-sources")
    said = json.loads(data)
    assert name == "sounds-sources.json"
    assert said["sources"][0]["spans_s"] == [[0, 3]]
    name, data = listener.file("#sounding-download")
    assert (name, data[4:8]) == ("sounds-sounding.mp4", b"ftyp")
    page.click("#sounding-masks")
    expect(page.locator("#sounding-files a[href$='.zip']").first).to_be_visible(timeout=60_000)
    with zipfile.ZipFile(io.BytesIO(visitor.file_behind("#sounding-files a[href$='.zip']"))) as archive:
        assert len(archive.namelist()) == 25 * SECONDS + 1
        assert "sources.json" in archive.namelist()

    page.click("#sounding-mute")
    listener.see("sounding-control-status", "Done", timeout_s=120)
    listener.see("sounding-control-player", "Without its sound nothing is found")
    listener.see("sounding-control-player", "Masks that changed100 %")
    players = "[...document.querySelectorAll('#sounding-control-player video')]"
    page.wait_for_function(f"{players}.length === 2 && {players}.every(one => one.readyState > 1)")
    assert page.evaluate(f"{players}.map(one => one.muted)") == [False, True]
    page.locator("#sounding-control-player [data-hears='1']").press("Enter")
    assert page.evaluate(f"{players}.map(one => one.muted)") == [True, False]
    page.locator("#sounding-control-player .seek").fill("5000")
    page.wait_for_function(f"{players}.every(one => Math.abs(one.currentTime - 2) < 0.05)")
    with page.expect_file_chooser() as chooser:
        page.click("#sounding-given")
    chooser.value.set_files(scenes / "elsewhere.mp4")
    listener.see("sounding-control-player", "With the sound elsewhere.mp4", timeout_s=120)

    assert shut_out(page) == []
    page.evaluate("document.body.classList.toggle('dark', true)")
    page.wait_for_function("document.getAnimations().every(one => !(one instanceof CSSTransition))")
    assert shut_out(page) == []

    entry.locator("[data-take=inpaint]").press("Enter")
    expect(page.locator("#inpaint-tab")).to_be_visible(timeout=60_000)
    visitor.see("inpaint-facts", "sounds.mp4")
    visitor.see("inpaint-object-status", "1 mask; the object fills", timeout_s=60)
    visitor.see("inpaint-follow-status", "found by its sound")


@pytest.mark.proof
def test_who_brings_no_clip_sees_two_things_found_in_a_made_scene(visitor: Visitor) -> None:
    listener = Listener(visitor)
    page = visitor.page
    listener.see("sounding-facts", "A made scene, no recording")
    page.wait_for_function("document.querySelector('#sounding-source video').readyState >= 1")
    listener.run(timeout_s=300)
    expect(page.locator("#sounding-report")).to_contain_text("sounding mutual-information")
    entries = page.locator("#sounding-player ul.entries li")
    expect(entries).to_have_count(2)
    expect(entries.nth(0)).to_contain_text("0:00.0 - 0:02.0")
    expect(entries.nth(1)).to_contain_text("0:02.0 - 0:04.0")
    page.click("#sounding-other")
    listener.see("sounding-facts", "example.mp4")
    expect(page.locator("#sounding-facts")).not_to_contain_text("A made scene")
    page.click("#sounding-example")
    listener.see("sounding-facts", "made-scene.mp4")


def test_what_is_not_sure_is_an_answer_and_what_cannot_be_is_said(visit: Visit, scenes: Path) -> None:
    listener = Listener(visit(PHONE))
    page = listener.page
    listener.open(scenes / "elsewhere.mp4")
    listener.run()
    listener.see("sounding-answer", "Nothing is marked, rather than guessed")
    listener.see("sounding-answer", "by more than chance")
    assert page.locator("#sounding-results .problem").count() == 0
    expect(page.locator("#sounding-player ul.entries")).to_have_count(0)
    expect(page.locator("#sounding-download")).to_be_hidden()
    expect(page.locator("#sounding-player .wave")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE[0]

    listener.open(next(scenes.glob("silent*")))
    listener.see("sounding-facts", "no sound, so there is nothing to listen to")
    expect(page.locator("#sounding-results")).to_be_hidden()
    listener.run("there is no sound in this file")
    expect(page.locator("#sounding-status .problem")).to_have_count(1)
    page.click("#sounding-other")
    listener.see("sounding-facts", "example.mp4")
    page.fill("#sounding-text input, #sounding-text textarea", "the robot")
    listener.run("needs a download")
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE[0]


@pytest.fixture
def trained(server: Server) -> Iterator[str]:
    """The name of a network that paints the whole picture as sounding, and beside it one that is broken."""
    from tests.sounding.painting import network_saying, trained_folder

    room = server.home / "trained"
    trained_folder(room / "whole-picture", network=network_saying("ms3", 1), note="Nothing but its biases")
    trained_folder(room / "no-network").joinpath("config.json").write_text("{}")
    yield "whole-picture"
    shutil.rmtree(room)


def test_a_network_that_was_trained_here_is_chosen_and_named(trained: str, visit: Visit, scenes: Path) -> None:
    listener = Listener(visit())
    page = listener.page
    listener.open(scenes / "sounds.mp4")
    page.click("#sounding-not-ready button")
    expect(page.locator("#sounding-others [data-row=no-network]")).to_contain_text("trained/no-network/config.json")
    page.click("#sounding-engine input")
    offered = page.locator("ul[role=listbox] li")
    mine = offered.filter(has_text=trained)
    expect(mine).to_contain_text(f"{trained}: av2ts, trained here for ms3: Nothing but its biases.")
    expect(offered.filter(has_text="no-network")).to_contain_text("(not ready)")
    mine.click()
    listener.run()
    expect(page.locator("#sounding-report")).to_contain_text(f"sounding {trained}")
    listener.see("sounding-answer", "Found, the surest first: Source 1")
    entry = page.locator("#sounding-player ul.entries li")
    expect(entry).to_have_count(1)
    expect(entry).to_contain_text("0:00.0 - 0:03.0")
    assert json.loads(listener.file("#sounding-sources")[1])["sources"][0]["confidence"] > 0.95


def test_a_run_is_stopped_and_the_next_one_begins(visitor: Visitor, clips: Path) -> None:
    listener = Listener(visitor)
    page = visitor.page
    page.click("#sounding-run")
    expect(page.locator("#sounding-stop")).to_be_visible()
    page.click("#sounding-stop")
    listener.see("sounding-status", "Stopped")
    expect(page.locator("#sounding-run")).to_be_enabled()
    expect(page.locator("#sounding-results")).to_be_hidden()
    listener.open(clips / "rolling.mp4")
    listener.run()
