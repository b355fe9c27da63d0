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

import cv2
import numpy as np

from avfusion.clip import Frame, Mask
from avfusion.tracking import Example
from avfusion.tracking.appearance import Planes
from avfusion.tracking.flow import FlowSettings, FlowState
from avfusion.tracking.knowledge import known
from avfusion.tracking.learning import LearningSettings
from avfusion.tracking.network import NetworkSettings, Weights, half_precision, run
from avfusion.tracking.window import Field


@dataclass(frozen=True)
class OnlineSettings:
    """surest: the network may say no more than this, in log odds."""

    learning: LearningSettings = field(default_factory=LearningSettings)
    flow: FlowSettings = field(default_factory=FlowSettings)
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

    def begin(self, frame: Frame, masks: Mapping[int, Mask]) -> FlowState:
        """Starts from known masks bool [H, W] by object number; learns from them first if nothing was learnt yet.

        Raises MaskSizeMismatch and NoPrompt.
        """
        # First, so that what cannot be followed is refused before it is learnt.
        eye = Eye(self._settings, self._device)
        learning, target = self._settings.learning, self._settings.flow.target
        # The network sees objects at the size at which it learnt them.
        target = replace(target, margin=learning.margin, most_pixels=learning.most_pixels)
        state = FlowState(frame, masks, replace(self._settings.flow, target=target), eye)
        eye.weights = self._weights or self._learnt(Example(frame, masks))
        return state

    def _learnt(self, example: Example) -> Weights:
        return known([example], self._settings.learning, self._device, None, lambda done, total: None)


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


def _padded(plane: Field, network: NetworkSettings) -> Field:
    """With repeated pixels at the right and below, up to sides that the network can halve."""
    bottom, right = (-side % network.stride for side in plane.shape)
    return np.asarray(cv2.copyMakeBorder(plane, 0, bottom, 0, right, cv2.BORDER_REPLICATE))
