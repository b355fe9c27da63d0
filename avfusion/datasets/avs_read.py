"""Reads AVSBench (S4, MS3, AVSS) and AVSBench-OV: a folder as it was downloaded -> clips."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from avfusion.datasets.avs_clip import SPLITS, AvsClip, Setting, Split
from avfusion.datasets.avs_write import AVSS_FOLDER, MS3_FOLDER, OV_FOLDER, S4_FOLDER
from avfusion.datasets.classes import NUMBER_OF, sounding_labels
from avfusion.datasets.files import check_names, chosen, entry, need_files, no_split, read_json, read_table, root_of
from avfusion.datasets.truth import CodedMasks, NumberPicture, Truth
from avfusion.errors import CannotRead

_SECONDS = 5
_HERE = Path()


def read_avs(
    folder: Path, setting: Setting, split: Split = "test", names: Sequence[str] | None = None
) -> list[AvsClip]:
    """The clips of a split, in the order of the set's list; or those named.

    folder: holds `AVSBench_object`, `AVSBench_semantic` or `AVSBench-openvoc`, or is one of them. `background` and
    `off-the-screen` among the labels are left out. Every file that the clips need has to be there: raises `CannotRead`
    with the number of those that are not and the first names.
    """
    if not folder.is_dir():
        raise CannotRead(f"{folder}: there is no such folder.")
    read = {"s4": _read_s4, "ms3": _read_ms3, "avss": _read_avss, "ov": _read_ov, "v2": _read_v2}[setting]
    found = {}
    for clip in read(folder, split):
        check_names(folder, (clip.name, clip.subset, *([clip.category] if clip.category else ())))
        found[clip.name] = clip
    if not found:
        raise no_split(folder, split, [other for other in SPLITS if other != split and _has(read(folder, other))])
    clips = [found[name] for name in chosen(folder, list(found), names)]
    need_files(folder, _files_of(clips))
    return clips


def _has(clips: Iterator[AvsClip]) -> bool:
    try:
        return next(clips, None) is not None
    except CannotRead:
        return False


def read_semantic_labels(folder: Path) -> dict[str, tuple[str, ...]]:
    """uid -> the labels of the clip in AVSBench_semantic's metadata.csv. Raises `CannotRead`."""
    return {row["uid"]: sounding_labels(row["a_obj"]) for row in _rows(_semantic_root(folder) / "metadata.csv", _META)}


def _read_s4(folder: Path, split: Split) -> Iterator[AvsClip]:
    root = root_of(folder, (S4_FOLDER, Path(S4_FOLDER.name), _HERE), "s4_meta_data.csv")
    data = root / "s4_data"
    for row in _rows(root / "s4_meta_data.csv", ("name", "category", "split")):
        if row["split"] != split:
            continue
        name, place = row["name"], Path(split, row["category"])
        numbers = range(1, _SECONDS + 1)
        masks = [data / "gt_masks" / place / name / f"{name}_{k}.png" for k in numbers]
        yield AvsClip(
            name=name,
            setting="s4",
            split=split,
            subset="v1s",
            category=row["category"],
            labels=(row["category"],),
            frames=tuple(data / "visual_frames" / place / name / f"{name}_{k}.png" for k in numbers),
            sound=data / "audio_wav" / place / f"{name}.wav",
            truths=_drawn(masks[: 1 if split == "train" else None], _SECONDS),
            video=_if_there(data / "raw_videos" / place / f"{name}.mp4"),
        )


def _read_ms3(folder: Path, split: Split) -> Iterator[AvsClip]:
    root = root_of(folder, (MS3_FOLDER, Path(MS3_FOLDER.name), _HERE), "ms3_meta_data.csv")
    data = root / "ms3_data"
    # By place, since copies of the file differ in what they call the columns.
    for name, of, *_ in read_table(root / "ms3_meta_data.csv")[1]:
        if of != split:
            continue
        numbers = range(1, _SECONDS + 1)
        yield AvsClip(
            name=name,
            setting="ms3",
            split=split,
            subset="v1m",
            category="",
            labels=(),
            frames=tuple(data / "visual_frames" / name / f"{name}.mp4_{k}.png" for k in numbers),
            sound=data / "audio_wav" / split / f"{name}.wav",
            truths=_drawn([data / "gt_masks" / split / name / f"{name}_{k}.png" for k in numbers], _SECONDS),
            video=_if_there(data / "raw_videos" / f"{name}.mp4"),
        )


_META = ("uid", "a_obj", "split", "label")


def _read_avss(folder: Path, split: Split) -> Iterator[AvsClip]:
    root = _semantic_root(folder)
    for row in _rows(root / "metadata.csv", _META):
        if row["split"] == split:
            place = root / row["label"] / row["uid"]
            count = _seconds_of(place, row["label"])
            yield AvsClip(
                name=row["uid"],
                setting="avss",
                split=split,
                subset=row["label"],
                category="",
                labels=sounding_labels(row["a_obj"]),
                frames=tuple(place / "frames" / f"{k}.jpg" for k in range(count)),
                sound=place / "audio.wav",
                truths=_numbered(place, count, only_first=_is_first_only(split, row["label"])),
                video=_if_there(place / "video.mp4"),
            )


def _read_v2(folder: Path, split: Split) -> Iterator[AvsClip]:
    return (replace(clip, setting="v2") for clip in _read_avss(folder, split) if clip.subset == "v2")


