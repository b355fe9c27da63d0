"""How good a network in training is: on validation clips with their own sound, and with another clip's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from avfusion.datasets.avs_clip import SIZE_PX, AvsClip, Setting
from avfusion.datasets.classes import NOVEL_NUMBERS, NUMBER_OF
from avfusion.media.target import whole_file, writing
from avfusion.pipelines.evaluate_avs_scores import Prediction, scores_for
from avfusion.pipelines.evaluate_sound import other_clip
from avfusion.pipelines.progress import Teller
from avfusion.pipelines.train_avs_clips import heard_in, read_example
from avfusion.sounding.networks.layers import Tensor
from avfusion.sounding.training.examples import Example
from avfusion.sounding.training.learner import Network

_BINARY = ("M_J", "M_F", "M_J swapped")
_NAMED = ("mIoU present", "mIoU", "F", "mIoU present swapped")
_LOOKED_AT = 4
_LOOK_PX = 144
_SOUNDS, _TRUE = (255, 128, 0), (255, 255, 255)


@dataclass(frozen=True, eq=False)
class Validated:
    """scores: by the names of `score_names`. chosen_by: the one by which weights are chosen. looks: a sheet of a few
    clips, a row each: what is found is orange, what is true is outlined."""

    scores: Mapping[str, float]
    chosen_by: float
    looks: NDArray[np.uint8]


def score_names(setting: Setting) -> tuple[str, ...]:
    """In OV only the places are validated, not the names, and only of base classes: the others are for the test."""
    return _NAMED if setting == "avss" else _BINARY


def for_validation(clips: Sequence[AvsClip], most: int) -> list[AvsClip]:
    """Up to `most` clips, none that holds a class that OV keeps from training."""
    kept = [
        clip
        for clip in clips
        if clip.setting != "ov" or not any(NUMBER_OF.get(label) in NOVEL_NUMBERS for label in clip.labels)
    ]
    return kept[:most]


def validate(network: Network, clips: Sequence[AvsClip], size_px: int, device: str, teller: Teller) -> Validated:
    """By the metrics of `evaluate avs`. With another clip's sound, a network that listens scores much less."""
    setting = clips[0].setting
    is_named = setting == "avss"
    own, swapped = (scores_for(setting if is_named else "ms3") for _ in range(2))
    looks: list[NDArray[np.uint8]] = []
    labels = [clip.labels for clip in clips]
    for place, clip in enumerate(clips):
        example = read_example(clip, size_px)
        found = predicted(network, example, example.log_mel, is_named, device)
        own.add(clip, found)
        if len(looks) < _LOOKED_AT:
            looks.append(_look(example, found))
        teller.step()
        other = heard_in(clips[other_clip(place, labels)], len(example.rgb))
        swapped.add(clip, predicted(network, example, other, is_named, device))
        teller.step()
    names = score_names(setting)
    figures, of_swapped = own.figures(), swapped.figures()
    scores = {name: figures[name] for name in names[:-1]} | {names[-1]: of_swapped[names[0]]}
    return Validated(scores, scores[names[0]], np.concatenate(looks))


def predicted(
    network: Network, example: Example, log_mel: NDArray[np.float32], is_named: bool, device: str
) -> list[Prediction]:
    """One for each picture at 224 x 224: numbers of classes, or how sure it is that something sounds."""
    import torch

    network.set_training(False)
    rgb = torch.from_numpy(example.rgb).permute(0, 3, 1, 2).float()[None].to(device)
    with torch.no_grad():
        said = network.predict(rgb, torch.from_numpy(log_mel)[None].to(device))
        maps = network.maps(said, height=SIZE_PX, width=SIZE_PX).float()
    return list(_of_maps(maps, is_named).cpu().numpy())


def _of_maps(maps: Tensor, is_named: bool) -> Tensor:
    import torch

    if is_named:
        return maps.argmax(1).to(torch.uint8)
    return torch.stack([maps[:, 0], maps[:, 1:].amax(1)], dim=1).softmax(1)[:, 1]


def _look(example: Example, found: Sequence[Prediction]) -> NDArray[np.uint8]:
    row = []
    for rgb, labels, one in zip(example.rgb, example.labels, found, strict=True):
        picture = cv2.resize(rgb, (_LOOK_PX, _LOOK_PX), interpolation=cv2.INTER_AREA)
        sounds = cv2.resize((one > 0.5).astype(np.uint8), (_LOOK_PX, _LOOK_PX), interpolation=cv2.INTER_NEAREST) > 0
        picture[sounds] = (0.45 * picture[sounds] + 0.55 * np.array(_SOUNDS)).astype(np.uint8)
        true = cv2.resize((labels % 255 > 0).astype(np.uint8), (_LOOK_PX, _LOOK_PX), interpolation=cv2.INTER_NEAREST)
        outlines, _ = cv2.findContours(true, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
        cv2.drawContours(picture, outlines, -1, _TRUE, 1)
        row.append(cv2.copyMakeBorder(picture, 1, 1, 1, 1, cv2.BORDER_CONSTANT))
    most = 5  # of clips of ten seconds the first five, so that all rows are of one width
    return np.concatenate([*row[:most], *[np.zeros_like(row[0])] * (most - len(row))], axis=1)


def save_looks(looks: NDArray[np.uint8], folder: Path, step: int) -> None:
    with writing(folder):
        folder.mkdir(exist_ok=True)
    with whole_file(folder / f"{step:06d}.png") as part:
        Image.fromarray(looks).save(part)
