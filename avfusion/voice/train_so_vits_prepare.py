"""Recordings of speakers -> what a so-vits network learns from: short pieces with content, pitch and spectrogram."""

from __future__ import annotations

import importlib
import json
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from avfusion.clip import Sound
from avfusion.errors import InputError
from avfusion.media.recording import hear, probe_recording
from avfusion.media.store import StoredSound
from avfusion.media.target import part_of_folder, writing
from avfusion.voice.one_channel import Wave, heard
from avfusion.voice.so_vits_files import fork, read_encoder, silent
from avfusion.voice.train_so_vits_config import Config, is_projected, of_features

Recordings = Mapping[str, Sequence[Path]]
"""Speaker -> recordings of nobody else."""

FEWEST_PIECES = 5
SHORTEST_S = 0.3
LONGEST_S = 5.0
CUT_WITHIN_S = 2.0
_QUIET_STEP_S = 0.02
_PEAK = 0.98
# Of a recording that reaches _PEAK: what stays below this all the time is a pause.
_SILENT = 0.02
_TRIM_DB = 30
_LIST = "pieces.json"


@dataclass(frozen=True)
class Prepared:
    """files: one for each piece. seconds: of speech in all of them."""

    files: tuple[Path, ...]
    seconds: float


def prepared_before(folder: Path, recordings: Recordings, config: Config, encoder: Path) -> Prepared | None:
    """What lies in `folder`, if it was made of the same recordings for such a configuration and encoder."""
    try:
        listed = json.loads((folder / _LIST).read_text("utf-8"))
        if listed["made_of"] != _made_of(recordings, config, encoder):
            return None
        found = Prepared(tuple(folder / name for name in listed["files"]), float(listed["seconds"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return found if all(file.is_file() for file in found.files) else None


def prepare(
    recordings: Recordings,
    folder: Path,
    config: Config,
    *,
    encoder: Path,
    device: str,
    on_recording: Callable[[], None],
) -> Prepared:
    """Makes `folder`, whole or not at all; one that was there is replaced. on_recording: called after each of them.

    Raises CannotRead, TooLarge, InputError (samples that are no numbers; fewer pieces of a voice for some speaker than
    a network can learn from), CannotWrite, and what `on_recording` raises.
    """
    fork()
    made_of = _made_of(recordings, config, encoder)
    hear_content = read_encoder(encoder, device, projected=is_projected(config))
    with writing(folder):
        shutil.rmtree(folder, ignore_errors=True)
    files: list[str] = []
    seconds = 0.0
    with part_of_folder(folder) as part, tempfile.TemporaryDirectory(prefix="avfusion-") as scratch:
        for speaker, paths in recordings.items():
            before = len(files)
            for path in paths:
                for wave in _pieces(path, Path(scratch) / "heard", config):
                    found = _features(wave, config, hear_content, config["spk"][speaker], device)
                    if found is not None:
                        files.append(f"{len(files):06d}.data.pt")
                        _save(found, part / files[-1])
                        seconds += wave.size / config["data"]["sampling_rate"]
                on_recording()
            if len(files) - before < FEWEST_PIECES:
                raise too_few(speaker, len(files) - before)
        listed = {"made_of": made_of, "files": files, "seconds": seconds}
        with writing(folder):
            (part / _LIST).write_text(json.dumps(listed), "utf-8")
    return Prepared(tuple(folder / name for name in files), seconds)


def too_few(speaker: str, count: int) -> InputError:
    return InputError(
        f"{speaker}: {count} recordings of a voice of {SHORTEST_S} s or more (longer ones than {LONGEST_S:g} s count "
        f"for several), and a network learns from {FEWEST_PIECES} at least. Record more."
    )


def _made_of(recordings: Recordings, config: Config, encoder: Path) -> Config:
    files = [
        [speaker, str(path.resolve()), path.stat().st_size, path.stat().st_mtime_ns]
        for speaker, paths in recordings.items()
        for path in paths
    ]
    return {"recordings": files, "features": of_features(config), "encoder": str(encoder)}


def _pieces(path: Path, scratch: Path, config: Config) -> Iterator[Wave]:
    """What is said in a recording, in pieces of 0.3 to 5 s cut where it is quiet: float32 [n] at the network's rate.

    The loudest sample of the recording is at 0.98; silence at both ends of a piece is left out, as the fork does.
    """
    from librosa.effects import trim

    sound = hear(probe_recording(path), scratch)
    peak = max(float(np.abs(block.mean(axis=0)).max(initial=0)) for block in sound.blocks())
    if not np.isfinite(peak):
        raise InputError(f"{path}: the sound has samples that are no numbers. Save the recording anew.")
    rate_hz = config["data"]["sampling_rate"]
    shortest = max(round(SHORTEST_S * rate_hz), config["train"]["segment_size"] + 2 * config["data"]["hop_length"])
    window = {"frame_length": rate_hz // 10, "hop_length": rate_hz // 20}
    for start, stop in _cuts(sound):
        wave = heard(Sound(sound.read(start, stop), sound.rate_hz), rate_hz) * np.float32(_PEAK / max(peak, 1e-9))
        if wave.size < shortest or np.abs(wave).max() < _SILENT:
            continue
        wave = np.clip(trim(wave, top_db=_TRIM_DB, **window)[0], -1, 1)
        if wave.size >= shortest:
            yield wave


def _cuts(sound: StoredSound) -> Iterator[tuple[int, int]]:
    """(start, stop) of pieces of at most 5 s: each ends at the quietest moment of its last two seconds."""
    longest, step = round(LONGEST_S * sound.rate_hz), max(1, round(_QUIET_STEP_S * sound.rate_hz))
    start = 0
    while sound.count - start > longest:
        first = start + longest - round(CUT_WITHIN_S * sound.rate_hz)
        steps = (start + longest - first) // step
        power = np.square(sound.read(first, first + steps * step).mean(axis=0)).reshape(steps, step).mean(axis=1)
        stop = first + int(power.argmin()) * step + step // 2
        yield start, stop
        start = stop
    yield start, sound.count


def _features(wave: Wave, config: Config, encoder: Any, speaker: int, device: str) -> dict[str, Any] | None:
    """What the fork's data set reads of a piece, computed by the fork's own functions; None where nobody has a pitch.

    spec [bins, frames], mel_spec [mels, frames], f0 and uv [frames], content [size, frames], audio [1, n], spk.
    """
    import torch
    from so_vits_svc_fork import f0 as pitch
    from so_vits_svc_fork import utils
    from so_vits_svc_fork.hparams import HParams

    settings: Any = HParams(**config)
    spectra: Any = importlib.import_module("so_vits_svc_fork.modules.mel_processing")
    rate_hz, hop = settings.data.sampling_rate, settings.data.hop_length
    with silent(), torch.no_grad():
        f0_hz, voiced = pitch.interpolate_f0(pitch.compute_f0(wave, sampling_rate=rate_hz, hop_length=hop))
        if not voiced.any():
            return None
        audio = torch.from_numpy(wave)[None]
        content = utils.get_content(
            encoder, audio[0].to(device), device, sr=rate_hz, legacy_final_proj=is_projected(config)
        )
        found = {
            "spec": (spec := spectra.spectrogram_torch(audio, settings).squeeze(0)),
            "mel_spec": spectra.spec_to_mel_torch(spec, settings),
            "f0": torch.from_numpy(f0_hz).float(),
            "uv": torch.from_numpy(voiced).float(),
            "content": utils.repeat_expand_2d(content.squeeze(0).cpu(), len(f0_hz)),
        }
    frames = min(value.shape[-1] for value in found.values())
    cut = {name: value[..., :frames].clone() for name, value in found.items()}
    return cut | {"audio": audio, "spk": torch.tensor(speaker)}


def _save(found: dict[str, Any], path: Path) -> None:
    import torch

    with writing(path):
        torch.save(found, path)
