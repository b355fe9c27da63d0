"""Made clips for referring sets: each thing of a scene said in four ways, two of them by ear."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from avfusion.datasets.made import MadeSettings, clip_name, clip_random, clip_seed, split_of, with_difficulties
from avfusion.datasets.rvos_clip import RvosLayout, RvosSample
from avfusion.datasets.scenes import Scene, draw_scene
from avfusion.datasets.scenes_settings import SceneSettings
from avfusion.datasets.timbres import TIMBRES

_SECONDS = 4


def made_rvos(layout: RvosLayout, settings: MadeSettings) -> Iterator[RvosSample]:
    """The clips of a set with their sound, one after the other. Clip k is the same whatever the number of clips.

    Every thing is described four times, one after the other, as Ref-DAVIS17 wants it; MeViS gets descriptions of
    several things at once as well.
    """
    for index in range(settings.clips):
        random = clip_random(settings, index)
        plain = SceneSettings(size_px=settings.size_px, seconds=_SECONDS, sources=int(random.integers(1, 3)), movers=1)
        scene_settings = plain if settings.is_plain else replace(with_difficulties(plain, random), off_screen=0)
        scene = draw_scene(scene_settings, clip_seed(random))
        split = split_of(settings, index)
        yield RvosSample(
            name=clip_name(settings, index, scene),
            split="valid" if split == "val" else split,
            pictures=scene.frames,
            fps=scene.fps,
            labels=thing_labels(scene),
            said=(*_of_each(scene), *(_of_several(scene) if layout == "mevis" else ())),
            sound=scene.sound,
        )


def thing_labels(scene: Scene) -> NDArray[np.uint8]:
    """uint8 [n, H, W]: 1 + the place of the thing to be seen there, whether it sounds or not."""
    numbers = np.arange(1, len(scene.masks) + 1, dtype=np.uint8)
    return np.einsum("t,tnhw->nhw", numbers, scene.masks)


def _of_each(scene: Scene) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Four descriptions of each thing, all true of it alone."""
    sources, statics = scene.settings.sources, scene.settings.statics
    for place, kind in enumerate(scene.kinds):
        looks = f"the {kind.texture} {kind.shape}"
        verb = TIMBRES[kind.timbre].verb
        if place < sources:
            doing, by_ear = f"moves when it {verb}", f"the thing that {verb}"
        elif place < sources + statics:
            doing, by_ear = f"{verb} and keeps still", f"the thing that {verb}"
        else:
            doing, by_ear = "moves without a sound", f"the {kind.texture} thing that makes no sound"
        number = (place + 1,)
        yield looks, number
        yield f"{looks} {_where(scene, place)}", number
        yield f"the {kind.shape} that {doing}", number
        yield by_ear, number


def _of_several(scene: Scene) -> Iterator[tuple[str, tuple[int, ...]]]:
    heard = tuple(int(place) + 1 for place in np.flatnonzero(scene.sounds.any(axis=1)))
    silent = tuple(place for place in range(1, len(scene.masks) + 1) if place not in heard)
    yield "everything that makes a sound", heard
    if silent:
        yield "everything that moves without a sound", silent


def _where(scene: Scene, place: int) -> str:
    """In which third of the picture its middle lies, on the whole."""
    columns = scene.masks[place].any(axis=(0, 1))
    if not columns.any():
        return "behind the others"
    middle = np.flatnonzero(columns).mean() / len(columns)
    return "on the left" if middle < 1 / 3 else "on the right" if middle > 2 / 3 else "in the middle"
