"""One visitor in the Voice tab: what they want to hear with another voice, whose voice, and the last result."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from avfusion.media.recording import Recording, probe_recording
from avfusion.media.store import StoredSound
from avfusion.pipelines.convert_voice import VoiceReport
from avfusion.ui import example
from avfusion.ui.visit import Visit, linked
from avfusion.ui.voice_models import Brought

VOICE = example.ASSETS / "voice.wav"
"""The bundled target voice."""


@dataclass(frozen=True)
class Converted:
    """What a run made. original, converted: files with the sound before and after, to be played. clip: the clip with
    the new sound. downloads: every other file."""

    report: VoiceReport
    original: Path
    converted: Path
    before: StoredSound
    after: StoredSound
    clip: Path | None = None
    downloads: tuple[Path, ...] = ()


class VoiceVisit(Visit):
    """A visit that keeps a clip or recording with sound, recordings of the target, and model files.

    results: how many runs came to an end. is_stopped: whether the visitor stopped what they began last.
    """

    def __init__(self) -> None:
        super().__init__()
        self.recording: Recording | None = None
        self.targets: tuple[Path, ...] = ()
        self.models: tuple[Brought, ...] = ()
        self.has_arrived = False
        self.results = 0
        self.is_stopped = False

    def __deepcopy__(self, memo: object) -> VoiceVisit:
        """Gradio begins each session with a copy of what the page was built with: an empty visit of its own."""
        return VoiceVisit()

    def forget(self) -> None:
        super().forget()
        with self.lock:
            self.recording = None

    def hear(self, path: Path) -> Recording:
        """Takes a clip or recording in and forgets the one before. Raises what `probe_recording` raises."""
        self.forget()
        recording = probe_recording(path)
        with self.lock, self.folder_for("clip") as folder:
            self.recording = replace(recording, path=linked(path, folder))
            return self.recording

    def hear_in_place(self, path: Path) -> Recording:
        """As `hear`, for what stays where it is."""
        self.forget()
        recording = probe_recording(path)
        with self.lock:
            self.recording = recording
        return recording

    def add_targets(self, paths: list[Path]) -> None:
        """More recordings of the target; the bundled one gives way to them."""
        with self.lock:
            own = tuple(path for path in self.targets if path != VOICE)
            self.targets = (*own, *(path for path in paths if path not in own))

    def add_models(self, models: list[Brought]) -> None:
        with self.lock:
            self.models = (*self.models, *models)
