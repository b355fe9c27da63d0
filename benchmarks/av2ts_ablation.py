"""Trains small AV2TS networks without one idea or the other, from several seeds, and prints what each is worth.

    python benchmarks/av2ts_ablation.py [DATA] [--test DATA] [--seeds 0 1 2] [--steps 500] [--size 64] [--out DIR]

DATA: a set of the setting MS3, such as `avfusion make-avs DATA --setting ms3 --clips 1400 --no-video` makes; left out,
a small one is made. All networks of a seed begin with the same eyes and ears, and see the same clips in the same order.
They are scored on the split `test` of --test, or of DATA. A row: mean and standard deviation over the seeds of M_J, of
M_F, and of M_J with another clip's sound.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np

from avfusion.datasets.avs_read import read_avs
from avfusion.datasets.made import MadeSettings
from avfusion.pipelines.make_avs import make_avs
from avfusion.pipelines.progress import Teller
from avfusion.pipelines.train_avs import train_avs
from avfusion.pipelines.train_avs_network import Given, begun
from avfusion.pipelines.train_avs_settings import AvsTraining, training_of
from avfusion.pipelines.train_avs_validate import validate
from avfusion.sounding.checkpoint import read_checkpoint
from avfusion.sounding.networks.av2ts_config import Av2tsConfig


def variants(whole: Av2tsConfig) -> dict[str, Av2tsConfig]:
    """What is left out -> the rest."""
    return {
        "nothing": whole,
        "temporal attention": replace(whole, temporal_attention=False, shared_map=False),
        "the shared map": replace(whole, shared_map=False),
        "one-stream fusion": replace(whole, one_stream_fusion=False),
        "all three": replace(whole, temporal_attention=False, shared_map=False, one_stream_fusion=False),
    }


def start_of(training: AvsTraining, folder: Path) -> Given:
    """Eyes and ears that are taught once, in files, for all networks of a seed."""
    from safetensors.torch import save_file

    network = begun(training, None, None, None).network
    network.backbone.save_pretrained(folder / "eyes")
    save_file({name: part.detach() for name, part in network.ced.items()}, folder / "ears.safetensors")
    return Given(backbone=folder / "eyes", ears=folder / "ears.safetensors")


def scores(training: AvsTraining, given: Given, data: Path, test: Path, out: Path) -> dict[str, float]:
    if not (out / "test.json").is_file():
        train_avs(data, out=out, training=training, given=given, device="cpu")
        clips = read_avs(test, training.setting, "test")
        network = read_checkpoint(out).network
        teller = Teller("testing", 2 * len(clips), None, None)
        found = validate(network, clips, training.settings.size_px, "cpu", teller)  # type: ignore[arg-type]
        (out / "test.json").write_text(json.dumps(dict(found.scores)))
    read: dict[str, float] = json.loads((out / "test.json").read_text())
    return read


def made_set(folder: Path) -> Path:
    make_avs(folder, setting="ms3", settings=MadeSettings(clips=200, size_px=64, is_moving=False))
    return folder


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, nargs="?")
    parser.add_argument("--test", type=Path)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2], help="Two at least.")
    parser.add_argument("--steps", type=int, default=500)
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--out", type=Path, help="Runs are kept here, and those that are there are not done again.")
    asked = parser.parse_args()
    found: dict[str, list[dict[str, float]]] = {}
    with tempfile.TemporaryDirectory() as scratch:
        room = asked.out or Path(scratch)
        data = asked.data or made_set(Path(scratch) / "made")
        for seed in asked.seeds:
            training = training_of(
                "av2ts", "ms3", "cpu", steps=asked.steps, size_px=asked.size, seed=seed, save_every=asked.steps,
                validate_every=asked.steps, validate_clips=20,
            )  # fmt: skip
            assert isinstance(training.network, Av2tsConfig)
            place = room / f"seed{seed}"
            place.mkdir(parents=True, exist_ok=True)
            given = start_of(training, place)
            for left_out, network in variants(training.network).items():
                run = place / left_out.replace(" ", "-")
                one = scores(replace(training, network=network), given, data, asked.test or data, run)
                found.setdefault(left_out, []).append(one)
                print(f"seed {seed}, without {left_out}: {one}", flush=True)
    names = list(found["nothing"][0])
    print("| without | " + " | ".join(names) + " |")
    print("| --- " * (len(names) + 1) + "|")
    for left_out, rows in found.items():
        cells = [np.array([row[name] for row in rows]) for name in names]
        print(f"| {left_out} | " + " | ".join(f"{cell.mean():.3f} ± {cell.std(ddof=1):.3f}" for cell in cells) + " |")


if __name__ == "__main__":
    main()
