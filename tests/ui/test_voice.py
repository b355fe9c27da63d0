"""The Voice tab in a real browser: a made clip that talks, a made voice, and what comes out."""

from __future__ import annotations

import io
import re
import time
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest
import torch
from playwright.sync_api import Locator, expect

from avfusion.errors import UsageError
from avfusion.media.recording import probe_recording
from avfusion.media.revoice import write_revoiced
from avfusion.media.store import StoredSound, store
from avfusion.media.write_sound import write_sound
from avfusion.pipelines.sound_pictures import drawn
from avfusion.ui.voice_making import spans_of
from avfusion.ui.voice_models import Brought, by_engine, voice_for
from tests.ui.conftest import Server
from tests.ui.making import balls, write_clip
from tests.ui.visitor import PHONE, Visitor
from tests.voice.talking import HIGH, LOW, talk
from tests.voice.tiny_rvc import checkpoint

RATE_HZ = 48_000
LENGTH_S = 2.0
COUNT = round(RATE_HZ * LENGTH_S)


class Talker:
    """A visitor in the Voice tab."""

    def __init__(self, visitor: Visitor) -> None:
        self.visitor, self.page = visitor, visitor.page
        self.page.get_by_role("tab", name="Voice", exact=True).click()
        expect(self.page.locator("#voice-facts .file")).to_be_visible()
        expect(self.page.locator("#voice-target-status")).to_contain_text("The example voice")

    def open(self, path: Path) -> None:
        self.page.set_input_files("#voice-file input[type=file]", path)
        expect(self.page.locator("#voice-facts .file")).to_have_text(path.name)

    def give(self, *paths: Path, place: str = "target") -> None:
        self.page.set_input_files(f"#voice-{place} input[type=file]", list(paths))
        self.visitor.see("voice-target-status", paths[-1].name)

    def run(self, says: str = "Done", *, button: str = "run") -> None:
        self.page.click(f"#voice-{button}")
        self.visitor.see("voice-status", says, timeout_s=60)
        expect(self.page.locator("#voice-stop")).to_be_hidden()

    def audio(self, which: str) -> Locator:
        return self.page.locator(f"#voice-players audio[data-voice={which}]")

    def of_audio(self, which: str, what: str) -> float | bool:
        found = self.audio(which).evaluate(f"e => e.{what}")
        assert isinstance(found, float | int | bool)
        return found

    def waits_for(self, said: str) -> None:
        self.page.wait_for_function(said, timeout=20_000)

    def file(self, kind: str) -> bytes:
        with self.page.expect_download() as download:
            self.page.click(f"#voice-{kind}")
        return Path(download.value.path()).read_bytes()

    def number(self, head: str) -> list[float]:
        row = self.page.locator("#voice-numbers dl div", has=self.page.locator("dt", has_text=re.compile(f"^{head}$")))
        return [float(found) for found in re.findall(r"-?[\d.]+", row.locator("dd").inner_text())]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """clip.mp4: 2 s, a high voice. low-1.wav, low-2.wav: a low one. long.wav: half a minute. silence.wav, text.wav."""
    folder = tmp_path_factory.mktemp("voices")
    toned = write_clip(folder / "toned.mp4", balls(50, 320, 180), sound_s=LENGTH_S)
    track = probe_recording(toned).sounds[0]
    samples = talk(HIGH, 4, RATE_HZ)[None, :COUNT].astype(np.float32)
    write_revoiced(folder / "clip.mp4", toned, track, [samples], first=0, count=COUNT, tags={})
    for number in (1, 2):
        save(folder / f"low-{number}.wav", talk(LOW, 6, seed=number))
    save(folder / "long.wav", talk(HIGH, 56))
    save(folder / "silence.wav", np.zeros(32_000))
    (folder / "text.wav").write_text("no sound at all")
    write_clip(folder / "mute.mp4", balls(5, 320, 180))
    return folder


def save(path: Path, samples: np.ndarray, rate_hz: int = 16_000) -> None:
    block = samples[None].astype(np.float32)
    write_sound(path, [block], rate_hz=rate_hz, channels=1, count=block.shape[1], tags={})


