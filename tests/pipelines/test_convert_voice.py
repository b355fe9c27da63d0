"""Another voice: as many samples, each in its place; pictures, spans left out and other speakers stay as they were."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from avfusion.clip import Sound
from avfusion.errors import (
    AvfusionError,
    CannotRead,
    EngineNotReady,
    InputError,
    NothingFound,
    OutputIsInput,
    Stopped,
    UnknownEngine,
    UnknownFormat,
    UsageError,
)
from avfusion.media.recording import hear, probe_recording
from avfusion.media.store import StoredSound, store
from avfusion.media.write_sound import write_sound
from avfusion.metrics.voice import keeping
from avfusion.pipelines.convert_voice import VoiceReport, VoiceSettings, convert_voice
from avfusion.pipelines.convert_voice_parts import Parts, both, in_spans, put_back
from avfusion.pipelines.progress import Progress
from avfusion.voice.opening import ModelFiles
from tests.media.making import ffmpeg, packets, source
from tests.voice.talking import HIGH, LOW, talk
from tests.voice.tiny_hdemucs import pulled
from tests.voice.tiny_voices import COMMIT, tiny_voice

RATE = 16_000
VOICE = talk(LOW, 3)


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five seconds of somebody higher."""
    return wav(tmp_path_factory.mktemp("target") / "target.wav", talk(HIGH, 9, seed=5)[None])


@pytest.fixture(autouse=True)
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where temporary files go: in the end there are none, however the run ended."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield folder
    assert list(folder.glob("avfusion-*")) == []


def wav(path: Path, samples: NDArray[np.floating], rate_hz: int = RATE) -> Path:
    """A file of 24 bits."""
    write_sound(
        path, [samples.astype(np.float32)], rate_hz=rate_hz, channels=len(samples), count=samples.shape[1], tags={}
    )  # fmt: skip
    return path


def samples_of(path: Path) -> Sound:
    with tempfile.TemporaryDirectory() as folder:
        stored = hear(probe_recording(path), Path(folder) / "heard")
        return Sound(stored.read(), stored.rate_hz)


def comment_of(path: Path) -> str:
    with av.open(str(path)) as container:
        return {name.lower(): words for name, words in container.metadata.items()}.get("comment", "")


def check_kept(before: Sound, after: Sound, report: VoiceReport, *, slack_s: float = 0.0) -> None:
    assert after.rate_hz == before.rate_hz
    assert len(after.samples) == len(before.samples)
    assert abs(after.samples.shape[1] - before.samples.shape[1]) <= slack_s * before.rate_hz
    kept = keeping(before.samples.mean(axis=0), after.samples.mean(axis=0), before.rate_hz)
    assert abs(kept.lag_s) < 0.005
    assert report.lag_s == pytest.approx(kept.lag_s, abs=0.001)
    assert report.loudness_before is not None
    assert report.loudness_after == pytest.approx(report.loudness_before, abs=0.5)
    assert report.true_peak_db is not None
    assert report.true_peak_db < -0.9
    assert np.abs(after.samples).max() < 1


# Recordings and clips


@pytest.mark.parametrize(
    ("ending", "rate_hz", "channels"), [(".wav", 16_000, 1), (".flac", 44_100, 2), (".mp3", 8_000, 1)]
)
def test_a_recording_keeps_length_time_and_loudness(
    tmp_path: Path, target: Path, ending: str, rate_hz: int, channels: int
) -> None:
    shares = np.linspace(1, 0.4, channels)[:, None]
    media = wav(tmp_path / "said.wav", shares * talk(LOW, 3, rate_hz)[None, :-107], rate_hz)
    out = tmp_path / f"out{ending}"
    report = convert_voice(media, out=out, target=[target])
    before, after = samples_of(media), samples_of(out)
    check_kept(before, after, report)
    assert (report.samples, report.rate_hz, report.channels) == (before.samples.shape[1], rate_hz, channels)
    assert report.engines == {"voice": "world-knn"}
    assert report.pitch_target_hz is not None
    assert report.pitch_after_hz == pytest.approx(report.pitch_target_hz, rel=0.06)
    assert report.pitch_before_hz == pytest.approx(LOW.pitch_hz, rel=0.1)
    assert comment_of(out) == "AI-converted voice (AVFusion, engine world-knn)"
    if channels == 2:
        loudness = np.sqrt((after.samples**2).mean(axis=1))
        assert loudness[1] / loudness[0] == pytest.approx(0.4, rel=0.1)


