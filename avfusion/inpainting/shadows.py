"""Shadows and reflections: what moves with an object and darkens or mirrors what it passes."""

from __future__ import annotations

from collections.abc import Generator

import numpy as np

from avfusion.clip import Clip, Mask, Masks


def find_shadows(clip: Clip, masks: Masks) -> Generator[Mask, None, None]:
    for frame in range(clip.frame_count):
        yield np.zeros_like(masks.union(frame))
