"""One visitor in the Sounding tab: their clip, and what was found in it."""

from __future__ import annotations

from avfusion.ui.sounding_making import Found
from avfusion.ui.visit import Visit


class SoundingVisit(Visit):
    """A visit that keeps what the last run found. results: how many runs came to an end."""

    def __init__(self) -> None:
        super().__init__()
        self.found: Found | None = None
        self.has_arrived = False
        self.results = 0

    def __deepcopy__(self, memo: object) -> SoundingVisit:
        """Gradio begins each session with a copy of what the page was built with: an empty visit of its own."""
        return SoundingVisit()

    def forget(self) -> None:
        super().forget()
        with self.lock:
            self.found = None
