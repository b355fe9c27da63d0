"""Made clips for audio-visual sets: which scene each of them shows, and what is true in it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from avfusion.datasets.avs_clip import AvsSample, Setting, Split
from avfusion.datasets.classes import NUMBER_OF
from avfusion.datasets.scenes import Scene, draw_scene
from avfusion.datasets.scenes_settings import BASE_KINDS, NOVEL_KINDS, Kind, SceneSettings

# Of twenty clips fourteen are for training, three each for validation and testing, of each kind one as early as can be.
_OF, _TEST, _VAL = 20, (1, 8, 14), (2, 9, 15)
# The published metadata.csv says in a few rows that something off the screen sounds, or has a blank within a name.
_DIRTY_SHARE = 0.04


@dataclass(frozen=True)
class MadeSettings:
    """clips: how many, of all splits together, or of `split` if one is named. size_px: width and height. is_plain:
    sources and silent movers and nothing worse: no noise, no shake, nothing still or off the screen that sounds.
    is_moving: False for clips without a video, of which nothing is drawn but the picture kept of each second."""

    clips: int
    seed: int = 0
    size_px: int = 224
    split: Split | None = None
    is_plain: bool = False
    is_moving: bool = True


def split_of(settings: MadeSettings, index: int) -> Split:
    if settings.split is not None:
        return settings.split
    return "test" if index % _OF in _TEST else "val" if index % _OF in _VAL else "train"


def made_avs(setting: Setting, settings: MadeSettings) -> Iterator[AvsSample]:
    """The clips of a set, one after the other. Clip k is the same whatever the number of clips.

    A thing's class, its look and its timbre go together (`scenes_settings.Kind`). In OV the clips for validation and
    testing also hold the novel kinds, whose shapes, textures and timbres training has seen in other company.
    """
    for index in range(settings.clips):
        random = clip_random(settings, index)
        split = split_of(settings, index)
        subset = _subset(setting, random)
        kinds = _kinds(setting, split, random)
        scene_settings = _scene_settings(setting, subset, kinds, settings, random)
        scene = draw_scene(scene_settings, clip_seed(random), is_moving=settings.is_moving)
        yield _sample(setting, scene, clip_name(settings, index, scene), split, subset, random)


def clip_random(settings: MadeSettings, index: int) -> np.random.Generator:
    """Random numbers of one clip's own."""
    return np.random.default_rng([settings.seed, index])


def clip_seed(random: np.random.Generator) -> int:
    return int(random.integers(2**63))


def clip_name(settings: MadeSettings, index: int, scene: Scene) -> str:
    """As AVSBench names clips: the video, and where its part begins and ends in milliseconds."""
    return f"made-{settings.seed}-{index:05d}_0_{1000 * scene.settings.seconds}"


def with_difficulties(scene: SceneSettings, random: np.random.Generator) -> SceneSettings:
    """Each of what misleads, in some of the clips. One of the sources may keep still."""
    statics = int(random.random() < 0.15)
    return replace(
        scene,
        sources=scene.sources - statics,
        statics=statics,
        movers=int(random.integers(0, 3)),
        off_screen=int(random.random() < 0.2),
        overlap=float(random.choice([0.0, 0.0, 0.3])),
        lag_jitter_frames=2,
        shake_px=float(random.choice([0.0, 0.0, 1.0, 2.0])) * scene.size_px / 224,
        noise_db=(None, 20.0, 10.0, 5.0)[int(random.integers(4))],
    )


def _subset(setting: Setting, random: np.random.Generator) -> str:
    if setting in ("s4", "ms3"):
        return {"s4": "v1s", "ms3": "v1m"}[setting]
    return str(random.choice(["v1s", "v1m", "v2"], p=[0.4, 0.2, 0.4]))


def _kinds(setting: Setting, split: Split, random: np.random.Generator) -> tuple[Kind, ...]:
    """Base kinds to train on; to test on in OV, base, novel, or both in one clip. No two have a timbre in common."""
    if setting != "ov" or split == "train":
        return BASE_KINDS
    novel_share = (0.0, 1.0, 0.5)[int(random.integers(3))]
    pairs = zip(BASE_KINDS, NOVEL_KINDS, strict=True)
    return tuple(novel if random.random() < novel_share else base for base, novel in pairs)


def _scene_settings(
    setting: Setting, subset: str, kinds: tuple[Kind, ...], settings: MadeSettings, random: np.random.Generator
) -> SceneSettings:
    """v1s: one source; v1m: two or three by turns; v2: one to three, ten seconds long."""
    sources = {"v1s": 1, "v1m": int(random.integers(2, 4)), "v2": int(random.integers(1, 4))}[subset]
    scene = SceneSettings(
        size_px=settings.size_px,
        seconds=10 if subset == "v2" else 5,
        sources=sources,
        movers=1,
        kinds=kinds,
        taking_turns=sources > 1,
        rest_share=0.2,
    )
    return scene if settings.is_plain else with_difficulties(scene, random)


def _sample(
    setting: Setting, scene: Scene, name: str, split: Split, subset: str, random: np.random.Generator
) -> AvsSample:
    labels = tuple(name for name, sounds in zip(scene.names, scene.sounds, strict=True) if sounds.any())
    if setting in ("avss", "ov"):
        labels = _as_published(labels, scene, random)
    return AvsSample(
        name=name,
        split=split,
        labels=labels,
        pictures=scene.frames,
        fps=scene.fps,
        sound=scene.sound,
        truths=class_truths(scene),
        subset=subset,
        is_moving=scene.is_moving,
    )


def class_truths(scene: Scene) -> NDArray[np.uint8]:
    """uint8 [seconds, H, W]: the class of what sounds in that second."""
    numbers = np.array([0, *(NUMBER_OF[name] for name in scene.names)], np.uint8)
    return np.stack([numbers[scene.sounding(second)] for second in range(scene.settings.seconds)])


def _as_published(labels: tuple[str, ...], scene: Scene, random: np.random.Generator) -> tuple[str, ...]:
    """The names with what the published table has among them, which a reader must see through."""
    if scene.settings.off_screen:
        labels = (*labels, "off-the-screen")
    dirt = random.random()
    if dirt < _DIRTY_SHARE:
        return (f"{labels[0][0]} {labels[0][1:]}", *labels[1:])
    if dirt < 2 * _DIRTY_SHARE:
        return (*labels, "background")
    return labels
