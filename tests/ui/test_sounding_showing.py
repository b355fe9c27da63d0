"""What the Sounding tab shows, from plain values: times over a waveform, tiles of heat, masks that go elsewhere."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import cv2
import numpy as np
import pytest

from avfusion.clip import Clip, MaskTrack
from avfusion.media.probe import probe
from avfusion.pipelines.locate_settings import Heard
from avfusion.ui.colours import hex_of
from avfusion.ui.sounding_heat import draw_sheet
from avfusion.ui.sounding_making import Found, names_in, wave_of
from avfusion.ui.sounding_taking import taken_of
from avfusion.ui.sounding_timeline import Entry, Timeline, described, timeline
from tests.ui.making import balls, greys, write_clip

DOG = Entry(1, "dog <b>", 0.83, np.array([0.9, 0.1, 0.6, 0.6], np.float32), ((0.0, 1.0), (2.0, 3.5)))
NAMELESS = Entry(2, "", 0.41, np.array([0, 0, 0, 0.7], np.float32), ((3.0, 3.5),))
LINE = Timeline([DOG, NAMELESS], np.array([[-0.2, 0.4], [-0.1, 0.1]], np.float32), 3.5, 1.0)


def test_each_source_has_its_times_in_its_colour_over_the_waveform_and_in_its_row() -> None:
    html = timeline(LINE)
    bands = re.findall(r'class="band" style="left:([\d.]+)%;width:([\d.]+)%;--object:(#\w+)"', html)
    assert [(float(left) * 3.5 / 100, float(wide) * 3.5 / 100, colour) for left, wide, colour in bands] == [
        (0.0, pytest.approx(1.0, abs=1e-3), hex_of(1)),
        (pytest.approx(2.0, abs=1e-3), pytest.approx(1.5, abs=1e-3), hex_of(1)),
        (pytest.approx(3.0, abs=1e-3), pytest.approx(0.5, abs=1e-3), hex_of(2)),
    ]
    rows = html.split("<li ")[1:]
    assert [re.findall(r'data-at="([\d.]+)"', row) for row in rows] == [["0.000", "2.000"], ["3.000"]]
    assert ["Source 2" in row for row in rows] == [False, True]
    assert ["83 % sure" in rows[0], "41 % sure" in rows[1]] == [True, True]
    assert [row.count("data-take=") for row in rows] == [2, 2]


def test_names_from_engines_are_no_markup() -> None:
    assert "<b>dog" not in timeline(LINE).replace("<b>dog &lt;b&gt;</b>", "")
    assert "dog <b>" not in timeline(LINE)


def test_the_waveform_is_as_high_as_its_loudest_moment() -> None:
    points = re.search(r'<polygon points="([^"]+)"', timeline(LINE))
    assert points is not None
    heights = [float(pair.split(",")[1]) for pair in points[1].split()]
    assert min(heights) == pytest.approx(2, abs=0.5)
    assert max(heights) == pytest.approx(50 + 48 * 0.2 / 0.4, abs=0.5)


def test_who_cannot_see_it_is_told_the_same() -> None:
    said = described(LINE)
    assert "dog <b>: 0:00.0 - 0:01.0, 0:02.0 - 0:03.5" in said
    assert described(replace(LINE, entries=[replace(DOG, spans=())])).endswith("at no time")


def test_nothing_found_leaves_the_waveform_alone() -> None:
    html = timeline(Timeline([], np.zeros((0, 2), np.float32), 3.5, 1.0))
    assert "entries" not in html
    assert 'class="wave"' in html


def test_a_sound_that_comes_all_the_time_does_not_fill_the_page() -> None:
    spans = tuple((float(start), start + 0.5) for start in range(500))
    entry = Entry(1, "", 0.5, np.ones(500, np.float32), spans)
    html = timeline(Timeline([entry], LINE.wave, 500.0, 1.0))
    assert html.count("data-at=") < 50
    assert html.count('class="band"') == 500
    assert len(described(Timeline([entry], LINE.wave, 500.0, 1.0))) < 400


@pytest.mark.parametrize("shape", [(5, 18, 32), (1, 4, 4), (300, 34, 60)])
def test_every_step_has_its_tile_of_heat(tmp_path: Path, shape: tuple[int, int, int]) -> None:
    steps, height, width = shape
    heat = np.zeros(shape, np.float32)
    for step in range(steps):
        heat[step] = (step + 1) / steps
    sheet = draw_sheet(heat, tmp_path / "heat.png")
    picture = cv2.imread(str(sheet.file), cv2.IMREAD_UNCHANGED)
    assert picture.size < 10_000_000
    assert sheet.width_px / sheet.height_px == pytest.approx(width / height, rel=0.1)
    for step in (0, steps // 2, steps - 1):
        top, left = step // sheet.columns * sheet.height_px, step % sheet.columns * sheet.width_px
        tile = picture[top : top + sheet.height_px, left : left + sheet.width_px]
        assert tile.shape[:2] == (sheet.height_px, sheet.width_px)
        assert tile[..., 3] == pytest.approx(200 * (step + 1) / steps, abs=1)


def test_no_heat_is_not_seen(tmp_path: Path) -> None:
    sheet = draw_sheet(np.zeros((2, 4, 4), np.float32), tmp_path / "heat.png")
    assert not cv2.imread(str(sheet.file), cv2.IMREAD_UNCHANGED)[..., 3].any()


def test_the_waveform_is_of_the_clips_own_time(tmp_path: Path) -> None:
    clip = probe(write_clip(tmp_path / "half.mp4", balls(50, 64, 36), sound_s=1.0))
    wave = wave_of(clip, tmp_path)
    loud = np.abs(wave).max(axis=1) > 0.05
    assert loud[: int(0.45 * len(loud))].all()
    assert not loud[int(0.55 * len(loud)) :].any()
    assert len(wave_of(probe(write_clip(tmp_path / "mute.mp4", greys(5, 64, 36))), tmp_path)) == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["half.mp4", "mute.mp4"]


def found_with(masks: dict[int, np.ndarray], pivots: tuple[int, ...]) -> Found:
    """What a run found: source 1 with these masks of 4 x 6 pixels by frame."""
    bits = np.zeros((3, 3), np.uint8)
    for frame, mask in masks.items():
        bits[frame] = np.packbits(mask)
    whole = MaskTrack(6, 4, 3, {1: bits}, {1: np.ones(3, np.float32)}, "made")
    heard = Heard(1, "dog", 0.7, 0.83, ((0.0, 1.0),), pivots)
    located = SimpleNamespace(whole=whole, clip=cast(Clip, "the clip"))
    return cast(Found, SimpleNamespace(report=SimpleNamespace(sources=(heard,)), located=located, clip="the clip"))


def test_a_source_goes_to_another_tab_with_its_masks_on_the_frames_where_it_was_found() -> None:
    mask: Any = np.zeros((4, 6), bool)
    mask[1:3, 2:5] = True
    taken = taken_of(found_with({0: mask, 2: ~mask}, (0, 1, 2)), 1)
    assert not isinstance(taken, str)
    assert (taken.frame, taken.clip) == (0, "the clip")
    assert "dog" in taken.said
    first, second = taken.selection.prompts
    assert [(one.frame, one.object) for one in (first, second)] == [(0, 1), (2, 1)]
    assert np.array_equal(getattr(first, "mask"), mask)  # noqa: B009
    assert np.array_equal(getattr(second, "mask"), ~mask)  # noqa: B009


def test_what_has_no_mask_cannot_be_taken() -> None:
    empty = np.zeros((4, 6), bool)
    for number, pivots in ((1, (0,)), (1, ()), (7, (0,))):
        assert isinstance(taken_of(found_with({0: empty}, pivots), number), str)


def test_names_are_told_apart_by_commas() -> None:
    assert names_in(" dog,  electric guitar ,,") == ("dog", "electric guitar")
    assert names_in("") == ()
