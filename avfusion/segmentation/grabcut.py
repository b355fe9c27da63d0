"""The engine `grabcut`: clicks, strokes and boxes to masks with nothing learnt beforehand.

The log of prompts is played (`playing`). What a first click or a box points at is decided on small regions
(`candidates`), what a later click corrects too (`corrections`); the outline is found by GrabCut (C. Rother,
V. Kolmogorov and A. Blake, "GrabCut: Interactive Foreground Extraction using Iterated Graph Cuts", SIGGRAPH 2004, as
OpenCV has it) in a band around the regions' outline (`outline`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from avfusion.clip import Mask, Prompt, Rgb
from avfusion.errors import MaskSizeMismatch
from avfusion.segmentation import Motion, Segmented
from avfusion.segmentation.finding import Finder, FinderSettings
from avfusion.segmentation.hints import check
from avfusion.segmentation.playing import Play
from avfusion.segmentation.scene import Scene


@dataclass(frozen=True)
class GrabCutSettings:
    """region_side_px: longer side of the picture that is split into regions about spacing_px apart."""

    region_side_px: int = 256
    spacing_px: int = 7
    finder: FinderSettings = field(default_factory=FinderSettings)


class GrabCut:
    """The engine. Deterministic; holds nothing between pictures."""

    name = "grabcut"

    def __init__(self, settings: GrabCutSettings | None = None) -> None:
        self._settings = settings or GrabCutSettings()

    def segment(
        self,
        rgb: Rgb,
        prompts: Sequence[Prompt],
        *,
        prior: Mapping[int, Mask] | None = None,
        motion: Motion | None = None,
    ) -> Segmented:
        """Masks of a picture uint8 [H, W, 3]. Clicked pixels and strokes are honoured to the pixel.

        Each prompt corrects what those before it gave; one that already holds changes nothing. Drawn masks are taken
        as they are. Objects of the prior that no prompt names come back too if they lost pixels.
        """
        height, width = rgb.shape[:2]
        known = prior or {}
        check(prompts, height, width, self.name, known)
        for number, mask in known.items():
            if mask.shape != (height, width):
                theirs, ours = (f"{shape[1]}x{shape[0]}" for shape in (mask.shape, (height, width)))
                raise MaskSizeMismatch(f"what is known of object {number} is {theirs}, the picture is {ours}")
        scene = Scene(rgb, motion, side_px=self._settings.region_side_px, spacing_px=self._settings.spacing_px)
        play = Play(Finder(scene, self._settings.finder), (height, width), known)
        for prompt in prompts:
            play.tell(prompt)
        named = {prompt.object for prompt in prompts}
        told = {number: known for number, known in play.objects.items() if number in named or known.changed}
        masks = {number: known.mask for number, known in told.items()}
        return Segmented(masks, {number: known.confidence for number, known in told.items()})
