"""Reads Ref-YouTube-VOS, Ref-DAVIS17 and MeViS: a folder as it was downloaded -> clips with expressions."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

from avfusion.datasets.files import check_names, chosen, entry, need_files, no_split, number, read_json
from avfusion.datasets.rvos_clip import RVOS_LAYOUTS, Expression, RvosClip, RvosLayout
from avfusion.datasets.rvos_write import ANNOTATORS, SOUND_FOLDER, expressions_file
from avfusion.datasets.truth import CodedMasks, NumberPicture, Truth, picture_size
from avfusion.errors import CannotRead

# Ref-YouTube-VOS keeps every fifth frame of 30 a second. MeViS does not say; its videos play naturally at this.
_FPS = {"youtube": Fraction(6), "davis": Fraction(24), "mevis": Fraction(24)}


_VALIDATION = ("valid", "val")
_MASKS_FILE = "mask_dict.json"


def read_rvos(
    folder: Path, layout: RvosLayout, split: str = "valid", names: Sequence[str] | None = None
) -> list[RvosClip]:
    """The clips of a split, in the order of the set's list, or those named.

    The published sets call their validation split `valid`, others `val`: either finds the other where it is not there
    itself. Of Ref-YouTube-VOS's validation list, videos that its test list has too are left out, as its server does.
    Truths are those that the folder has: a set that is scored by a server has none. Raises `CannotRead` for a split
    that is not there, a folder laid out otherwise, and with the number and the first names of files that are missing.
    """
    split = _split_here(folder, layout, split)
    listing = folder / expressions_file(layout, split)
    videos = _videos(listing)
    if layout == "youtube" and split in _VALIDATION:
        elsewhere = folder / expressions_file(layout, "test")
        kept_back = _videos(elsewhere) if elsewhere.is_file() else {}
        videos = {name: video for name, video in videos.items() if name not in kept_back}
    if not videos:
        raise CannotRead(f"{listing}: there is no video in it.")
    coded = _mask_lists(folder / split) if layout == "mevis" else None
    clips = [
        _clip(listing, folder / split, layout, name, videos[name], coded)
        for name in chosen(folder, list(videos), names)
    ]
    need_files(folder, _files_of(clips))
    return clips


def _split_here(folder: Path, layout: RvosLayout, split: str) -> str:
    """What the split is called in this folder. Raises `CannotRead`."""
    there = _splits(folder, layout)
    for name in (split, *(_VALIDATION if split in _VALIDATION else ())):
        if name in there:
            return name
    if there:
        raise no_split(folder, split, there)
    fitting = [other for other in RVOS_LAYOUTS if _splits(folder, other)]
    how = (
        f"It is laid out as {' or '.join(fitting)}."
        if fitting
        else f"It lists none as {expressions_file(layout, split)}."
    )
    raise CannotRead(f"{folder}: no set of the layout {layout} is here. {how}")


def _splits(folder: Path, layout: RvosLayout) -> list[str]:
    return sorted(path.parent.name for path in folder.glob(str(expressions_file(layout, "*"))))


def _videos(listing: Path) -> dict[str, Any]:
    return entry(read_json(listing), "videos", dict, f"{listing}: the list")


def _clip(
    listing: Path, room: Path, layout: RvosLayout, name: str, video: Any, coded: Mapping[str, Any] | None
) -> RvosClip:
    where = f"{listing}: video {name}"
    stems = [str(stem) for stem in entry(video, "frames", list, where)]
    expressions = entry(video, "expressions", dict, where)
    check_names(room, [name, *stems, *expressions])
    frames = tuple(room / "JPEGImages" / name / f"{stem}.jpg" for stem in stems)
    sound = room / SOUND_FOLDER / f"{name}.wav"
    said = sorted(expressions.items(), key=lambda item: _in_order(item[0]))
    truth_of = _Truths(where, room, layout, name, frames, coded)
    return RvosClip(
        name=name,
        layout=layout,
        split=room.name,
        fps=_fps(video.get("fps", _FPS[layout]), where),
        frames=frames,
        expressions=tuple(truth_of.expression(place, number, one) for place, (number, one) in enumerate(said)),
        sound=sound if sound.is_file() else None,
    )


def _fps(value: Any, where: str) -> Fraction:
    with contextlib.suppress(ValueError, TypeError, ArithmeticError):
        fps = Fraction(value)
        if fps > 0:
            return fps
    raise CannotRead(f"{where}: fps is {str(value)[:40]!r}, and should be pictures a second, like 24 or 30000/1001.")


class _Truths:
    """Where the true masks of one video's expressions are."""

    def __init__(
        self, where: str, room: Path, layout: RvosLayout, name: str, frames: Sequence[Path],
        coded: Mapping[str, Any] | None,
    ) -> None:  # fmt: skip
        self._where, self._room, self._layout, self._name = where, room, layout, name
        self._frames, self._coded = frames, coded
        self._masks, self._lists = room / "Annotations" / name, room / _MASKS_FILE

    def expression(self, place: int, key: str, one: Any) -> Expression:
        """place: of the expression among the video's, by which Ref-DAVIS17 says which object it is about."""
        where = f"{self._where}, expression {key}"
        words = entry(one, "exp", str, where)
        if self._layout == "mevis":
            objects = tuple(number(value, "obj_id", where) for value in _several(one, "obj_id", where))
            return Expression(key, words, objects, self._of_lists(_several(one, "anno_id", where), where))
        of = one.get("obj_id", place // ANNOTATORS + 1 if self._layout == "davis" else None)
        objects = () if of is None else (number(of, "obj_id", where),)
        return Expression(key, words, objects, self._of_pictures(objects))

    def _of_pictures(self, objects: tuple[int, ...]) -> tuple[Truth | None, ...]:
        """Frames without a picture were not annotated."""
        if not objects or not self._masks.is_dir():
            return ()
        paths = [self._masks / f"{frame.stem}.png" for frame in self._frames]
        truths = tuple(NumberPicture(path, objects) if path.is_file() else None for path in paths)
        return truths if any(truths) else ()

    def _of_lists(self, annotations: Sequence[Any], where: str) -> tuple[Truth | None, ...]:
        if self._coded is None or not annotations:
            return ()
        lists = [self._masks_of(str(annotation), where) for annotation in annotations]
        width, height = self._size([coded for one in lists for coded in one])
        return tuple(
            CodedMasks(self._lists, width, height, tuple((1, one[k]) for one in lists if one[k] is not None))
            for k in range(len(self._frames))
        )

    def _masks_of(self, annotation: str, where: str) -> list[Any]:
        """One mask or null for each frame."""
        if self._coded is None or annotation not in self._coded:
            raise CannotRead(f"{where}: its anno_id {annotation} is not in {self._lists.name}, which has the masks.")
        masks = entry(self._coded, annotation, list, f"{self._lists}")
        if len(masks) != len(self._frames):
            raise CannotRead(
                f"{self._lists}: {len(masks)} masks of an object in {self._name}, which has {len(self._frames)} frames."
            )
        return masks

    def _size(self, coded: Sequence[Any]) -> tuple[int, int]:
        """(width, height) as the run lengths say it; of the first picture where there are none."""
        known = next((one for one in coded if one is not None), None)
        if known is None:
            need_files(self._room, self._frames[:1])
            return picture_size(self._frames[0])
        where = f"{self._lists}: a mask in {self._name}"
        size = entry(known, "size", list, where)
        if len(size) != 2:
            raise CannotRead(f"{where}: its size is {str(size)[:40]}, and should be [height, width].")
        return number(size[1], "its width", where), number(size[0], "its height", where)


def _several(one: Mapping[str, Any], key: str, where: str) -> list[Any]:
    return entry(one, key, list, where) if key in one else []


def _mask_lists(room: Path) -> Mapping[str, Any] | None:
    """annotation -> one mask or null for each frame; None where the set keeps them to itself."""
    path = room / _MASKS_FILE
    if not path.is_file():
        return None
    content = read_json(path)
    if not isinstance(content, dict):
        raise CannotRead(f"{path}: not laid out as MeViS's masks: annotation -> masks.")
    return content


def _files_of(clips: Sequence[RvosClip]) -> Iterator[Path]:
    for clip in clips:
        yield from clip.frames


def _in_order(number: str) -> tuple[int, str]:
    return (int(number), "") if number.isdecimal() else (10**9, number)
