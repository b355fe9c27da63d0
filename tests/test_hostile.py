"""What comes from outside and means harm: refused in one line, with nothing read and nothing written elsewhere.

Every string of every endpoint gets paths, addresses and worse, as the endpoint's own description lists them; the files
come through the command line. tests/ui/test_hostile.py goes through a running page.
"""

from __future__ import annotations

import json
import os
import stat
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
import pytest
from PIL import Image

from avfusion.cli import main
from avfusion.errors import AvfusionError, UsageError
from avfusion.jobs.run import run_job
from avfusion.media.digest import digest_of
from avfusion.media.limits import USUAL, Limits, enforce
from avfusion.media.probe import probe
from avfusion.ui.endpoints import ENDPOINTS
from avfusion.ui.endpoints_asked import Asked, File, Files, Json, asked_by, called
from avfusion.ui.endpoints_points import parse_points
from tests.media.test_limits import huge_png, sparse_clip
from tests.ui.making import balls, write_clip

FRAMES, WIDTH, HEIGHT = 6, 96, 64
CLICK = "[[29, 32]]"

# What Python opened, listed, wrote or connected to, while somebody looks. A hook stays as long as the process.
_SEEN: list[str] | None = None
_LOOKED_AT = (
    "open", "os.listdir", "os.scandir", "os.remove", "os.rename", "os.link", "os.chmod", "shutil.", "socket.connect",
    "socket.getaddrinfo", "socket.gethostbyname", "urllib.Request",
)  # fmt: skip


def _look(event: str, arguments: tuple[Any, ...]) -> None:
    if _SEEN is not None and event.startswith(_LOOKED_AT):
        _SEEN.append(f"{event} {arguments[:2]}")


sys.addaudithook(_look)


def tree(folder: Path) -> dict[str, tuple[int, int]]:
    """Every path below: its size and when it was written."""
    return {str(path): (path.lstat().st_size, path.lstat().st_mtime_ns) for path in folder.rglob("*")}


