"""The engine `flow`: follows objects in real time by motion and colour, with nothing learnt beforehand.

Each frame, in a window around each object:

1. Optical flow both ways brings the last mask along; where the two disagree it counts less.
2. The picture is compared with a plate of the background, moved by the background's own motion.
3. Each pixel's motion is compared with the background's and with the object's.
4. Its colour is compared with the object's and its surroundings', as seen so far.

Each of these gives log odds; those of 2 and 3 are calibrated on the frame itself, so that in a clip where one of them
says nothing (moving water, a camera close to the object) it has no say. Their weighted sum is smoothed along the
picture's edges.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np

from avfusion.clip import Frame, Mask
from avfusion.errors import MaskSizeMismatch, NoPrompt
from avfusion.tracking import Example, Tracked
from avfusion.tracking.appearance import Appearance, Place
from avfusion.tracking.evidence import Calibration
from avfusion.tracking.motion import background_motion, coarse_flow
from avfusion.tracking.pace import Pace
from avfusion.tracking.plate import Picture, Plate
from avfusion.tracking.scene import Scene
from avfusion.tracking.snapshot import Arrays, restored, snapshot
from avfusion.tracking.target import Eye, Target, TargetSettings
from avfusion.tracking.window import Window, enlarged

COARSE_PX = 432
"""The longer side, at most, of the small picture on which the background is followed."""


@dataclass(frozen=True)
class FlowSettings:
    """How each object is followed; the defaults are for all clips."""

    target: TargetSettings = field(default_factory=TargetSettings)


class Flow:
    """The engine. Deterministic; real time for one object at 854x480 on two cores."""

    name = "flow"

    def __init__(self, settings: FlowSettings | None = None) -> None:
        self._settings = settings or FlowSettings()

    def begin(self, frame: Frame, masks: Mapping[int, Mask], sure: Sequence[Example] = ()) -> FlowState:
        """Starts from known masks bool [H, W] by object number. Raises MaskSizeMismatch and NoPrompt."""
        return FlowState(frame, masks, self._settings, sure=sure)

    def resume(self, state: Arrays, frame: Callable[[int], Frame]) -> FlowState:
        """As `avfusion.tracking.Resumer`."""
        found = restored(state, _KNOWN, frame)
        assert isinstance(found, FlowState)
        return found


class FlowState:
    """One clip followed in one direction of time."""

    def __init__(
        self,
        frame: Frame,
        masks: Mapping[int, Mask],
        settings: FlowSettings,
        eye: Eye | None = None,
        sure: Sequence[Example] = (),
    ) -> None:
        _check(frame, masks)
        self._last = frame
        self._coarse = coarse_picture(frame)
        self._targets = {
            number: Target(number, frame, mask, settings.target, eye, sure) for number, mask in sorted(masks.items())
        }
        self._covered = self._cover(masks)
        self._plate = Plate(self._coarse, self._covered)

    def step(self, frame: Frame) -> Tracked:
        """Masks on the next frame. Raises MaskSizeMismatch when it has another size than the last."""
        if frame.yuv[0].shape != self._last.yuv[0].shape:
            raise MaskSizeMismatch(f"frame {frame.index} has another size than the frame before it; start anew there")
        coarse = coarse_picture(frame)
        flow = coarse_flow(np.ascontiguousarray(coarse[..., 0]), np.ascontiguousarray(self._coarse[..., 0]))
        background = background_motion(flow, self._covered)
        self._plate.move(background)
        scene = Scene(self._last, frame, coarse, self._coarse, flow, background, self._plate)
        for target in self._targets.values():
            target.look(scene)
        masks = self._decided(frame.yuv[0].shape)
        confidence = {number: target.learn(masks) for number, target in self._targets.items()}
        self._covered = self._cover(masks)
        claims = [target.claim(scene) for target in self._targets.values()]
        self._plate.learn(coarse, np.logical_or.reduce([self._covered, *claims]))
        self._last, self._coarse = frame, coarse
        return Tracked(masks, confidence)

    def state(self) -> Arrays:
        """As `avfusion.tracking.Keepable`; only without an eye."""
        return snapshot(self, _KNOWN)

    def correct(self, masks: Mapping[int, Mask], *, turns: bool) -> bool:
        """Takes over masks for the frame of the last step; False where one is of another object or elsewhere.

        turns: from here on the frames come in the other direction of time.
        """
        if set(masks) != set(self._targets) or not all(
            target.may_be(masks[number]) for number, target in self._targets.items()
        ):
            return False
        for number, target in self._targets.items():
            target.correct(masks[number], turns=turns)
        self._covered = self._cover(masks)
        return True

    def _decided(self, shape: tuple[int, int]) -> dict[int, Mask]:
        """Full-size masks: each pixel goes to the likeliest object, if any is likelier than none."""
        masks = {number: np.zeros(shape, bool) for number in self._targets}
        best = np.full(shape, 0.5, np.float32)
        for number, target in self._targets.items():
            rows, columns, probability = enlarged(target.probability, target.window, shape)
            wins = probability > best[rows, columns]
            for other in masks.values():
                other[rows, columns] &= ~wins
            masks[number][rows, columns] = wins
            if len(masks) > 1:
                np.maximum(best[rows, columns], probability, out=best[rows, columns])
        return masks

    def _cover(self, masks: Mapping[int, Mask]) -> Mask:
        """Where any object is on the coarse picture, bool [h, w]."""
        height, width = self._coarse.shape[:2]
        anything = np.logical_or.reduce(list(masks.values())).view(np.uint8)
        return cv2.resize(anything * np.uint8(255), (width, height), interpolation=cv2.INTER_AREA) > 25


_KNOWN = (
    FlowState, Target, TargetSettings, Window, Appearance, Place, Calibration, Pace, Plate,
)  # fmt: skip
"""What makes up a state, but for its frame."""


def coarse_picture(frame: Frame) -> Picture:
    """Y, U, V of the whole frame at no more than COARSE_PX, uint8 [h, w, 3]."""
    luma, blue, red = frame.yuv
    height, width = luma.shape
    # A whole number: at 2, the planes of 4:2:0 colour are taken as they are.
    shrink = -(-max(height, width) // COARSE_PX)
    size = (max(16, -(-width // shrink)), max(16, -(-height // shrink)))
    planes = [
        plane if plane.shape == size[::-1] else cv2.resize(plane, size, interpolation=cv2.INTER_AREA)
        for plane in (luma, blue, red)
    ]
    return np.dstack(planes)


def _check(frame: Frame, masks: Mapping[int, Mask]) -> None:
    height, width = frame.yuv[0].shape
    if not masks or not any(mask.any() for mask in masks.values()):
        raise NoPrompt(f"no mask on frame {frame.index} shows an object to follow; draw or click one first")
    for number, mask in masks.items():
        if mask.shape != (height, width):
            raise MaskSizeMismatch(
                f"the mask of object {number} is {mask.shape[1]}x{mask.shape[0]}, "
                f"frame {frame.index} is {width}x{height}; give a mask of the frame's size"
            )
