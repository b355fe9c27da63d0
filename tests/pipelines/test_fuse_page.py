"""The page of a fusion: whole in itself, harmless whatever files are called, small, and true to the run."""

import base64
import io
import re
import shutil
from dataclasses import dataclass
from fractions import Fraction
from html.parser import HTMLParser
from pathlib import Path

import av
import numpy as np
import pytest

from avfusion.clip import Box
from avfusion.media.preview_clip import write_preview
from avfusion.pipelines import fuse_page_pictures
from avfusion.pipelines.convert_voice import VoiceWish
from avfusion.pipelines.fuse import FuseReport, fuse
from tests.pipelines.fusing import FRAMES, HEIGHT, WIDTH, Talking, make

HOSTILE = "<img src=x onerror=alert(1)>\"'&amp;{b}"


@dataclass(frozen=True)
class Paged:
    report: FuseReport
    page: str


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Talking:
    return make(tmp_path_factory.mktemp("talking"))


@pytest.fixture(scope="module")
def paged(made: Talking, tmp_path_factory: pytest.TempPathFactory) -> Paged:
    """Everything at once, and all names hostile."""
    folder = tmp_path_factory.mktemp("paged")
    clip, picture, target = (
        Path(shutil.copy(path, folder / f"{HOSTILE} {path.name}")) for path in (made.clip, made.picture, made.target)
    )
    boxes = [Box(58, 8, 92, 42, object=1), Box(58, 48, 92, 82, object=2), Box(30, 8, 64, 42, frame=14, object=1)]
    (folder / "results").mkdir()
    report = fuse(
        clip, boxes, background=picture, remove=[2], voice=VoiceWish(target=(target,)),
        out=folder / "results" / f"{HOSTILE}.mp4", report=folder / "page.html",
    )  # fmt: skip
    return Paged(report, (folder / "page.html").read_text(encoding="utf-8"))


class Read(HTMLParser):
    """Every element with its attributes, and the text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def test_names_stay_text(paged: Paged) -> None:
    read = Read(paged.page)
    assert f"{HOSTILE} clip.mp4" in read.text
    assert f"{HOSTILE} picture.png" in read.text
    assert f"{HOSTILE} target.wav" in read.text
    assert [name for _, attributes in read.elements for name in attributes if name.startswith("on")] == []
    assert [tag for tag, _ in read.elements if tag in ("b", "img")].count("img") == 6
    assert str(paged.report.out.parent) not in read.text


def test_it_needs_nothing_else(paged: Paged) -> None:
    for tag, attributes in Read(paged.page).elements:
        for name in ("src", "href", "data", "poster", "action"):
            address = attributes.get(name)
            assert address is None or address.startswith("data:") or (tag, name) == ("a", "href"), (tag, address)
    link = next(attributes["href"] for tag, attributes in Read(paged.page).elements if tag == "a")
    assert link is not None
    assert link.startswith("results/%3Cimg")
    assert "url(" not in paged.page
    assert "@import" not in paged.page
    assert paged.page.count("<script>") == 1


def test_both_players_hold_the_clip_with_its_sound(paged: Paged) -> None:
    videos = [attributes["src"] for tag, attributes in Read(paged.page).elements if tag == "video"]
    assert len(videos) == 2
    shown = []
    for address in videos:
        assert address is not None
        held = io.BytesIO(base64.b64decode(address.removeprefix("data:video/mp4;base64,")))
        with av.open(held) as container:
            pictures = list(container.decode(video=0))
        held.seek(0)
        with av.open(held) as container:
            samples = sum(frame.samples for frame in container.decode(audio=0))
        assert (pictures[0].width, pictures[0].height, len(pictures)) == (WIDTH, HEIGHT, FRAMES)
        assert [float(picture.time) for picture in pictures] == pytest.approx([k / 20 for k in range(FRAMES)], abs=1e-4)
        assert samples == pytest.approx(48_000, abs=2_048)
        shown.append(pictures[10].to_ndarray(format="rgb24").astype(int))
    assert np.abs(shown[0] - shown[1]).mean() > 10


def test_it_says_what_was_found(paged: Paged) -> None:
    text = re.sub(r"\s+", " ", Read(paged.page).text)
    for words in (
        "20 of 20, to the tick", f"{paged.report.sync.samples_after:,}, as in the source", "object 1, kept",
        "object 2, removed", "object 2 taken out", "grabcut", "world-knn", "Apache-2.0", "Converting the voice",
        "A machine made this voice", "LUFS", "Pitch, Hz", "nothing had to be filled",
    ):  # fmt: skip
        assert words in text, words
    assert paged.report.page is not None
    assert paged.page.count('class="sure"') == 2
    assert paged.page.count('class="mark"') == 3
    assert f"left:{100 * 14.5 / FRAMES:.2f}%" in paged.page


def test_masks_that_are_given_have_no_timeline(made: Talking, tmp_path: Path) -> None:
    out, page = tmp_path / "frames", tmp_path / "page.html"
    fuse(made.clip, masks=made.masks, background="transparent", out=out, report=page)
    read = Read(page.read_text(encoding="utf-8"))
    assert "How sure" not in read.text
    assert "In sync" not in read.text
    assert [tag for tag, _ in read.elements].count("video") == 1


def test_a_page_stays_small() -> None:
    """What both players can hold, in base64, is bounded by their bits and seconds."""
    pictures_and_sound = (fuse_page_pictures._BITS_A_SECOND + 96_000) / 8 * fuse_page_pictures.LONGEST_S
    assert 2 * pictures_and_sound * 4 / 3 < 8_000_000


def test_a_preview_of_noise_keeps_its_bounds(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (6, 180, 320, 3), np.uint8)
    pictures = ((Fraction(k, 12), noise[k % 6]) for k in range(24))
    write_preview(tmp_path / "noise.mp4", pictures, size_px=(320, 180), seconds=2, bits_a_second=400_000)
    assert (tmp_path / "noise.mp4").stat().st_size < 1.5 * 2 * 400_000 / 8
