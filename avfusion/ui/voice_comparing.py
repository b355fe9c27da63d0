"""Several voice engines on the same sentence, one after the other, each heard and measured beside the others."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from dataclasses import replace
from functools import partial
from html import escape
from typing import Any, NamedTuple

import gradio as gr

from avfusion.engines.catalogue import of_ability
from avfusion.engines.engine import Engine
from avfusion.engines.state import state
from avfusion.errors import AvfusionError, Stopped, UsageError
from avfusion.ui import words
from avfusion.ui.engines import standing
from avfusion.ui.runs import Run
from avfusion.ui.voice_making import convert_for_comparison, problem
from avfusion.ui.voice_models import by_engine
from avfusion.ui.voice_running import Choice, wish_of
from avfusion.ui.voice_showing import facts_of, nothing_found, players, progress
from avfusion.ui.voice_visit import Converted, VoiceVisit

KIND = "voice-compare"
LONGEST_S = 15.0
STOPPED = "Stopped. The voices that were there stay."
# Engines to which recordings of the target are enough.
_BY_RECORDINGS = ("world-knn",)
_SHOWN = ("Lag", "Loudness", "True peak", "Pitch", "Target's pitch")


class CompareShown(NamedTuple):
    """What a comparison changes; what is left out stays as it is."""

    run: Any = gr.skip()
    stop: Any = gr.skip()
    status: Any = gr.skip()
    progress: Any = gr.skip()
    cards: Any = gr.skip()


def ready_and_others() -> tuple[list[Engine], list[Engine]]:
    engines = of_ability("voice")
    ready = [engine for engine in engines if state(engine).is_ready]
    return ready, [engine for engine in engines if engine not in ready]


def engine_choices(refused: str) -> tuple[Any, Any, str, Any]:
    """Engines to choose from; the part of the page for those that are not ready and what each waits for; check boxes of
    those that are.

    refused: why nobody can download.
    """
    ready, others = ready_and_others()
    names = [(engine.name, engine.name) for engine in ready]
    compared = [(name if name in _BY_RECORDINGS else f"{name}, with weights of its own", name) for name, _ in names]
    waiting = "".join(
        f'<li data-row="{escape(engine.name)}"><b>{escape(engine.name)}</b><div>{standing(engine, refused)}</div></li>'
        for engine in others
    )
    listed = f'<ul class="others" tabindex="0">{waiting}</ul>' if others else ""
    lacking = gr.Accordion(f"Not ready: {', '.join(engine.name for engine in others)}", visible=bool(others))
    choices = [("What fits the target", "auto"), *names]
    return gr.Dropdown(choices=choices), lacking, listed, gr.CheckboxGroup(choices=compared)


def begin(visit: VoiceVisit) -> CompareShown:
    visit.is_stopped = False
    return CompareShown(gr.Button(interactive=False), gr.Button(visible=True), "", words.waiting(), "")


def idle(status: str = "") -> CompareShown:
    return CompareShown(gr.Button(interactive=True), gr.Button(visible=False), status, "")


def run(visit: VoiceVisit, engines: Sequence[str], *chosen: Any) -> Iterator[CompareShown]:
    """A card for each engine as soon as it is done."""
    cards: list[str] = []
    try:
        if not engines:
            raise UsageError("Tick at least one engine.")
        with visit.folder_for("compared"):
            pass  # what was compared before goes
        for name in engines:
            title = f"Converting with {name}"
            said = f"{len(cards)} of {len(engines)} engines are done"
            bar = words.bar(len(cards) / len(engines), title, said)
            yield CompareShown(progress=bar, cards=_all(cards, engines[len(cards) :]))
            card = yield from _one(visit, name, Choice(*chosen))
            cards.append(card)
    except Stopped:
        yield idle(words.note(STOPPED))._replace(cards=_all(cards, ()))
        return
    except AvfusionError as error:
        yield idle(problem(visit, error))
        return
    yield idle(_done(cards))._replace(cards=_all(cards, ()))


def _done(cards: Sequence[str]) -> str:
    """Whether there is anything to hear."""
    made = sum("<audio" in card for card in cards)
    if made == 0:
        return words.problem(UsageError("No engine could do it. Each says why below."))
    if made < len(cards):
        return words.note(f"{made} of {len(cards)} engines could do it. The others say why below.")
    return words.good("Done.")


def _one(visit: VoiceVisit, name: str, choice: Choice) -> Generator[CompareShown, None, str]:
    """One engine's card, made on a thread of its own. Raises `Stopped`."""
    job: Run[Converted] | None = None
    try:
        # Each engine takes what it can of what was given: its own model file, or the recordings of the target.
        kind = "recordings" if name in _BY_RECORDINGS else "models"
        if kind == "models":
            _refuse_without_files(visit, name)
        wish = wish_of(visit, replace(choice, kind=kind, engine=name), preview_s=LONGEST_S)
        job = visit.start(partial(convert_for_comparison, visit, wish), kind=KIND)
        for now in job.progress():
            if now is not None:
                yield CompareShown(progress=progress(now))
        return _card(name, job.result())
    except Stopped:
        raise
    except AvfusionError as error:
        said = problem(visit, error)
        return f'<figure class="answer" data-engine="{escape(name)}">{_title(name)}{said}</figure>'
    finally:
        if job is not None:
            job.stop()


def _refuse_without_files(visit: VoiceVisit, name: str) -> None:
    """Raises `UsageError` where a model file is needed and there is none of this engine."""
    with visit.lock:
        models = visit.models
    if name not in by_engine(models):
        raise UsageError(
            f"{name} speaks only with model files of its own, and none was given. "
            "Give its weights in step 2, at Model files."
        )


def _all(cards: Sequence[str], waiting: Sequence[str]) -> str:
    empty = [
        f'<figure class="answer" data-engine="{escape(name)}">{_title(name)}<p class="note">'
        f"{'working …' if place == 0 else 'waiting'}</p></figure>"
        for place, name in enumerate(waiting)
    ]
    return f'<div class="answers voices">{"".join([*cards, *empty])}</div>'


def _title(name: str) -> str:
    return f"<figcaption><b>{escape(name)}</b></figcaption>"


def _card(name: str, made: Converted) -> str:
    took_s = sum(made.report.stages_s.values())
    facts = [(head, value) for head, value in facts_of(made.report) if value and head in _SHOWN]
    facts.append(("Time", f"{took_s:.1f} s for {made.report.duration_s:.1f} s"))
    rows = "".join(f"<div><dt>{escape(head)}</dt><dd>{escape(value)}</dd></div>" for head, value in facts)
    heard = f"{nothing_found(made.report)}{players(made)}"
    return f'<figure class="answer" data-engine="{escape(name)}">{_title(name)}{heard}<dl>{rows}</dl></figure>'


def fail(visit: VoiceVisit) -> CompareShown:
    if visit.is_stopped:
        return idle(words.note(STOPPED))
    return idle(words.problem(UsageError("The comparison did not work. This is a bug: please report it.")))


def stop(visit: VoiceVisit) -> CompareShown:
    visit.stop_and_wait(KIND)
    return idle(words.note(STOPPED))