def picture_packets(file: Path | io.BytesIO) -> list[tuple[bytes, int | None, int | None]]:
    with av.open(file) as container:
        return [(bytes(packet), packet.pts, packet.dts) for packet in container.demux(video=0) if packet.size]


@pytest.mark.browser
def test_a_clip_speaks_with_another_voice(visit: Callable[..., Visitor], made: Path) -> None:
    talker = Talker(visit((1280, 900)))
    talker.open(made / "clip.mp4")
    expect(talker.page.locator("#voice-facts")).to_contain_text("48000 Hz, mono")
    talker.give(made / "low-1.wav", made / "low-2.wav")
    expect(talker.page.locator("#voice-target-status")).not_to_contain_text("The example voice")
    talker.run()
    for which in ("a", "b"):
        talker.waits_for(f"document.querySelector('#voice-players audio[data-voice={which}]').readyState > 0")
        assert talker.of_audio(which, "duration") == pytest.approx(LENGTH_S, abs=1e-3)

    with av.open(io.BytesIO(talker.file("wav"))) as wav:
        assert "AI-converted" in wav.metadata["comment"]
        assert sum(frame.samples for frame in wav.decode(audio=0)) == COUNT
    clip = io.BytesIO(talker.file("clip"))
    assert picture_packets(clip) == picture_packets(made / "clip.mp4")
    for kind in ("flac", "mp3"):
        assert talker.file(kind)

    assert talker.number("Length") == [COUNT, RATE_HZ]
    assert abs(talker.number("Lag")[0]) < 5
    before_hz, after_hz = talker.number("Pitch")
    assert before_hz > 170
    assert after_hz == pytest.approx(talker.number("Target's pitch")[0], rel=0.1)
    assert talker.page.locator("#voice-players figure.plot").count() == 5

    a_and_b_are_heard_at_the_same_moment(talker)


def a_and_b_are_heard_at_the_same_moment(talker: Talker) -> None:
    assert (talker.of_audio("a", "muted"), talker.of_audio("b", "muted")) == (True, False)
    talker.page.click("#voice-players .play")
    talker.waits_for("document.querySelector('#voice-players audio[data-voice=b]').currentTime > 0.2")
    talker.page.click("#voice-players [data-hear=a]")
    assert (talker.of_audio("a", "muted"), talker.of_audio("b", "muted")) == (False, True)
    times = talker.page.evaluate("[...document.querySelectorAll('#voice-players audio')].map(e => e.currentTime)")
    assert min(times) > 0.15
    assert abs(times[0] - times[1]) < 0.1
    talker.page.click("#voice-players .play")
    area = talker.page.locator("#voice-players .area").first
    box = area.bounding_box()
    assert box
    area.click(position={"x": box["width"] / 2, "y": 20})
    assert talker.of_audio("a", "currentTime") == pytest.approx(LENGTH_S / 2, abs=0.03)
    assert talker.of_audio("b", "currentTime") == pytest.approx(LENGTH_S / 2, abs=0.03)


@pytest.mark.browser
def test_what_cannot_be_used_is_said_where_it_lies(visitor: Visitor, made: Path) -> None:
    talker = Talker(visitor)
    talker.page.set_input_files("#voice-file input[type=file]", made / "mute.mp4")
    visitor.see("voice-facts", "mute.mp4: there is no sound in this file")
    talker.run("Choose a clip or a recording first")
    talker.open(made / "clip.mp4")
    talker.give(made / "text.wav")
    expect(talker.page.locator("#voice-target-status .problem")).to_have_count(1)
    talker.page.click("#voice-target-clear")
    visitor.see("voice-target-status", "Give a few seconds")
    talker.run("Give recordings of the target first")
    talker.give(made / "silence.wav")
    talker.run("step 2 says why")
    visitor.see("voice-target-status", "no voice in the target's recordings")
    talker.page.get_by_label("Model files").check(force=True)
    torch.save({"weight": {}, "config": print}, made / "harmful.pth")
    talker.give(made / "harmful.pth", place="model")
    visitor.see("voice-target-status", "nothing in it was run")
    expect(talker.page.locator("#voice-target-status .problem")).to_have_count(1)


