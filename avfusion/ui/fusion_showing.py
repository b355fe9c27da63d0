"""What a fusion shows: how far it is; then before and after on one clock, and the proof that nothing slipped."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import gradio as gr

from avfusion.pipelines.fuse_settings import Sync
from avfusion.pipelines.progress import Progress
from avfusion.ui import words
from avfusion.ui.clicks import shown_size
from avfusion.ui.drawing import inline
from avfusion.ui.fusion_making import Outcome
from avfusion.ui.inpaint_showing import STAGES as REMOVING
from avfusion.ui.strings import told
from avfusion.ui.voice_showing import STAGES as CONVERTING
from avfusion.ui.voice_taking import file_address

_LIVE_QUALITY = 80
_STAGES = {
    **CONVERTING,
    **REMOVING,
    "rendering": "Putting the picture together",
    "checking": "Checking that picture and sound are in step",
}


class ResultShown(NamedTuple):
    """In the order of `ResultPart.shows`."""

    section: Any = gr.skip()
    earlier: Any = gr.skip()
    player: Any = gr.skip()
    report: Any = gr.skip()
    clip: Any = gr.skip()
    page: Any = gr.skip()
    job: Any = gr.skip()


def progress(now: Progress) -> str:
    """All of it, then the stage at work."""
    overall = 0.0 if now.overall is None else now.overall
    return f"{words.bar(overall, told('fusion-all'), f'{100 * overall:.0f} %')}{words.progress(now, _STAGES)}"


def live(now: Progress) -> Any:
    if now.preview is None:
        return gr.skip()
    return f'<img class="preview" alt="{told("fusion-preview-alt")}" src="{inline(now.preview, _LIVE_QUALITY)}">'


def before_this() -> ResultShown:
    """Another run begins: what is shown is not its result."""
    return ResultShown(earlier=f'<p class="note">{told("fusion-earlier")}</p>')


def finished(outcome: Outcome, *, took_s: float) -> ResultShown:
    ending = outcome.file.suffix.removeprefix(".")
    label = f"{told('fusion-download')}, {ending} ({words.file_size(outcome.file.stat().st_size)})"
    return ResultShown(
        section=gr.Column(visible=True),
        earlier="",
        player=player(outcome),
        report=f"{proof(outcome.report.sync)}{words.report(outcome.report, total_s=took_s)}",
        clip=gr.DownloadButton(label, value=str(outcome.file)),
        page=gr.DownloadButton(
            value=None if outcome.page is None else str(outcome.page), visible=outcome.page is not None
        ),
        job=gr.DownloadButton(value=str(outcome.job)),
    )


def player(outcome: Outcome) -> str:
    """Both pictures, one over the other, on the clock of the new one; either sound. The script is `wipe.js`."""
    width, height = shown_size(outcome.clip)
    seconds = float(outcome.clip.duration_s)
    style = f"--at:50%;--aspect:{width / height:.4f}"
    return (
        f'<div class="wipe" data-shown="after" style="{style}" data-offset="{outcome.offset_s:.6f}" '
        f'data-seconds="{seconds:.6f}"><div class="layers">{_video("after", outcome.after, is_silent=False)}'
        f'{_video("before", outcome.before, is_silent=True)}<span class="tag left">{told("fusion-before")}</span>'
        f'<span class="tag right">{told("fusion-after")}</span>'
        f'<input class="at" type="range" min="0" max="1000" value="500" step="1" '
        f'aria-label="{told("fusion-border")}"><i class="edge" aria-hidden="true"></i></div>'
        f'<p class="note unplayed">{told("fusion-unplayed")}</p><div class="controls">'
        f'<button type="button" class="play" aria-label="{told("fusion-play")}"></button>'
        f'<input class="seek" type="range" min="0" max="10000" value="0" step="1" aria-label="{told("fusion-place")}">'
        f'<span class="time">0:00.0 / {words.clock(seconds)}</span>{_sounds(outcome)}</div></div>'
    )


def _video(kind: str, file: Path, *, is_silent: bool) -> str:
    return (
        f'<video class="{kind}" playsinline preload="auto"{" muted" if is_silent else ""} '
        f'src="{file_address(file)}"></video>'
    )


def _sounds(outcome: Outcome) -> str:
    """Which of the two is heard; nothing where there is only one."""
    if not outcome.has_old_sound:
        return ""
    both = (("before", "false"), ("after", "true"))
    buttons = "".join(
        f'<button type="button" data-hears="{kind}" aria-pressed="{pressed}">{told(f"fusion-{kind}")}</button>'
        for kind, pressed in both
    )
    return f'<div class="which" role="group" aria-label="{told("fusion-heard")}">{buttons}</div>'


def proof(sync: Sync) -> str:
    """Three measures of the file that was written, beside its source."""
    facts = [("fusion-proof-times", _agreement(sync.times_identical))]
    if sync.samples_after is None:
        facts.append(("fusion-proof-samples", told("fusion-no-sound")))
    else:
        samples = f"{sync.samples_after} ({_agreement(sync.samples_equal)})"
        facts += [("fusion-proof-samples", samples), ("fusion-proof-lag", words.milliseconds(sync.lag_s))]
    rows = "".join(f"<div><dt>{told(key)}</dt><dd>{value}</dd></div>" for key, value in facts if value)
    return f'<h3 class="part">{told("fusion-proof")}</h3><dl class="numbers proof">{rows}</dl>'


def _agreement(is_same: bool | None) -> str:
    if is_same is None:
        return ""
    kind = "good" if is_same else "bad"
    return f'<span class="{kind}">{told("fusion-same" if is_same else "fusion-differ")}</span>'
