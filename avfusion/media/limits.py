"""What is too large to decode, asked before anything is decoded."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

from avfusion.errors import TooLarge


@dataclass(frozen=True)
class Limits:
    """Sizes up to which a file is decoded. What is left out is as `enforce` said last.

    As long as it said nothing, 8K video and a day of it are admitted, and no picture bomb. pixels: of one frame.
    work_pixels: pixels times frames of a clip. file_bytes: of a file on disk.
    """

    pixels: float = field(default_factory=lambda: _in_force.pixels)
    frames: float = field(default_factory=lambda: _in_force.frames)
    seconds: float = field(default_factory=lambda: _in_force.seconds)
    work_pixels: float = field(default_factory=lambda: _in_force.work_pixels)
    file_bytes: float = field(default_factory=lambda: _in_force.file_bytes)


USUAL: Limits = Limits(
    pixels=8192 * 8192, frames=86_400 * 60, seconds=86_400, work_pixels=float("inf"), file_bytes=float("inf")
)
_in_force: Limits = USUAL


def enforce(limits: Limits) -> None:
    """From now on this process decodes nothing beyond these, whatever door a file came through."""
    global _in_force
    _in_force = limits


def check_size(path: Path, width_px: int, height_px: int, limits: Limits) -> None:
    if width_px * height_px > limits.pixels:
        raise TooLarge(
            f"{path}: {width_px} x {height_px} pixels are more than are taken here "
            f"({limits.pixels / 1e6:.3g} megapixels). Scale it down first."
        )


def check_frames(path: Path, frames: int, limits: Limits, frame_pixels: int = 0) -> None:
    """frame_pixels: width times height; then the work is checked too."""
    if frames > limits.frames:
        raise TooLarge(f"{path}: more frames than are taken here ({limits.frames:.0f}). Cut it first.")
    if frames * frame_pixels > limits.work_pixels:
        raise TooLarge(
            f"{path}: {frames} frames of {frame_pixels / 1e6:.3g} megapixels and more are "
            f"{frames * frame_pixels / 1e9:.3g} gigapixels, and {limits.work_pixels / 1e9:.3g} are taken here. "
            "Cut the clip or scale it down first."
        )


def check_length(path: Path, length_s: Fraction | float, limits: Limits) -> None:
    if length_s > limits.seconds:
        raise TooLarge(
            f"{path}: {time_in_words(float(length_s))} long, and {time_in_words(limits.seconds)} are taken here. "
            "Cut it first."
        )


def check_bytes(path: Path, limits: Limits) -> None:
    """For what comes in from outside; what we make of it may be larger."""
    size_bytes = path.stat().st_size
    if size_bytes > limits.file_bytes:
        raise TooLarge(
            f"{path}: {size_bytes / 1e6:.4g} MB, and {limits.file_bytes / 1e6:.4g} MB are taken here. "
            "Cut it or scale it down first."
        )


def time_in_words(seconds: float) -> str:
    """36000 -> 10 hours; 90 -> 90 seconds"""
    for unit, length in (("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.3g} {unit}"
    return f"{seconds:.3g} seconds"
