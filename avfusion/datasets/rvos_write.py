"""Writes clips with expressions as Ref-YouTube-VOS, Ref-DAVIS17 and MeViS lay them out."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from avfusion.datasets.rvos_clip import RvosLayout, RvosSample
from avfusion.datasets.truth import encode
from avfusion.datasets.write_parts import new_name, save_numbers, save_picture, save_sound
from avfusion.errors import CannotWrite
from avfusion.media.target import new_folder, writing

SOUND_FOLDER = "Audio"
ANNOTATORS = 4
"""Ref-DAVIS17 has so many descriptions of each object, one after the other."""


def write_rvos(folder: Path, layout: RvosLayout, samples: Iterable[RvosSample]) -> int:
    """Writes a set into a new or empty folder, sample after sample, and says how many there were.

    Two things are more than the published sets have: `fps` of each video in the list of expressions, and its sound, if
    it has one, as SPLIT/Audio/NAME.wav. True masks are written for every split. Raises `CannotWrite`.
    """
    add = _add_mevis if layout == "mevis" else _add_youtube
    lists: dict[str, dict[str, Any]] = {}
    masks: dict[str, dict[str, list[Any]]] = {}
    known: set[str] = set()
    with new_folder(folder) as part:
        for sample in samples:
            new_name(sample.name, known)
            if layout == "davis":
                _check_davis(sample)
            room = part / sample.split
            if sample.sound is not None:
                save_sound(room / SOUND_FOLDER / f"{sample.name}.wav", sample.sound)
            names = [f"{index:05d}" for index in range(len(sample.pictures))]
            for name, picture in zip(names, sample.pictures, strict=True):
                save_picture(room / "JPEGImages" / sample.name / f"{name}.jpg", picture)
            said = add(room, sample, names, masks.setdefault(sample.split, {}))
            lists.setdefault(sample.split, {})[sample.name] = {
                "frames": names, "expressions": said, "fps": str(sample.fps)
            }  # fmt: skip
        for split, videos in lists.items():
            if layout == "mevis":
                _write_json(part / split / "mask_dict.json", masks[split])
            _write_json(part / expressions_file(layout, split), {"videos": videos})
    return len(known)


def expressions_file(layout: RvosLayout, split: str) -> Path:
    """Where a set lists its expressions, from its folder."""
    if layout == "mevis":
        return Path(split, "meta_expressions.json")
    return Path("meta_expressions", split, "meta_expressions.json")


def _add_youtube(room: Path, sample: RvosSample, names: list[str], _: dict[str, list[Any]]) -> dict[str, Any]:
    """Palette PNGs of one video; its expressions."""
    for name, labels in zip(names, sample.labels, strict=True):
        save_numbers(room / "Annotations" / sample.name / f"{name}.png", labels)
    for words, objects in sample.said:
        if len(objects) != 1:
            raise CannotWrite(f"{sample.name}: {words!r} means {len(objects)} objects. Only MeViS can say that.")
    return {str(k): {"exp": words, "obj_id": str(objects[0])} for k, (words, objects) in enumerate(sample.said)}


def _add_mevis(room: Path, sample: RvosSample, names: list[str], masks: dict[str, list[Any]]) -> dict[str, Any]:
    """The run lengths of each object of one video into `masks`; its expressions."""
    of: dict[int, int] = {}
    for number in (int(number) for number in np.unique(sample.labels) if number):
        of[number] = len(masks)
        masks[str(len(masks))] = [encode(here) if here.any() else None for here in sample.labels == number]
    return {
        str(k): {"exp": words, "obj_id": list(objects), "anno_id": [of[number] for number in objects]}
        for k, (words, objects) in enumerate(sample.said)
    }


def _check_davis(sample: RvosSample) -> None:
    meant = [objects for _, objects in sample.said]
    if meant != [(k // ANNOTATORS + 1,) for k in range(len(meant))] or len(meant) % ANNOTATORS:
        raise CannotWrite(f"{sample.name}: Ref-DAVIS17 has {ANNOTATORS} expressions for object 1, then 2, and so on.")


def _write_json(path: Path, content: Any) -> None:
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content), encoding="utf-8")
