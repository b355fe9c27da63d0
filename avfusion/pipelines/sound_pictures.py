"""A sound as pictures with axes: its waveform, its spectrogram and its pitch, as SVG in HTML from samples on disk."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from html import escape
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from avfusion.clip import Sound
from avfusion.media.store import StoredSound
from avfusion.voice.one_channel import heard
from avfusion.voice.pitch import HOP_S, RATE_HZ, f0_hz

LONGEST_S = 600.0
"""What lies after this is not drawn."""

_COLUMNS = 900
_ROWS = 180
_FFT = 2048
_FREQUENCIES_HZ = (60.0, 8000.0)
_FREQUENCY_TICKS_HZ = (100, 250, 500, 1000, 2000, 4000, 8000)
_PITCH_TICKS_HZ = (50, 75, 100, 150, 200, 300, 400, 600, 800)
_RANGE_DB = 70.0
_BLOCK_S = 10
_TIME_STEPS_S = (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120)
_MOST_TIME_TICKS = 7

Curve = NDArray[np.float64]


@dataclass(frozen=True)
class Drawn:
    """What is drawn of a sound. wave: [columns, 2] lowest and highest sample. spectrogram: uint8 [rows, columns], high
    frequencies first. pitch_hz: [n] every 10 ms, 0 where there is none. shown_s: how long all of it is."""

    wave: Curve
    spectrogram: NDArray[np.uint8]
    pitch_hz: Curve
    shown_s: float


def drawn(sound: StoredSound) -> Drawn:
    """Reads the sound twice, block by block."""
    count = min(sound.count, round(LONGEST_S * sound.rate_hz))
    edges = np.linspace(0, count, min(_COLUMNS, max(1, count)) + 1).astype(int)
    return Drawn(_wave(sound, edges), _spectrogram(sound, edges), _pitch(sound, count), count / sound.rate_hz)


def _wave(sound: StoredSound, edges: NDArray[np.int64]) -> Curve:
    rows = []
    for start, stop in pairwise(edges):
        samples = sound.read(int(start), int(max(stop, start + 1)))
        rows.append((samples.min(), samples.max()))
    return np.array(rows, np.float64).reshape(-1, 2)


def _spectrogram(sound: StoredSound, edges: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Power in the middle of each column, in bands that are equally wide on a logarithmic scale."""
    size = _FFT if sound.rate_hz >= 32_000 else _FFT // 2
    window = np.hanning(size)
    middles = (edges[:-1] + edges[1:]) // 2
    spectra = []
    for middle in middles:
        samples = sound.read(int(middle) - size // 2, int(middle) + size // 2).mean(axis=0)
        spectra.append(np.abs(np.fft.rfft(samples * window)) ** 2)
    at_hz = np.geomspace(*_FREQUENCIES_HZ, _ROWS)[::-1]
    bins = np.clip(at_hz * size / sound.rate_hz, 0, size // 2)
    low = np.floor(bins).astype(int)
    high, part = np.minimum(low + 1, size // 2), (bins - low)[:, None]
    power = np.array(spectra).T
    decibels = 10 * np.log10((1 - part) * power[low] + part * power[high] + 1e-12)
    decibels[at_hz > sound.rate_hz / 2] = -200
    top = max(float(decibels.max()), -60.0)
    return np.asarray(np.clip(255 * (decibels - top + _RANGE_DB) / _RANGE_DB, 0, 255), np.uint8)


def _pitch(sound: StoredSound, count: int) -> Curve:
    parts = []
    step = _BLOCK_S * sound.rate_hz
    for start in range(0, count, step):
        samples = np.nan_to_num(sound.read(start, min(start + step, count)))
        wave = heard(Sound(samples, sound.rate_hz), RATE_HZ)
        parts.append(f0_hz(wave, "parselmouth", count=max(1, round(len(wave) / RATE_HZ / HOP_S))))
    return np.concatenate([np.zeros(0), *parts])


def wave_figure(picture: Drawn, title: str, which: str) -> str:
    """which: `a` or `b`, for the colour."""
    places = np.linspace(0, 1000, len(picture.wave), endpoint=False)
    upper, lower = 50 - 48 * np.clip(picture.wave[:, 1], -1, 1), 50 - 48 * np.clip(picture.wave[:, 0], -1, 1)
    outline = [*zip(places, upper - 0.2, strict=True), *zip(places[::-1], lower[::-1] + 0.2, strict=True)]
    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in outline)
    svg = f'<line class="axis" x1="0" x2="1000" y1="50" y2="50"/><polygon class="fill-{which}" points="{points}"/>'
    ticks = ((2.0, "1"), (50.0, "0"), (98.0, "-1"))
    return _figure(title, svg, ticks, picture.shown_s, "wave")


def spectrogram_figure(picture: Drawn, title: str) -> str:
    coloured = cv2.applyColorMap(picture.spectrogram, cv2.COLORMAP_INFERNO)
    _, jpeg = cv2.imencode(".jpg", coloured, [cv2.IMWRITE_JPEG_QUALITY, 88])
    address = "data:image/jpeg;base64," + base64.b64encode(jpeg.tobytes()).decode("ascii")
    image = f'<image href="{address}" x="0" y="0" width="1000" height="100" preserveAspectRatio="none"/>'
    named = [(hz, f"{hz}" if hz < 1000 else f"{hz // 1000}k") for hz in _FREQUENCY_TICKS_HZ]
    ticks = [(_log_place(hz, *_FREQUENCIES_HZ), name) for hz, name in named]
    return _figure(f"{title}, Hz", image, ticks, picture.shown_s, "spectrogram")


def pitch_figure(before: Drawn, after: Drawn, title: str) -> str:
    """Both pitches in one picture, on a scale of octaves."""
    voiced = np.concatenate([one.pitch_hz[one.pitch_hz > 0] for one in (before, after)])
    if not len(voiced):
        return ""
    low, high = float(np.percentile(voiced, 1)) / 1.15, float(np.percentile(voiced, 99)) * 1.15
    if high < 1.6 * low:
        low, high = low / 1.3, high * 1.3
    ticks = [(_log_place(hz, low, high), str(hz)) for hz in _PITCH_TICKS_HZ if low <= hz <= high]
    lines = "".join(f'<line class="grid" x1="0" x2="1000" y1="{y:.1f}" y2="{y:.1f}"/>' for y, _ in ticks)
    curves = "".join(_curve(one, low, high, which) for one, which in ((before, "a"), (after, "b")))
    key = '<span class="key-a">Original</span><span class="key-b">Converted</span>'
    return _figure(f"{title}, Hz", lines + curves, ticks, max(before.shown_s, after.shown_s), "pitch", key)


def _curve(picture: Drawn, low: float, high: float, which: str) -> str:
    """One line for each stretch that has a pitch."""
    total = max(picture.shown_s, 1e-6)
    step = max(1, len(picture.pitch_hz) // 6000)
    paths, is_open = [], False
    for number in range(0, len(picture.pitch_hz), step):
        hz = picture.pitch_hz[number]
        if hz <= 0:
            is_open = False
            continue
        x, y = 1000 * number * HOP_S / total, _log_place(float(hz), low, high)
        paths.append(f"{'L' if is_open else 'M'}{x:.1f} {y:.1f}")
        is_open = True
    return f'<path class="line-{which}" d="{"".join(paths)}"/>'


def _log_place(hz: float, low: float, high: float) -> float:
    """0 at the top to 100 at the bottom."""
    return float(100 - 100 * np.log(hz / low) / np.log(high / low))


def _figure(
    title: str, svg: str, ticks: list[tuple[float, str]] | tuple[tuple[float, str], ...], shown_s: float, kind: str,
    key: str = "",
) -> str:  # fmt: skip
    """A picture with marks beside it and seconds below it; the script of the players moves its cursor."""
    beside = "".join(f'<span style="top:{place:.1f}%">{words}</span>' for place, words in ticks)
    below = "".join(
        f'<span style="left:{100 * at / shown_s:.2f}%">{at:g}</span>' for at in _time_ticks(shown_s) if shown_s
    )
    return (
        f'<figure class="plot {kind}"><figcaption>{escape(title)}{key}</figcaption><div class="beside">{beside}</div>'
        f'<div class="area" data-seconds="{shown_s:.4f}"><svg viewBox="0 0 1000 100" preserveAspectRatio="none" '
        f'role="img" aria-label="{escape(title)}">{svg}</svg><i class="cursor"></i></div>'
        f'<div class="below">{below}<b>s</b></div></figure>'
    )


def _time_ticks(shown_s: float) -> list[float]:
    step = next((step for step in _TIME_STEPS_S if shown_s / step <= _MOST_TIME_TICKS), _TIME_STEPS_S[-1])
    return [number * step for number in range(int(shown_s / step) + 1) if number * step <= 0.97 * shown_s]
