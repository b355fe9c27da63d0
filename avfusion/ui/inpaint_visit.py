"""One visitor in the Inpaint tab: their picture or clip, what should go, and masks that they brought themselves."""

from __future__ import annotations

from avfusion.pipelines.track import Tracking
from avfusion.ui.span import covers
from avfusion.ui.visit import Made, TrackOf, Visit
from avfusion.ui.words import Wording


class InpaintVisit(Visit):
    """A visit that also keeps masks that were given, as files or by another tab: they hold while nothing is clicked."""

    wording = Wording("Click what should go, draw a box round it, or paint over it.", "on it", "beside it")

    def __init__(self) -> None:
        super().__init__()
        self.given: Made | None = None
        self.has_arrived = False

    def __deepcopy__(self, memo: object) -> InpaintVisit:
        """Gradio begins each session with a copy of what the page was built with: an empty visit of its own."""
        return InpaintVisit()

    def forget(self) -> None:
        super().forget()
        with self.lock:
            self.given = None

    def give(self, made: Made) -> None:
        """Takes masks for what the visitor says should go."""
        with self.lock:
            self.given = made
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
