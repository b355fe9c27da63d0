"""Pictures and sound -> a small MP4 of bounded size, for a page that carries its clips within itself."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np

from avfusion.clip import Rgb
from avfusion.media.audio import LAYOUTS, Samples
from avfusion.media.colour import rgb_to_yuv
from avfusion.media.store import BLOCK_SAMPLES, StoredSound
from avfusion.media.target import whole_file

_BT709 = 1
_TICKS_A_SECOND = 90_000
_SOUND_RATE_HZ, _SOUND_BITS_A_SECOND = 48_000, 96_000
_QUALITY = "28"


def write_preview(
    out: Path,
    pictures: Iterable[tuple[Fraction, Rgb]],
    *,
    size_px: tuple[int, int],
    seconds: float,
    bits_a_second: int,
    sound: StoredSound | None = None,
    sound_at_s: Fraction = Fraction(0),
) -> None:
    """Writes pictures, each with its time from 0 s on, scaled to `size_px` (even width and height).

    sound: its first `seconds`, beginning at `sound_at_s` on the pictures' clock; more than two channels are mixed. The
    pictures take `bits_a_second` at most. Raises `CannotWrite`.
    """
    options = {"movflags": "+faststart"}
    with whole_file(out) as part, av.open(f"file:{part}", "w", format="mp4", options=options) as file:
        stream: Any = file.add_stream("libx264", rate=30)
        stream.width, stream.height = size_px
        stream.pix_fmt = "yuv420p"
        stream.time_base = stream.codec_context.time_base = Fraction(1, _TICKS_A_SECOND)
        context = stream.codec_context
        context.colorspace = context.color_primaries = context.color_trc = _BT709
        context.color_range = 1
        most = str(bits_a_second)
        context.options = {"preset": "veryfast", "crf": _QUALITY, "maxrate": most, "bufsize": most}
        voice: Any = None
        if sound is not None:
            voice = file.add_stream("aac", rate=_SOUND_RATE_HZ)
            voice.codec_context.layout = "mono" if sound.channels == 1 else "stereo"
            voice.codec_context.bit_rate = _SOUND_BITS_A_SECOND
        for time, rgb in pictures:
            file.mux(stream.encode(_frame(rgb, size_px, time)))
        file.mux(stream.encode(None))
        if sound is not None:
            for frame in _resampled(sound, -sound_at_s, seconds, voice.codec_context.layout.name):
                file.mux(voice.encode(frame))
            file.mux(voice.encode(None))


def _frame(rgb: Rgb, size_px: tuple[int, int], time: Fraction) -> Any:
    small = cv2.resize(rgb, size_px, interpolation=cv2.INTER_AREA)
    planes = rgb_to_yuv(np.asarray(small, np.uint8), matrix=_BT709, full_range=False)
    frame = av.VideoFrame.from_ndarray(
        np.concatenate([plane.reshape(-1) for plane in planes]).reshape(-1, size_px[0]), format="yuv420p"
    )
    frame.pts, frame.time_base = round(time * _TICKS_A_SECOND), Fraction(1, _TICKS_A_SECOND)
    return frame


def _resampled(sound: StoredSound, start_s: Fraction, seconds: float, layout: str) -> Iterator[Any]:
    """Frames of the sound from `start_s` on; what lies before or after it is silence."""
    resampler = av.AudioResampler(format="fltp", layout=layout, rate=_SOUND_RATE_HZ)
    first = round(start_s * sound.rate_hz)
    last = first + round(seconds * sound.rate_hz)
    at = 0
    for begin in range(first, last, BLOCK_SAMPLES):
        block: Samples = np.ascontiguousarray(np.clip(sound.read(begin, min(begin + BLOCK_SAMPLES, last)), -1, 1))
        frame = av.AudioFrame.from_ndarray(block, format="fltp", layout=LAYOUTS[sound.channels])
        frame.sample_rate, frame.time_base, frame.pts = sound.rate_hz, Fraction(1, sound.rate_hz), at
        at += block.shape[1]
        yield from resampler.resample(frame)
    yield from resampler.resample(None)
