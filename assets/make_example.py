"""Renders the example that AVFusion ships, from nothing but this code and the speech in `speech.flac`.

    python assets/make_example.py [clip] [lake] [sea] [--truth DIR]

    clip   example.mp4, example_truth.json, prompts.json     about ten minutes on two cores
    lake   background.jpg                                    half a minute
    sea    background.mp4                                    two minutes

Without names it makes all three. `--truth DIR` also writes the robot's exact mask for every frame as 00000.png (0 or
255), 00001.png, ... Needs numpy, OpenCV, PyAV and soundfile. The pixels before encoding are the same on every run.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from multiprocessing import get_context
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from studio.encode import write_mp4
from studio.lake import paint_lake
from studio.motion import FPS, FRAME_COUNT, acting_at, camera_at
from studio.rle import as_text, run_lengths
from studio.sea import FPS as SEA_FPS
from studio.sea import LOOP_S, Sea
from studio.shot import PX_PER_UNIT, Shot, Stage, robot_origin
from studio.sound import clip_sound, loudness_db, mouth_openings

HERE = Path(__file__).resolve().parent
TRUTH_STEP = 15
"""`example_truth.json` holds every so manyth frame, and the last."""

LAMP_PX, ANTENNA_PX = 60, 108

stage: Stage | None = None


def set_the_stage(openings: NDArray[np.float32]) -> None:
    """Runs once in each worker process: the scenery is painted there."""
    global stage
    cv2.setNumThreads(1)
    stage = Stage(openings)


def render(index: int) -> Shot:
    if stage is None:
        raise RuntimeError("set_the_stage has not run in this process")
    return stage.render(index)


def make_clip(truth: Path | None) -> None:
    sound = clip_sound(HERE / "speech.flac")
    openings = mouth_openings(sound)
    kept: dict[str, str] = {}
    with get_context("spawn").Pool(2, set_the_stage, (openings,)) as pool:

        def frames() -> Iterator[NDArray[np.uint8]]:
            for index, shot in enumerate(pool.imap(render, range(FRAME_COUNT))):
                mask = shot.alpha >= 0.5
                if index == 0:
                    write_prompts(mask)
                if index % TRUTH_STEP == 0 or index == FRAME_COUNT - 1:
                    kept[str(index)] = as_text(run_lengths(mask))
                if truth is not None:
                    cv2.imwrite(str(truth / f"{index:05d}.png"), mask.astype(np.uint8) * 255)
                print(f"\rclip {index + 1}/{FRAME_COUNT}", end="", file=sys.stderr, flush=True)
                yield shot.rgb

        part = HERE / "example.part.mp4"
        write_mp4(part, frames(), FPS, 20.5, sound)
        part.replace(HERE / "example.mp4")
    write_truth(kept, openings, loudness_db(sound))


def write_prompts(mask: NDArray[np.bool_]) -> None:
    """Of frame 0: clicks on the hands, arm, shoulder, forehead and antenna, boxes around the robot and the antenna."""
    acting, camera = acting_at(0.0, 0.0), camera_at(0.0)
    origin, scale = robot_origin(camera), PX_PER_UNIT * camera.zoom
    spots = ((0.66, -0.78), (0.10, 1.22), (-0.75, -0.73), (-0.60, -0.40), (0.10, 0.95), (-0.48, -0.24))
    points = [
        [round(origin[0] + scale * (acting.x + x)), round(origin[1] - scale * (acting.y + y)), 1] for x, y in spots
    ]
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    box = [int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1]
    top = int(rows[0])
    columns = np.flatnonzero(mask[: top + LAMP_PX].any(0))
    antenna = [int(columns[0]) - 6, top - 6, int(columns[-1]) + 7, top + ANTENNA_PX]
    given = {"points": points, "box": box, "antenna": antenna}
    (HERE / "prompts.json").write_text(json.dumps(given) + "\n")


def write_truth(masks: dict[str, str], openings: NDArray[np.float32], level_db: NDArray[np.float64]) -> None:
    """Masks of the robot (COCO run lengths), the mouth's opening 0..1 and the sound's level for each frame."""
    truth = {
        "size": [720, 1280],
        "mouth": [round(float(value), 3) for value in openings],
        "level_db": [round(float(value), 1) for value in level_db],
        "masks": masks,
    }
    (HERE / "example_truth.json").write_text(json.dumps(truth, separators=(",", ":")) + "\n")


def make_lake() -> None:
    picture = cv2.cvtColor(paint_lake(), cv2.COLOR_RGB2BGR)
    options = [cv2.IMWRITE_JPEG_QUALITY, 88, cv2.IMWRITE_JPEG_OPTIMIZE, 1, cv2.IMWRITE_JPEG_PROGRESSIVE, 1]
    cv2.imwrite(str(HERE / "background.jpg"), picture, options)


def make_sea() -> None:
    sea = Sea()
    write_mp4(HERE / "background.mp4", (sea.frame(index) for index in range(SEA_FPS * LOOP_S)), SEA_FPS, 17)


def main() -> None:
    parser = argparse.ArgumentParser(description="Renders the bundled example.")
    parser.add_argument("what", nargs="*", choices=["clip", "lake", "sea", []], help="what to make; all without names")
    parser.add_argument("--truth", type=Path, metavar="DIR", help="write the exact mask of every frame here")
    args = parser.parse_args()
    wanted = args.what or ["clip", "lake", "sea"]
    if args.truth is not None:
        args.truth.mkdir(parents=True, exist_ok=True)
    for name, make in (("lake", make_lake), ("sea", make_sea)):
        if name in wanted:
            make()
    if "clip" in wanted:
        make_clip(args.truth)


if __name__ == "__main__":
    main()
