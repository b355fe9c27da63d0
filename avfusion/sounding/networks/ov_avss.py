"""OV-AVSS: which things of a clip sound, each over all its pictures, whatever they are called.

R. Guo et al., "Open-vocabulary audio-visual semantic segmentation" (ACM MM 2024), its localiser (USSLM), after the
published description: early fusion of what is seen and heard, and a decoder over the whole clip that is told what is
heard. `sounding.open_names` gives the things their names.

network = draw_ov_avss(OV_AVSS_TINY, seed=0)
predictions = network.predict(rgb, log_mel)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from avfusion.errors import UsageError
from avfusion.sounding.networks.backbones import STRIDE, draw_backbone, maps_of, set_training
from avfusion.sounding.networks.early_fusion import draw_early_fusion, fuse_early
from avfusion.sounding.networks.frames import draw_projection, project
from avfusion.sounding.networks.layers import Dice, Drawn, Tensor, Weights
from avfusion.sounding.networks.log_mel import BANDS, STEPS
from avfusion.sounding.networks.losses import LossSettings
from avfusion.sounding.networks.masked_decoder import Predictions
from avfusion.sounding.networks.ov_avss_config import LEVELS, OvAvssConfig
from avfusion.sounding.networks.ov_losses import tubes_of, video_losses
from avfusion.sounding.networks.pixel_decoder import decode_pixels, draw_pixel_decoder
from avfusion.sounding.networks.stored import need_shapes
from avfusion.sounding.networks.vggish import draw_vggish, vggish_vectors
from avfusion.sounding.networks.video_decoder import decode_video, draw_video_decoder


@dataclass(frozen=True, eq=False)
class OvAvssNetwork:
    """weights: of all parts that are ours, learnt. vggish: of the network that hears, learnt only where the
    configuration says so. backbone: a module of transformers."""

    config: OvAvssConfig
    weights: Drawn
    vggish: Weights
    backbone: Any

    def predict(self, rgb: Tensor, log_mel: Tensor) -> Predictions:
        """rgb: [B, T, 3, H, W] in 0..255, sides a multiple of 32; log_mel: [B, T, 96, 64], from `log_mel_examples`. T
        may be any number.

        Classes are [B, Q, classes + 1], masks [B, Q, T, H / 4, W / 4]: a query stands for one thing in all pictures.
        Raises `UsageError` for other shapes.
        """
        import torch

        self._check(rgb, log_mel)
        clips, pictures = rgb.shape[:2]
        with torch.set_grad_enabled(self.config.learns_ears and torch.is_grad_enabled()):
            heard = vggish_vectors(self.vggish, log_mel.flatten(0, 1))
        maps = maps_of(self.backbone, rgb.flatten(0, 1))
        levels = [project(self.weights, f"levels.{number}", level) for number, level in enumerate(maps)]
        dropout = self.config.dropout if self.backbone.training else 0.0
        coarse, heard = fuse_early(self.weights, "fused", self.config.fusion, levels[-LEVELS:], heard, dropout=dropout)
        pixels = decode_pixels(self.weights, "pixels", self.config.pixels, [*levels[:-LEVELS], *coarse])
        memories = [memory.unflatten(0, (clips, pictures)) for memory in pixels.memories]
        fine = pixels.masks.unflatten(0, (clips, pictures))
        heard = heard.unflatten(0, (clips, pictures))
        return decode_video(self.weights, "masks", self.config.decoder, memories, fine, heard)

    def losses(
        self, predictions: Predictions, labels: Tensor, annotated: Tensor, settings: LossSettings, *, dice: Dice
    ) -> dict[str, Tensor]:
        """labels: uint8 [B, T, H, W], numbers of classes, 0 for the background, 255 for none; annotated: bool [B, T].
        With one class all numbers mean the same. As `video_losses`."""
        tubes = tubes_of(labels, annotated, one_class=self.config.classes == 1)
        return video_losses(predictions.classes, predictions.masks, tubes, annotated, settings, dice=dice)

    def maps(self, predictions: Predictions, *, height: int, width: int) -> Tensor:
        """As `sounding_maps`."""
        return sounding_maps(predictions, height=height, width=width)

    def learnt(self) -> Drawn:
        """Name -> parameter of all that training changes: our own, those of the backbone as `backbone.`, and of ears
        that are learnt as `vggish.`."""
        found = dict(self.weights)
        if self.config.learns_ears:
            found |= {f"vggish.{name}": part for name, part in self.vggish.items()}
        return found | {f"backbone.{name}": part for name, part in self.backbone.named_parameters()}

    def state(self) -> Drawn:
        """Name -> tensor of all that makes up the network, for a file: `learnt`, statistics of norms, and `vggish.`."""
        found = {name: part.detach() for name, part in self.weights.items()}
        found |= {f"backbone.{name}": part for name, part in self.backbone.state_dict().items()}
        return found | {f"vggish.{name}": part.detach() for name, part in self.vggish.items()}

    def set_training(self, is_training: bool) -> None:
        """In training, attention drops out, and PVT v2 leaves layers out, by torch's own generator."""
        set_training(self.backbone, is_training)

    def on(self, device: str) -> OvAvssNetwork:
        """The network there. Its backbone moves, and so is no longer here."""
        weights = {name: part.detach().to(device).requires_grad_() for name, part in self.weights.items()}
        vggish = _ears({name: part.detach().to(device) for name, part in self.vggish.items()}, self.config)
        return OvAvssNetwork(self.config, weights, vggish, self.backbone.to(device))

    def _check(self, rgb: Tensor, log_mel: Tensor) -> None:
        if rgb.dim() != 5 or rgb.shape[3] % STRIDE or rgb.shape[4] % STRIDE:
            raise UsageError(f"Pictures of shape {tuple(rgb.shape)}: OV-AVSS takes [B, T, 3, H, W], H, W by {STRIDE}.")
        if tuple(log_mel.shape) != (*rgb.shape[:2], STEPS, BANDS):
            raise UsageError(f"Log-mel of shape {tuple(log_mel.shape)}: it takes [B, T, 96, 64], one for each picture.")


