"""OV-AVSS: full-size shapes, any number of pictures, what depends on what, its file, and that it can learn."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file

from avfusion.datasets.scenes import draw_scene
from avfusion.datasets.scenes_settings import SceneSettings
from avfusion.errors import CannotRead, UsageError
from avfusion.sounding.networks.backbones import empty_backbone
from avfusion.sounding.networks.log_mel import for_pictures, log_mel_examples
from avfusion.sounding.networks.losses import LossSettings
from avfusion.sounding.networks.masked_decoder import Predictions
from avfusion.sounding.networks.ov_avss import OvAvssNetwork, draw_ov_avss, ov_avss_from, sounding_maps
from avfusion.sounding.networks.ov_avss_config import OV_AVSS_R50, OV_AVSS_TINY, OvAvssConfig
from avfusion.sounding.networks.vggish import VGGISH, vggish_shapes
from tests.sounding.networks.loosened import loosened, unused

SOURCE = Path("ov_avss.safetensors")
CLOSED = replace(OV_AVSS_TINY, classes=4, learns_ears=False)


def inputs(clips: int, pictures: int, side: int = 64) -> tuple[torch.Tensor, torch.Tensor]:
    dice = torch.Generator().manual_seed(1)
    rgb = torch.randint(0, 256, (clips, pictures, 3, side, side), generator=dice, dtype=torch.uint8)
    return rgb.float(), torch.randn(clips, pictures, 96, 64, generator=dice)


def loose(config: OvAvssConfig) -> OvAvssNetwork:
    """With nothing that is exactly zero, so that every part shows."""
    network = draw_ov_avss(config, 0)
    weights = {name: part.requires_grad_() for name, part in loosened(_bare(network.weights)).items()}
    return replace(network, weights=weights)


def _bare(weights: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name: part.detach() for name, part in weights.items()}


def test_full_size() -> None:
    with torch.device("meta"):
        backbone = empty_backbone(OV_AVSS_R50.backbone)
    vggish = {name: torch.empty(shape, device="meta") for name, shape in vggish_shapes(OV_AVSS_R50.vggish).items()}
    network = draw_ov_avss(OV_AVSS_R50, 0, vggish=vggish, backbone=backbone).on("meta")
    rgb, log_mel = torch.empty(2, 5, 3, 224, 352, device="meta"), torch.empty(2, 5, 96, 64, device="meta")
    predictions = network.predict(rgb, log_mel)
    assert len(predictions.masks) == len(predictions.classes) == 10
    assert predictions.masks[-1].shape == (2, 100, 5, 56, 88)
    assert predictions.classes[-1].shape == (2, 100, 2)
    assert sounding_maps(predictions, height=224, width=352).shape == (10, 2, 224, 352)
    learnt = sum(part.numel() for part in network.learnt().values())
    assert round(learnt / 1e6, 1) == 48.3


def test_as_large_as_the_published_one_with_swin_b() -> None:
    """183.6 M, all with VGGish in it."""
    with torch.device("meta"):
        swin_b = transformers.SwinBackbone(
            transformers.SwinConfig(
                embed_dim=128, depths=[2, 2, 18, 2], num_heads=[4, 8, 16, 32], window_size=12, image_size=384,
                out_features=["stage1", "stage2", "stage3", "stage4"],
            )
        )  # fmt: skip
    widths = replace(OV_AVSS_R50.backbone, widths=(128, 256, 512, 1024))
    vggish = {name: torch.empty(shape, device="meta") for name, shape in vggish_shapes(VGGISH).items()}
    network = draw_ov_avss(replace(OV_AVSS_R50, backbone=widths), 0, vggish=vggish, backbone=swin_b)
    parts = (network.weights, vggish, dict(swin_b.named_parameters()))
    assert sum(part.numel() for weights in parts for part in weights.values()) == pytest.approx(183.6e6, rel=0.005)


@pytest.mark.parametrize("config", [OV_AVSS_TINY, CLOSED], ids=["open", "closed"])
def test_every_weight_learns(config: OvAvssConfig) -> None:
    network = loose(config)
    rgb, log_mel = inputs(2, 2)
    labels = torch.randint(0, 4, (2, 2, 64, 64), generator=torch.Generator().manual_seed(2), dtype=torch.uint8)
    losses = network.losses(
        network.predict(rgb, log_mel), labels, torch.tensor([[True, False], [True, True]]), LossSettings(points=50),
        dice=torch.Generator().manual_seed(0),
    )  # fmt: skip
    losses["total"].backward()
    assert unused(network.weights) == []
    assert all(part.grad is not None for part in network.learnt().values())
    assert any(name.startswith("vggish.") for name in network.learnt()) is config.learns_ears


@pytest.mark.parametrize("pictures", [1, 3, 10])
def test_any_number_of_pictures_and_clips_do_not_mix(pictures: int) -> None:
    network = loose(OV_AVSS_TINY)
    rgb, log_mel = inputs(2, pictures)
    with torch.no_grad():
        both, swapped = network.predict(rgb, log_mel), network.predict(rgb.flip(0), log_mel.flip(0))
    assert both.masks[-1].shape == (2, 24, pictures, 16, 16)
    assert not torch.allclose(both.masks[-1][0], both.masks[-1][1], atol=0.1)
    torch.testing.assert_close(both.masks[-1].flip(0), swapped.masks[-1], rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(both.classes[-1].flip(0), swapped.classes[-1], rtol=1e-3, atol=1e-3)


def test_a_query_depends_on_all_pictures_and_on_the_sound() -> None:
    network = loose(OV_AVSS_TINY)
    rgb, log_mel = inputs(1, 3)
    with torch.no_grad():
        masks = network.predict(rgb, log_mel).masks[-1]
        other_end = network.predict(torch.cat([rgb[:, :2], 255 - rgb[:, 2:]], dim=1), log_mel).masks[-1]
        other_sound = network.predict(rgb, log_mel.flip(1)).masks[-1]
    assert not torch.allclose(masks[:, :, 0], other_end[:, :, 0], atol=1e-3)
    assert not torch.allclose(masks, other_sound, atol=1e-3)


def test_dropout_is_of_training_alone() -> None:
    network = loose(replace(OV_AVSS_TINY, dropout=0.5))
    rgb, log_mel = inputs(1, 2)
    with torch.no_grad():
        quiet, again = (network.predict(rgb, log_mel).masks[0] for _ in range(2))
        network.set_training(True)
        first, second = (network.predict(rgb, log_mel).masks[0] for _ in range(2))
    assert torch.equal(quiet, again)
    assert not torch.allclose(first, second, atol=1e-4)


def test_maps_are_of_the_likeliest_query_and_leave_the_rest_to_the_background() -> None:
    classes = torch.log(torch.tensor([[[0.1, 0.6, 0.2, 0.1], [0.1, 0.1, 0.5, 0.3]]]))
    masks = torch.full((1, 2, 2, 4, 4), -20.0)
    masks[0, 0, 0, :2] = masks[0, 1, 0] = 20.0
    maps = sounding_maps(Predictions((classes,), (masks,)), height=4, width=4)
    assert maps.shape == (2, 3, 4, 4)
    torch.testing.assert_close(maps[0, :, 0, 0], torch.tensor([0.4, 0.6, 0.5]))
    torch.testing.assert_close(maps[0, :, 3, 3], torch.tensor([0.5, 0.1, 0.5]))
    torch.testing.assert_close(maps[1, :, 0, 0], torch.tensor([1.0, 0.0, 0.0]))
    one = sounding_maps(Predictions((classes[..., 2:],), (masks,)), height=8, width=8)
    torch.testing.assert_close(one.sum(1), torch.ones(2, 8, 8))


def test_a_seed_gives_one_network_and_a_file_gives_it_back(tmp_path: Path) -> None:
    first, again, other = (draw_ov_avss(OV_AVSS_TINY, seed).state() for seed in (1, 1, 2))
    assert all(torch.equal(part, again[name]) for name, part in first.items())
    assert not torch.equal(first["masks.queries"], other["masks.queries"])
    network, file = loose(OV_AVSS_TINY), tmp_path / "ov_avss.safetensors"
    save_file(network.state(), file)
    same = ov_avss_from(OV_AVSS_TINY, load_file(file), file)
    rgb, log_mel = inputs(1, 2)
    with torch.no_grad():
        assert torch.equal(network.predict(rgb, log_mel).masks[-1], same.predict(rgb, log_mel).masks[-1])
    assert all(part.requires_grad for part in same.learnt().values())


def test_other_states_and_shapes_are_refused() -> None:
    network = draw_ov_avss(OV_AVSS_TINY, 0)
    with pytest.raises(CannotRead, match=r"masks\.classes\.weight should be \(72, 32\) and is \(2, 32\)"):
        ov_avss_from(replace(OV_AVSS_TINY, classes=71), network.state(), SOURCE)
    rgb, log_mel = inputs(1, 2)
    with pytest.raises(UsageError, match=r"H, W by 32"):
        network.predict(rgb[..., :48], log_mel)
    with pytest.raises(UsageError, match=r"one for each picture"):
        network.predict(rgb, log_mel[:, :1])


def test_it_learns_two_made_clips() -> None:
    """Thirty steps on clips in which one of two things sounds."""
    settings = SceneSettings(size_px=64, fps=8, seconds=3, sources=1, movers=1)
    scenes = [draw_scene(settings, seed) for seed in (0, 1)]
    rgb = torch.from_numpy(np.stack([scene.frames[[scene.truth_frame(k) for k in range(3)]] for scene in scenes]))
    heard = [for_pictures(log_mel_examples(scene.sound.samples[0]), 3, repeat_last=True) for scene in scenes]
    log_mel = torch.from_numpy(np.stack(heard))
    labels = torch.from_numpy(np.stack([[scene.sounding(second) for second in range(3)] for scene in scenes]))
    network = draw_ov_avss(OV_AVSS_TINY, 0)
    steps = torch.optim.AdamW(network.learnt().values(), lr=2e-3)
    dice, totals = torch.Generator().manual_seed(0), []
    for _ in range(30):
        predictions = network.predict(rgb.permute(0, 1, 4, 2, 3).float(), log_mel)
        known = torch.ones(2, 3, dtype=torch.bool)
        total = network.losses(predictions, labels, known, LossSettings(points=256), dice=dice)["total"]
        steps.zero_grad()
        total.backward()
        steps.step()
        totals.append(total.item())
    assert np.mean(totals[-5:]) < 0.7 * np.mean(totals[:5])