H264 = ("-c:v", "libx264", "-pix_fmt", "yuv420p", "-preset", "ultrafast", "-bf", "2")
VP9 = ("-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8")


@pytest.mark.parametrize(
    ("name", "coding"),
    [
        ("a.mp4", (*H264, "-c:a", "aac")),
        ("a.mkv", (*H264, "-c:a", "flac")),
        ("a.webm", (*VP9, "-c:a", "libopus", "-ar", "48000")),
    ],
)
def test_a_clip_keeps_its_pictures_packet_for_packet(
    tmp_path: Path, target: Path, name: str, coding: tuple[str, ...]
) -> None:
    said = wav(tmp_path / "said.wav", VOICE[None])
    clip, out = tmp_path / name, tmp_path / f"out-{name}"
    ffmpeg(*source(seconds=1.5), "-i", said, *coding, clip)
    report = convert_voice(clip, out=out, target=[target])
    one, other = packets(clip, "v:0"), packets(out, "v:0")
    assert [row["data_hash"] for row in one] == [row["data_hash"] for row in other]
    assert np.allclose([float(row["pts_time"]) for row in one], [float(row["pts_time"]) for row in other], atol=6e-4)
    # Opus counts in 48 kHz and in packets; AAC and FLAC end to the sample.
    check_kept(samples_of(clip), samples_of(out), report, slack_s=0.021 if name.endswith("webm") else 0.0)
    assert comment_of(out).startswith("AI-converted voice")


def test_of_5_1_each_channel_keeps_its_share(tmp_path: Path, target: Path) -> None:
    shares = np.array([0.2, 0.2, 1.0, 0.0, 0.1, 0.1])[:, None]
    media = wav(tmp_path / "said.wav", shares * VOICE[None])
    convert_voice(media, out=tmp_path / "out.wav", target=[target])
    loudness = np.sqrt((samples_of(tmp_path / "out.wav").samples ** 2).mean(axis=1))
    assert loudness / loudness[2] == pytest.approx(shares[:, 0], abs=0.002)


def test_of_5_1_the_deep_channel_stays_as_it_was(tmp_path: Path, target: Path) -> None:
    """Loud as it is, it neither hides the voice from the engine nor gets a part of it."""
    samples = np.array([0.2, 0.2, 1.0, 0.0, 0.1, 0.1])[:, None] * VOICE[None]
    samples[3] = 0.4 * np.sin(2 * np.pi * 50 * np.arange(len(VOICE)) / RATE)
    media = wav(tmp_path / "said.wav", samples)
    report = convert_voice(media, out=tmp_path / "out.wav", target=[target])
    before, after = samples_of(media).samples, samples_of(tmp_path / "out.wav").samples
    assert np.array_equal(after[3], before[3])
    assert np.abs(after[2] - before[2]).max() > 0.05
    loudness = np.sqrt((after**2).mean(axis=1))[[0, 1, 2, 4, 5]]
    assert loudness / loudness[2] == pytest.approx([0.2, 0.2, 1, 0.1, 0.1], abs=0.002)
    assert report.channels == 6
    assert report.loudness_after == pytest.approx(report.loudness_before, abs=0.5)


@pytest.mark.parametrize("count", [1, 1_600])
def test_next_to_nothing_keeps_its_length(tmp_path: Path, target: Path, count: int) -> None:
    media = wav(tmp_path / "said.wav", VOICE[None, 2_000 : 2_000 + count])
    report = convert_voice(media, out=tmp_path / "out.wav", target=[target])
    assert samples_of(tmp_path / "out.wav").samples.shape == (1, count)
    assert report.samples == count


def test_silence_stays_silence_and_the_report_says_so(tmp_path: Path, target: Path) -> None:
    media = wav(tmp_path / "said.wav", np.zeros((2, 20_000)))
    report = convert_voice(media, out=tmp_path / "out.wav", target=[target])
    assert not samples_of(tmp_path / "out.wav").samples.any()
    assert any("no voice was found" in note for note in report.notes)
    assert report.converted_s == 0
    assert comment_of(tmp_path / "out.wav") == ""
    assert report.lag_s is None
    assert report.loudness_after is None


