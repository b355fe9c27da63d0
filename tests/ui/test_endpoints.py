"""/swap, /segment, /compare, /remove, /voice and /fuse as programs call them."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from PIL import Image

from avfusion.clip import Box, Point, Scribble, Sounding, Words
from avfusion.errors import UsageError
from avfusion.media.write_sound import write_sound
from avfusion.ui.endpoints_points import parse_points
from tests.ui.conftest import Server
from tests.ui.making import BALL_RGB, ball_at
from tests.voice.talking import LOW, talk

CLICK = json.dumps([[96, 90]])


@pytest.fixture(scope="module")
def client(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    started = Client(server.address, verbose=False, download_files=str(tmp_path_factory.mktemp("downloads")))
    yield started
    started.close()


def test_swap_returns_a_file_and_a_report(client: Client, clips: Path) -> None:
    file, report = client.predict(
        clip=handle_file(clips / "rolling.mp4"), points=CLICK, background="#204060", format="mp4", api_name="/swap"
    )
    with av.open(file) as container:
        assert container.streams.audio
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    assert len(frames) == report["frames"] == 24
    assert abs(frames[0][5, 5].astype(int) - (0x20, 0x40, 0x60)).max() < 8
    assert report["engines"] == {"segmentation": "grabcut", "tracking": "flow"}
    assert report["out"] == "swapped.mp4"


def test_swap_takes_a_file_as_background(client: Client, clips: Path) -> None:
    file, report = client.predict(
        clip=handle_file(clips / "rolling.mp4"), points=CLICK, background="file",
        background_file=handle_file(clips / "greys.mp4"), format="webm", api_name="/swap",
    )  # fmt: skip
    with av.open(file) as container:
        first = next(container.decode(video=0)).to_ndarray(format="rgb24")
    assert abs(first[5, 5].astype(int) - 40).max() < 8
    assert report["frames"] == 24


def test_segment_returns_masks(client: Client, clips: Path) -> None:
    box = json.dumps([{"box": [45, 40, 145, 140]}])
    file, _ = client.predict(clip=handle_file(clips / "rolling.mp4"), points=box, format="json", api_name="/segment")
    assert len(json.loads(Path(file).read_text())["images"]) == 24


def test_compare_returns_a_page_and_what_each_engine_said(client: Client, clips: Path) -> None:
    file, report = client.predict(
        clip=handle_file(clips / "rolling.mp4"), points='[{"x": 96, "y": 90, "frame": 3}]', frame=3,
        engines="grabcut, sam-vit-b", api_name="/compare",
    )  # fmt: skip
    assert "grabcut" in Path(file).read_text()
    there, missing = report["answers"]
    assert (there["engine"], there["problem"]) == ("grabcut", "")
    assert missing["engine"] == "sam-vit-b"
    assert "needs a download" in missing["problem"]
    assert report["iou"] == [[1.0]]


def test_compare_takes_the_trackers_that_are_named(client: Client, clips: Path) -> None:
    file, report = client.predict(
        clip=handle_file(clips / "rolling.mp4"), points=CLICK, engines="flow", whole_clip=True, format="zip",
        api_name="/compare",
    )  # fmt: skip
    with zipfile.ZipFile(file) as archive:
        assert {"comparison.json", "comparison.csv", "side-by-side.mp4"} <= set(archive.namelist())
    assert report["frames"] == [0, 24]
    assert report["answers"][0]["frames_per_s"] > 0


def test_remove_returns_the_clip_without_the_object(client: Client, clips: Path) -> None:
    file, report = client.predict(clip=handle_file(clips / "rolling.mp4"), points=CLICK, api_name="/remove")
    with av.open(file) as container:
        assert container.streams.audio
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    assert len(frames) == report["frames"] == 24
    x, y = ball_at(0, 24, 320, 180)
    assert abs(frames[0][y, x].astype(int) - BALL_RGB).max() > 60
    assert report["engines"]["inpainting"] == "flow-fill"
    assert report["seen_share"] + report["invented_share"] == pytest.approx(1)
    assert report["out"] == "removed.mp4"


def test_remove_takes_a_picture_with_its_mask_and_refuses_words(client: Client, tmp_path: Path) -> None:
    picture, mask = np.full((60, 80, 3), 90, np.uint8), np.zeros((60, 80), np.uint8)
    picture[20:30, 20:40], mask[18:32, 18:42] = (250, 30, 30), 255
    for name, pixels in (("spot.png", picture), ("mask.png", mask)):
        Image.fromarray(pixels).save(tmp_path / name)
    asked = {"clip": handle_file(tmp_path / "spot.png"), "masks": handle_file(tmp_path / "mask.png"), "engine": "telea"}
    file, report = client.predict(**asked, grow_px=0, api_name="/remove")
    filled = np.asarray(Image.open(file).convert("RGB"))
    assert abs(filled.astype(int) - 90).max() <= 2
    assert (report["engines"]["inpainting"], report["out"]) == ("telea", "removed.png")
    with pytest.raises(AppError, match="telea takes no words"):
        client.predict(**asked, words="a bench", api_name="/remove")
    with pytest.raises(AppError, match="strength 7: give a number"):
        client.predict(**asked, strength=7, api_name="/remove")


def test_remove_speaks_to_programs(client: Client, clips: Path) -> None:
    clip = handle_file(clips / "rolling.mp4")
    with pytest.raises(AppError, match=r"Give points, or masks\.$"):
        client.predict(clip=clip, api_name="/remove")
    with pytest.raises(AppError, match=r"^rolling.mp4: jpg holds one picture.*Give the format mp4"):
        client.predict(clip=clip, points=CLICK, format="jpg", api_name="/remove")


def test_masks_of_one_run_serve_another_and_points_need_not_be_text(client: Client, clips: Path) -> None:
    clip = handle_file(clips / "rolling.mp4")
    part = {"clip": clip, "from_frame": 4, "to_frame": 7}
    masks, report = client.predict(**part, points=[{"x": 96, "y": 90, "frame": 4}], format="zip", api_name="/segment")
    assert (report["frames"], report["out"]) == (4, "masks.zip")
    with zipfile.ZipFile(masks) as archive:
        assert archive.namelist() == ["00000.png", "00001.png", "00002.png", "00003.png"]
    asked = {**part, "masks": handle_file(masks), "background": "#204060", "edges": "hard"}
    file, report = client.predict(**asked, api_name="/swap")
    assert (report["frames"], report["engines"]) == (4, {"tracking": "given"})
    with av.open(file) as container:
        first = next(container.decode(video=0)).to_ndarray(format="rgb24")
    assert abs(first[5, 5].astype(int) - (0x20, 0x40, 0x60)).max() < 8
    with pytest.raises(AppError, match="Give points or masks, not both"):
        client.predict(**asked, points=CLICK, api_name="/swap")


def test_remove_gives_a_map_and_parts_and_single_frames(client: Client, clips: Path) -> None:
    clip = handle_file(clips / "rolling.mp4")
    part = {"clip": clip, "points": [{"x": 96, "y": 90, "frame": 0}], "from_frame": 0}
    file, report = client.predict(**part, to_frame=2, map=True, api_name="/remove")
    with zipfile.ZipFile(file) as archive:
        assert archive.namelist() == ["removed.mp4", "map.mp4"]
    assert (report["frames"], report["out"], report["map_out"]) == (3, "removed-with-map.zip", "map.mp4")
    file, report = client.predict(**part, to_frame=0, api_name="/remove")
    assert (report["frames"], report["out"]) == (1, "removed.mp4")
    file, report = client.predict(**part, to_frame=0, format="jpg", api_name="/remove")
    with Image.open(file) as picture:
        assert picture.size == (320, 180)


def test_fuse_returns_all_of_it_in_step(client: Client, clips: Path, tmp_path: Path) -> None:
    low = tmp_path / "low.wav"
    sound = talk(LOW, 6)[None].astype(np.float32)
    write_sound(low, [sound], rate_hz=16_000, channels=1, count=sound.shape[1], tags={})
    asked = {"clip": handle_file(clips / "rolling.mp4"), "points": CLICK, "background": "#204060"}
    file, report = client.predict(**asked, target=handle_file(low), to_frame=11, api_name="/fuse")
    assert report["changed"] == ["background", "voice"]
    assert report["sync"]["times_identical"]
    assert report["sync"]["samples_equal"]
    assert (report["frames"], report["out"]) == (12, "fused.mp4")
    with av.open(file) as container:
        assert "AI-converted" in container.metadata["comment"]
    with pytest.raises(AppError, match="remove is 'two'"):
        client.predict(**asked, remove="two", api_name="/fuse")
    with pytest.raises(AppError, match="Nothing is to be changed"):
        client.predict(clip=asked["clip"], api_name="/fuse")


def test_voice_returns_the_clip_with_its_pictures(client: Client, clips: Path, tmp_path: Path) -> None:
    rate_hz, low = 16_000, tmp_path / "low.wav"
    sound = talk(LOW, 6)[None].astype(np.float32)
    write_sound(low, [sound], rate_hz=rate_hz, channels=1, count=sound.shape[1], tags={})
    rolling = handle_file(clips / "rolling.mp4")
    file, report = client.predict(media=rolling, target=handle_file(low), format="mp4", api_name="/voice")
    packets = []
    for path in (file, clips / "rolling.mp4"):
        with av.open(str(path)) as container:
            packets.append([bytes(packet) for packet in container.demux(video=0)])
    assert packets[0] == packets[1]
    assert report["engines"] == {"voice": "world-knn"}
    assert (report["samples"], report["out"]) == (round(0.96 * 48_000), "voice.mp4")

    with pytest.raises(AppError, match="Nobody says whose voice"):
        client.predict(media=rolling, api_name="/voice")
    for name, value in (("semitones", "abc"), ("only_speaker", 1.5), ("only_speaker", "x")):
        with pytest.raises(AppError, match=f"{name} is '?{value}"):
            client.predict(media=rolling, target=[handle_file(low)], **{name: value}, api_name="/voice")
    with pytest.raises(AppError, match=r"^low.wav: cannot be read as a model file|^low.wav: refused"):
        client.predict(media=rolling, model=[handle_file(low)], api_name="/voice")


def test_an_engine_that_is_not_there_is_refused_at_once(client: Client, clips: Path) -> None:
    for engines, words in (("sam-vit-b", "sam-vit-b: needs a download of 375 MB"), ("sam-vit-x", "Did you mean")):
        with pytest.raises(AppError, match=words):
            client.predict(clip=handle_file(clips / "rolling.mp4"), points=CLICK, engines=engines, api_name="/compare")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"points": "here"}, "points cannot be read"),
        ({"points": ""}, "Nothing says which object"),
        ({"points": "[[5000, 2]]"}, "outside the picture"),
        ({"background": "/etc/hostname"}, "no such background"),
        ({"background": "file"}, "There is no background"),
        ({"background": "transparent"}, "no transparency"),
    ],
)
def test_what_cannot_be_done_is_said_in_words(client: Client, clips: Path, change: dict[str, str], words: str) -> None:
    request = {"points": CLICK, "background": "blur", "format": "mp4"} | change
    with pytest.raises(AppError, match=words) as caught:
        client.predict(clip=handle_file(clips / "rolling.mp4"), **request, api_name="/swap")
    assert str(clips) not in str(caught.value)
    assert "/gradio/" not in str(caught.value)


def test_only_they_are_public(client: Client) -> None:
    assert set(client.view_api(return_format="dict", print_info=False)["named_endpoints"]) == {
        "/swap",
        "/segment",
        "/compare",
        "/remove",
        "/voice",
        "/fuse",
        "/locate",
        "/replay",
    }


@pytest.mark.parametrize(
    ("text", "prompts"),
    [
        ("", ()),
        ("[[3, 4]]", (Point(3, 4),)),
        ('[{"x": 3, "y": 4.5, "keep": false, "frame": 7, "object": 2}]', (Point(3, 4.5, False, 7, 2),)),
        ('[{"scribble": [[1, 2], [3, 4.5]], "frame": 3}]', (Scribble(((1, 2), (3, 4.5)), frame=3),)),
        ('[{"scribble": [[1, 2]], "keep": false, "object": 2}]', (Scribble(((1, 2),), keep=False, object=2),)),
        ('[{"words": "a dog", "frame": 2}]', (Words("a dog", 2),)),
        ('[{"sounding": true}, {"sounding": true, "frame": 9, "object": 2}]', (Sounding(), Sounding(9, 2))),
        ('[{"box": [1, 2, 3, 4], "frame": 5}, [6, 7]]', (Box(1, 2, 3, 4, 5), Point(6, 7))),
    ],
)
def test_points_are_read(text: str, prompts: tuple[object, ...]) -> None:
    assert parse_points(text) == prompts


@pytest.mark.parametrize(
    "text",
    [
        "here", "3", "[3, 4]", '[{"x": 3}]', '[{"box": [1, 2, 3]}]', "[[1, 2, 3]]", '["ab"]', '[{"scribble": []}]',
        '[{"scribble": [1, 2]}]',
    ],
)  # fmt: skip
def test_points_that_cannot_be_read(text: str) -> None:
    with pytest.raises(UsageError, match="JSON"):
        parse_points(text)