def sounding_maps(predictions: Predictions, *, height: int, width: int) -> Tensor:
    """[B * T, classes, height, width] in 0..1, the background the first of them, also where there is one class alone:
    then the second is how likely a pixel sounds.

    Of each class it is the largest over queries of how likely the class times how likely the pixel; the background has
    what is left of the most likely class.
    """
    import torch
    from torch.nn import functional

    classes, masks = predictions.classes[-1].softmax(-1)[..., :-1], predictions.masks[-1].transpose(1, 2).flatten(0, 1)
    size = (height, width)
    masks = functional.interpolate(masks, size=size, mode="bilinear", align_corners=False).sigmoid()
    wanted = classes if classes.shape[2] == 1 else classes[..., 1:]
    shares = wanted.detach().repeat_interleave(predictions.masks[-1].shape[2], dim=0)
    found = torch.zeros((len(masks), shares.shape[2], height, width), dtype=masks.dtype, device=masks.device)
    # One picture and one query at a time: all of them at once are hundreds of times as much as what comes out.
    for picture, its_masks, its_shares in zip(found, masks.detach(), shares, strict=True):
        for mask, share in zip(its_masks, its_shares, strict=True):
            torch.maximum(picture, share[:, None, None] * mask, out=picture)
    return torch.cat([1 - found.amax(1, keepdim=True), found], dim=1)


def draw_ov_avss(
    config: OvAvssConfig, seed: int, *, vggish: Weights | None = None, backbone: Any = None
) -> OvAvssNetwork:
    """A network to be trained, the same for the same seed. Parts that are not given are drawn too."""
    import torch

    dice = torch.Generator().manual_seed(seed)
    weights = {name: part.requires_grad_() for name, part in _draw_weights(dice, config).items()}
    vggish = _ears(draw_vggish(dice, config.vggish) if vggish is None else vggish, config)
    backbone = draw_backbone(config.backbone, seed) if backbone is None else backbone
    return OvAvssNetwork(config, weights, vggish, backbone)


def _draw_weights(dice: Any, config: OvAvssConfig) -> Drawn:
    drawn: Drawn = {}
    for number, width in enumerate(config.backbone.widths):
        drawn |= draw_projection(dice, f"levels.{number}", width, config.width)
    drawn |= draw_early_fusion(dice, "fused", config.fusion) | draw_pixel_decoder(dice, "pixels", config.pixels)
    return drawn | draw_video_decoder(dice, "masks", config.decoder)


def _ears(vggish: Weights, config: OvAvssConfig) -> Weights:
    """As they are, or each a parameter."""
    return {name: part.clone().requires_grad_() for name, part in vggish.items()} if config.learns_ears else vggish


def ov_avss_from(config: OvAvssConfig, state: Mapping[str, Tensor], source: Path) -> OvAvssNetwork:
    """The network out of what `state` gave. source: named in the error. Raises `CannotRead` where a tensor is missing,
    has another shape, or is of no part."""
    network = draw_ov_avss(config, 0)
    wanted = {name: tuple(part.shape) for name, part in network.state().items()}
    need_shapes(wanted, state, source, "OV-AVSS of this configuration")
    network.backbone.load_state_dict({name: state[f"backbone.{name}"] for name in network.backbone.state_dict()})
    weights = {name: state[name].detach().float().clone().requires_grad_() for name in network.weights}
    vggish = _ears({name: state[f"vggish.{name}"].float() for name in network.vggish}, config)
    return OvAvssNetwork(config, weights, vggish, network.backbone)
