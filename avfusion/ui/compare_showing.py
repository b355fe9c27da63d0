"""The answers of the Compare tab as the visitor sees them: cards, matrix, agreement, slider, files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any, NamedTuple

import gradio as gr

from avfusion.engines.state import size
from avfusion.pipelines.compare import Answer, Comparison, agreement
from avfusion.ui import words
from avfusion.ui.compare_pictures import answer_picture, heat, image, legend, small
from avfusion.ui.compare_visit import Answers, CompareVisit

TARGETS = {"background": "Background", "inpaint": "Inpaint"}
"""Tabs to which a mask can be taken: their id, and what they are called."""

_LABELS_SHOWN = 6
_DARK_FROM = 0.55


class AnswersShown(NamedTuple):
    """What answers change, in the order of `AnswersPart`; what is left out stays as it is."""

    section: Any = gr.skip()
    cards: Any = gr.skip()
    scrub_row: Any = gr.skip()
    scrub: Any = gr.skip()
    scrub_words: Any = gr.skip()
    together: Any = gr.skip()
    matrix: Any = gr.skip()
    agreement: Any = gr.skip()
    slider_part: Any = gr.skip()
    left: Any = gr.skip()
    right: Any = gr.skip()
    slider: Any = gr.skip()
    reel: Any = gr.skip()
    html: Any = gr.skip()
    csv: Any = gr.skip()
    json: Any = gr.skip()
    everything: Any = gr.skip()


def show_answers(visit: CompareVisit, *, working: bool) -> AnswersShown:
    """All answers so far. working: a run is under way, and the engines without an answer are named."""
    answers = visit.answers
    if answers is None or answers.asked.clip is not visit.clip or not (working or answers.answers):
        return AnswersShown(section=gr.Column(visible=False))
    frame = answers.first
    shown = AnswersShown(section=gr.Column(visible=True), cards=cards(answers, frame, working=working))
    if answers.comparison is None:
        hidden = gr.update(visible=False)
        return shown._replace(
            scrub_row=hidden, together=hidden, slider_part=hidden, reel=hidden, html=hidden, csv=hidden, json=hidden,
            everything=hidden,
        )  # fmt: skip
    start, stop = answers.comparison.frames
    moves = answers.asked.whole_clip and stop - start > 1
    with_masks = [answer.engine for answer in answers.answers if answer.masks is not None]
    return shown._replace(
        scrub_row=gr.Row(visible=moves),
        scrub=gr.Slider(minimum=start, maximum=max(start + 1, stop - 1), value=frame, interactive=moves),
        scrub_words=words.moment(answers.asked.clip, frame) if moves else "",
        together=gr.Row(visible=len(with_masks) > 1),
        matrix=matrix(answers.comparison),
        agreement=agreed(answers, frame),
        **_slider(answers, frame, with_masks),
        **_files(answers.files),
    )


def at_frame(visit: CompareVisit, frame: int, left: str, right: str) -> tuple[Any, ...]:
    """Cards, agreement and slider of a whole clip at another of its frames."""
    answers = visit.answers
    if answers is None or answers.comparison is None:
        return (gr.skip(),) * 4
    start, stop = answers.comparison.frames
    frame = min(max(frame, start), stop - 1)
    said = words.moment(answers.asked.clip, frame)
    return cards(answers, frame), said, agreed(answers, frame), over(visit, frame, left, right)


def cards(answers: Answers, frame: int, *, working: bool = False) -> str:
    """One card for each engine that was asked, in that order. Everything in them is escaped."""
    made = [_card(answers, answer, frame) for answer in answers.answers]
    left = answers.asked.engines[len(answers.answers) :] if working else ()
    made += [_empty_card(name, "working …" if place == 0 else "waiting") for place, name in enumerate(left)]
    return f'<div class="answers">{"".join(made)}</div>'


def _empty_card(engine: str, said: str) -> str:
    name = escape(engine)
    return f'<figure class="answer" data-engine="{name}"><div class="none">{said}</div>{_title(engine)}</figure>'


def _title(engine: str, score: str = "") -> str:
    return f'<figcaption><b>{escape(engine)}</b><span class="score">{escape(score)}</span></figcaption>'


def _card(answers: Answers, answer: Answer, frame: int) -> str:
    name = escape(answer.engine)
    if answer.masks is None:
        said = escape(answer.problem.replace(str(answers.asked.clip.path), answers.asked.clip.path.name))
        problem = f'<p class="note problem" role="alert">{said}</p>'
        none = f'<div class="none">no answer</div>{_title(answer.engine)}{problem}'
        return f'<figure class="answer" data-engine="{name}">{none}</figure>'
    picture = small(answer_picture(answers.asked.clip, frame, answer, answers.place(frame)))
    alt = f"The frame with what {answer.engine} found"
    hint = "Click a part of it to take that part" if answers.asked.everything else f"Take {answer.engine}'s mask"
    return (
        f'<figure class="answer" data-engine="{name}" data-frame="{frame}">'
        f'<button type="button" class="picture" data-take="{next(iter(TARGETS))}" title="{escape(hint)}">'
        f'<img alt="{escape(alt)}" src="{picture}" draggable="false"></button>'
        f"{_title(answer.engine, f'score {answer.confidence:.2f}')}{_found(answers, answer)}{_facts(answers, answer)}"
        f"{_takes(answers)}</figure>"
    )


def _takes(answers: Answers) -> str:
    if answers.asked.everything:
        return '<p class="note">Click a part of the picture to take its mask.</p>'
    one = len(TARGETS) == 1
    return '<div class="takes">' + "".join(
        f'<button type="button" class="small" data-take="{tab}">{"Take this mask" if one else f"To {label}"}</button>'
        for tab, label in TARGETS.items()
    ) + "</div>"  # fmt: skip


def _found(answers: Answers, answer: Answer) -> str:
    """The names that the engine has for it, the most frequent first."""
    named = Counter(label for label in answer.labels if label)
    if answers.asked.everything:
        counted = [f"{count} {label}" if count > 1 else label for label, count in named.most_common(_LABELS_SHOWN)]
        more = len(named) - len(counted)
        parts = f"{len(answer.masks.objects) if answer.masks else 0} parts"
        text = f"{parts}: {', '.join(counted)}{f' and {more} more' if more > 0 else ''}" if counted else parts
    else:
        text = ", ".join(named)
    return f'<p class="labels">{escape(text)}</p>' if text else ""


def _facts(answers: Answers, answer: Answer) -> str:
    load = f" + {answer.load_s:.2g} s to load" if answer.load_s >= 0.05 else ""
    memory = "not measured" if answer.peak_memory_bytes is None else size(answer.peak_memory_bytes)
    memory = "less than 1 MB" if memory == "0" else memory
    facts: list[tuple[str, str]] = []
    if answer.scores is not None:
        region = "J" if answers.asked.whole_clip else "IoU"
        facts += [(region, f"{answer.scores.iou:.3f}"), ("Boundary F", f"{answer.scores.boundary_f:.3f}")]
    facts.append(("Time", f"{answer.seconds:.3g} s{load}"))
    if answers.asked.whole_clip:
        if answer.learning_s >= 1:
            facts.append(("Of that, learning", f"{answer.learning_s:.3g} s"))
        facts.append(("Speed", f"{answer.frames_per_s:.3g} frames/s"))
        if answer.flicker is not None:
            facts.append(("Flicker", f"{answer.flicker:.3f}"))
    facts += [("Peak memory", memory), ("Device", answer.device)]
    rows = "".join(f"<div><dt>{head}</dt><dd>{escape(value)}</dd></div>" for head, value in facts)
    return f"<dl>{rows}</dl>"


def matrix(comparison: Comparison) -> str:
    """IoU of each pair, the more the darker."""
    if len(comparison.engines) < 2:
        return ""
    heads = "".join(f'<th scope="col"><span>{escape(name)}</span></th>' for name in comparison.engines)
    rows = "".join(
        f'<tr><th scope="row">{escape(name)}</th>{"".join(map(_cell, values.tolist()))}</tr>'
        for name, values in zip(comparison.engines, comparison.iou, strict=True)
    )
    what = "IoU of parts that match" if comparison.kind == "everything" else "IoU of each pair"
    return (
        f'<h3 class="part">How far they agree: {what}</h3>'
        f'<div class="wide"><table class="matrix"><thead><tr><td></td>{heads}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div>"
    )


def _cell(value: float) -> str:
    dark = " dark-cell" if value >= _DARK_FROM else ""
    return f'<td class="value{dark}" style="--part:{100 * value:.0f}%">{value:.2f}</td>'


def agreed(answers: Answers, frame: int) -> str:
    """The frame with how many of the engines see the object in each place."""
    comparison = answers.comparison
    if comparison is None or len(comparison.engines) < 2:
        return ""
    picture = heat(answers.asked.clip, frame, agreement(comparison, frame))
    what = "a segment" if answers.asked.everything else "the object"
    return (
        f'<h3 class="part">Where they agree: engines that see {what}</h3>'
        f"{image(picture, 'How many of the engines see it, in each place')}{legend(len(comparison.engines))}"
    )


def _slider(answers: Answers, frame: int, with_masks: Sequence[str]) -> dict[str, Any]:
    if not with_masks:
        return {"slider_part": gr.Column(visible=False)}
    choices = [("The picture", ""), *((name, name) for name in with_masks)]
    left, right = (with_masks[0], with_masks[1]) if len(with_masks) > 1 else ("", with_masks[0])
    return {
        "slider_part": gr.Column(visible=True),
        "left": gr.Dropdown(choices=choices, value=left),
        "right": gr.Dropdown(choices=choices, value=right),
        "slider": _pair(answers, frame, left, right),
    }


def over(visit: CompareVisit, frame: int, left: str, right: str) -> Any:
    """Two pictures for the slider. frame: counts for whole clips only."""
    answers = visit.answers
    if answers is None or answers.comparison is None:
        return gr.skip()
    return _pair(answers, frame if answers.asked.whole_clip else answers.asked.frame, left, right)


def _pair(answers: Answers, frame: int, left: str, right: str) -> tuple[Any, Any]:
    clip, at = answers.asked.clip, answers.place(frame)
    one, other = (answer_picture(clip, frame, answers.of(name), at) for name in (left, right))
    return one, other


def _files(files: Sequence[Path]) -> dict[str, Any]:
    """Buttons for the report's files, and the reel to play."""
    by_name = {file.name: file for file in files}
    named = {
        "html": "comparison.html", "csv": "comparison.csv", "json": "comparison.json", "everything": "comparison.zip",
    }  # fmt: skip
    buttons = {
        part: gr.DownloadButton(value=str(by_name[name]), visible=True)
        for part, name in named.items()
        if name in by_name
    }
    reel = by_name.get("side-by-side.mp4")
    return {**buttons, "reel": gr.Video(value=str(reel) if reel else None, visible=reel is not None)}
