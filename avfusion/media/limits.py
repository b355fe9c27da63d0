"""What is too large to decode, asked before anything is decoded."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from avfusion.errors import TooLarge


@dataclass(frozen=True)
class Limits:
    """Sizes up to which a file is decoded. The defaults admit 8K video and a day of it, and no picture bomb."""

    pixels: int = 8192 * 8192
    frames: int = 86_400 * 60


def check_size(path: Path, width_px: int, height_px: int, limits: Limits) -> None:
    if width_px * height_px > limits.pixels:
        raise TooLarge(
            f"{path}: {width_px} x {height_px} pixels are more than this program decodes "
            f"({limits.pixels / 1e6:.0f} megapixels). Scale it down first."
        )


def check_frames(path: Path, frames: int, limits: Limits) -> None:
    if frames > limits.frames:
        raise TooLarge(f"{path}: {frames} frames are more than this program takes ({limits.frames}). Cut it first.")