def test_a_background_is_put_back_under_the_voice(tmp_path: Path, target: Path) -> None:
    """The separator tells them apart by what repeats: here a chord goes on and on."""
    time = np.arange(len(VOICE) * 3) / RATE
    chord = 0.05 * sum(np.sin(2 * np.pi * hz * time) for hz in (1_000, 2_500, 4_100))
    media = wav(tmp_path / "said.wav", (chord + np.tile(VOICE, 3))[None])
    settings = VoiceSettings(keep_background=True)
    told: list[Progress] = []
    report = convert_voice(
        media, out=tmp_path / "out.wav", target=[target], settings=settings, on_progress=told.append
    )  # fmt: skip
    # The first piece that is told of took its time too.
    speeds = [now.frames_per_s for now in told if now.stage == "separating"]
    assert speeds
    assert max(speeds) < 1_000
    after = samples_of(tmp_path / "out.wav").samples[0]
    assert len(after) == len(time)
    assert "separating" in report.stages_s
    assert not any("No background was found" in note for note in report.notes)
    assert report.engines == {"voice": "world-knn", "separation": "repet-sim"}
    spectrum = np.abs(np.fft.rfft(after * np.hanning(len(after))))
    for hz in (1_000, 2_500, 4_100):
        peak = round(hz * len(after) / RATE)
        level = 4 * spectrum[peak - 2 : peak + 3].max() / len(after)
        assert level == pytest.approx(0.05, rel=0.3), hz


def test_where_there_is_no_background_a_note_says_so(tmp_path: Path, target: Path) -> None:
    media = wav(tmp_path / "said.wav", VOICE[None])
    settings = VoiceSettings(keep_background=True)
    report = convert_voice(media, out=tmp_path / "out.wav", target=[target], settings=settings)
    convert_voice(media, out=tmp_path / "plain.wav", target=[target])
    assert np.array_equal(samples_of(tmp_path / "out.wav").samples, samples_of(tmp_path / "plain.wav").samples)
    assert any("No background was found" in note for note in report.notes)


def test_what_the_user_should_know_is_noted(tmp_path: Path, target: Path) -> None:
    media, noisy = wav(tmp_path / "said.wav", VOICE[None]), talk(HIGH, 9, seed=5)
    noisy += 0.02 * np.random.default_rng(0).standard_normal(len(noisy))
    hard = wav(tmp_path / "noisy.wav", noisy[None])
    first = convert_voice(media, out=tmp_path / "out.wav", target=[hard], spans=[(0.2, 1.2)])
    assert any("the target's recording is noisy" in note for note in first.notes)
    # Of one second nobody can say how it drifts.
    assert first.drift_s is None
    assert first.lag_s == pytest.approx(0, abs=0.02)
    second = convert_voice(media, out=tmp_path / "out.wav", target=[target], device="cuda")
    assert "world-knn works on the CPU" in second.notes
    assert second.devices == {"voice": "cpu"}
    assert not any("noisy" in note for note in second.notes)


def test_a_separator_that_was_downloaded_is_taken_and_named(tmp_path: Path, target: Path) -> None:
    weights = pulled()
    media, told = wav(tmp_path / "said.wav", VOICE[None]), list[Progress]()
    settings = VoiceSettings(keep_background=True)
    report = convert_voice(media, out=tmp_path / "out.wav", target=[target], settings=settings, on_progress=told.append)
    assert report.engines["separation"] == "hdemucs"
    assert report.revisions == {"separation": weights.sha256[:12]}
    assert samples_of(tmp_path / "out.wav").samples.shape == (1, len(VOICE))
    assert [now.done for now in told if now.stage == "separating"] == [round(len(VOICE) / RATE)]


def test_a_separator_that_is_not_there_stops_the_run_before_it_begins(tmp_path: Path, target: Path) -> None:
    media, out = wav(tmp_path / "said.wav", VOICE[None]), tmp_path / "out.wav"
    for settings, error, words in (
        (VoiceSettings(keep_background=True, separator="hdemucs"), EngineNotReady, "engines pull hdemucs"),
        (VoiceSettings(keep_background=True, separator="spleeter"), UnknownEngine, "hdemucs, repet-sim"),
        (VoiceSettings(separator="repet-sim"), UsageError, "give --keep-background too"),
        (VoiceSettings(separator="nobody"), UnknownEngine, "no engine of that name for separation"),
    ):
        with pytest.raises(error, match=words):
            convert_voice(media, out=out, target=[target], settings=settings)
    assert not out.exists()


