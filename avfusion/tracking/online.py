"""The engine `online`: learns this clip's objects from the masks that were given, then follows them with `flow`.

A small network is trained on dreams of the key frames (A. Khoreva et al., "Lucid Data Dreaming", 2017): it is shown the
object over other ground, bent, relit, partly hidden, with a guess that is wrong in the ways a tracker is wrong, and
learns to answer with the truth. While following, `flow`'s belief is the guess, and the network's answer is weighed
with `flow`'s evidence. What is decided goes back into `flow`, so that its errors do not add up. No weights are brought
along: all that is known was learnt from the clip.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from avfusion.clip import Frame, Mask
from avfusion.tracking import Example, Tracked
from avfusion.tracking.appearance import Planes
from avfusion.tracking.flow import FlowSettings, FlowState
from avfusion.tracking.knowledge import known
from avfusion.tracking.learning import LearningSettings, Pupil, lessons
from avfusion.tracking.network import NetworkSettings, Weights, half_precision, run
from avfusion.tracking.window import Field


@dataclass(frozen=True)
class OnlineSettings:
    """surest: the network may say no more than this, in log odds. sure: objects of which one is surer than this
    on a later frame are learnt from there, too.
    """

    learning: LearningSettings = field(default_factory=LearningSettings)
    flow: FlowSettings = field(default_factory=FlowSettings)
    sure: float = 0.5
    surest: float = 6.0


class Online:
    """The engine, before and after learning. It holds no state of any clip but the weights it has learnt."""

    name = "online"

    def __init__(
        self, settings: OnlineSettings | None = None, *, device: str = "cpu", weights: Weights | None = None
    ) -> None:
        self._settings = settings or OnlineSettings()
        self._device = device
        self._weights = weights

    def learn(self, examples: Sequence[Example], *, folder: Path, tell: Callable[[int, int], None]) -> Online:
        """The engine as it is after these examples, the newest last; what is learnt is kept under `folder`.

        tell(done, total) counts steps of learning and may raise to stop: finished states stay, no other trace does.
        """
        weights = known(examples, self._settings.learning, self._device, folder, tell)
        return Online(self._settings, device=self._device, weights=weights)

    def begin(self, frame: Frame, masks: Mapping[int, Mask], sure: Sequence[Example] = ()) -> OnlineState:
        """Starts from known masks bool [H, W] by object number; learns from them first if nothing was learnt yet.

        sure: frames on which the objects are known well. Raises MaskSizeMismatch and NoPrompt.
        """
        return OnlineState(Example(frame, masks), sure, self._weights, self._settings, self._device)


class OnlineState:
    """One clip followed in one direction of time, with weights of its own that go on learning."""

    def __init__(
        self,
        start: Example,
        sure: Sequence[Example],
        weights: Weights | None,
        settings: OnlineSettings,
        device: str,
    ) -> None:
        learning, target = settings.learning, settings.flow.target
        self._learning, self._device = learning, device
        self._sure = settings.sure
        self._eye = Eye(settings, device)
        # The network sees objects at the size at which it learnt them.
        target = replace(target, margin=learning.margin, most_pixels=learning.most_pixels)
        # First, so that what cannot be followed is refused before it is learnt.
        self._flow = FlowState(start.frame, start.masks, replace(settings.flow, target=target), self._eye, sure)
        if weights is None:
            weights = known([start], learning, device, None, lambda done, total: None)
        self._pupil = Pupil(weights, lessons(start, learning, device), learning)
        self._eye.weights = self._pupil.weights
        self._steps = 0

    def step(self, frame: Frame) -> Tracked:
        """Masks on the next frame. Raises MaskSizeMismatch when it has another size than the last."""
        tracked = self._flow.step(frame)
        self._steps += 1
        if self._steps % self._learning.later_every == 0:
            sure = {number: mask for number, mask in tracked.masks.items() if tracked.confidence[number] > self._sure}
            self._pupil.see(lessons(Example(frame, sure), self._learning, self._device))
        return tracked

    def correct(self, masks: Mapping[int, Mask], *, turns: bool) -> bool:
        """As `FlowState.correct`; what the network has learnt stays."""
        return self._flow.correct(masks, turns=turns)


class Eye:
    """The network as `flow` asks it: log odds for one object's window."""

    def __init__(self, settings: OnlineSettings, device: str) -> None:
        self._settings, self._device = settings, device
        self.weights: Weights = {}

    def __call__(self, planes: Planes, guess: Field) -> Field:
        """Log odds float32 [h, w] from Y, U, V uint8 [h, w] and a guess [h, w] in 0..1."""
        import torch

        height, width = guess.shape
        network = self._settings.learning.network
        picture = np.stack([_padded(plane, network) for plane in planes])[None]
        belief = _padded(guess.astype(np.float32), network)[None, None]
        kind = self._device.split(":")[0]
        with torch.inference_mode(), torch.autocast(kind, dtype=torch.bfloat16, enabled=half_precision(kind)):
            odds = run(
                self.weights,
                network,
                torch.from_numpy(picture).to(self._device).float() / 255,
                torch.from_numpy(belief).to(self._device),
            )
        found = odds[0, 0, :height, :width].cpu().numpy()
        return np.clip(found, -self._settings.surest, self._settings.surest)


def _padded(plane: NDArray[Any], network: NetworkSettings) -> NDArray[Any]:
    """With repeated pixels at the right and below, up to sides that the network can halve."""
    bottom, right = (-side % network.stride for side in plane.shape)
    return np.asarray(cv2.copyMakeBorder(plane, 0, bottom, 0, right, cv2.BORDER_REPLICATE))
