"""A comparison as files: tables for programs, a page and pictures for people, and for a clip a film of all answers."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

from PIL import Image

from avfusion.media.target import part_of_folder, writing
from avfusion.pipelines.compare_answers import Comparison
from avfusion.pipelines.compare_page import page
from avfusion.pipelines.compare_pictures import heat, labels_of, original, over, save_mask
from avfusion.pipelines.progress import OnProgress, ShouldStop, Teller
from avfusion.pipelines.reel import write_reel

REEL = "side-by-side.mp4"


def write_report(
    comparison: Comparison,
    folder: Path,
    *,
    on_progress: OnProgress | None = None,
    should_stop: ShouldStop | None = None,
) -> tuple[Path, ...]:
    """Writes comparison.json, comparison.csv, comparison.html, agreement.png, ENGINE.png and ENGINE-mask.png for each
    engine with masks, and for a clip side-by-side.mp4; returns their paths.

    The folder must be new or empty, and appears when it is whole. Raises `CannotWrite` and `Stopped`.
    """
    folder = Path(folder)
    with part_of_folder(folder) as part:
        with writing(folder):
            names = [*_tables(comparison, part), *_pictures(comparison, part)]
        if comparison.kind == "clip" and comparison.with_masks:
            start, stop = comparison.frames
            write_reel(comparison, part / REEL, Teller("side by side", stop - start, on_progress, should_stop))
            names.append(REEL)
    return tuple(folder / name for name in names)


def table(comparison: Comparison) -> list[dict[str, Any]]:
    """A row for each engine: what `Answer.as_json` says, lists joined by "; ", and its IoU with each engine."""
    rows = []
    overlaps = dict(zip(comparison.engines, comparison.as_json()["iou"], strict=True))
    for answer in comparison.answers:
        row = {name: _cell(value) for name, value in answer.as_json().items()}
        for place, other in enumerate(comparison.engines):
            row[f"iou with {other}"] = overlaps[answer.engine][place] if answer.engine in overlaps else ""
        rows.append(row)
    return rows


def _cell(value: Any) -> Any:
    if isinstance(value, list):
        return "; ".join(map(str, value))
    return "" if value is None else value


def _tables(comparison: Comparison, folder: Path) -> list[str]:
    rows = table(comparison)
    held = io.StringIO()
    writer = csv.DictWriter(held, rows[0])
    writer.writeheader()
    writer.writerows(rows)
    contents = {
        "comparison.json": json.dumps(comparison.as_json(), indent=2) + "\n",
        "comparison.csv": held.getvalue(),
        "comparison.html": page(comparison),
    }
    for name, text in contents.items():
        (folder / name).write_text(text, encoding="utf-8", newline="")
    return list(contents)


def _pictures(comparison: Comparison, folder: Path) -> list[str]:
    if not comparison.with_masks:
        return []
    picture = original(comparison)
    names = []
    for answer in comparison.with_masks:
        labels = labels_of(comparison, answer)
        Image.fromarray(over(picture, labels)).save(folder / f"{answer.engine}.png")
        save_mask(labels, folder / f"{answer.engine}-mask.png")
        names += [f"{answer.engine}.png", f"{answer.engine}-mask.png"]
    Image.fromarray(heat(comparison, picture)).save(folder / "agreement.png")
    return [*names, "agreement.png"]
