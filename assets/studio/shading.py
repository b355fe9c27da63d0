"""Golden-hour light on the robot: a low warm sun from the left, blue sky above, warm ground below."""

from __future__ import annotations

import numpy as np

from studio.noise import mix, smoothstep
from studio.robot import Paint
from studio.solids import Array, Seen, Solid, contact_shade, soft_shadow

TO_SUN = np.array([-0.74, 0.50, 0.45], np.float32) / np.float32(np.linalg.norm([-0.74, 0.50, 0.45]))
TO_RIM = np.array([0.80, 0.35, -0.48], np.float32) / np.float32(np.linalg.norm([0.80, 0.35, -0.48]))
SUN = np.array([1.75, 1.30, 0.82], np.float32)
RIM = np.array([0.50, 0.42, 0.36], np.float32)
SKY = np.array([0.46, 0.55, 0.74], np.float32)
GROUND = np.array([0.20, 0.17, 0.085], np.float32)


def surroundings(direction: Array) -> Array:
    """Linear light [n, 3] that comes from `direction` [n, 3]: what a polished surface mirrors."""
    up = direction[:, 1]
    sky = mix((1.05, 0.82, 0.56), (0.30, 0.45, 0.72), smoothstep(-0.02, 0.65, up))
    ground = mix((0.30, 0.25, 0.12), (0.10, 0.11, 0.05), smoothstep(-0.02, -0.7, up))
    light = mix(ground, sky, smoothstep(-0.04, 0.04, up))
    toward_sun = np.clip(direction @ TO_SUN, 0, 1)[:, None]
    return np.asarray(light * (0.65 + 0.6 * toward_sun) + SUN * 1.4 * toward_sun**40, np.float32)


def lit(solids: list[Solid], seen: Seen, paint: Paint) -> Array:
    """Linear light [n, 3] that each seen point sends to the viewer."""
    normal = seen.normal
    still_open = contact_shade(solids, seen)
    arrives = soft_shadow(solids, seen, TO_SUN, 0.28)
    wrap = np.where(paint.gloss < 0.1, np.float32(0.25), np.float32(0.08))
    sun = np.clip((normal @ TO_SUN + wrap) / (1 + wrap), 0, 1) * arrives
    rim = np.clip(normal @ TO_RIM, 0, 1) ** 1.5
    sky = mix(GROUND, SKY, 0.5 + 0.5 * normal[:, 1]) * (still_open * still_open * 0.35 + still_open * 0.65)[:, None]
    diffuse = paint.albedo * (sun[:, None] * SUN + rim[:, None] * RIM + sky)
    facing = np.clip(normal[:, 2], 0, 1)
    mirrored = 2 * facing[:, None] * normal
    mirrored[:, 2] -= 1
    fresnel = (0.04 + 0.96 * (1 - facing) ** 5) * paint.gloss
    coat = surroundings(mirrored) * (fresnel * (0.25 + 0.75 * still_open))[:, None]
    half = TO_SUN + np.array([0, 0, 1], np.float32)
    half /= np.linalg.norm(half)
    sharpness = 20 + 260 * paint.gloss**2
    glint = np.clip(normal @ half, 0, 1) ** sharpness * paint.gloss * arrives * (0.25 + 0.6 * paint.gloss)
    window = softbox(normal) * paint.gloss * (paint.gloss > 0.95)
    fuzz = (1 - facing) ** 3 * (paint.gloss < 0.1) * 0.35
    return np.asarray(
        diffuse * (1 + fuzz[:, None]) + coat + glint[:, None] * SUN + window[:, None] * np.float32(0.05) + paint.glow,
        np.float32,
    )


def softbox(normal: Array) -> Array:
    """A slanted pane of light on the visor, as under a bright cloud."""
    slant = normal[:, 0] + 0.35 * normal[:, 1]
    pane = smoothstep(-0.62, -0.56, slant) * smoothstep(-0.22, -0.30, slant)
    return np.asarray(pane * smoothstep(0.05, 0.30, normal[:, 1]), np.float32)
