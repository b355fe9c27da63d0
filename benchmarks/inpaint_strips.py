"""Before and after of removals, as pictures: what there was, what was taken for the hole, the result, and the map."""

from __future__ import annotations

import contextlib
import json
import sys
import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from avfusion.clip import Box, Clip, Mask, Masks, Point, Rgb
from avfusion.media.cut import cut
from avfusion.media.probe import probe
from avfusion.media.write import Encoding
from avfusion.pipelines.davis import Davis, read_davis
from avfusion.pipelines.remove import RemoveSettings, remove
from avfusion.pipelines.track import track

ROOT = Path(__file__).resolve().parent.parent
REMOVED = ("car-shadow", "tennis", "blackswan")
_COLUMNS, _PICTURE_PX, _GAP_PX = 4, 427, 6
_EXAMPLE_FRAMES = 90


class Truth:
    """The true masks of a sequence."""

    engine = "truth"

    def __init__(self, sequence: Davis) -> None:
        self._sequence = sequence
        self.frame_count = len(sequence.truths)

    def labels(self, frame: int) -> NDArray[np.uint8]:
        return self.union(frame).view(np.uint8)

    def union(self, frame: int) -> Mask:
        return self._sequence.truth(frame)


def write_strips(dataset: Path, folder: Path) -> None:
    """One picture for each sequence of `REMOVED`, and the clips themselves. Not into the project's own folder."""
    if folder.resolve().is_relative_to(ROOT):
        sys.exit(f"{folder}: these are recordings by others. Choose a folder outside of the project.")
    folder.mkdir(parents=True, exist_ok=True)
    for sequence in read_davis(dataset, REMOVED):
        print(write_strip(sequence.clip(), Truth(sequence), folder / f"{sequence.name}.jpg", keep=folder))


def write_example(out: Path) -> None:
    clip = cut(probe(ROOT / "assets" / "example.mp4"), 0, _EXAMPLE_FRAMES)
    given = json.loads((ROOT / "assets" / "prompts.json").read_text(encoding="utf-8"))
    prompts = [Box(*given["box"]), *(Point(x, y, keep=bool(keep)) for x, y, keep in given["points"])]
    with tempfile.TemporaryDirectory(prefix="avfusion-") as folder:
        print(write_strip(clip, track(clip, prompts, folder=Path(folder)).track, out, keep=None))


def write_strip(clip: Clip, masks: Masks, out: Path, *, keep: Path | None) -> str:
    """Removes the object and its shadow; rows: before, after, map. keep: where the result stays, too. Returns words."""
    with tempfile.TemporaryDirectory(prefix="avfusion-") as name:
        folder = Path(name) if keep is None else keep
        result, shown = folder / f"{out.stem}.mp4", folder / f"{out.stem}-map.mp4"
        settings = RemoveSettings(shadows=True, map_out=shown, encoding=Encoding(quality=12))
        report = remove(clip, masks=masks, out=result, settings=settings)
        rows = [moments(source) for source in (clip, probe(result), probe(shown))]
    height, width = rows[0][0].shape[:2]
    sheet = np.full((3 * (height + _GAP_PX) - _GAP_PX, _COLUMNS * (width + _GAP_PX) - _GAP_PX, 3), 255, np.uint8)
    for row, pictures in enumerate(rows):
        for column, picture in enumerate(pictures):
            top, left = row * (height + _GAP_PX), column * (width + _GAP_PX)
            sheet[top : top + height, left : left + width] = picture
    Image.fromarray(sheet).save(out, quality=88)
    seen, painted = f"{report.seen_share:.0%} of the hole seen", f"{report.generations} pictures painted"
    return f"{out}: {report.frames} frames, {seen}, {painted}"


def moments(clip: Clip) -> list[Rgb]:
    """A few frames, evenly apart, small."""
    wanted = np.linspace(0.08, 0.92, _COLUMNS) * (clip.frame_count - 1)
    pictures = []
    for index in np.rint(wanted).astype(int).tolist():
        with contextlib.closing(clip.frames(index, index + 1)) as frames:
            picture = Image.fromarray(next(frames).rgb)
        height = round(_PICTURE_PX * clip.height_px / clip.width_px)
        pictures.append(np.asarray(picture.resize((_PICTURE_PX, height), Image.Resampling.LANCZOS)))
    return pictures
