"""What an OV-AVSS network is made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from avfusion.sounding.networks import plain_config
from avfusion.sounding.networks.backbones import PVT_V2_TINY, RESNET_50, BackboneConfig
from avfusion.sounding.networks.early_fusion import EarlyFusionConfig
from avfusion.sounding.networks.pixel_decoder import PixelDecoderConfig
from avfusion.sounding.networks.vggish import VGGISH, VGGISH_TINY, VggishConfig
from avfusion.sounding.networks.video_decoder import VideoDecoderConfig

LEVELS = 3
"""Of memory that the pixel decoder gives, and of maps that look at the sound."""


@dataclass(frozen=True)
class OvAvssConfig:
    """classes: 1 for things that sound, whatever they are; otherwise as many as labels have, the background, 0, among
    them, which no query is ever to answer for (71 for AVSS, 41 for the base classes of AVSBench-OV).

    pictures: of a clip in training. fusion_width: of all heads of early attention together; dropout: of that
    attention, in training. learns_ears: VGGish is trained along, for one of a size that nobody published weights of.
    """

    classes: int = 1
    learns_ears: bool = False
    width: int = 256
    heads: int = 8
    backbone: BackboneConfig = RESNET_50
    vggish: VggishConfig = VGGISH
    fusion_width: int = 1024
    dropout: float = 0.1
    encoder_layers: int = 6
    encoder_hidden: int = 1024
    queries: int = 100
    pictures: int = 5
    decoder_layers: int = 9
    decoder_hidden: int = 2048

    @property
    def fusion(self) -> EarlyFusionConfig:
        return EarlyFusionConfig(self.width, self.vggish.width, self.fusion_width, self.heads)

    @property
    def pixels(self) -> PixelDecoderConfig:
        return PixelDecoderConfig(self.width, self.encoder_layers, self.encoder_hidden, self.heads, LEVELS)

    @property
    def decoder(self) -> VideoDecoderConfig:
        return VideoDecoderConfig(
            classes=self.classes,
            queries=self.queries,
            width=self.width,
            layers=self.decoder_layers,
            hidden=self.decoder_hidden,
            heads=self.heads,
            levels=LEVELS,
            heard=self.vggish.width,
            pictures=self.pictures,
        )


OV_AVSS_R50 = OvAvssConfig()
OV_AVSS_TINY = OvAvssConfig(
    width=32,
    heads=4,
    backbone=PVT_V2_TINY,
    vggish=VGGISH_TINY,
    fusion_width=32,
    dropout=0.0,
    encoder_layers=1,
    encoder_hidden=64,
    queries=24,
    decoder_layers=4,
    decoder_hidden=64,
    learns_ears=True,
)
"""For two cores: the same parts, each as small as it can be."""


def from_plain(values: Mapping[str, Any], source: Path) -> OvAvssConfig:
    """What `as_plain` gave, also after JSON. source: named in the error. Raises `CannotRead`."""
    return plain_config.from_plain(values, OV_AVSS_R50, source, what="OV-AVSS")
