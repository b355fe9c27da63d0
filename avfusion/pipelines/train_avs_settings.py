"""What is trained: which network, on which setting of AVSBench, and how."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, TypeAlias

from avfusion.datasets.avs_clip import Setting
from avfusion.datasets.files import read_json
from avfusion.errors import CannotRead, UsageError
from avfusion.sounding.networks.av2ts_config import AV2TS_PVT, AV2TS_R50, AV2TS_TINY, Av2tsConfig
from avfusion.sounding.networks.ov_avss_config import OV_AVSS_R50, OV_AVSS_TINY, OvAvssConfig
from avfusion.sounding.networks.plain_config import as_plain, from_plain
from avfusion.sounding.training.settings import PUBLISHED, TrainingSettings, for_first_pictures, for_two_cores

Kind: TypeAlias = Literal["av2ts", "ov-avss"]
Preset: TypeAlias = Literal["pvt", "r50", "cpu"]

SETTINGS_OF: Mapping[Kind, tuple[Setting, ...]] = {"av2ts": ("s4", "ms3", "avss"), "ov-avss": ("ov",)}
_CLASSES = {"s4": 2, "ms3": 2, "avss": 71}
_AV2TS = {"pvt": AV2TS_PVT, "r50": AV2TS_R50, "cpu": AV2TS_TINY}
_OV_AVSS = {"r50": OV_AVSS_R50, "cpu": OV_AVSS_TINY}


@dataclass(frozen=True)
class AvsTraining:
    """network: its sizes and switches. settings: how it is trained."""

    kind: Kind
    setting: Setting
    network: Av2tsConfig | OvAvssConfig
    settings: TrainingSettings

    def as_plain(self) -> dict[str, Any]:
        """As JSON keeps it."""
        return {
            "kind": self.kind, "setting": self.setting, "network": as_plain(self.network),
            "settings": as_plain(self.settings),
        }  # fmt: skip


def training_of(kind: Kind, setting: Setting, preset: Preset, **changes: Any) -> AvsTraining:
    """The published way, or the one for two cores; changes: fields of `TrainingSettings`. Raises `UsageError`."""
    if setting not in SETTINGS_OF[kind]:
        raise UsageError(f"{kind} is trained on {' or '.join(SETTINGS_OF[kind])}, not on {setting}.")
    networks: Mapping[str, Av2tsConfig | OvAvssConfig] = _AV2TS if kind == "av2ts" else _OV_AVSS
    if preset not in networks:
        raise UsageError(f"{kind} has no preset {preset}. There are: {', '.join(networks)}.")
    network = networks[preset]
    if isinstance(network, Av2tsConfig):
        network = replace(network, classes=_CLASSES[setting])
    settings = PUBLISHED[kind, setting]
    if preset == "r50" and kind == "av2ts":
        # The smaller backbone has twice the clips in a step, and half of the steps but in AVSS.
        settings = replace(settings, batch=8, steps=settings.steps if setting == "avss" else settings.steps // 2)
    if preset == "cpu":
        settings = for_two_cores(settings)
        settings = for_first_pictures(settings) if setting == "s4" else settings
    return AvsTraining(kind, setting, network, replace(settings, **changes))


def stored_training(path: Path) -> AvsTraining:
    """What `AvsTraining.as_plain` gave, in the file that a training leaves. Raises `CannotRead`."""
    values = read_json(path)
    kind, setting = (values.get(name) if isinstance(values, dict) else None for name in ("kind", "setting"))
    for known, settings in SETTINGS_OF.items():
        for one in settings:
            if (kind, setting) == (known, one):
                example = training_of(known, one, "cpu")
                network = from_plain(values.get("network"), example.network, path, what=known)
                how = from_plain(values.get("settings"), example.settings, path, what="a training")
                return AvsTraining(known, one, network, how)
    raise CannotRead(f"{path}: says nothing of a training that could be gone on with.")
