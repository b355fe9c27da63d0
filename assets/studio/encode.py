"""Frames and sound to MP4 files."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.video.reformatter import ColorRange, Colorspace
from numpy.typing import NDArray

BT709 = 1
"""Number of BT.709 in ITU-T H.273 for primaries, transfer and matrix alike."""


def write_mp4(
    out: Path,
    frames: Iterable[NDArray[np.uint8]],
    fps: int,
    crf: float,
    sound: NDArray[np.float32] | None = None,
    rate_hz: int = 48_000,
) -> None:
    """H.264 with 4:2:0 colour tagged BT.709, frame k at exactly k/fps; AAC if there is `sound` [n]; index in front.

    frames: uint8 [H, W, 3], one after another.
    """
    with av.open(str(out), "w", options={"movflags": "+faststart"}) as container:
        video = container.add_stream("libx264", rate=fps, options={"crf": str(crf), "preset": "slower"})
        video.pix_fmt = "yuv420p"
        video.time_base = video.codec_context.time_base = Fraction(1, fps)
        context = video.codec_context
        context.color_primaries = context.color_trc = context.colorspace = BT709
        context.color_range = ColorRange.MPEG
        audio = (
            None if sound is None else container.add_stream("aac", rate=rate_hz, layout="mono", options={"b": "128k"})
        )
        for index, rgb in enumerate(frames):
            if index == 0:
                video.height, video.width = rgb.shape[:2]
            frame = av.VideoFrame.from_ndarray(rgb, format="rgb24").reformat(
                format="yuv420p", dst_colorspace=Colorspace.ITU709, dst_color_range=ColorRange.MPEG
            )
            frame.pts, frame.time_base = index, Fraction(1, fps)
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
        if audio is not None and sound is not None:
            for start in range(0, len(sound), 1024):
                samples = np.ascontiguousarray(sound[None, start : start + 1024])
                block = av.AudioFrame.from_ndarray(samples, "fltp", "mono")
                block.sample_rate, block.pts, block.time_base = rate_hz, start, Fraction(1, rate_hz)
                container.mux(audio.encode(block))
            container.mux(audio.encode(None))
