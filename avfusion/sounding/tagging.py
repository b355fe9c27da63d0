"""What is heard, by name: an audio tagger over a whole sound.

Y. Gong et al., "AST: Audio Spectrogram Transformer", Interspeech 2021, taught on the 527 names of AudioSet; through
transformers. It stands where AL-Ref-SAM 2 has two taggers of the family BEATs, which are not in transformers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from avfusion.clip import Sound
from avfusion.segmentation.pretrained import load_model, load_processor
from avfusion.segmentation.torch_device import halved
from avfusion.voice.one_channel import Wave, heard

SILENCE = "Silence"
LIKELY = 5
"""Names that are taken from each window: AL-Ref-SAM 2's number."""

_FAINT = 0.02
# Shorter than one frame of the spectrogram there is nothing to see.
_SHORTEST_S = 0.1


@dataclass(frozen=True)
class Tag:
    """A name of AudioSet, and how likely it is that it is heard somewhere, 0..1."""

    name: str
    probability: float


class Tagger(Protocol):
    def tags(self, sound: Sound, waiting: Callable[[], None] = ...) -> tuple[Tag, ...]:
        """What is heard, the likeliest first; silence is nothing. waiting: called between windows; it may raise."""
        ...


class AstTagger:
    """AST on its device. Windows of as long as it was taught on (10.24 s) follow each other, the last one shorter."""

    def __init__(self, model: Any, extractor: Any) -> None:
        self._model = model
        self._extractor = extractor

    def tags(self, sound: Sound, waiting: Callable[[], None] = lambda: None) -> tuple[Tag, ...]:
        wave = heard(sound, self._extractor.sampling_rate)
        names = [self._model.config.id2label[number] for number in range(self._model.config.num_labels)]
        best: dict[str, float] = {}
        for window in self._windows(wave):
            waiting()
            if not window.any():
                continue
            likely = self.probabilities(window)
            for number in np.argsort(-likely, kind="stable")[: LIKELY + 1].tolist():
                if names[number] != SILENCE and likely[number] >= _FAINT:
                    best[names[number]] = max(best.get(names[number], 0.0), float(likely[number]))
        return tuple(Tag(name, best[name]) for name in sorted(best, key=lambda name: -best[name]))

    def probabilities(self, window: Wave) -> NDArray[np.float32]:
        """float32 [names], each for itself. window: at the extractor's rate; no longer than it hears."""
        import torch

        shortest = round(_SHORTEST_S * self._extractor.sampling_rate)
        window = np.pad(window, (0, max(0, shortest - window.size)))
        inputs = self._extractor(window, sampling_rate=self._extractor.sampling_rate, return_tensors="pt")
        with torch.inference_mode(), halved(self._model.device):
            logits = self._model(**inputs.to(self._model.device)).logits[0].float()
        out: NDArray[np.float32] = logits.sigmoid().cpu().numpy()
        return out

    def _windows(self, wave: Wave) -> list[Wave]:
        # One spectrum every 10 ms.
        length = self._extractor.max_length * self._extractor.sampling_rate // 100
        return [wave[start : start + length] for start in range(0, wave.size, length)]


def load_ast(folder: Path, *, device: str) -> AstTagger:
    """From a folder of the hub. Raises CannotRead and EngineNotReady."""
    return AstTagger(
        load_model(folder, "ASTForAudioClassification", device), load_processor(folder, "ASTFeatureExtractor")
    )
