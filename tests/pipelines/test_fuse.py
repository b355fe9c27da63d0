"""One render for all: each change alone is what its own verb does, all together hold where each holds, and in sync."""

import json
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from avfusion.cli.fuse_table import print_fusion
from avfusion.clip import Box, Point
from avfusion.errors import (
    CannotRead,
    EngineNotReady,
    NoPrompt,
    OutputIsInput,
    PromptOutside,
    Stopped,
    UnknownFormat,
    UsageError,
)
from avfusion.media.probe import probe
from avfusion.media.write import Encoding
from avfusion.metrics.voice import lag
from avfusion.pipelines.convert_voice import VoiceSettings, convert_voice
from avfusion.pipelines.fuse import FuseReport, FuseSettings, VoiceWish, fuse
from avfusion.pipelines.progress import Progress
from avfusion.pipelines.remove import RemoveSettings, remove
from avfusion.pipelines.remove_holes import grown, in_blocks
from avfusion.pipelines.swap import SwapSettings, swap
from tests.media.making import ffmpeg, packets, sound_by_ffmpeg, stream_of
from tests.pipelines.fusing import FRAMES, HEIGHT, WIDTH, Talking, make
from tests.pipelines.test_swap import planes, same_times, sound_packets

LOSSLESS = Encoding(quality=0, preset="ultrafast")
HARD = FuseSettings(swap=SwapSettings(edges="hard"), remove=RemoveSettings(grow_px=3), encoding=LOSSLESS)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Talking:
    return make(tmp_path_factory.mktemp("talking"))


