"""A training that takes a second: two made clips, the smallest network."""

from dataclasses import replace

import numpy as np

from avfusion.datasets.scenes import draw_scene
from avfusion.datasets.scenes_settings import SceneSettings
from avfusion.sounding.networks.av2ts import Av2tsNetwork, draw_av2ts
from avfusion.sounding.networks.av2ts_config import AV2TS_TINY
from avfusion.sounding.networks.log_mel import for_pictures, log_mel_examples
from avfusion.sounding.networks.losses import LossSettings
from avfusion.sounding.training.examples import Example
from avfusion.sounding.training.settings import Changes, TrainingSettings

SIDE_PX, SECONDS = 64, 2

SETTINGS = TrainingSettings(
    steps=50, batch=2, size_px=SIDE_PX, rate=2e-3, backbone_share=1.0, changes=Changes(colour=0.3),
    losses=LossSettings(points=64, cosine=1.0),
)  # fmt: skip


class MadeClips:
    """A few made scenes of two seconds."""

    def __init__(self, count: int = 3) -> None:
        self._examples = [_example(number) for number in range(count)]

    def __len__(self) -> int:
        return len(self._examples)

    def read(self, index: int) -> Example:
        return self._examples[index]


def _example(number: int) -> Example:
    scene = draw_scene(SceneSettings(size_px=SIDE_PX, seconds=SECONDS, movers=1), number, is_moving=False)
    return Example(
        name=f"scene {number}",
        rgb=scene.frames,
        log_mel=for_pictures(log_mel_examples(scene.sound.samples[0]), SECONDS, repeat_last=True),
        labels=np.stack([np.minimum(scene.sounding(second), 1) for second in range(SECONDS)]),
        annotated=np.ones(SECONDS, np.bool_),
    )


def small_network(seed: int = 0) -> Av2tsNetwork:
    return draw_av2ts(replace(AV2TS_TINY, decoder_layers=2), seed)
