"""SAM on pictures: our engine beside segment-anything's own predictor and generator, on the same weights."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from gpu_models import SamSize, install_sam
from gpu_timing import Row, floor_s, seconds

from avfusion.clip import Point, Rgb
from avfusion.engines.registry import lend
from avfusion.segmentation.sam_file import read_sam
from avfusion.segmentation.torch_device import halved


@dataclass(frozen=True)
class Pictures:
    """width_px, height_px: of the picture. points: along each side of the grid of "segment everything"."""

    width_px: int
    height_px: int
    points: int
    rounds: int


FULL = Pictures(1920, 1080, 32, 10)
SMALL = Pictures(192, 108, 8, 1)


def encoder_rows(sizes: Sequence[SamSize], pictures: Pictures, device: str) -> Iterator[Row]:
    """A picture to its embedding, in float32 as the package works, and in the precision that we take."""
    rgb = picture(pictures)
    for size in sizes:
        stock = _predictor(install_sam(size), device)
        with lend(size.engine, "segmentation", device) as engine:
            ours_s = seconds(partial(engine._model.encode, rgb), device, pictures.rounds)
            again_s = _second_click_s(engine, rgb, device, pictures.rounds)
        plain_s = seconds(partial(stock.set_image, rgb), device, pictures.rounds)
        with halved(device):
            half_s = seconds(partial(stock.set_image, rgb), device, pictures.rounds)
        floor = floor_s(size.gflop, device)
        floor_ms = None if floor is None else 1000 * floor
        name = f"{size.engine}, encoder"
        yield Row(name, 1000 * ours_s, "segment-anything", 1000 * plain_s, "ms", floor_ms)
        yield Row(name, 1000 * ours_s, "segment-anything, our precision", 1000 * half_s, "ms", floor_ms)
        yield Row(f"{size.engine}, second click", 1000 * again_s, "the first click", 1000 * (ours_s + again_s), "ms")


def everything_rows(sizes: Sequence[SamSize], pictures: Pictures, device: str) -> Iterator[Row]:
    """Every mask in a picture. The bars are such that a fifth of the candidates pass the first, as random scores do
    not pass those of trained ones."""
    from segment_anything import SamAutomaticMaskGenerator

    from avfusion.segmentation.automatic import AutomaticSettings, everything

    rgb = picture(pictures)
    for size in sizes:
        path = install_sam(size)
        bar = _fifth_best_score(_predictor(path, device), rgb)
        generator = SamAutomaticMaskGenerator(
            read_sam(path).to(device), points_per_side=pictures.points, pred_iou_thresh=bar, stability_score_thresh=0.1
        )
        settings = AutomaticSettings(points_per_side=pictures.points, least_score=bar, least_stability=0.1)
        with lend(size.engine, "segmentation", device) as engine:
            work = partial(everything, engine._model, rgb, settings)
            ours_s, found = seconds(work, device, pictures.rounds), len(work())
        theirs_s = seconds(partial(generator.generate, rgb), device, max(1, pictures.rounds // 5))
        what = f"{size.engine}, everything ({pictures.points} x {pictures.points} points, {found} masks)"
        yield Row(what, 1000 * ours_s, "SamAutomaticMaskGenerator", 1000 * theirs_s, "ms")


def picture(pictures: Pictures) -> Rgb:
    """Spots of all colours, uint8 [H, W, 3]."""
    spots = np.random.default_rng(0).integers(0, 256, (9, 16, 3), np.uint8)
    size = (pictures.width_px, pictures.height_px)
    return np.asarray(cv2.resize(spots, size, interpolation=cv2.INTER_CUBIC), np.uint8)


def _predictor(path: Path, device: str) -> Any:
    from segment_anything import SamPredictor

    return SamPredictor(read_sam(path).to(device))


def _second_click_s(engine: Any, rgb: Rgb, device: str, rounds: int) -> float:
    height, width = rgb.shape[:2]
    return seconds(lambda: engine.segment(rgb, [Point(width / 2, height / 2)]), device, rounds)


def _fifth_best_score(predictor: Any, rgb: Rgb) -> float:
    """The score that a fifth of the candidates reach, by a small grid of clicks."""
    predictor.set_image(rgb)
    height, width = rgb.shape[:2]
    clicks = [(x * width, y * height) for x in (0.1, 0.3, 0.5, 0.7, 0.9) for y in (0.1, 0.5, 0.9)]
    scores = [predictor.predict(np.array([click]), np.array([1]))[1] for click in clicks]
    return float(np.quantile(np.concatenate(scores), 0.8))
