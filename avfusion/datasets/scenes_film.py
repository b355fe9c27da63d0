"""The pictures of a made scene: things painted one over the other, each moving to its own notes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from avfusion.clip import Mask
from avfusion.datasets.scenes_looks import REACH, Sprite, draw_background, draw_sprite
from avfusion.datasets.scenes_score import Part
from avfusion.datasets.scenes_settings import SceneSettings

Path2d = NDArray[np.float64]
"""float64 [frames, 2], x and y in pixels."""

# A note is a damped swing of four a second, in place or in size.
_SWING_HZ = 4.0
_SWING_DECAY_S = 0.15
_BOUNCE_RADII = 0.5
_PULSE_SHARE = 0.4
# A Gaussian in time whose spectrum falls to 0.6 at this frequency.
_HAND_HZ = 2.0
_REFERENCE_PX = 224
_GRAIN_SPARE_PX = 64
_TRIES = 300
_SMALLER = 0.9


@dataclass(frozen=True, eq=False)
class _Thing:
    """path_px: its centre in each frame. scales: [frames], its size as a multiple of the sprite's."""

    sprite: Sprite
    path_px: Path2d
    scales: NDArray[np.float64]


def film(
    settings: SceneSettings, parts: tuple[Part, ...], random: np.random.Generator, wanted: Sequence[int]
) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """(frames uint8 [n, H, W, 3], masks bool [parts, n, H, W]: what is to be seen of each), of the frames wanted alone.

    All random numbers are drawn for all frames, so that a frame is the same whichever others are wanted.
    """
    size = settings.size_px
    things = _things(settings, parts, random)
    camera = _shake(settings, random)
    drift = _drift(settings, settings.background_px_s, random)
    margin = int(np.ceil(np.abs(drift + camera).max())) + 2
    background = draw_background(size + 2 * margin, size + 2 * margin, random)
    # Fresh noise for each frame would take half of the time; another part of a larger field does as well.
    spare = size + _GRAIN_SPARE_PX
    grain = settings.grain * random.standard_normal((spare, spare, 3), np.float32)
    order = random.permutation(len(things))
    corners = random.integers(_GRAIN_SPARE_PX, size=(settings.fps * settings.seconds, 2))
    frames = np.empty((len(wanted), size, size, 3), np.uint8)
    masks = np.zeros((len(things), len(wanted), size, size), np.bool_)
    for row, frame in enumerate(wanted):
        shift_px = drift[frame] + camera[frame] - margin
        picture = _moved(background, 1.0, shift_px, (size, size))
        for place in order:
            covered = _paint(picture, things[place], frame, camera[frame])
            masks[:, row] &= ~covered
            masks[place, row] = covered
        x, y = corners[frame]
        frames[row] = np.clip(np.rint(picture + grain[y : y + size, x : x + size]), 0, 255)
    return frames, masks


def _paint(picture: NDArray[np.float32], thing: _Thing, frame: int, camera_px: NDArray[np.float64]) -> Mask:
    """Paints a thing over the picture [H, W, 3]; bool [H, W], where it covers more than half a pixel."""
    covered = np.zeros(picture.shape[:2], np.bool_)
    scale = thing.scales[frame]
    side_px = scale * thing.sprite.shape[0]
    corner_px = thing.path_px[frame] + camera_px - side_px / 2
    # Only the box in which it lies is touched: most of a picture is no thing.
    low = np.clip(np.floor(corner_px).astype(int) - 1, 0, picture.shape[1])
    high = np.clip(np.ceil(corner_px + side_px).astype(int) + 1, 0, picture.shape[1])
    if np.any(high <= low):
        return covered
    box = np.s_[low[1] : high[1], low[0] : high[0]]
    layer = _moved(thing.sprite, scale, corner_px - low, (int(high[0] - low[0]), int(high[1] - low[1])))
    opacity = layer[..., 3:]
    picture[box] = picture[box] * (1 - opacity) + layer[..., :3]
    covered[box] = opacity[..., 0] > 0.5
    return covered


