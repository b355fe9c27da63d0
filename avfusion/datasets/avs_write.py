"""Writes clips as AVSBench lays them out: S4, MS3, AVSS, and AVSBench-OV beside AVSS."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from avfusion.datasets.avs_clip import SIZE_PX, AvsSample, Setting, frame_time
from avfusion.datasets.classes import NUMBER_OF
from avfusion.datasets.truth import encode
from avfusion.datasets.write_parts import (
    new_name,
    save_colours,
    save_drawn,
    save_numbers,
    save_picture,
    save_sound,
    save_video,
)
from avfusion.errors import CannotWrite
from avfusion.media.target import new_folder, writing

S4_FOLDER = Path("AVSBench_object/Single-source")
MS3_FOLDER = Path("AVSBench_object/Multi-sources")
AVSS_FOLDER = Path("AVSBench_semantic")
OV_FOLDER = Path("AVSBench-openvoc")


def write_avs(folder: Path, setting: Setting, samples: Iterable[AvsSample]) -> int:
    """Writes a set into a new or empty folder, sample after sample, and says how many there were.

    Of S4's training clips only the first truth is written, as the published set has it. Pictures and truths of S4 and
    MS3 become 224 x 224, squashed. `audio_log_mel` is left out: it follows from the sound. AVSBench_semantic has no
    moving pictures; here `video.mp4` lies beside its `audio.wav` where the sample moves. Raises `CannotWrite`.
    """
    write = {"s4": _write_s4, "ms3": _write_ms3, "avss": _write_avss, "ov": _write_ov, "v2": _write_avss}[setting]
    with new_folder(folder) as part:
        return write(part, samples)


def shown_at_seconds(sample: AvsSample) -> list[NDArray[np.uint8]]:
    """The picture that AVSBench keeps of each second: the one on screen at 15/16 of it."""
    if not sample.is_moving:
        return list(sample.pictures)
    last = len(sample.pictures) - 1
    return [sample.pictures[min(int(frame_time(k) * sample.fps), last)] for k in range(len(sample.truths))]


def _save_moving(path: Path, sample: AvsSample, wav: Path) -> None:
    if sample.is_moving:
        save_video(path, sample.pictures, sample.fps, wav)


def _write_s4(folder: Path, samples: Iterable[AvsSample]) -> int:
    root, rows, known = folder / S4_FOLDER / "s4_data", [], set[str]()
    for sample in samples:
        name, category = new_name(sample.name, known), sample.labels[0]
        place = Path(sample.split, category)
        wav = root / "audio_wav" / place / f"{name}.wav"
        save_sound(wav, sample.sound)
        _save_moving(root / "raw_videos" / place / f"{name}.mp4", sample, wav)
        for k, picture in enumerate(shown_at_seconds(sample), 1):
            save_picture(root / "visual_frames" / place / name / f"{name}_{k}.png", picture, size_px=SIZE_PX)
        for k, truth in enumerate(sample.truths[: 1 if sample.split == "train" else None], 1):
            save_drawn(root / "gt_masks" / place / name / f"{name}_{k}.png", truth > 0, size_px=SIZE_PX)
        rows.append([name, 0, category, sample.split])
    _write_csv(folder / S4_FOLDER / "s4_meta_data.csv", ["name", "start", "category", "split"], rows)
    return len(rows)


def _write_ms3(folder: Path, samples: Iterable[AvsSample]) -> int:
    root, rows, known = folder / MS3_FOLDER / "ms3_data", [], set[str]()
    for sample in samples:
        name = new_name(sample.name, known)
        wav = root / "audio_wav" / sample.split / f"{name}.wav"
        save_sound(wav, sample.sound)
        _save_moving(root / "raw_videos" / f"{name}.mp4", sample, wav)
        for k, picture in enumerate(shown_at_seconds(sample), 1):
            save_picture(root / "visual_frames" / name / f"{name}.mp4_{k}.png", picture, size_px=SIZE_PX)
        for k, truth in enumerate(sample.truths, 1):
            save_drawn(root / "gt_masks" / sample.split / name / f"{name}_{k}.png", truth > 0, size_px=SIZE_PX)
        rows.append([name, sample.split])
    _write_csv(folder / MS3_FOLDER / "ms3_meta_data.csv", ["video_id", "split"], rows)
    return len(rows)


def _write_avss(folder: Path, samples: Iterable[AvsSample]) -> int:
    rows, known = [], set[str]()
    for sample in samples:
        new_name(sample.name, known)
        rows.append(_write_semantic(folder / AVSS_FOLDER, sample))
    _finish_semantic(folder / AVSS_FOLDER, rows)
    return len(rows)


def _write_semantic(root: Path, sample: AvsSample) -> list[Any]:
    """One clip of AVSBench_semantic; its row of metadata.csv."""
    if sample.subset not in ("v1s", "v1m", "v2"):
        raise CannotWrite(f"{sample.name}: a clip of AVSS is of v1s, v1m or v2, not {sample.subset!r}.")
    place = root / sample.subset / sample.name
    save_sound(place / "audio.wav", sample.sound)
    _save_moving(place / "video.mp4", sample, place / "audio.wav")
    for k, picture in enumerate(shown_at_seconds(sample)):
        save_picture(place / "frames" / f"{k}.jpg", picture)
    only_first = sample.subset == "v1s" and sample.split == "train"
    for k, truth in enumerate(sample.truths[: 1 if only_first else None]):
        save_numbers(place / "labels_semantic" / f"{k}.png", truth, is_palette=False)
        save_colours(place / "labels_rgb" / f"{k}.png", truth)
    vid = sample.name.rsplit("_", 2)[0]
    return [vid, sample.name, 0, 0, "_".join(sample.labels), sample.split, sample.subset]


def _finish_semantic(root: Path, rows: Sequence[Sequence[Any]]) -> None:
    _write_csv(root / "metadata.csv", ["vid", "uid", "s_min", "s_sec", "a_obj", "split", "label"], rows)
    _write_json(root / "label2idx.json", NUMBER_OF)


def _write_ov(folder: Path, samples: Iterable[AvsSample]) -> int:
    rows, known, listed = [], set[str](), dict[str, dict[str, list[Any]]]()
    for sample in samples:
        new_name(sample.name, known)
        rows.append(_write_semantic(folder / AVSS_FOLDER, sample))
        names = []
        for k, picture in enumerate(shown_at_seconds(sample)):
            names.append(f"{sample.name}/{k}.jpg")
            save_picture(folder / OV_FOLDER / sample.split / "JPEGImages" / names[-1], picture)
        parts = listed.setdefault(sample.split, {"videos": [], "annotations": []})
        _add_listed(parts, sample, names)
    _finish_semantic(folder / AVSS_FOLDER, rows)
    categories = [{"id": number, "name": name} for name, number in NUMBER_OF.items() if number]
    for split, parts in listed.items():
        _write_json(folder / OV_FOLDER / ov_list(split), {**parts, "categories": categories})
    return len(rows)


def ov_list(split: str) -> str:
    """The JSON file of a split of AVSBench-OV: it trains on the base classes alone."""
    return f"avsbench_ov_{split}_{'base' if split == 'train' else 'base_novel'}.json"


def _add_listed(parts: dict[str, list[Any]], sample: AvsSample, names: Sequence[str]) -> None:
    """A video and one annotation for each class in it, as YouTube-VIS lists them."""
    height, width = sample.truths.shape[1:]
    number = len(parts["videos"]) + 1
    parts["videos"].append(
        {
            "id": number, "file_names": list(names), "width": width, "height": height, "length": len(names),
            "label": sample.subset,
        }
    )  # fmt: skip
    for category in np.unique(sample.truths[sample.truths > 0]):
        masks = sample.truths == category
        coded = [encode(mask) if mask.any() else None for mask in masks]
        parts["annotations"].append(
            {
                "id": len(parts["annotations"]) + 1, "video_id": number, "category_id": int(category), "iscrowd": 0,
                "bboxes": [_box(mask) for mask in masks], "segmentations": coded,
            }
        )  # fmt: skip


def _box(mask: NDArray[np.bool_]) -> list[int] | None:
    """[x, y, width, height] of what is True; None where nothing is."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    if not len(rows):
        return None
    x, y = int(columns[0]), int(rows[0])
    return [x, y, int(columns[-1]) - x + 1, int(rows[-1]) - y + 1]


def _write_csv(path: Path, head: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file, lineterminator="\n").writerows([head, *rows])


def _write_json(path: Path, content: Any) -> None:
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content), encoding="utf-8")
