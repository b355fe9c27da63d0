"""Made looks: outlines, textures, sprites of both, and pink noise for all of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]

Sprite: TypeAlias = NDArray[np.float32]
"""float32 [side, side, 4], red, green, blue in 0..255 times opacity, and opacity in 0..1; the middle is its centre."""

# How far an outline may reach beyond its nominal radius: the star's points, and the dents of every shape.
REACH = 1.4
_DENTS = 0.05
_SUPERSAMPLED = 2


def _polygon(angle: Floats, corners: int) -> Floats:
    """The radius of a regular polygon of the area of the unit circle, about."""
    step = 2 * np.pi / corners
    return 1.15 * np.cos(step / 2) / np.cos((angle % step) - step / 2)


# Angle (radians, 0 to the right, clockwise on the screen) -> radius as a multiple of the nominal one.
SHAPES: dict[str, Callable[[Floats], Floats]] = {
    "blob": lambda angle: 1 + 0.12 * np.sin(2 * angle) + 0.1 * np.sin(3 * angle + 1),
    "star": lambda angle: 0.95 + 0.32 * np.cos(5 * angle),
    "square": lambda angle: _polygon(angle, 4),
    "triangle": lambda angle: _polygon(angle, 3) ** 0.8,
    "bar": lambda angle: 0.55 * 1.3 / np.hypot(0.55 * np.cos(angle), 1.3 * np.sin(angle)),
    "cross": lambda angle: 0.9 + 0.38 * np.cos(4 * angle),
    "flower": lambda angle: 1 + 0.16 * np.cos(8 * angle),
    "drop": lambda angle: 0.85 + 0.45 * np.exp(-((((angle + np.pi / 2 + np.pi) % (2 * np.pi)) - np.pi) ** 2) / 0.25),
}

# Place across and down in multiples of the radius -> how much of the second colour, 0..1.
TEXTURES: dict[str, Callable[[Floats, Floats], Floats]] = {
    "plain": lambda x, y: np.zeros_like(x),
    "striped": lambda x, y: _edge(np.sin(9 * x)),
    "checked": lambda x, y: _edge(np.sin(7 * x) * np.sin(7 * y)),
    "dotted": lambda x, y: _edge(np.cos(8 * x) + np.cos(8 * y) - 0.7),
    "ringed": lambda x, y: _edge(np.sin(10 * np.hypot(x, y))),
    "wavy": lambda x, y: _edge(np.sin(9 * y + 2 * np.sin(5 * x))),
    "halved": lambda x, y: _edge(x - y),
    "netted": lambda x, y: _edge(np.maximum(np.cos(9 * x), np.cos(9 * y)) - 0.75),
}


def _edge(signed: Floats) -> Floats:
    return np.clip(signed * 4 + 0.5, 0, 1)


def pink_noise(height: int, width: int, random: np.random.Generator) -> Floats:
    """float64 [height, width] of mean 0 and deviation 1 whose amplitude falls as one over the frequency."""
    frequency = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None])
    frequency[0, 0] = np.inf
    noise = np.fft.irfft2(np.fft.rfft2(random.standard_normal((height, width))) / frequency, s=(height, width))
    return (noise - noise.mean()) / noise.std()


def draw_background(height: int, width: int, random: np.random.Generator) -> NDArray[np.float32]:
    """float32 [height, width, 3] in 0..255: pink noise in a colour, with a little of another in it."""
    base = random.uniform(70, 160, 3)
    grey, tint = pink_noise(height, width, random), pink_noise(height, width, random)
    picture = base + 26 * grey[..., None] + 10 * tint[..., None] * random.standard_normal(3)
    return np.clip(picture, 0, 255).astype(np.float32)


def draw_sprite(shape: str, texture: str, radius_px: float, random: np.random.Generator) -> Sprite:
    """A dented outline of its shape, turned a little, in two colours of which the texture says which is where."""
    side = 2 * int(np.ceil(REACH * radius_px)) + 3
    fine = side * _SUPERSAMPLED
    # Pixel centres of the fine picture, in multiples of the radius from the sprite's centre.
    axis = ((np.arange(fine) + 0.5) / _SUPERSAMPLED - side / 2) / radius_px
    x, y = np.meshgrid(axis, axis)
    turn = random.uniform(-0.3, 0.3)
    x, y = x * np.cos(turn) + y * np.sin(turn), y * np.cos(turn) - x * np.sin(turn)
    angle = np.arctan2(y, x)
    orders = np.arange(2, 7)
    dents = (_DENTS * random.standard_normal(5))[:, None, None] * np.cos(
        orders[:, None, None] * angle + random.uniform(0, 2 * np.pi, 5)[:, None, None]
    )
    outline = np.minimum(SHAPES[shape](angle) * (1 + dents.mean(axis=0)), REACH)
    inside = (np.hypot(x, y) <= outline).astype(np.float64)

    first = random.uniform(30, 225, 3)
    second = (first + random.uniform(80, 175, 3)) % 256
    share = TEXTURES[texture](x, y)[..., None]
    colour = first * (1 - share) + second * share + 30 * pink_noise(fine, fine, random)[..., None]
    rgba = np.concatenate([np.clip(colour, 0, 255) * inside[..., None], inside[..., None]], axis=2)
    return _halved(rgba).astype(np.float32)


def _halved(fine: Floats) -> Floats:
    side = fine.shape[0] // _SUPERSAMPLED
    return fine.reshape(side, _SUPERSAMPLED, side, _SUPERSAMPLED, 4).mean(axis=(1, 3))
