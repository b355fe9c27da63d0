"""Clips of AVSBench as a training takes them: read once, kept in memory as far as there is room."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from avfusion.datasets.avs_clip import AvsClip
from avfusion.datasets.avs_predictions import is_named
from avfusion.datasets.truth import Truth
from avfusion.media.pictures import read_picture
from avfusion.pipelines.evaluate_avs_run import pictures_of
from avfusion.pipelines.locate_sound import sound_for
from avfusion.sounding.networks.log_mel import RATE_HZ, for_pictures, log_mel_examples
from avfusion.sounding.training.examples import Example
from avfusion.voice.one_channel import heard

# What is kept: at 128 pixels some 12,000 clips of five pictures, at 224 a third of them.
_KEPT_BYTES = 4 * 1024**3


class ClipExamples:
    """The clips of a split at one size, truths as numbers of the setting's classes: 0 and 1 in S4 and MS3."""

    def __init__(self, clips: Sequence[AvsClip], size_px: int) -> None:
        self._clips, self._size_px = clips, size_px
        self._kept: dict[int, Example] = {}
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._clips)

    def read(self, index: int) -> Example:
        """Raises `CannotRead`."""
        if index in self._kept:
            return self._kept[index]
        example = read_example(self._clips[index], self._size_px)
        size = example.rgb.nbytes + example.log_mel.nbytes + example.labels.nbytes
        if self._bytes + size <= _KEPT_BYTES:
            self._kept[index] = example
            self._bytes += size
        return example


def read_example(clip: AvsClip, size_px: int) -> Example:
    """A clip at size_px x size_px, squashed. Raises `CannotRead`."""
    size = (size_px, size_px)
    pictures = [cv2.resize(read_picture(path)[..., :3], size, interpolation=cv2.INTER_AREA) for path in clip.frames]
    labels = np.zeros((len(pictures), size_px, size_px), np.uint8)
    for place, truth in enumerate(clip.truths):
        if truth is not None:
            labels[place] = cv2.resize(_numbers(truth, clip), size, interpolation=cv2.INTER_NEAREST)
    return Example(
        name=clip.name,
        rgb=np.stack(pictures),
        log_mel=heard_in(clip, len(pictures)),
        labels=labels,
        annotated=np.array([truth is not None for truth in clip.truths]),
    )


def heard_in(clip: AvsClip, count: int) -> NDArray[np.float32]:
    """[count, 96, 64]: the log-mel of a clip, an example for each picture. Raises `CannotRead`."""
    wave = heard(sound_for(pictures_of(clip), clip.sound, needed=True), RATE_HZ)
    return for_pictures(log_mel_examples(wave), count, repeat_last=clip.setting in ("s4", "ms3"))


def _numbers(truth: Truth, clip: AvsClip) -> NDArray[np.uint8]:
    """S4 and MS3 draw what sounds in any colour or number."""
    labels = truth.labels()
    return labels if is_named(clip) else (labels > 0).astype(np.uint8)
