"""Any frame, in any order, upright and in its right colours: as ffmpeg shows it."""

import gc
import os
import threading
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from avfusion.clip import Clip, Frame
from avfusion.media.probe import DAMAGED, probe
from avfusion.media.read import preview, shown_ticks
from avfusion.media.tonemap import tone_mapped
from tests.media.making import coded, ffmpeg, grey, rgb_by_ffmpeg, source

X264 = ("-c:v", "libx264", "-pix_fmt", "yuv420p")

GROUPS = {
    "long.mp4": (*source(rate="30", seconds=3), *X264, "-g", "300", "-bf", "3"),
    "short.mp4": (*source(rate="30", seconds=3), *X264, "-g", "12", "-bf", "2"),
    "open.mp4": (*source(rate="30", seconds=3), *X264, "-x264-params", "open-gop=1:keyint=15:bframes=3:b-adapt=0"),
    "refresh.mp4": (*source(rate="30", seconds=3), *X264, "-x264-params", "intra-refresh=1:keyint=20"),
    "open265.mp4": (
        *source(rate="30", seconds=3), "-c:v", "libx265", "-pix_fmt", "yuv420p", "-x265-params",
        "log-level=error:open-gop=1:keyint=15:bframes=4:b-adapt=0",
    ),
    "vp9.webm": (*source(rate="30", seconds=3), "-c:v", "libvpx-vp9", "-g", "20", "-deadline", "realtime"),
    "vp8.webm": (
        *source(rate="30", seconds=3), "-c:v", "libvpx", "-g", "20", "-auto-alt-ref", "1", "-lag-in-frames", "8",
    ),
    "av1.mp4": (*source(rate="30", seconds=2), "-c:v", "libaom-av1", "-cpu-used", "8", "-usage", "realtime"),
    "late.mkv": (*source(rate="30", seconds=2), *X264, "-g", "15", "-output_ts_offset", "5.5"),
    "ts.ts": (*source(rate="30", seconds=2), *X264, "-g", "15", "-bf", "2"),
    "mpeg2.ts": (*source(rate="30", seconds=2), "-c:v", "mpeg2video", "-bf", "2"),
    "xvid.avi": (*source(rate="30", seconds=2), "-c:v", "mpeg4", "-bf", "2"),
    "h264.avi": (*source(rate="30", seconds=2), *X264, "-bf", "2"),
    "raw.y4m": (*source(rate="30", seconds=1), "-pix_fmt", "yuv420p"),
    "flv.flv": (*source(rate="30", seconds=1), *X264),
    "mjpeg.mov": (*source(rate="30", seconds=1), "-c:v", "mjpeg"),
}  # fmt: skip


def threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("avfusion-")]


def open_files(path: Path) -> int:
    links = [Path("/proc/self/fd") / name for name in os.listdir("/proc/self/fd")]
    return sum(link.exists() and link.resolve() == path.resolve() for link in links)


def luma(clip: Clip, start: int, stop: int | None, *, backwards: bool = False) -> dict[int, Any]:
    frames = list(clip.frames(start, stop, backwards=backwards))
    assert not any(frame.held for frame in frames)
    assert [frame.time for frame in frames] == [clip.time(frame.index) for frame in frames]
    order = [frame.index for frame in frames]
    assert order == sorted(order, reverse=backwards)
    return {frame.index: frame.yuv[0].copy() for frame in frames}


