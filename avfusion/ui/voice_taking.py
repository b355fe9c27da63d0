"""Steps 1 and 2 of the Voice tab: what is to be converted, and whose voice it shall have."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

import gradio as gr

from avfusion.clip import SoundTrack
from avfusion.errors import AvfusionError, UnknownFormat
from avfusion.media.recording import Recording, probe_recording
from avfusion.media.revoice import CLIP_FORMATS
from avfusion.pipelines.convert_voice_write import check_out
from avfusion.ui import example, words
from avfusion.ui.voice_models import lines, look_into
from avfusion.ui.voice_visit import VOICE, VoiceVisit

CLIP_WORDS = {
    ".mp4": "MP4, plays everywhere", ".mov": "MOV, sound without loss", ".mkv": "MKV, sound without loss",
    ".webm": "WebM, for the web",
}  # fmt: skip
_LITTLE_S = 5
_NO_TARGET = "Give a few seconds to a few minutes of the target speaking: one file or several."
_NO_MODEL = (
    "Give the files of a trained voice together: weights (.pth, .ckpt), and what belongs to them (config.json, .index, "
    "clusters, speaker encoder)."
)


class Opened(NamedTuple):
    """What another clip or recording changes. file: an empty place again, for the next one."""

    file: Any
    facts: Any
    player: Any
    format: Any
    results: Any
    cards: Any
    status: Any


class TargetShown(NamedTuple):
    file: Any
    microphone: Any
    models: Any
    status: Any
    clear: Any


def arrive(visit: VoiceVisit, kind: str) -> tuple[Any, ...]:
    """What a visitor finds: the example, where it is bundled and can be read."""
    with visit.lock:
        is_first, visit.has_arrived = not visit.has_arrived, True
        if is_first and not visit.targets and VOICE.is_file():
            visit.targets = (VOICE,)
    if is_first and visit.recording is None and example.is_there():
        with contextlib.suppress(AvfusionError):
            return *_opened(visit.hear_in_place(example.CLIP)), *show_target(visit, kind)
    return *((gr.skip(),) * len(Opened._fields)), *show_target(visit, kind)


def use_example(visit: VoiceVisit) -> Opened:
    return _opened(visit.hear_in_place(example.CLIP))


def open_source(visit: VoiceVisit, path: str) -> Opened:
    try:
        recording = visit.hear(Path(path))
    except AvfusionError as error:
        said = words.problem(error, Path(path))
        return Opened(None, said, "", gr.Dropdown(visible=False), gr.Column(visible=False), "", "")
    return _opened(recording)


def _opened(recording: Recording) -> Opened:
    facts = _facts(recording)
    return Opened(None, facts, _player(recording), _formats(recording), gr.Column(visible=False), "", "")


def _formats(recording: Recording) -> gr.Dropdown:
    """The kinds of file that hold the clip's pictures as they are; of a recording none."""
    if not recording.has_picture:
        return gr.Dropdown(visible=False)
    endings = [form.ending for form in CLIP_FORMATS if _holds(form.ending, recording)]
    choices = [(CLIP_WORDS[ending], ending) for ending in endings]
    return gr.Dropdown(choices=choices, value=endings[0] if endings else None, visible=bool(endings))


def _holds(ending: str, recording: Recording) -> bool:
    try:
        check_out(recording.path.with_suffix(ending), recording, is_preview=False)
    except UnknownFormat:
        return False
    return True


def _facts(recording: Recording) -> str:
    track = recording.sounds[0]
    what = "A clip with sound" if recording.has_picture else "A recording"
    items = [what, *_sound_facts(track)]
    if len(recording.sounds) > 1:
        items.append(f"{len(recording.sounds)} sound tracks: the first is converted")
    entries = "".join(f"<li>{escape(item)}</li>" for item in items)
    return f'<p class="file">{words.file_name(recording.path.name)}</p><ul class="facts">{entries}</ul>'


def _sound_facts(track: SoundTrack) -> tuple[str, str]:
    channels = {1: "mono", 2: "stereo"}.get(track.channels, f"{track.channels} channels")
    return f"{words.clock(float(track.duration_s))} long", f"{track.rate_hz} Hz, {channels}, {track.codec}"


def _player(recording: Recording) -> str:
    address = file_address(recording.path)
    if recording.has_picture:
        return f'<video class="source" controls playsinline preload="metadata" src="{address}"></video>'
    return f'<audio class="source" controls preload="metadata" src="{address}"></audio>'


def file_address(path: Path) -> str:
    """Where the page finds a file that it is allowed to show, under whatever address the page itself has."""
    return f"gradio_api/file={quote(str(path))}"


def show_target(visit: VoiceVisit, kind: str) -> TargetShown:
    """What there is of the target. kind: as in `KINDS`."""
    with visit.lock:
        targets, models = visit.targets, visit.models
    if kind == "models":
        status = lines(models) or words.note(_NO_MODEL)
        return TargetShown(None, None, None, status, gr.Button(interactive=bool(models)))
    status = _target_lines(targets) or words.note(_NO_TARGET)
    return TargetShown(None, None, None, status, gr.Button(interactive=bool(targets)))


def _target_lines(paths: Sequence[Path]) -> str:
    """A line for each recording: what it is, or why it cannot be used."""
    said, total_s = [], 0.0
    for path in paths:
        try:
            track = probe_recording(path).sounds[0]
        except AvfusionError as error:
            said.append(words.problem(error, path))
            continue
        total_s += float(track.duration_s)
        name = "The example voice" if path == VOICE else words.file_name(path.name)
        said.append(f'<p class="note taken"><b>{name}</b> {escape(", ".join(_sound_facts(track)))}</p>')
    if 0 < total_s < _LITTLE_S:
        said.append(words.note("That is little: five seconds or more give a better likeness."))
    return "".join(said)


def add_targets(visit: VoiceVisit, kind: str, files: Sequence[str] | str | None) -> TargetShown:
    paths = [files] if isinstance(files, str) else files or ()
    visit.add_targets([Path(path) for path in paths])
    return show_target(visit, kind)


def add_models(visit: VoiceVisit, kind: str, files: Sequence[str] | None) -> TargetShown:
    visit.add_models([look_into(Path(path)) for path in files or ()])
    return show_target(visit, kind)


def example_target(visit: VoiceVisit, kind: str) -> TargetShown:
    with visit.lock:
        visit.targets = (VOICE,)
    return show_target(visit, kind)


def clear_target(visit: VoiceVisit, kind: str) -> TargetShown:
    with visit.lock:
        if kind == "models":
            visit.models = ()
        else:
            visit.targets = ()
    return show_target(visit, kind)


def choose_kind(visit: VoiceVisit, kind: str) -> tuple[Any, ...]:
    """Places to put files, by kind; then what there is of it."""
    shown = show_target(visit, kind)
    return (
        gr.File(visible=kind == "recordings"),
        gr.Audio(visible=kind == "microphone"),
        gr.File(visible=kind == "models"),
        gr.Textbox(visible=kind == "models"),
        gr.Button(visible=kind != "models" and VOICE.is_file()),
        shown.status,
        shown.clear,
    )
