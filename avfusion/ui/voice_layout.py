"""The Voice tab's components, from top to bottom."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from avfusion.engines.catalogue import of_ability
from avfusion.engines.state import state
from avfusion.media.revoice import CLIP_FORMATS
from avfusion.ui import example, words
from avfusion.ui.engines import download_list
from avfusion.ui.object_part import script
from avfusion.ui.voice_taking import CLIP_WORDS
from avfusion.ui.voice_visit import VOICE
from avfusion.voice.pitch import METHODS

KINDS = [("Recordings", "recordings"), ("Microphone", "microphone"), ("Model files", "models")]
WHO = [("Everybody", 0), ("Who speaks most", 1), ("The second", 2), ("The third", 3), ("The fourth", 4)]
CONSENT = "Convert only voices of people who agreed. Every file says in its tags that its voice was converted by AI."


@dataclass(frozen=True)
class SourcePart:
    file: gr.File
    example: gr.Button
    facts: gr.HTML
    player: gr.HTML


@dataclass(frozen=True)
class TargetPart:
    kind: gr.Radio
    recordings: gr.File
    microphone: gr.Audio
    models: gr.File
    speaker: gr.Textbox
    status: gr.HTML
    example: gr.Button
    clear: gr.Button


@dataclass(frozen=True)
class HowPart:
    engine: gr.Dropdown
    lacking: gr.Accordion
    others: gr.HTML
    pitch: gr.Radio
    semitones: gr.Slider
    background: gr.Checkbox
    formant: gr.Slider
    part: gr.Textbox
    who: gr.Dropdown
    method: gr.Dropdown
    separator: gr.Dropdown

    @property
    def chosen(self) -> list[Any]:
        """What a `Choice` is read from, in its order."""
        return [
            self.engine, self.pitch, self.semitones, self.background, self.formant, self.part, self.who,
            self.method, self.separator,
        ]  # fmt: skip


@dataclass(frozen=True)
class RunPart:
    format: gr.Dropdown
    preview: gr.Button
    run: gr.Button
    stop: gr.Button
    status: gr.HTML
    progress: gr.HTML


@dataclass(frozen=True)
class ResultPart:
    section: gr.Column
    players: gr.HTML
    numbers: gr.HTML
    clip: gr.DownloadButton
    wav: gr.DownloadButton
    flac: gr.DownloadButton
    mp3: gr.DownloadButton
    earlier: gr.HTML

    @property
    def shows(self) -> list[Any]:
        """What a `ResultShown` fills, in its order."""
        return [self.section, self.players, self.numbers, self.clip, self.wav, self.flac, self.mp3, self.earlier]


@dataclass(frozen=True)
class ComparePart:
    engines: gr.CheckboxGroup
    run: gr.Button
    stop: gr.Button
    status: gr.HTML
    progress: gr.HTML
    cards: gr.HTML


def source_part() -> SourcePart:
    gr.HTML(words.step(1, "Clip or recording"))
    with gr.Row(elem_classes="clip-row"):
        file = gr.File(
            label="Clip or recording", show_label=False, file_types=["video", "audio"], height=130, scale=3,
            min_width=240, elem_id="voice-file", elem_classes="drop",
        )  # fmt: skip
        with gr.Column(scale=2, min_width=180, elem_classes="clip-side"):
            facts = gr.HTML(
                words.note("Drop a clip or a recording there, or press to choose one."), elem_id="voice-facts"
            )
            with gr.Row(elem_classes="clip-buttons"):
                again = gr.Button("Example", min_width=90, visible=example.is_there(), elem_id="voice-example")
    player = gr.HTML(js_on_load=script("voice_player.js"), apply_default_css=False, elem_id="voice-source")
    return SourcePart(file, again, facts, player)


def target_part() -> TargetPart:
    gr.HTML(words.step(2, "Target voice"))
    kind = gr.Radio(
        KINDS, value="recordings", show_label=False, label="Where the target voice comes from", container=False,
        elem_id="voice-kind", elem_classes="segments",
    )  # fmt: skip
    recordings = gr.File(
        label="Recordings of the target speaking", show_label=False, file_types=["audio", "video"],
        file_count="multiple", height=130, elem_id="voice-target", elem_classes="drop",
    )  # fmt: skip
    microphone = gr.Audio(
        label="Microphone", show_label=False, sources=["microphone"], type="filepath", visible=False, buttons=[],
        elem_id="voice-microphone",
    )  # fmt: skip
    models = gr.File(
        label="Model files: weights, config, index, clusters", show_label=False, file_count="multiple", height=130,
        visible=False, elem_id="voice-model", elem_classes="drop",
    )  # fmt: skip
    status = gr.HTML(elem_id="voice-target-status")
    speaker = gr.Textbox(
        label="Speaker in the model", placeholder="name or number; empty: its first", visible=False,
        elem_id="voice-speaker",
    )  # fmt: skip
    with gr.Row(elem_classes="quiet"):
        again = gr.Button("Example voice", visible=VOICE.is_file(), elem_id="voice-target-example")
        clear = gr.Button("Remove all", elem_id="voice-target-clear")
    gr.HTML(words.note(CONSENT), elem_id="voice-consent")
    return TargetPart(kind, recordings, microphone, models, speaker, status, again, clear)


def how_part() -> HowPart:
    gr.HTML(words.step(3, "How"))
    engine = gr.Dropdown(
        [("What fits the target", "auto")], value="auto", label="Engine", filterable=False, elem_id="voice-engine"
    )
    pitch = gr.Radio(
        [("To the target's", "auto"), ("By semitones", "semitones")], value="auto", label="Pitch",
        elem_id="voice-pitch", elem_classes="segments",
    )  # fmt: skip
    semitones = gr.Slider(
        -24, 24, value=0, step=1, label="Semitones", visible=False, buttons=[], elem_id="voice-semitones"
    )
    background = gr.Checkbox(False, label="Keep music and ambience (slower)", elem_id="voice-background")
    with gr.Accordion("Options", open=False, elem_id="voice-options", elem_classes="options"):
        formant = gr.Slider(
            -12, 12, value=0, step=0.5, label="Formants, in semitones (world-knn)", buttons=[],
            elem_id="voice-formant",
        )  # fmt: skip
        part = gr.Textbox(
            "",
            label="Only this part",
            placeholder="2.5-6, or 1:05-1:20, or 9-; empty: all of it",
            elem_id="voice-part",
        )
        who = gr.Dropdown(
            WHO, value=0, filterable=False, label="Only this speaker, if there are several", elem_id="voice-who"
        )
        methods = [*METHODS, *(row.name for row in of_ability("pitch") if state(row).is_ready)]
        method = gr.Dropdown(
            [("The engine's own", ""), *((name, name) for name in methods)], value="", filterable=False,
            label="Pitch method (so-vits, rvc)", elem_id="voice-method",
        )  # fmt: skip
        separators = [("The best that is ready", "auto"), *((row.name, row.name) for row in of_ability("separation"))]
        separator = gr.Dropdown(
            separators, value="auto", filterable=False, label="Background kept by", elem_id="voice-separator"
        )
    with gr.Accordion(
        "Engines that are not ready", open=False, elem_id="voice-not-ready", elem_classes="options"
    ) as lacking:
        others = download_list("voice-others")
    return HowPart(engine, lacking, others, pitch, semitones, background, formant, part, who, method, separator)


def run_part() -> RunPart:
    gr.HTML(words.step(4, "Run"))
    endings = [(CLIP_WORDS[row.ending], row.ending) for row in CLIP_FORMATS]
    format = gr.Dropdown(endings, value=".mp4", label="Clip", filterable=False, visible=False, elem_id="voice-format")
    with gr.Row(elem_classes="run-row"):
        preview = gr.Button("First 5 seconds", size="lg", min_width=140, elem_id="voice-preview")
        run = gr.Button("Run", variant="primary", size="lg", min_width=140, elem_id="voice-run")
        stop = gr.Button("Stop", variant="stop", size="lg", min_width=140, visible=False, elem_id="voice-stop")
    status = gr.HTML(elem_id="voice-status")
    progress = gr.HTML(elem_id="voice-progress")
    return RunPart(format, preview, run, stop, status, progress)


def result_part() -> ResultPart:
    with gr.Column(visible=False, elem_id="voice-results", elem_classes="card") as section:
        gr.HTML('<h2 class="step">Result</h2>')
        earlier = gr.HTML(elem_id="voice-earlier")
        players = gr.HTML(js_on_load=script("voice_player.js"), apply_default_css=False, elem_id="voice-players")
        numbers = gr.HTML(elem_id="voice-numbers", apply_default_css=False)
        with gr.Row(elem_classes="downloads"):
            clip = gr.DownloadButton("Clip", variant="primary", min_width=140, elem_id="voice-clip")
            wav = gr.DownloadButton("WAV", min_width=100, elem_id="voice-wav")
            flac = gr.DownloadButton("FLAC", min_width=100, elem_id="voice-flac")
            mp3 = gr.DownloadButton("MP3", min_width=100, elem_id="voice-mp3")
    return ResultPart(section, players, numbers, clip, wav, flac, mp3, earlier)


def compare_part() -> ComparePart:
    gr.HTML('<h2 class="step">Compare engines</h2>')
    gr.HTML(
        words.note("The same sentence by each engine, side by side: the first 15 seconds, or those that Options name.")
    )
    ready = [engine.name for engine in of_ability("voice") if state(engine).is_ready]
    engines = gr.CheckboxGroup(
        ready, value=ready[:1], label="Engines that are ready", show_label=False, container=False,
        elem_id="voice-compare-engines", elem_classes="ticks",
    )  # fmt: skip
    with gr.Row(elem_classes="run-row"):
        run = gr.Button("Compare", size="lg", elem_id="voice-compare-run")
        stop = gr.Button("Stop", variant="stop", size="lg", visible=False, elem_id="voice-compare-stop")
    status = gr.HTML(elem_id="voice-compare-status")
    progress = gr.HTML(elem_id="voice-compare-progress")
    cards = gr.HTML(js_on_load=script("voice_player.js"), apply_default_css=False, elem_id="voice-compare-cards")
    return ComparePart(engines, run, stop, status, progress, cards)
