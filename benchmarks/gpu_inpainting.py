"""Holes filled by diffusion: our engines beside diffusers' pipelines alone, and the memory that they take."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from gpu_clips import Clips, make_clip
from gpu_diffusion import ENGINES, install_diffusion
from gpu_pictures import Pictures, picture
from gpu_timing import Row, peak_bytes, seconds

from avfusion.clip import Clip, Mask, MaskTrack
from avfusion.engines.catalogue import find
from avfusion.engines.engine import MIB
from avfusion.engines.registry import lend
from avfusion.inpainting import Wish
from avfusion.inpainting.diffusion import GRID_PX, Diffusion
from avfusion.inpainting.diffusion_fit import fit_around
from avfusion.inpainting.wan_vace import WanVace


@dataclass(frozen=True)
class Holes:
    """steps: of the diffusion. frames: of the clip, one window of the network for clips."""

    is_small: bool
    pictures: Pictures
    steps: int
    frames: int
    rounds: int


FULL = Holes(False, Pictures(1920, 1080, 0, 0), 20, 81, 2)
SMALL = Holes(True, Pictures(96, 64, 0, 0), 2, 9, 1)


def picture_rows(holes: Holes, device: str) -> Iterator[Row]:
    """One picture with a hole in the middle, beside the pipeline alone on as large a picture."""
    rgb = picture(holes.pictures)
    hole = _hole(holes.pictures)
    wish = Wish(words="a car", steps=holes.steps)
    for name in ENGINES[:2]:
        install_diffusion(name, is_small=holes.is_small)
        with lend(name, "inpainting", device) as engine:
            ours_s = seconds(partial(engine.paint, rgb, hole, wish), device, holes.rounds)
            alone_s = seconds(partial(_alone, engine, hole, wish), device, holes.rounds)
            peak = peak_bytes(partial(engine.paint, rgb, hole, wish), device)
        what = f"{name}, {holes.pictures.width_px} x {holes.pictures.height_px}, {holes.steps} steps"
        yield Row(what, 1000 * ours_s, "diffusers' pipeline alone", 1000 * alone_s, "ms")
        yield _memory_row(name, peak)


def clip_rows(holes: Holes, device: str, folder: Path) -> Iterator[Row]:
    """One window of a clip, beside a picture of the same network: how much the frames of a window share."""
    name = ENGINES[2]
    install_diffusion(name, is_small=holes.is_small)
    size = Clips(holes.pictures.width_px, holes.pictures.height_px, holes.frames, 0, 0, 0, 0)
    wish = Wish(words="car", steps=holes.steps)
    with lend(name, "inpainting", device) as engine:
        whole, one = (make_clip(folder / f"holes-{count}.mp4", size, count) for count in (holes.frames, 1))
        whole_s = seconds(partial(_fill, engine, whole, holes, wish), device, holes.rounds)
        one_s = seconds(partial(_fill, engine, one, holes, wish), device, holes.rounds)
        peak = peak_bytes(partial(_fill, engine, whole, holes, wish), device)
    what = f"{name}, {holes.frames} frames, {holes.steps} steps"
    yield Row(what, holes.frames / whole_s, "frame by frame", 1 / one_s, "frames/s")
    yield _memory_row(name, peak)


def _memory_row(name: str, peak: float) -> Row:
    known = find(name, "inpainting").peak_memory_bytes
    return Row(f"{name}, peak memory", peak / MIB, "the least it is known to need", known / MIB, "MiB")


def _hole(pictures: Pictures) -> Mask:
    hole = np.zeros((pictures.height_px, pictures.width_px), bool)
    height, width = pictures.height_px // 4, pictures.width_px // 4
    hole[height : 3 * height, width : 3 * width] = True
    return hole


def _alone(engine: Diffusion, hole: Mask, wish: Wish) -> None:
    from PIL import Image

    fit = fit_around(hole, side_px=engine.side_px, grid_px=GRID_PX)
    height, width = fit.network_size
    engine._pipeline(
        prompt=wish.words, image=Image.new("RGB", (width, height)), mask_image=Image.new("L", (width, height), 255),
        height=height, width=width, num_inference_steps=wish.steps, strength=1.0, guidance_scale=wish.guidance,
    )  # fmt: skip


def _fill(engine: WanVace, clip: Clip, holes: Holes, wish: Wish) -> None:
    row = np.packbits(_hole(holes.pictures))
    masks = MaskTrack(
        clip.width_px, clip.height_px, clip.frame_count, {1: np.tile(row, (clip.frame_count, 1))},
        {1: np.ones(clip.frame_count, np.float32)}, "by hand",
    )  # fmt: skip
    for _ in engine.fill(clip, masks, wish, folder=Path(), tell=lambda stage, done, total: None):
        pass
