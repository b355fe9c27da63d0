"""One visitor in the Fusion tab: what they have been shown there."""

from __future__ import annotations

from avfusion.clip import Clip


class FusionVisit:
    """What is not of the other tabs. Their visits hold the clip, the clicks, the voice and all files.

    shown_with: the clip that was open when the shown result was made. offered: keys of objects the visitor was asked
    about, so that a tick they took away stays away. has_arrived: whether the tab has been opened.
    """

    def __init__(self) -> None:
        self.shown_with: Clip | None = None
        self.offered: frozenset[str] = frozenset()
        self.has_arrived = False
        self._results = 0

    @property
    def next_place(self) -> str:
        """What the folder of the next result is called: that of the one that is shown stays until there is another."""
        return f"fused-{'ab'[self._results % 2]}"

    def has_result_while(self, clip: Clip | None) -> None:
        """A run came to its end. clip: the one that the visitor has open: with it, the result's files go."""
        self.shown_with, self._results = clip, self._results + 1

    def __deepcopy__(self, memo: object) -> FusionVisit:
        """Gradio begins each session with a copy of what the page was built with."""
        return FusionVisit()
