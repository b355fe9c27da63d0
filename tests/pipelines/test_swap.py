"""Swap from file to file: laws, formats, every bad input, and the real recordings."""

import json
import threading
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from avfusion.clip import Box, Drawn, Point
from avfusion.errors import (
    CannotRead,
    CannotWrite,
    MaskCountMismatch,
    MaskSizeMismatch,
    NoPrompt,
    OutputIsInput,
    PromptOutside,
    Stopped,
    UnknownEngine,
    UnknownFormat,
    UsageError,
)
from avfusion.media.probe import probe
from avfusion.media.write import Encoding
from avfusion.pipelines.swap import SwapSettings, swap

LOSSLESS = SwapSettings(edges="hard", encoding=Encoding(quality=0))


def masks_of(folder: Path, masks) -> Path:
    folder.mkdir()
    for index, mask in enumerate(masks):
        Image.fromarray(np.asarray(mask, np.uint8) * 255).save(folder / f"{index:05d}.png")
    return folder


def planes(path):
    return [tuple(plane.copy() for plane in frame.yuv) for frame in probe(path).frames()]


def sound_packets(path):
    with av.open(str(path), metadata_errors="replace") as container:
        if not container.streams.audio:
            return []
        return [(packet.pts * packet.time_base, bytes(packet)) for packet in container.demux(audio=0) if packet.size]


def same_times(first, second):
    a, b = probe(first), probe(second)
    return [a.time(k) for k in range(a.frame_count)] == [b.time(k) for k in range(b.frame_count)]


def test_masks_of_ones_give_the_clip_to_the_bit(made, tmp_path):
    masks = masks_of(tmp_path / "ones", np.ones_like(made.truth))
    for edges in ("hard", "soft"):
        settings = SwapSettings(edges=edges, encoding=Encoding(quality=0))
        swap(made.clip, masks=masks, background=made.picture, out=tmp_path / "out.mp4", settings=settings)
        for before, after in zip(planes(made.clip), planes(tmp_path / "out.mp4"), strict=True):
            assert all(np.array_equal(a, b) for a, b in zip(before, after, strict=True))


def test_masks_of_zeros_give_the_background(made, tmp_path):
    masks = masks_of(tmp_path / "zeros", np.zeros_like(made.truth))
    swap(made.clip, masks=masks, background="#4080c0", out=tmp_path / "out.mp4", settings=LOSSLESS)
    for frame in probe(tmp_path / "out.mp4").frames():
        assert np.abs(frame.rgb.astype(int) - (0x40, 0x80, 0xC0)).max() <= 2


def test_inside_is_the_clip_and_outside_the_picture(made, tmp_path):
    swap(made.clip, masks=made.masks, background=made.picture, out=tmp_path / "out.mp4", settings=LOSSLESS)
    before, after = planes(made.clip), planes(tmp_path / "out.mp4")
    alone = tmp_path / "alone.mp4"
    zeros = masks_of(tmp_path / "zeros", np.zeros_like(made.truth))
    swap(made.clip, masks=zeros, background=made.picture, out=alone, settings=LOSSLESS)
    for mask, clip, out, scene in zip(made.truth, before, after, planes(alone), strict=True):
        assert np.array_equal(out[0], np.where(mask, clip[0], scene[0]))


@pytest.mark.parametrize("background", ["#203040", "blur", "picture", "scene"])
@pytest.mark.parametrize("edges", ["soft", "hard"])
def test_times_and_sound_are_the_sources(made, tmp_path, background, edges):
    behind = {"picture": made.picture, "scene": made.scene}.get(background, background)
    report = swap(
        made.clip, masks=made.masks, background=behind, out=tmp_path / "out.mp4", settings=SwapSettings(edges=edges)
    )
    assert same_times(made.clip, tmp_path / "out.mp4")
    assert sound_packets(made.clip) == sound_packets(tmp_path / "out.mp4")
    assert report.frames == probe(made.clip).frame_count
    json.dumps(report.as_json())


