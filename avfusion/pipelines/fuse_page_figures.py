"""The figures on the page of a fusion: the sync, the engines, the times, what was measured, and the notes."""

from __future__ import annotations

from html import escape
from pathlib import Path

from avfusion.engines.catalogue import find
from avfusion.errors import UnknownEngine
from avfusion.pipelines.fuse_settings import FuseReport

_ABILITIES = {
    "segmentation": "Marks to masks",
    "tracking": "Masks through the clip",
    "matte": "Masks",
    "inpainting": "Filling",
    "voice": "Voice",
    "separation": "Voice and music apart",
}
_STAGES = {
    "shots": "Finding cuts",
    "tracking": "Following the objects",
    "learning": "Learning the objects",
    "holes": "Cutting out",
    "listening": "Listening",
    "separating": "Voice and music apart",
    "converting": "Converting the voice",
    "writing": "Loudness and measures",
    "filling": "Filling and writing",
    "rendering": "Rendering and writing",
    "map": "Map",
    "checking": "Checking the sync",
}
_FEW_MS = 5.0


def in_sync(report: FuseReport) -> str:
    """What was found when the finished file was read back."""
    sync = report.sync
    tiles = []
    if sync.times_identical is not None:
        off = f"to the format's {1000 * sync.times_off_s:.2g} ms" if sync.times_off_s else "to the tick"
        words = f"{report.frames} of {report.frames}, {off}" if sync.times_identical else "not those of the source"
        tiles.append(_tile("Frame times", words, is_good=sync.times_identical))
    if sync.samples_before is not None and sync.samples_after is not None:
        same = sync.samples_equal
        words = f"{sync.samples_after:,}" if same else f"{sync.samples_after:,} for {sync.samples_before:,}"
        if sync.rate_before_hz != sync.rate_after_hz:
            words += f", at {sync.rate_after_hz} Hz"
        tiles.append(_tile("Sound samples", f"{words}, as in the source" if same else words, is_good=bool(same)))
    if sync.lag_s is not None:
        drift = "" if sync.drift_s is None else f", drift {1000 * sync.drift_s:+.2f} ms"
        words = f"{1000 * sync.lag_s:+.2f} ms{drift}"
        tiles.append(_tile("Sound against pictures", words, is_good=abs(1000 * sync.lag_s) < _FEW_MS))
    if not tiles:
        return ""
    return (
        "<section><h2>In sync</h2><p>Measured on the finished file, beside the source.</p>"
        f'<div class="tiles">{"".join(tiles)}</div></section>\n'
    )


def _tile(name: str, words: str, *, is_good: bool) -> str:
    sign = ("good", "✓", "as promised") if is_good else ("other", "!", "look here")
    return (
        f'<div class="tile {sign[0]}"><i role="img" aria-label="{sign[2]}">{sign[1]}</i><b>{escape(name)}</b>'
        f"<span>{escape(words)}</span></div>"
    )


def engines(report: FuseReport) -> str:
    """Which engine did what, where, with which weights, under which licence."""
    rows = []
    for ability, name in report.engines.items():
        cells = (
            ("Engine", name),
            ("Where", report.devices.get(ability, "")),
            ("Weights", report.revisions.get(ability, "")[:25]),
            ("Licence", _licence(ability, name)),
        )
        said = "".join(f'<td data-head="{head}">{escape(text)}</td>' for head, text in cells)
        rows.append(f'<tr><th scope="row">{escape(_ABILITIES.get(ability, ability))}</th>{said}</tr>')
    heads = "".join(f'<th scope="col">{head}</th>' for head in ("", "Engine", "Where", "Weights", "Licence"))
    return _table("Engines", f"<thead><tr>{heads}</tr></thead><tbody>{''.join(rows)}</tbody>")


def _licence(ability: str, name: str) -> str:
    try:
        return find(name, ability).licence
    except UnknownEngine:  # masks that were given, the clip's own alpha
        return ""


def times(report: FuseReport) -> str:
    """Seconds in each stage, with how much of the run that is."""
    total_s = sum(report.stages_s.values()) or 1.0
    rows = [
        f'<tr><th scope="row">{escape(_STAGES.get(stage, stage.capitalize()))}</th>'
        f'<td class="number" data-head="Seconds">{seconds:.2f}</td>'
        f'<td class="share"><i style="width:{100 * seconds / total_s:.1f}%"></i></td></tr>'
        for stage, seconds in report.stages_s.items()
    ]
    rows.append(f'<tr><th scope="row">All</th><td class="number" data-head="Seconds">{total_s:.2f}</td><td></td></tr>')
    heads = '<th scope="col">Stage</th><th scope="col" class="number">Seconds</th><td></td>'
    return _table("Time", f"<thead><tr>{heads}</tr></thead><tbody>{''.join(rows)}</tbody>", kind="times")


def _table(title: str, inside: str, kind: str = "") -> str:
    return (
        f'<section><h2>{title}</h2><div class="wide" tabindex="0"><table class="figures {kind}">{inside}</table></div>'
        "</section>\n"
    )


def figures(report: FuseReport) -> str:
    """What was measured, but for the sync."""
    rows = []
    if report.flicker is not None:
        rows.append(("Flicker of the edges", f"{report.flicker:.3f} of their opacity from frame to frame"))
    if report.seen_share is not None and report.invented_share is not None:
        rows.append(("Hole", f"{report.seen_share:.1%} seen in other frames, {report.invented_share:.1%} invented"))
    if report.warp_error is not None:
        rows.append(("Steadiness in the hole", f"flow-warp error {report.warp_error:.5f}"))
    voice = report.voice
    if voice is not None and "voice" not in report.changed:
        rows.append(("Converted", "nothing: no voice was found in the sound"))
    elif voice is not None:
        rows.append(("Converted", f"{voice.converted_s:.2f} of {voice.duration_s:.2f} s"))
        if voice.loudness_before is not None and voice.loudness_after is not None:
            rows.append(("Loudness", f"{voice.loudness_before:.1f} → {voice.loudness_after:.1f} LUFS"))
        if voice.true_peak_db is not None:
            rows.append(("True peak", f"{voice.true_peak_db:.1f} dBTP"))
        if voice.pitch_before_hz is not None and voice.pitch_after_hz is not None:
            goal = "" if voice.pitch_target_hz is None else f" (the target's: {voice.pitch_target_hz:.0f} Hz)"
            rows.append(("Pitch", f"{voice.pitch_before_hz:.0f} → {voice.pitch_after_hz:.0f} Hz{goal}"))
    if not rows:
        return ""
    said = "".join(f"<dt>{escape(name)}</dt><dd>{escape(words)}</dd>" for name, words in rows)
    return f'<section class="measures"><h2>Measures</h2><dl>{said}</dl></section>\n'


def notes(report: FuseReport, source: Path) -> str:
    """What the user should know, without where on this machine the clip lies, and without why the engines were taken
    that are named above."""
    chosen = tuple(f"{name} is the best engine for {ability}" for ability, name in report.engines.items())
    shown = [note.replace(str(source), source.name) for note in report.notes if not note.startswith(chosen)]
    if not shown:
        return ""
    said = "".join(f"<li>{escape(note)}</li>" for note in shown)
    return f'<section><h2>Notes</h2><ul class="notes">{said}</ul></section>\n'