def _moved(
    picture: NDArray[np.float32], scale: float, corner_px: NDArray[np.float64], size: tuple[int, int]
) -> NDArray[np.float32]:
    """float32 [height, width, channels] of the size (width, height): the picture, enlarged, with its upper left corner
    at x, y; 0 beside it."""
    # Pixel centres lie at halves: a corner at 0 and a scale of 1 change nothing.
    shift_px = corner_px + scale * 0.5 - 0.5
    matrix = np.array([[scale, 0, shift_px[0]], [0, scale, shift_px[1]]])
    moved: NDArray[np.float32] = cv2.warpAffine(picture, matrix, size, flags=cv2.INTER_LINEAR)
    return moved


def _things(settings: SceneSettings, parts: tuple[Part, ...], random: np.random.Generator) -> list[_Thing]:
    radii_px = random.uniform(*settings.radius_px, len(parts)) * settings.size_px / _REFERENCE_PX
    drifts = [_drift(settings, settings.thing_px_s, random) for _ in parts]
    radii_px, centres_px = _places(settings, radii_px, drifts, random)
    things = []
    for part, radius_px, centre_px, drift in zip(parts, radii_px, centres_px, drifts, strict=True):
        jitter = int(random.integers(-settings.lag_jitter_frames, settings.lag_jitter_frames, endpoint=True))
        swing = _swing(part, settings, settings.lag_frames + jitter) * part.moves
        bounces = settings.motions[int(random.integers(len(settings.motions)))] == "bounce"
        path_px = centre_px + drift * part.moves
        path_px[:, 1] -= _BOUNCE_RADII * radius_px * swing * bounces
        sprite = draw_sprite(part.kind.shape, part.kind.texture, radius_px, random)
        things.append(_Thing(sprite, path_px, 1 + _PULSE_SHARE * swing * (not bounces)))
    return things


def _swing(part: Part, settings: SceneSettings, lag_frames: int) -> NDArray[np.float64]:
    """[frames]: a damped swing after each note, as strong as the note."""
    times_s = (np.arange(settings.fps * settings.seconds) - lag_frames) / settings.fps
    since_s = np.maximum(times_s[:, None] - part.onsets_s, 0)
    swings = np.exp(-since_s / _SWING_DECAY_S) * np.sin(2 * np.pi * _SWING_HZ * since_s)
    return swings @ part.strengths


def _shake(settings: SceneSettings, random: np.random.Generator) -> Path2d:
    """The unsteadiness of a hand: slower than two a second, of the wanted deviation."""
    count = settings.fps * settings.seconds
    spread = np.arange(-settings.fps, settings.fps + 1) * _HAND_HZ / settings.fps
    kernel = np.exp(-0.5 * (2 * np.pi * spread) ** 2)
    noise = random.standard_normal((2, count + len(kernel) - 1))
    smooth = np.stack([np.convolve(axis, kernel / np.sqrt(np.sum(kernel**2)), "valid") for axis in noise], axis=1)
    return settings.shake_px * smooth


def _drift(settings: SceneSettings, px_s: float, random: np.random.Generator) -> Path2d:
    """A straight way at a steady speed in a random direction, of which the middle is 0."""
    direction = random.uniform(0, 2 * np.pi)
    speed_px_s = random.uniform(0.3, 1.0) * px_s * settings.size_px / _REFERENCE_PX
    times_s = np.arange(settings.fps * settings.seconds) / settings.fps
    way_px = speed_px_s * (times_s - times_s.mean())
    return way_px[:, None] * np.array([np.cos(direction), np.sin(direction)])


def _places(
    settings: SceneSettings, radii_px: NDArray[np.float64], drifts: list[Path2d], random: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(radii, centres [things, 2]) of things that overlap no more than they may; too large ones are made smaller."""
    while True:
        centres: list[NDArray[np.float64]] = []
        for radius_px, drift in zip(radii_px, drifts, strict=True):
            reach_px = REACH * radius_px * (1 + _PULSE_SHARE / 2) + np.abs(drift).max()
            margin_px = min(reach_px + _BOUNCE_RADII * radius_px / 2, settings.size_px / 2)
            for _ in range(_TRIES):
                centre = random.uniform(margin_px, settings.size_px - margin_px, 2)
                apart = REACH * (1 - settings.overlap) * (radius_px + radii_px[: len(centres)])
                if all(np.hypot(*(centre - other)) >= far for other, far in zip(centres, apart, strict=True)):
                    centres.append(centre)
                    break
            else:
                break
        if len(centres) == len(radii_px):
            return radii_px, np.stack(centres)
        radii_px = radii_px * _SMALLER
