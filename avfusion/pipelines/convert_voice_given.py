"""What is given to a conversion: the engine that goes with it, the sound, and whose voice it shall be."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from avfusion.clip import Sound
from avfusion.engines.registry import Settled, settle
from avfusion.errors import InputError, UsageError
from avfusion.media.recording import Recording, hear, probe_recording
from avfusion.media.store import StoredSound
from avfusion.pipelines.progress import ShouldStop, check_stop
from avfusion.voice import Reference, Speaker, Target
from avfusion.voice.inspect_file import engine_of
from avfusion.voice.noise import signal_to_noise_db
from avfusion.voice.opening import ModelFiles

_MOST_TARGET_S = 300
# Readers in quiet rooms reach 24 dB and more, somebody who talks in a restaurant 17.
_NOISY_DB = 20.0


def settled_voice(targets: Sequence[Path], model: ModelFiles | None, engine: str, device: str) -> Settled:
    """Which engine, and where. Raises `UsageError` where it does not go with what was given, `EngineNotReady`."""
    name = engine
    if engine == "auto":
        name = "world-knn" if model is None else engine_of(model.weights)
    settled = settle("voice", name, device)
    hears, needs = name in ("world-knn", "autovc"), name != "world-knn"
    if needs and model is None:
        raise UsageError(f"{name} takes its voice from a model file. Give one, or use world-knn with a target.")
    if not needs and model is not None:
        raise UsageError(f"{name} takes its voice from recordings of the target. Give no model file, or engine auto.")
    if hears and not targets:
        raise UsageError(f"{name} needs to hear the target. Give a recording of the target speaking.")
    if not hears and targets:
        raise UsageError(f"{name} takes its voice from the model file alone. Leave the target's recordings out.")
    return settled


def heard(recording: Recording, path: Path) -> StoredSound:
    """All of its sound, at `path`. Raises what reading it raises, and `InputError` where samples are no numbers."""
    sound = hear(recording, path)
    if not all(np.isfinite(block).all() for block in sound.blocks()):
        raise InputError(f"{recording.path}: the sound has samples that are no numbers. Save the recording anew.")
    return sound


def heard_target(targets: Sequence[Path], speaker: str, folder: Path, should_stop: ShouldStop | None) -> Target:
    """Whose voice it shall be. At most five minutes of a target are kept in memory: no engine listens longer."""
    if not targets:
        return Speaker(speaker)
    if speaker:
        raise UsageError(f"{speaker}: a speaker is chosen in a model file, and recordings of a target were given.")
    left_s = float(_MOST_TARGET_S)
    sounds = []
    for path in targets:
        check_stop(should_stop)
        stored = heard(probe_recording(path), folder / "target")
        samples = stored.read(0, min(stored.count, max(0, round(left_s * stored.rate_hz))))
        left_s -= samples.shape[1] / stored.rate_hz
        if samples.shape[1]:
            sounds.append(Sound(samples, stored.rate_hz))
    return Reference(tuple(sounds))


def about_target(target: Target) -> tuple[str, ...]:
    """A note where the voice is hard to hear in its recordings."""
    if not isinstance(target, Reference):
        return ()
    found_db = signal_to_noise_db(target.recordings)
    if not found_db < _NOISY_DB:
        return ()
    return (
        f"the target's recording is noisy (the voice is {max(0, round(found_db))} dB above what is heard around it): "
        f"the result takes that in; for a clearer voice give a recording with {_NOISY_DB:g} dB or more",
    )


def read_short(path: Path) -> Sound:
    """A whole recording in memory. Raises as `heard`."""
    with tempfile.TemporaryDirectory(prefix="avfusion-") as folder:
        stored = heard(probe_recording(path), Path(folder) / "heard")
        return Sound(stored.read(), stored.rate_hz)
