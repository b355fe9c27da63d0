"""The Fusion tab: what was set in the other tabs, in one run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
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
    tab: gr.Tab, tabs: gr.Tabs, clips: Target, background: Source, inpaint: Source, voice: Source, *, runs_at_once: int
) -> None:
    """The tab's widgets, then its wires. Called inside the tab, when the tabs it takes from are there.

    clips: where a clip that is given here goes: the tab Background.
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
    _wire_run(own, background.visit, sources, changes, ran, result, runs_at_once=runs_at_once)


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


def _wire_run(
    own: gr.State, visit: gr.State, sources: Sources, changes: ChangesPart, ran: RunPart, result: ResultPart, *,
    runs_at_once: int,
) -> None:  # fmt: skip
    shows = [*ran.shows, *result.shows]
    switches: list[Any] = [
        changes.background.switch, changes.remove.switch, changes.removed, changes.voice.switch, ran.format,
    ]  # fmt: skip

    def run(
        fused: FusionVisit, background: bool, remove: bool, removed: list[str], voice: bool, ending: str, *values: Any
    ) -> Iterator[running.Shown]:
        wish = Switches(background, remove, tuple(removed), voice, ending)
        yield from running.run(fused, sources.read(values), wish)

    hidden: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
    slow: dict[str, Any] = hidden | {"concurrency_id": "render", "concurrency_limit": runs_at_once}
    begun = ran.run.click(running.begin, [visit], shows, queue=False, **hidden)
    event = begun.then(run, [own, *switches, *sources.inputs], shows, **slow)
    event.success(None, js=scroll_to("fusion-results", "fusion-status"))
    event.failure(running.fail, [visit], shows, **hidden)
    ran.stop.click(running.stop, [visit], ran.shows, queue=False, cancels=[event], **hidden)
