"""Lists of jobs for the tests of batches."""

import json
from pathlib import Path
from typing import Any

from tests.jobs.making import BOX


def swap_line(clip: str, out: str, **more: Any) -> dict[str, Any]:
    """A job that puts a plain colour behind the ball; its clip goes without a sha256."""
    box = {"kind": "box", "x0": BOX.x0, "y0": BOX.y0, "x1": BOX.x1, "y1": BOX.y1}
    line = {
        "avfusion_job": 1, "verb": "swap", "inputs": {"clip": {"path": clip}}, "prompts": [box],
        "options": {"background": "#204060"}, "settings": {"edges": "hard"}, "out": out,
    }  # fmt: skip
    return line | more


def write_lines(path: Path, *lines: dict[str, Any]) -> Path:
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    return path
