"""transformers' own unbounded session on the same weights, and small clips to compare on."""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from avfusion.clip import Frame, Mask, Rgb
from avfusion.tracking import sam2_video

HEIGHT, WIDTH = 48, 72


class _Picture:
    def __init__(self, rgb: Rgb) -> None:
        self._rgb = rgb

    def rgb(self) -> Rgb:
        return self._rgb

    def yuv(self) -> tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.uint8]]:
        return self._rgb[..., 0], self._rgb[::2, ::2, 1], self._rgb[::2, ::2, 2]

    def alpha(self) -> None:
        return None


def frame(index: int, shown: int | None = None) -> Frame:
    """Frame `index` of a clip in which spots drift by; shown: the index of the frame whose picture it has."""
    spots = cv2.resize(
        np.random.default_rng(3).integers(0, 256, (6, 34, 3), np.uint8), (400, HEIGHT), interpolation=cv2.INTER_CUBIC
    )
    at = (index if shown is None else shown) * 2 % (400 - WIDTH)
    return Frame(index, Fraction(index, 25), _Picture(np.ascontiguousarray(spots[:, at : at + WIDTH])))


def square(number: int) -> Mask:
    """Where object 1, 2, ... is at first; they overlap here and there."""
    mask = np.zeros((HEIGHT, WIDTH), bool)
    top, left = 3 * (number - 1), 6 * (number - 1)
    mask[top + 5 : top + 20, left + 4 : left + 22] = True
    return mask


class Session:
    """Everything is kept, objects are looked at one by one: the reference."""

    def __init__(self, model: Any, processor: Any) -> None:
        self._model, self._processor = model, processor
        self.kept = processor.init_video_session(inference_device="cpu", dtype=model.dtype)

    def know(self, one: Frame, masks: Mapping[int, Mask]) -> torch.Tensor:
        """Masks that the user gives: a conditioning frame, whether it was tracked before or not."""
        for number in masks:
            place = self.kept.obj_id_to_idx(number)
            self.kept.frames_tracked_per_obj[place].pop(one.index, None)
            self.kept.output_dict_per_obj[place]["non_cond_frame_outputs"].pop(one.index, None)
        self._processor.add_inputs_to_inference_session(
            self.kept, frame_idx=one.index, obj_ids=list(masks), input_masks=list(masks.values())
        )
        return self.step(one)

    def step(self, one: Frame, *, reverse: bool = False) -> torch.Tensor:
        """Logits [n, 1, h, w], the lower the object's number the earlier."""
        pixels = self._processor(images=one.rgb, return_tensors="pt")["pixel_values"][0].to(self._model.dtype)
        found = self._model(inference_session=self.kept, frame=pixels, frame_idx=one.index, reverse=reverse)
        logits: torch.Tensor = found.pred_masks
        return logits

    def masks(self, logits: torch.Tensor, *, apart: bool = False) -> NDArray[np.bool_]:
        """bool [n, H, W] at the clip's size."""
        full = self._processor.post_process_masks(
            [logits.float()], [[HEIGHT, WIDTH]], apply_non_overlapping_constraints=apart
        )
        masks: NDArray[np.bool_] = full[0][:, 0].numpy()
        return masks


class Heard:
    """The logits behind each answer of a state of ours, in the order of the object's numbers."""

    def __init__(self, monkeypatch: Any) -> None:
        self.logits: list[torch.Tensor] = []
        original = sam2_video._tracked

        def tracked(numbers: Sequence[int], shown: Sequence[Any], size: tuple[int, ...]) -> Any:
            logits = torch.cat([one.logits for one in shown])
            self.logits.append(logits[np.argsort(numbers).tolist()])
            return original(numbers, shown, size)

        monkeypatch.setattr(sam2_video, "_tracked", tracked)


def tensors(thing: Any, seen: dict[int, int] | None = None) -> dict[int, int]:
    """Bytes of every storage that is reachable from a state, by its place in memory; networks are left out."""
    seen = {} if seen is None else seen
    if isinstance(thing, torch.Tensor):
        seen[thing.untyped_storage().data_ptr()] = thing.untyped_storage().nbytes()
    elif isinstance(thing, np.ndarray):
        base = thing if thing.base is None else thing.base
        seen[id(base)] = getattr(base, "nbytes", 0)
    elif isinstance(thing, Mapping):
        for value in thing.values():
            tensors(value, seen)
    elif isinstance(thing, (list, tuple, set)):
        for value in thing:
            tensors(value, seen)
    elif not isinstance(thing, torch.nn.Module) and type(thing).__name__ != "VideoNetwork":
        tensors(getattr(thing, "__dict__", {}), seen)
    return seen
