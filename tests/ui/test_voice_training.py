"""A voice is trained in the Voice tab in a real browser, and the page then converts with it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from playwright.sync_api import Browser, expect

from avfusion.clip import Sound
from avfusion.errors import InputError, UsageError
from avfusion.media.write_sound import write_sound
from avfusion.ui.voice_training_curve import loss_curve
from avfusion.ui.voice_training_jobs import (
    ALLOW_VARIABLE,
    Form,
    StartFiles,
    Trainings,
    form_of,
    refusal,
    training_folder,
)
from avfusion.ui.voice_training_showing import ended
from avfusion.ui.voice_training_visit import Desk
from avfusion.voice.train_so_vits_checkpoints import Losses
from tests.cli.test_train import tiny_config
from tests.ui.conftest import Server
from tests.ui.visitor import Visitor, visitor_in
from tests.voice.tiny_so_vits import tiny_hubert
from tests.voice.tiny_sounds import hum
from tests.voice.tiny_voices import pulled


@pytest.fixture
def school(tmp_path: Path) -> Iterator[Server]:
    """A page where the content encoder of so-vits has been downloaded, a tiny one."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HF_HOME", str(tmp_path / "hub"))
        pulled("so-vits", tiny_hubert)
    running = Server(tmp_path)
    yield running
    said = running.said()
    running.close()
    for path in tmp_path.glob("jobs/*/*/*.pth"):  # half a gigabyte
        path.unlink()
    assert "Traceback" not in said, said


def wav(path: Path, sound: Sound) -> Path:
    samples = sound.samples
    write_sound(path, [samples], rate_hz=sound.rate_hz, channels=1, count=samples.shape[1], tags={})
    return path


class Trainer:
    """A visitor at "Train a voice"."""

    def __init__(self, visitor: Visitor) -> None:
        self.visitor, self.page = visitor, visitor.page
        self.open()

    def open(self) -> None:
        self.page.get_by_role("tab", name="Voice", exact=True).click()
        expect(self.page.locator("#voice-facts .file")).to_be_visible()
        self.page.get_by_role("button", name="Train a voice").click()
        expect(self.page.locator("#voice-training-files")).to_be_visible()

    def give(self, *paths: Path, place: str = "files") -> None:
        self.page.set_input_files(f"#voice-training-{place} input[type=file]", list(paths))

    def fill(self, **numbers: int) -> None:
        for name, value in numbers.items():
            self.page.locator(f"#voice-training-{name} input").fill(str(value))

    def press(self, button: str, says: str, *, place: str = "status") -> None:
        self.page.click(f"#voice-training-{button}")
        self.visitor.see(f"voice-training-{place}", says, timeout_s=240)

    def steps_drawn(self) -> int:
        return int(self.page.locator("#voice-training-curve figure").get_attribute("data-steps") or 0)


@pytest.mark.browser
@pytest.mark.real_data
@pytest.mark.proof
def test_a_voice_is_trained_and_the_page_speaks_with_it(
    school: Server, browser: Browser, shared_data: Path, tmp_path: Path
) -> None:
    wav(tmp_path / "hum.wav", hum(16_000, 16_000))
    speech = sorted((shared_data / "speech" / "ljspeech").glob("*.wav"))
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    trainer = Trainer(visitor_in(context, school.address))
    trainer.give(*speech)
    trainer.visitor.see("voice-training-given", f"{len(speech)} recordings")
    trainer.page.get_by_role("button", name="Begin with networks of your own").click()
    trainer.give(tiny_config(tmp_path), place="start")
    trainer.visitor.see("voice-training-start-given", "tiny.json configuration")
    trainer.page.locator("#voice-training-speaker input, #voice-training-speaker textarea").fill("linda")
    trainer.fill(amount=2, batch=1, clusters=8)
    trainer.press("begin", "Done: step 2")
    assert trainer.steps_drawn() == 2
    links = trainer.page.locator("#voice-training-downloads a")
    assert [re.split(r"\s", link.inner_text())[0] for link in links.all()] == [
        "G_2.pth", "config.json", "kmeans.pt", "losses.csv",
    ]  # fmt: skip
    table = trainer.visitor.file_behind("#voice-training-downloads a[download='losses.csv']").decode()
    assert len(table.splitlines()) == 3

    trainer.page.reload()
    trainer.open()
    trainer.visitor.see("voice-training-status", "Done: step 2")
    assert trainer.page.locator("#voice-training-amount input").input_value() == "2"
    assert trainer.steps_drawn() == 2
    trainer.page.click("#voice-training-use")
    trainer.visitor.see("voice-target-status", "G_2.pth a so-vits voice")
    trainer.visitor.see("voice-target-status", "k-means of a so-vits voice, 8 centres of 24")
    trainer.page.set_input_files("#voice-file input[type=file]", tmp_path / "hum.wav")
    trainer.visitor.see("voice-facts", "hum.wav")
    trainer.page.click("#voice-run")
    trainer.visitor.see("voice-status", "Done", timeout_s=240)
    trainer.visitor.see("voice-results", "so-vits")
    audio = "document.querySelector('#voice-players audio[data-voice=b]')"
    trainer.page.wait_for_function(f"{audio}.readyState > 0", timeout=20_000)
    assert trainer.page.evaluate(f"{audio}.duration") == pytest.approx(1, abs=1e-3)
    context.close()
    assert trainer.visitor.complaints == []
    assert trainer.visitor.outside == []


