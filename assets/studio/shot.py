"""One finished frame: scenery seen by the moving camera, the robot in it, and its exact coverage."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from studio.meadow import HEIGHT, HORIZON, SHEET_HEIGHT, SHEET_WIDTH, WIDTH, Layer, paint_scenery
from studio.motion import FPS, SHUTTER, Acting, Camera, acting_at, camera_at
from studio.noise import Plane, fbm, smoothstep, to_coded
from studio.robot import build, painted
from studio.shading import lit
from studio.solids import trace

SUBFRAMES = 8
PX_PER_UNIT = 264.0
NECK_ROW = 388.0
GROUND_ROW = 664.0
"""Row of the ground below the robot, for a camera that looks straight ahead."""


@dataclass(frozen=True, eq=False)
class Shot:
    """rgb uint8 [720, 1280, 3]; alpha float32 [720, 1280]: share of the pixel and of the exposure that is robot."""

    rgb: NDArray[np.uint8]
    alpha: Plane


class Stage:
    """The painted scenery and the mouth's opening in each frame; renders any frame on its own."""

    def __init__(self, openings: NDArray[np.float32]) -> None:
        self.openings = openings
        self.behind, self.front = paint_scenery()

    def render(self, index: int) -> Shot:
        """Frame `index`: the mean of moments while the shutter is open, each with its own pixel offset.

        The scenery moves by less than two pixels in that time and is smooth already: two moments do for it.
        """
        mouth = float(self.openings[index])
        moments = [(index + SHUTTER * ((n + 0.5) / SUBFRAMES - 0.5)) / FPS for n in range(SUBFRAMES)]
        back, front = np.zeros((HEIGHT, WIDTH, 3), np.float32), np.zeros((HEIGHT, WIDTH, 4), np.float32)
        for time_s in (moments[SUBFRAMES // 4], moments[-1 - SUBFRAMES // 4]):
            back += 0.5 * self.scenery(time_s)
            for layer in self.front:
                front += 0.5 * view(layer, camera_at(time_s))
        robot = np.zeros((HEIGHT, WIDTH, 4), np.float32)
        for number, time_s in enumerate(moments):
            jitter = np.array([(number * 0.7548777) % 1 - 0.5, (number * 0.5698403) % 1 - 0.5])
            add_robot(robot, time_s, mouth, jitter)
        robot /= SUBFRAMES
        light = back * (1 - robot[..., 3:]) + robot[..., :3]
        light = light * (1 - front[..., 3:]) + front[..., :3]
        return Shot(develop(light, index), robot[..., 3] * (1 - front[..., 3]))

    def scenery(self, time_s: float) -> Plane:
        """Linear light [H, W, 3] of all that lies behind the robot, with the robot's shadow on it."""
        camera = camera_at(time_s)
        light = np.zeros((HEIGHT, WIDTH, 3), np.float32)
        for layer in self.behind:
            seen = view(layer, camera)
            light = light * (1 - seen[..., 3:]) + seen[..., :3]
        return light * ground_shadow(camera, acting_at(time_s, 0.0))[..., None]


def add_robot(total: NDArray[np.float32], time_s: float, mouth: float, jitter: NDArray[np.float64]) -> None:
    """Adds the robot's linear light and coverage at one instant to `total` [H, W, 4]."""
    camera, acting = camera_at(time_s), acting_at(time_s, mouth)
    solids = build(acting)
    seen = trace(solids, HEIGHT, WIDTH, PX_PER_UNIT * camera.zoom, robot_origin(camera) + jitter)
    total[seen.rows, seen.columns, :3] += lit(solids, seen, painted(solids, seen, acting))
    total[seen.rows, seen.columns, 3] += 1


def robot_origin(camera: Camera) -> NDArray[np.float64]:
    """Where the robot's world (0, 0) lies in the picture, in pixels."""
    return np.array(
        [WIDTH / 2 - camera.x_px * camera.zoom, HEIGHT / 2 + (NECK_ROW - HEIGHT / 2 - camera.y_px) * camera.zoom]
    )


def view(layer: Layer, camera: Camera) -> NDArray[np.float32]:
    """The layer as the camera sees it, float32 [H, W, 4]; what lies farther moves less."""
    zoom = 1 + (camera.zoom - 1) * (0.35 + 0.65 * min(layer.near, 1.0))
    cos, sin = np.cos(camera.roll) / zoom, np.sin(camera.roll) / zoom
    middle = np.array([SHEET_WIDTH / 2, SHEET_HEIGHT / 2]) + np.array([camera.x_px, camera.y_px]) * layer.near
    back = np.array([[cos, -sin, 0], [sin, cos, 0]])
    back[:, 2] = middle - back[:, :2] @ np.array([WIDTH / 2, HEIGHT / 2])
    if layer.near_low is None:
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        return np.asarray(
            cv2.warpAffine(layer.pixels, back, (WIDTH, HEIGHT), flags=flags, borderMode=cv2.BORDER_REPLICATE)
        )
    x, y = np.meshgrid(np.arange(WIDTH, dtype=np.float32), np.arange(HEIGHT, dtype=np.float32))
    row = back[1, 0] * x + back[1, 1] * y + back[1, 2]
    depth = np.clip((row - HORIZON) / (SHEET_HEIGHT - HORIZON), 0, 1)
    more = (layer.near_low - layer.near) * depth
    column = back[0, 0] * x + back[0, 1] * y + back[0, 2] + camera.x_px * more
    where = (column.astype(np.float32), (row + camera.y_px * more).astype(np.float32))
    return np.asarray(cv2.remap(layer.pixels, *where, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE))


def ground_shadow(camera: Camera, acting: Acting) -> Plane:
    """Share of the light left on the ground below the robot [H, W]: a dark core, and a long shade away from the sun."""
    column = WIDTH / 2 + (acting.x * PX_PER_UNIT - camera.x_px) * camera.zoom
    row = HEIGHT / 2 + (GROUND_ROW - HEIGHT / 2 - camera.y_px) * camera.zoom
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)
    lift = 1 + 1.2 * max(acting.y, 0)
    core = np.exp(-((((x - column - 8) / (104 * lift)) ** 2 + ((y - row) / (17 * lift)) ** 2) ** 1.3))
    along = (x - column) / 330
    wide = 20 + 26 * np.clip(along, 0, 1)
    long = (
        np.exp(-(((y - row + 26 * along) / wide) ** 2)) * smoothstep(-0.12, 0.12, along) * smoothstep(1.25, 0.35, along)
    )
    return np.asarray((1 - 0.62 * core / lift) * (1 - 0.42 * long), np.float32)


def develop(light: Plane, index: int) -> NDArray[np.uint8]:
    """Linear light to the finished picture: bloom, a soft shoulder, a darker rim and fine grain; uint8 [H, W, 3]."""
    bright = np.clip(light - 0.85, 0, 1.5)
    small = cv2.resize(bright, (WIDTH // 4, HEIGHT // 4), interpolation=cv2.INTER_AREA)
    halo = cv2.GaussianBlur(small, (0, 0), 5) * 0.6 + cv2.GaussianBlur(small, (0, 0), 18) * 0.4
    light = light + 0.30 * cv2.resize(halo, (WIDTH, HEIGHT), interpolation=cv2.INTER_LINEAR)
    knee = np.float32(0.62)
    over = np.maximum(light - knee, 0)
    light = np.minimum(light, knee) + (1 - knee) * (1 - np.exp(-over / (1 - knee)))
    y, x = np.mgrid[-1 : 1 : HEIGHT * 1j, -1 : 1 : WIDTH * 1j].astype(np.float32)
    light = light * (1 - 0.16 * smoothstep(0.55, 1.5, np.hypot(x, y)))[..., None]
    coded = to_coded(light)
    coded = coded + 0.05 * (coded - 0.5) * (1 - np.abs(2 * coded - 1))
    grain = fbm(HEIGHT, WIDTH, (1.7, 1.7), 1, 5000 + index) - 0.5
    return np.asarray(np.clip(np.round((coded + 0.020 * grain[..., None]) * 255), 0, 255), np.uint8)
