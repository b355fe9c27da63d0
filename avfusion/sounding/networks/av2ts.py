"""AV2TS: which pixels of each picture of a clip sound, and of which class they are.

After the published description of AV2TS (github.com/OrigamiSL/AV2TS): temporal attention in the sound (TAA) whose map
the pictures share (DSTA), one-stream fusion (OSA), and a masked-attention decoder whose queries are what is heard.

network = draw_av2ts(AV2TS_TINY, seed=0)
predictions = network.predict(rgb, log_mel)
probabilities = class_maps(predictions, height=224, width=224)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from avfusion.errors import UsageError
from avfusion.sounding.networks.acoustic import draw_acoustic, hear
from avfusion.sounding.networks.av2ts_config import Av2tsConfig
from avfusion.sounding.networks.backbones import (
    STRIDE,
    draw_backbone,
    draw_led_by,
    led_by,
    maps_of,
    set_training,
)  # fmt: skip
from avfusion.sounding.networks.ced import ced_shapes, ced_tokens, draw_ced
from avfusion.sounding.networks.frames import attend_in_time, draw_frames, draw_projection, project
from avfusion.sounding.networks.fusion import draw_fusion, fuse
from avfusion.sounding.networks.layers import Dice, Drawn, Tensor, Weights
from avfusion.sounding.networks.losses import LossSettings, clip_losses
from avfusion.sounding.networks.masked_decoder import Predictions, decode_masks, draw_masked_decoder
from avfusion.sounding.networks.matching import target_of
from avfusion.sounding.networks.pixel_decoder import decode_pixels, draw_pixel_decoder
from avfusion.sounding.networks.stored import need_shapes


@dataclass(frozen=True, eq=False)
class Av2tsNetwork:
    """weights: of all parts that are ours, learnt. ced: of the audio transformer, learnt only where the configuration
    says so. backbone and hints: modules of transformers; hints, the backbone for maskige, is None without it."""

    config: Av2tsConfig
    weights: Drawn
    ced: Weights
    backbone: Any
    hints: Any | None

    def predict(self, rgb: Tensor, log_mel: Tensor, maskige: Tensor | None = None) -> Predictions:
        """rgb: [B, T, 3, H, W] in 0..255, sides a multiple of 32; log_mel: [B, T, 96, 64], from `log_mel_examples`;
        maskige: like rgb, with the switch of that name. T may be any number.

        Predictions are of B * T pictures, clip after clip, their masks a fourth as wide and high. Raises `UsageError`
        for other shapes.
        """
        import torch

        self._check(rgb, log_mel, maskige)
        pictures = rgb.shape[1]
        with torch.set_grad_enabled(self.config.learns_ears and torch.is_grad_enabled()):
            tokens = ced_tokens(self.ced, self.config.ced, log_mel.flatten(0, 1).transpose(1, 2))
        heard = hear(self.weights, "heard", self.config.acoustic, tokens, pictures)
        levels = self._levels(rgb, maskige, heard.when, pictures)
        pixels = decode_pixels(self.weights, "pixels", self.config.pixels, levels)
        memories, told = list(pixels.memories), heard.tokens
        if self.config.one_stream_fusion:
            fused, told = fuse(self.weights, "fused", self.config.fusion, pixels.masks, told)
            memories.append(fused)
        return decode_masks(self.weights, "masks", self.config.decoder, memories, pixels.masks, told)

    def _levels(self, rgb: Tensor, maskige: Tensor | None, when: Tensor | None, pictures: int) -> list[Tensor]:
        """Maps of the pictures at four sizes, the finest first, having looked at other times: [B * T, width, h, w]."""
        maps = maps_of(self.backbone, rgb.flatten(0, 1))
        if maskige is not None:
            maps = led_by(self.weights, "gates", maps, maps_of(self.hints, maskige.flatten(0, 1)))
        levels = [project(self.weights, f"levels.{number}.to", level) for number, level in enumerate(maps)]
        if not self.config.temporal_attention:
            return levels
        shared = when if self.config.shared_map else None
        return [
            attend_in_time(
                self.weights, f"levels.{number}.time", level, shared, pictures=pictures, heads=self.config.heads
            )
            for number, level in enumerate(levels)
        ]

    def losses(
        self, predictions: Predictions, labels: Tensor, annotated: Tensor, settings: LossSettings, *, dice: Dice
    ) -> dict[str, Tensor]:
        """labels: uint8 [B, T, H, W], numbers of classes, 255 for none; annotated: bool [B, T]. As `clip_losses`."""
        said = zip(labels.flatten(0, 1).numpy(), annotated.flatten().tolist(), strict=True)
        targets = [target_of(picture) if known else None for picture, known in said]
        return clip_losses(
            predictions.classes, predictions.masks, targets, settings, pictures=labels.shape[1], dice=dice
        )

    def maps(self, predictions: Predictions, *, height: int, width: int) -> Tensor:
        """As `class_maps`."""
        return class_maps(predictions, height=height, width=width)

    def learnt(self) -> Drawn:
        """Name -> parameter of all that training changes: our own, and those of modules as `backbone.` and `hints.`;
        of ears that are learnt, as `ced.`."""
        found = dict(self.weights)
        if self.config.learns_ears:
            found |= {f"ced.{name}": part for name, part in self.ced.items() if part.requires_grad}
        for prefix, module in self._modules():
            found |= {f"{prefix}.{name}": part for name, part in module.named_parameters()}
        return found

    def state(self) -> Drawn:
        """Name -> tensor of all that makes up the network, for a file: `learnt`, statistics of norms, and `ced.`."""
        found = {name: part.detach() for name, part in self.weights.items()}
        for prefix, module in self._modules():
            found |= {f"{prefix}.{name}": part for name, part in module.state_dict().items()}
        return found | {f"ced.{name}": part.detach() for name, part in self.ced.items()}

    def set_training(self, is_training: bool) -> None:
        for _, module in self._modules():
            set_training(module, is_training)

    def on(self, device: str) -> Av2tsNetwork:
        """The network there. Its modules move, and so are no longer here."""
        weights = {name: part.detach().to(device).requires_grad_() for name, part in self.weights.items()}
        ced = _ears({name: part.detach().to(device) for name, part in self.ced.items()}, self.config)
        hints = None if self.hints is None else self.hints.to(device)
        return Av2tsNetwork(self.config, weights, ced, self.backbone.to(device), hints)

    def _modules(self) -> list[tuple[str, Any]]:
        return [("backbone", self.backbone)] + ([] if self.hints is None else [("hints", self.hints)])

    def _check(self, rgb: Tensor, log_mel: Tensor, maskige: Tensor | None) -> None:
        if rgb.dim() != 5 or rgb.shape[3] % STRIDE or rgb.shape[4] % STRIDE:
            raise UsageError(f"Pictures of shape {tuple(rgb.shape)}: AV2TS takes [B, T, 3, H, W], H and W by {STRIDE}.")
        if tuple(log_mel.shape) != (*rgb.shape[:2], 96, 64):
            raise UsageError(f"Log-mel of shape {tuple(log_mel.shape)}: it takes [B, T, 96, 64], one for each picture.")
        if (maskige is not None) != self.config.maskige or (maskige is not None and maskige.shape != rgb.shape):
            raise UsageError("Maskige goes with a network that was made for it, and has the shape of the pictures.")


def class_maps(predictions: Predictions, *, height: int, width: int) -> Tensor:
    """[N, classes, height, width]: for each pixel the sum over queries of how likely a class and how likely the pixel.

    No probabilities: they add up to about 1 where the queries agree. The class of a pixel is the largest.
    """
    import torch
    from torch.nn import functional

    classes = predictions.classes[-1].softmax(-1)[..., :-1]
    masks = functional.interpolate(
        predictions.masks[-1], size=(height, width), mode="bilinear", align_corners=False
    ).sigmoid()
    return torch.einsum("nqc,nqhw->nchw", classes, masks)


def draw_av2ts(
    config: Av2tsConfig, seed: int, *, ced: Weights | None = None, backbone: Any = None, hints: Any = None
) -> Av2tsNetwork:
    """A network to be trained, the same for the same seed. Parts that are not given are drawn too."""
    import torch

    dice = torch.Generator().manual_seed(seed)
    drawn = _draw_weights(dice, config)
    weights = {name: part.requires_grad_() for name, part in drawn.items()}
    ced = _ears(draw_ced(dice, config.ced) if ced is None else ced, config)
    backbone = draw_backbone(config.backbone, seed) if backbone is None else backbone
    if config.maskige and hints is None:
        hints = draw_backbone(config.backbone, seed + 1)
    return Av2tsNetwork(config, weights, ced, backbone, hints)


def _ears(ced: Weights, config: Av2tsConfig) -> Weights:
    """As they are, or each a parameter but for the statistics of the norm."""
    if not config.learns_ears:
        return ced
    return {name: part if "running" in name else part.clone().requires_grad_() for name, part in ced.items()}


def _draw_weights(dice: Any, config: Av2tsConfig) -> Drawn:
    drawn = draw_acoustic(dice, "heard", config.acoustic)
    for number, width in enumerate(config.backbone.widths):
        drawn |= draw_projection(dice, f"levels.{number}.to", width, config.width)
        if config.temporal_attention:
            own = not config.follows_sound_in_time
            drawn |= draw_frames(dice, f"levels.{number}.time", config.width, own_scores=own)
    if config.maskige:
        drawn |= draw_led_by(dice, "gates", config.backbone.widths)
    drawn |= draw_pixel_decoder(dice, "pixels", config.pixels)
    if config.one_stream_fusion:
        drawn |= draw_fusion(dice, "fused", config.fusion)
    return drawn | draw_masked_decoder(dice, "masks", config.decoder)


def av2ts_from(config: Av2tsConfig, state: Mapping[str, Tensor], source: Path) -> Av2tsNetwork:
    """The network out of what `state` gave. source: named in the error. Raises `CannotRead` where a tensor is missing,
    has another shape, or is of no part."""
    network = draw_av2ts(config, 0)
    wanted = {name: tuple(part.shape) for name, part in network.state().items()}
    need_shapes(wanted, state, source, "AV2TS of this configuration")
    for prefix, module in network._modules():
        names = module.state_dict()
        module.load_state_dict({name: state[f"{prefix}.{name}"] for name in names})
    weights = {name: state[name].detach().float().clone().requires_grad_() for name in network.weights}
    ced = _ears({name: state[f"ced.{name}"].float() for name in ced_shapes(config.ced)}, config)
    return Av2tsNetwork(config, weights, ced, network.backbone, network.hints)
