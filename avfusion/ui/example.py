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


def selection() -> Selection:
    """The box and the clicks that come with the clip, on its first frame."""
    if not PROMPTS.is_file():
        return Selection()
    prompts = json.loads(PROMPTS.read_text())
    points = tuple(Point(float(x), float(y), keep=bool(keep)) for x, y, keep in prompts["points"])
    x0, y0, x1, y1 = map(float, prompts["box"])
    return Selection((Box(x0, y0, x1, y1), *points))
