"""The trained networks at their full size: shapes and counts, and one step on one clip, on this machine.

    python benchmarks/avs_networks.py [--device cpu|cuda] [--precision fp32 bf16] [--compile] [--steps 1]

A row for each network: numbers that it learns, of the backbone among them, numbers of its ears; the shapes of its last
predictions for a clip of five pictures of 224 x 224 (OV-AVSS: 352 x 352); seconds for predicting, for the losses and
for the way back; the peak of memory (of the process, or of the card), in GiB. Weights are random: neither shapes nor
times depend on them.
"""

from __future__ import annotations

import argparse
import resource
import time
from dataclasses import replace
from typing import Any

import torch

from avfusion.sounding.networks.av2ts import draw_av2ts
from avfusion.sounding.networks.av2ts_config import AV2TS_PVT, AV2TS_R50, without_ideas
from avfusion.sounding.networks.losses import LossSettings
from avfusion.sounding.networks.ov_avss import draw_ov_avss
from avfusion.sounding.networks.ov_avss_config import OV_AVSS_R50

PICTURES = 5
NETWORKS: dict[str, tuple[Any, int]] = {
    "av2ts, PVTv2-B5": (AV2TS_PVT, 224),
    "av2ts, PVTv2-B5, AVSS": (replace(AV2TS_PVT, classes=71), 224),
    "av2ts, ResNet-50": (AV2TS_R50, 224),
    "av2ts, PVTv2-B5, without its ideas": (without_ideas(AV2TS_PVT), 224),
    "ov-avss, ResNet-50": (OV_AVSS_R50, 352),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--precision", nargs="+", default=["fp32"], choices=["fp32", "bf16"])
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--steps", type=int, default=1, help="The last one is timed.")
    parser.add_argument("--only", default="", help="A part of the names of the networks to measure.")
    asked = parser.parse_args()
    print(
        "| network | learnt, M | backbone, M | ears, M | classes | masks | precision | predict | losses | back | GiB |"
    )
    print("| --- " * 11 + "|")
    for name, (config, side) in NETWORKS.items():
        if asked.only in name:
            for precision in asked.precision:
                print(row(name, config, side, asked.device, precision, asked.steps, asked.compile), flush=True)


def row(name: str, config: Any, side: int, device: str, precision: str, steps: int, is_compiled: bool) -> str:
    drawn: Any = draw_av2ts(config, 0) if name.startswith("av2ts") else draw_ov_avss(config, 0)
    network = drawn.on(device)
    network.set_training(True)
    learnt = network.learnt()
    counts = [
        sum(part.numel() for part in learnt.values()) / 1e6,
        sum(part.numel() for word, part in learnt.items() if word.startswith("backbone.")) / 1e6,
        sum(part.numel() for word, part in network.state().items() if word.startswith(("ced.", "vggish."))) / 1e6,
    ]
    dice = torch.Generator().manual_seed(0)
    rgb = torch.rand(1, PICTURES, 3, side, side, generator=dice).mul(255).to(device)
    log_mel = torch.randn(1, PICTURES, 96, 64, generator=dice).to(device)
    labels = torch.zeros(1, PICTURES, side, side, dtype=torch.uint8)
    labels[..., side // 4 : side // 2, side // 4 : side // 2] = 1
    annotated = torch.ones(1, PICTURES, dtype=torch.bool)
    predict = torch.compile(network.predict) if is_compiled else network.predict
    times = [0.0, 0.0, 0.0]
    for _ in range(steps):
        began_s = _now(device)
        with torch.autocast(device.partition(":")[0], torch.bfloat16, enabled=precision == "bf16"):
            predictions = predict(rgb, log_mel)
        predicted_s = _now(device)
        losses = network.losses(predictions.in_full(), labels, annotated, LossSettings(), dice=dice)
        lost_s = _now(device)
        for part in learnt.values():
            part.grad = None
        losses["total"].backward()
        times = [predicted_s - began_s, lost_s - predicted_s, _now(device) - lost_s]
    assert all(part.grad is not None and bool(torch.isfinite(part.grad).all()) for part in learnt.values())
    shapes = [list(part[-1].shape) for part in (predictions.classes, predictions.masks)]
    cells = [*(f"{count:.1f}" for count in counts), *map(str, shapes), precision]
    cells += [f"{seconds:.2f} s" for seconds in times]
    return f"| {name} | " + " | ".join([*cells, f"{_peak_gib(device):.1f}"]) + " |"


def _now(device: str) -> float:
    if device.startswith("cuda"):
        torch.cuda.synchronize()
    return time.perf_counter()


def _peak_gib(device: str) -> float:
    if device.startswith("cuda"):
        return torch.cuda.max_memory_allocated() / 2**30
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


if __name__ == "__main__":
    main()
