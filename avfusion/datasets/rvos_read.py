"""Reads Ref-YouTube-VOS, Ref-DAVIS17 and MeViS: a folder as it was downloaded -> clips with expressions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

from PIL import Image

from avfusion.datasets.files import check_names, chosen, need_files, read_json
from avfusion.datasets.rvos_clip import Expression, RvosClip, RvosLayout
from avfusion.datasets.rvos_write import ANNOTATORS, SOUND_FOLDER, expressions_file
from avfusion.datasets.truth import CodedMasks, NumberPicture, Truth
from avfusion.errors import CannotRead

# Ref-YouTube-VOS keeps every fifth frame of 30 a second. MeViS does not say; its videos play naturally at this.
_FPS = {"youtube": Fraction(6), "davis": Fraction(24), "mevis": Fraction(24)}


def read_rvos(
    folder: Path, layout: RvosLayout, split: str = "valid", names: Sequence[str] | None = None
) -> list[RvosClip]:
    """The clips of a split, in the order of the set's list, or those named.

    Of Ref-YouTube-VOS's validation list, videos that its test list has too are left out, as its server does. Truths are
    those that the folder has: a set that is scored by a server has none. Raises `CannotRead` for a folder laid out
    otherwise, and with the number and the first names of files that are missing.
    """
    listing = folder / expressions_file(layout, split)
    content = read_json(listing)
    try:
        videos: dict[str, dict[str, Any]] = dict(content["videos"])
        if layout == "youtube" and split == "valid":
            elsewhere = folder / expressions_file(layout, "test")
            kept_back = read_json(elsewhere)["videos"] if elsewhere.is_file() else {}
            videos = {name: video for name, video in videos.items() if name not in kept_back}
        coded = _mask_lists(folder / split) if layout == "mevis" else None
        clips = [
            _clip(folder / split, layout, split, name, videos[name], coded)
            for name in chosen(folder, list(videos), names)
        ]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise CannotRead(f"{listing}: not laid out as the expressions of {layout} ({error!r}).") from error
    need_files(folder, _files_of(clips))
    return clips


def _clip(
    room: Path, layout: RvosLayout, split: str, name: str, video: Mapping[str, Any], coded: Mapping[str, Any] | None
) -> RvosClip:
    stems = [str(stem) for stem in video["frames"]]
    check_names(room, [name, *stems, *video["expressions"]])
    frames = tuple(room / "JPEGImages" / name / f"{stem}.jpg" for stem in stems)
    sound = room / SOUND_FOLDER / f"{name}.wav"
    said = sorted(video["expressions"].items(), key=lambda item: _in_order(item[0]))
    truth_of = _Truths(room, layout, name, stems, frames, coded)
    return RvosClip(
        name=name,
        layout=layout,
        split=split,
        fps=Fraction(video.get("fps", _FPS[layout])),
        frames=frames,
        expressions=tuple(truth_of.expression(place, number, one) for place, (number, one) in enumerate(said)),
        sound=sound if sound.is_file() else None,
    )


class _Truths:
    """Where the true masks of one video's expressions are."""

    def __init__(
        self, room: Path, layout: RvosLayout, name: str, stems: Sequence[str], frames: Sequence[Path],
        coded: Mapping[str, Any] | None,
    ) -> None:  # fmt: skip
        self._room, self._layout, self._name = room, layout, name
        self._stems, self._frames, self._coded = stems, frames, coded
        self._masks = room / "Annotations" / name

    def expression(self, place: int, number: str, one: Mapping[str, Any]) -> Expression:
        """place: of the expression among the video's, by which Ref-DAVIS17 says which object it is about."""
        words = str(one["exp"])
        if self._layout == "mevis":
            objects = tuple(int(value) for value in one.get("obj_id", ()))
            return Expression(number, words, objects, self._of_lists(one.get("anno_id", ())))
        of = one.get("obj_id", place // ANNOTATORS + 1 if self._layout == "davis" else None)
        objects = () if of is None else (int(of),)
        return Expression(number, words, objects, self._of_pictures(objects))

    def _of_pictures(self, objects: tuple[int, ...]) -> tuple[Truth | None, ...]:
        """Frames without a picture were not annotated."""
        if not objects or not self._masks.is_dir():
            return ()
        paths = [self._masks / f"{stem}.png" for stem in self._stems]
        truths = tuple(NumberPicture(path, objects) if path.is_file() else None for path in paths)
        return truths if any(truths) else ()

    def _of_lists(self, annotations: Sequence[Any]) -> tuple[Truth | None, ...]:
        if self._coded is None or not annotations:
            return ()
        lists = [self._coded[str(number)] for number in annotations]
        short = [one for one in lists if len(one) != len(self._frames)]
        if short:
            raise CannotRead(
                f"{self._room / 'mask_dict.json'}: {len(short[0])} masks of an object in {self._name}, which has "
                f"{len(self._frames)} frames."
            )
        width, height = self._size([coded for one in lists for coded in one])
        return tuple(
            CodedMasks(
                self._room / "mask_dict.json", width, height,
                tuple((1, one[k]) for one in lists if one[k] is not None),
            )
            for k in range(len(self._frames))
        )  # fmt: skip

    def _size(self, coded: Sequence[Mapping[str, Any] | None]) -> tuple[int, int]:
        """(width, height) as the run lengths say it; of the first picture where there are none."""
        known = next((one["size"] for one in coded if one is not None), None)
        if known is not None:
            return int(known[1]), int(known[0])
        need_files(self._room, self._frames[:1])
        with Image.open(self._frames[0]) as image:
            return image.size


def _mask_lists(room: Path) -> Mapping[str, Any] | None:
    """annotation -> one mask or null for each frame; None where the set keeps them to itself."""
    path = room / "mask_dict.json"
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