@pytest.mark.parametrize("ending", [".webm", ".mov", ".gif", ".zip", ""])
def test_transparent_keeps_the_mask_as_alpha(made, tmp_path, ending):
    out = tmp_path / f"out{ending}"
    swap(made.clip, masks=made.masks, background="transparent", out=out, settings=SwapSettings(edges="hard"))
    if ending == ".zip":
        import zipfile

        zipfile.ZipFile(out).extractall(tmp_path / "out")
    if ending in (".zip", ""):
        alphas = [np.asarray(Image.open(path))[..., 3] for path in sorted((tmp_path / "out").iterdir())]
    else:
        alphas = [frame.alpha for frame in probe(out).frames()]
    assert len(alphas) == len(made.truth)
    for alpha, mask in zip(alphas, made.truth, strict=True):
        assert ((alpha > 127) == mask).mean() > 0.995


def test_a_clip_with_an_alpha_of_its_own_needs_no_masks(made, tmp_path):
    swap(made.clip, masks=made.masks, background="transparent", out=tmp_path / "cut.mov")
    report = swap(tmp_path / "cut.mov", background="#ff00ff", out=tmp_path / "out.mp4")
    frame = next(probe(tmp_path / "out.mp4").frames())
    assert np.abs(frame.rgb[5, 5].astype(int) - (255, 0, 255)).max() < 12
    assert "alpha" in report.engines["matte"]


def test_the_matte_comes_too(made, tmp_path):
    swap(made.clip, masks=made.masks, background="blur", out=tmp_path / "out.mp4", matte=tmp_path / "matte.mp4")
    for frame, mask in zip(probe(tmp_path / "matte.mp4").frames(), made.truth, strict=True):
        assert ((frame.rgb[..., 1] > 127) == mask).mean() > 0.99
    assert sound_packets(tmp_path / "matte.mp4") == []


def test_a_click_is_enough(made, tmp_path):
    told = []
    report = swap(made.clip, [Point(90, 95)], background="#0000ff", out=tmp_path / "out.mp4", on_progress=told.append)
    inside = total = 0
    for frame, mask in zip(probe(tmp_path / "out.mp4").frames(), made.truth, strict=True):
        kept = frame.rgb[..., 2].astype(int) - frame.rgb[..., 0] < 100
        inside += (kept & mask).sum()
        total += (kept | mask).sum()
    assert inside / total > 0.8
    assert report.engines == {"segmentation": "grabcut", "tracking": "flow"}
    assert list(dict.fromkeys(p.stage for p in told)) == ["shots", "tracking", "rendering"]
    assert told[-1].stage == "rendering"
    assert told[-1].done == told[-1].total == report.frames
    assert any(p.preview is not None for p in told)


def test_later_key_frames_hold_and_reach_back(made, tmp_path):
    """The object is drawn on frame 12 only: the track goes both ways from there."""
    from avfusion.pipelines.track import track

    clip = probe(made.clip)
    found = track(clip, [Drawn(made.truth[12], frame=12)], folder=tmp_path / "track").track
    assert np.array_equal(found.mask(12), made.truth[12])
    for index in (0, 5, 18, 23):
        both = found.mask(index) & made.truth[index]
        assert both.sum() / (found.mask(index) | made.truth[index]).sum() > 0.8


def test_objects_never_overlap_and_the_later_word_counts(made, tmp_path):
    from avfusion.pipelines.track import track

    clip = probe(made.clip)
    left, right = made.truth[0].copy(), made.truth[0].copy()
    left[:, 90:] = False
    right[:, :90] = False
    prompts = [Drawn(left, object=1), Drawn(right, object=2), Drawn(made.truth[16], frame=16, object=2)]
    found = track(clip, prompts, folder=tmp_path / "track").track
    assert np.array_equal(found.mask(0, 1), left)
    assert np.array_equal(found.mask(16, 2), made.truth[16])
    for index in range(clip.frame_count):
        assert not (found.mask(index, 1) & found.mask(index, 2)).any()


@pytest.mark.parametrize("stage", ["matte", "rendering"])
def test_clip_and_matte_come_together_or_not_at_all(made, tmp_path, stage):
    told = []
    with pytest.raises(Stopped):
        swap(
            made.clip, masks=made.masks, background="blur", out=tmp_path / "out.mp4", matte=tmp_path / "matte.mp4",
            on_progress=told.append, should_stop=lambda: any(p.stage == stage and p.done for p in told),
        )  # fmt: skip
    assert list(tmp_path.iterdir()) == []


