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

    def __deepcopy__(self, memo: object) -> FusionVisit:
        """Gradio begins each session with a copy of what the page was built with."""
        return FusionVisit()
