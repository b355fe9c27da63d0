"""What the Fusion tab says of a run that was stopped, or could not begin."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gradio as gr

from avfusion.jobs.run import start
from avfusion.jobs.schema import SwapOptions
from avfusion.ui.fusion_running import JobShown, RunShown, run, stop
from avfusion.ui.fusion_showing import ResultShown
from avfusion.ui.fusion_wish import Switches
from avfusion.ui.strings import told
from avfusion.ui.visit import Visit
from tests.jobs.making import BOX, ball_clip


def parts(shown: Any) -> tuple[RunShown, ResultShown, JobShown]:
    first, second = len(RunShown._fields), len(RunShown._fields) + len(ResultShown._fields)
    return RunShown(*shown[:first]), ResultShown(*shown[first:second]), JobShown(*shown[second:])


def test_stop_says_what_the_banner_says(tmp_path: Path) -> None:
    clip = ball_clip(tmp_path / "ball.mp4", 3)
    job = start("swap", inputs={"clip": clip}, out=tmp_path / "o.mp4", prompts=[BOX], options=SwapOptions("blur")).id
    ran, _, offered = parts(stop(Visit(), job))
    assert offered.row.visible
    assert told("fusion-stopped-kept") in ran.status
    ran, _, offered = parts(stop(Visit(), ""))
    assert not offered.row.visible
    assert told("fusion-stopped") in ran.status


def test_a_result_stays_an_earlier_one_where_another_run_could_not_begin() -> None:
    others: Any = SimpleNamespace(background=Visit())
    (shown,) = run(SimpleNamespace(), others, Switches(False, False, (), False, ".mp4"))  # type: ignore[arg-type]
    ran, result, _ = parts(shown)
    assert told("fusion-lacks-clip") in ran.status
    assert result.earlier == gr.skip()