@pytest.fixture(scope="module")
def alone(made: Talking, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Only the voice, by its own verb."""
    out = tmp_path_factory.mktemp("alone") / "alone.mp4"
    convert_voice(made.clip, out=out, target=[made.target])
    return out


@pytest.fixture(autouse=True)
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Where temporary files go: in the end there are none, however the run ended."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield
    assert list(folder.iterdir()) == []


def same_pictures(one: Path, other: Path) -> bool:
    pairs = zip(planes(one), planes(other), strict=True)
    return all(np.array_equal(a, b) for first, second in pairs for a, b in zip(first, second, strict=True))


def check_sync(report: FuseReport, source: Path) -> None:
    assert same_times(source, report.out)
    assert report.sync.times_identical
    assert report.sync.times_off_s == 0
    assert report.sync.samples_equal
    assert report.sync.samples_after == int(stream_of(report.out, "a:0")["duration_ts"])
    assert report.sync.lag_s is not None
    assert abs(report.sync.lag_s) < 0.005


# Each alone


def test_a_background_alone_is_a_swap(made, tmp_path):
    own = SwapSettings(light_wrap=0.4, colour_match=0.5, encoding=LOSSLESS)
    swap(made.clip, masks=made.masks, background=made.picture, out=tmp_path / "swap.mp4", settings=own)
    settings = FuseSettings(swap=replace(own, encoding=Encoding()), encoding=LOSSLESS)
    report = fuse(made.clip, masks=made.masks, background=made.picture, out=tmp_path / "out.mp4", settings=settings)
    assert same_pictures(tmp_path / "swap.mp4", report.out)
    assert sound_packets(made.clip) == sound_packets(report.out)
    check_sync(report, made.clip)
    assert report.changed == ("background",)
    assert report.flicker is not None
    assert report.voice is None


def test_a_removal_alone_is_a_removal(made, tmp_path):
    own = RemoveSettings(grow_px=3, encoding=LOSSLESS)
    only_first = tmp_path / "first"
    only_first.mkdir()
    for index, labels in enumerate(made.labels):
        Image.fromarray((labels == 1).view(np.uint8)).save(only_first / f"{index:05d}.png")
    before = remove(made.clip, masks=only_first, out=tmp_path / "remove.mp4", settings=own)
    settings = replace(HARD, remove=replace(own, encoding=Encoding(), map_out=tmp_path / "map.mp4"))
    report = fuse(made.clip, masks=made.masks, remove=[1], out=tmp_path / "out.mp4", settings=settings)
    assert same_pictures(tmp_path / "remove.mp4", report.out)
    check_sync(report, made.clip)
    assert (report.kept, report.removed) == ((2,), (1,))
    assert report.seen_share == before.seen_share
    assert report.engines["inpainting"] == before.engines["inpainting"]
    assert probe(tmp_path / "map.mp4").frame_count == FRAMES
    assert json.loads(json.dumps(report.as_json()))["map_out"] == str(tmp_path / "map.mp4")


def test_a_voice_alone_is_a_conversion(made, alone, tmp_path):
    report = fuse(made.clip, voice=made.voice, out=tmp_path / "out.mp4")
    assert report.out.read_bytes() == alone.read_bytes()
    check_sync(report, made.clip)
    assert report.voice is not None
    assert report.voice.converted_s == pytest.approx(report.voice.duration_s)
    assert report.engines == {"voice": "world-knn"}
    assert json.loads(json.dumps(report.as_json()))["sync"]["samples_equal"] is True


@pytest.mark.parametrize("background", [None, "#204060"])
def test_a_voice_that_is_not_there_is_not_said_to_be_changed(made, tmp_path, background, capsys):
    mute, page = tmp_path / "mute.mp4", tmp_path / "page.html"
    ffmpeg("-i", made.clip, "-c:v", "copy", "-af", "volume=0", "-c:a", "aac", mute)
    masks = None if background is None else made.masks
    report = fuse(mute, masks=masks, background=background, voice=made.voice, out=tmp_path / "out.mp4", report=page)
    assert report.changed == (() if background is None else ("background",))
    assert report.voice is not None
    assert report.voice.converted_s == report.as_json()["voice"]["converted_s"] == 0
    said = page.read_text(encoding="utf-8")
    assert "A machine made this voice" not in said
    assert "another voice" not in said
    assert "no voice was found in the sound" in said
    print_fusion(report, as_json=False)
    shown = capsys.readouterr().out
    assert f"changed  {'background' if background else 'nothing'}\n" in shown
    assert "voice    none was found" in shown


# All together


def test_all_three_hold_where_each_holds(made, alone, tmp_path):
    told: list[Progress] = []
    report = fuse(
        made.clip, masks=made.masks, background="#204060", remove=[1], voice=made.voice, out=tmp_path / "out.mp4",
        settings=HARD, on_progress=told.append,
    )  # fmt: skip
    swap(
        made.clip, masks=made.masks, background="#204060", out=tmp_path / "swap.mp4",
        settings=replace(HARD.swap, encoding=LOSSLESS),
    )  # fmt: skip
    sources, results, scenes = planes(made.clip), planes(report.out), planes(tmp_path / "swap.mp4")
    ground = scenes[0][0][0, 0]
    for labels, source, result in zip(made.labels, sources, results, strict=True):
        assert np.array_equal(result[0][labels == 2], source[0][labels == 2])
        assert (result[0][labels != 2] == ground).all()
    assert np.array_equal(sound_by_ffmpeg(report.out), sound_by_ffmpeg(alone))
    check_sync(report, made.clip)
    assert report.changed == ("background", "remove", "voice")
    # What vanishes lies behind the new background, and so nothing was filled.
    assert "inpainting" not in report.engines
    assert any("nothing had to be filled" in note for note in report.notes)
    shares = [now.overall for now in told]
    assert shares == sorted(shares)
    assert shares[-1] == 1
    assert "AI-converted voice" in av.open(str(report.out)).metadata["comment"]


def test_what_is_removed_beside_what_stays_is_filled_first(made, tmp_path):
    """Object 2 vanishes from in front of a blurred scene, in which it would be seen, and object 1 is spared."""
    report = fuse(
        made.clip, masks=made.masks, background="blur", remove=[2], inpainter="telea", out=tmp_path / "out.mp4",
        settings=HARD,
    )  # fmt: skip
    clean = fuse(
        made.clip, masks=made.masks, remove=[2], inpainter="telea", out=tmp_path / "clean.mp4", settings=HARD
    )  # fmt: skip
    first = tmp_path / "first"
    first.mkdir()
    for index, labels in enumerate(made.labels):
        Image.fromarray((labels == 1).view(np.uint8)).save(first / f"{index:05d}.png")
    swap(
        clean.out, masks=first, background="blur", out=tmp_path / "two.mp4",
        settings=SwapSettings(edges="hard", encoding=LOSSLESS),
    )  # fmt: skip
    assert same_pictures(tmp_path / "two.mp4", report.out)
    assert report.engines["inpainting"] == "telea"
    for labels, source, result in zip(made.labels, planes(made.clip), planes(report.out), strict=True):
        assert np.array_equal(result[0][labels == 1], source[0][labels == 1])


def test_no_hole_is_grown_into_what_stays(made, tmp_path):
    touching = tmp_path / "touching"
    touching.mkdir()
    labels = np.zeros((HEIGHT, WIDTH), np.uint8)
    labels[30:60, 40:71], labels[30:60, 71:100] = 1, 2
    for index in range(FRAMES):
        Image.fromarray(labels).save(touching / f"{index:05d}.png")
    settings = replace(HARD, remove=RemoveSettings(grow_px=8))
    report = fuse(made.clip, masks=touching, remove=[1], inpainter="telea", out=tmp_path / "o.mp4", settings=settings)
    hole = in_blocks(labels == 1) | in_blocks(grown(labels == 1, 8)) & ~in_blocks(labels == 2)
    for source, result in zip(planes(made.clip), planes(report.out), strict=True):
        assert np.array_equal(source[0][~hole], result[0][~hole])
        assert (source[0][labels == 1] != result[0][labels == 1]).mean() > 0.7
    assert (hole & (labels == 2)).sum() <= 30


# Parts of clips, and odd ones


def test_a_part_has_its_own_voice_to_the_sample(made, tmp_path):
    report = fuse(made.clip, voice=made.voice, out=tmp_path / "out.mp4", span=(3, 17), settings=HARD)
    clip, part = probe(made.clip), probe(report.out)
    assert [part.time(k) for k in range(part.frame_count)] == [clip.time(k + 3) - clip.time(3) for k in range(14)]
    rate_hz = clip.sounds[0].rate_hz
    before = sound_by_ffmpeg(made.clip)[round(clip.time(3) * rate_hz) : round(clip.time(17) * rate_hz)]
    after = sound_by_ffmpeg(report.out)
    assert len(before) == report.sync.samples_before == int(stream_of(report.out, "a:0")["duration_ts"])
    assert report.sync.samples_equal
    assert report.sync.times_identical
    assert abs(lag(before[:, 0], after[:, 0], rate_hz)) < 0.005
    for source, result in zip(planes(made.clip)[3:17], planes(report.out), strict=True):
        assert all(np.array_equal(a, b) for a, b in zip(source, result, strict=True))


def test_the_spans_of_a_voice_count_from_the_clips_beginning(made, tmp_path):
    wish = replace(made.voice, spans=((0.5, 0.9),))
    report = fuse(made.clip, voice=wish, out=tmp_path / "out.mov", span=(5, 20), settings=HARD)
    assert report.voice is not None
    assert report.voice.converted_s == pytest.approx(0.4, abs=1e-3)
    rate_hz = report.voice.rate_hz
    before, after = sound_by_ffmpeg(made.clip)[round(0.25 * rate_hz) :, 0], sound_by_ffmpeg(report.out)[:, 0]
    moved = np.flatnonzero(np.abs(before[: len(after)] - after) > 1e-3) / rate_hz
    assert moved.min() > 0.24
    assert moved.max() < 0.66
    with pytest.raises(UsageError, match="Nothing that is to be converted"):
        fuse(made.clip, voice=wish, out=tmp_path / "late.mp4", span=(19, 20))


def test_a_part_has_its_old_sound_to_the_sample(made, tmp_path):
    """The packets are copied, and the file says what of the first and the last is heard."""
    report = fuse(
        made.clip, masks=made.masks, background="#204060", out=tmp_path / "out.mp4", span=(3, 17), settings=HARD
    )  # fmt: skip
    assert report.sync.times_identical
    assert report.sync.samples_equal
    assert report.sync.samples_before == 11_200
    assert report.sync.lag_s == 0
    before, after = sound_by_ffmpeg(made.clip), sound_by_ffmpeg(report.out)
    assert np.array_equal(before[2_400:13_600], after[:11_200])


def odd(made: Talking, folder: Path, kind: str) -> Path:
    """The clip with times that are not regular, turned, or with a second language before its pictures."""
    out = folder / f"{kind}.mp4"
    if kind == "variable":
        slow = ("-vf", "setpts='N/(20*TB)+0.013*mod(N,3)/TB'", "-fps_mode", "passthrough", "-enc_time_base", "-1")
        ffmpeg("-i", made.clip, *slow, "-c:v", "libx264", "-crf", "4", "-c:a", "copy", out)
    elif kind == "turned":
        ffmpeg("-i", made.clip, "-c", "copy", "-metadata:s:v", "rotate=90", out)
    else:
        tone = ("-f", "lavfi", "-i", "sine=frequency=300:duration=1")
        tracks = ("-map", "0:v", "-map", "0:a", "-map", "1:a", "-metadata:s:a:1", "language=fra")
        ffmpeg("-i", made.clip, *tone, *tracks, "-c:v", "copy", "-c:a", "aac", out)
    return out


@pytest.mark.parametrize("kind", ["variable", "turned", "two sounds"])
def test_odd_clips_stay_in_sync(made, tmp_path, kind):
    clip = odd(made, tmp_path, kind)
    turned = probe(clip).width_px < probe(clip).height_px
    assert turned == (kind == "turned")
    masks = made.masks
    if turned:
        masks = tmp_path / "turned"
        masks.mkdir()
        for index, labels in enumerate(made.labels):
            Image.fromarray(np.ascontiguousarray(np.rot90(labels))).save(masks / f"{index:05d}.png")
    report = fuse(clip, masks=masks, background="#204060", voice=made.voice, out=tmp_path / "out.mp4")
    check_sync(report, clip)
    assert (report.width_px, report.height_px) == ((HEIGHT, WIDTH) if turned else (WIDTH, HEIGHT))
    assert len(set(np.diff(probe(clip).ticks))) == (1 if kind != "variable" else 2)
    if kind == "two sounds":
        rows = [[row["data_hash"] for row in packets(path, "a:1")] for path in (clip, report.out)]
        assert rows[0] == rows[1]
        assert [track.language for track in probe(report.out).sounds][1] == "fra"


def test_the_size_that_is_said_is_that_of_the_file(made, tmp_path):
    clip, masks = tmp_path / "uneven.mkv", tmp_path / "uneven"
    ffmpeg("-i", made.silent, "-vf", "format=gbrp,crop=159:89:0:0", "-c:v", "ffv1", "-pix_fmt", "bgr0", clip)
    masks.mkdir()
    for index, labels in enumerate(made.labels):
        Image.fromarray(np.ascontiguousarray(labels[:89, :159])).save(masks / f"{index:05d}.png")
    assert (probe(clip).width_px, probe(clip).height_px) == (159, 89)
    for verb in (partial(fuse, background="#204060"), partial(swap, background="#204060"), remove):
        report = verb(clip, masks=masks, out=tmp_path / "out.mp4")
        written = probe(report.out)
        assert (report.width_px, report.height_px) == (written.width_px, written.height_px) == (160, 90)


@pytest.mark.parametrize("ending", [".webm", ".mov"])
def test_other_formats_say_what_they_keep(made, tmp_path, ending):
    settings = replace(HARD, encoding=Encoding())
    report = fuse(
        made.clip, masks=made.masks, background="transparent", voice=made.voice, out=tmp_path / f"out{ending}",
        settings=settings,
    )  # fmt: skip
    assert report.sync.times_identical
    assert report.sync.times_off_s is not None
    assert report.sync.times_off_s <= (0.0006 if ending == ".webm" else 0)
    assert report.sync.lag_s is not None
    assert abs(report.sync.lag_s) < 0.005
    # Opus knows 48 kHz and no other rate but its parts.
    assert report.sync.samples_equal == (ending == ".mov")
    assert probe(report.out).has_alpha


def test_sound_that_begins_late_stays_late(made, tmp_path):
    clip = tmp_path / "late.mp4"
    ffmpeg("-i", made.silent, "-itsoffset", "0.3", "-i", made.clip, "-map", "0:v", "-map", "1:a", "-c", "copy", clip)
    assert probe(clip).sounds[0].start_s > 0.2
    report = fuse(clip, voice=made.voice, masks=made.masks, background="#204060", out=tmp_path / "out.mov")
    assert report.sync.lag_s is not None
    assert abs(report.sync.lag_s) < 0.005
    assert report.sync.times_identical


def test_prompts_are_followed(made, tmp_path):
    boxes = [Box(58, 8, 92, 42, object=1), Box(58, 48, 92, 82, object=2)]
    report = fuse(made.clip, boxes, background="#204060", remove=[2], out=tmp_path / "out.mp4", settings=HARD)
    assert (report.kept, report.removed) == ((1,), (2,))
    assert report.engines["tracking"] == "flow"
    assert {"shots", "tracking", "rendering", "checking"} <= set(report.stages_s)


# What is refused


WISH = VoiceWish(target=(Path("nobody.wav"),))
REFUSED = [
    ({}, UsageError, "Nothing is to be changed"),
    ({"remove": ()}, UsageError, "Nothing is to be changed"),
    ({"remove": [3]}, UsageError, "Object 3 is to be removed, and nothing says where it is. Marked: objects 1 and 2"),
    ({"remove": [1, 2], "background": "blur"}, UsageError, "Every object that is marked"),
    ({"prompts": (), "masks": None, "remove": [1]}, NoPrompt, "nothing says which object"),
    ({"prompts": (), "masks": None, "background": "blur"}, NoPrompt, "nothing says which object"),
    ({"voice": WISH}, UsageError, "nothing says what becomes of them"),
    ({"background": "blur", "voice": WISH}, CannotRead, "nobody.wav"),
    ({"background": "nowhere.png"}, CannotRead, "nowhere.png"),
    ({"background": "#12"}, UsageError, "not a colour"),
    ({"background": "transparent"}, UsageError, "no transparency"),
    ({"background": "blur", "out": "out.avi"}, UnknownFormat, "no output format"),
    ({"background": "blur", "voice": WISH, "out": "out.gif"}, UsageError, "have no sound"),
    ({"background": "blur", "span": (5, 5)}, UsageError, "there are no frames"),
    ({"background": "blur", "remove": [2], "inpainter": "sd-1.5-inpaint"}, EngineNotReady, "sd-1.5-inpaint"),
    ({"remove": [1], "settings": FuseSettings(remove=RemoveSettings(words="a tree"))}, EngineNotReady, "words"),
    ({"background": "blur", "report": "out.mp4"}, UnknownFormat, "ends in .html"),
    (
        {"background": "blur", "settings": FuseSettings(remove=RemoveSettings(map_out=Path("map.mp4")))},
        UsageError,
        "nothing is removed",
    ),
]


@pytest.mark.parametrize(("asked", "error", "words"), REFUSED)
def test_what_cannot_be_done_is_refused_before_long_work(made, tmp_path, monkeypatch, asked, error, words):
    monkeypatch.chdir(tmp_path)
    told: list[Progress] = []
    prompts = asked.get("prompts", [Point(75, 25, object=1), Point(75, 65, object=2)])
    given = {name: value for name, value in asked.items() if name not in ("prompts", "out", "report")}
    report = Path(asked["report"]) if "report" in asked else None
    with pytest.raises(error, match=words) as raised:
        fuse(
            made.clip, prompts, out=asked.get("out", "out.mp4"), report=report, on_progress=told.append, **given
        )  # fmt: skip
    assert len(str(raised.value).splitlines()) == 1
    assert told == []
    assert [path.name for path in tmp_path.iterdir()] == ["scratch"]


def test_a_silent_clip_has_no_voice(made, tmp_path):
    with pytest.raises(CannotRead, match="no sound in this clip, and so no voice"):
        fuse(made.silent, voice=made.voice, out=tmp_path / "out.mp4")
    report = fuse(made.silent, masks=made.masks, background="#204060", out=tmp_path / "out.mp4", settings=HARD)
    assert report.sync.times_identical
    assert (report.sync.samples_equal, report.sync.lag_s) == (None, None)


def test_masks_without_what_is_removed_are_refused(made, tmp_path):
    with pytest.raises(UsageError, match="Object 7 is to be removed"):
        fuse(made.clip, masks=made.masks, remove=[7], out=tmp_path / "out.mp4")
    with pytest.raises(UsageError, match="Every object"):
        fuse(made.clip, masks=made.masks, remove=[1, 2], background="blur", out=tmp_path / "out.mp4")


@pytest.mark.parametrize("which", ["clip", "background", "target"])
def test_the_output_is_no_input(made, tmp_path, which):
    inputs = {"clip": made.clip, "background": made.picture, "target": made.target}
    with pytest.raises(OutputIsInput):
        fuse(made.clip, masks=made.masks, background=made.picture, voice=made.voice, out=inputs[which])
    with pytest.raises(UnknownFormat):
        fuse(
            made.clip, masks=made.masks, background=made.picture, voice=made.voice, out=tmp_path / "out.mp4",
            report=inputs[which],
        )  # fmt: skip


def test_a_prompt_outside_is_refused(made, tmp_path):
    with pytest.raises(PromptOutside):
        fuse(made.clip, [Point(500, 3)], background="blur", out=tmp_path / "out.mp4")


def test_one_encoding_is_enough():
    with pytest.raises(UsageError, match="one file"):
        FuseSettings(swap=SwapSettings(encoding=LOSSLESS))
    with pytest.raises(UsageError, match="whose voice"):
        VoiceWish()


def test_a_preview_is_no_clip(made, tmp_path):
    wish = replace(made.voice, settings=VoiceSettings(preview_s=1))
    with pytest.raises(UsageError, match="preview is sound alone"):
        fuse(made.clip, voice=wish, out=tmp_path / "out.mp4")


@pytest.mark.parametrize("stage", ["shots", "converting", "rendering"])
def test_stopped_at_any_stage_nothing_is_left(made, tmp_path, stage):
    seen: list[str] = []
    with pytest.raises(Stopped):
        fuse(
            made.clip, [Box(58, 8, 92, 42)], background="#204060", voice=made.voice, out=tmp_path / "out.mp4",
            report=tmp_path / "page.html", on_progress=lambda now: seen.append(now.stage),
            should_stop=lambda: stage in seen,
        )  # fmt: skip
    assert [path.name for path in tmp_path.iterdir()] == ["scratch"]