@pytest.mark.browser
def test_what_is_missing_is_said_where_it_lies(visitor: Visitor, tmp_path: Path) -> None:
    trainer = Trainer(visitor)
    expect(trainer.page.locator("#voice-training-engine")).to_contain_text("so-vits")
    trainer.fill(amount=-5)
    trainer.press("begin", "so-vits: needs a download")
    trainer.visitor.see("voice-training-given", "Give recordings of the speaker first")
    trainer.visitor.see("voice-training-numbers", "steps is -5")
    trainer.page.wait_for_timeout(1000)  # what comes after it takes nothing away
    trainer.visitor.see("voice-training-status", "so-vits: needs a download")
    expect(trainer.page.locator("#voice-training-begin")).to_have_text("Start")
    trainer.page.locator("#voice-training-amount input").fill("")
    trainer.press("begin", "how long to train: the field is empty", place="numbers")
    (tmp_path / "notes.wav").write_text("no sound at all")
    trainer.give(tmp_path / "notes.wav", wav(tmp_path / "one.wav", hum(8_000, 16_000)))
    given = trainer.page.locator("#voice-training-given")
    expect(given.locator(".problem")).to_have_count(1)
    expect(given).to_contain_text("1 recording, 0:00.5 one.wav")
    expect(given).to_contain_text("That is too little")
    trainer.page.click("#voice-training-clear")
    expect(given).not_to_contain_text("one.wav")


def row(step: int, mel: float) -> Losses:
    return Losses(step, 0, 1e-4, mel + 20, mel, 5, 5, 10, 3)


def test_a_curve_shows_each_step_and_means_of_many() -> None:
    assert loss_curve(()) == ""
    assert 'data-steps="1"' in loss_curve([row(1, 80)])
    drawn = loss_curve([row(step, 100 / step) for step in range(1, 2001)])
    (line,) = re.findall(r'class="line-b" d="([^"]+)"', drawn)
    points = [tuple(map(float, point.split())) for point in line[1:].split("L")]
    assert len(points) == 400
    heights = [y for _, y in points]
    assert heights == sorted(heights), "a loss that falls goes down"
    assert points[-1][0] == pytest.approx(1000, rel=2e-3)


def test_a_curve_of_anything_is_drawn() -> None:
    for values in ((0.0, 0.0), (1e-9, 1e9), (5.0, 5.0)):
        found = re.findall(r"-?\d+\.\d \d+\.\d", loss_curve([row(n + 1, value) for n, value in enumerate(values)]))
        assert len(found) == 6
        assert all(0 <= float(number) <= 1000 for point in found for number in point.split())


@pytest.mark.parametrize(
    ("said", "space", "address", "words"),
    [
        ("", "", "127.0.0.1", ""), ("", "", "0.0.0.0", "nobody can begin"), ("", "me/space", "127.0.0.1", "nobody"),
        ("1", "me/space", "0.0.0.0", ""), ("0", "", "127.0.0.1", "switched training off"),
    ],
)  # fmt: skip
def test_who_may_train(monkeypatch: pytest.MonkeyPatch, said: str, space: str, address: str, words: str) -> None:
    monkeypatch.setenv(ALLOW_VARIABLE, said)
    monkeypatch.setenv("SPACE_ID", space)
    why = refusal(address, is_shared=False)
    assert (words in why) if words else not why


def test_a_form_that_is_not_filled_in() -> None:
    assert Form().settings().steps == 10_000
    assert (Form(unit="rounds", amount=3).settings().epochs, Form(clusters=7).settings().clusters) == (3, 7)
    with pytest.raises(UsageError, match="how long to train"):
        Form(amount=None).settings()
    with pytest.raises(UsageError, match="batch is 0; it is 1 at least"):
        Form(batch=0).settings()


def test_what_a_training_begins_with_is_told_apart(tmp_path: Path) -> None:
    desk = Desk()
    (tmp_path / "config.json").write_text(json.dumps({}))
    judge, other = tmp_path / "D_0.pth", tmp_path / "other.pth"
    torch.save({"model": {"discriminators.0.x": 1}}, judge)
    torch.save({"weight": {}, "config": []}, other)
    said = desk.add_start([judge, other, tmp_path / "config.json"])
    assert (desk.start.generator, desk.start.discriminator) == (None, judge)
    assert said.count("problem") == 1
    assert "other.pth: an RVC voice. A training begins with" in said
    assert desk.clear_start() == ""


@pytest.mark.proof
def test_hours_that_were_begun_are_found_by_their_id_alone(tmp_path: Path, own_home: Path) -> None:
    pulled("so-vits", tiny_hubert)
    silent = [wav(tmp_path / f"{n}.wav", Sound(np.zeros((1, 8_000), np.float32), 16_000)) for n in range(5)]
    trainings = Trainings()
    job = trainings.begin(Form(speaker="ada", amount=2), silent, StartFiles(config=tiny_config(tmp_path)))
    training, folder = trainings.of(job), training_folder(job)
    assert training is not None
    assert folder is not None
    assert isinstance(training.failure(), InputError)
    shown = ended(training, folder)
    assert "ada: 0 recordings of a voice" in shown.given
    assert "the line at the recordings says why" in shown.status
    assert form_of(folder).speaker == "ada"
    assert training_folder("0" * 32) is None
    trainings.discard(job)
    assert training_folder(job) is None
