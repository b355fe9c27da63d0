"""What a located thing is called: its masked pictures against names, by CLIP.

namer = load_clip_namer(folder, name="clip-vit-b16", device="cpu")
named = namer.call([(rgb, mask), ...], ["dog", "cat"], objectness=0.8)

A. Radford et al., "Learning Transferable Visual Models From Natural Language Supervision", ICML 2021; on masked crops
as R. Guo et al., "Open-Vocabulary Audio-Visual Semantic Segmentation", ACM MM 2024, do it, and beyond them multiplied
by how sure the localiser is, which they learn and do not use.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from avfusion.clip import Mask, Rgb
from avfusion.datasets.classes import BACKGROUND, CLASSES
from avfusion.errors import UsageError
from avfusion.segmentation.pretrained import load_model, load_processor
from avfusion.segmentation.torch_device import halved

TEMPLATES = (
    "a photo of a {}.",
    "This is a photo of a {}",
    "There is a {} in the scene",
    "There is the {} in the scene",
    "a photo of a {} in the scene",
    *(f"a photo of a {size} {{}}." for size in ("small", "medium", "large")),
    *(f"This is a photo of a {size} {{}}." for size in ("small", "medium", "large")),
    *(f"There is a {size} {{}} in the scene." for size in ("small", "medium", "large")),
)
"""The 14 sentences of X. Gu et al., "Open-vocabulary Object Detection via Vision and Language Knowledge Distillation",
ICLR 2022 (ViLD), in the shorter of their lists."""

NAMES = tuple(name for name in CLASSES if name != BACKGROUND)
"""Where nobody says which names there are: the 70 of AVSBench-semantic."""

VIEWS_AT_MOST = 10
"""Pictures of one thing that are looked at; more of the same clip say the same."""


@dataclass(frozen=True)
class Named:
    """name: the likeliest of `names`. confidence: 0..1, its share among them times how sure it is that there is a
    thing at all. shares: of each name, in order; they add up to 1. Without a view of the thing the name is ""."""

    name: str
    confidence: float
    names: tuple[str, ...]
    shares: tuple[float, ...]


@runtime_checkable
class Namer(Protocol):
    """A naming engine."""

    @property
    def name(self) -> str: ...

    def call(self, views: Iterable[tuple[Rgb, Mask]], labels: Sequence[str] = (), *, objectness: float = 1.0) -> Named:
        """The name of one thing. views: pictures and where it is in them, bool [H, W]; empty masks do not count, nor
        more than `VIEWS_AT_MOST` others. labels: the names there are; none for `NAMES`. objectness: 0..1, how sure it
        is that the thing is one. Raises UsageError for a label without a letter."""
        ...


class ClipNamer:
    """CLIP on its device. The texts of the last labels are remembered."""

    def __init__(self, name: str, model: Any, processor: Any) -> None:
        self.name = name
        self._model = model
        self._processor = processor
        self._known: tuple[tuple[str, ...], Any] | None = None

    def call(self, views: Iterable[tuple[Rgb, Mask]], labels: Sequence[str] = (), *, objectness: float = 1.0) -> Named:
        names = tuple(dict.fromkeys(labels)) or NAMES
        if blank := [label for label in names if not any(letter.isalnum() for letter in label)]:
            raise UsageError(f"{blank[0]!r} is no name for anything; give names as in --labels dog,cat")
        logits: list[NDArray[np.float32]] = []
        for rgb, mask in views:
            if mask.any() and len(logits) < VIEWS_AT_MOST:
                logits.append(self._logits(alone(rgb, mask), names))
        if not logits:
            return Named("", 0.0, names, (0.0,) * len(names))
        shares = softmax(np.mean(logits, axis=0))
        best = int(shares.argmax())
        return Named(names[best], float(shares[best]) * objectness, names, tuple(shares.tolist()))

    @property
    def size_px(self) -> int:
        """Width and height of the squares that it sees."""
        size: int = self._model.config.vision_config.image_size
        return size

    def likeness(self, squares: Any, names: tuple[str, ...]) -> Any:
        """float32 [N, names], a tensor: of squares, [N, 3, size_px, size_px] in 0..1, to each name, in the unit that
        CLIP takes shares in."""
        import torch

        processor = self._processor.image_processor
        mean, deviation = (
            torch.tensor(values, device=self._model.device)[:, None, None]
            for values in (processor.image_mean, processor.image_std)
        )
        return self._compared((squares.to(self._model.device) - mean) / deviation, names)

    def _logits(self, square: Rgb, names: tuple[str, ...]) -> NDArray[np.float32]:
        """float32 [names]."""
        pixels = self._processor(images=square, return_tensors="pt")["pixel_values"].to(self._model.device)
        logits: NDArray[np.float32] = self._compared(pixels, names)[0].cpu().numpy()
        return logits

    def _compared(self, pixels: Any, names: tuple[str, ...]) -> Any:
        import torch

        texts = self._texts(names)
        with torch.inference_mode(), halved(self._model.device):
            seen = self._model.get_image_features(pixel_values=pixels).pooler_output.float()
            scale = self._model.logit_scale.float().exp()
        return scale * _unit(seen) @ texts.T

    def _texts(self, names: tuple[str, ...]) -> Any:
        """float32 [names, d], of length 1: the mean over the sentences."""
        known = self._known  # one look: somebody else may borrow the same engine with other labels
        if known is None or known[0] != names:
            known = self._known = (names, self._embedded(names))
        return known[1]

    def _embedded(self, names: tuple[str, ...]) -> Any:
        import torch

        rows = []
        for name in names:
            sentences = [template.format(spoken(name)) for template in TEMPLATES]
            inputs = self._processor(text=sentences, padding=True, truncation=True, return_tensors="pt")
            with torch.inference_mode(), halved(self._model.device):
                said = self._model.get_text_features(**inputs.to(self._model.device)).pooler_output.float()
            rows.append(_unit(_unit(said).mean(0)))
        return torch.stack(rows)


def spoken(name: str) -> str:
    """ "hair-dryer" -> "hair dryer", as people write it in captions."""
    return " ".join(name.replace("-", " ").replace("_", " ").split())


def alone(rgb: Rgb, mask: Mask) -> Rgb:
    """uint8 [side, side, 3]: the thing on black, in the square whose upper left corner is that of its tight box and
    whose side is the longer one of the box's; black too where the square leaves the picture."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    top, left = int(rows[0]), int(columns[0])
    side = int(max(rows[-1] - top, columns[-1] - left)) + 1
    part = np.s_[top : top + side, left : left + side]
    square = np.zeros((side, side, 3), np.uint8)
    seen = np.where(mask[part][..., None], rgb[part], 0)
    square[: seen.shape[0], : seen.shape[1]] = seen
    return square


def softmax(logits: NDArray[np.floating]) -> NDArray[np.float64]:
    """Shares that add up to 1."""
    powers = np.exp(logits.astype(np.float64) - logits.max())
    shares: NDArray[np.float64] = powers / powers.sum()
    return shares


def _unit(vectors: Any) -> Any:
    return vectors / vectors.norm(dim=-1, keepdim=True)


def load_clip_namer(folder: Path, *, name: str, device: str) -> ClipNamer:
    """The engine of that name, from a folder of the hub. Raises CannotRead and EngineNotReady."""
    return ClipNamer(name, load_model(folder, "CLIPModel", device), load_processor(folder, "CLIPProcessor"))
