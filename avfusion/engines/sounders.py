"""What finds the things that make a sound: rows for the catalogue, the best first."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from avfusion.engines.engine import MIB, Engine, HubFiles
from avfusion.engines.folders import home, hub_snapshot
from avfusion.engines.segmenters import DESCRIBED, SAM3, SAM3_BYTES
from avfusion.engines.trained import shipped_engine

if TYPE_CHECKING:
    from avfusion.sounding.al_ref_parts import Detector
    from avfusion.sounding.planner import Planner


def _load_mutual_information(device: str) -> object:
    from avfusion.sounding.mutual_information import MutualInformation

    return MutualInformation()


def _load_al_ref(name: str, eyes: HubFiles, device: str) -> object:
    from avfusion.sounding.al_ref import AlRef
    from avfusion.sounding.al_ref_parts import Parts
    from avfusion.sounding.gating import load_clap
    from avfusion.sounding.mutual_information import MutualInformation
    from avfusion.sounding.tagging import load_ast

    planner = _planner(device)  # first: it may say that something is not set, before anything is loaded
    parts = Parts(
        tagger=load_ast(hub_snapshot(_AST), device=device),
        ears=load_clap(hub_snapshot(_CLAP), device=device),
        detector=_detector(eyes, device),
        planner=planner,
        rough=MutualInformation(),
    )
    return AlRef(name, parts)


def _detector(eyes: HubFiles, device: str) -> Detector:
    from avfusion.segmentation.grounding import load_boxes
    from avfusion.segmentation.sam3 import load_sam3
    from avfusion.sounding.al_ref_parts import DinoDetector, Sam3Detector

    if eyes is SAM3:
        return Sam3Detector(load_sam3(hub_snapshot(eyes), name="sam3", device=device))
    return DinoDetector(load_boxes(hub_snapshot(eyes), device=device))


def decider() -> str:
    """Which model decides for al-ref-sam2 and al-ref-sam3, as the variables have it now; "" for rules."""
    from avfusion.sounding.asking_endpoint import MODEL_VARIABLE, URL_VARIABLE

    return " ".join(os.environ.get(name, "").strip() for name in (URL_VARIABLE, MODEL_VARIABLE)).strip()


def _planner(device: str) -> Callable[[], Planner]:
    """Who decides: the model at `AVFUSION_VLM_URL`; else one on this machine, if `AVFUSION_VLM_MODEL` names one; else
    rules. Raises UsageError, UnknownEngine and EngineNotReady for what is named and cannot be had."""
    from avfusion.engines.catalogue import choose
    from avfusion.sounding.asking import WAIT_S, Asking
    from avfusion.sounding.asking_endpoint import KEY_VARIABLE, MODEL_VARIABLE, URL_VARIABLE, Endpoint
    from avfusion.sounding.planner_model import ModelPlanner
    from avfusion.sounding.planner_rules import Rules

    url, model, key = (os.environ.get(name, "").strip() for name in (URL_VARIABLE, MODEL_VARIABLE, KEY_VARIABLE))
    if not (url or model):
        return Rules
    answerer = Endpoint(url, model, key) if url else _Lent(choose("asking", model).engine.name, device)
    wait_s = WAIT_S if url else _THINKS_S
    return lambda: ModelPlanner(Asking(answerer, folder=home() / "answers", wait_s=wait_s), Rules())


class _Lent:
    """A model of this machine, borrowed for one question at a time: between them its room may be needed."""

    def __init__(self, name: str, device: str) -> None:
        self.name = name
        self._device = device

    def answer(self, words: str, pictures: Sequence[bytes], wait_s: float, stop: threading.Event) -> str:
        from avfusion.engines.registry import lend

        with lend(self.name, "asking", self._device) as model:
            said: str = model.answer(words, pictures, wait_s, stop)
        return said


def _load_asked(name: str, source: HubFiles, device: str) -> object:
    from avfusion.sounding.asking_local import load_local

    return load_local(hub_snapshot(source), name=name, device=device)


_TRANSFORMERS = ("torch", "torchvision", "transformers")
_THINKS_S = 600.0
"""What a model on this machine may take for one answer: without a card it is slow."""

_AST = HubFiles("MIT/ast-finetuned-audioset-10-10-0.4593", "main")
_AST_BYTES = 346_000_000
_CLAP = HubFiles(
    "laion/clap-htsat-unfused",
    "8fa0f1c6d0433df6e97c127f64b2a1d6c0dcda8a",
    ("config.json", "preprocessor_config.json", "tokenizer_config.json"),
)
_CLAP_BYTES = 615_000_000


def _al_ref_sam2() -> Engine:
    """SAM 2 is not loaded here: its weights make what is given here into masks, as the engines of that name."""
    dino = next(row for row in DESCRIBED if row.name == "grounding-dino-tiny")
    eyes, *others = (source for source in dino.sources if isinstance(source, HubFiles))
    return Engine(
        name="al-ref-sam2",
        ability="sounding",
        words="AL-Ref-SAM 2: names what is heard, finds it or what words describe, and says when it sounds.",
        licence="Apache-2.0 and BSD-3-Clause",
        load=partial(_load_al_ref, "al-ref-sam2", eyes),
        peak_memory_bytes=5000 * MIB,
        sources=(_AST, _CLAP, eyes, *others),
        download_bytes=_AST_BYTES + _CLAP_BYTES + dino.download_bytes,
        packages=(*_TRANSFORMERS, "torchaudio"),
        understands=("words",),
    )


def _asked(size: str, count_bytes: int, memory_mib: int) -> Engine:
    name = f"qwen3-vl-{size.lower()}"
    source = HubFiles(
        f"Qwen/Qwen3-VL-{size}-Instruct",
        "main",
        ("config.json", "preprocessor_config.json", "tokenizer_config.json", "chat_template.json"),
    )
    return Engine(
        name=name,
        ability="asking",
        words=f"Qwen3-VL, {size}: answers questions about pictures, for al-ref-sam2 (AVFUSION_VLM_MODEL={name}).",
        licence="Apache-2.0",
        load=partial(_load_asked, name, source),
        peak_memory_bytes=memory_mib * MIB,
        sources=(source,),
        download_bytes=count_bytes,
        packages=_TRANSFORMERS,
        understands=(),
        needs_card=True,
    )


# Downloads are two bytes for each weight.
ASKED: tuple[Engine, ...] = (_asked("4B", 8_880_000_000, 12_000), _asked("2B", 4_270_000_000, 7000))
"""Vision-language models that decide for `al-ref-sam2`, where one is named."""

_DEMONSTRATION = "a small demonstration trained on synthetic scenes; train your own with avfusion train."

SOUNDERS: tuple[Engine, ...] = (
    Engine(
        name="al-ref-sam3",
        ability="sounding",
        words="As al-ref-sam2, with Segment Anything 3 to find things and to outline them.",
        licence="SAM License, Apache-2.0 and BSD-3-Clause",
        load=partial(_load_al_ref, "al-ref-sam3", SAM3),
        peak_memory_bytes=8000 * MIB,
        sources=(_AST, _CLAP, SAM3),
        download_bytes=_AST_BYTES + _CLAP_BYTES + SAM3_BYTES,
        packages=(*_TRANSFORMERS, "torchaudio"),
        understands=("words",),
        needs_card=True,
    ),
    _al_ref_sam2(),
    Engine(
        name="mutual-information",
        ability="sounding",
        words="What moves when it sounds (mutual information of loudness and motion); else it abstains.",
        licence="Apache-2.0",
        load=_load_mutual_information,
        peak_memory_bytes=300 * MIB,
        understands=(),
    ),
    # After the one that works for anything, so that `auto` never takes a demonstration.
    shipped_engine("ov-avss", "ov-avss", f"OV-AVSS, with the names you give: {_DEMONSTRATION}"),
    shipped_engine("av2ts", "av2ts-ms3", f"AV2TS: {_DEMONSTRATION}"),
)
"""Clip and sound to what sounds."""
