"""A comparison as one self-contained page: pictures, a table, how far the engines agree, and what went wrong."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape
from pathlib import Path

import numpy as np

from avfusion.clip import Rgb
from avfusion.engines.state import size
from avfusion.pipelines.compare_answers import Answer, Comparison
from avfusion.pipelines.compare_pictures import heat, heat_colours, inline, labels_of, original, over, shown_frame

_STYLE = Path(__file__).with_name("compare_page.css")
_PICTURE_PX = 900
_LABELS_SHOWN = 8
# From here on a cell of the matrix is dark enough for light figures.
_DARK_FROM = 0.7

Column = tuple[str, Callable[[Answer], float | None], Callable[[float], str], str]
"""A heading, the value, how it is written, and which is best: "high", "low" or "" for neither."""


def page(comparison: Comparison) -> str:
    """The whole document. It needs no network and no script, and all text in it is escaped."""
    picture = original(comparison) if comparison.with_masks else None
    title = f"{escape(comparison.clip.path.name)}: {_count(len(comparison.answers), 'engine')} compared"
    parts = [
        _head(comparison),
        "" if picture is None else _answers(comparison, picture),
        _table(comparison) if comparison.with_masks else "",
        "" if picture is None else _agreement(comparison, picture),
        _problems(comparison),
    ]
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{title}</title>\n<style>\n{_STYLE.read_text(encoding='utf-8')}</style>\n</head>\n"
        f"<body>\n<main>\n{''.join(parts)}</main>\n</body>\n</html>\n"
    )


def _head(comparison: Comparison) -> str:
    clip, (start, stop) = comparison.clip, comparison.frames
    asked = {
        "asked": "each asked for the same object",
        "everything": "each asked for everything in the picture",
        "clip": "each following the same object",
    }
    frames = f"frames {start} to {stop - 1}" if stop - start > 1 else f"frame {start}"
    facts = [f"{clip.width_px} &times; {clip.height_px} pixels"]
    facts += [frames] if clip.frame_count > 1 else []
    engines = _count(len(comparison.answers), "engine")
    return (
        f'<header><p class="over">Comparison</p><h1>{escape(clip.path.name)}</h1>'
        f"<p>{engines}, {asked[comparison.kind]} · {' · '.join(facts)}</p></header>\n"
    )


def _answers(comparison: Comparison, picture: Rgb) -> str:
    shown = shown_frame(comparison)
    where = f"<p>Frame {shown}, on which the engines agree least.</p>" if len(comparison.engines) > 1 else ""
    figures = [_figure("The picture", "as it is", inline(picture, most_px=_PICTURE_PX))]
    for answer in comparison.with_masks:
        drawn = over(picture, labels_of(comparison, answer))
        figures.append(_figure(answer.engine, _key_figure(answer), inline(drawn, most_px=_PICTURE_PX)))
    return (
        f"<section><h2>Answers</h2>{where if comparison.kind == 'clip' else ''}"
        f'<div class="answers">{"".join(figures)}</div></section>\n'
    )


def _figure(name: str, said: str, address: str) -> str:
    return (
        f'<figure><img alt="{escape(name)}" src="{address}">'
        f"<figcaption><b>{escape(name)}</b><span>{escape(said)}</span></figcaption></figure>"
    )


def _key_figure(answer: Answer) -> str:
    if answer.scores is None:
        return f"score {answer.confidence:.2f}"
    return f"{'J' if answer.ability == 'tracking' else 'IoU'} {answer.scores.iou:.3f}"


def _columns(comparison: Comparison) -> list[Column]:
    region = "J" if comparison.kind == "clip" else "IoU"
    columns: list[Column] = [
        ("Score", lambda one: one.confidence, "{:.2f}".format, ""),
        (region, lambda one: None if one.scores is None else one.scores.iou, "{:.3f}".format, "high"),
        ("Boundary F", lambda one: None if one.scores is None else one.scores.boundary_f, "{:.3f}".format, "high"),
        ("Flicker", lambda one: one.flicker, "{:.3f}".format, "low"),
        ("Time", lambda one: one.seconds, _seconds, "low"),
        ("Learning", lambda one: one.learning_s or None, _seconds, ""),
        ("Loading", lambda one: one.load_s or None, _seconds, ""),
        ("Frames/s", lambda one: one.frames_per_s if comparison.kind == "clip" else None, "{:.3g}".format, "high"),
        ("Peak memory", lambda one: one.peak_memory_bytes, lambda value: size(int(value)), "low"),
    ]
    return [column for column in columns if any(column[1](one) is not None for one in comparison.with_masks)]


def _table(comparison: Comparison) -> str:
    columns = _columns(comparison)
    has_labels = any(_labels(answer) for answer in comparison.with_masks)
    has_weights = any(answer.revision for answer in comparison.with_masks)
    heads = ["Engine", *(["Label"] if has_labels else []), *(head for head, *_ in columns), "Device"]
    heads += ["Weights"] if has_weights else []
    best = {head: _best(comparison.with_masks, value, which) for head, value, _, which in columns}
    rows = []
    for answer in comparison.with_masks:
        cells = [_text_cell("Label", _labels(answer))] if has_labels else []
        cells += [_cell(head, value(answer), write, best[head]) for head, value, write, _ in columns]
        cells.append(_text_cell("Device", answer.device))
        cells += [_text_cell("Weights", answer.revision[:12], "code")] if has_weights else []
        rows.append(f'<tr><th scope="row">{escape(answer.engine)}</th>{"".join(cells)}</tr>')
    head = "".join(
        f'<th scope="col"{" class=number" if name in best else ""}>{escape(name)}</th>' for name in heads
    )  # fmt: skip
    return (
        '<section><h2>Figures</h2><div class="wide" tabindex="0"><table class="figures">'
        f"<thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table></div>"
        '<p class="small">Time is the engine\'s own, without loading. Memory is what it needed at most, above what was '
        "in use before. The best of each column is marked.</p></section>\n"
    )


def _best(answers: Sequence[Answer], value: Callable[[Answer], float | None], which: str) -> float | None:
    values = [one for one in map(value, answers) if one is not None]
    if not which or len(set(values)) < 2:
        return None
    return max(values) if which == "high" else min(values)


def _cell(head: str, value: float | None, write: Callable[[float], str], best: float | None) -> str:
    kind = "number best" if value is not None and value == best else "number"
    return _text_cell(head, "" if value is None else write(value), kind)


def _text_cell(head: str, text: str, kind: str = "") -> str:
    """On a narrow screen, where the table has no head, each cell says what it is."""
    named = f' class="{kind}"' if kind else ""
    return f'<td{named} data-head="{escape(head)}">{escape(text)}</td>'


def _labels(answer: Answer) -> str:
    named = list(dict.fromkeys(label for label in answer.labels if label))
    more = len(named) - _LABELS_SHOWN
    return ", ".join(named[:_LABELS_SHOWN]) + (f" and {more} more" if more > 0 else "")


def _agreement(comparison: Comparison, picture: Rgb) -> str:
    if len(comparison.engines) < 2:
        return ""
    what = "a part" if comparison.kind == "everything" else "the object"
    legend = "".join(
        f'<li><i style="background:rgb({red} {green} {blue})"></i>{number} of {len(comparison.engines)}</li>'
        for number, (red, green, blue) in enumerate(_steps(len(comparison.engines)), 1)
    )
    address = inline(heat(comparison, picture), most_px=_PICTURE_PX)
    return (
        '<section><h2>Agreement</h2><div class="together"><div><h3>IoU of each pair</h3>'
        f'{_matrix(comparison)}</div><figure class="heat"><h3>How many engines see {what}</h3>'
        f'<img alt="How many engines see {what}, in each place" src="{address}">'
        f'<ul class="legend"><li><i class="none"></i>none</li>{legend}</ul></figure></div></section>\n'
    )


def _steps(count: int) -> list[list[int]]:
    steps: list[list[int]] = heat_colours(np.linspace(1 / count, 1, count, dtype=np.float32)).tolist()
    return steps


def _matrix(comparison: Comparison) -> str:
    heads = "".join(f'<th scope="col"><span>{escape(name)}</span></th>' for name in comparison.engines)
    rows = []
    for row, name in enumerate(comparison.engines):
        cells = "".join(
            _overlap(value, is_own=row == column) for column, value in enumerate(comparison.iou[row].tolist())
        )
        rows.append(f'<tr><th scope="row">{escape(name)}</th>{cells}</tr>')
    return (
        '<div class="wide" tabindex="0"><table class="matrix">'
        f"<thead><tr><td></td>{heads}</tr></thead><tbody>{''.join(rows)}</tbody></table></div>"
    )


def _overlap(value: float, *, is_own: bool) -> str:
    if is_own:
        return f'<td class="own">{value:.0f}</td>'
    dark = ' class="dark"' if value >= _DARK_FROM else ""
    return f'<td{dark} style="--part:{100 * value:.0f}%">{value:.2f}</td>'


def _problems(comparison: Comparison) -> str:
    failed = [answer for answer in comparison.answers if answer.masks is None]
    if not failed:
        return ""
    rows = "".join(f"<dt>{escape(one.engine)}</dt><dd>{escape(_why(comparison, one))}</dd>" for one in failed)
    return f'<section class="problems"><h2>Without an answer</h2><dl>{rows}</dl></section>\n'


def _why(comparison: Comparison, answer: Answer) -> str:
    """The problem, without what is said beside it, and without where on this machine the clip lies."""
    said = answer.problem.replace(str(comparison.clip.path), comparison.clip.path.name)
    return said.removeprefix(f"{answer.engine}: ")


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _seconds(value: float) -> str:
    return f"{value:.1f} s" if value >= 10 else f"{value:.2f} s" if value >= 0.1 else f"{1000 * value:.0f} ms"
