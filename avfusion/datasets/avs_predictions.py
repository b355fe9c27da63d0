"""Predictions on AVSBench in the files that its own code writes: 0/255 for S4 and MS3, colours for AVSS."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from avfusion.datasets.avs_clip import SIZE_PX, AvsClip
from avfusion.datasets.classes import CLASSES
from avfusion.datasets.files import need_files
from avfusion.datasets.sizes import check_predictions
from avfusion.datasets.truth import Labels
from avfusion.datasets.write_parts import save_colours, save_drawn, save_shares
from avfusion.media.limits import Limits
from avfusion.media.masks import palette
from avfusion.media.pictures import opened_picture

_COLOURS = np.array(palette(), np.int64).reshape(256, 3)[: len(CLASSES)] @ (1 << 16, 1 << 8, 1)


def is_named(clip: AvsClip) -> bool:
    """Whether a prediction says which class sounds, and not only that something does."""
    return clip.setting in ("avss", "ov")


def prediction_files(folder: Path, clip: AvsClip) -> list[Path]:
    """Where the predictions for the frames of a clip lie: [CATEGORY/]NAME/NAME_0.png, NAME_1.png, ..."""
    place = folder / clip.category / clip.name
    return [place / f"{clip.name}_{k}.png" for k in range(len(clip.frames))]


def write_prediction(folder: Path, clip: AvsClip, predictions: Sequence[Labels | NDArray[np.float32]]) -> None:
    """[H, W] for each frame of a clip: class numbers, or without names 0 and 1, or float32 how sure it is, in 0..1,
    which becomes a grey. Raises `CannotWrite`.

    Those of S4 and MS3 become 224 x 224, squashed, as the truth is.
    """
    size_px = None if clip.setting == "v2" else SIZE_PX
    for path, labels in zip(prediction_files(folder, clip), predictions, strict=True):
        if is_named(clip):
            save_colours(path, labels.astype(np.uint8))
        elif labels.dtype == np.float32:
            save_shares(path, labels.astype(np.float32), size_px=size_px)
        else:
            save_drawn(path, labels > 0, size_px=size_px)


def read_probabilities(folder: Path, clip: AvsClip) -> list[NDArray[np.float32]]:
    """float32 [H, W] in 0..1 for each frame of a clip of S4 or MS3; greys are kept, for the thresholds of M_F."""
    pictures = []
    for path in prediction_files(folder, clip):
        with opened_picture(path, Limits()) as image:
            pictures.append(np.asarray(image.convert("L"), np.float32) / np.float32(255))
    return pictures


def read_classes(folder: Path, clip: AvsClip) -> list[Labels]:
    """uint8 [H, W], class numbers, for each frame of a clip of AVSS: from colours, or numbers in one channel."""
    pictures = []
    for path in prediction_files(folder, clip):
        with opened_picture(path, Limits()) as image:
            if image.mode in ("P", "L"):
                pictures.append(np.asarray(image, np.uint8))
            else:
                pictures.append(numbers_of(np.asarray(image.convert("RGB"), np.uint8)))
    return pictures


def numbers_of(colours: NDArray[np.uint8]) -> Labels:
    """uint8 [H, W, 3] in the colours of the classes -> [H, W] class numbers; any other colour is background."""
    coded = colours.astype(np.int64) @ (1 << 16, 1 << 8, 1)
    order = np.argsort(_COLOURS)
    place = np.searchsorted(_COLOURS, coded, sorter=order).clip(max=len(order) - 1)
    found = order[place]
    return np.where(_COLOURS[found] == coded, found, 0).astype(np.uint8)


def need_predictions(folder: Path, clips: Iterable[AvsClip]) -> None:
    """Raises `CannotRead`, naming the first of those that are missing, and `MaskSizeMismatch`.

    They are of the size of the truth, or of 224 x 224.
    """
    frames = [pair for clip in clips for pair in zip(prediction_files(folder, clip), clip.truths, strict=True)]
    need_files(folder, [path for path, _ in frames], ("prediction", "predictions"))
    check_predictions(frames, or_benchmark=True)
