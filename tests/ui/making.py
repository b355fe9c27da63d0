"""Clips for the page's tests, drawn and encoded here."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]
BALL_RGB = (230, 120, 40)
OTHER_RGB = (70, 190, 90)


def write_clip(
    path: Path, pictures: Iterator[Picture] | Sequence[Picture], *, sound_s: float = 0.0, aspect: Fraction | None = None
) -> Path:
    """H.264 at 25 frames a second, with a tone of that length."""
    with av.open(str(path), "w") as output:
        stream = output.add_stream("libx264", rate=25)
        stream.pix_fmt = "yuv420p"
        stream.options = {"crf": "12", "preset": "ultrafast", "g": "12"}
        sound = output.add_stream("aac", rate=48000, layout="mono") if sound_s else None
        for picture in pictures:
            if not stream.codec_context.is_open:
                stream.height, stream.width = picture.shape[:2]
                if aspect is not None:
                    stream.codec_context.sample_aspect_ratio = aspect
            output.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        output.mux(stream.encode(None))
        if sound is not None:
            tone = 0.2 * np.sin(2 * np.pi * 440 * np.arange(round(48000 * sound_s)) / 48000)
            for start in range(0, len(tone), 1024):
                frame = av.AudioFrame.from_ndarray(
                    tone[None, start : start + 1024].astype(np.float32), format="fltp", layout="mono"
                )
                frame.rate, frame.pts = 48000, start
                output.mux(sound.encode(frame))
            output.mux(sound.encode(None))
    return path


def ball_at(index: int, count: int, width: int, height: int) -> tuple[int, int]:
    """The middle of the ball on a frame."""
    return round(width * (0.3 + 0.3 * index / count)), height // 2


def balls(count: int, width: int, height: int) -> Iterator[Picture]:
    """A ball that rolls from left to right over a soft texture."""
    noise = np.random.default_rng(5).integers(0, 255, (height, width, 3), np.uint8)
    ground = cv2.normalize(cv2.GaussianBlur(noise, (0, 0), 9), None, 40, 150, cv2.NORM_MINMAX)
    for index in range(count):
        picture = ground.copy()
        cv2.circle(picture, ball_at(index, count, width, height), height // 4, BALL_RGB, -1, cv2.LINE_AA)
        yield picture


def pair_at(index: int, count: int, width: int, height: int) -> tuple[tuple[int, int], tuple[int, int]]:
    """The middles of both balls on a frame."""
    return (
        (round(width * (0.2 + 0.1 * index / count)), height // 2),
        (round(width * (0.8 - 0.1 * index / count)), height // 2),
    )


def pair(count: int, width: int, height: int) -> Iterator[Picture]:
    """An orange ball on the left and a green one on the right, rolling slowly towards each other."""
    noise = np.random.default_rng(6).integers(0, 255, (height, width, 3), np.uint8)
    ground = cv2.normalize(cv2.GaussianBlur(noise, (0, 0), 9), None, 40, 150, cv2.NORM_MINMAX)
    for index in range(count):
        picture = ground.copy()
        for at, colour in zip(pair_at(index, count, width, height), (BALL_RGB, OTHER_RGB), strict=True):
            cv2.circle(picture, at, height // 5, colour, -1, cv2.LINE_AA)
        yield picture


def vanishing(count: int, width: int, height: int, last: int) -> Iterator[Picture]:
    """`balls`, in which the ball is gone after a frame."""
    gone = min(ball_at(0, count, width, height)) // 4
    for index, picture in enumerate(balls(count, width, height)):
        if index > last:
            picture[:] = cv2.resize(picture[:gone, :gone], (width, height), interpolation=cv2.INTER_CUBIC)
        yield picture


def greys(count: int, width: int, height: int) -> Iterator[Picture]:
    """Frame i is one grey of value 40 + 8 i: the picture tells its number."""
    for index in range(count):
        yield np.full((height, width, 3), 40 + 8 * index, np.uint8)


def patches(width: int, height: int, places: Sequence[tuple[int, int]], side: int) -> Picture:
    """Bright red squares on dark grey, around the given middles."""
    picture = np.full((height, width, 3), 50, np.uint8)
    for x, y in places:
        picture[y - side // 2 : y + side // 2, x - side // 2 : x + side // 2] = (255, 40, 40)
    return picture


def in_own_thread(work: Coroutine[Any, Any, Any]) -> Any:
    """What the coroutine gives. Where a browser is open, Playwright has the event loop of the tests' own thread."""
    with ThreadPoolExecutor(1) as threads:
        return threads.submit(asyncio.run, work).result()
