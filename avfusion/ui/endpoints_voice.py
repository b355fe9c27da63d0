"""What programs call for another voice: /voice."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from avfusion.errors import UsageError
from avfusion.media.recording import probe_recording
from avfusion.pipelines.convert_voice import VoiceReport, VoiceSettings, convert_voice
from avfusion.pipelines.progress import OnProgress, ShouldStop
from avfusion.ui.endpoints_asked import File, Files, Says
from avfusion.ui.endpoints_running import Made, handed_out
from avfusion.ui.voice_making import spans_of
from avfusion.ui.voice_models import look_into, voice_for
from avfusion.voice.opening import ModelFiles

VoiceFormat = Literal["wav", "flac", "mp3", "mp4", "mov", "mkv", "webm"]
Target = Annotated[
    list[str] | None, Files("recordings of the target speaking, a few seconds to a few minutes together.")
]
Model = Annotated[
    list[str] | None,
    Files(
        "instead, the files of a trained voice: weights, and what belongs to them (config.json, .index, clusters, "
        "speaker encoder; an AutoVC needs the target as well)."
    ),
]
VoiceEngine = Annotated[str, Says("world-knn, so-vits, rvc or autovc; auto takes what fits the target or the model.")]
Speaker = Annotated[str, Says("one of the model's speakers, by name or number. Nothing: its first.")]
Semitones = Annotated[
    float | None,
    Says("by how much the pitch is moved. Nothing: to where the target's lies, by engines that can."),
]
FormantSemitones = Annotated[float, Says("the target's resonances so much higher or lower (world-knn).")]
KeepBackground = Annotated[bool, Says("takes music and ambience apart first, and puts them back.")]
Separator = Annotated[str, Says("by what: hdemucs or repet-sim; auto takes the better one that is ready.")]
OnlySpeaker = Annotated[int, Says("1 converts who speaks most and nobody else, 2 the second, and so on; 0 everybody.")]


def voice(
    media: Annotated[str, File("the recording or video file.")],
    target: Target = None,
    model: Model = None,
    engine: VoiceEngine = "auto",
    speaker: Speaker = "",
    semitones: Semitones = None,
    formant_semitones: FormantSemitones = 0.0,
    keep_background: KeepBackground = False,
    separator: Separator = "auto",
    part: Annotated[
        str,
        Says("time ranges to convert, in seconds, such as 2.5-6, 9-; all else stays as it is. Nothing: all of it."),
    ] = "",
    only_speaker: OnlySpeaker = 0,
    format: Annotated[
        VoiceFormat, Says("wav, flac or mp3; for a video clip with its pictures as they are mp4, mov, mkv or webm.")
    ] = "wav",
) -> Made:
    """Gives the voice in a recording or a video clip another voice: the same words, in time to the sample.

    Convert only voices of people who agreed. The tags of every file say that its voice was converted by AI.

    Returns:
        The finished file, and a report: samples, lag, loudness, true peak, pitch, engine, seconds in each stage, notes.
    """

    def work(out: Path, on_progress: OnProgress, should_stop: ShouldStop) -> VoiceReport:
        name, files = model_of(model, engine)
        settings = VoiceSettings(
            semitones=semitones, formant_semitones=formant_semitones, keep_background=keep_background,
            separator=separator,
        )  # fmt: skip
        length_s = float(probe_recording(Path(media)).sounds[0].duration_s)
        return convert_voice(
            media, out=out, target=target or (), model=files, speaker=speaker, engine=name, settings=settings,
            spans=spans_of(part, length_s), only_speaker=speaker_number(only_speaker), on_progress=on_progress,
            should_stop=should_stop,
        )  # fmt: skip

    yield from handed_out(f"voice.{format}", work)


def model_of(model: list[str] | None, engine: str) -> tuple[str, ModelFiles | None]:
    """The engine's name, and the files of a trained voice if some were given. Raises `UsageError`."""
    return voice_for([look_into(Path(path)) for path in model], engine) if model else (engine, None)


def speaker_number(only_speaker: int) -> int | None:
    """Raises `UsageError`."""
    if only_speaker not in range(1000):
        raise UsageError(f"only_speaker is {only_speaker}. Give 1 for who speaks most, 0 for everybody.")
    return only_speaker or None
