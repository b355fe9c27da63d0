"""How a training stands, as a page that reloads itself: losses, scores, the time left, and what is seen by now."""

from __future__ import annotations

import base64
import time
from collections.abc import Iterator, Mapping
from html import escape
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np

from avfusion.media.curve import Line, Plot, figure, smoothed
from avfusion.media.target import whole_file
from avfusion.sounding.training.live_page_read import (
    LAST_ROWS,
    Columns,
    best_step,
    late_of,
    numbers_of,
    read_columns,
    read_facts,
    score_names,
    seconds_a_step,
)
from avfusion.sounding.training.tables import LOSSES, SCORES

State: TypeAlias = Literal["training", "stopped", "broken", "done"]

PAGE = "training.html"
_STYLE = Path(__file__).with_suffix(".css")
_RELOAD_S = 10
_MOST_LOOKS = 12
_MOST_VALIDATIONS = 8

_NAMES = {
    "total": "Loss",
    "class": "Class",
    "mask": "Mask",
    "dice": "Dice",
    "cosine": "Picture to picture",
    "lr": "Learning rate",
    "grad_norm": "Length of the gradients",
    "clips_per_s": "Clips a second",
    "M_J": "M_J, overlap",
    "M_F": "M_F, outlines",
    "M_J swapped": "M_J with another clip's sound",
    "mIoU": "mIoU, overlap of classes",
    "base": "Known names",
    "novel": "New names",
    "harmonic": "Harmonic mean of both",
}
_PARTS = ("class", "mask", "dice", "cosine")
_BESIDE = ("lr", "clips_per_s", "grad_norm")
_KEYS = "abcdef"

# Reloads unless it is held, or somebody reads the settings. A page that nobody writes any more says so: the machine may
# have gone down, or the run may have been killed.
_SCRIPT = """
const told = document.querySelector("time[data-every]"), hold = document.querySelector(".hold");
if (told) {
  const set = (on) => { hold.setAttribute("aria-pressed", String(on)); sessionStorage.setItem("hold", on ? "1" : ""); };
  hold.hidden = false;
  set(sessionStorage.getItem("hold") === "1");
  hold.addEventListener("click", () => set(hold.getAttribute("aria-pressed") !== "true"));
  const shown = Date.now();
  setInterval(() => {
    const late = Date.now() / 1000 - told.dataset.at, reads = document.querySelector("details[open]");
    document.querySelector(".late").hidden = late < 12 * told.dataset.every + 600;
    if (Date.now() - shown > RELOAD_MS && hold.getAttribute("aria-pressed") !== "true" && !reads) location.reload();
  }, 1000);
}
"""


def write_live_page(folder: Path, *, state: State, steps: int) -> None:
    """Writes `training.html` whole, or not at all, from the tables and training.json of a run's folder.

    state: "training" while it runs. steps: how many there will be in all. Raises `CannotWrite`.
    """
    with whole_file(folder / PAGE) as part:
        part.write_text("".join(page(folder, state=state, steps=steps)), encoding="utf-8", errors="backslashreplace")


def page(folder: Path, *, state: State, steps: int) -> Iterator[str]:
    """The document, piece by piece. It asks no other machine and no other file for anything; all text is escaped."""
    losses, scores = read_columns(folder / LOSSES), read_columns(folder / SCORES)
    facts = read_facts(folder / "training.json")
    step = int(losses["step"][-1]) if len(losses["step"]) else 0
    # With a script it can be held.
    reload = f'<noscript><meta http-equiv="refresh" content="{_RELOAD_S}"></noscript>\n' if state == "training" else ""
    name = escape(folder.absolute().name)
    yield (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n{reload}'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{name}: {step} of {steps} steps</title>\n<style>\n{_STYLE.read_text(encoding='utf-8')}</style>\n"
        "</head>\n<body>\n<main>\n"
    )
    yield _head(name, facts)
    yield _stand(state, step, steps, losses, facts)
    yield _tiles(step, steps, losses, scores, facts)
    yield _losses(losses)
    yield _scores(losses, scores, facts)
    yield from _looks(folder / "looks")
    yield _learning(losses)
    yield _validations(scores, facts)
    yield _last_values(losses)
    yield _settings(facts)
    yield f"</main>\n<script>{_SCRIPT.replace('RELOAD_MS', str(1000 * _RELOAD_S))}</script>\n</body>\n</html>\n"


def _head(name: str, facts: Mapping[str, Any]) -> str:
    what = " on ".join(str(facts[key]) for key in ("kind", "setting") if key in facts)
    said = [f"{what}" if what else "", str(facts.get("note", ""))]
    words = "".join(f"<p>{escape(text)}</p>" for text in said if text)
    return f'<header><p class="over">Training</p><h1>{name}</h1>{words}</header>\n'


