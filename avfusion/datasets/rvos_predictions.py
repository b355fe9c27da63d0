"""Predictions for expressions in the files that servers and scripts of the referring sets take."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from avfusion.clip import Mask
from avfusion.datasets.rvos_clip import RvosClip
from avfusion.datasets.rvos_write import ANNOTATORS
from avfusion.datasets.truth import NumberPicture
from avfusion.datasets.write_parts import save_drawn, save_numbers
from avfusion.errors import CannotRead, MaskCountMismatch


def write_expressions(folder: Path, clip: RvosClip, masks: Sequence[Sequence[Mask]]) -> None:
    """bool [H, W] for each frame, for each expression of a clip, in their order.

    Ref-YouTube-VOS: Annotations/VIDEO/EXPRESSION/FRAME.png, MeViS the same without the first folder, 0/255.
    Ref-DAVIS17: anno_0/VIDEO/00000.png and so on, a palette picture of all objects for each of the four who described
    them; where two of them are predicted, the later object's number stays, so give them `without_overlap`. Raises
    `CannotWrite`.
    """
    if clip.layout == "davis":
        _write_davis(folder, clip, masks)
        return
    root = _root(folder, clip)
    for expression, frames in zip(clip.expressions, masks, strict=True):
        for picture, mask in zip(clip.frames, frames, strict=True):
            save_drawn(root / clip.name / expression.number / f"{picture.stem}.png", mask)


def read_expression(folder: Path, clip: RvosClip, place: int) -> list[Mask] | None:
    """bool [H, W] for each frame of the `place`-th expression; None where there is no prediction for it at all.

    Raises `MaskCountMismatch` where there are some and not all.
    """
    expression = clip.expressions[place]
    if clip.layout == "davis":
        room = folder / f"anno_{place % ANNOTATORS}" / clip.name
        paths = [room / f"{k:05d}.png" for k in range(len(clip.frames))]
    else:
        room = _root(folder, clip) / clip.name / expression.number
        paths = [room / f"{picture.stem}.png" for picture in clip.frames]
    missing = [path for path in paths if not path.is_file()]
    if len(missing) == len(paths):
        return None
    if missing:
        raise MaskCountMismatch(
            f"{room}: {len(missing)} of {len(paths)} masks are missing, the first is {missing[0].name}. Give all."
        )
    number = place // ANNOTATORS + 1
    if clip.layout == "davis":
        return [NumberPicture(path).labels() == number for path in paths]
    return [NumberPicture(path, is_drawn=True).labels() > 0 for path in paths]


def without_overlap(masks: Sequence[Sequence[Mask]], sure: Sequence[float]) -> list[list[Mask]]:
    """A clip's masks so that those for one annotator of Ref-DAVIS17 share no pixel: the surer keeps it."""
    out = [list(frames) for frames in masks]
    for annotator in range(ANNOTATORS):
        places = sorted(range(annotator, len(out), ANNOTATORS), key=lambda place: -sure[place])
        for k in range(len(out[annotator]) if places else 0):
            taken = np.zeros_like(out[annotator][k])
            for place in places:
                out[place][k] = out[place][k] & ~taken
                taken |= out[place][k]
    return out


def need_any(folder: Path, clips: Sequence[RvosClip]) -> None:
    """Raises `CannotRead` where a folder holds no prediction for any of the clips: most likely the wrong folder."""
    if not any(read_expression(folder, clip, place) for clip in clips for place in range(len(clip.expressions))):
        example = {"youtube": "Annotations/VIDEO/EXPRESSION", "mevis": "VIDEO/EXPRESSION", "davis": "anno_0/VIDEO"}
        raise CannotRead(f"{folder}: no predictions in it. They lie in {example[clips[0].layout]}/FRAME.png.")


def _write_davis(folder: Path, clip: RvosClip, masks: Sequence[Sequence[Mask]]) -> None:
    for annotator in range(ANNOTATORS):
        of = masks[annotator::ANNOTATORS]
        for k in range(len(clip.frames)):
            labels = np.zeros(of[0][k].shape, np.uint8)
            for number, frames in enumerate(of, 1):
                labels[frames[k]] = number
            save_numbers(folder / f"anno_{annotator}" / clip.name / f"{k:05d}.png", labels)


def _root(folder: Path, clip: RvosClip) -> Path:
    return folder / "Annotations" if clip.layout == "youtube" else folder
