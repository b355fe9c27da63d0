"""The prompt "what sounds" -> prompts that say where that is: what the engines for masks understand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from avfusion.clip import Clip, Prompt, Sounding
from avfusion.engines.registry import Settled
from avfusion.errors import NothingFound, PromptOutside
from avfusion.pipelines.keep import Keep
from avfusion.pipelines.locate_gate import sure_on_frames
from avfusion.pipelines.locate_settings import LocateSettings
from avfusion.pipelines.locate_sources import Sought, seek
from avfusion.pipelines.progress import OnProgress, ShouldStop
from avfusion.pipelines.prompts import check
from avfusion.sounding import Source, Wish


@dataclass(frozen=True, eq=False)
class Placed:
    """A log of prompts in which nothing is told by its sound. used: the engine that listened, if one had to."""

    prompts: tuple[Prompt, ...]
    used: Mapping[str, Settled] = field(default_factory=dict)
    stages_s: Mapping[str, float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def placed(
    clip: Clip,
    prompts: Sequence[Prompt],
    *,
    folder: Path,
    locator: str = "auto",
    device: str = "auto",
    span: tuple[int, int],
    keep: Keep | None = None,
    on_progress: OnProgress | None = None,
    should_stop: ShouldStop | None = None,
) -> Placed:
    """Puts a source's own prompts in the place of every `Sounding`; the rest of the log stays as it is.

    An object gets the surest source that sounds at every frame that its prompts name and that no object has got
    before; frame 0 names none. Objects that name frames come first, then those with lower numbers. Sources are looked
    for in frames start..stop-1. Raises `NothingFound`, `PromptOutside`, `CannotRead` (no sound), and what engines
    raise.
    """
    asked = _asked(clip, prompts, span)
    if not asked:
        return Placed(tuple(prompts))
    settings = LocateSettings()
    settings = replace(settings, sources=max(settings.sources, len(asked)))
    sought = seek(
        clip, Wish(sources=settings.sources), folder=folder, engine=locator, device=device, span=span, keep=keep,
        on_progress=on_progress, should_stop=should_stop,
    )  # fmt: skip
    chosen = _chosen(clip, asked, sought, span, settings)
    notes = [
        f"Object {number} is what makes the sound"
        f"{f' ({source.name})' if source.name else ''}: {source.confidence:.0%} sure."
        for number, source in sorted(chosen.items())
    ]
    return Placed(
        tuple(_replaced(prompts, chosen)), {"sounding": sought.settled}, sought.stages_s,
        (*sought.notes, *notes, *sought.sources.notes),
    )  # fmt: skip


def _asked(clip: Clip, prompts: Sequence[Prompt], span: tuple[int, int]) -> dict[int, set[int]]:
    """object -> the frames at which it has to sound, in the order in which they choose."""
    asked: dict[int, set[int]] = {}
    for prompt in prompts:
        if isinstance(prompt, Sounding):
            check(clip, prompt)
            frames = asked.setdefault(prompt.object, set())
            if prompt.frame:
                if not span[0] <= prompt.frame < span[1]:
                    raise PromptOutside(
                        f"{clip.path}: what sounds at frame {prompt.frame} is not looked for: "
                        f"only frames {span[0]} to {span[1] - 1} are taken."
                    )
                frames.add(prompt.frame)
    return dict(sorted(asked.items(), key=lambda one: (not one[1], one[0])))


def _chosen(
    clip: Clip, asked: Mapping[int, set[int]], sought: Sought, span: tuple[int, int], settings: LocateSettings
) -> dict[int, Source]:
    """object -> its source."""
    sources = sought.sources
    if not sources.found:
        raise NothingFound(
            f"{clip.path}: what makes the sound was not found. {sources.abstained or 'No source was found.'} "
            "Mark the object itself instead: click on it, or --point X,Y."
        )
    free = list(sources.found)
    chosen: dict[int, Source] = {}
    for number, frames in asked.items():
        for source in free:
            sure = sure_on_frames(clip, source, sources.step_s, span)
            if np.all(sure[sorted(frames)] >= settings.sounds_at):
                chosen[number] = source
                free.remove(source)
                break
        else:
            missing = _missing(number, frames, len(sources.found))
            raise NothingFound(f"{clip.path}: {missing} Mark it itself instead: click on it, or --point X,Y.")
    return chosen


def _missing(number: int, frames: set[int], count: int) -> str:
    found = "1 source of sound was found" if count == 1 else f"{count} sources of sound were found"
    if frames:
        names = ", ".join(str(frame) for frame in sorted(frames))
        return f"object {number}: {found}, and none that is free sounds at frame {names}."
    return f"object {number}: only {found}, and other objects have them."


def _replaced(prompts: Sequence[Prompt], chosen: Mapping[int, Source]) -> list[Prompt]:
    """Each source once, where its object is first told by its sound."""
    out: list[Prompt] = []
    done: set[int] = set()
    for prompt in prompts:
        if not isinstance(prompt, Sounding):
            out.append(prompt)
        elif prompt.object not in done:
            done.add(prompt.object)
            out += [replace(own, object=prompt.object) for own in chosen[prompt.object].prompts]
    return out