def _stand(state: State, step: int, steps: int, losses: Columns, facts: Mapping[str, Any]) -> str:
    """The line that says how it is, and the bar."""
    now = time.time()
    words = {
        "training": "Training",
        "stopped": f"Stopped at step {step}: go on with --resume",
        "broken": f"Broken off after step {step}: mend what was said, then go on with --resume",
        "done": f"Done: {steps} steps",
    }[state]
    every_s = seconds_a_step(losses, facts) or 1.0
    at = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(now))
    clock = f' data-every="{every_s:.1f}" data-at="{now:.0f}"' if state == "training" else ""
    share = 100 * min(step / max(steps, 1), 1.0)
    late = (
        '<p class="late" role="status" hidden>Nothing new for a while. If the training was broken off, go on with '
        "--resume.</p>"
        if state == "training"
        else ""
    )
    return (
        f'<section class="stand {state}"><p class="state" role="status"><i aria-hidden="true"></i><b>{words}</b>'
        f'<span>as of <time datetime="{at.replace(" ", "T")}"{clock}>{at}</time></span>'
        f'<button type="button" class="hold" aria-pressed="false" hidden>Hold</button></p>{late}'
        f'<div class="bar" role="progressbar" aria-label="Steps" aria-valuemin="0" aria-valuemax="{steps}" '
        f'aria-valuenow="{step}"><i style="width:{share:.2f}%"></i></div></section>\n'
    )


def _tiles(step: int, steps: int, losses: Columns, scores: Columns, facts: Mapping[str, Any]) -> str:
    tiles = [("Step", f"{step}", f"of {steps}")]
    every_s = seconds_a_step(losses, facts)
    if step < steps and every_s is not None:
        tiles.append(("Time left", _time(every_s * (steps - step)), "without validations"))
    rates = late_of(losses, "clips_per_s")
    if len(rates):
        tiles.append(("Speed", f"{np.median(rates):.3g}", "clips a second"))
    totals = numbers_of(losses, "total")[1]
    if len(totals):
        tiles.append(("Loss", f"{smoothed(totals)[-LAST_ROWS:].mean():.3g}", f"the last step: {totals[-1]:.3g}"))
    best = best_step(scores, facts)
    if best is not None:
        name = score_names(scores)[0]
        place = int(np.flatnonzero(scores["step"] == best)[0])
        tiles.append(("Best so far", f"{scores[name][place]:.3f}", f"{name} at step {best}"))
    rate = numbers_of(losses, "lr")[1]
    if len(rate):
        tiles.append(("Learning rate", f"{rate[-1]:.2e}", "falling to 0"))
    inside = "".join(
        f"<div><dt>{escape(name)}</dt><dd><b>{escape(value)}</b> <span>{escape(more)}</span></dd></div>"
        for name, value, more in tiles
    )
    return f'<dl class="tiles">{inside}</dl>\n'


def _losses(losses: Columns) -> str:
    if not len(losses["step"]):
        return "<section><h2>Losses</h2><p>No step is done yet.</p></section>\n"
    parts = "".join(
        _plot(losses, (name,), _NAMES[name], is_smooth=True)
        for name in _PARTS
        if np.any(numbers_of(losses, name)[1])  # one that does not count is 0 throughout
    )
    return (
        "<section><h2>Losses</h2><p>The line is the mean of the steps around each; behind it lies from the lowest to "
        f"the highest.</p>{_plot(losses, ('total',), 'Loss', kind='large', is_smooth=True)}"
        f'<div class="plots">{parts}</div></section>\n'
    )


def _scores(losses: Columns, scores: Columns, facts: Mapping[str, Any]) -> str:
    """On the axis of the losses."""
    best = best_step(scores, facts)
    if best is None:
        return ""
    names = score_names(scores)
    dot = (float(best), float(scores[names[0]][scores["step"] == best][0]))
    last = int(max(scores["step"][-1], *losses["step"][-1:]))
    shown = _plot(scores, names, "Scores", kind="large", last=last, dots=(dot,))
    return f"<section><h2>Validation</h2><p>Scores lie between 0 and 1; the dot is the best.</p>{shown}</section>\n"


def _learning(losses: Columns) -> str:
    plots = "".join(_plot(losses, (name,), _NAMES[name], is_smooth=name != "lr") for name in _BESIDE)
    return f'<section><h2>Learning</h2><div class="plots">{plots}</div></section>\n' if plots else ""


