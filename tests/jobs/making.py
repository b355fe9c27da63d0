"""A tiny clip with a moving ball and a tone, and what a file shows when it is decoded."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np

from avfusion.clip import Box
from tests.media.making import ffmpeg, packets

FRAMES, WIDTH, HEIGHT = 20, 160, 96
BOX = Box(30, 28, 70, 68)


def ball_clip(path: Path, frames: int = FRAMES) -> Path:
    """A red ball goes to the right over a textured ground; 25 frames a second, a tone of as many seconds."""
    rng = np.random.default_rng(4)
    ground = np.repeat(np.repeat(rng.integers(40, 120, (HEIGHT // 4, WIDTH // 4, 3), np.uint8), 4, 0), 4, 1)
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    raw = path.with_suffix(".raw")
    with raw.open("wb") as file:
        for index in range(frames):
            picture = ground.copy()
            picture[(rows - 48) ** 2 + (columns - 50 - 3 * index % 90) ** 2 < 16**2] = (220, 40, 30)
            file.write(picture.tobytes())
    size, seconds = f"{WIDTH}x{HEIGHT}", frames / 25
    ffmpeg(
        "-f", "rawvideo", "-pix_fmt", "rgb24", "-s", size, "-r", "25", "-i", raw, "-f", "lavfi", "-i",
        f"sine=frequency=440:sample_rate=16000:duration={seconds}", "-pix_fmt", "yuv420p", "-crf", "12", path,
    )  # fmt: skip
    raw.unlink()
    return path


def shown(path: Path) -> list[tuple[float, str]]:
    """(time, digest of the decoded picture) of every frame."""
    with av.open(str(path)) as container:
        return [(float(frame.time or 0), _digest(frame)) for frame in container.decode(video=0)]


def _digest(frame: av.VideoFrame) -> str:
    """Of the decoded samples, without what rows are padded with."""
    said = hashlib.sha256(frame.format.name.encode())
    parts = frame.format.components
    sample = -(-max(part.bits for part in parts) // 8) * (len(parts) if len(frame.planes) == 1 else 1)
    for plane in frame.planes:
        rows = np.frombuffer(plane, np.uint8).reshape(plane.height, -1)
        said.update(rows[:, : plane.width * sample].tobytes())
    return said.hexdigest()


def heard(path: Path) -> list[tuple[str, str]]:
    """(time, digest) of every packet of sound."""
    return [(packet["pts_time"], packet["data_hash"]) for packet in packets(path, "a:0")]


def stop_after(count: int) -> Callable[[], bool]:
    """Asks to stop at the question after so many."""
    asked = iter(range(count))
    return lambda: next(asked, None) is None
