"""When each of several things is heard, second by second, by how alike sound and words are.

AL-Ref-SAM 2 (S. Huang et al., AAAI 2025) asks LanguageBind, interval by interval, which combination of names fits the
sound best. Here CLAP (Y. Wu et al., "Large-scale Contrastive Language-Audio Pretraining", ICASSP 2023; through
transformers) says how likely each combination is, and two thresholds keep a name from flickering; their way, the best
combination between cuts of the sound, is there too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import combinations, pairwise
from pathlib import Path
from typing import Any, Literal, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from avfusion.clip import Sound
from avfusion.segmentation.pretrained import load_model, load_processor
from avfusion.segmentation.torch_device import halved
from avfusion.voice.one_channel import heard

Way: TypeAlias = Literal["steps", "intervals"]

ON, OFF = 0.5, 0.3
"""A name that is silent is heard from the first share on, one that is heard until it has less than the second."""
CUT_BELOW = 0.5
"""Two steps that are less alike lie on both sides of a cut: AL-Ref-SAM 2's number."""

TOGETHER = 3
"""Names in one combination, at most: more of them at once no model tells apart."""

_AROUND_S = 0.25
_AT_ONCE = 8

_SAID = {
    "dog": "dog barking", "cat": "cat meowing", "gun": "gunshot", "person": "a person speaking",
    "man": "a man speaking", "woman": "a woman speaking", "child": "a child speaking", "boy": "a boy speaking",
    "girl": "a girl speaking", "baby": "a baby crying", "bird": "bird singing", "people": "a crowd of people",
    "lion": "lion roaring", "horse": "horse neighing", "keyboard": "typing on a keyboard", "clock": "clock ticking",
}  # fmt: skip


class Ears(Protocol):
    """A model that puts sounds and words into one space. Rows are float32 of length 1."""

    def sounds(self, sound: Sound, steps: int, step_s: float, waiting: Callable[[], None] = ...) -> NDArray[np.float32]:
        """[steps, d]: each step of the sound; silence after its end. waiting: called now and then; it may raise."""
        ...

    def words(self, sentences: Sequence[str]) -> NDArray[np.float32]:
        """[sentences, d]"""
        ...

    @property
    def scale(self) -> float:
        """What a likeness is multiplied by before shares are taken."""
        ...


class Clap:
    """CLAP on its device."""

    def __init__(self, model: Any, processor: Any) -> None:
        self._model = model
        self._processor = processor

    @property
    def scale(self) -> float:
        return float(self._model.logit_scale_a.detach().exp())

    def sounds(
        self, sound: Sound, steps: int, step_s: float, waiting: Callable[[], None] = lambda: None
    ) -> NDArray[np.float32]:
        import torch

        rate_hz = self._processor.feature_extractor.sampling_rate
        wave = heard(sound, rate_hz)
        edge, step = round(_AROUND_S * rate_hz), round(step_s * rate_hz)
        wave = np.pad(wave, (edge, max(0, steps * step - wave.size) + edge))
        rows = []
        for first in range(0, steps, _AT_ONCE):
            waiting()
            windows = [
                wave[number * step : (number + 1) * step + 2 * edge]
                for number in range(first, min(first + _AT_ONCE, steps))
            ]
            inputs = self._processor.feature_extractor(windows, sampling_rate=rate_hz, return_tensors="pt")
            with torch.inference_mode(), halved(self._model.device):
                found = self._model.get_audio_features(**inputs.to(self._model.device)).pooler_output
            rows.append(found.float().cpu().numpy())
        return np.concatenate(rows)

    def words(self, sentences: Sequence[str]) -> NDArray[np.float32]:
        import torch

        inputs = self._processor.tokenizer(list(sentences), padding=True, truncation=True, return_tensors="pt")
        with torch.inference_mode(), halved(self._model.device):
            found = self._model.get_text_features(**inputs.to(self._model.device)).pooler_output
        rows: NDArray[np.float32] = found.float().cpu().numpy()
        return rows


def gate(ears: Ears, heard_steps: NDArray[np.float32], names: Sequence[str], way: Way = "steps") -> NDArray[np.float32]:
    """float32 [names, steps], 0..1: how sure it is that each is heard; at least `ON` where it counts as heard.

    heard_steps: [steps, d], what `ears` makes of the sound. way: `steps`, each for itself, with two thresholds;
    `intervals`, the best combination of names between two cuts. One name alone is heard all the time.
    """
    if len(names) < 2 or not len(heard_steps):
        return np.ones((len(names), len(heard_steps)), np.float32)
    most = min(len(names), TOGETHER)
    sets = [chosen for count in range(1, most + 1) for chosen in combinations(range(len(names)), count)]
    has = np.zeros((len(sets), len(names)), np.float32)
    for row, chosen in enumerate(sets):
        has[row, list(chosen)] = 1
    said = ears.words(["; ".join(sentence(names[number]) for number in chosen) for chosen in sets])
    if way == "intervals":
        return _best_between_cuts(heard_steps, said, has)
    logits = ears.scale * heard_steps @ said.T
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares = powers / powers.sum(axis=1, keepdims=True) @ has
    return np.stack([held(row) for row in shares.T])


def sentence(name: str) -> str:
    """What a thing is heard doing, as captions of sounds say it."""
    return _SAID.get(name, _plain(name))


def held(shares: NDArray[np.floating]) -> NDArray[np.float32]:
    """Shares [steps] of one name -> float32, raised to `ON` while a name that was heard has at least `OFF` left."""
    out = shares.astype(np.float32)
    is_on = False
    for step, share in enumerate(shares.tolist()):
        is_on = share >= (OFF if is_on else ON)
        if is_on:
            out[step] = max(share, ON)
    return out


def intervals(heard_steps: NDArray[np.float32]) -> list[tuple[int, int]]:
    """Steps [d] -> (start, stop) of stretches in which each is like the one before."""
    alike = (heard_steps[1:] * heard_steps[:-1]).sum(axis=1)
    cuts = [0, *(np.flatnonzero(alike < CUT_BELOW) + 1).tolist(), len(heard_steps)]
    return list(pairwise(cuts))


def _best_between_cuts(
    heard_steps: NDArray[np.float32], said: NDArray[np.float32], has: NDArray[np.float32]
) -> NDArray[np.float32]:
    out = np.zeros((has.shape[1], len(heard_steps)), np.float32)
    for start, stop in intervals(heard_steps):
        best = int((heard_steps[start:stop].mean(axis=0) @ said.T).argmax())
        out[:, start:stop] = has[best][:, None]
    return out


def nearest(ears: Ears, name: str, names: Sequence[str]) -> tuple[str, float]:
    """Which of the names is most like another one by its words, and how like, 0..1; the same word is wholly like."""
    for other in names:
        if _plain(other) == _plain(name):
            return other, 1.0
    rows = ears.words([sentence(each) for each in (name, *names)])
    alike = rows[1:] @ rows[0]
    best = int(alike.argmax())
    return names[best], float(np.clip(alike[best], 0, 1))


def _plain(name: str) -> str:
    return " ".join(name.lower().replace("-", " ").replace("_", " ").split())


def load_clap(folder: Path, *, device: str) -> Clap:
    """From a folder of the hub. Raises CannotRead and EngineNotReady."""
    return Clap(load_model(folder, "ClapModel", device), load_processor(folder, "ClapProcessor"))
