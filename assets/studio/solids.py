"""Exact pictures of ellipsoids and capsules seen by parallel rays along -z, with contact shade and soft shadow.

World axes: x right, y up, z towards the viewer. A solid is a plain frozen value; `trace` finds what each pixel sees.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]
Vector = NDArray[np.float64]


def rotation(yaw: float, pitch: float, roll: float) -> NDArray[np.float64]:
    """3 x 3: roll about z first, then pitch about x, then yaw about y. Radians."""
    cy, sy, cp, sp, cr, sr = (f(v) for v in (yaw, pitch, roll) for f in (np.cos, np.sin))
    about_y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    about_x = np.array([[1, 0, 0], [0, cp, -sp], [0, sp, cp]])
    about_z = np.array([[cr, -sr, 0], [sr, cr, 0], [0, 0, 1]])
    return np.asarray(about_y @ about_x @ about_z)


@dataclass(frozen=True, eq=False)
class Ellipsoid:
    """centre [3]; axes 3 x 3, its columns the half axes. fuzz: depth of the hair as a share of the radius."""

    paint: str
    centre: Vector
    axes: NDArray[np.float64]
    fuzz: float = 0.0

    def reach(self) -> tuple[Vector, Vector]:
        """Corners (low, high) of the box around it in x, y."""
        half = np.sqrt((self.axes[:2] ** 2).sum(1)) * (1 + self.fuzz)
        return self.centre[:2] - half, self.centre[:2] + half

    def balls(self) -> list[Ellipsoid]:
        return [self]

    def hit(self, x: Array, y: Array) -> tuple[NDArray[np.bool_], Array, Array, Array]:
        """hit [n], depth z [n], normal [n, 3], and where on the unit sphere [n, 3], for rays at x, y [n]."""
        inverse = np.linalg.inv(self.axes)
        along = inverse[:, 2].astype(np.float32)
        start = -(inverse @ self.centre).astype(np.float32)
        right, up = inverse[:, 0].astype(np.float32), inverse[:, 1].astype(np.float32)
        local = start + x[:, None] * right + y[:, None] * up
        a, b, squared = float(along @ along), local @ along, (local * local).sum(1)
        size = np.ones_like(squared)
        if self.fuzz:
            closest = local - (b / np.float32(a))[:, None] * along
            size = hair(closest, self.fuzz)
        discriminant = b * b - np.float32(a) * (squared - size * size)
        found = discriminant > 0
        depth = (-b + np.sqrt(np.maximum(discriminant, 0))) / np.float32(a)
        surface = local + depth[:, None] * along
        normal = surface @ inverse.astype(np.float32)
        return found, depth, normal / np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-6), surface


def hair(closest: Array, depth: float) -> Array:
    """Radius [n] of a hairy unit sphere at the rim point nearest to each ray: fine waves in the rim's direction."""
    angle = np.arctan2(closest[:, 1], closest[:, 0] + 0.4 * closest[:, 2])
    wave = np.sin(61 * angle + 1.3 * np.sin(17 * angle)) * np.sin(37 * angle + 2.1 * np.sin(23 * angle))
    return np.asarray(1 + depth * wave, np.float32)


@dataclass(frozen=True, eq=False)
class Capsule:
    """A stick with round ends from `start` [3] to `stop` [3]."""

    paint: str
    start: Vector
    stop: Vector
    radius: float

    def reach(self) -> tuple[Vector, Vector]:
        return (
            np.minimum(self.start, self.stop)[:2] - self.radius,
            np.maximum(self.start, self.stop)[:2] + self.radius,
        )

    def balls(self) -> list[Ellipsoid]:
        """Three balls that stand for it where shade and shadow are computed."""
        axes = np.eye(3) * self.radius
        return [Ellipsoid(self.paint, self.start + (self.stop - self.start) * s, axes) for s in (0.1, 0.5, 0.9)]

    def hit(self, x: Array, y: Array) -> tuple[NDArray[np.bool_], Array, Array, Array]:
        """As `Ellipsoid.hit`; the third place value is (share along the stick, 0, 0)."""
        axis = (self.stop - self.start).astype(np.float32)
        length2 = float(axis @ axis)
        origin = np.stack([x, y, np.zeros_like(x)], 1) - self.start.astype(np.float32)
        across = np.float32(max(length2 - float(axis[2]) ** 2, 1e-9))
        toward, climb = origin @ axis, origin[:, 2]
        b = length2 * climb - toward * axis[2]
        c = length2 * (origin * origin).sum(1) - toward**2 - np.float32(self.radius**2 * length2)
        discriminant = b * b - across * c
        side = (-b + np.sqrt(np.maximum(discriminant, 0))) / across
        share = (toward + side * axis[2]) / np.float32(length2)
        on_side = (discriminant > 0) & (share > 0) & (share < 1)
        end = np.where(share > 0.5, np.float32(1), np.float32(0))
        if float(across) < 1e-6:
            end = np.full_like(x, 1.0 if axis[2] > 0 else 0.0)
        from_end = origin - end[:, None] * axis
        inner = from_end[:, 2] ** 2 - ((from_end * from_end).sum(1) - np.float32(self.radius**2))
        cap = -from_end[:, 2] + np.sqrt(np.maximum(inner, 0))
        depth = np.where(on_side, side, cap)
        share = np.clip(np.where(on_side, share, end), 0, 1)
        point = origin.copy()
        point[:, 2] += depth
        normal = (point - share[:, None] * axis) / np.float32(self.radius)
        place = np.zeros_like(point)
        place[:, 0] = share
        return on_side | (inner > 0), depth, normal, place


