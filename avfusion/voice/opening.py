"""What the registry lends for voices: an opener, which makes an engine of a user's model files and settings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from avfusion.errors import UsageError
from avfusion.voice import VoiceEngine

if TYPE_CHECKING:
    from avfusion.voice.content import ContentEncoder
    from avfusion.voice.rmvpe import Rmvpe

Options = Mapping[str, Any]
"""Settings of an engine by name, as its settings class has them; what is left out is as the engine has it.

automatic_pitch: bool, for every engine: it brings the pitch to the target's itself, if it can.
formant_semitones (world-knn); f0_method (so-vits, rvc); cluster_ratio, noise (so-vits); index_rate, protect,
own_loudness (rvc). Where a k-means is given for so-vits and no cluster_ratio, half of what is said goes by it.
"""

_RATIO_WITH_CLUSTERS = 0.5
_SETTINGS = {
    "formant_semitones": "the resonances (formants)",
    "f0_method": "what follows the pitch (F0)",
    "cluster_ratio": "how far it follows a k-means (cluster ratio)",
    "noise": "how much it varies (noise)",
    "index_rate": "how far it follows an index (index rate)",
    "protect": "how consonants are protected (protect)",
    "own_loudness": "how far it has its own loudness (own loudness)",
}


@dataclass(frozen=True)
class ModelFiles:
    """A voice that a user brings. weights: `.pth` or `.ckpt`. config: of so-vits. index: faiss, of RVC. clusters: the
    k-means of so-vits. speaker_encoder: of AutoVC."""

    weights: Path
    config: Path | None = None
    index: Path | None = None
    clusters: Path | None = None
    speaker_encoder: Path | None = None

    @property
    def paths(self) -> tuple[Path, ...]:
        """All that are given."""
        found = (getattr(self, part.name) for part in fields(self))
        return tuple(path for path in found if path is not None)


class Opener(Protocol):
    """Lent by the registry for the ability "voice": loads what all voices of an engine share, and opens one of them.

    hears_target: whose voice it is, recordings say. needs_model: model files are needed for it.
    """

    name: str
    hears_target: bool
    needs_model: bool

    def open(self, files: ModelFiles | None, options: Options) -> VoiceEngine:
        """The engine with these files and settings. Raises CannotRead, UsageError (files or options that it does not
        take, a setting out of range), EngineNotReady (a package is missing)."""
        ...


class WorldKnnOpener:
    """`world-knn`: no files; the voices it was given last stay prepared as long as somebody has the engine."""

    name = "world-knn"
    hears_target = True
    needs_model = False

    def open(self, files: ModelFiles | None, options: Options) -> VoiceEngine:
        from avfusion.voice.world import WorldKnn, WorldSettings

        if files is not None:
            raise UsageError("world-knn takes its voice from recordings of the target, not from a model file.")
        plain = _checked(self.name, options, {"formant_semitones"})
        return WorldKnn(WorldSettings(transpose=options.get("automatic_pitch", True), **plain))


@dataclass
class RvcOpener:
    """`rvc`: the content encoder is read once, for all voices, and so is what follows the pitch.

    rmvpe_weights: where they lie; raises EngineNotReady where they do not.
    """

    folder: Path
    device: str
    rmvpe_weights: Callable[[], Path]

    name: str = field(default="rvc", init=False)
    hears_target: bool = field(default=False, init=False)
    needs_model: bool = field(default=True, init=False)

    @cached_property
    def _content(self) -> ContentEncoder:
        from avfusion.voice.content import read_content

        return read_content(self.folder, device=self.device)

    @cached_property
    def _rmvpe(self) -> Rmvpe:
        from avfusion.voice.rmvpe import read_rmvpe

        return read_rmvpe(self.rmvpe_weights(), device=self.device)

    def open(self, files: ModelFiles | None, options: Options) -> VoiceEngine:
        from avfusion.voice.pitch import RMVPE
        from avfusion.voice.rvc import Rvc, RvcSettings
        from avfusion.voice.rvc_file import read_rvc
        from avfusion.voice.rvc_index import read_index

        files = _needed(self.name, files, {"index"})
        plain = _checked(self.name, options, {"f0_method", "index_rate", "protect", "own_loudness"})
        if "f0_method" in plain:
            plain["pitch"] = plain.pop("f0_method")
        settings = RvcSettings(**plain)
        rmvpe = self._rmvpe if settings.pitch == RMVPE else None
        voice = read_rvc(files.weights, device=self.device)
        index = None if files.index is None else read_index(files.index)
        return Rvc(voice, self._content, index, settings, rmvpe)


@dataclass
class SoVitsOpener:
    """`so-vits`: a `G_*.pth` with its `config.json`, which may lie beside it. rmvpe_weights: as `RvcOpener` has it."""

    folder: Path
    device: str
    rmvpe_weights: Callable[[], Path]

    name: str = field(default="so-vits", init=False)
    hears_target: bool = field(default=False, init=False)
    needs_model: bool = field(default=True, init=False)

    def open(self, files: ModelFiles | None, options: Options) -> VoiceEngine:
        from avfusion.voice.pitch import RMVPE
        from avfusion.voice.rmvpe import read_rmvpe
        from avfusion.voice.so_vits import SoVitsSettings, load_so_vits
        from avfusion.voice.so_vits_files import SoVitsFiles

        files = _needed(self.name, files, {"config", "clusters"})
        plain = _checked(self.name, options, {"f0_method", "cluster_ratio", "noise"})
        _check_so_vits(plain)
        if files.clusters is not None:
            plain.setdefault("cluster_ratio", _RATIO_WITH_CLUSTERS)
        config = files.config or files.weights.with_name("config.json")
        if files.config is None and not config.is_file():
            raise UsageError(f"{files.weights}: so-vits needs the config.json of this model too. Give it.")
        settings = SoVitsSettings(predict_f0=bool(options.get("automatic_pitch", False)), **plain)
        is_by_rmvpe = settings.f0_method == RMVPE
        rmvpe = read_rmvpe(self.rmvpe_weights(), device=self.device) if is_by_rmvpe else None
        voice = SoVitsFiles(files.weights, config, files.clusters)
        return load_so_vits(voice, encoder=self.folder, device=self.device, settings=settings, rmvpe=rmvpe)


@dataclass
class AutoVcOpener:
    """`autovc`: both of its files are the user's; the target is heard."""

    device: str = "cpu"

    name: str = field(default="autovc", init=False)
    hears_target: bool = field(default=True, init=False)
    needs_model: bool = field(default=True, init=False)

    def open(self, files: ModelFiles | None, options: Options) -> VoiceEngine:
        from avfusion.voice.autovc import AutoVc
        from avfusion.voice.autovc_file import read_autovc

        files = _needed(self.name, files, {"speaker_encoder"})
        _checked(self.name, options, set())
        if files.speaker_encoder is None:
            raise UsageError(f"{files.weights}: autovc needs its speaker encoder too (3000000-BL.ckpt). Give it.")
        return AutoVc(read_autovc(files.weights, files.speaker_encoder, device=self.device))


