"""A comparison as files: they say the same, need nothing else, and are all there or not at all."""

import base64
import csv
import io
import json
import re
from dataclasses import replace
from html import unescape
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import sync_playwright

from avfusion.clip import Clip, MaskTrack
from avfusion.errors import CannotWrite, Stopped
from avfusion.media.probe import probe
from avfusion.pipelines.compare import Answer, Comparison, Scores, write_report
from avfusion.pipelines.compare_page import page
from avfusion.pipelines.compare_pairs import compared
from avfusion.pipelines.compare_pictures import heat, heat_colours, original
from avfusion.pipelines.compare_question import Question
from avfusion.pipelines.reel import grid_for

EVIL = '<img src=x onerror="alert(1)">'


def track_of(masks: np.ndarray, engine: str) -> MaskTrack:
    """masks: bool [frames, H, W]."""
    count, height, width = masks.shape
    rows = np.packbits(masks.reshape(count, -1), axis=1)
    return MaskTrack(width, height, count, {1: rows}, {1: np.full(count, 0.9, np.float32)}, engine)


def answer(engine: str, masks: np.ndarray, **facts: Any) -> Answer:
    ability = "tracking" if len(masks) > 1 else "segmentation"
    return Answer(
        engine, ability, track_of(masks, engine), confidence=0.9, seconds=0.25, frames_per_s=40, device="cpu", **facts
    )


@pytest.fixture
def on_frame(made: Any) -> Comparison:
    clip = probe(made.clip)
    true = made.truth[:1]
    answers = [
        answer("exact", true, labels=("ball", EVIL), scores=Scores(1.0, 1.0), peak_memory_bytes=5_000_000),
        answer("beside", np.roll(true, 20, axis=2), scores=Scores(0.5, 0.25)),
        Answer("waits", "segmentation", None, problem=f"waits: needs {EVIL} & more, see {clip.path}"),
    ]
    return compared(Question(clip, (), "asked", (0, 1)), answers)


@pytest.fixture
def of_clip(made: Any) -> Comparison:
    clip = probe(made.clip)
    answers = [
        answer("follows", made.truth, flicker=0.125, scores=Scores(1.0, 1.0)),
        answer("stands", np.repeat(made.truth[:1], 24, axis=0)),
    ]
    return compared(Question(clip, (), "clip", (0, 24)), answers)


def test_json_and_csv_say_the_same(on_frame: Comparison, tmp_path: Path) -> None:
    write_report(on_frame, tmp_path / "report")
    said = json.loads((tmp_path / "report" / "comparison.json").read_text())
    rows = list(csv.DictReader(io.StringIO((tmp_path / "report" / "comparison.csv").read_text(), newline="")))
    assert said["engines"] == ["exact", "beside"]
    assert np.array_equal(np.array(said["iou"]), np.round(on_frame.iou, 6))
    assert len(rows) == len(said["answers"]) == 3
    for row, entry in zip(rows, said["answers"], strict=True):
        for name, value in entry.items():
            written = "; ".join(map(str, value)) if isinstance(value, list) else "" if value is None else str(value)
            assert row[name] == written
        for place, other in enumerate(said["engines"]):
            overlap = row[f"iou with {other}"]
            if entry["engine"] in said["engines"]:
                assert float(overlap) == said["iou"][said["engines"].index(entry["engine"])][place]
            else:
                assert overlap == ""


def test_the_page_has_every_engine_and_its_picture_and_fetches_nothing(on_frame: Comparison) -> None:
    written = page(on_frame)
    addresses = re.findall(r'src="([^"]*)"', written)
    assert len(addresses) == 4  # the picture, two answers, the heat map
    for address in addresses:
        head, _, content = address.partition(",")
        assert head == "data:image/jpeg;base64"
        assert Image.open(io.BytesIO(base64.b64decode(content))).size == (320, 180)
    assert len(set(addresses)) == 4
    for name in ("exact", "beside", "waits"):
        assert f">{name}<" in written
    for word in ("http:", "https:", "<script", "<link", "@import", "url("):
        assert word not in written
    assert "prefers-color-scheme: dark" in written
    assert "@media print" in written