@pytest.mark.browser
def test_a_result_is_told_from_one_of_an_earlier_run_and_from_none(visitor: Visitor, made: Path) -> None:
    talker = Talker(visitor)
    page = talker.page
    talker.open(made / "clip.mp4")
    page.click("#voice-format input")
    offered = page.locator("ul[role=listbox] li")
    expect(offered).to_have_count(3)  # WebM does not hold H.264
    offered.filter(has_text="MKV").click()
    talker.run()
    expect(page.locator("#voice-clip")).to_contain_text("mkv")
    expect(page.locator("#voice-earlier p")).to_have_count(0)
    page.click("#voice-options button")
    part = page.locator("#voice-part :is(input, textarea)")
    expect(part).to_be_visible()
    page.wait_for_timeout(500)  # what is typed while the options unfold may be lost
    part.press_sequentially("99-", delay=30)
    expect(part).to_have_value("99-")
    talker.run("the sound ends at 2 s")
    visitor.see("voice-earlier", "an earlier run")
    part.fill("")
    talker.open(made / "silence.wav")
    expect(page.locator("#voice-results")).to_be_hidden()
    talker.run("No voice was found in the sound")
    expect(page.locator("#voice-status .good")).to_have_count(0)
    expect(page.locator("#voice-earlier p")).to_have_count(0)
    for engine, ticked in (("world-knn", False), ("autovc", True)):
        page.locator("#voice-compare-engines label", has_text=engine).locator("input").set_checked(ticked, force=True)
    page.click("#voice-compare-run")
    visitor.see("voice-compare-cards", "autovc speaks only with model files of its own")
    visitor.see("voice-compare-status", "No engine could do it")


@pytest.mark.browser
def test_on_a_phone_the_first_seconds_a_stop_and_engines_side_by_side(
    visit: Callable[..., Visitor], server: Server, made: Path
) -> None:
    talker = Talker(visit(PHONE, touch=True))
    talker.open(made / "long.wav")
    expect(talker.page.locator("#voice-format")).to_be_hidden()
    talker.page.click("#voice-run")
    talker.visitor.see("voice-progress", "Converting the voice", timeout_s=40)
    talker.page.click("#voice-stop")
    talker.visitor.see("voice-status", "Stopped", timeout_s=40)
    deadline_s = time.monotonic() + 15
    while any(name.startswith("long-voice") for name in server.job_files()) and time.monotonic() < deadline_s:
        time.sleep(0.1)
    assert not [name for name in server.job_files() if name.startswith("long-voice")]
    talker.page.wait_for_timeout(1000)  # nothing else comes after it
    talker.visitor.see("voice-status", "Stopped")
    talker.run("The first seconds", button="preview")
    talker.waits_for("document.querySelector('#voice-players audio[data-voice=b]').readyState > 0")
    assert talker.of_audio("a", "duration") == talker.of_audio("b", "duration") == pytest.approx(5, abs=1e-3)
    expect(talker.page.locator("#voice-clip")).to_be_hidden()
    talker.page.click("#voice-compare-run")
    talker.visitor.see("voice-compare-status", "Done", timeout_s=60)
    card = talker.page.locator("#voice-compare-cards [data-engine=world-knn]")
    expect(card.locator("audio[data-voice=b]")).to_have_count(1)
    expect(card.locator("dl")).to_contain_text("Loudness")
    assert talker.page.evaluate("document.documentElement.scrollWidth") <= PHONE[0]
    for figure in talker.page.locator("#voice-players figure.plot, #voice-players .controls > *").all():
        box = figure.bounding_box()
        assert box
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= PHONE[0]


@pytest.mark.browser
def test_a_model_file_is_named(visitor: Visitor, made: Path) -> None:
    talker = Talker(visitor)
    torch.save(checkpoint("v2", 40_000), made / "singer.pth")
    talker.page.get_by_label("Model files").check(force=True)
    talker.give(made / "singer.pth", place="model")
    visitor.see("voice-target-status", "an RVC voice, v2, 40000 Hz, follows the pitch")
    talker.page.click("#voice-options button")
    talker.run("rvc: needs a download")