def _needed(engine: str, files: ModelFiles | None, takes: set[str]) -> ModelFiles:
    """The files, if there are any and none too many."""
    if files is None:
        raise UsageError(f"{engine} takes its voice from a model file. Give one.")
    for part in fields(ModelFiles):
        path = getattr(files, part.name)
        if path is not None and part.name != "weights" and part.name not in takes:
            raise UsageError(f"{path}: {engine} takes no {part.name.replace('_', ' ')}. Leave it out.")
    return files


def _checked(engine: str, options: Options, takes: set[str]) -> dict[str, Any]:
    """The options without `automatic_pitch`, if the engine has them all."""
    plain = {name: value for name, value in options.items() if name != "automatic_pitch"}
    unknown = sorted(plain.keys() - takes)
    if unknown:
        known = ", ".join(_SETTINGS[name] for name in sorted(takes)) or "nothing"
        raise UsageError(
            f"{engine} has no setting for {_SETTINGS.get(unknown[0], unknown[0])}. It has such for: {known}."
        )
    return plain


def _check_so_vits(plain: Options) -> None:
    from avfusion.voice.pitch import check_method

    check_method(plain.get("f0_method", "dio"))
    if not 0 <= plain.get("cluster_ratio", 0.0) <= 1:
        raise UsageError(f"cluster ratio is {plain['cluster_ratio']:g}; it lies between 0 and 1.")