def test_nothing_that_engines_say_becomes_part_of_the_page(on_frame: Comparison) -> None:
    written = page(on_frame)
    assert "<img src=x" not in written
    assert EVIL in unescape(written)
    assert str(on_frame.clip.path) not in written
    assert f"&amp; more, see {on_frame.clip.path.name}" in written


def test_the_page_has_the_figures_of_the_table(of_clip: Comparison) -> None:
    written = page(of_clip)
    text = re.sub(r"<[^>]+>", " ", written.partition("</style>")[2])
    assert re.search(r"follows\s+0\.90\s+1\.000\s+1\.000\s+0\.125\s+0\.25 s\s+40", text)
    assert f"{of_clip.iou[0, 1]:.2f}" in text
    assert f"Frame {of_clip.least_agreed}, on which the engines agree least" in text


def test_pictures_are_the_masks_and_where_they_agree(made: Any, on_frame: Comparison, tmp_path: Path) -> None:
    files = write_report(on_frame, tmp_path / "report")
    names = {"comparison.json", "comparison.csv", "comparison.html", "agreement.png"}
    names |= {"exact.png", "exact-mask.png", "beside.png", "beside-mask.png"}
    assert {path.name for path in files} == {path.name for path in (tmp_path / "report").iterdir()} == names
    mask = Image.open(tmp_path / "report" / "exact-mask.png")
    assert mask.mode == "P"
    assert np.array_equal(np.asarray(mask), made.truth[0])
    picture = original(on_frame)
    drawn = np.asarray(Image.open(tmp_path / "report" / "exact.png")).astype(int)
    changed = np.abs(drawn - picture).max(axis=2) > 8
    assert changed[made.truth[0]].mean() > 0.95
    assert changed[~made.truth[0]].mean() < 0.03
    coloured = heat(on_frame, picture).astype(int)
    somebody = made.truth[0] | np.roll(made.truth[0], 20, axis=1)
    assert np.ptp(coloured[~somebody], axis=-1).max() == 0  # grey where nobody sees it


def test_more_agreement_looks_lighter() -> None:
    colours = heat_colours(np.linspace(0, 1, 64, dtype=np.float32)[None])[0].astype(float)
    assert (np.diff(colours @ [0.2126, 0.7152, 0.0722]) > -1).all()


def test_where_only_problems_are_left_there_is_a_page_of_problems(on_frame: Comparison, tmp_path: Path) -> None:
    failed = compared(Question(on_frame.clip, (), "asked", (0, 1)), on_frame.answers[2:])
    files = write_report(failed, tmp_path / "report")
    assert [path.name for path in files] == ["comparison.json", "comparison.csv", "comparison.html"]
    assert ">waits<" in (tmp_path / "report" / "comparison.html").read_text()


def test_the_reel_has_the_clips_frames_times_and_sound(made: Any, of_clip: Comparison, tmp_path: Path) -> None:
    files = write_report(of_clip, tmp_path / "report")
    assert "side-by-side.mp4" in {path.name for path in files}
    clip, reel = probe(made.clip), probe(tmp_path / "report" / "side-by-side.mp4")
    assert [reel.time(one) for one in range(reel.frame_count)] == [clip.time(one) for one in range(clip.frame_count)]
    assert reel.duration_s == clip.duration_s
    assert [sound.duration_s for sound in reel.sounds] == [sound.duration_s for sound in clip.sounds]
    grid = grid_for(3, clip)
    assert (reel.width_px, reel.height_px) == grid.size_px
    assert (grid.columns, grid.rows) == (2, 2)
    # The clip itself, the answer that follows, the one that stands still, and an empty place.
    width, height = grid.tile_px
    tops = (grid.caption_px, 2 * grid.caption_px + height)
    for frame, source in zip(reel.frames(20, 21), clip.frames(20, 21), strict=True):
        tiles = [frame.rgb[top : top + height, left : left + width] for top in tops for left in (0, width)]
        changed = [np.abs(tile.astype(int) - source.rgb).max(axis=2) > 40 for tile in tiles]
        assert changed[0].mean() < 0.01
        assert changed[1][made.truth[20]].mean() > 0.6
        assert changed[1][~made.truth[20]].mean() < 0.03
        assert changed[2][made.truth[0] & ~made.truth[20]].mean() > 0.6
        assert tiles[3].std(axis=(0, 1)).max() < 3
        captions = [frame.rgb[top - grid.caption_px : top, left : left + width] for top in tops for left in (0, width)]
        assert [caption.max() > 150 for caption in captions] == [True, True, True, False]


