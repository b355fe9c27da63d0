"""The bundled example: a clip, two backgrounds and the clicks that fit them. The page opens without them too."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path

from avfusion.clip import Box, Clip, Point
from avfusion.media.probe import probe
from avfusion.ui.clicks import Selection

ASSETS = Path(__file__).resolve().parents[2] / "assets"
CLIP = ASSETS / "example.mp4"
PICTURE = ASSETS / "background.jpg"
VIDEO = ASSETS / "background.mp4"
PROMPTS = ASSETS / "prompts.json"


def is_there() -> bool:
    return CLIP.is_file()


def if_there(path: Path) -> str | None:
    return str(path) if path.is_file() else None


@lru_cache(maxsize=1)
def clip() -> Clip:
    """Probed once for all visitors, so that its first frame is decoded once as well."""
    return probe(CLIP)


def selection(*, antenna: bool = False) -> Selection:
    """The box and the clicks that come with the clip, on its first frame.

    antenna: as an object of its own, too: it is so thin that it gets lost as a part of the robot, and what gets lost is
    not taken out.
    """
    if not PROMPTS.is_file():
        return Selection()
    prompts = json.loads(PROMPTS.read_text())
    points = tuple(Point(float(x), float(y), keep=bool(keep)) for x, y, keep in prompts["points"])
    parts = (_box(prompts["antenna"], object=2),) if antenna else ()
    return Selection((_box(prompts["box"], object=1), *points, *parts))


def _box(corners: list[float], *, object: int) -> Box:
    x0, y0, x1, y1 = map(float, corners)
    return Box(x0, y0, x1, y1, object=object)
