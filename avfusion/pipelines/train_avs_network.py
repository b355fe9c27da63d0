"""The network that a training begins or goes on with, and the folder that its best weights are kept in."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from avfusion.errors import CannotRead, UsageError
from avfusion.media.target import part_of_folder, writing
from avfusion.pipelines.progress import OnProgress, ShouldStop, Teller
from avfusion.pipelines.train_avs_settings import AvsTraining
from avfusion.sounding.checkpoint import WORDS, read_checkpoint, write_checkpoint
from avfusion.sounding.networks import ced, vggish
from avfusion.sounding.networks.av2ts import Av2tsNetwork, av2ts_from, draw_av2ts
from avfusion.sounding.networks.av2ts_config import Av2tsConfig
from avfusion.sounding.networks.backbones import load_backbone
from avfusion.sounding.networks.layers import Tensor
from avfusion.sounding.networks.ov_avss import OvAvssNetwork, draw_ov_avss, ov_avss_from
from avfusion.sounding.training.learner import Network
from avfusion.sounding.training.made_start import StartSettings, draw_lessons, teach_ears, teach_eyes
from avfusion.sounding.training.saved import Best, Saved, folder_of, read_step
from avfusion.sounding.training.words_lessons import made_captions
from avfusion.sounding.training.words_model import train_words_model


@dataclass(frozen=True)
class Given:
    """What a training begins with instead of random weights. start: a trained network's folder. backbone: a folder as
    transformers writes them. ears: a published file of CED or VGGish (safetensors). made: eyes and ears that are first
    taught to tell made things and timbres apart; None: not. made_words: a small model of pictures and words is taught
    to name made things, and goes into the folder: without it, published CLIP names what OV-AVSS finds."""

    start: Path | None = None
    backbone: Path | None = None
    ears: Path | None = None
    made: StartSettings | None = None
    made_words: bool = False

    def __post_init__(self) -> None:
        if self.start is not None and (self.backbone or self.ears or self.made):
            raise UsageError("A trained network brings its own eyes and ears. Leave the others out.")


@dataclass(frozen=True, eq=False)
class Made:
    """network: on the CPU. saved: of the step that is gone on from. best: the best validation before it. names: what
    words stand for a label, where a model of words goes with the network. words: the folder of such a model, to be
    copied; None: one is taught, if there are names."""

    network: Any
    saved: Saved | None = None
    best: Best | None = None
    names: Mapping[str, str] = field(default_factory=dict)
    words: Path | None = None
    notes: tuple[str, ...] = field(default=())


def begun(
    training: AvsTraining, given: Given | None, on_progress: OnProgress | None, should_stop: ShouldStop | None
) -> Made:
    """A network that has learnt nothing of the data yet. Raises `CannotRead`, `UsageError`, `Stopped`."""
    config, seed = training.network, training.settings.seed
    if given is None:
        given = Given(made=StartSettings(seed=seed) if config.learns_ears else None)
    if given.start is not None:
        return _started(training, given)
    backbone = None if given.backbone is None else load_backbone(config.backbone, given.backbone)
    if isinstance(config, Av2tsConfig):
        heard = None if given.ears is None else ced.from_published(_tensors(given.ears), config.ced, given.ears)
        network: Any = draw_av2ts(config, seed, ced=heard, backbone=backbone)
    else:
        heard = None if given.ears is None else vggish.from_published(_tensors(given.ears), config.vggish, given.ears)
        network = draw_ov_avss(config, seed, vggish=heard, backbone=backbone)
    notes = [] if given.made is None else _taught(network, training, given.made, on_progress, should_stop)
    return Made(network, names=made_captions() if given.made_words else {}, notes=tuple(notes))


def _started(training: AvsTraining, given: Given) -> Made:
    """With the words that it has, unless made ones are asked for."""
    assert given.start is not None
    checkpoint = read_checkpoint(given.start)
    card = checkpoint.card
    if card.kind != training.kind:
        raise UsageError(f"{card.folder}: holds {card.kind}, and {training.kind} is to be trained.")
    if card.network != training.network:
        odd = [part.name for part in fields(card.network) if _differs(card.network, training.network, part.name)]
        raise UsageError(
            f"{card.folder}: holds {card.kind} of {card.setting} in another form than is to be trained "
            f"({training.kind} of {training.setting}): it differs in {', '.join(odd)}. Give the preset, the setting "
            "and the switches that it was trained with."
        )
    notes = (f"Began with {card.folder} ({card.setting}).",)
    if given.made_words:
        return Made(checkpoint.network, names=made_captions(), notes=notes)
    words = card.words if card.words.is_dir() else None
    return Made(checkpoint.network, names=card.names if words else {}, words=words, notes=notes)


def _differs(one: object, other: object, name: str) -> bool:
    return bool(getattr(one, name) != getattr(other, name))


def gone_on(out: Path, step: int, training: AvsTraining, facts: Mapping[str, Any]) -> Made:
    """facts: training.json. Raises `CannotRead`."""
    saved, source = read_step(out, step), folder_of(out, step)
    config = training.network
    read: Callable[..., Any] = av2ts_from if isinstance(config, Av2tsConfig) else ov_avss_from
    network = read(config, saved.network, source)
    return Made(network, saved, saved.best, facts.get("names", {}), notes=tuple(facts.get("notes", ())))


def _taught(
    network: Av2tsNetwork | OvAvssNetwork, training: AvsTraining, settings: StartSettings,
    on_progress: OnProgress | None, should_stop: ShouldStop | None,
) -> list[str]:  # fmt: skip
    """Teaches the network's eyes and ears; what came of it."""
    tell = _telling(on_progress, should_stop)
    if not network.config.learns_ears:
        raise UsageError("Ears and eyes of published sizes begin with published weights, not with made lessons.")
    lessons = draw_lessons(training.settings.size_px, settings, tell)
    learnt = [part for name, part in network.learnt().items() if name.startswith(("ced.", "vggish."))]
    heard = teach_ears(_ears_of(network, lessons.log_mel), learnt, lessons, settings, tell)
    seen = teach_eyes(network.backbone, lessons, settings, tell)
    return [f"Began with eyes that name {seen:.0%} of made things, and ears that name {heard:.0%} of made timbres."]


