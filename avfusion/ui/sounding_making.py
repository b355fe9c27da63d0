"""What runs of the Sounding tab do on their threads: find what sounds, draw it, write what is handed out."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from avfusion.clip import Clip
from avfusion.media.recording import hear, probe_recording
from avfusion.media.target import whole_file
from avfusion.pipelines.locate import Located, LocateReport, find, report_of
from avfusion.pipelines.locate_controls import Control, ControlKind, control
from avfusion.pipelines.locate_write import SOURCES_FILE, sources_json, write_located
from avfusion.pipelines.progress import OnProgress, ShouldStop, Teller
from avfusion.ui.compare_running import zipped
from avfusion.ui.inpaint_making import plays
from avfusion.ui.sounding_heat import HeatSheet, draw_sheet
from avfusion.ui.visit import Visit

Export = Literal["masks", "rle"]
_COLUMNS = 900


@dataclass(frozen=True)
class Choice:
    """What step 2 says. labels: names with commas between."""

    engine: str = "auto"
    labels: str = ""
    text: str = ""
    tracker: str = "auto"
    segmenter: str = "auto"
    namer: str = "auto"


@dataclass(frozen=True, eq=False)
class Controlled:
    """The same clip looked at with another sound, and the film of that."""

    control: Control
    film: Path


@dataclass(frozen=True, eq=False)
class Found:
    """What a run found. film: to be watched; where nothing was found it may be the clip itself. wave: [columns, 2], the
    lowest and highest sample in each piece of the clip's time. heat: None where the engine has no map."""

    choice: Choice
    located: Located
    report: LocateReport
    film: Path
    sources: Path
    wave: NDArray[np.float32]
    heat: HeatSheet | None = None

    @property
    def clip(self) -> Clip:
        return self.located.clip

    @property
    def is_drawn(self) -> bool:
        """Whether there is anything on the film that is not on the clip."""
        return self.film != self.clip.path


def make(
    visit: Visit, place: str, clip: Clip, choice: Choice, on_progress: OnProgress, should_stop: ShouldStop
) -> Found:
    """The whole run. place: what the visit's folder for it is called. Raises what `find` raises."""
    with visit.folder_for(place) as folder:
        located = find(
            clip, folder=folder / "found", engine=choice.engine, tracker=choice.tracker, segmenter=choice.segmenter,
            namer=choice.namer,
            labels=names_in(choice.labels), text=choice.text, on_progress=on_progress, should_stop=should_stop,
        )  # fmt: skip
        film, rendering_s = draw_film(located, folder, on_progress, should_stop)
        sources = folder / f"{clip.path.stem}-{SOURCES_FILE}"
        with whole_file(sources) as part:
            part.write_text(json.dumps(sources_json(located), indent=2), encoding="utf-8")
        heat = located.sources.heat
        return Found(
            choice, located, report_of(located, film, {"rendering": rendering_s}), film, sources,
            wave_of(clip, folder), None if heat is None or not heat.size else draw_sheet(heat, folder / "heat.png"),
        )  # fmt: skip


def names_in(text: str) -> tuple[str, ...]:
    """dog, guitar -> ("dog", "guitar")"""
    return tuple(name.strip() for name in text.split(",") if name.strip())


def draw_film(located: Located, folder: Path, on_progress: OnProgress, should_stop: ShouldStop) -> tuple[Path, float]:
    """What sounds drawn over the clip, and the seconds it took; the clip itself where there is nothing to change."""
    if not located.sources.found and located.asked.sound is None and plays(located.clip):
        return located.clip.path, 0.0
    teller = Teller("rendering", located.part.frame_count, on_progress, should_stop)
    film = folder / f"{located.clip.path.stem}-sounding.mp4"
    write_located(located, film, "overlay", teller)
    return film, teller.seconds


def wave_of(clip: Clip, folder: Path) -> NDArray[np.float32]:
    """float32 [columns, 2] of the clip's own sound from its first frame to its last; none where it has no sound."""
    if not clip.sounds:
        return np.zeros((0, 2), np.float32)
    stored = hear(probe_recording(clip.path), folder / "heard")
    begin = round(clip.time(0) * stored.rate_hz) - stored.first
    count = max(1, round(clip.duration_s * stored.rate_hz))
    edges = begin + np.linspace(0, count, min(_COLUMNS, count) + 1).astype(int)
    pieces = (stored.read(int(start), int(max(stop, start + 1))) for start, stop in pairwise(edges))
    wave = np.array([(piece.min(), piece.max()) for piece in pieces], np.float32)
    stored.path.unlink()
    return np.nan_to_num(wave)


def export(visit: Visit, found: Found, kind: Export, on_progress: OnProgress, should_stop: ShouldStop) -> Path:
    """The masks with their sources: PNGs in a ZIP, or COCO RLE."""
    located = found.located
    teller = Teller("writing", located.part.frame_count, on_progress, should_stop)
    with visit.folder_for(kind) as folder:
        name = f"{found.clip.path.stem}-sounding"
        if kind == "rle":
            out = folder / f"{name}.json"
            write_located(located, out, "rle", teller)
            return out
        write_located(located, folder / name, "masks", teller)
        out = zipped(sorted((folder / name).iterdir()), folder / f"{name}.zip")
        shutil.rmtree(folder / name)
        return out


def control_found(
    visit: Visit, found: Found, kind: ControlKind, other: Path | None, on_progress: OnProgress, should_stop: ShouldStop
) -> Controlled:
    """The same with another sound: of `swap` the file's, or the clip's own turned round. Raises what `find` raises."""
    with visit.folder_for("control") as folder:
        made = control(
            found.located, kind, folder=folder / "found", other=other, on_progress=on_progress, should_stop=should_stop
        )
        film, _ = draw_film(made.located, folder, on_progress, should_stop)
        return Controlled(made, film)
