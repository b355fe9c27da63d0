"""Which segmentation engine answers which prompts: words may need another one than clicks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from avfusion.clip import Drawn, Prompt, Words
from avfusion.engines.catalogue import find, of_ability
from avfusion.engines.registry import Settled, settle
from avfusion.engines.state import state
from avfusion.errors import UsageError


@dataclass(frozen=True)
class Segmenters:
    """words: for objects that are described; None where none is. places: for all others, and for clicks that the
    engine for words can do nothing with."""

    words: Settled | None
    places: Settled

    @property
    def used(self) -> Mapping[str, Settled]:
        """What works: `segmentation`, and `words` where another engine is told those."""
        if self.words is None or self.words.engine is self.places.engine:
            return {"segmentation": self.places}
        return {"words": self.words, "segmentation": self.places}

    @property
    def name(self) -> str:
        return " and ".join(settled.engine.name for settled in self.used.values())


def segmenters_for(prompts: Sequence[Prompt], segmenter: str | Segmenters = "auto", device: str = "auto") -> Segmenters:
    """Engines for these prompts. An engine that takes words only leaves clicks to the best one that takes them.

    segmenter: those for a whole log give those for a part of it. Raises `UnknownEngine`, `EngineNotReady`, and
    `UsageError` for words to an engine that does not understand them.
    """
    has_words = any(isinstance(prompt, Words) for prompt in prompts)
    if isinstance(segmenter, Segmenters):
        return segmenter if has_words else replace(segmenter, words=None)
    words = _for_words(segmenter, device) if has_words else None
    if segmenter == "auto" or "clicks" not in find(segmenter, "segmentation").understands:
        return Segmenters(words, settle("segmentation", device=device, understands="clicks"))
    return Segmenters(words, words or settle("segmentation", segmenter, device))


def described(prompts: Sequence[Prompt]) -> set[int]:
    """Numbers of the objects whose words hold at the end of the log: no mask was drawn for them later."""
    numbers: set[int] = set()
    for prompt in prompts:
        if isinstance(prompt, Words):
            numbers.add(prompt.object)
        elif isinstance(prompt, Drawn):
            numbers.discard(prompt.object)
    return numbers


def _for_words(segmenter: str, device: str) -> Settled:
    if segmenter != "auto" and "words" not in find(segmenter, "segmentation").understands:
        rows = [row for row in of_ability("segmentation") if "words" in row.understands]
        names = [row.name for row in rows if state(row).is_ready]
        what = "choose one with --segmenter, or leave it out"
        if not names:
            names = [row.name for row in rows]
            what = f"fetch one first, as in 'avfusion engines pull {names[0]}'"
        raise UsageError(f"{segmenter} does not understand words. These do: {', '.join(names)}; {what}.")
    return settle("segmentation", segmenter, device, understands="words")
