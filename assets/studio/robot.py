"""Pip, the robot: its solids in a given pose, and the paint on them.

About 2.2 units tall, a unit being its own measure. Its head is a wide egg with a dark glass visor, its body a smaller
egg with a chest lamp; it hovers, wears a knitted scarf, and has an antenna and two jointed arms.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from studio.motion import Acting
from studio.noise import mix, smoothstep
from studio.solids import Array, Capsule, Ellipsoid, Seen, Solid, rotation

VIOLET = (0.17, 0.09, 0.60)
TEAL = (0.045, 0.29, 0.32)
ORANGE = (0.83, 0.23, 0.045)
GREY = (0.16, 0.17, 0.19)
DARK = (0.035, 0.038, 0.045)
GLASS = (0.008, 0.011, 0.020)
WOOL = (0.62, 0.085, 0.035)
GLOW = (0.25, 0.95, 0.90)
AMBER = (1.0, 0.50, 0.10)

UPPER_ARM, LOWER_ARM = 0.30, 0.34


def elbow(shoulder: NDArray[np.float64], wrist: NDArray[np.float64], outward: float) -> NDArray[np.float64]:
    """Where the elbow lies for two bones of fixed length; it points down, back and `outward` (-1 left, 1 right)."""
    reach = wrist - shoulder
    distance = min(float(np.linalg.norm(reach)), 0.995 * (UPPER_ARM + LOWER_ARM))
    along = reach / np.linalg.norm(reach)
    foot = (UPPER_ARM**2 - LOWER_ARM**2 + distance**2) / (2 * distance)
    height = np.sqrt(max(UPPER_ARM**2 - foot**2, 0))
    hint = np.array([0.75 * outward, -1.0, -0.35])
    side = hint - (hint @ along) * along
    return np.asarray(shoulder + along * foot + side / np.linalg.norm(side) * height)


def arm(side: float, wrist: NDArray[np.float64], curl: float) -> list[Solid]:
    """Shoulder, two bones and a mitten. side: -1 the left of the picture, 1 the right; wrist in body units."""
    shoulder = np.array([0.47 * side, -0.24, 0.02])
    reach = wrist - shoulder
    limit = 0.99 * (UPPER_ARM + LOWER_ARM)
    wrist = shoulder + reach * min(1.0, limit / float(np.linalg.norm(reach)))
    joint = elbow(shoulder, wrist, side)
    along = (wrist - joint) / np.linalg.norm(wrist - joint)
    across = np.cross(along, np.array([0.0, 0.0, 1.0]))
    across /= max(float(np.linalg.norm(across)), 1e-6)
    front = np.cross(across, along)
    sleeve = np.stack([across * 0.112, along * 0.205, front * 0.112], 1)
    palm = wrist + along * 0.07
    solids: list[Solid] = [
        Ellipsoid("joint", shoulder, np.eye(3) * 0.115),
        Capsule("joint", shoulder, joint, 0.052),
        Ellipsoid("joint", joint, np.eye(3) * 0.078),
        Ellipsoid("sleeve", joint + along * 0.18, sleeve),
        Ellipsoid("mitten", palm, np.stack([across * 0.105, along * 0.115, front * 0.075], 1)),
    ]
    for spread in (-0.62, 0.0, 0.62):
        root = palm + along * 0.055 + across * 0.075 * spread
        tip = root + (along * np.cos(spread * 0.7) + across * np.sin(spread * 0.7) + front * curl) * 0.12
        solids.append(Capsule("mitten", root, tip, 0.036))
    thumb = palm - across * 0.085 * side
    solids.append(Capsule("mitten", thumb, thumb + (along * 0.55 - across * side) * 0.085, 0.036))
    return solids


def scarf(body_turn: NDArray[np.float64], wind: float) -> list[Solid]:
    """A thick collar and two ends that hang over the chest and move in the wind."""
    wool: list[Solid] = [
        Ellipsoid("wool", np.array([0.0, -0.135, 0.02]), body_turn @ np.diag([0.43, 0.135, 0.40]), 0.018)
    ]
    top = np.array([-0.17, -0.20, 0.37])
    for length, sway, depth in ((0.21, 0.10, 0.0), (0.17, -0.26, 0.03)):
        angle = sway + 0.16 * wind
        down = np.array([np.sin(angle), -np.cos(angle), 0.14])
        across = np.array([np.cos(angle), np.sin(angle), 0.0])
        axes = np.stack([across * 0.085, down * length, np.array([0, 0, 0.04])], 1)
        wool.append(Ellipsoid("wool", top + down * length * 0.9 + [0, 0, depth], axes, 0.045))
    wool.append(Ellipsoid("wool", top + np.array([0.0, 0.0, 0.05]), np.diag([0.085, 0.08, 0.06]), 0.035))
    return wool


def placed(solid: Solid, turn: NDArray[np.float64], shift: NDArray[np.float64]) -> Solid:
    if isinstance(solid, Capsule):
        return Capsule(solid.paint, turn @ solid.start + shift, turn @ solid.stop + shift, solid.radius)
    return Ellipsoid(solid.paint, turn @ solid.centre + shift, turn @ solid.axes, solid.fuzz)


def build(acting: Acting) -> list[Solid]:
    """All solids in world units, the robot's neck at (acting.x, acting.y)."""
    head_turn = rotation(acting.yaw, acting.pitch, acting.roll)
    body_turn = rotation(0.45 * acting.yaw, 0, 0)
    neck = np.array([0.0, 0.0, 0.0])
    flick = np.array([np.sin(acting.antenna), np.cos(acting.antenna), -0.1])
    head: list[Solid] = [
        Ellipsoid("head", np.array([0.0, 0.42, 0.0]), np.diag([0.74, 0.55, 0.58])),
        Capsule("joint", np.array([0.0, 0.95, 0.0]), np.array([0.0, 0.97, 0.0]) + flick * 0.20, 0.020),
        Ellipsoid("joint", np.array([0.0, 0.965, 0.0]), np.diag([0.10, 0.045, 0.10])),
        Ellipsoid("lamp", np.array([0.0, 0.99, 0.0]) + flick * 0.24, np.eye(3) * 0.068),
    ]
    for side in (-1.0, 1.0):
        head.append(Ellipsoid("ear", np.array([0.70 * side, 0.42, 0.0]), np.diag([0.10, 0.23, 0.23])))
        head.append(Ellipsoid("cap", np.array([0.775 * side, 0.42, 0.0]), np.diag([0.05, 0.12, 0.12])))
    body: list[Solid] = [
        Ellipsoid("body", np.array([0.0, -0.44, 0.0]), body_turn @ np.diag([0.46, 0.46, 0.42])),
        Ellipsoid("hover", np.array([0.0, -0.865, 0.0]), np.diag([0.22, 0.075, 0.20])),
    ]
    solids = [placed(solid, head_turn, neck) for solid in head]
    solids += body + scarf(body_turn, acting.wind)
    solids += arm(-1.0, acting.left_hand, 0.15) + arm(1.0, acting.right_hand, 0.25)
    lean = rotation(0, 0, acting.lean)
    return [placed(solid, lean, np.array([acting.x, acting.y, 0.0])) for solid in solids]


