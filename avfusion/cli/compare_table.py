"""A comparison as a small table in the terminal, with the matrix of overlaps below it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from avfusion.pipelines.compare_answers import Answer, Comparison

_LABELS_SHOWN = 6


def print_comparison(comparison: Comparison, out: Path) -> None:
    """On standard output: a row for each engine, the IoU of each pair, and where the rest lies."""
    width = max(len("engine"), *(len(answer.engine) for answer in comparison.answers))
    answers, is_clip = comparison.with_masks, comparison.kind == "clip"
    scored = any(answer.scores is not None for answer in answers)
    heads = ["   score", *(["     J" if is_clip else "   IoU", "     F"] if scored else [])]
    heads += ["  seconds", *(["  frames/s", "  flicker"] if is_clip else []), "    memory"]
    print(f"{'engine'.ljust(width)}{''.join(heads)}  labels")
    for answer in answers:
        print(f"{answer.engine.ljust(width)}{_figures(answer, scored=scored, is_clip=is_clip)}".rstrip())
    for answer in comparison.answers:
        if answer.masks is None:
            print(f"{answer.engine.ljust(width)}  no answer: {answer.problem.removeprefix(f'{answer.engine}: ')}")
    if len(comparison.engines) > 1:
        _print_matrix(comparison, width)
    print(f"\n{out}: comparison.html and its files")


def _figures(answer: Answer, *, scored: bool, is_clip: bool) -> str:
    from avfusion.engines.state import size

    cells = [f"{answer.confidence:8.2f}"]
    if scored:
        values = (None, None) if answer.scores is None else (answer.scores.iou, answer.scores.boundary_f)
        cells += [f"{'-':>6}" if value is None else f"{value:6.3f}" for value in values]
    cells.append(f"{answer.seconds:9.2f}")
    if is_clip:
        cells += [f"{answer.frames_per_s:10.1f}", f"{'-':>9}" if answer.flicker is None else f"{answer.flicker:9.3f}"]
    memory = "-" if answer.peak_memory_bytes is None else size(answer.peak_memory_bytes)
    names = [label for label in dict.fromkeys(answer.labels) if label]
    more = " ..." if len(names) > _LABELS_SHOWN else ""
    return f"{''.join(cells)}{memory:>10}  {', '.join(names[:_LABELS_SHOWN])}{more}"


def _print_matrix(comparison: Comparison, width: int) -> None:
    print("\nIoU of each pair")
    print(" " * width + "".join(f"{number:>7}" for number in range(1, len(comparison.engines) + 1)))
    for number, name in enumerate(comparison.engines, 1):
        row = "".join(f"{value:7.3f}" for value in comparison.iou[number - 1])
        print(f"{name.ljust(width)}{row}   {number}")
