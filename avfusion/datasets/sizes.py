"""The picture, the true mask and the prediction of a frame have to be of one size: nothing is scaled unsaid."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeAlias

from avfusion.datasets.avs_clip import SIZE_PX
from avfusion.datasets.truth import CodedMasks, Truth, picture_size
from avfusion.errors import MaskSizeMismatch

Size: TypeAlias = tuple[int, int]
"""(width, height) in pixels."""

_BENCHMARK: Size = (SIZE_PX, SIZE_PX)


def check_truths(frames: Iterable[tuple[Path, Truth | None]], *, or_benchmark: bool = False) -> None:
    """(picture, truth) of each frame; None where nobody annotated.

    or_benchmark: 224 x 224, at which AVSBench keeps its truths and scores, is right as well. Raises `MaskSizeMismatch`,
    and `CannotRead` for what is no picture.
    """
    sized = functools.cache(picture_size)
    for picture, truth in frames:
        if truth is None:
            continue
        size, wanted = _size_of(truth, sized), sized(picture)
        if size != wanted and not (or_benchmark and size == _BENCHMARK):
            source = truth.source if isinstance(truth, CodedMasks) else truth.path
            shown = f"its picture {picture.parent.name}/{picture.name}"
            raise MaskSizeMismatch(
                f"{source}: a true mask has {_px(size)} pixels and {shown} {_px(wanted)}. "
                f"Give a mask of {_allowed(wanted, or_benchmark)}."
            )


def check_predictions(frames: Iterable[tuple[Path, Truth | None]], *, or_benchmark: bool = False) -> None:
    """(prediction, truth) of each frame; None where nobody annotated: any size will do, since it is not scored.

    The rest as `check_truths`.
    """
    sized = functools.cache(picture_size)
    for path, truth in frames:
        if truth is None:
            continue
        size, wanted = sized(path), _size_of(truth, sized)
        if size != wanted and not (or_benchmark and size == _BENCHMARK):
            raise MaskSizeMismatch(
                f"{path}: the prediction has {_px(size)} pixels and the true mask {_px(wanted)}. "
                f"Give a prediction of {_allowed(wanted, or_benchmark)}."
            )


def _size_of(truth: Truth, sized: Callable[[Path], Size]) -> Size:
    return (truth.width_px, truth.height_px) if isinstance(truth, CodedMasks) else sized(truth.path)


def _allowed(wanted: Size, or_benchmark: bool) -> str:
    return _px(wanted) + (f" or {_px(_BENCHMARK)}" if or_benchmark and wanted != _BENCHMARK else "")


def _px(size: Size) -> str:
    return f"{size[0]} x {size[1]}"