@dataclass(frozen=True, eq=False)
class Paint:
    """albedo, glow [n, 3] linear; gloss [n] 0 (dull) to 1 (polished)."""

    albedo: Array
    glow: Array
    gloss: Array


def painted(solids: list[Solid], seen: Seen, acting: Acting) -> Paint:
    """What covers each seen point."""
    n = len(seen.solid)
    albedo, glow, gloss = np.zeros((n, 3), np.float32), np.zeros((n, 3), np.float32), np.full(n, 0.35, np.float32)
    names = np.array([solid.paint for solid in solids])
    for name in dict.fromkeys(names):
        here = np.flatnonzero((names == name)[seen.solid])
        if here.size == 0:
            continue
        place = seen.place[here]
        if name == "head":
            albedo[here], glow[here], gloss[here] = paint_head(place, acting)
        elif name == "body":
            albedo[here], glow[here], gloss[here] = paint_body(place, acting)
        elif name == "wool":
            albedo[here], gloss[here] = paint_wool(place), 0.0
        elif name == "sleeve":
            band = smoothstep(0.50, 0.53, place[:, 1]) * smoothstep(0.80, 0.77, place[:, 1])
            albedo[here], gloss[here] = mix(VIOLET, TEAL, band), 0.7
        elif name == "lamp":
            albedo[here], glow[here] = AMBER, np.array(AMBER) * (0.75 + 0.5 * acting.mouth)
        else:
            colour, shine = {
                "joint": (GREY, 0.5),
                "mitten": (TEAL, 0.6),
                "ear": (ORANGE, 0.75),
                "cap": (VIOLET, 0.75),
                "hover": (DARK, 0.6),
            }[str(name)]
            albedo[here], gloss[here] = colour, shine
            if name == "hover":
                glow[here] = mix((0, 0, 0), np.array(GLOW) * 0.9, smoothstep(-0.45, -0.75, place[:, 1]))
    return Paint(albedo, glow, gloss)


