"""What a conversion sounds like, looks like and measures: players on one clock, pictures, numbers, files."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import Any, NamedTuple

import gradio as gr

from avfusion.errors import NothingFound
from avfusion.pipelines.convert_voice import VoiceReport
from avfusion.pipelines.progress import Progress
from avfusion.pipelines.sound_pictures import LONGEST_S, Drawn, pitch_figure, spectrogram_figure, wave_figure
from avfusion.ui import words
from avfusion.ui.voice_taking import file_address
from avfusion.ui.voice_visit import Converted

_NO_VOICE = "no voice was found"  # as a note of the run begins
STAGES = {
    "listening": "Listening",
    "separating": "Taking voice and background apart",
    "converting": "Converting the voice",
    "writing": "Writing the files",
    "drawing": "Drawing waveforms and pitch",
}


class ResultShown(NamedTuple):
    """In the order of `ResultPart.shows`."""

    section: Any = gr.skip()
    players: Any = gr.skip()
    numbers: Any = gr.skip()
    clip: Any = gr.skip()
    wav: Any = gr.skip()
    flac: Any = gr.skip()
    mp3: Any = gr.skip()
    earlier: Any = gr.skip()


def before_this() -> ResultShown:
    """Another run begins: what is shown is not its result."""
    return ResultShown(earlier=words.note("This is the result of an earlier run, with what was chosen then."))


def nothing_found(report: VoiceReport) -> str:
    """A line that says so where there was no voice to convert; else nothing."""
    if not any(note.startswith(_NO_VOICE) for note in report.notes):
        return ""
    return words.problem(NothingFound("No voice was found in the sound: nothing was converted, it is as it was."))


def listening() -> str:
    """It is their turn, and there is nothing to count yet."""
    return f'<div class="busy">{words.bar(0.0, "Listening to the target and the source …", "")}</div>'


def progress(now: Progress) -> str:
    """Seconds of sound are counted where that is what takes time."""
    if now.stage == "waiting":
        return words.waiting(now.total, now.remaining_s)
    said = ""
    if now.unit == "seconds":
        left = f" · about {words.duration(now.remaining_s)} left" if now.remaining_s is not None else ""
        said = f"{now.done} of {now.total} s{left}"
    return words.bar(now.done / max(1, now.total), STAGES.get(now.stage, now.stage.capitalize()), said)


def finished(made: Converted, before: Drawn, after: Drawn) -> ResultShown:
    files = {file.suffix: file for file in made.downloads}
    return ResultShown(
        section=gr.Column(visible=True),
        players=players(made, pictures(before, after)),
        numbers=numbers(made.report),
        clip=_download(made.clip, f"Clip, {made.clip.suffix.removeprefix('.')}" if made.clip else ""),
        wav=_download(files.get(".wav"), "WAV"),
        flac=_download(files.get(".flac"), "FLAC"),
        mp3=_download(files.get(".mp3"), "MP3"),
        earlier="",
    )


def _download(file: Path | None, what: str) -> gr.DownloadButton:
    if file is None:
        return gr.DownloadButton(value=None, visible=False)
    return gr.DownloadButton(f"{what} ({words.file_size(file.stat().st_size)})", value=str(file), visible=True)


def players(made: Converted, below: str = "") -> str:
    """The sound before and after on one clock; of a clip the pictures with it. The script `voice_player.js` moves it.

    below: pictures whose cursors go along.
    """
    first_s = made.before.first / made.before.rate_hz
    picture = ""
    if made.clip is not None:
        picture = f'<video muted playsinline preload="auto" src="{file_address(made.clip)}"></video>'
    return (
        f'<div class="ab" data-heard="b" data-seconds="{made.report.duration_s:.6f}" data-offset="{first_s:.6f}">'
        f"{picture}{_sound('a', made.original, silent=True)}{_sound('b', made.converted, silent=False)}"
        '<div class="controls"><button type="button" class="play" aria-label="Play"></button>'
        '<div class="which" role="group" aria-label="Which is heard">'
        '<button type="button" data-hear="a" aria-pressed="false"><b>A</b> Original</button>'
        '<button type="button" data-hear="b" aria-pressed="true"><b>B</b> Converted</button></div>'
        '<input class="seek" type="range" min="0" max="1000" value="0" step="1" aria-label="Place in the sound">'
        f'<span class="time">0:00.0 / {words.clock(made.report.duration_s)}</span></div>{below}</div>'
    )


def _sound(which: str, file: Path, *, silent: bool) -> str:
    return f'<audio data-voice="{which}" preload="auto" src="{file_address(file)}"{" muted" if silent else ""}></audio>'


def pictures(before: Drawn, after: Drawn) -> str:
    both = (("Original", before, "a"), ("Converted", after, "b"))
    waves = "".join(wave_figure(drawn, f"{name}: waveform", which) for name, drawn, which in both)
    spectra = "".join(spectrogram_figure(drawn, f"{name}: spectrogram") for name, drawn, _ in both)
    cut = after.shown_s >= LONGEST_S
    said = words.note(f"Drawn are the first {words.duration(LONGEST_S)}.") if cut else ""
    return f'<div class="plots">{waves}{spectra}{pitch_figure(before, after, "Pitch")}{said}</div>'


def numbers(report: VoiceReport) -> str:
    """Measures of the result, then who made it, how fast, and what to know."""
    facts = [(head, value) for head, value in facts_of(report) if value]
    rows = "".join(f"<div><dt>{escape(head)}</dt><dd>{escape(value)}</dd></div>" for head, value in facts)
    revisions = {ability: f" (weights {revision[:12]})" for ability, revision in report.revisions.items()}
    engines = ", ".join(f"{name}{revisions.get(ability, '')}" for ability, name in report.engines.items())
    stages = ", ".join(f"{stage} {seconds:.1f} s" for stage, seconds in report.stages_s.items())
    device = ", ".join(dict.fromkeys(report.devices.values()))
    line = f"{engines} · {stages} ({device})" if device else f"{engines} · {stages}"
    notes = "".join(f"<li>{escape(text[:1].upper() + text[1:])}</li>" for text in report.notes)
    notes = f'<ul class="notes">{notes}</ul>' if notes else ""
    return f'<dl class="numbers">{rows}</dl><p class="report">{escape(line)}</p>{notes}'


def facts_of(report: VoiceReport) -> list[tuple[str, str]]:
    """What is measured, in words; empty where there was nothing to measure by."""
    return [
        ("Length", f"{report.samples} samples at {report.rate_hz} Hz"),
        ("Lag", words.milliseconds(report.lag_s)),
        ("Drift", words.milliseconds(report.drift_s)),
        ("Loudness", _before_after(report.loudness_before, report.loudness_after, "LUFS", ".1f")),
        ("True peak", "" if report.true_peak_db is None else f"{report.true_peak_db:.1f} dBTP"),
        ("Pitch", _before_after(report.pitch_before_hz, report.pitch_after_hz, "Hz", ".0f")),
        ("Target's pitch", "" if report.pitch_target_hz is None else f"{report.pitch_target_hz:.0f} Hz"),
    ]


def _before_after(before: float | None, after: float | None, unit: str, form: str) -> str:
    if before is None or after is None:
        return ""
    return f"{before:{form}} → {after:{form}} {unit}"
