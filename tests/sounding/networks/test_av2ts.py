"""AV2TS: full-size shapes, any number of pictures, its switches, its file, and that it can learn."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from avfusion.datasets.scenes import draw_scene
from avfusion.datasets.scenes_settings import SceneSettings
from avfusion.errors import CannotRead, UsageError
from avfusion.sounding.networks.av2ts import Av2tsNetwork, av2ts_from, class_maps, draw_av2ts
from avfusion.sounding.networks.av2ts_config import AV2TS_PVT, AV2TS_TINY, Av2tsConfig, without_ideas
from avfusion.sounding.networks.backbones import empty_backbone
from avfusion.sounding.networks.ced import ced_shapes
from avfusion.sounding.networks.log_mel import for_pictures, log_mel_examples
from avfusion.sounding.networks.losses import LossSettings, clip_losses
from avfusion.sounding.networks.masked_decoder import Predictions
from avfusion.sounding.networks.matching import target_of
from tests.sounding.networks.loosened import loosened, unused

SOURCE = Path("av2ts.safetensors")


def inputs(clips: int, pictures: int, side: int = 64) -> tuple[torch.Tensor, torch.Tensor]:
    dice = torch.Generator().manual_seed(1)
    rgb = torch.randint(0, 256, (clips, pictures, 3, side, side), generator=dice, dtype=torch.uint8)
    return rgb, torch.randn(clips, pictures, 96, 64, generator=dice)


def loose(config: Av2tsConfig) -> Av2tsNetwork:
    """With nothing that is nearly zero, so that every part shows."""
    network = draw_av2ts(config, 0)
    weights = {name: part.detach() for name, part in loosened(network.weights).items()}
    # The gates of tiny maps have one hidden unit or two, which shall not be off by chance.
    weights |= {
        name: part + 3 for name, part in weights.items() if name.startswith("gates.") and name.endswith("fc1.bias")
    }
    weights = {name: part.requires_grad_() for name, part in weights.items()}
    return replace(network, weights=weights)


def test_full_size() -> None:
    config = replace(AV2TS_PVT, classes=71)
    with torch.device("meta"):
        backbone = empty_backbone(config.backbone)
    ced = {name: torch.empty(shape, device="meta") for name, shape in ced_shapes(config.ced).items()}
    network = draw_av2ts(config, 0, ced=ced, backbone=backbone).on("meta")
    rgb, log_mel = torch.empty(2, 5, 3, 224, 224, device="meta"), torch.empty(2, 5, 96, 64, device="meta")
    predictions = network.predict(rgb, log_mel)
    assert len(predictions.masks) == len(predictions.classes) == 13
    assert predictions.masks[-1].shape == (10, 96, 56, 56)
    assert predictions.classes[-1].shape == (10, 96, 72)
    assert class_maps(predictions, height=224, width=224).shape == (10, 71, 224, 224)
    ours = sum(part.numel() for part in network.weights.values())
    assert round(ours / 1e6, 1) == 33.3
    assert len(network.learnt()) == len(network.weights) + len(list(backbone.parameters()))


SWITCHED = {
    "whole": AV2TS_TINY,
    "own scores": replace(AV2TS_TINY, shared_map=False),
    "no time": replace(AV2TS_TINY, temporal_attention=False),
    "no fusion": replace(AV2TS_TINY, one_stream_fusion=False),
    "maskige": replace(AV2TS_TINY, maskige=True),
    "baseline": without_ideas(AV2TS_TINY),
}


@pytest.mark.parametrize("config", SWITCHED.values(), ids=SWITCHED)
def test_every_weight_of_every_variant_learns(config: Av2tsConfig) -> None:
    network = loose(config)
    rgb, log_mel = inputs(1, 2)
    predictions = network.predict(rgb, log_mel, rgb.flip(1) if config.maskige else None)
    labels = np.random.default_rng(0).integers(0, 2, (64, 64)).astype(np.uint8)
    settings = LossSettings(points=50)
    losses = clip_losses(
        predictions.classes, predictions.masks, [target_of(labels), None], settings,
        pictures=2, dice=torch.Generator().manual_seed(0),
    )  # fmt: skip
    losses["total"].backward()
    assert unused(network.weights) == []
    assert all(part.grad is not None for part in network.learnt().values())
    modules = {name.split(".")[0] for name in network.learnt().keys() - network.weights.keys()}
    assert modules == {"backbone", "ced"} | ({"hints"} if config.maskige else set())


@pytest.mark.parametrize("pictures", [1, 3, 10])
def test_any_number_of_pictures(pictures: int) -> None:
    network = loose(AV2TS_TINY)
    rgb, log_mel = inputs(2, pictures)
    with torch.no_grad():
        both = network.predict(rgb, log_mel)
        second = network.predict(rgb[1:], log_mel[1:])
    assert both.masks[-1].shape == (2 * pictures, 48, 16, 16)
    torch.testing.assert_close(both.masks[-1][pictures:], second.masks[-1], rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize(("name", "sees"), [("whole", True), ("own scores", True), ("baseline", False)])
def test_with_temporal_attention_pictures_depend_on_other_times(name: str, sees: bool) -> None:
    network = loose(SWITCHED[name])
    rgb, log_mel = inputs(1, 3)
    with torch.no_grad():
        masks = network.predict(rgb, log_mel).masks[0]
        changed = network.predict(torch.cat([rgb[:, :2], 255 - rgb[:, 2:]], dim=1), log_mel).masks[0]
    assert torch.allclose(masks[0], changed[0], atol=1e-4) is not sees
    assert not torch.allclose(masks[2], changed[2], atol=1e-4)


def test_the_sound_tells_the_pictures_where_in_time_to_look() -> None:
    """The finest map knows of the sound only through the shared map."""
    rgb, log_mel = inputs(1, 3)
    for name, hears in (("whole", True), ("own scores", False)):
        network = loose(SWITCHED[name])
        taps = {key: torch.zeros_like(part) for key, part in network.weights.items() if ".taps." in key}
        weights = {**network.weights, **taps}
        deaf = replace(network, config=replace(network.config, one_stream_fusion=False), weights=weights)
        with torch.no_grad():
            masks, other = (deaf.predict(rgb, sound).masks[0] for sound in (log_mel, log_mel.flip(1) * 3))
        assert torch.allclose(masks, other, atol=1e-5) is not hears


def test_a_seed_gives_one_network() -> None:
    first, again, other = (draw_av2ts(AV2TS_TINY, seed).state() for seed in (1, 1, 2))
    assert all(torch.equal(part, again[name]) for name, part in first.items())
    assert not torch.equal(first["masks.queries"], other["masks.queries"])


@pytest.mark.parametrize("name", ["whole", "maskige"])
def test_a_file_gives_the_same_network_back(name: str, tmp_path: Path) -> None:
    config, file = SWITCHED[name], tmp_path / "av2ts.safetensors"
    network = loose(config)
    save_file(network.state(), file)
    again = av2ts_from(config, load_file(file), file)
    rgb, log_mel = inputs(1, 2)
    maskige = rgb.flip(1) if config.maskige else None
    with torch.no_grad():
        masks, same = (part.predict(rgb, log_mel, maskige).masks[-1] for part in (network, again))
    assert torch.equal(masks, same)
    assert all(part.requires_grad for part in again.learnt().values())


def test_other_states_are_refused() -> None:
    state = draw_av2ts(AV2TS_TINY, 0).state()
    with pytest.raises(CannotRead, match=r"masks\.classes\.weight should be \(72, 32\) and is \(3, 32\)"):
        av2ts_from(replace(AV2TS_TINY, classes=71), state, SOURCE)
    with pytest.raises(CannotRead, match=r"should be nothing"):
        av2ts_from(AV2TS_TINY, {**state, "more": torch.ones(1)}, SOURCE)


def test_other_shapes_are_refused() -> None:
    network = draw_av2ts(AV2TS_TINY, 0)
    rgb, log_mel = inputs(1, 2)
    with pytest.raises(UsageError, match="Pictures of shape"):
        network.predict(rgb[..., :48], log_mel)
    with pytest.raises(UsageError, match="Log-mel of shape"):
        network.predict(rgb, log_mel[:, :1])
    with pytest.raises(UsageError, match="Maskige"):
        network.predict(rgb, log_mel, rgb)


def test_class_maps_are_sums_over_queries() -> None:
    classes = torch.tensor([[[0.0, 40.0, 0.0], [0.0, 0.0, 40.0]]])
    masks = torch.full((1, 2, 2, 2), 40.0)
    masks[0, 0, 0] = -40.0
    maps = class_maps(Predictions((classes,), (masks,)), height=2, width=2)
    torch.testing.assert_close(maps, torch.tensor([[[[0.0, 0.0], [0.0, 0.0]], [[0.0, 0.0], [1.0, 1.0]]]]))


def test_it_learns_a_made_clip() -> None:
    scene = draw_scene(SceneSettings(size_px=64, fps=8, seconds=3, sources=1, movers=1), 0)
    places = [scene.truth_frame(second) for second in range(3)]
    rgb = torch.from_numpy(scene.frames[places]).permute(0, 3, 1, 2)[None]
    log_mel = torch.from_numpy(for_pictures(log_mel_examples(scene.sound.samples[0]), 3, repeat_last=True))[None]
    targets = [target_of((scene.sounding(second) > 0).astype(np.uint8)) for second in range(3)]
    network = draw_av2ts(AV2TS_TINY, 0)
    steps = torch.optim.AdamW(network.learnt().values(), lr=1e-3)
    dice, settings, totals = torch.Generator().manual_seed(0), LossSettings(points=256), []
    for _ in range(50):
        predictions = network.predict(rgb, log_mel)
        total = clip_losses(predictions.classes, predictions.masks, targets, settings, pictures=3, dice=dice)["total"]
        steps.zero_grad()
        total.backward()
        steps.step()
        totals.append(total.item())
    assert np.mean(totals[-5:]) < 0.25 * np.mean(totals[:5])
    with torch.no_grad():
        found = class_maps(network.predict(rgb, log_mel), height=64, width=64).argmax(1).numpy() == 1
    true = np.stack([scene.sounding(second) > 0 for second in range(3)])
    assert (found & true).sum() > 0.7 * (found | true).sum()
