"""Predictions for expressions in the files that servers and scripts of the referring sets take."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from avfusion.clip import Mask
from avfusion.datasets.rvos_clip import RvosClip
from avfusion.datasets.rvos_write import ANNOTATORS
from avfusion.datasets.sizes import check_predictions
from avfusion.datasets.truth import NumberPicture
from avfusion.datasets.write_parts import save_drawn, save_numbers
from avfusion.errors import CannotRead, MaskCountMismatch


def write_expressions(
    folder: Path, clip: RvosClip, masks: Sequence[Sequence[Mask]], sure: Sequence[float] | None = None
) -> None:
    """bool [H, W] for each frame, for each expression of a clip, in their order.

    Ref-YouTube-VOS: Annotations/VIDEO/EXPRESSION/FRAME.png, MeViS the same without the first folder, 0/255.
    Ref-DAVIS17: anno_0/VIDEO/00000.png and so on, a palette picture of all objects for each of the four who described
    them. sure: of each expression; where two share a pixel of such a picture, the surer has it. Raises `CannotWrite`.
    """
    if clip.layout == "davis":
        _write_davis(folder, clip, masks, sure or [0.0] * len(masks))
        return
    root = _root(folder, clip)
    for expression, frames in zip(clip.expressions, masks, strict=True):
        for k, picture in enumerate(clip.frames):
            save_drawn(root / clip.name / expression.number / f"{picture.stem}.png", frames[k])


def read_expression(folder: Path, clip: RvosClip, place: int) -> Iterator[Mask] | None:
    """bool [H, W] for each frame of the `place`-th expression, one after another; None where there is no prediction.

    Raises `MaskCountMismatch` where there are masks of some frames only, `MaskSizeMismatch` where one is not of the
    truth's size.
    """
    paths = _paths(folder, clip, place)
    missing = [path for path in paths if not path.is_file()]
    if len(missing) == len(paths):
        return None
    if missing:
        room = paths[0].parent
        raise MaskCountMismatch(
            f"{room}: {len(missing)} of {len(paths)} masks are missing, the first is {missing[0].name}. Give all."
        )
    truths = clip.expressions[place].truths
    if truths:
        check_predictions(zip(paths, truths, strict=True))
    if clip.layout == "davis":
        number = place // ANNOTATORS + 1
        return (NumberPicture(path).labels() == number for path in paths)
    return (NumberPicture(path, is_drawn=True).labels() > 0 for path in paths)


def need_any(folder: Path, clips: Sequence[RvosClip]) -> None:
    """Raises `CannotRead` where a folder holds no prediction for any of the clips: most likely the wrong folder."""
    if not any(
        path.is_file()
        for clip in clips
        for place in range(len(clip.expressions))
        for path in _paths(folder, clip, place)
    ):
        example = {"youtube": "Annotations/VIDEO/EXPRESSION", "mevis": "VIDEO/EXPRESSION", "davis": "anno_0/VIDEO"}
        raise CannotRead(f"{folder}: no predictions in it. They lie in {example[clips[0].layout]}/FRAME.png.")


def _write_davis(folder: Path, clip: RvosClip, masks: Sequence[Sequence[Mask]], sure: Sequence[float]) -> None:
    for annotator in range(ANNOTATORS):
        rising = sorted(range(annotator, len(masks), ANNOTATORS), key=lambda place: sure[place])
        for k in range(len(clip.frames)):
            labels = np.zeros(masks[annotator][k].shape, np.uint8)
            for place in rising:
                labels[masks[place][k]] = place // ANNOTATORS + 1
            save_numbers(folder / f"anno_{annotator}" / clip.name / f"{k:05d}.png", labels)


def _paths(folder: Path, clip: RvosClip, place: int) -> list[Path]:
    if clip.layout == "davis":
        room = folder / f"anno_{place % ANNOTATORS}" / clip.name
        return [room / f"{k:05d}.png" for k in range(len(clip.frames))]
    room = _root(folder, clip) / clip.name / clip.expressions[place].number
    return [room / f"{picture.stem}.png" for picture in clip.frames]


def _root(folder: Path, clip: RvosClip) -> Path:
    return folder / "Annotations" if clip.layout == "youtube" else folder
