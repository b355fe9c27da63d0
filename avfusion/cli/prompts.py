"""PROMPTS: `--point`, `--not`, `--box`, `--mask`, `--text`, `--sound`, `--object`, in the order they were written."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from typer.core import TyperCommand

from avfusion.errors import MaskSizeMismatch, UsageError

if TYPE_CHECKING:
    from avfusion.clip import Clip, Prompt

_OPTIONS = {"--point", "--not", "--box", "--mask", "--text", "--sound", "--object"}
_SOUND = "--sound"
_EXAMPLES = {"--point": "320,180", "--not": "40,40", "--box": "200,80,420,360"}

WordLog = Sequence[tuple[str, str]]
"""(option, its words) in the order of the command line."""


class PromptCommand(TyperCommand):
    """A command that leaves the log of its prompts in `ctx.obj`: Typer itself keeps no order between options."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        args = self._spelt_out(args)
        values, _, order = self.make_parser(ctx).parse_args(args=list(args))
        names = [(parameter.name, option) for parameter in order for option in _OPTIONS.intersection(parameter.opts)]
        words = {name: iter(values[name]) for name, _ in names}
        ctx.obj = [(option, next(words[name])) for name, option in names]
        return super().parse_args(ctx, args)

    def _spelt_out(self, args: list[str]) -> list[str]:
        """`--sound@12` and `--sound` as options with a value, `--sound=@12` and `--sound=`: parsers know no others."""
        with_value = {
            name for parameter in self.params if not getattr(parameter, "is_flag", True) for name in parameter.opts
        }
        out: list[str] = []
        is_value = False
        for place, arg in enumerate(args):
            if arg == "--" and not is_value:
                return [*out, *args[place:]]
            if not is_value and (arg == _SOUND or arg.startswith(f"{_SOUND}@")):
                out.append(f"{_SOUND}={arg.removeprefix(_SOUND)}")
                continue
            is_value = not is_value and arg in with_value
            out.append(arg)
        return out


def read_prompts(log: WordLog, clip: Clip) -> list[Prompt]:
    """The prompts of a command line. Raises `UsageError`, and what reading a mask raises."""
    prompts: list[Prompt] = []
    number: int | None = None
    for place, (option, words) in enumerate(log):
        if option != "--object":
            prompts += _prompts(option, words, number, clip)
            continue
        number = int(words)
        if place + 1 == len(log) or log[place + 1][0] == "--object":
            raise UsageError(f"--object {words}: no prompt follows. Write it before the prompts of that object.")
    return prompts


def mask_files(log: WordLog) -> list[Path]:
    """The pictures that prompts are read from."""
    return [Path(_mask_file(words)[0]) for option, words in log if option == "--mask"]


def _mask_file(words: str) -> tuple[str, int]:
    return (words, 0) if Path(words).exists() else _split_frame(words)


def _prompts(option: str, words: str, number: int | None, clip: Clip) -> list[Prompt]:
    from avfusion.clip import Box, Point, Sounding, Words

    if option == "--mask":
        return _drawn(words, number, clip)
    body, frame = _split_frame(words)
    if option == "--text":
        if not body.strip():
            raise UsageError(f"--text {words}: there are no words. Say what the object is, as in --text 'a dog'.")
        return [Words(body.strip(), frame=frame, object=number or 1)]
    if option == _SOUND:
        if body:
            raise UsageError(f"--sound={words}: write it like --sound or, for what sounds at frame 12, --sound@12.")
        return [Sounding(frame=frame, object=number or 1)]
    example = _EXAMPLES[option]
    values = _numbers(body)
    if len(values) != example.count(",") + 1:
        raise UsageError(f"{option} {words}: write it like {option} {example} or, for frame 12, {example}@12.")
    if option != "--box":
        x, y = values
        return [Point(x, y, keep=option == "--point", frame=frame, object=number or 1)]
    x0, y0, x1, y1 = values
    if x0 >= x1 or y0 >= y1:
        raise UsageError(
            f"--box {words}: this box is empty. Give the left top corner first, then the right bottom one."
        )
    return [Box(x0, y0, x1, y1, frame=frame, object=number or 1)]


def _split_frame(words: str) -> tuple[str, int]:
    """ "3,4@12" -> ("3,4", 12)."""
    match = re.fullmatch(r"(.*)@(\d+)", words, re.DOTALL)
    return (match[1], int(match[2])) if match else (words, 0)


def _numbers(body: str) -> list[float]:
    """Empty unless every part is a finite number."""
    try:
        values = [float(part) for part in body.split(",")]
    except ValueError:
        return []
    return values if all(math.isfinite(value) for value in values) else []


def _drawn(words: str, number: int | None, clip: Clip) -> list[Prompt]:
    """All of the mask is object `number`; without one, each object has the number that it has in the picture."""
    from avfusion.clip import Drawn
    from avfusion.media.masks import read_mask, size_message

    path, frame = _mask_file(words)
    labels = read_mask(Path(path))
    if labels.shape != (clip.height_px, clip.width_px):
        raise MaskSizeMismatch(size_message(path, labels.shape, (clip.height_px, clip.width_px)))
    if not labels.any():
        raise UsageError(f"{path}: this mask is empty. Give one with the object in it.")
    if number is not None:
        return [Drawn(labels > 0, frame, number)]
    return [Drawn(labels == value, frame, value) for value in range(1, 256) if (labels == value).any()]