def _ears_of(network: Av2tsNetwork | OvAvssNetwork, log_mel: Any) -> Callable[[Tensor], Tensor]:
    """log-mel [n, 96, 64] -> tokens. The norm that CED begins with goes by the sounds of the lessons."""
    import torch

    if isinstance(network, OvAvssNetwork):
        return lambda heard: vggish.vggish_vectors(network.vggish, heard)
    bands = torch.from_numpy(log_mel).flatten(0, 1)
    network.ced["init_bn.1.running_mean"].copy_(bands.mean(0))
    network.ced["init_bn.1.running_var"].copy_(bands.var(0))
    return lambda heard: ced.ced_tokens(network.ced, network.config.ced, heard.transpose(1, 2))


def bring_words(
    out: Path, made: Made, seed: int, on_progress: OnProgress | None, should_stop: ShouldStop | None
) -> None:
    """Puts the model that names things into a run's folder, where there is to be one and is none yet. Raises `Stopped`,
    `CannotWrite`."""
    if (out / WORDS).is_dir() or not (made.names or made.words):
        return
    tell = _telling(on_progress, should_stop)
    with part_of_folder(out / WORDS) as part:
        if made.words is None:
            train_words_model(part, seed, on_step=tell)
        else:
            with writing(out):
                shutil.copytree(made.words, part, dirs_exist_ok=True)


def _telling(on_progress: OnProgress | None, should_stop: ShouldStop | None) -> Callable[[str, int, int], None]:
    """tell(what, done, total), each of what there is to do with a pace of its own."""
    tellers: dict[str, Teller] = {}

    def tell(what: str, done: int, total: int) -> None:
        if what not in tellers:
            tellers[what] = Teller(what, total, on_progress, should_stop, "steps")
        tellers[what].at(done, total)

    return tell


def _tensors(path: Path) -> dict[str, Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        tensors: dict[str, Tensor] = load_file(path)
    except (OSError, SafetensorError) as error:
        raise CannotRead(f"{path}: cannot be read as safetensors ({error}).") from error
    return tensors


def write_trained(out: Path, training: AvsTraining, network: Network, note: str, names: Mapping[str, str]) -> None:
    """The folder becomes a checkpoint with these weights. Raises `CannotWrite`."""
    write_checkpoint(
        out, kind=training.kind, setting=training.setting, size_px=training.settings.size_px, network=network,
        names=names, note=note,
    )  # fmt: skip
