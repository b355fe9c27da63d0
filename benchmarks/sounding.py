"""Runs the sounding engine `mutual-information` over made scenes of known truth and prints how often it is right.

    python benchmarks/sounding.py [--seeds 1000:1040] [--presets one two ...]

hit: of the things that sound and move, those that a source points at. first: the surest source points at one. stray:
sources a clip that point at nothing that sounds. IoU: of the cells with more than half of the greatest heat and those
that the sounding things cover. seconds: of those that are truly silent or not, those called so, of the sources that
were right. swapped, mute: clips in which the engine abstains with the next clip's sound, and with silence.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from avfusion.clip import Clip, Frame, Point, Rgb, Sound
from avfusion.datasets.scenes import Scene, draw_scene
from avfusion.datasets.scenes_settings import PRESETS
from avfusion.media.pictures import RgbaPicture
from avfusion.sounding import Source, Sources
from avfusion.sounding.mutual_information import MutualInformation


@dataclass
class Scores:
    """hits, seconds: one number for each thing and each of its seconds; the others one for each clip."""

    hits: list[bool] = field(default_factory=list)
    first: list[bool] = field(default_factory=list)
    stray: list[int] = field(default_factory=list)
    iou: list[float] = field(default_factory=list)
    seconds: list[bool] = field(default_factory=list)
    swapped: list[bool] = field(default_factory=list)
    mute: list[bool] = field(default_factory=list)
    took_s: list[float] = field(default_factory=list)


def clip_of(scene: Scene) -> Clip:
    """The scene's pictures as a clip that is read from memory."""

    def read(clip: Clip, start: int, stop: int, backwards: bool) -> Iterator[Frame]:
        indices = range(stop - 1, start - 1, -1) if backwards else range(start, stop)
        for index in indices:
            yield Frame(index, Fraction(index) / scene.fps, RgbaPicture(_opaque(scene.frames[index])))

    count, height, width = scene.frames.shape[:3]
    return Clip(
        Path("made"), width, height, scene.fps, 1 / scene.fps, np.arange(count), count, "made", "made", "rgb24",
        read_frames=read,
    )  # fmt: skip


def score(name: str, seeds: range) -> Scores:
    """Over the scenes of one preset; each is also heard with the next one's sound, and without any."""
    out = Scores()
    sound = draw_scene(PRESETS[name], seeds.stop).sound
    for seed in reversed(seeds):
        scene = draw_scene(PRESETS[name], seed)
        clip = clip_of(scene)
        start = time.perf_counter()
        found = _located(clip, scene.sound)
        out.took_s.append(time.perf_counter() - start)
        _compare(scene, found, out)
        out.swapped.append(not _located(clip, sound).found)
        out.mute.append(not _located(clip, Sound(np.zeros_like(sound.samples), sound.rate_hz)).found)
        sound = scene.sound
    return out


def _compare(scene: Scene, found: Sources, out: Scores) -> None:
    playing = range(scene.settings.sources)
    pointed = [_pointed_at(scene, source) for source in found.found]
    out.hits += [thing in pointed for thing in playing]
    out.first.append(bool(pointed) and pointed[0] in playing)
    out.stray.append(sum(thing not in playing for thing in pointed))
    for source, thing in zip(found.found, pointed, strict=True):
        if thing in playing:
            out.seconds += ((source.sounds >= 0.5) == scene.sounds[thing]).tolist()
    if found.heat is None:
        out.iou.append(0.0)
        return
    rows, columns = found.heat.shape[1:]
    covered = scene.masks[list(playing)].any(axis=0).mean(axis=0).astype(np.float32)
    truth = cv2.resize(covered, (columns, rows), interpolation=cv2.INTER_AREA) > 0.5
    hot = found.heat.max(axis=0) > 0.5
    out.iou.append(float((hot & truth).sum() / max((hot | truth).sum(), 1)))


def _pointed_at(scene: Scene, source: Source) -> int:
    """The thing at the source's first point; -1 for none."""
    point = source.prompts[0]
    assert isinstance(point, Point)
    there = np.flatnonzero(scene.masks[:, point.frame, int(point.y), int(point.x)])
    return int(there[0]) if len(there) else -1


def _located(clip: Clip, sound: Sound) -> Sources:
    return MutualInformation().locate(clip, sound, folder=Path(), tell=lambda *_: None)


def _opaque(rgb: Rgb) -> NDArray[np.uint8]:
    return np.dstack([rgb, np.full(rgb.shape[:2], 255, np.uint8)])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", default="1000:1040")
    parser.add_argument("--presets", nargs="*", default=list(PRESETS))
    arguments = parser.parse_args()
    seeds = range(*map(int, arguments.seeds.split(":")))
    print(
        f"{'preset':<12}{'hit':>7}{'first':>7}{'stray':>7}{'IoU':>7}{'seconds':>9}{'swapped':>9}{'mute':>7}{'s/clip':>8}"
    )
    for name in arguments.presets:
        got = score(name, seeds)
        means = (got.hits, got.first, got.stray, got.iou, got.seconds, got.swapped, got.mute, got.took_s)
        widths = (7, 7, 7, 7, 9, 9, 7, 8)
        print(
            f"{name:<12}" + "".join(f"{np.mean(each):>{w}.3f}" for each, w in zip(means, widths, strict=True)),
            flush=True,
        )


if __name__ == "__main__":
    main()
