"""One picture and prompts to masks: one engine a file.

segmented = GrabCut().segment(frame.rgb, [Point(x=310, y=200), Point(x=90, y=40, keep=False)])
segmented.masks[1]
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeAlias, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from avfusion.clip import Mask, Prompt, Rgb

if TYPE_CHECKING:
    from avfusion.segmentation.segments import Segments

Motion: TypeAlias = NDArray[np.float32]
"""float32 [h, w, 2], of any size: how each place of the picture moves against the camera's own motion, to the right
and downwards, in pixels of the full-size picture from this frame to the next."""


@dataclass(frozen=True, eq=False)
class Segmented:
    """What an engine found in one picture, by object number.

    masks: bool [H, W] each, never overlapping. confidence: 0..1 each.
    """

    masks: Mapping[int, Mask]
    confidence: Mapping[int, float]


class Segmenter(Protocol):
    """A segmentation engine."""

    @property
    def name(self) -> str: ...

    def segment(
        self,
        rgb: Rgb,
        prompts: Sequence[Prompt],
        *,
        prior: Mapping[int, Mask] | None = None,
        motion: Motion | None = None,
    ) -> Segmented:
        """Masks of all objects that the prompts name in this one picture; the prompts' frame numbers are ignored.

        prior: bool [H, W] by object number, what was taken for the object before these prompts: they correct it, and
        an object that has one needs nothing to keep. A box starts its object anew. Objects of the prior that lost
        pixels to those named may come back too. motion: how the picture moves.
        Raises NoPrompt (nothing to keep for an object), PromptOutside, MaskSizeMismatch (a drawn mask of another
        size), NothingFound, and UsageError for a kind of prompt that the engine does not understand.
        """
        ...


@runtime_checkable
class Parser(Protocol):
    """An engine that can say everything that is in a picture, without prompts."""

    def segments(self, rgb: Rgb) -> Segments: ...
