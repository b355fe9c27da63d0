"""One visitor in the Inpaint tab: their picture or clip, what should go, and masks that they brought themselves."""

from __future__ import annotations

from avfusion.pipelines.track import Tracking
from avfusion.ui.visit import Made, TrackOf, Visit
from avfusion.ui.words import Wording


class InpaintVisit(Visit):
    """A visit that also keeps masks that were given as files: they hold as long as nothing else is clicked."""

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
        """Takes masks of the whole clip for what the visitor says should go."""
        with self.lock:
            self.given = made
            self.keep_track(made.made_from, made.tracking)

    def track_for(self, wanted: TrackOf) -> Tracking | None:
        """As in every visit; given masks are right whatever engines are chosen."""
        with self.lock:
            if self.given is not None and wanted.prompts == self.given.made_from.prompts:
                return self.given.tracking
            return super().track_for(wanted)
