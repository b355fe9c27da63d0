"""The Fusion tab: what was set in the other tabs, in one run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import gradio as gr

from avfusion.ui import fusion_running as running
from avfusion.ui import fusion_taking as taking
from avfusion.ui.editing import short_events
from avfusion.ui.fusion_layout import (
    ChangesPart,
    ClipPart,
    ResultPart,
    RunPart,
    UnfinishedPart,
    changes_part,
    clip_part,
    result_part,
    run_part,
)
from avfusion.ui.fusion_visit import FusionVisit
from avfusion.ui.fusion_wish import Others, Switches
from avfusion.ui.rendering import Chosen
from avfusion.ui.scrolling import scroll_to
from avfusion.ui.taking import Source, Target
from avfusion.ui.voice_running import Choice


class Sources:
    """The components of the other tabs that a fusion is made from, and how their values are told apart again."""

    def __init__(self, background: Source, inpaint: Source, voice: Source) -> None:
        self._sources = (background, inpaint, voice)

    @property
    def inputs(self) -> list[Any]:
        return [component for source in self._sources for component in (source.visit, *source.choices)]

    def read(self, values: Sequence[Any]) -> Others:
        """values: of `inputs`."""
        left = iter(values)
        (visit, *chosen), (inpaint, *inpainted), (voice, *voiced) = (
            [next(left) for _ in (source.visit, *source.choices)] for source in self._sources
        )
        return Others(visit, Chosen(*chosen), inpaint, inpainted, voice, Choice(*voiced))


def build(
    page: gr.Blocks, tab: gr.Tab, tabs: gr.Tabs, clips: Target, background: Source, inpaint: Source, voice: Source,
    unfinished: UnfinishedPart, *, runs_at_once: int,
) -> None:  # fmt: skip
    """The tab's widgets, then its wires. Called inside the tab, when the tabs it takes from are there.

    clips: where a clip that is given here goes: the tab Background. unfinished: stands above all tabs.
    """
    own = gr.State(FusionVisit())
    with gr.Column(elem_classes="card"):
        clip = clip_part()
    with gr.Column(elem_classes="card"):
        changes = changes_part()
    with gr.Column(elem_classes="card"):
        ran = run_part()
    result = result_part()
    sources = Sources(background, inpaint, voice)
    _wire_looking(tab, own, sources, clips, clip, changes, result)
    _wire_ways(tabs, clip, changes)
    _wire_run(page, tabs, own, background.visit, sources, changes, Outputs(ran, result, unfinished), runs_at_once)


def _wire_looking(
    tab: gr.Tab, own: gr.State, sources: Sources, clips: Target, clip: ClipPart, changes: ChangesPart,
    result: ResultPart,
) -> None:  # fmt: skip
    """Every change here, and each time the tab is opened, shows what is set now."""
    short = short_events()
    shown: list[Any] = [
        clip.picture, clip.facts, clip.inpaint, clip.voice, changes.background.said, changes.remove.switch,
        changes.remove.said, changes.removed, changes.voice.switch, changes.voice.said, result.section,
    ]  # fmt: skip
    inputs: list[Any] = [own, changes.removed, *sources.inputs]

    def refresh(how: Callable[..., taking.Taken], is_quick: bool = False) -> Callable[..., taking.Taken]:
        def fresh(visit: FusionVisit, ticked: list[str], *values: Any) -> taking.Taken:
            return how(visit, ticked, sources.read(values), is_quick=is_quick)

        return fresh

    arrived = tab.select(refresh(taking.arrive, is_quick=True), inputs, shown, **short)
    arrived.then(refresh(taking.look), inputs, shown, **short)
    changes.removed.input(refresh(taking.tick), inputs, shown, **short)
    taken: list[Any] = [*clips.outputs, clip.facts]

    def take(how: Callable[[Others, Any], tuple[Any, ...]], other: Any) -> None:
        """Another clip for the whole page, and then what is set for it."""

        def bring(given: Any, *values: Any) -> tuple[Any, ...]:
            return how(sources.read(values), given)

        event = other.upload if isinstance(other, gr.UploadButton) else other.click
        came = event(bring, [other, *sources.inputs], taken, **short)
        came.then(refresh(taking.look), inputs, shown, **short)

    take(taking.open_clip, clip.upload)
    take(taking.use_example, clip.example)
    take(taking.from_inpaint, clip.inpaint)
    take(taking.from_voice, clip.voice)
    for button, how in ((changes.recordings, taking.add_recordings), (changes.example, taking.example_voice)):
        event = button.upload if isinstance(button, gr.UploadButton) else button.click

        def give(given: Any, *values: Any, how: Callable[..., None] = how) -> None:
            how(sources.read(values), given)

        event(give, [button, *sources.inputs], None, **short).then(refresh(taking.look), inputs, shown, **short)


def _wire_ways(tabs: gr.Tabs, clip: ClipPart, changes: ChangesPart) -> None:
    """Buttons that lead to where something is set."""
    ways = {
        "background": (clip.mark, changes.background.go), "inpaint": (changes.remove.go,), "voice": (changes.voice.go,)
    }  # fmt: skip
    for name, buttons in ways.items():
        for button in buttons:
            button.click(
                partial(gr.Tabs, selected=name), None, tabs, queue=False, show_progress="hidden",
                api_visibility="private", js="() => { window.scrollTo({top: 0}); return []; }",
            )  # fmt: skip


@dataclass(frozen=True)
class Outputs:
    """What a run changes."""

    ran: RunPart
    result: ResultPart
    unfinished: UnfinishedPart

    @property
    def shows(self) -> list[Any]:
        return [*self.ran.shows, *self.result.shows, self.unfinished.job, self.unfinished.row]


def _wire_run(
    page: gr.Blocks, tabs: gr.Tabs, own: gr.State, visit: gr.State, sources: Sources, changes: ChangesPart,
    out: Outputs, runs_at_once: int,
) -> None:  # fmt: skip
    ran, unfinished, shows = out.ran, out.unfinished, out.shows
    switches: list[Any] = [
        changes.background.switch, changes.remove.switch, changes.removed, changes.voice.switch, ran.format,
    ]  # fmt: skip

    def run(
        fused: FusionVisit, background: bool, remove: bool, removed: list[str], voice: bool, ending: str, *values: Any
    ) -> Iterator[running.Shown]:
        wish = Switches(background, remove, tuple(removed), voice, ending)
        yield from running.run(fused, sources.read(values), wish)

    def go_on(fused: FusionVisit, job: Any, *values: Any) -> Iterator[running.Shown]:
        yield from running.go_on(fused, sources.read(values), job)

    hidden: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
    slow: dict[str, Any] = hidden | {"concurrency_id": "render", "concurrency_limit": runs_at_once}
    begun = ran.run.click(running.begin, [visit], shows, queue=False, **hidden)
    again = unfinished.go_on.click(partial(gr.Tabs, selected="fusion"), None, tabs, queue=False, **hidden)
    again = again.then(running.begin, [visit], shows, queue=False, **hidden)
    runs = [
        begun.then(run, [own, *switches, *sources.inputs], shows, **slow),
        again.then(go_on, [own, unfinished.job, *sources.inputs], shows, **slow),
    ]
    for event in runs:
        event.success(None, js=scroll_to("fusion-results", "fusion-status"))
        event.failure(running.fail, [visit], shows, **hidden)
    ran.stop.click(running.stop, [visit, unfinished.job], shows, queue=False, cancels=runs, **hidden)
    kept: list[Any] = [unfinished.job, unfinished.row]
    unfinished.forget.click(running.give_up, unfinished.job, kept, queue=False, **hidden)
    page.load(running.offer, unfinished.job, unfinished.row, queue=False, **hidden)
