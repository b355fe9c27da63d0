"""Predictions on clips of AVSBench added up into the figures of each setting."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from avfusion.datasets.avs_clip import SIZE_PX, AvsClip, Setting
from avfusion.datasets.classes import BASE_NUMBERS, CLASSES, NOVEL_NUMBERS
from avfusion.datasets.write_parts import resized
from avfusion.metrics.avs import BinaryScores
from avfusion.metrics.avs_semantic import AvssScores, OpenScores

_PADDED_TO = 10

Prediction = NDArray[np.uint8] | NDArray[np.float32]
"""[H, W] of one frame: class numbers, or where nothing has a name how sure it is that something sounds there, 0..1."""


class Scores(Protocol):
    """Adds up clips."""

    def add(self, clip: AvsClip, predictions: Sequence[Prediction]) -> Mapping[str, float]:
        """One prediction for each frame of a clip, of any size; the clip's own figures. Raises `CannotRead`."""
        ...

    def figures(self) -> Mapping[str, float]:
        """name -> value in 0..1, over all clips."""
        ...

    def classes(self) -> Mapping[str, float]:
        """class -> IoU of those that there were; empty where the setting has no names."""
        ...


def scores_for(setting: Setting) -> Scores:
    if setting == "avss":
        return _Named()
    return _Open() if setting == "ov" else _Binary()


class _Binary:
    """Without names, at the size of the truth."""

    def __init__(self) -> None:
        self._scores = BinaryScores()

    def add(self, clip: AvsClip, predictions: Sequence[Prediction]) -> Mapping[str, float]:
        pairs = [(ours, truth.labels() > 0) for ours, truth in zip(predictions, clip.truths, strict=True) if truth]
        ours = [_fitted(prediction, truth.shape).astype(np.float32) for prediction, truth in pairs]
        j, f = self._scores.add(ours, [truth for _, truth in pairs])
        return {"M_J": j, "M_F": f}

    def figures(self) -> Mapping[str, float]:
        score = self._scores.score()
        return {"M_J": score.m_j, "M_F": score.m_f, "M_F by frame": score.frame_m_f}

    def classes(self) -> Mapping[str, float]:
        return {}


class _Named:
    """AVSS at 224 x 224: on the frames that there are, and as AVSBench's own code fills clips up to ten.

    Both are means over all 71 classes, so that the truth itself scores 1 only where all occur. `present` is the mean
    over those that do, which nobody publishes, and which tells more about a small set.
    """

    def __init__(self) -> None:
        self._valid, self._padded = AvssScores(len(CLASSES)), AvssScores(len(CLASSES))

    def add(self, clip: AvsClip, predictions: Sequence[Prediction]) -> Mapping[str, float]:
        for prediction, truth in _at_224(clip, predictions):
            self._valid.add(prediction, truth)
            self._padded.add(prediction, truth)
        self._padded.add_padding(max(0, _PADDED_TO - len(clip.frames)))
        return {}

    def figures(self) -> Mapping[str, float]:
        valid, padded = self._valid.score(), self._padded.score()
        present = float(valid.iou[valid.count > 0].mean())
        return {
            "mIoU": valid.m_iou, "F": valid.m_f, "mIoU padded": padded.m_iou, "F padded": padded.m_f,
            "mIoU present": present,
        }  # fmt: skip

    def classes(self) -> Mapping[str, float]:
        score = self._valid.score()
        return {name: float(score.iou[k]) for k, name in enumerate(CLASSES) if score.count[k]}


class _Open:
    """AVSBench-OV at 224 x 224."""

    def __init__(self) -> None:
        self._scores = OpenScores(len(CLASSES), BASE_NUMBERS, NOVEL_NUMBERS)

    def add(self, clip: AvsClip, predictions: Sequence[Prediction]) -> Mapping[str, float]:
        for prediction, truth in _at_224(clip, predictions):
            self._scores.add(prediction, truth)
        return {}

    def figures(self) -> Mapping[str, float]:
        score = self._scores.score()
        return {"mIoU": score.m_iou, "base": score.seen, "novel": score.unseen, "harmonic": score.harmonic}

    def classes(self) -> Mapping[str, float]:
        iou = self._scores.score().iou
        return {name: float(iou[k]) for k, name in enumerate(CLASSES) if np.isfinite(iou[k])}


def _at_224(clip: AvsClip, predictions: Sequence[Prediction]) -> list[tuple[NDArray[np.uint8], NDArray[np.uint8]]]:
    """(prediction, truth) class numbers of the annotated frames, nearest pixel, squashed."""
    return [
        (resized(prediction.astype(np.uint8), SIZE_PX), resized(truth.labels(), SIZE_PX))
        for prediction, truth in zip(predictions, clip.truths, strict=True)
        if truth is not None
    ]


def _fitted(prediction: Prediction, shape: tuple[int, ...]) -> Prediction:
    """At another size, nearest pixel, squashed; by Pillow, as predictions are written, so that both score the same."""
    if prediction.shape == shape:
        return prediction
    return np.asarray(Image.fromarray(prediction).resize((shape[1], shape[0]), Image.Resampling.NEAREST))
