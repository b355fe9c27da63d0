"""Small clips for the tests of `media/`, made by the system's ffmpeg or by PyAV, and an independent look at results."""

import json
import subprocess
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from avfusion.clip import Clip
from avfusion.media.write import Encoding, Written, write_video

NOISE = ("-f", "lavfi", "-i", "anoisesrc=r=44100:d=1.05:a=0.3:seed=3")
NOISE_48K = ("-f", "lavfi", "-i", "anoisesrc=r=48000:d=1.05:a=0.3:seed=3")


def source(size: str = "96x64", rate: str = "25", seconds: float = 1.0) -> tuple[str, ...]:
    return ("-f", "lavfi", "-i", f"testsrc2=s={size}:r={rate}:d={seconds}")


def ffmpeg(*arguments: str | Path) -> None:
    command = ["ffmpeg", "-v", "error", "-y", "-nostdin", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr


def planes_by_ffmpeg(path: Path, pixels: str, *, filters: str = "") -> NDArray[np.uint8]:
    """[frames, bytes of a frame] as ffmpeg decodes and converts them, rotation applied."""
    asked = f"{filters},format={pixels}" if filters else f"format={pixels}"
    command = ["ffmpeg", "-v", "error", "-nostdin", "-i", str(path), "-map", "0:v:0", "-vf", asked]
    command += ["-fps_mode", "passthrough", "-f", "rawvideo", "-"]
    count = len(packets(path, "v:0"))
    done = subprocess.run(command, capture_output=True, check=True, timeout=120)
    return np.frombuffer(done.stdout, np.uint8).reshape(count, -1)


def rgb_by_ffmpeg(path: Path, width: int, height: int, *, filters: str = "") -> NDArray[np.uint8]:
    return planes_by_ffmpeg(path, "rgb24", filters=filters).reshape(-1, height, width, 3)


def ffprobe(path: Path, *arguments: str) -> dict[str, Any]:
    command = ["ffprobe", "-v", "error", "-of", "json", *arguments, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    values: dict[str, Any] = json.loads(done.stdout)
    return values


def packets(path: Path, stream: str) -> list[dict[str, Any]]:
    """What ffprobe says of each packet of a stream, with a hash of its bytes."""
    asked = ("-select_streams", stream, "-show_packets", "-show_data_hash", "sha256")
    rows: list[dict[str, Any]] = ffprobe(path, *asked)["packets"]
    return rows


def stream_of(path: Path, stream: str = "v:0") -> dict[str, Any]:
    row: dict[str, Any] = ffprobe(path, "-select_streams", stream, "-show_streams")["streams"][0]
    return row


def sound_by_ffmpeg(path: Path, track: int = 0) -> NDArray[np.float32]:
    """float32 [n, channels], as ffmpeg decodes them."""
    command = ["ffmpeg", "-v", "error", "-nostdin", "-i", str(path), "-map", f"0:a:{track}", "-f", "f32le", "-"]
    done = subprocess.run(command, capture_output=True, check=True, timeout=60)
    channels = stream_of(path, f"a:{track}")["channels"]
    return np.frombuffer(done.stdout, np.float32).reshape(-1, channels)


def copied(clip: Clip, out: Path, *, sound: bool = True, encoding: Encoding | None = None) -> Written:
    """The clip's own frames, written."""
    return write_video(out, (frame.yuv for frame in clip.frames()), clip=clip, sound=sound, encoding=encoding)


def coded(
    path: Path,
    ticks: Sequence[int],
    *,
    time_base: Fraction,
    codec: str = "libx264",
    last: int | None = None,
    size: tuple[int, int] = (64, 48),
    options: dict[str, str] | None = None,
) -> None:
    """A clip whose frame k is a grey of its own, shown at `ticks[k]`; `last` is how long the last is shown."""
    # without this an MP4 rounds the time at which it begins to a millisecond
    exact = {"movie_timescale": str(time_base.denominator)} if path.suffix == ".mp4" else {}
    with av.open(str(path), "w", options=exact) as container:
        stream: Any = container.add_stream(codec, rate=25)
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        stream.time_base = stream.codec_context.time_base = time_base
        stream.codec_context.options = options or {}
        durations = [*np.diff(ticks).tolist(), 1 if last is None else last]
        shown = dict(zip(ticks, durations, strict=True))

        def mux(ready: list[Any]) -> None:
            for packet in ready:
                packet.duration = shown[packet.pts]
                container.mux(packet)

        for number, tick in enumerate(ticks):
            frame = av.VideoFrame(*size, "yuv420p")
            for plane, value in zip(frame.planes, (grey(number), 128, 128), strict=True):
                plane.update(bytes([value]) * plane.buffer_size)
            frame.pts, frame.time_base = tick, time_base
            mux(stream.encode(frame))
        mux(stream.encode(None))


def grey(number: int) -> int:
    """The luma of frame `number` of a clip made by `coded`."""
    return 20 + number * 37 % 200


def psnr_db(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> float:
    error = np.mean((a.astype(np.float64) - b.astype(np.float64)) ** 2)
    return float(10 * np.log10(255.0**2 / max(error, 1e-9)))


def lag_samples(late: NDArray[np.float32], early: NDArray[np.float32]) -> int:
    """By how many samples `late` lags `early`: where their cross-correlation is highest."""
    n = min(len(late), len(early))
    spectrum = np.fft.rfft(late[:n], 2 * n) * np.fft.rfft(early[:n], 2 * n).conj()
    peak = int(np.argmax(np.fft.irfft(spectrum)))
    return peak if peak < n else peak - 2 * n