@pytest.mark.parametrize("name", GROUPS)
def test_any_frame_in_any_order(made: Callable[..., Path], name: str) -> None:
    path = made(name, *GROUPS[name])
    clip = probe(path)
    assert clip.frame_count == {"3": 90, "2": 60, "1": 30}[GROUPS[name][3].split("d=")[1][0]]
    assert clip.fps == 30
    assert DAMAGED not in clip.notes
    wanted = luma(clip, 0, None)
    by_ffmpeg = rgb_by_ffmpeg(path, clip.width_px, clip.height_px)
    assert len(by_ffmpeg) == clip.frame_count
    for frame in clip.frames():
        assert np.abs(frame.rgb.astype(int) - by_ffmpeg[frame.index]).max() <= 3

    last = clip.frame_count
    for start, stop in [(1, 3), (14, 17), (last // 2, last // 2 + 4), (last - 2, last), (last - 1, last + 50), (-5, 2)]:
        found = luma(clip, start, stop)
        assert sorted(found) == list(range(max(0, start), min(stop, last)))
        for index, plane in found.items():
            np.testing.assert_array_equal(plane, wanted[index])
    for index, plane in luma(clip, last // 3, last, backwards=True).items():
        np.testing.assert_array_equal(plane, wanted[index])
    assert list(clip.frames(last, last + 3)) == []
    assert list(clip.frames(5, 5)) == []


def test_backwards_no_more_is_held_of_a_long_clip_than_of_a_short_one(tmp_path: Path) -> None:
    path = tmp_path / "small.mp4"
    ffmpeg("-f", "lavfi", "-i", "testsrc=size=64x48:rate=30:duration=10", *X264, "-g", "300", path)
    clip = probe(path)
    wanted = luma(clip, 0, None)
    held, seen = 0, []
    for frame in clip.frames(backwards=True):
        if frame.index % 50 == 0:
            held = max(held, sum(type(one) is Frame for one in gc.get_objects()))
        np.testing.assert_array_equal(frame.yuv[0], wanted[frame.index])
        seen.append(frame.index)
    assert seen == list(range(299, -1, -1))
    assert held < 110


@pytest.mark.parametrize("name", ["long.mp4", "xvid.avi"])
def test_leaving_early_leaves_nothing(made: Callable[..., Path], name: str) -> None:
    clip = probe(made(name, *GROUPS[name]))
    frames = clip.frames(10)
    next(frames)
    assert threads() == ["avfusion-ahead"]
    frames.close()  # type: ignore[attr-defined]
    assert threads() == []
    assert open_files(clip.path) == 0

    for frame in clip.frames():
        if frame.index == 3:
            break
    del frame
    gc.collect()
    assert threads() == []
    assert open_files(clip.path) == 0

    list(clip.frames(0, 2))
    assert (threads(), open_files(clip.path)) == ([], 0)


def test_two_iterators_do_not_disturb_each_other(made: Callable[..., Path]) -> None:
    clip = probe(made("short.mp4", *GROUPS["short.mp4"]))
    for ahead, behind in zip(clip.frames(20, 40), clip.frames(0, 20), strict=True):
        assert ahead.index == behind.index + 20
        assert not np.array_equal(ahead.yuv[0], behind.yuv[0])
        assert ahead.rgb.shape == behind.rgb.shape


@pytest.mark.parametrize(("stored", "shown_size"), [(0, (96, 64)), (90, (64, 96)), (180, (96, 64)), (270, (64, 96))])
def test_rotation(tmp_path: Path, made: Callable[..., Path], stored: int, shown_size: tuple[int, int]) -> None:
    plain = made("plain.mp4", *source(), *X264, "-vf", "setsar=4/3")
    path = tmp_path / "turned.mp4"
    ffmpeg("-i", plain, "-c", "copy", "-metadata:s:v", f"rotate={stored}", path)
    clip = probe(path)
    assert (clip.width_px, clip.height_px) == shown_size
    assert clip.pixel_aspect == (Fraction(3, 4) if stored % 180 else Fraction(4, 3))
    wanted = rgb_by_ffmpeg(path, *shown_size)
    for frame in clip.frames():
        assert np.abs(frame.rgb.astype(int) - wanted[frame.index]).max() <= 3
        y, u, v = frame.yuv
        assert y.shape == shown_size[::-1]
        assert u.shape == v.shape == (shown_size[1] // 2, shown_size[0] // 2)


# Colours


def colours(name: str, *arguments: str) -> Any:
    return pytest.param(name, arguments, id=name)


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        colours("sd_untagged.mp4", *X264),
        colours("hd_tagged.mp4", *X264, "-vf", "scale=out_color_matrix=bt709", "-colorspace", "bt709"),
        colours("full.mp4", "-c:v", "libx264", "-pix_fmt", "yuvj420p"),
        colours("full709.mp4", *X264, "-vf", "scale=out_color_matrix=bt709:out_range=pc", "-colorspace", "bt709",
                "-color_range", "pc"),
        colours("yuv422.mp4", "-c:v", "libx264", "-pix_fmt", "yuv422p"),
        colours("yuv444.mp4", "-c:v", "libx264", "-pix_fmt", "yuv444p"),
        colours("ten_bits.mp4", "-c:v", "libx264", "-pix_fmt", "yuv420p10le"),
        colours("ten_bits.mkv", "-c:v", "ffv1", "-pix_fmt", "yuv422p10le"),
        colours("rgb.mkv", "-c:v", "ffv1", "-pix_fmt", "bgr0"),
        colours("planar_rgb.mp4", "-c:v", "libx264rgb", "-pix_fmt", "rgb24", "-qp", "0"),
        colours("grey.mp4", "-c:v", "libx264", "-pix_fmt", "gray"),
        colours("grey.mkv", "-c:v", "ffv1", "-pix_fmt", "gray"),
        colours("palette.mov", "-c:v", "qtrle", "-pix_fmt", "rgb24"),
        colours("prores.mov", "-c:v", "prores_ks", "-pix_fmt", "yuv422p10le"),
        colours("mjpeg.avi", "-c:v", "mjpeg", "-pix_fmt", "yuvj422p"),
    ],
)  # fmt: skip
def test_colours_are_those_of_ffmpeg(made: Callable[..., Path], name: str, arguments: tuple[str, ...]) -> None:
    path = made(f"colour-{name}", "-f", "lavfi", "-i", "gradients=s=96x64:r=25:d=0.2:seed=5", *arguments)
    clip = probe(path)
    assert clip.bit_depth == (10 if "ten" in name or "prores" in name else 8)
    assert any("10-bit" in note for note in clip.notes) == (clip.bit_depth == 10)
    wanted = rgb_by_ffmpeg(path, 96, 64)
    for frame in clip.frames():
        error = np.abs(frame.rgb.astype(int) - wanted[frame.index])
        assert error.max() <= (8 if clip.bit_depth == 10 else 3)  # ffmpeg rounds deep colour more coarsely
        assert error.mean() < 0.8
        assert error.mean(axis=(0, 1)).max() < (1.6 if clip.bit_depth == 10 else 1.1)
        again = next(clip.frames()).yuv
        assert [plane.shape for plane in again] == [(64, 96), (32, 48), (32, 48)]


@pytest.mark.parametrize(("size", "matrix"), [("640x480", "smpte170m"), ("1280x720", "bt709")])
def test_untagged_video_has_the_matrix_of_its_size(made: Callable[..., Path], size: str, matrix: str) -> None:
    red = ("-f", "lavfi", "-i", f"color=0xc81e32:s={size}:r=25:d=0.04")
    path = made(f"red{size}.mp4", *red, "-vf", f"scale=out_color_matrix={matrix}", *X264, "-crf", "1")
    clip = probe(path)
    assert clip.colour.matrix == 2
    middle = next(clip.frames()).rgb[100, 100].astype(int)
    assert np.abs(middle - (0xC8, 0x1E, 0x32)).max() <= 5  # with the other matrix green is off by 16 and more


def test_ten_bits_differ_by_one_code(made: Callable[..., Path]) -> None:
    """A ramp through all codes: no more than rounding separates us from ffmpeg."""
    ramp = "nullsrc=s=256x64:r=25:d=0.08,format=yuv420p10le,geq=lum='64+X*3.4':cb=512:cr=512"
    path = made("ramp10.mkv", "-f", "lavfi", "-i", ramp, "-c:v", "ffv1", "-pix_fmt", "yuv420p10le")
    clip = probe(path)
    wanted = rgb_by_ffmpeg(path, 256, 64)
    assert np.abs(next(clip.frames()).rgb.astype(int) - wanted[0]).max() <= 1


def test_a_change_of_size_on_the_way_is_scaled_back(tmp_path: Path, made: Callable[..., Path]) -> None:
    small = made("small.ts", *source("96x64"), *X264)
    large = made("large.ts", *source("128x96"), *X264, "-output_ts_offset", "1")
    (tmp_path / "both.ts").write_bytes(small.read_bytes() + large.read_bytes())
    clip = probe(tmp_path / "both.ts")
    assert (clip.width_px, clip.height_px) == (96, 64)
    shapes = {frame.rgb.shape for frame in clip.frames()} | {frame.yuv[0].shape for frame in clip.frames()}
    assert shapes == {(64, 96, 3), (64, 96)}
    assert clip.frame_count >= 48


# HDR


def hdr(path: Path, transfer: str, values: list[tuple[int, int, int]]) -> Clip:
    """One frame of 16-pixel columns: 10-bit Y, U, V of limited range, BT.2020."""
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream("libx265", rate=25)
        stream.width, stream.height, stream.pix_fmt = 16 * len(values), 64, "yuv444p10le"
        context = stream.codec_context
        context.options = {"x265-params": "lossless=1:log-level=none:bframes=0:frame-threads=1:pools=none"}
        context.color_primaries, context.colorspace, context.color_range = 9, 9, 1
        context.color_trc = {"pq": 16, "hlg": 18}[transfer]
        frame = av.VideoFrame(stream.width, 64, "yuv444p10le")
        frame.pts, frame.time_base = 0, Fraction(1, 25)
        for channel, plane in enumerate(frame.planes):
            row = np.repeat(np.array([value[channel] for value in values], "<u2"), 16)
            padded = np.zeros((64, plane.line_size // 2), "<u2")
            padded[:, : len(row)] = row
            plane.update(padded.tobytes())
        for packet in (*stream.encode(frame), *stream.encode(None)):
            packet.pts = packet.dts = 0  # x265 now and then returns a packet without a time
            container.mux(packet)
    return probe(path)


def pq_code(nits: float) -> int:
    """10-bit limited-range code of a light by SMPTE ST 2084."""
    y = (nits / 10_000) ** (2610 / 16384)
    signal = ((3424 / 4096 + 2413 / 128 * y) / (1 + 2392 / 128 * y)) ** (2523 / 32)
    return round(64 + 876 * signal)


def columns(clip: Clip) -> np.ndarray:
    return next(clip.frames()).rgb[32, 8::16].astype(int)


@pytest.mark.parametrize("transfer", ["pq", "hlg"])
def test_hdr_greys_stay_grey_and_in_order(tmp_path: Path, transfer: str) -> None:
    clip = hdr(tmp_path / "hdr.mkv", transfer, [(code, 512, 512) for code in range(64, 941, 73)])
    assert any("HDR" in note for note in clip.notes)
    assert clip.colour == type(clip.colour)(matrix=1, full_range=False, primaries=1, transfer=1)
    found = columns(clip)
    assert np.abs(found - found[:, :1]).max() <= 1
    assert np.all(np.diff(found[:, 1]) >= 0)
    assert found[0].max() <= 1
    assert found[-1].min() >= 254


def test_hdr_light_lands_where_it_is_documented(tmp_path: Path) -> None:
    """Up to the knee (0.75 of 203 cd/m2) light stays what it is; above, it rolls off and stays below white."""
    nits = [20.3, 50.0, 101.5, 150.0, 203.0, 500.0, 1000.0, 4000.0]
    found = columns(hdr(tmp_path / "hdr.mkv", "pq", [(pq_code(value), 512, 512) for value in nits]))[:, 1]
    light = np.where(found / 255 <= 0.04045, found / 255 / 12.92, ((found / 255 + 0.055) / 1.055) ** 2.4)
    np.testing.assert_allclose(light[:4], np.array(nits[:4]) / 203, rtol=0.03)
    assert 0.80 < light[4] < 0.93
    assert light[4] < light[5] < light[6]
    assert found[6] >= 254
    assert found[7] == 255


def test_hdr_is_like_ffmpegs(tmp_path: Path) -> None:
    """Against zscale and another curve of tone mapping: the same picture, hue by hue, below the knee."""
    values = [(pq_code(nits), 512 + du, 512 + dv) for nits in (10, 30, 50) for du, dv in ((0, 0), (-20, 30), (30, -15))]
    clip = hdr(tmp_path / "hdr.mkv", "pq", values)
    chain = (
        "zscale=t=linear:npl=203,format=gbrpf32le,zscale=p=bt709,tonemap=clip,zscale=t=iec61966-2-1:m=gbr,format=gbrp"
    )
    wanted = rgb_by_ffmpeg(clip.path, clip.width_px, 64, filters=chain)[0][32, 8::16].astype(int)
    assert np.abs(columns(clip) - wanted).max() <= 8


def test_tone_mapping_of_a_real_frame_keeps_its_shape(tmp_path: Path) -> None:
    clip = hdr(tmp_path / "hdr.mkv", "hlg", [(400, 480, 560)] * 3)
    with av.open(str(clip.path)) as container:
        assert tone_mapped(next(container.decode(video=0))).shape == (64, 48, 3)
    planes = next(clip.frames()).yuv
    assert [plane.shape for plane in planes] == [(64, 48), (32, 24), (32, 24)]


# Times and previews


def test_a_frame_is_what_its_index_says(tmp_path: Path) -> None:
    ticks = [0, 3, 4, 9, 30, 31, 33, 60]
    coded(tmp_path / "vfr.mkv", ticks, time_base=Fraction(1, 1000), last=5)
    clip = probe(tmp_path / "vfr.mkv")
    for index in [7, 0, 5, 2]:
        frame = next(clip.frames(index))
        assert abs(int(frame.yuv[0][20, 20]) - grey(index)) <= 2
    for index in range(8):
        assert clip.index_at(clip.time(index)) == index
        assert clip.index_at(float(clip.time(index))) == index
        assert clip.index_at(clip.time(index) - Fraction(1, 2000)) == max(0, index - 1)
    assert clip.index_at(99) == 7
    assert clip.index_at(-1.0) == 0


def test_index_at_takes_floats_of_awkward_times(tmp_path: Path) -> None:
    coded(tmp_path / "ntsc.mp4", list(range(200)), time_base=Fraction(1001, 30000))
    clip = probe(tmp_path / "ntsc.mp4")
    assert [clip.index_at(float(clip.time(index))) for index in range(200)] == list(range(200))


def test_shown_ticks() -> None:
    def ticks(stamps: list[tuple[int | None, int | None]], *, start: int = 0, step: int = 3) -> list[int]:
        return shown_ticks(stamps, start=start, step=step).tolist()

    assert ticks([(0, 0), (5, 1), (9, 2)]) == [0, 5, 9]
    assert ticks([(1, 2), (3, 3), (4, 4), (2, 5), (6, 9), (5, None), (7, None)]) == [0, 1, 2, 3, 7, 10, 13]
    assert ticks([(0, 30), (9, 31), (5, 32)], start=7) == [7, 8, 9]
    assert ticks([(None, None)] * 3, start=2) == [2, 5, 8]
    assert ticks([(10, None), (20, None), (5, None), (40, None)]) == [10, 20, 23, 40]
    assert ticks([]) == []


def test_preview(made: Callable[..., Path]) -> None:
    frame = next(probe(made("plain.mp4", *source(), *X264, "-vf", "setsar=4/3")).frames())
    assert preview(frame, long_side_px=48).shape == (32, 48, 3)
    assert preview(frame, long_side_px=500) is frame.rgb
