"""One frame of a clip: its picture, and the masks of what its prompts point at."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from pathlib import Path

from avfusion.clip import Clip, Frame, Mask, Prompt
from avfusion.engines.catalogue import choose
from avfusion.engines.registry import lend
from avfusion.errors import NoPrompt
from avfusion.media.probe import probe
from avfusion.pipelines.prompts import check
from avfusion.segmentation import Segmented


def as_clip(source: Clip | Path | str) -> Clip:
    return source if isinstance(source, Clip) else probe(Path(source))


def one_frame(clip: Clip, index: int) -> Frame:
    """A single frame; nothing stays open."""
    with contextlib.closing(clip.frames(index, index + 1)) as frames:
        return next(frames)


def mask_frame(
    clip: Clip,
    prompts: Sequence[Prompt],
    *,
    frame: int,
    prior: Mapping[int, Mask] | None = None,
    segmenter: str = "auto",
    device: str = "auto",
) -> Segmented:
    """Masks of the objects that the prompts on `frame` point at. Raises `NoPrompt` when there is none on it.

    prior: what is known there of objects from other frames, bool [H, W] by number; the prompts correct it.
    """
    own = [prompt for prompt in prompts if prompt.frame == frame]
    if not own:
        raise NoPrompt(f"{clip.path}: there is no click on frame {frame}.")
    for prompt in own:
        check(clip, prompt)
    choice = choose("segmentation", segmenter)
    picture = one_frame(clip, frame)
    with lend(choice.engine.name, "segmentation", device) as engine:
        return engine.segment(picture.rgb, own, prior=prior)