def _is_first_only(split: Split, subset: str) -> bool:
    """Of S4's training clips nobody annotated more than the first frame."""
    return split == "train" and subset == "v1s"


def _semantic_root(folder: Path) -> Path:
    return root_of(folder, (AVSS_FOLDER, Path("..") / AVSS_FOLDER, _HERE), "metadata.csv")


def _seconds_of(place: Path, subset: str) -> int:
    """Frames of a clip: five, and of v2 ten; a few of those have nine, where neither picture nor truth is the tenth."""
    if subset != "v2":
        return _SECONDS
    last = 2 * _SECONDS - 1
    has_last = (place / "frames" / f"{last}.jpg").exists() or (place / "labels_semantic" / f"{last}.png").exists()
    return last + has_last


def _read_ov(folder: Path, split: Split) -> Iterator[AvsClip]:
    pattern = f"avsbench_ov_{split}*.json"
    lists = _ov_lists(folder, pattern)
    if not lists:
        there = [other for other in SPLITS if _ov_lists(folder, f"avsbench_ov_{other}*.json")]
        if there:
            raise no_split(folder, split, there)
        raise CannotRead(f"{folder}: the data set's {pattern} is not here. It is looked for in {OV_FOLDER}.")
    listing, root = lists[0], lists[0].parent
    semantic = _semantic_root(folder)
    labels = read_semantic_labels(folder)
    content = read_json(listing)
    masks: dict[int, list[dict[str, Any]]] = {}
    for place, annotation in enumerate(entry(content, "annotations", list, f"{listing}: the list")):
        of = entry(annotation, "video_id", int, f"{listing}: annotation {place} (counted from 0)")
        masks.setdefault(of, []).append(annotation)
    for place, video in enumerate(entry(content, "videos", list, f"{listing}: the list")):
        where = f"{listing}: video {place} (counted from 0)"
        names = [str(name) for name in entry(video, "file_names", list, where)]
        if not names:
            raise CannotRead(f"{where} has no pictures.")
        check_names(listing, [part for name in names for part in name.split("/")])
        frames = tuple(root / split / "JPEGImages" / name for name in names)
        uid, subset = names[0].split("/")[0], entry(video, "label", str, where)
        room = semantic / subset / uid
        known = labels.get(uid)
        if (room / "labels_semantic").is_dir():
            truths = _numbered(room, len(frames), only_first=_is_first_only(split, subset), labels=known)
        else:
            coded = masks.get(entry(video, "id", int, where), [])
            truths = _coded(listing, video, coded, known, f"{listing}: video {uid}")
        yield AvsClip(
            name=uid,
            setting="ov",
            split=split,
            subset=subset,
            category="",
            labels=known or (),
            frames=frames,
            sound=room / "audio.wav",
            truths=truths,
            video=_if_there(room / "video.mp4"),
        )


def _ov_lists(folder: Path, pattern: str) -> list[Path]:
    return [path for room in (folder / OV_FOLDER, folder) for path in sorted(room.glob(pattern))]


def _drawn(masks: Sequence[Path], count: int) -> tuple[Truth | None, ...]:
    truths = [NumberPicture(path, is_drawn=True) for path in masks]
    return (*truths, *[None] * (count - len(truths)))


def _numbered(
    place: Path, count: int, *, only_first: bool, labels: Sequence[str] | None = None
) -> tuple[Truth | None, ...]:
    """labels: other classes count as background, as AVSBench-OV has it; None for all."""
    only = _numbers(labels)
    truths = [NumberPicture(place / "labels_semantic" / f"{k}.png", only) for k in range(count)]
    return (truths[0], *[None] * (count - 1)) if only_first else tuple(truths)


def _coded(
    listing: Path, video: dict[str, Any], annotations: Sequence[dict[str, Any]], labels: Sequence[str] | None,
    where: str,
) -> tuple[Truth | None, ...]:  # fmt: skip
    width, height = entry(video, "width", int, where), entry(video, "height", int, where)
    only, count = _numbers(labels), len(video["file_names"])
    kept: list[tuple[int, list[Any]]] = []
    for one in annotations:
        category = entry(one, "category_id", int, f"{where}: an annotation")
        masks = entry(one, "segmentations", list, f"{where}: an annotation")
        if len(masks) != count:
            raise CannotRead(f"{where}: an annotation has {len(masks)} masks, and the video {count} pictures.")
        if only is None or category in only:
            kept.append((category, masks))
    return tuple(
        CodedMasks(
            listing, width, height, tuple((category, masks[k]) for category, masks in kept if masks[k] is not None)
        )
        for k in range(count)
    )


def _numbers(labels: Sequence[str] | None) -> tuple[int, ...] | None:
    return None if labels is None else tuple(NUMBER_OF[name] for name in labels if name in NUMBER_OF)


def _rows(path: Path, columns: Sequence[str]) -> list[dict[str, str]]:
    head, rows = read_table(path)
    missing = [name for name in columns if name not in head]
    if missing:
        raise CannotRead(f"{path}: the table has no column {', '.join(missing)}. It has: {', '.join(head)}.")
    return [dict(zip(head, row, strict=False)) for row in rows]


def _files_of(clips: Sequence[AvsClip]) -> Iterator[Path]:
    for clip in clips:
        yield from clip.frames
        yield clip.sound
        yield from (truth.path for truth in clip.truths if isinstance(truth, NumberPicture))


def _if_there(path: Path) -> Path | None:
    return path if path.is_file() else None
