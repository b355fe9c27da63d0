"""Data sets of pictures in which every pixel has a true class: laid out as ADE20K, or as COCO's panoptic task."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from avfusion.errors import CannotRead, UsageError
from avfusion.media.limits import Limits
from avfusion.media.pictures import opened_picture
from avfusion.metrics.semantic import Classes, Parts

ADE_NAMES = "objectInfo150.txt"
_PICTURES = (".jpg", ".jpeg", ".png")


@dataclass(frozen=True, eq=False)
class Scene:
    """A picture and its truth. parts: for panoptic truth (segment id, class number, is a crowd) of each segment."""

    picture: Path
    truth: Path
    parts: tuple[tuple[int, int, bool], ...] = ()


@dataclass(frozen=True, eq=False)
class Scenes:
    """names: of the classes, whose numbers count from 0. things: for panoptic truth, which classes can be counted."""

    names: tuple[str, ...]
    scenes: tuple[Scene, ...]
    things: tuple[bool, ...] | None = None

    def classes(self, scene: Scene) -> Classes:
        """The class of each pixel, -1 where there is no truth. Raises `CannotRead`."""
        if self.things is None:
            return _ade_classes(scene.truth, len(self.names))
        parts = self.parts(scene)
        return np.append(np.asarray(parts.classes, np.int32), np.int32(-1))[parts.number]

    def parts(self, scene: Scene) -> Parts:
        """The segments of a panoptic truth. Raises `CannotRead`."""
        with opened_picture(scene.truth, Limits()) as image:
            rgb = np.asarray(image.convert("RGB"), np.int32)
        ids = rgb[..., 0] + 256 * rgb[..., 1] + 65536 * rgb[..., 2]
        number = np.full(ids.shape, -1, np.int32)
        for place, (own, _, _) in enumerate(scene.parts):
            number[ids == own] = place
        unknown = ids[(ids != 0) & (number < 0)]
        if len(unknown):
            raise CannotRead(f"{scene.truth}: segment {unknown[0]} is not in its list of segments.")
        return Parts(number, [kind for _, kind, _ in scene.parts], [crowd for _, _, crowd in scene.parts])


def read_scenes(dataset: Path) -> Scenes:
    """The data set in a folder, whichever of the two it is. Raises `CannotRead` and `UsageError` (several splits).

    ADE20K: images/ and annotations/ with a picture and a PNG of the same name, both flat or with the same folder inside
    (training, validation), and objectInfo150.txt with the names of the classes; in a PNG, 0 is no class and the classes
    count from 1. COCO panoptic: a panoptic*.json, in the folder or in annotations/, with a folder of PNGs of its name
    beside it (segment id = R + 256 G + 65536 B, 0 is no segment), and the pictures in the folder, in images/, or in a
    folder named like the split.
    """
    if not dataset.is_dir():
        raise CannotRead(f"{dataset}: there is no such folder.")
    lists = sorted([*dataset.glob("panoptic*.json"), *dataset.glob("annotations/panoptic*.json")])
    if lists:
        return _read_coco(dataset, _one_of(lists))
    if (dataset / "images").is_dir() and (dataset / "annotations").is_dir():
        return _read_ade(dataset)
    raise CannotRead(
        f"{dataset}: laid out neither as ADE20K (images/, annotations/, {ADE_NAMES}) nor as COCO panoptic "
        "(annotations/panoptic_*.json with its folder of PNGs)."
    )


def _read_ade(dataset: Path) -> Scenes:
    room = "validation" if (dataset / "annotations" / "validation").is_dir() else ""
    pictures, truths = dataset / "images" / room, dataset / "annotations" / room
    pngs = sorted(truths.glob("*.png"))
    if not pngs:
        raise CannotRead(f"{truths}: there are no PNGs here.")
    return Scenes(_ade_names(dataset / ADE_NAMES), tuple(Scene(_picture([pictures], png.stem), png) for png in pngs))


def _ade_names(path: Path) -> tuple[str, ...]:
    """Of a table with a number first and a name last in each line, after one line of headings."""
    if not path.is_file():
        raise CannotRead(f"{path}: the names of the classes are missing; the data set comes with this file.")
    names: list[str] = []
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines()[1:]:
        cells = [cell.strip() for cell in line.split("\t")]
        if len(cells) < 2:
            continue
        if cells[0] != str(len(names) + 1):
            raise CannotRead(f"{path}: class {cells[0]} where {len(names) + 1} should be; classes count from 1.")
        names.append(cells[-1])
    if not names:
        raise CannotRead(f"{path}: there are no classes in it; each line is a number, and a name after tabs.")
    return tuple(names)


def _ade_classes(path: Path, count: int) -> Classes:
    with opened_picture(path, Limits()) as image:
        if image.mode not in ("L", "P", "I", "I;16"):
            raise CannotRead(f"{path}: a picture of mode {image.mode}, not one number for each pixel.")
        values = np.asarray(image).astype(np.int32)
    if values.max(initial=0) > count:
        raise CannotRead(f"{path}: class {values.max()}, and the data set has names for {count}.")
    reduced: NDArray[np.int32] = values - 1
    return reduced


def _read_coco(dataset: Path, listed: Path) -> Scenes:
    content = _json(listed)
    try:
        categories = sorted(content["categories"], key=lambda category: category["id"])
        number = {category["id"]: place for place, category in enumerate(categories)}
        files = {image["id"]: image["file_name"] for image in content["images"]}
        split = listed.stem.removeprefix("panoptic_")
        rooms = [dataset / split, dataset / "images" / split, dataset / "images", dataset]
        scenes = tuple(
            Scene(
                _picture(rooms, Path(files[one["image_id"]]).stem),
                _there(listed.with_suffix("") / one["file_name"]),
                tuple(
                    (int(part["id"]), number[part["category_id"]], bool(part.get("iscrowd", 0)))
                    for part in one["segments_info"]
                ),
            )
            for one in content["annotations"]
        )
        names = tuple(str(category["name"]) for category in categories)
        things = tuple(bool(category["isthing"]) for category in categories)
    except (KeyError, TypeError) as error:
        raise CannotRead(f"{listed}: not a list of panoptic segments as COCO writes it ({error}).") from error
    if not scenes:
        raise CannotRead(f"{listed}: there are no pictures in it.")
    return Scenes(names, scenes, things)


def _json(path: Path) -> Mapping[str, Any]:
    try:
        content = json.loads(path.read_bytes())
    except ValueError as error:
        raise CannotRead(f"{path}: not whole, or no JSON ({error}).") from error
    if not isinstance(content, dict):
        raise CannotRead(f"{path}: not a list of panoptic segments as COCO writes it.")
    return content


def _one_of(lists: Sequence[Path]) -> Path:
    """The only one, or that for validation."""
    chosen = [path for path in lists if "val" in path.stem] if len(lists) > 1 else lists
    if len(chosen) != 1:
        raise UsageError(f"{lists[0].parent}: {len(lists)} lists of segments. Leave only the one to score on.")
    return chosen[0]


def _picture(rooms: Sequence[Path], stem: str) -> Path:
    for room in rooms:
        for ending in _PICTURES:
            if (room / f"{stem}{ending}").is_file():
                return room / f"{stem}{ending}"
    raise CannotRead(f"{rooms[0] / stem}.jpg: this picture is missing.")


def _there(path: Path) -> Path:
    if not path.is_file():
        raise CannotRead(f"{path}: this truth is missing.")
    return path
