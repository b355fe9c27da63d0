"""One visitor in the Inpaint tab: their picture or clip, what should go, and masks that they brought themselves."""

from __future__ import annotations

from dataclasses import replace

from avfusion.clip import Clip, Drawn, Mask, Prompt
from avfusion.pipelines.remove_doubts import doubt
from avfusion.pipelines.track import Tracking
from avfusion.ui.clicks import Selection
from avfusion.ui.span import covers
from avfusion.ui.visit import Made, TrackOf, Visit
from avfusion.ui.words import Wording

_WORDING = Wording(
    "Click what should go, draw a box round it, or paint over it.", "on it", "beside it",
    after_one="Is a part of it outside the line? Click that too: what is left of it smears.",
)  # fmt: skip


class InpaintVisit(Visit):
    """A visit that also keeps masks that were given, as files or by another tab: they hold while nothing is clicked."""

    def __init__(self) -> None:
        super().__init__()
        self.given: Made | None = None
        self.brought: tuple[Prompt, ...] = ()
        self.has_arrived = False

    def __deepcopy__(self, memo: object) -> InpaintVisit:
        """Gradio begins each session with a copy of what the page was built with: an empty visit of its own."""
        return InpaintVisit()

    def forget(self) -> None:
        super().forget()
        with self.lock:
            self.given, self.brought = None, ()

    def take_over(self, clip: Clip, selection: Selection) -> Clip:
        clip = super().take_over(clip, selection)
        with self.lock:
            self.brought = selection.prompts
        return clip

    @property
    def wording(self) -> Wording:
        """Masks are said to be painted where the visitor painted one here."""
        with self.lock:
            known = {id(prompt) for prompt in self.brought}
            drawn = [prompt for prompt in self.selection.prompts if isinstance(prompt, Drawn)]
        return replace(_WORDING, draws="painted by hand" if any(id(prompt) not in known for prompt in drawn) else "")

    def doubt(self, shown: Mask) -> str:
        """As in every visit; much of what is selected by mistake would take the picture with it."""
        return doubt(shown, self.selection.prompts)

    def give(self, made: Made) -> None:
        """Takes masks for what the visitor says should go."""
        with self.lock:
            self.given, self.brought = made, made.made_from.prompts
            self.keep_track(made.made_from, made.tracking)

    def track_for(self, wanted: TrackOf) -> Tracking | None:
        """As in every visit; given masks are right whatever engines are chosen."""
        with self.lock:
            if self.given is not None and self.clip is not None:
                made_from = self.given.made_from
                holds = covers(made_from.span, wanted.span, self.clip.frame_count)
                if holds and wanted.prompts == made_from.prompts:
                    return self.given.tracking
            return super().track_for(wanted)