def test_the_matte_replaces_neither_input_nor_output(made, tmp_path):
    clip = tmp_path / "clip.mp4"
    clip.write_bytes(made.clip.read_bytes())
    with pytest.raises(OutputIsInput):
        swap(clip, masks=made.masks, background="blur", out=tmp_path / "out.mp4", matte=clip)
    with pytest.raises(UsageError, match="file of its own"):
        swap(clip, masks=made.masks, background="blur", out=tmp_path / "out.mp4", matte=tmp_path / "out.mp4")


def test_stopping_leaves_nothing(made, tmp_path):
    told = []
    with pytest.raises(Stopped):
        swap(
            made.clip, masks=made.masks, background="blur", out=tmp_path / "out.mp4",
            on_progress=told.append, should_stop=lambda: bool(told),
        )  # fmt: skip
    assert list(tmp_path.iterdir()) == []
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("avfusion")]


@pytest.mark.parametrize(
    ("wrong", "error", "words"),
    [
        ({}, NoPrompt, "nothing says which object"),
        ({"prompts": [Point(400, 20)]}, PromptOutside, "outside the picture"),
        ({"prompts": [Point(-1, 20)]}, PromptOutside, "outside the picture"),
        ({"prompts": [Point(5, 5, frame=24)]}, PromptOutside, "outside the clip"),
        ({"prompts": [Box(10, 10, 400, 90)]}, PromptOutside, "outside the picture"),
        ({"prompts": [Drawn(np.ones((10, 10), bool))]}, MaskSizeMismatch, "10 x 10"),
        ({"prompts": [Point(90, 95)], "engine": "magic"}, UnknownEngine, "flow"),
        ({"prompts": [Point(90, 95)], "segmenter": "magic"}, UnknownEngine, "grabcut"),
        ({"prompts": [Point(90, 95)], "background": "no.png"}, CannotRead, "no such file"),
        ({"prompts": [Point(90, 95)], "background": "#12"}, UsageError, "not a colour"),
        ({"prompts": [Point(90, 95)], "out": "out.doc"}, UnknownFormat, "ending"),
        ({"prompts": [Point(90, 95)], "out": "no/folder/out.mp4"}, CannotWrite, "does not exist"),
        ({"prompts": [Point(90, 95)], "background": "transparent"}, UsageError, "no transparency"),
    ],
)
def test_bad_requests_are_refused_in_one_line_and_leave_nothing(made, tmp_path, wrong, error, words, monkeypatch):
    monkeypatch.chdir(tmp_path)
    asked = {"prompts": [], "background": "blur", "out": "out.mp4"} | wrong
    with pytest.raises(error, match=words) as caught:
        swap(made.clip, asked.pop("prompts"), **asked)
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_masks_of_another_size_or_number_are_refused(made, tmp_path):
    small = masks_of(tmp_path / "small", [np.ones((90, 160))] * len(made.truth))
    with pytest.raises(MaskSizeMismatch, match="160 x 90"):
        swap(made.clip, masks=small, background="blur", out=tmp_path / "out.mp4")
    few = masks_of(tmp_path / "few", made.truth[:5])
    with pytest.raises(MaskCountMismatch, match="5 mask PNGs"):
        swap(made.clip, masks=few, background="blur", out=tmp_path / "out.mp4")
    assert not (tmp_path / "out.mp4").exists()


@pytest.mark.parametrize("way", ["same name", "symbolic link", "hard link"])
def test_the_output_never_replaces_its_input(made, tmp_path, way):
    clip = tmp_path / "clip.mp4"
    clip.write_bytes(made.clip.read_bytes())
    out = clip
    if way != "same name":
        out = tmp_path / "other.mp4"
        out.symlink_to(clip) if way == "symbolic link" else out.hardlink_to(clip)
    with pytest.raises(OutputIsInput):
        swap(clip, masks=made.masks, background="blur", out=out)
    assert clip.read_bytes() == made.clip.read_bytes()


def test_a_failed_run_keeps_the_old_output(made, tmp_path):
    out = tmp_path / "out.mp4"
    out.write_bytes(b"from before")
    with pytest.raises(Stopped):
        swap(made.clip, masks=made.masks, background="blur", out=out, should_stop=lambda: True)
    assert out.read_bytes() == b"from before"


