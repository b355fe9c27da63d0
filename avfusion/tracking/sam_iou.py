"""The engine `sam-iou`: SAM's masks of each frame, matched by overlap to where the objects should be.

The method of A. Hashemi, "AVFS: Audio-Visual Fusion Suite" (arXiv 2401.05379), made right. There every mask of a frame
that overlaps the last one at all may become the object, whichever is compared last. Here:

1. Each object is expected where its motion takes it.
2. SAM is asked for what is there: in the box of what is expected, on its middle, and both together. `exhaustive` does
   as the paper did, and takes all masks of the picture instead.
3. The mask with the greatest overlap with what is expected is the object, if that and its colours suffice; the order of
   masks does not matter. Where two objects should be, each mask is shared out first.
4. Else the object is hidden: nothing is shown, it goes on as it went, and it is looked for around that place, further
   with every frame, by its colours and its shape.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import cv2
import numpy as np

from avfusion.clip import Box, Frame, Mask, Point, Rgb
from avfusion.errors import MaskSizeMismatch, NoPrompt
from avfusion.segmentation.asked import Asked
from avfusion.segmentation.promptable import Promptable
from avfusion.segmentation.sam import load_sam
from avfusion.tracking import Example, Tracked
from avfusion.tracking.flow import coarse_picture
from avfusion.tracking.motion import background_motion, coarse_flow
from avfusion.tracking.plate import Plate
from avfusion.tracking.pursued import Limits, Pursued, Sighting
from avfusion.tracking.scene import Scene

_ROOM = 0.05
"""A box is asked for with this share of its size as room on each side."""


@dataclass(frozen=True)
class SamIouSettings:
    """exhaustive: match all masks that SAM finds in a picture, as the paper did, not those it gives for each object."""

    exhaustive: bool = False
    limits: Limits = field(default_factory=Limits)


class SamIou:
    """The engine. Deterministic."""

    name = "sam-iou"

    def __init__(self, sam: Promptable, settings: SamIouSettings | None = None) -> None:
        self._sam = sam
        self._settings = settings or SamIouSettings()

    def exhaustively(self) -> SamIou:
        """The same engine, with all masks of each picture."""
        return SamIou(self._sam, replace(self._settings, exhaustive=True))

    def begin(self, frame: Frame, masks: Mapping[int, Mask], sure: Sequence[Example] = ()) -> SamIouState:
        """Starts from known masks bool [H, W] by object number. Raises MaskSizeMismatch and NoPrompt."""
        _check(frame, masks)
        return SamIouState(self._sam, frame, masks, self._settings)


class SamIouState:
    """One clip followed in one direction of time."""

    def __init__(self, sam: Promptable, frame: Frame, masks: Mapping[int, Mask], settings: SamIouSettings) -> None:
        self._sam, self._settings = sam, settings
        self._targets = {
            number: Pursued(frame.rgb, mask, settings.limits) for number, mask in sorted(masks.items()) if mask.any()
        }
        self._objects = tuple(masks)
        self._last, self._coarse = frame, coarse_picture(frame)

    def step(self, frame: Frame) -> Tracked:
        """Masks on the next frame. Raises MaskSizeMismatch when it has another size than the last."""
        if frame.yuv[0].shape != self._last.yuv[0].shape:
            raise MaskSizeMismatch(f"frame {frame.index} has another size than the frame before it; start anew there")
        scene = self._scene(frame)
        for target in self._targets.values():
            target.predict(scene)
        everything = [found.mask for found in self._sam.everything(frame.rgb)] if self._settings.exhaustive else None
        sightings = self._sighted(frame.rgb, everything)
        nowhere = np.zeros(frame.yuv[0].shape, bool)
        masks, confidence = dict.fromkeys(self._objects, nowhere), dict.fromkeys(self._objects, 0.0)
        taken = nowhere
        for number in sorted(sightings, key=lambda number: (-sightings[number].fit, number)):
            masks[number] = sightings[number].mask & ~taken
            taken = taken | masks[number]
        for number in sorted(self._targets.keys() - sightings.keys()):
            found = self._elsewhere(frame.rgb, self._targets[number], everything, taken)
            if found is not None:
                sightings[number], masks[number] = found, found.mask & ~taken
                taken = taken | masks[number]
        for number, target in self._targets.items():
            if masks[number].any():
                confidence[number] = target.take(frame.rgb, sightings[number], masks[number])
            else:
                target.miss()
        self._last, self._coarse = frame, scene.coarse
        return Tracked(masks, confidence)

    def correct(self, masks: Mapping[int, Mask], *, turns: bool) -> bool:
        """Takes over masks for the frame of the last step; False where they are of other objects.

        turns: from here on the frames come in the other direction of time.
        """
        if set(masks) != set(self._targets) or not all(mask.any() for mask in masks.values()):
            return False
        for number, target in self._targets.items():
            target.correct(self._last.rgb, masks[number], turns=turns)
        return True

    def _scene(self, frame: Frame) -> Scene:
        coarse = coarse_picture(frame)
        flow = coarse_flow(np.ascontiguousarray(coarse[..., 0]), np.ascontiguousarray(self._coarse[..., 0]))
        height, width = coarse.shape[:2]
        expected = np.logical_or.reduce(
            [np.zeros(frame.yuv[0].shape, bool), *(target.expected for target in self._targets.values())]
        )
        covered = (
            cv2.resize(expected.view(np.uint8) * np.uint8(255), (width, height), interpolation=cv2.INTER_AREA) > 25
        )
        background = background_motion(flow, covered)
        return Scene(self._last, frame, coarse, self._coarse, flow, background, Plate(coarse, covered))

    def _sighted(self, rgb: Rgb, everything: Sequence[Mask] | None) -> dict[int, Sighting]:
        """Objects that are where they should be, by number."""
        found: dict[int, Sighting] = {}
        for number, target in self._targets.items():
            others = np.zeros(rgb.shape[:2], bool)
            for other, its in self._targets.items():
                if other != number and not its.is_hidden:
                    others |= its.expected
            masks = self._asked(rgb, target.expected) if everything is None else everything
            sighting = target.sighted(rgb, masks, others)
            if sighting is not None:
                found[number] = sighting
        return found

    def _elsewhere(self, rgb: Rgb, target: Pursued, everything: Sequence[Mask] | None, taken: Mask) -> Sighting | None:
        """An object that is not where it should be."""
        if everything is not None:
            return target.elsewhere(rgb, everything, taken)
        asked = [mask for guess in target.guesses(rgb) for mask in self._asked(rgb, guess)]
        return target.elsewhere(rgb, asked, taken)

    def _asked(self, rgb: Rgb, expected: Mask) -> list[Mask]:
        """What SAM sees in the box of a mask, on its middle, and both together; the first time on a picture costs most.

        The mask itself is not handed in: what comes back is then much like it, whether it is there or not.
        """
        if not expected.any():
            return []
        box, middle = _box_of(expected), _deepest(expected)
        asked = (Asked(box=box), Asked(box=box, clicks=(middle,)), Asked(clicks=(middle,)))
        return [mask for one in asked for mask in self._sam.decode(rgb, one).masks if mask.any()]


def load_sam_iou(path: Path, *, device: str) -> SamIou:
    """The engine, from a checkpoint file of SAM's authors. Raises CannotRead."""
    return SamIou(load_sam(path, name=SamIou.name, device=device))


def _box_of(mask: Mask) -> Box:
    x, y, width, height = cv2.boundingRect(mask.view(np.uint8))
    across, down = _ROOM * width, _ROOM * height
    picture_height, picture_width = mask.shape
    return Box(
        max(0.0, x - across), max(0.0, y - down),
        min(float(picture_width), x + width + across), min(float(picture_height), y + height + down),
    )  # fmt: skip


def _deepest(mask: Mask) -> Point:
    """The pixel that is furthest from the outline."""
    depth = cv2.distanceTransform(np.pad(mask.view(np.uint8), 1), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)[1:-1, 1:-1]
    y, x = np.unravel_index(int(depth.argmax()), depth.shape)
    return Point(float(x), float(y))


def _check(frame: Frame, masks: Mapping[int, Mask]) -> None:
    height, width = frame.yuv[0].shape
    if not any(mask.any() for mask in masks.values()):
        raise NoPrompt(f"no mask on frame {frame.index} shows an object to follow; draw or click one first")
    for number, mask in masks.items():
        if mask.shape != (height, width):
            raise MaskSizeMismatch(
                f"the mask of object {number} is {mask.shape[1]}x{mask.shape[0]}, "
                f"frame {frame.index} is {width}x{height}; give a mask of the frame's size"
            )