@pytest.mark.browser
@pytest.mark.real_data
def test_somebody_talks_with_the_voice_of_somebody_else(visitor: Visitor, shared_data: Path) -> None:
    talker = Talker(visitor)
    source = shared_data / "clips" / "talking.mp4"
    talker.open(source)
    talker.give(*(shared_data / "speech" / "vctk" / "p226" / f"p226_{number}.wav" for number in ("003", "008")))
    talker.run()
    samples, rate_hz = talker.number("Length")
    for which in ("a", "b"):
        talker.waits_for(f"document.querySelector('#voice-players audio[data-voice={which}]').readyState > 0")
        assert talker.of_audio(which, "duration") == pytest.approx(samples / rate_hz, abs=1e-3)
    assert picture_packets(io.BytesIO(talker.file("clip"))) == picture_packets(source)
    assert abs(talker.number("Lag")[0]) < 5


def test_files_that_belong_together_find_each_other() -> None:
    files = {name: Path(name) for name in ("old.pth", "new.pth", "g.pth", "config.json", "a.index")}
    models = [
        Brought(files["old.pth"], "weights", "rvc"), Brought(files["config.json"], "config"),
        Brought(files["g.pth"], "weights", "so-vits"), Brought(files["a.index"], "index"),
        Brought(Path("x.txt"), problem="what is this"), Brought(files["new.pth"], "weights", "rvc"),
    ]  # fmt: skip
    voices = by_engine(models)
    assert (voices["rvc"].weights, voices["rvc"].index, voices["rvc"].config) == (
        files["new.pth"],
        files["a.index"],
        None,
    )
    assert (voices["so-vits"].config, voices["so-vits"].index) == (files["config.json"], None)
    assert voice_for(models, "auto")[0] == "rvc"
    assert voice_for(models, "so-vits")[1].weights == files["g.pth"]
    with pytest.raises(UsageError, match="autovc has no voice among these files"):
        voice_for(models, "autovc")
    with pytest.raises(UsageError, match="no voice among these files"):
        voice_for(models[1:2], "auto")
    with pytest.raises(UsageError, match="what is this"):
        voice_for(models[4:5], "auto")


@pytest.mark.parametrize(
    ("text", "spans"),
    [
        ("", ()), (" ", ()), ("2-", ((2, 9),)), ("-3.5", ((0, 3.5),)), ("2.5 - 6, 7-8", ((2.5, 6), (7, 8))),
        ("-", ((0, 9),)), ("0:02.5-0:06", ((2.5, 6),)), ("0:00:01-", ((1, 9),)), ("1-1:05", ((1, 65),)),
    ],
)  # fmt: skip
def test_a_time_range(text: str, spans: tuple[tuple[float, float], ...]) -> None:
    assert spans_of(text, 9) == spans


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("3-2", "end has to come after"), ("3", "no time range"), ("1-2-3", "no"), ("1:75-2:00", "no time range"),
        ("99-", "'99-': the sound ends at 9 s"), ("1:00-2:00", "the sound ends at 9 s"),
    ],
)  # fmt: skip
def test_what_is_no_time_range(text: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        spans_of(text, 9)


def tone(path: Path, hz: float, rate_hz: int) -> StoredSound:
    """A second of a tone at a quarter of full scale, a second of silence."""
    samples = np.zeros((1, 2 * rate_hz), np.float32)
    samples[0, :rate_hz] = 0.25 * np.sin(2 * np.pi * hz * np.arange(rate_hz) / rate_hz)
    return store(path, [samples], channels=1, rate_hz=rate_hz)


@pytest.mark.parametrize("rate_hz", [16_000, 44_100])
def test_pictures_show_the_sound(tmp_path: Path, rate_hz: int) -> None:
    seen = drawn(tone(tmp_path / "tone", 440, rate_hz))
    half = len(seen.wave) // 2
    np.testing.assert_allclose(seen.wave[5 : half - 5], [[-0.25, 0.25]] * (half - 10), atol=0.02)
    assert not seen.wave[half + 5 :].any()
    rows, columns = seen.spectrogram.shape
    brightest_hz = np.geomspace(60, 8000, rows)[::-1][seen.spectrogram[:, columns // 4].argmax()]
    assert brightest_hz == pytest.approx(440, rel=0.05)
    assert seen.spectrogram[:, -columns // 4].max() == 0
    voiced = seen.pitch_hz[20:80]
    np.testing.assert_allclose(voiced, 440, rtol=0.02)
    assert not seen.pitch_hz[120:].any()
    assert seen.shown_s == 2