@pytest.mark.real_data
@pytest.mark.parametrize(
    "name",
    [
        *(pytest.param(name, marks=pytest.mark.proof) for name in ("01_dog.mp4", "04_coffee.mp4", "basketball.mp4")),
        *(pytest.param(name, marks=pytest.mark.proof) for name in ("05_default_juggle.mp4", "talking.mp4")),
        "hard_cuts.mp4", "odd_fps.mp4", "cartwheel_nonutf8_metadata.avi",
    ],
)  # fmt: skip
def test_every_real_clip_keeps_its_times_and_its_sound(shared_data, tmp_path, name):
    source = shared_data / "clips" / name
    clip = probe(source)
    out = tmp_path / "out.mp4"
    swap(
        source, masks=WanderingBox(clip), background=shared_data / "photos" / "cars.jpg", out=out,
        settings=SwapSettings(encoding=Encoding(quality=30, preset="ultrafast")),
    )  # fmt: skip
    assert same_times(source, out)
    assert sound_packets(source) == sound_packets(out)


class WanderingBox:
    """Masks that need no disk: what follows the object is not the question here."""

    engine = "made"

    def __init__(self, clip):
        self.frame_count = clip.frame_count
        self._size = clip.height_px, clip.width_px

    def union(self, frame):
        height, width = self._size
        mask = np.zeros(self._size, bool)
        left = width // 4 + frame % (width // 4)
        mask[height // 5 : height * 4 // 5, left : left + width // 3] = True
        return mask

    def labels(self, frame):
        return self.union(frame).astype(np.uint8)


def test_in_and_out_points(made, tmp_path):
    """The part alone: its frames as in the whole result, shown from 0 s on, its sound with it."""
    common = {"background": "#0000ff", "masks": made.masks}
    swap(made.clip, out=tmp_path / "whole.mp4", **common)
    report = swap(made.clip, out=tmp_path / "part.mp4", span=(6, 18), matte=tmp_path / "matte.mp4", **common)
    part, whole = probe(tmp_path / "part.mp4"), probe(tmp_path / "whole.mp4")
    assert report.frames == part.frame_count == 12
    assert [part.time(k) for k in range(12)] == [whole.time(k) for k in range(12)]
    for mine, other in zip(part.frames(), whole.frames(6, 18), strict=True):
        assert np.abs(mine.rgb.astype(int) - other.rgb).mean() < 3
    assert float(part.sounds[0].duration_s) == pytest.approx(0.5, abs=1 / 44_100)
    for frame, truth in zip(probe(tmp_path / "matte.mp4").frames(), made.truth[6:18], strict=True):
        assert ((frame.rgb[..., 1] > 127) == truth).mean() > 0.99
    tracked = swap(made.clip, [Drawn(made.truth[0])], background="blur", out=tmp_path / "tracked.mp4", span=(6, 18))
    assert tracked.frames == 12
    with pytest.raises(UsageError, match="frames 6 to 30"):
        swap(made.clip, out=tmp_path / "no.mp4", span=(6, 31), **common)


def test_masks_of_a_part_are_for_that_part(made, tmp_path):
    part = tmp_path / "part"
    part.mkdir()
    for index, path in enumerate(sorted(made.masks.iterdir())[6:18]):
        (part / f"{index:05d}.png").write_bytes(path.read_bytes())
    common = {"background": "#0000ff", "settings": LOSSLESS, "span": (6, 18)}
    swap(made.clip, out=tmp_path / "whole.mp4", masks=made.masks, **common)
    swap(made.clip, out=tmp_path / "part.mp4", masks=part, **common)
    for mine, other in zip(probe(tmp_path / "part.mp4").frames(), probe(tmp_path / "whole.mp4").frames(), strict=True):
        assert np.array_equal(mine.rgb, other.rgb)


def test_what_cannot_be_written_is_refused_before_any_work(made, tmp_path):
    (tmp_path / "full.mp4").mkdir()
    told = []
    for out, why in ((tmp_path / "none" / "out.mp4", "does not exist"), (tmp_path / "full.mp4", "is a folder")):
        with pytest.raises(CannotWrite, match=why):
            swap(made.clip, [Point(90, 95)], background="blur", out=out, on_progress=told.append)
    assert told == []
