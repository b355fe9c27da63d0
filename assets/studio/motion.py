"""What happens when: the camera's path and the robot's acting, as functions of the time in seconds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]

FPS = 30
FRAME_COUNT = 192
SHUTTER = 0.5
"""Share of a frame's time during which the shutter is open (a 180 degree shutter)."""

LEFT_HAND = (
    (0.0, (-0.68, -0.70, 0.16)),
    (0.30, (-0.95, 0.16, 0.34)),
    (1.55, (-0.92, 0.12, 0.34)),
    (1.95, (-0.30, -0.36, 0.56)),
    (2.50, (-0.30, -0.34, 0.58)),
    (2.95, (-1.02, -0.02, 0.20)),
    (3.55, (-1.00, -0.06, 0.24)),
    (4.05, (-0.66, -0.66, 0.24)),
    (6.6, (-0.67, -0.70, 0.18)),
)
RIGHT_HAND = (
    (0.0, (0.68, -0.70, 0.16)),
    (2.45, (0.66, -0.69, 0.20)),
    (2.95, (0.98, -0.10, 0.26)),
    (3.50, (0.96, -0.14, 0.28)),
    (3.95, (0.60, -0.50, 0.36)),
    (4.25, (0.50, -0.16, 0.62)),
    (5.15, (0.56, -0.12, 0.66)),
    (5.60, (0.66, -0.68, 0.22)),
    (6.6, (0.67, -0.70, 0.18)),
)
YAW = (
    (0.0, 0.22),
    (0.5, 0.02),
    (1.5, -0.06),
    (2.1, 0.04),
    (2.9, -0.34),
    (3.5, -0.22),
    (4.0, 0.08),
    (5.3, 0.16),
    (6.6, 0.1),
)
PITCH = ((0.0, 0.03), (0.6, -0.03), (2.1, 0.10), (2.7, -0.02), (3.6, 0.02), (4.3, -0.05), (5.4, 0.05), (6.6, 0.0))
ROLL = ((0.0, -0.05), (0.8, 0.10), (1.8, -0.03), (2.9, 0.06), (3.8, -0.03), (4.6, -0.11), (5.6, 0.06), (6.6, 0.02))
BLINKS_S = (1.62, 3.66, 5.86)


def along(keys: tuple[tuple[float, float], ...], time_s: float) -> float:
    """Value at `time_s` of a curve that rests at each key and eases between them (zero speed and jerk-free ends)."""
    times = [key[0] for key in keys]
    i = int(np.clip(np.searchsorted(times, time_s, side="right") - 1, 0, len(keys) - 2))
    s = float(np.clip((time_s - times[i]) / (times[i + 1] - times[i]), 0, 1))
    eased = s * s * s * (s * (6 * s - 15) + 10)
    return keys[i][1] + (keys[i + 1][1] - keys[i][1]) * eased


def hand(keys: tuple[tuple[float, tuple[float, float, float]], ...], time_s: float) -> Vector:
    return np.array([along(tuple((when, where[axis]) for when, where in keys), time_s) for axis in range(3)])


@dataclass(frozen=True, eq=False)
class Camera:
    """x_px, y_px: where it looks, in pixels of the plane the robot moves in; zoom: scale about the picture's middle."""

    x_px: float
    y_px: float
    roll: float
    zoom: float


def camera_at(time_s: float) -> Camera:
    """A slow pan to the right and in, held by hand: sways of two to five seconds with a small fast part."""
    pan = along(((-0.8, -150.0), (7.4, 150.0)), time_s)
    sway_x = 5.0 * np.sin(1.9 * time_s + 0.4) + 1.6 * np.sin(5.3 * time_s + 1.1)
    sway_y = 3.6 * np.sin(1.5 * time_s + 2.0) + 1.2 * np.sin(4.7 * time_s)
    roll = 0.0035 * np.sin(1.2 * time_s + 0.6)
    return Camera(pan + sway_x, sway_y, roll, along(((-0.5, 1.0), (7.0, 1.05)), time_s))


@dataclass(frozen=True, eq=False)
class Acting:
    """The robot's state. x, y: its place in units (one unit is the robot's own measure); angles in radians."""

    x: float
    y: float
    lean: float
    yaw: float
    pitch: float
    roll: float
    left_hand: Vector
    right_hand: Vector
    lids: float
    smile: float
    mouth: float
    wind: float
    antenna: float


def acting_at(time_s: float, mouth: float) -> Acting:
    """mouth: how far it is open, 0..1."""
    glide = along(((-0.6, -0.98), (3.0, -0.16), (7.0, 0.78)), time_s)
    bob = 0.022 * np.sin(2.4 * time_s) + 0.012 * np.sin(5.1 * time_s + 0.5)
    hello = along(((0.15, 0.0), (0.45, 1.0), (1.35, 1.0), (1.7, 0.0)), time_s)
    left = hand(LEFT_HAND, time_s) + np.array([0.13, 0.03, 0.0]) * np.sin(2 * np.pi * 2.3 * time_s) * hello
    nod = 0.05 * mouth
    lids = max(np.exp(-(((time_s - when) / 0.055) ** 4)) for when in BLINKS_S)
    return Acting(
        x=glide,
        y=bob + along(((5.2, 0.0), (5.45, 0.06), (5.8, 0.0)), time_s),
        lean=along(((-0.5, -0.03), (1.0, -0.07), (3.0, 0.01), (4.5, -0.04), (6.5, 0.03)), time_s),
        yaw=along(YAW, time_s) + 0.02 * np.sin(3.1 * time_s),
        pitch=along(PITCH, time_s) + nod,
        roll=along(ROLL, time_s) + 0.015 * np.sin(2.7 * time_s + 1),
        left_hand=left,
        right_hand=hand(RIGHT_HAND, time_s) + np.array([0.0, 0.02, 0.0]) * np.sin(3.3 * time_s),
        lids=float(lids),
        smile=along(((0.0, 0.5), (0.6, 0.7), (5.1, 0.6), (5.45, 1.0), (6.6, 1.0)), time_s),
        mouth=mouth,
        wind=0.6 * np.sin(2.2 * time_s) + 0.4 * np.sin(3.7 * time_s + 1.2),
        antenna=0.10 * np.sin(4.4 * time_s + 0.3) + 0.05 * np.sin(7.3 * time_s),
    )