def paint_head(place: Array, acting: Acting) -> tuple[Array, Array, Array]:
    """Violet shell with a seam and a visor; on the visor two eyes and a mouth of light."""
    longitude, latitude = np.arctan2(place[:, 0], place[:, 2]), np.arcsin(np.clip(place[:, 1], -1, 1))
    rim = (np.abs(longitude / 0.98) ** 3.2 + np.abs((latitude + 0.06) / 0.66) ** 3.2) ** (1 / 3.2)
    visor, frame = smoothstep(1.0, 0.985, rim), smoothstep(1.10, 1.085, rim)
    seam = smoothstep(0.022, 0.010, np.abs(place[:, 2] + 0.28))
    crown = smoothstep(0.80, 0.815, place[:, 1]) * smoothstep(0.88, 0.865, place[:, 1])
    shell = mix(mix(VIOLET, TEAL, crown), np.array(VIOLET) * 0.25, seam)
    albedo = mix(mix(shell, np.array(TEAL) * 0.55, frame), GLASS, visor)
    gloss = mix(0.75, 1.0, visor)
    scan = 0.92 + 0.08 * np.sin(latitude * 190)
    light = np.maximum(eyes(longitude, latitude, acting), lips(longitude, latitude, acting)) * visor * scan
    glow = light[:, None] * np.array(GLOW, np.float32) * 1.25
    halo = np.exp(-((np.abs(longitude) - 0.37) ** 2 + (latitude - 0.02) ** 2) / 0.05) * visor
    return albedo, glow + (halo * 0.03)[:, None] * np.array(GLOW, np.float32), gloss


def eyes(longitude: Array, latitude: Array, acting: Acting) -> Array:
    """Two upright ovals that shut for a blink; when it smiles broadly they become arches."""
    height = 0.205 * (1 - 0.9 * acting.lids)
    x, y = (np.abs(longitude) - 0.37) / 0.125, (latitude - 0.06) / height
    oval = smoothstep(1.04, 0.96, np.sqrt(x * x + y * y))
    spark = smoothstep(0.30, 0.22, np.hypot((np.abs(longitude) - 0.335) / 0.125, (latitude - 0.135) / 0.205))
    happy = float(np.clip((acting.smile - 0.8) / 0.2, 0, 1))
    bow = np.hypot(x, (latitude + 0.02) / 0.205 * 0.9)
    arch = smoothstep(1.06, 1.0, bow) * smoothstep(0.60, 0.66, bow) * smoothstep(-0.03, -0.01, latitude)
    gaze = oval * (0.86 + 0.5 * spark * (1 - acting.lids))
    return np.asarray(gaze * (1 - happy) + arch * happy, np.float32)


def lips(longitude: Array, latitude: Array, acting: Acting) -> Array:
    """A bowed stroke of light; sound pulls its lower edge down."""
    half_width = 0.17 + 0.05 * acting.smile - 0.015 * acting.mouth
    x = longitude / half_width
    inside = np.clip(1 - x * x, 0, 1)
    bow = -0.30 + 0.075 * acting.smile * (x * x - 0.5)
    upper = bow + (0.020 + 0.016 * acting.mouth) * np.sqrt(inside)
    lower = bow - (0.020 + 0.215 * acting.mouth) * np.sqrt(inside)
    edge = 0.008
    return np.asarray(smooth_between(latitude, lower, upper, edge) * (np.abs(x) < 1), np.float32)


def smooth_between(value: Array, low: Array, high: Array, edge: float) -> Array:
    """1 where low < value < high, with edges `edge` wide."""
    return np.asarray(
        np.clip((value - low) / edge + 0.5, 0, 1) * np.clip((high - value) / edge + 0.5, 0, 1), np.float32
    )


def paint_body(place: Array, acting: Acting) -> tuple[Array, Array, Array]:
    """Violet above, teal below a dark seam; a chest lamp that follows the voice."""
    below = smoothstep(-0.30, -0.315, place[:, 1])
    seam = smoothstep(0.030, 0.018, np.abs(place[:, 1] + 0.315))
    stripe = smoothstep(0.016, 0.008, np.abs(place[:, 1] + 0.42))
    albedo = mix(mix(mix(VIOLET, TEAL, below), ORANGE, stripe), DARK, seam)
    distance = np.hypot(place[:, 0] - 0.22, place[:, 1] - 0.10)
    front = (place[:, 2] > 0).astype(np.float32)
    ring, lens = smoothstep(0.150, 0.138, distance) * front, smoothstep(0.112, 0.100, distance) * front
    albedo = mix(mix(albedo, GREY, ring), np.array(AMBER) * 0.5, lens)
    glow = (lens * (0.25 + 1.1 * acting.mouth))[:, None] * np.array(AMBER, np.float32)
    return albedo, glow, np.full(len(place), 0.7, np.float32)


def paint_wool(place: Array) -> Array:
    """Knitted rows: V-shaped stitches that run around."""
    around = np.arctan2(place[:, 0], place[:, 2])
    rows = place[:, 1] * 7 + 0.35 * np.abs(((around * 11) % 2) - 1)
    stitch = 0.66 + 0.34 * np.cos(2 * np.pi * rows) * np.cos(np.pi * around * 11)
    return np.asarray(np.array(WOOL) * stitch[:, None], np.float32)