Solid = Ellipsoid | Capsule


@dataclass(frozen=True, eq=False)
class Seen:
    """What the rays found. rows, columns: the pixels, int [n]; the rest belongs to each of them."""

    rows: NDArray[np.intp]
    columns: NDArray[np.intp]
    solid: NDArray[np.intp]
    point: Array
    normal: Array
    place: Array


def trace(solids: list[Solid], height_px: int, width_px: int, px_per_unit: float, origin_px: Vector) -> Seen:
    """The nearest solid in every pixel whose centre's ray meets one.

    origin_px: where the world's (0, 0) lies, x right and y down, in pixels; pixel (i, j) has its centre at (j, i).
    """
    depth = np.full((height_px, width_px), -np.inf, np.float32)
    solid_of = np.full((height_px, width_px), -1, np.intp)
    normals = np.zeros((height_px, width_px, 3), np.float32)
    places = np.zeros((height_px, width_px, 3), np.float32)
    for number, solid in enumerate(solids):
        low, high = solid.reach()
        left, right = (int(np.floor(origin_px[0] + v * px_per_unit)) + s for v, s in ((low[0], 0), (high[0], 2)))
        top, bottom = (int(np.floor(origin_px[1] - v * px_per_unit)) + s for v, s in ((high[1], 0), (low[1], 2)))
        left, right, top, bottom = max(left, 0), min(right, width_px), max(top, 0), min(bottom, height_px)
        if left >= right or top >= bottom:
            continue
        rows, columns = np.mgrid[top:bottom, left:right]
        x = ((columns.ravel() - origin_px[0]) / px_per_unit).astype(np.float32)
        y = ((origin_px[1] - rows.ravel()) / px_per_unit).astype(np.float32)
        found, z, normal, place = solid.hit(x, y)
        shape = rows.shape
        window = np.s_[top:bottom, left:right]
        nearer = found.reshape(shape) & (z.reshape(shape) > depth[window])
        depth[window][nearer] = z.reshape(shape)[nearer]
        solid_of[window][nearer] = number
        normals[window][nearer] = normal.reshape(*shape, 3)[nearer]
        places[window][nearer] = place.reshape(*shape, 3)[nearer]
    rows, columns = np.nonzero(solid_of >= 0)
    x, y = (columns - origin_px[0]) / px_per_unit, (origin_px[1] - rows) / px_per_unit
    point = np.stack([x, y, depth[rows, columns]], 1).astype(np.float32)
    return Seen(rows, columns, solid_of[rows, columns], point, normals[rows, columns], places[rows, columns])


BLOCK = 4096
"""Points that are worked on at a time: few enough that they stay in the processor's cache."""


def contact_shade(solids: list[Solid], seen: Seen) -> Array:
    """Share of the sky that stays open, [n] in 0..1: each other solid hides (n . d) / r^2 of it, r in its own radii."""
    balls = [
        (number, ball.centre.astype(np.float32)[:, None], np.linalg.inv(ball.axes).astype(np.float32))
        for number, solid in enumerate(solids)
        for ball in solid.balls()
    ]
    still_open = np.ones(len(seen.solid), np.float32)
    for start in range(0, len(seen.solid), BLOCK):
        part = slice(start, start + BLOCK)
        point, normal = np.ascontiguousarray(seen.point[part].T), np.ascontiguousarray(seen.normal[part].T)
        for number, centre, inverse in balls:
            toward = centre - point
            facing = np.maximum(np.einsum("in,in->n", toward, normal), 0)
            local = inverse @ toward
            radii2 = np.maximum(np.einsum("in,in->n", local, local), 1)
            hidden = np.float32(0.85) * facing / (np.sqrt(np.einsum("in,in->n", toward, toward) + 1e-9) * radii2)
            still_open[part] *= 1 - hidden * (seen.solid[part] != number)
    return still_open


def soft_shadow(solids: list[Solid], seen: Seen, light: Array, softness: float) -> Array:
    """Share of the light that arrives, [n] in 0..1. softness: width of the half shadow for each radius of way."""
    arrives = np.ones(len(seen.solid), np.float32)
    for number, solid in enumerate(solids):
        for ball in solid.balls():
            inverse = np.linalg.inv(ball.axes).astype(np.float32)
            way = inverse @ light
            shade_of(
                arrives,
                seen,
                number,
                inverse,
                ball.centre.astype(np.float32)[:, None],
                way / np.linalg.norm(way),
                softness,
            )
    return arrives


def shade_of(
    arrives: Array, seen: Seen, number: int, inverse: Array, centre: Array, way: Array, softness: float
) -> None:
    """Multiplies `arrives` by what one ball lets through. way [3]: towards the light, in the ball's own unit space."""
    for start in range(0, len(seen.solid), BLOCK):
        part = slice(start, start + BLOCK)
        local = inverse @ (np.ascontiguousarray(seen.point[part].T) - centre)
        along = -(way @ local)
        if not (along > 0).any():
            continue
        closest = np.sqrt(np.maximum(np.einsum("in,in->n", local, local) - along * along, 0))
        width = np.maximum(np.float32(softness) * along, np.float32(0.02))
        free = np.clip((closest - 1) / width + np.float32(0.5), 0, 1)
        through = free * free * (3 - 2 * free)
        arrives[part] *= np.where((along > 0) & (seen.solid[part] != number), through, np.float32(1))