def test_what_peaks_is_brought_below_what_players_take(tmp_path: Path, target: Path) -> None:
    media = wav(tmp_path / "said.wav", np.clip(20 * VOICE[None], -1, 1))
    report = convert_voice(media, out=tmp_path / "out.wav", target=[target])
    assert report.true_peak_db is not None
    assert report.true_peak_db < -0.9


# Parts


def test_outside_of_the_spans_every_bit_stays(tmp_path: Path, target: Path) -> None:
    media = wav(tmp_path / "said.wav", VOICE[None])
    report = convert_voice(media, out=tmp_path / "out.wav", target=[target], spans=[(0.5, 0.9), (0.8, 1.1)])
    before, after = samples_of(media).samples, samples_of(tmp_path / "out.wav").samples
    assert np.array_equal(before[:, :8_000], after[:, :8_000])
    assert np.array_equal(before[:, 17_600:], after[:, 17_600:])
    changed = np.abs(after - before)[0, 8_000:17_600]
    assert changed.max() > 0.02
    # No click where they meet.
    assert changed[:8].max() < 0.01 * changed.max()
    assert changed[-8:].max() < 0.01 * changed.max()
    assert report.converted_s == pytest.approx(0.6)


def test_a_part_fades_into_what_is_beside_it(tmp_path: Path) -> None:
    sound = store(tmp_path / "old", [np.zeros((1, 4_000), np.float32)], channels=1, rate_hz=1_000)
    parts = Parts(((0, 1_000), (2_000, 2_010), (3_000, 4_000)))
    new = store(tmp_path / "new", [np.ones((1, parts.count), np.float32)], channels=1, rate_hz=1_000)
    found = put_back(sound, parts, new, tmp_path / "both").read()[0]
    assert (found[:980] == 1).all()
    assert (np.diff(found[979:1_001]) < 0).all()
    assert not found[1_000:2_000].any()
    assert 0 < found[2_000] < found[2_004] == pytest.approx(found[2_005])
    assert (np.diff(found[2_999:3_021]) > 0).all()
    assert (found[3_020:] == 1).all()


def test_spans_are_joined_and_crossed(tmp_path: Path) -> None:
    sound = StoredSound(tmp_path / "none", 1, 100, 1_000)
    assert in_spans(sound, [(3, 4), (1, 2), (2, 2.5), (9, 99)]).ranges == ((100, 250), (300, 400), (900, 1_000))
    crossed = both(in_spans(sound, [(1, 4), (6, 7)]), in_spans(sound, [(0, 2), (3, 6.5)]))
    assert crossed.ranges == ((100, 200), (300, 400), (600, 650))
    for span in [(-1, 2), (2, 2), (3, 1), (10, 11), (float("nan"), 1)]:
        with pytest.raises(UsageError, match=r"ends at 10 s|a span begins at 0 s"):
            in_spans(sound, [span])


