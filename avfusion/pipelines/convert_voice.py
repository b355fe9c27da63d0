"""Another voice on the same words of a recording or a clip, in time to the sample."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from avfusion.media.recording import Recording, probe_recording
from avfusion.media.target import refuse_inputs, refuse_target
from avfusion.pipelines.convert_voice_make import Stages, make_voice
from avfusion.pipelines.convert_voice_settings import VoiceReport, VoiceSettings, VoiceWish
from avfusion.pipelines.convert_voice_write import check_out, write_out
from avfusion.pipelines.keep import Keep, scratch
from avfusion.pipelines.progress import OnProgress, ShouldStop
from avfusion.voice.opening import ModelFiles

__all__ = ["VoiceReport", "VoiceSettings", "VoiceWish", "convert_voice"]


def convert_voice(
    media: Path | str,
    *,
    out: Path | str,
    target: Sequence[Path | str] = (),
    model: ModelFiles | None = None,
    speaker: str = "",
    engine: str = "auto",
    settings: VoiceSettings | None = None,
    spans: Sequence[tuple[float, float]] = (),
    only_speaker: int | None = None,
    device: str = "auto",
    seed: int = 0,
    keep: Keep | None = None,
    on_progress: OnProgress | None = None,
    should_stop: ShouldStop | None = None,
) -> VoiceReport:
    """Writes `media` to `out` with its words in another voice: as many samples, each in its place, pictures untouched.

    target: recordings or clips of the target speaking. model: a voice that was learnt; speaker: one of its speakers by
    name or number. engine: with `auto`, world-knn for a target, and what fits the file for a model. spans: (start, end)
    in seconds, from the first sample of the sound; only_speaker: one of those who speak, 1 who speaks most. What is
    neither in a span nor theirs stays bit for bit as it was. out: .wav, .flac, .mp3, or for a clip .mp4, .mov, .mkv,
    .webm; what was converted says so in its tags. keep: what a killed run leaves for the next. Raises what the rooms
    below raise, `Stopped` when `should_stop` says so; nothing half-written stays.
    """
    media, out = Path(media), Path(out)
    targets = tuple(Path(path) for path in target)
    wish = VoiceWish(
        targets, model, speaker, engine, settings or VoiceSettings(), tuple(spans), only_speaker, seed
    )  # fmt: skip
    recording = _checked(media, out, wish)
    stages = Stages(should_stop)
    with scratch(keep) as folder:
        voiced = make_voice(
            recording, wish, folder, device=device, stages=stages, keep=keep, on_progress=on_progress,
            should_stop=should_stop,
        )  # fmt: skip
        with stages.timed("writing"):
            written = write_out(out, recording, voiced.result, tag=voiced.tag)
    return voiced.report(out, stages.seconds, written)


def _checked(media: Path, out: Path, wish: VoiceWish) -> Recording:
    """What can be refused before any work. Raises `UsageError`, `OutputError` and `InputError`."""
    refuse_inputs(out, [media, *wish.files])
    refuse_target(out, folder=False)
    recording = probe_recording(media)
    check_out(out, recording, is_preview=wish.settings.preview_s is not None)
    return recording