def _plot(
    table: Columns,
    names: tuple[str, ...],
    title: str,
    *,
    kind: str = "small",
    is_smooth: bool = False,
    last: int | None = None,
    dots: tuple[tuple[float, float], ...] = (),
) -> str:
    lines, said = [], []
    for key, name in zip(_KEYS, names, strict=False):
        steps, values = numbers_of(table, name)
        if len(values):
            lines.append(Line(name if len(names) > 1 else "", steps, values, key, is_smooth))
            said.append(f"{_NAMES.get(name, name)}: first {values[0]:.3g}, last {values[-1]:.3g}.")
    return figure(
        Plot(title, lines, kind, "fitting" if kind == "small" or is_smooth else "linear", " ".join(said), last, dots)
    )


def _looks(folder: Path) -> Iterator[str]:
    """The pictures of the newest validation, in the page itself."""
    newest = _newest(folder)
    if not newest:
        return
    step = _step_in(newest[0])
    when = f" at step {step}" if step is not None else ""
    yield (
        f"<section><h2>What is found</h2><p>Clips of the validation{when}: what is found is orange, what is true has a "
        'white outline.</p><div class="looks">'
    )
    for path in newest:
        data = base64.b64encode(path.read_bytes()).decode("ascii")
        name = escape(path.stem.partition("-")[2])
        caption = f"<figcaption>{name}</figcaption>" if name else ""
        yield (
            f'<figure><img alt="{name or "Clips"} of the validation{when}, with what is found and what is true" '
            f'src="data:image/png;base64,{data}">{caption}</figure>'
        )
    yield "</div></section>\n"


def _newest(folder: Path) -> list[Path]:
    paths = sorted(folder.glob("*.png")) if folder.is_dir() else []
    last = max((_step_in(path) or 0 for path in paths), default=0)
    return [path for path in paths if (_step_in(path) or 0) == last][:_MOST_LOOKS]


def _step_in(path: Path) -> int | None:
    """The number that a picture's name begins with: 000250-one.png."""
    digits = path.stem.partition("-")[0]
    return int(digits) if digits.isdecimal() else None


def _validations(scores: Columns, facts: Mapping[str, Any]) -> str:
    """The last ones as a table, and the best."""
    names = score_names(scores)
    if not names:
        return ""
    best = best_step(scores, facts)
    count = len(scores["step"])
    places = [
        place for place in reversed(range(count)) if place >= count - _MOST_VALIDATIONS or scores["step"][place] == best
    ]
    heads = "".join(f'<th scope="col" class="number">{escape(_NAMES.get(name, name))}</th>' for name in names)
    rows = []
    for place in places:
        is_best = scores["step"][place] == best
        cells = "".join(_cell(f"{scores[name][place]:.4f}") for name in names)
        rows.append(
            f'<tr{" class=best" if is_best else ""}><th scope="row">{int(scores["step"][place])}'
            f"{' <em>best</em>' if is_best else ''}</th>{cells}</tr>"
        )
    return _section("Validations", f'<thead><tr><th scope="col">Step</th>{heads}</tr></thead>', rows)


def _last_values(losses: Columns) -> str:
    """What the curves show, in numbers."""
    rows = []
    for name in ("total", *_PARTS, *_BESIDE):
        values = numbers_of(losses, name)[1]
        if len(values):
            shown = (values[0], values[-1], values[-LAST_ROWS:].mean(), values.min(), values.max())
            inside = "".join(_cell(f"{value:.4g}") for value in shown)
            rows.append(f'<tr><th scope="row">{escape(_NAMES[name])}</th>{inside}</tr>')
    if not rows:
        return ""
    heads = "".join(
        f'<th scope="col" class="number">{head}</th>' for head in ("First", "Last", "Of late", "Lowest", "Highest")
    )
    return _section("In numbers", f'<thead><tr><th scope="col">What</th>{heads}</tr></thead>', rows)


def _cell(words: str) -> str:
    return f'<td class="number">{words}</td>'


def _section(title: str, head: str, rows: list[str]) -> str:
    return (
        f'<section><h2>{title}</h2><div class="wide" tabindex="0" role="region" aria-label="{title}">'
        f"<table>{head}<tbody>{''.join(rows)}</tbody></table></div></section>\n"
    )


def _settings(facts: Mapping[str, Any]) -> str:
    said = "".join(f"<dt>{escape(name)}</dt><dd>{escape(words)}</dd>" for name, words in _flat(facts))
    return f"<section><details><summary>Settings</summary><dl>{said}</dl></details></section>\n" if said else ""


def _flat(values: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, str]]:
    for name, value in values.items():
        words = f"{before}{name.replace('_', ' ')}"
        if isinstance(value, dict):
            yield from _flat(value, f"{words}: ")
        else:
            yield words, ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _time(seconds: float) -> str:
    minutes = max(1, round(seconds / 60))
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{days} d {hours} h"
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min"
