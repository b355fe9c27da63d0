"""What an AV2TS network is made of, with a switch for each of its ideas."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from avfusion.sounding.networks import plain_config
from avfusion.sounding.networks.acoustic import AcousticConfig
from avfusion.sounding.networks.backbones import PVT_V2_B5, PVT_V2_TINY, RESNET_50, BackboneConfig
from avfusion.sounding.networks.ced import CED_MINI, PATCH, CedConfig
from avfusion.sounding.networks.fusion import FusionConfig
from avfusion.sounding.networks.log_mel import STEPS
from avfusion.sounding.networks.masked_decoder import MaskedDecoderConfig
from avfusion.sounding.networks.pixel_decoder import PixelDecoderConfig

LEVELS = 3
"""Of memory that the pixel decoder gives; one-stream fusion adds one."""


@dataclass(frozen=True)
class Av2tsConfig:
    """classes: the background among them (2 for S4 and MS3, 71 for AVSS).

    temporal_attention: sound and pictures look at other times; without it every second is on its own, and there is one
    query for each patch of the spectrum. shared_map: pictures look at the times that the sound says, and have no
    queries and keys of their own. one_stream_fusion: the fine map and the sound look at each other before the queries
    see them. maskige: a second backbone sees the same pictures cut into coloured segments. learns_ears: the audio
    transformer is trained along, for one of a size that nobody published weights of.

    With all four off the queries are the sound, and the rest is a masked-attention decoder picture by picture.
    """

    classes: int = 2
    temporal_attention: bool = True
    shared_map: bool = True
    one_stream_fusion: bool = True
    maskige: bool = False
    learns_ears: bool = False
    width: int = 256
    heads: int = 8
    backbone: BackboneConfig = PVT_V2_B5
    ced: CedConfig = CED_MINI
    audio_blocks: int = 3
    encoder_layers: int = 6
    encoder_hidden: int = 1024
    fusion_blocks: int = 3
    decoder_layers: int = 12
    decoder_hidden: int = 2048

    @property
    def follows_sound_in_time(self) -> bool:
        return self.temporal_attention and self.shared_map

    @property
    def tokens(self) -> int:
        """That are heard in a picture: one for each query."""
        return self.ced.band_patches * (STEPS // PATCH) * self.acoustic.taps

    @property
    def acoustic(self) -> AcousticConfig:
        blocks = self.audio_blocks if self.temporal_attention else 0
        return AcousticConfig(self.ced.width, self.width, blocks, self.heads)

    @property
    def pixels(self) -> PixelDecoderConfig:
        return PixelDecoderConfig(self.width, self.encoder_layers, self.encoder_hidden, self.heads, LEVELS)

    @property
    def fusion(self) -> FusionConfig:
        return FusionConfig(self.width, self.tokens, self.fusion_blocks, self.heads)

    @property
    def decoder(self) -> MaskedDecoderConfig:
        return MaskedDecoderConfig(
            classes=self.classes,
            queries=self.tokens,
            width=self.width,
            layers=self.decoder_layers,
            hidden=self.decoder_hidden,
            heads=self.heads,
            levels=LEVELS + self.one_stream_fusion,
        )


AV2TS_PVT = Av2tsConfig()
AV2TS_R50 = replace(AV2TS_PVT, backbone=RESNET_50)
AV2TS_TINY = Av2tsConfig(
    width=32,
    heads=4,
    backbone=PVT_V2_TINY,
    ced=CedConfig(width=32, depth=2, heads=2),
    audio_blocks=1,
    encoder_layers=1,
    encoder_hidden=64,
    fusion_blocks=1,
    decoder_layers=4,
    decoder_hidden=64,
    learns_ears=True,
)
"""For two cores: the same parts, each as small as it can be."""


def without_ideas(config: Av2tsConfig) -> Av2tsConfig:
    """The baseline: what is left without temporal attention, shared map, one-stream fusion and maskige."""
    return replace(config, temporal_attention=False, shared_map=False, one_stream_fusion=False, maskige=False)


def from_plain(values: Mapping[str, Any], source: Path) -> Av2tsConfig:
    """What `as_plain` gave, also after JSON. source: named in the error. Raises `CannotRead`."""
    return plain_config.from_plain(values, AV2TS_PVT, source, what="AV2TS")
