"""The inpainting engines: rows for the catalogue. `auto` takes the one that needs no weights and shows what is there.

Sizes of downloads are those of the published files that are fetched. Peak memory is estimated for a card, where the
diffusion engines compute in half precision, and rounded up: they use more of a card that has more, which makes them
faster. On a CPU they compute in float32 and need more than twice as much, which is asked for when they are loaded.
"""

from __future__ import annotations

from functools import partial

from avfusion.engines.devices import free_memory
from avfusion.engines.engine import MIB, Engine, HubFiles
from avfusion.engines.folders import hub_snapshot
from avfusion.engines.state import size
from avfusion.errors import NotEnoughMemory

_DIFFUSERS = ("torch", "transformers", "diffusers", "accelerate")
_ABILITY = "inpainting"


def _load_flow_fill(device: str) -> object:
    from avfusion.inpainting.flow_fill import FlowFill

    return FlowFill()


def _load_telea(device: str) -> object:
    from avfusion.inpainting.telea import Telea

    return Telea()


def _load_sd(source: HubFiles, on_cpu_bytes: int, device: str) -> object:
    from avfusion.inpainting.diffusion import load_sd_inpaint

    _need_machine("sd-1.5-inpaint", on_cpu_bytes if device == "cpu" else 0, device)
    return load_sd_inpaint(hub_snapshot(source), name="sd-1.5-inpaint", device=device)


def _load_sdxl(source: HubFiles, on_cpu_bytes: int, device: str) -> object:
    from avfusion.inpainting.diffusion import load_sdxl_inpaint

    _need_machine("sdxl-inpaint", on_cpu_bytes if device == "cpu" else 0, device)
    return load_sdxl_inpaint(hub_snapshot(source), name="sdxl-inpaint", device=device)


def _load_wan_vace(source: HubFiles, words_bytes: int, on_cpu_bytes: int, device: str) -> object:
    from avfusion.inpainting.wan_vace import load_wan_vace

    _need_machine("wan-vace-1.3b", on_cpu_bytes if device == "cpu" else words_bytes, device)
    return load_wan_vace(hub_snapshot(source), name="wan-vace-1.3b", device=device)


def _need_machine(name: str, need_bytes: int, device: str) -> None:
    """Raises `NotEnoughMemory` where the machine itself, whatever its card has, has less than that."""
    there_bytes = free_memory("cpu")
    if need_bytes > there_bytes:
        raise NotEnoughMemory(
            f"{name}: needs {size(need_bytes)} of the machine's memory on {device}, and there are {size(there_bytes)}. "
            "flow-fill, which takes no words, fits.",
            engine=name,
            ability=_ABILITY,
            device=device,
        )


def _clip_tokenizer(folder: str) -> tuple[str, ...]:
    return tuple(f"{folder}/{name}" for name in ("merges.txt", "tokenizer_config.json", "vocab.json"))


_SD = HubFiles(
    "stable-diffusion-v1-5/stable-diffusion-inpainting",
    "8a4288a76071f7280aedbdb3253bdb9e9d5d84bb",
    (
        "model_index.json",
        "scheduler/scheduler_config.json",
        *_clip_tokenizer("tokenizer"),
        "text_encoder/config.json",
        "text_encoder/model.fp16.safetensors",
        "vae/config.json",
        "vae/diffusion_pytorch_model.fp16.safetensors",
        "unet/config.json",
    ),
    ("unet/diffusion_pytorch_model.fp16.safetensors",),
)

_SDXL = HubFiles(
    "diffusers/stable-diffusion-xl-1.0-inpainting-0.1",
    "115134f363124c53c7d878647567d04daf26e41e",
    (
        *_SD.files,
        *_clip_tokenizer("tokenizer_2"),
        "text_encoder_2/config.json",
        "text_encoder_2/model.fp16.safetensors",
    ),
    _SD.weights,
)

_WAN_VACE = HubFiles(
    "Wan-AI/Wan2.1-VACE-1.3B-diffusers",
    "main",
    (
        "model_index.json",
        "scheduler/scheduler_config.json",
        "tokenizer/tokenizer_config.json",
        "tokenizer/tokenizer.json",
        "text_encoder/config.json",
        "text_encoder/model.safetensors",
        "vae/config.json",
        "vae/diffusion_pytorch_model.safetensors",
        "transformer/config.json",
    ),
    ("transformer/diffusion_pytorch_model.safetensors",),
)

INPAINTED: tuple[Engine, ...] = (
    Engine(
        name="flow-fill",
        ability=_ABILITY,
        words="What other frames show behind the hole; patches of the picture for what none shows.",
        licence="Apache-2.0",
        load=_load_flow_fill,
        peak_memory_bytes=1000 * MIB,
        understands=(),
    ),
    Engine(
        name="sdxl-inpaint",
        ability=_ABILITY,
        words="Stable Diffusion XL: whatever words ask for in the hole, at 1024 pixels.",
        licence="CreativeML OpenRAIL++-M",
        load=partial(_load_sdxl, _SDXL, 18_000 * MIB),
        peak_memory_bytes=7500 * MIB,
        sources=(_SDXL,),
        download_bytes=6_950_000_000,
        packages=_DIFFUSERS,
        understands=("words",),
        needs_card=True,
    ),
    Engine(
        name="sd-1.5-inpaint",
        ability=_ABILITY,
        words="Stable Diffusion 1.5: whatever words ask for in the hole, at 512 pixels.",
        licence="CreativeML OpenRAIL-M",
        load=partial(_load_sd, _SD, 6000 * MIB),
        peak_memory_bytes=3000 * MIB,
        sources=(_SD,),
        download_bytes=2_135_000_000,
        packages=_DIFFUSERS,
        understands=("words",),
        needs_card=True,
    ),
    Engine(
        name="wan-vace-1.3b",
        ability=_ABILITY,
        words="Wan 2.1 VACE: makes up whole stretches of a clip at once, from words, at 480p.",
        licence="Apache-2.0",
        load=partial(_load_wan_vace, _WAN_VACE, 13_000 * MIB, 24_000 * MIB),
        peak_memory_bytes=9500 * MIB,
        sources=(_WAN_VACE,),
        # The text encoder 11.4 GB; the transformer's 2.15 billion weights at four bytes each; the rest 0.5 GB.
        download_bytes=20_500_000_000,
        packages=_DIFFUSERS,
        understands=("words",),
        needs_card=True,
    ),
    Engine(
        name="telea",
        ability=_ABILITY,
        words="Colours marched inwards from the hole's border, frame by frame: for scratches and thin damage.",
        licence="Apache-2.0",
        load=_load_telea,
        peak_memory_bytes=100 * MIB,
        understands=(),
    ),
)
"""A hole filled."""
