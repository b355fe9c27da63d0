"""One visitor in the Fusion tab: the clip of the result that is shown, and which objects they have been shown."""

from __future__ import annotations

from avfusion.clip import Clip


class FusionVisit:
    """What is not of the other tabs. Their visits hold the clip, the clicks, the voice and all files.

    result_of: the clip that the shown result was made from. offered: keys of objects the visitor was asked about, so
    that a tick they took away stays away. has_arrived: whether the tab has been opened.
    """

    def __init__(self) -> None:
        self.result_of: Clip | None = None
        self.offered: frozenset[str] = frozenset()
        self.has_arrived = False
        self._results = 0

    @property
    def next_place(self) -> str:
        """What the folder of the next result is called: that of the one that is shown stays until there is another."""
        return f"fused-{'ab'[self._results % 2]}"

    def has_result_of(self, clip: Clip | None) -> None:
        """A run came to its end. clip: the one that the visitor has open, if the result was made from it."""
        self.result_of, self._results = clip, self._results + 1

    def __deepcopy__(self, memo: object) -> FusionVisit:
        """Gradio begins each session with a copy of what the page was built with."""
        return FusionVisit()
