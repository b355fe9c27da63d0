"""Backbones: sizes of the published ones, folders as transformers writes them, seeds, and what training may change."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from avfusion.errors import CannotRead
from avfusion.sounding.networks.backbones import (
    DEVIATION,
    MEAN,
    PVT_V2_B0,
    PVT_V2_B5,
    PVT_V2_TINY,
    RESNET_50,
    BackboneConfig,
    draw_backbone,
    draw_led_by,
    empty_backbone,
    led_by,
    load_backbone,
    maps_of,
    set_training,
)  # fmt: skip

SMALL_RESNET = BackboneConfig(kind="resnet", widths=(16, 16, 32, 32), depths=(1, 1, 1, 1))


@pytest.mark.parametrize(("config", "millions"), [(PVT_V2_B5, 81.4), (PVT_V2_B0, 3.4), (RESNET_50, 23.5)])
def test_sizes_of_the_published_ones(config: BackboneConfig, millions: float) -> None:
    with torch.device("meta"):
        backbone = empty_backbone(config)
        maps = backbone(torch.zeros(1, 3, 224, 224)).feature_maps
    assert [tuple(level.shape[1:]) for level in maps] == [
        (width, side, side) for width, side in zip(config.widths, (56, 28, 14, 7), strict=True)
    ]
    assert sum(part.numel() for part in backbone.parameters()) / 1e6 == pytest.approx(millions, abs=0.1)


def test_a_picture_of_the_mean_colour_is_nothing() -> None:
    seen = []
    maps_of(
        lambda rgb: seen.append(rgb) or type("Maps", (), {"feature_maps": ()})(),
        torch.tensor(MEAN)[None, :, None, None],
    )
    assert not seen[0].any()
    backbone = draw_backbone(PVT_V2_TINY, 0)
    bright = (torch.tensor(MEAN) + torch.tensor(DEVIATION))[None, :, None, None].expand(1, 3, 64, 64)
    with torch.no_grad():
        torch.testing.assert_close(maps_of(backbone, bright)[3], backbone(torch.ones(1, 3, 64, 64)).feature_maps[3])


@pytest.mark.parametrize("config", [PVT_V2_TINY, SMALL_RESNET], ids=["pvt-v2", "resnet"])
def test_a_folder_of_transformers_is_read(config: BackboneConfig, tmp_path: Path) -> None:
    from transformers import PvtV2ForImageClassification, ResNetForImageClassification

    drawn = draw_backbone(config, 3)
    kind = ResNetForImageClassification if config.kind == "resnet" else PvtV2ForImageClassification
    published = kind(drawn.config)
    published.base_model.load_state_dict(drawn.state_dict())
    published.save_pretrained(tmp_path)
    loaded = load_backbone(config, tmp_path)
    assert all(torch.equal(part, loaded.state_dict()[name]) for name, part in drawn.state_dict().items())
    with pytest.raises(CannotRead, match="another size"):
        load_backbone(replace(config, widths=(16, 24, 32, 64)), tmp_path)


def test_a_seed_gives_one_backbone_and_leaves_the_dice_alone() -> None:
    torch.manual_seed(0)
    before = torch.get_rng_state()
    first, again, other = (draw_backbone(PVT_V2_TINY, seed).state_dict() for seed in (1, 1, 2))
    assert torch.equal(torch.get_rng_state(), before)
    assert all(torch.equal(part, again[name]) for name, part in first.items())
    assert not all(torch.equal(part, other[name]) for name, part in first.items())


def test_training_keeps_the_statistics_of_batch_norms() -> None:
    backbone = draw_backbone(SMALL_RESNET, 0)
    before = {name: part.clone() for name, part in backbone.named_buffers()}
    set_training(backbone, True)
    backbone(torch.rand(2, 3, 64, 64))
    assert before
    assert all(torch.equal(part, before[name]) for name, part in backbone.named_buffers())


def test_hints_are_let_in_channel_by_channel() -> None:
    dice = torch.Generator().manual_seed(0)
    maps = tuple(torch.randn(2, width, 4, 4, generator=dice) for width in (16, 32))
    hints = tuple(torch.randn(2, width, 4, 4, generator=dice) for width in (16, 32))
    weights = draw_led_by(dice, "led", (16, 32))
    shut = {**weights, **{name: part - 50 for name, part in weights.items() if name.endswith("fc2.bias")}}
    for found, level in zip(led_by(shut, "led", maps, hints), maps, strict=True):
        torch.testing.assert_close(found, level)
    for found, level, hint in zip(led_by(weights, "led", maps, hints), maps, hints, strict=True):
        gates = (found - level) / hint
        torch.testing.assert_close(gates, gates[:, :, :1, :1].expand_as(gates), rtol=1e-3, atol=1e-3)
        assert ((gates > 0) & (gates < 1)).all()


def test_drawing_shapes_alone_leaves_other_modules_whole() -> None:
    """In a process of its own, where nothing has been imported yet."""
    lines = [
        "import torch",
        "from avfusion.sounding.networks.backbones import PVT_V2_TINY, empty_backbone",
        "with torch.device('meta'):",
        "    assert next(empty_backbone(PVT_V2_TINY).parameters()).is_meta",
        "import torchaudio.compliance.kaldi as kaldi",
        "assert not kaldi.EPSILON.is_meta",
    ]
    subprocess.run([sys.executable, "-c", "\n".join(lines)], check=True, timeout=120)