def test_the_reel_of_a_span_keeps_irregular_times(made: Any, tmp_path: Path) -> None:
    clip = probe(made.clip)
    ticks = clip.ticks + np.where(np.arange(24) % 3 == 1, clip.ticks[1] // 2, 0)
    uneven = replace(clip, ticks=ticks, sounds=())
    answers = [answer("follows", made.truth[5:15])]
    comparison = compared(Question(uneven, (), "clip", (5, 15)), answers)
    write_report(comparison, tmp_path / "report")
    reel = probe(tmp_path / "report" / "side-by-side.mp4")
    times = [uneven.time(one) - uneven.time(5) for one in range(5, 15)]
    assert [reel.time(one) for one in range(reel.frame_count)] == times


@pytest.mark.parametrize("count", [1, 2, 3, 5, 9, 20])
@pytest.mark.parametrize(("width", "height"), [(321, 181), (3840, 2160), (640, 1138), (16, 16)])
def test_grids_have_room_and_even_sizes(made: Any, count: int, width: int, height: int) -> None:
    clip: Clip = replace(probe(made.clip), width_px=width, height_px=height)
    grid = grid_for(count, clip)
    assert grid.columns * grid.rows >= count
    assert all(length % 2 == 0 for length in (*grid.size_px, *grid.tile_px, grid.caption_px))
    assert max(grid.tile_px[0] * grid.columns, grid.tile_px[1] * grid.rows) <= 1930 or grid.tile_px[0] == 160
    assert grid.tile_px[0] / grid.tile_px[1] == pytest.approx(width / height, rel=0.05)


def test_a_stop_half_way_leaves_nothing(of_clip: Comparison, tmp_path: Path) -> None:
    asked = iter([False] * 6)
    with pytest.raises(Stopped):
        write_report(of_clip, tmp_path / "report", should_stop=lambda: next(asked, True))
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_holds_something_is_left_alone(on_frame: Comparison, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(CannotWrite, match="already"):
        write_report(on_frame, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


@pytest.mark.browser
@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_in_a_browser_everything_fits_and_shows(of_clip: Comparison, tmp_path: Path, width: int, scheme: Any) -> None:
    from tests.ui.conftest import CHROMIUM_ARGUMENTS, find_chromium

    chromium = find_chromium()
    if chromium is None:
        pytest.skip("no chromium here")
    write_report(of_clip, tmp_path / "report")
    outside: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=CHROMIUM_ARGUMENTS)
        tab = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme).new_page()
        tab.on("request", lambda request: outside.append(request.url) if request.url.startswith("http") else None)
        tab.goto((tmp_path / "report" / "comparison.html").as_uri())
        assert tab.evaluate("document.documentElement.scrollWidth") == width
        shown = tab.evaluate("[...document.images].map(image => [image.complete, image.naturalWidth])")
        assert shown == [[True, 320]] * 4
        ground = tab.evaluate("getComputedStyle(document.body).backgroundColor")
        assert (sum(map(int, re.findall(r"\d+", ground)[:3])) > 384) == (scheme == "light")
        browser.close()
    assert outside == []
