"""dataset -> mean IoU and panoptic quality of an engine that names all there is in a picture."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from avfusion.clip import Rgb
from avfusion.engines.catalogue import find, of_ability
from avfusion.engines.registry import lend, settle
from avfusion.errors import CannotRead, MaskSizeMismatch, UsageError
from avfusion.media.pictures import read_picture
from avfusion.metrics.semantic import Confusion, PanopticQuality, PanopticScore, Parts, SemanticScore
from avfusion.pipelines.progress import OnProgress, ShouldStop, Teller
from avfusion.pipelines.scene_truth import Scenes, read_scenes
from avfusion.segmentation.labelled import Labelled
from avfusion.segmentation.segments import Segments

_LEAST_NAMED = 0.5
"""Of the classes in the truth, an engine must have names for this share at least."""


@dataclass(frozen=True)
class ClassScore:
    """None where the class is in neither truth nor prediction; accuracy: where it is not in the truth; pq: where the
    truth is not panoptic either."""

    name: str
    iou: float | None
    accuracy: float | None
    pq: float | None = None


@dataclass(frozen=True)
class Quality:
    """Panoptic, segmentation and recognition quality, means over classes."""

    pq: float
    sq: float
    rq: float


@dataclass(frozen=True)
class SegmentationReport:
    """panoptic: `all`, `things` and `stuff`, where the truth is panoptic. unnamed: classes of the truth for which the
    engine has no name, and which it cannot get right. pictures_per_s: of the engine alone, without reading."""

    dataset: Path
    engine: str
    revision: str
    device: str
    pictures: int
    mean_iou: float
    mean_accuracy: float
    pixel_accuracy: float
    pictures_per_s: float
    classes: tuple[ClassScore, ...]
    unnamed: tuple[str, ...]
    panoptic: dict[str, Quality | None] | None = None

    def as_json(self) -> dict[str, Any]:
        return asdict(self) | {"dataset": str(self.dataset)}


def evaluate_segmentation(
    dataset: Path | str,
    *,
    engine: str,
    device: str = "auto",
    on_progress: OnProgress | None = None,
    should_stop: ShouldStop | None = None,
) -> SegmentationReport:
    """Scores an engine on all pictures of a data set, whose layouts `read_scenes` describes.

    Classes are those of the truth, and the engine's names are matched to theirs. IoU comes from one confusion matrix
    over all pictures; classes that are in neither truth nor prediction count for no mean. Stuff of one class in one
    picture is one segment, as in COCO's panoptic task. Raises `UnknownEngine`, `EngineNotReady`, `UsageError` (an
    engine without names, or with names for other things), `CannotRead`, `MaskSizeMismatch` and `Stopped`.
    """
    dataset = Path(dataset)
    find(engine, "segmentation")
    scenes = read_scenes(dataset)
    settled = settle("segmentation", engine, device)
    teller = Teller("segmentation", len(scenes.scenes), on_progress, should_stop)
    confusion, quality = Confusion(len(scenes.names)), PanopticQuality(len(scenes.names))
    seconds = 0.0
    with lend(settled.engine.name, "segmentation", settled.device) as parser:
        class_of = _matched(parser, scenes, dataset)
        for scene in scenes.scenes:
            teller.check()
            rgb = _upright(read_picture(scene.picture))
            started_s = time.perf_counter()
            found = parser.segments(rgb)
            seconds += time.perf_counter() - started_s
            parts, truth = _named(found, class_of, scenes.things), scenes.classes(scene)
            if truth.shape != rgb.shape[:2]:
                sizes = [f"{shape[1]} x {shape[0]}" for shape in (truth.shape, rgb.shape)]
                raise MaskSizeMismatch(f"{scene.truth}: {sizes[0]} pixels, and {scene.picture} has {sizes[1]}.")
            confusion.add(np.append(np.asarray(parts.classes, np.int32), np.int32(-1))[parts.number], truth)
            if scenes.things is not None:
                quality.add(parts, scenes.parts(scene))
            teller.step()
    if not confusion.counts.any():
        raise CannotRead(f"{dataset}: no pixel of it has a class.")
    score, panoptic = confusion.score(), quality.score() if scenes.things is not None else None
    return SegmentationReport(
        dataset=dataset,
        engine=settled.engine.name,
        revision=settled.revision,
        device=settled.device,
        pictures=len(scenes.scenes),
        mean_iou=score.mean_iou,
        mean_accuracy=score.mean_accuracy,
        pixel_accuracy=score.pixel_accuracy,
        pictures_per_s=len(scenes.scenes) / max(seconds, 1e-9),
        classes=_by_class(scenes.names, score, panoptic),
        unnamed=tuple(name for number, name in enumerate(scenes.names) if number not in class_of.values()),
        panoptic=_means(panoptic, scenes.things) if panoptic is not None and scenes.things is not None else None,
    )


def match_names(theirs: Sequence[str], ours: Sequence[str]) -> dict[str, int]:
    """Numbers of the truth's names `theirs` by the engine's names `ours`, for those that have one.

    A name may list others after commas or semicolons. The whole name counts more than its first part, and that more
    than any other; of two that are as good the first is meant.
    """
    found: dict[str, int] = {}
    for name in ours:
        own = _parts_of(name)
        kinship = [_kinship(own, _parts_of(other)) for other in theirs]
        if own and max(kinship, default=0) > 0:
            found[name] = int(np.argmax(kinship))
    return found


def _parts_of(name: str) -> list[str]:
    parts = (" ".join(re.findall(r"[^\W_]+", part.lower())) for part in re.split(r"[,;]", name))
    return [part for part in parts if part]


def _kinship(own: Sequence[str], other: Sequence[str]) -> int:
    if list(own) == list(other):
        return 4
    if own[:1] == other[:1]:
        return 3
    if set(own[:1]) & set(other) or set(other[:1]) & set(own):
        return 2
    return 1 if set(own) & set(other) else 0


def _matched(parser: Any, scenes: Scenes, dataset: Path) -> dict[str, int]:
    """The class of the truth for each name of the engine that has one. Raises `UsageError`."""
    if not isinstance(parser, Labelled):
        named = [row.name for row in of_ability("segmentation") if set(row.understands) == {"clicks", "words"}]
        raise UsageError(f"{parser.name} gives no names to what it finds. These do: {', '.join(named)}.")
    class_of = match_names(scenes.names, parser.vocabulary)
    known = len(set(class_of.values()))
    if known < _LEAST_NAMED * len(scenes.names):
        missing = next(name for number, name in enumerate(scenes.names) if number not in class_of.values())
        raise UsageError(
            f"{dataset}: {parser.name} has names for {known} of its {len(scenes.names)} classes (none for '{missing}', "
            "for one); take an engine that was taught these classes."
        )
    return class_of


def _named(found: Segments, class_of: dict[str, int], things: tuple[bool, ...] | None) -> Parts:
    """The engine's segments with the truth's classes; what has none is left out, and stuff of a class is one."""
    classes: list[int] = []
    place_of_stuff: dict[int, int] = {}
    place = np.full(len(found.labels) + 1, -1, np.int32)  # the last for what is in no segment
    for number, label in enumerate(found.labels):
        kind = class_of.get(label)
        if kind is None:
            continue
        if things is not None and things[kind]:
            place[number] = len(classes)
            classes.append(kind)
            continue
        if kind not in place_of_stuff:
            place_of_stuff[kind] = len(classes)
            classes.append(kind)
        place[number] = place_of_stuff[kind]
    return Parts(place[found.number], classes)


def _by_class(names: Sequence[str], score: SemanticScore, panoptic: PanopticScore | None) -> tuple[ClassScore, ...]:
    pq: NDArray[np.float64] = np.full(len(names), np.nan) if panoptic is None else panoptic.pq
    return tuple(
        ClassScore(name, *(None if math.isnan(value) else float(value) for value in values))
        for name, *values in zip(names, score.iou, score.accuracy, pq, strict=True)
    )


def _means(score: PanopticScore, things: tuple[bool, ...]) -> dict[str, Quality | None]:
    chosen = {"all": np.ones(len(things), bool), "things": np.array(things), "stuff": ~np.array(things)}
    means = {name: score.mean(of) for name, of in chosen.items()}
    return {name: None if math.isnan(values[0]) else Quality(*values) for name, values in means.items()}


def _upright(rgba: NDArray[np.uint8]) -> Rgb:
    return np.ascontiguousarray(rgba[..., :3])