@pytest.fixture(scope="module")
def outside(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that nobody was given, with files that could be used if they were found."""
    folder = tmp_path_factory.mktemp("outside")
    write_clip(folder / "secret.mp4", balls(FRAMES, WIDTH, HEIGHT), sound_s=0.24)
    Image.new("RGB", (WIDTH, HEIGHT), (10, 200, 10)).save(folder / "secret.png")
    return folder


@pytest.fixture
def watched(outside: Path) -> Iterator[list[str]]:
    """What touched that folder, or the network. The folder has to be as it was in the end."""
    global _SEEN
    before, found = tree(outside), []
    _SEEN = []
    yield found
    seen, _SEEN = _SEEN, None
    found += [one for one in seen if str(outside) in one or one.startswith(("socket.", "urllib."))]
    assert found == []
    assert tree(outside) == before


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_clip(tmp_path_factory.mktemp("clip") / "own.mp4", balls(FRAMES, WIDTH, HEIGHT), sound_s=0.24)


# Strings through the endpoints

STRINGS = [
    pytest.param(function, one, id=f"{function.__name__}-{one.name}")
    for function in ENDPOINTS
    for one in asked_by(function)
    if one.kind is str and not isinstance(one.says, File)
]
FILES = [
    pytest.param(function, one, id=f"{function.__name__}-{one.name}")
    for function in ENDPOINTS
    for one in asked_by(function)
    if isinstance(one.says, File | Files)
]


def asked_with(function: Any, own: Path, **changed: Any) -> list[Any]:
    """The values of a call that would work, but for what is changed."""
    usual = {"clip": {"path": str(own)}, "media": {"path": str(own)}, "points": CLICK, "background": "#204060"}
    usual = {**usual, "to_frame": 1, "job": {"path": str(own)}, "files": [{"path": str(own)}]} | changed
    return [usual.get(one.name, None if one.is_required else one.default) for one in asked_by(function)]


def said(function: Any, values: list[Any]) -> str | None:
    """What the caller reads; None where the call works. Anything but a refusal, without a trace, comes through."""
    try:
        for _ in called(function)(*values):
            pass
    except gr.Error as refused:
        if refused.print_exception:
            raise
        return str(refused.message)
    return None


def paths_to(file: Path) -> list[str]:
    return [
        os.path.relpath(file), str(file), f"file://{file}", f"concat:{file}", f"{file}\0.mp4",
        f"http://127.0.0.1:9/{file.name}",
    ]  # fmt: skip


@pytest.mark.parametrize(("function", "one"), STRINGS)
def test_no_string_is_a_way_to_a_file(function: Any, one: Asked, clip: Path, outside: Path, watched: list[str]) -> None:
    unused = 0
    for value in paths_to(outside / "secret.mp4"):
        words = said(function, asked_with(function, clip, **{one.name: value}))
        if words is not None:
            assert "\n" not in words
            assert str(clip.parent) not in words
            assert "Traceback" not in words
        unused += words is None
        if unused == 2:  # this call has no use for it, whatever it says
            break


@pytest.mark.parametrize(("function", "one"), STRINGS)
def test_strings_that_no_user_writes_are_refused(function: Any, one: Asked, clip: Path) -> None:
    bombs = ["[" * 100_000, '{"a":' * 100_000, "x" * 3_000_000, "\0", 7, True, [["x"]], {"path": "/etc/passwd"}]
    for value in bombs:
        words = said(function, asked_with(function, clip, **{one.name: value}))
        is_number = isinstance(one.says, Json) and value == 7  # of one object
        assert words or is_number, value
        assert words is None or ("\n" not in words and len(words) < 400)


@pytest.mark.parametrize(("function", "one"), FILES)
def test_no_word_names_a_file_that_was_not_given(
    function: Any, one: Asked, clip: Path, outside: Path, watched: list[str]
) -> None:
    for value in paths_to(outside / "secret.mp4"):
        values = [value, [value]] if isinstance(one.says, Files) else [value]
        for given in values if "http" not in value else []:  # addresses: in tests/ui/test_hostile.py
            words = said(function, asked_with(function, clip, **{one.name: given}))
            assert words is not None
            assert words.startswith(f"{one.name} is text. Give the file itself")


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000, '{"box":' * 100_000, "[[NaN, 1]]", "[[1e999, 1]]", '[{"x": 1, "y": 1, "frame": 1e999}]',
        '[{"box": [1, 2, 3, Infinity]}]', '[{"scribble": [[1, NaN]]}]', '"' + "x" * 10_000 + '"',
        "[" + ",".join(["[1, 1]"] * 20_000) + "]", "9" * 5_000, '[{"x": {}, "y": []}]', "null", "true",
    ],
    ids=lambda text: text[:24],
)  # fmt: skip
def test_points_that_are_bombs(text: str) -> None:
    with pytest.raises(UsageError, match="points"):
        parse_points(text)


@pytest.mark.parametrize("where", ['"object": -1', '"object": 300', '"frame": -1', '"frame": 1000000000000'])
def test_points_outside_of_everything(where: str, clip: Path) -> None:
    (swap,) = (function for function in ENDPOINTS if function.__name__ == "swap")
    words = said(swap, asked_with(swap, clip, points=f'[{{"x": 29, "y": 32, {where}}}]'))
    assert words
    assert "\n" not in words


# Files, through the command line


def refused_in_one_line(capsys: pytest.CaptureFixture[str], *words: str | Path) -> str:
    status = main([str(word) for word in [*words, "--quiet"]])
    shown = capsys.readouterr()
    lines = shown.err.strip().splitlines()
    assert status in (2, 3), shown
    assert len(lines) == 1, shown
    return lines[0]


@pytest.fixture(scope="module")
def huge(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return huge_png(tmp_path_factory.mktemp("huge") / "huge.png", 50_000)


def test_a_vast_picture_is_refused_wherever_it_comes(
    clip: Path, huge: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    masks = tmp_path / "masks"
    masks.mkdir()
    for frame in range(FRAMES):
        (masks / f"{frame:05d}.png").symlink_to(huge)
    with zipfile.ZipFile(tmp_path / "masks.zip", "w") as archive:
        for frame in range(FRAMES):
            archive.write(huge, f"{frame:05d}.png")
    out = ("--out", tmp_path / "out.mp4")
    swap = ("swap", clip, "--background", "#204060", *out)
    for words in (
        ("swap", huge, "--background", "#204060", "--point", "1,1", *out),
        ("remove", huge, "--point", "1,1", "--out", tmp_path / "out.png"),
        ("segment", huge, "--point", "1,1", "--out", tmp_path / "out.json"),
        ("compare", huge, "--point", "1,1", "--engines", "grabcut", "--out", tmp_path / "report"),
        ("swap", clip, "--background", huge, "--point", "29,32", *out),
        (*swap, "--mask", huge),
        (*swap, "--masks", masks),
        (*swap, "--masks", tmp_path / "masks.zip"),
        ("fuse", clip, "--background", huge, "--point", "29,32", *out),
    ):
        line = refused_in_one_line(capsys, *words)
        assert "pixels" in line or "too large" in line, line
    assert sorted(path.name for path in tmp_path.iterdir()) == ["masks", "masks.zip"]


def test_a_bomb_of_masks_is_refused_unpacked(clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bomb = tmp_path / "bomb.zip"
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        for frame in range(FRAMES):
            archive.writestr(f"{frame:05d}.png", bytes(4 * 2**20))
    assert bomb.stat().st_size < 2**18
    for command in (("swap", clip, "--background", "#204060"), ("remove", clip), ("fuse", clip, "--remove", "1")):
        assert "bomb.zip" in refused_in_one_line(capsys, *command, "--masks", bomb, "--out", tmp_path / "out.mp4")


def test_names_in_an_archive_lead_nowhere(
    clip: Path, outside: Path, watched: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Entries are read and never unpacked: where their names lead does not matter. A link in an archive is no mask."""
    folder = tmp_path / "inner"
    folder.mkdir()
    mask = folder / "mask.png"
    Image.fromarray(np.full((HEIGHT, WIDTH), 255, np.uint8)).save(mask)
    names = [f"../../{outside.name}/{frame:05d}.png" for frame in range(FRAMES - 1)] + [f"{outside}/99999.png"]
    with zipfile.ZipFile(folder / "climbing.zip", "w") as archive:
        for name in names:
            archive.write(mask, name)
    main(["swap", str(clip), "--background", "#204060", "--masks", str(folder / "climbing.zip"), "--quiet",
          "--out", str(folder / "out.mp4")])  # fmt: skip
    assert sorted(path.name for path in tmp_path.rglob("*.png")) == ["mask.png"]
    capsys.readouterr()

    with zipfile.ZipFile(folder / "links.zip", "w") as archive:
        for frame in range(FRAMES):
            entry = zipfile.ZipInfo(f"{frame:05d}.png")
            entry.create_system, entry.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
            archive.writestr(entry, str(outside / "secret.png"))
    words = ("swap", clip, "--background", "#204060", "--masks", folder / "links.zip", "--out", folder / "new.mp4")
    assert "links.zip" in refused_in_one_line(capsys, *words)


def test_a_users_own_links_may_lead_anywhere(clip: Path, tmp_path: Path) -> None:
    """On the command line it is the user who made them, with the user's own rights."""
    masks = tmp_path / "masks"
    masks.mkdir()
    Image.fromarray(np.full((HEIGHT, WIDTH), 255, np.uint8)).save(tmp_path / "mask.png")
    for frame in range(FRAMES):
        (masks / f"{frame:05d}.png").symlink_to(tmp_path / "mask.png")
    words = ["swap", str(clip), "--background", "#204060", "--masks", str(masks), "--quiet"]
    assert main([*words, "--out", str(tmp_path / "out.mp4")]) == 0
    assert probe(tmp_path / "out.mp4").frame_count == FRAMES


def test_ten_hours_are_refused_by_each_endpoint(clip: Path, tmp_path: Path) -> None:
    long = {"path": str(sparse_clip(tmp_path / "long.mp4", hours=10))}
    enforce(Limits(seconds=600))
    try:
        for function in ENDPOINTS[:-1]:  # /replay has what its job has
            words = said(function, asked_with(function, clip, clip=long, media=long, target=[{"path": str(clip)}]))
            assert words is not None
            assert words.startswith("long.mp4: "), words
            assert "\n" not in words
    finally:
        enforce(USUAL)


# Job files


def job_text(clip: Path, path: str, **changed: Any) -> str:
    entry = {"path": path, "sha256": digest_of(clip)}
    plain = {
        "avfusion_job": 1, "verb": "swap", "inputs": {"clip": entry}, "options": {"background": "#204060"},
        "prompts": [{"kind": "point", "x": 29, "y": 32}], "out": "out.mp4",
    }  # fmt: skip
    return json.dumps(plain | changed)


def test_a_job_file_reaches_its_own_folder_alone(
    outside: Path, watched: list[str], tmp_path: Path, own_home: Path
) -> None:
    folder = tmp_path / "job"
    folder.mkdir()
    (folder / "link.mp4").symlink_to(outside / "secret.mp4")
    (folder / "up").symlink_to(outside)
    secret, job = outside / "secret.mp4", folder / "job.json"
    sha256 = "0" * 64
    reaching = [
        *paths_to(secret), "link.mp4", "up/secret.mp4", "up/../up/secret.mp4", "./../x", "~/secret.mp4",
        "\\\\host\\share\\secret.mp4", "C:\\secret.mp4", "", ".", "x" * 10_000,
    ]  # fmt: skip
    for path in reaching:
        job.write_text(json.dumps({
            "avfusion_job": 1, "verb": "swap", "inputs": {"clip": {"path": path, "sha256": sha256}},
            "options": {"background": "#204060"}, "out": "out.mp4",
        }))  # fmt: skip
        with pytest.raises(AvfusionError) as caught:
            run_job(job)
        assert "\n" not in str(caught.value)
    assert sorted(path.name for path in folder.iterdir()) == ["job.json", "link.mp4", "up"]


def test_a_job_file_writes_beside_itself_alone(clip: Path, tmp_path: Path) -> None:
    folder = tmp_path / "job"
    folder.mkdir()
    (folder / "own.mp4").write_bytes(clip.read_bytes())
    job = folder / "job.json"
    names = ("../out.mp4", str(tmp_path / "out.mp4"), "a/out.mp4", "..", "", "out\0.mp4", "x" * 5000)
    outs = [{"out": name} for name in names] + [{"also": {"matte": name}} for name in names]
    words = [{"options": {"background": name}} for name in (str(clip), os.path.relpath(clip), "own.mp4", "file")]
    for changed in [*outs, *words, *({"verb": "fuse", **word} for word in words)]:
        job.write_text(job_text(clip, "own.mp4", **changed))
        with pytest.raises(AvfusionError) as caught:
            run_job(job)
        assert "\n" not in str(caught.value)
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["job", "job.json", "own.mp4"]