def test_one_of_those_who_speak_is_converted_alone(tmp_path: Path, target: Path) -> None:
    """The lower voice speaks most, and then the higher one."""
    first, second = talk(LOW, 14, seed=8), talk(HIGH, 8, seed=9)
    media = wav(tmp_path / "said.wav", np.concatenate([first, second])[None])
    report = convert_voice(media, out=tmp_path / "out.wav", target=[target], only_speaker=1)
    changed = np.abs(samples_of(tmp_path / "out.wav").samples - samples_of(media).samples)[0] > 1e-3
    assert changed[: len(first)].mean() > 0.3
    assert not changed[len(first) + RATE // 4 :].any()
    assert report.converted_s < (len(first) / RATE) + 0.25
    with pytest.raises(UsageError, match="no speaker 9 in this sound: heard are speakers 1 to 2"):
        convert_voice(media, out=tmp_path / "none.wav", target=[target], only_speaker=9)


def test_a_preview_is_the_beginning_alone(tmp_path: Path, target: Path) -> None:
    media = wav(tmp_path / "said.wav", VOICE[None])
    report = convert_voice(media, out=tmp_path / "out.wav", target=[target], settings=VoiceSettings(preview_s=0.6))
    assert samples_of(tmp_path / "out.wav").samples.shape == (1, 9_600)
    assert any("a preview" in note for note in report.notes)


def test_in_a_preview_speakers_are_counted_as_in_the_whole_sound(tmp_path: Path, target: Path) -> None:
    """The higher voice begins, the lower one speaks more: in the preview too, the lower one is the first."""
    begins, most = talk(HIGH, 8, seed=9), talk(LOW, 14, seed=8)
    media = wav(tmp_path / "said.wav", np.concatenate([begins, most])[None])
    change_s = len(begins) / RATE
    out, settings = tmp_path / "out.wav", VoiceSettings(preview_s=change_s + 2)
    convert_voice(media, out=out, target=[target], only_speaker=1, settings=settings)
    made = samples_of(out).samples
    changed = np.abs(made - samples_of(media).samples[:, : made.shape[1]])[0] > 1e-3
    assert not changed[: len(begins) - RATE // 4].any()
    assert changed[len(begins) :].mean() > 0.3
    with pytest.raises(UsageError, match="Nothing that is to be converted lies in the preview's 2 s"):
        convert_voice(media, out=out, target=[target], only_speaker=1, settings=VoiceSettings(preview_s=2.0))


# What the user chooses


def test_semitones_are_counted_from_the_source(tmp_path: Path, target: Path) -> None:
    media = wav(tmp_path / "said.wav", VOICE[None])
    heard = {}
    for semitones in (0.0, 7.0):
        out = tmp_path / f"{semitones}.wav"
        report = convert_voice(media, out=out, target=[target], settings=VoiceSettings(semitones=semitones))
        assert report.pitch_before_hz is not None
        assert report.pitch_after_hz == pytest.approx(report.pitch_before_hz * 2 ** (semitones / 12), rel=0.04)
        heard[semitones] = samples_of(out).samples
    assert not np.array_equal(heard[0.0], heard[7.0])


def test_the_same_again_is_the_same_to_the_bit(tmp_path: Path, target: Path) -> None:
    media = wav(tmp_path / "said.wav", VOICE[None, :16_000])
    for name in ("one.wav", "two.wav"):
        convert_voice(media, out=tmp_path / name, target=[target], seed=3)
    assert (tmp_path / "one.wav").read_bytes() == (tmp_path / "two.wav").read_bytes()


def test_loudness_is_left_alone_where_it_shall_be(tmp_path: Path, target: Path) -> None:
    media = wav(tmp_path / "said.wav", 0.05 * VOICE[None])
    settings = VoiceSettings(match_loudness=False)
    report = convert_voice(media, out=tmp_path / "out.wav", target=[target], settings=settings)
    assert report.true_peak_db is not None
    assert report.true_peak_db < -20


@pytest.mark.parametrize("name", ["so-vits", "rvc", "autovc"])
def test_a_model_file_chooses_its_engine_and_keeps_length_time_and_loudness(
    tmp_path: Path, target: Path, name: str
) -> None:
    said = 0.3 * np.stack([VOICE, 0.5 * VOICE])[:, :20_001]
    media = wav(tmp_path / "said.wav", said)
    targets = [target] if name == "autovc" else []
    report = convert_voice(media, out=tmp_path / "out.wav", target=targets, model=tiny_voice(name, tmp_path), seed=1)
    before, after = samples_of(media), samples_of(tmp_path / "out.wav")
    assert report.engines == {"voice": name}
    assert (report.revisions.get("voice", COMMIT), name in comment_of(tmp_path / "out.wav")) == (COMMIT, True)
    assert after.samples.shape == before.samples.shape
    assert not np.array_equal(after.samples, before.samples)
    assert report.loudness_after == pytest.approx(report.loudness_before, abs=0.5)
    assert np.abs(after.samples).max() < 1


# Stopping, and what is wrong


def test_a_stopped_run_leaves_nothing_behind(tmp_path: Path, target: Path) -> None:
    media = wav(tmp_path / "said.wav", VOICE[None])
    told: list[Progress] = []
    with pytest.raises(Stopped):
        convert_voice(
            media, out=tmp_path / "out.wav", target=[target], on_progress=told.append, should_stop=lambda: bool(told)
        )  # fmt: skip
    assert {said.stage for said in told} == {"converting"}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["said.wav", "scratch"]


def test_wrong_requests_are_refused_in_one_line(tmp_path: Path, target: Path) -> None:
    media = wav(tmp_path / "said.wav", VOICE[None])
    model = ModelFiles(wav(tmp_path / "model.pth.wav", VOICE[None]))
    six = wav(tmp_path / "six.wav", np.repeat(VOICE[None], 6, axis=0))
    wrong: list[tuple[type[AvfusionError], str, dict[str, object]]] = [
        (UsageError, "whose voice", {}),
        (UsageError, "no model file", {"target": [target], "model": model, "engine": "world-knn"}),
        (UsageError, "from a model file", {"target": [target], "engine": "autovc"}),
        (UsageError, "needs to hear the target", {"model": model, "engine": "autovc"}),
        (CannotRead, "cannot be read as a model file", {"model": model}),
        (OutputIsInput, "its own input", {"target": [target], "out": media}),
        (OutputIsInput, "its own input", {"target": [target], "out": target}),
        (UnknownFormat, "no output format", {"target": [target], "out": tmp_path / "out.ogg"}),
        (UsageError, "no pictures", {"target": [target], "out": tmp_path / "out.mp4"}),
        (UnknownFormat, "do not hold 6 channels", {"target": [target], "out": tmp_path / "out.mp3", "media": six}),
        (UsageError, r"From 90 s: the sound ends at 1.59 s", {"target": [target], "spans": [(90, float("inf"))]}),
        (UsageError, "a speaker is chosen", {"target": [target], "speaker": "ada"}),
        (UsageError, "no setting", {"target": [target], "settings": VoiceSettings(f0_method="dio")}),
        (CannotRead, "no such file", {"target": [tmp_path / "none.wav"]}),
    ]
    for kind, words, request in wrong:
        arguments = {"out": tmp_path / "out.wav", "media": media} | request
        with pytest.raises(kind, match=words) as raised:
            convert_voice(arguments.pop("media"), **arguments)  # type: ignore[arg-type]
        assert "\n" not in str(raised.value), words
    assert not (tmp_path / "out.wav").exists()
    for broken in ({"semitones": 30.0}, {"preview_s": 0.0}):
        with pytest.raises(UsageError):
            VoiceSettings(**broken)  # type: ignore[arg-type]


def test_sound_that_is_no_sound_is_refused(tmp_path: Path, target: Path) -> None:
    import soundfile

    numbers = VOICE.astype(np.float32)
    numbers[100] = np.nan
    soundfile.write(tmp_path / "nan.wav", numbers, RATE, subtype="FLOAT")
    silent = wav(tmp_path / "silent.wav", np.zeros((1, 30_000)))
    media = wav(tmp_path / "said.wav", VOICE[None])
    with pytest.raises(InputError, match=r"nan\.wav: .*no numbers"):
        convert_voice(tmp_path / "nan.wav", out=tmp_path / "out.wav", target=[target])
    with pytest.raises(InputError, match=r"nan\.wav: .*no numbers"):
        convert_voice(media, out=tmp_path / "out.wav", target=[tmp_path / "nan.wav"])
    with pytest.raises(NothingFound, match="no voice in the target"):
        convert_voice(media, out=tmp_path / "out.wav", target=[silent])
    assert not (tmp_path / "out.wav").exists()


@pytest.mark.real_data
def test_somebody_who_talks_in_a_restaurant_speaks_like_another(shared_data: Path, tmp_path: Path) -> None:
    clip, out = shared_data / "clips" / "talking.mp4", tmp_path / "out.mp4"
    target = shared_data / "speech" / "vctk" / "p225" / "p225_003.wav"
    report = convert_voice(clip, out=out, target=[target], spans=[(1.0, 8.5)])
    assert [row["data_hash"] for row in packets(clip, "v:0")] == [row["data_hash"] for row in packets(out, "v:0")]
    before, after = samples_of(clip), samples_of(out)
    assert after.samples.shape == before.samples.shape
    assert report.lag_s == pytest.approx(0, abs=0.005)
    assert report.drift_s == pytest.approx(0, abs=0.01)
    assert report.loudness_after == pytest.approx(report.loudness_before, abs=0.5)
    assert np.abs(after.samples).max() < 1
