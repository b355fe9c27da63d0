"""A vision-language model on this machine, through transformers."""

from __future__ import annotations

import io
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from avfusion.segmentation.pretrained import load_model, load_processor

_LONGEST_ANSWER_TOKENS = 1500


class LocalModel:
    """Any model of the package's kind "image-text-to-text" on its device. It answers with the likeliest word each time,
    so that the same question has the same answer."""

    def __init__(self, name: str, model: Any, processor: Any) -> None:
        self.name = name
        self._model = model
        self._processor = processor

    def answer(self, words: str, pictures: Sequence[bytes], wait_s: float, stop: threading.Event) -> str:
        """When `wait_s` are over or `stop` is set, it stops at the next word; what it said until then is no answer."""
        import torch
        from transformers import StoppingCriteriaList

        inputs = self._inputs(words, pictures)
        with torch.inference_mode():
            out = self._model.generate(
                **inputs,
                do_sample=False,
                max_new_tokens=_LONGEST_ANSWER_TOKENS,
                stopping_criteria=StoppingCriteriaList([_when(stop)]),
            )
        said = out[:, inputs["input_ids"].shape[1] :]
        text: str = self._processor.batch_decode(said, skip_special_tokens=True)[0]
        return text

    def _inputs(self, words: str, pictures: Sequence[bytes]) -> Any:
        from PIL import Image

        shown = [{"type": "image", "image": Image.open(io.BytesIO(each)).convert("RGB")} for each in pictures]
        messages = [{"role": "user", "content": [*shown, {"type": "text", "text": words}]}]
        return self._processor.apply_chat_template(
            messages, add_generation_prompt=True, tokenize=True, return_dict=True, return_tensors="pt"
        ).to(self._model.device, self._model.dtype)


def _when(stop: threading.Event) -> Any:
    import torch
    from transformers import StoppingCriteria

    class When(StoppingCriteria):
        def __call__(self, input_ids: Any, scores: Any, **kwargs: Any) -> Any:
            return torch.full((input_ids.shape[0],), stop.is_set(), dtype=torch.bool, device=input_ids.device)

    return When()


def load_local(folder: Path, *, name: str, device: str) -> LocalModel:
    """From a folder as the hub hands it out. Raises CannotRead and EngineNotReady."""
    model = load_model(folder, "AutoModelForImageTextToText", device)
    return LocalModel(name, model, load_processor(folder, "AutoProcessor"))
