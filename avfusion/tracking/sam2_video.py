"""The engines `sam2.1-tiny`, `-small`, `-base-plus`, `-large` for clips: SAM 2.1 through transformers, frame by frame.

N. Ravi et al., "SAM 2: Segment Anything in Images and Videos", ICLR 2025. What no later frame reads is forgotten at
once, so that memory does not grow with the clip.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from avfusion.clip import Frame, Mask
from avfusion.errors import MaskSizeMismatch, NoPrompt
from avfusion.segmentation.pretrained import load_model, load_processor
from avfusion.tracking import Example, Tracked
from avfusion.tracking.memory_bank import Bank
from avfusion.tracking.video_network import Features, Shown, Tensor, VideoNetwork

# Full-size logits are compared in lots, so that a hundred objects fit beside the network.
_OBJECTS_AT_ONCE = 16


class MemoryTracker:
    """An engine on a video network with a memory. Known masks are conditioning frames; so are examples and corrections.

    Where objects overlap, the pixel goes to the one with the higher logit.
    """

    def __init__(self, name: str, network: VideoNetwork) -> None:
        self.name = name
        self._network = network

    def begin(self, frame: Frame, masks: Mapping[int, Mask], sure: Sequence[Example] = ()) -> MemoryState:
        """Starts from known masks bool [H, W] by object number. Raises MaskSizeMismatch and NoPrompt.

        sure: further frames on which these objects are known.
        """
        return MemoryState(self._network, frame, masks, sure)


class MemoryState:
    """One clip followed in one direction of time; frames come one after the other, and are known by their index."""

    def __init__(self, network: VideoNetwork, frame: Frame, masks: Mapping[int, Mask], sure: Sequence[Example]) -> None:
        self._network = network
        self._size = frame.yuv[0].shape
        _check(frame, masks, self._size)
        self._index = frame.index
        with network.computing():
            self._features = network.encode(frame.rgb)
            self._banks = [Bank(numbers) for numbers in _alike(frame.index, masks, sure)]
            for bank in self._banks:
                self._know(bank, frame.index, self._features, masks)
            for example in sure:
                self._know_too(example)

    def step(self, frame: Frame) -> Tracked:
        """Masks on the next frame. Raises MaskSizeMismatch when it has another size than the last."""
        if frame.yuv[0].shape != self._size:
            raise MaskSizeMismatch(f"frame {frame.index} has another size than the frame before it; start anew there")
        network, reverse = self._network, frame.index < self._index
        self._index = frame.index
        with network.computing():
            self._features = network.encode(frame.rgb)
            shown = [self._look(bank, reverse) for bank in self._banks]
            numbers = [number for bank in self._banks for number in bank.numbers]
            return _tracked(numbers, shown, self._size)

    def correct(self, masks: Mapping[int, Mask], *, turns: bool) -> bool:
        """The frame of the last call becomes a conditioning frame; always True.

        Objects without a mask here are not followed any longer, new ones are followed from here. turns: the frames say
        themselves in which direction they come.
        """
        network = self._network
        with network.computing():
            left = [[number for number in bank.numbers if number in masks] for bank in self._banks]
            self._banks = [
                bank if len(numbers) == len(bank.numbers) else bank.only(numbers, network.pick)
                for bank, numbers in zip(self._banks, left, strict=True)
                if numbers
            ]
            followed = {number for bank in self._banks for number in bank.numbers}
            if new := tuple(sorted(set(masks) - followed)):
                self._banks.append(Bank(new))
            for bank in self._banks:
                self._know(bank, self._index, self._features, masks)
        return True

    def _know(self, bank: Bank, index: int, features: Features, masks: Mapping[int, Mask]) -> None:
        network = self._network
        shown, given = network.given(features, network.on_device([masks[number] for number in bank.numbers]))
        bank.seen.pop(index, None)
        bank.known[index] = network.memory(features, shown, given)
        bank.shown[index] = shown

    def _know_too(self, example: Example) -> None:
        banks = [bank for bank in self._banks if _is_in(example, self._index, bank.numbers)]
        if banks:
            features = self._network.encode(example.frame.rgb)
            for bank in banks:
                self._know(bank, example.frame.index, features, example.masks)

    def _look(self, bank: Bank, reverse: bool) -> Shown:
        """What the network says of this frame, or the user said; it is remembered."""
        if self._index in bank.known:
            return bank.shown[self._index]
        network = self._network
        shown = network.track(self._features, bank, self._index, reverse=reverse)
        bank.seen[self._index] = network.memory(self._features, shown)
        bank.forget(self._index, network.reach, reverse=reverse)
        return shown


def load_sam2_video(folder: Path, *, name: str, device: str) -> MemoryTracker:
    """The engine of that name, from a folder of the hub. Raises CannotRead and EngineNotReady."""
    model = load_model(folder, "Sam2VideoModel", device)
    return MemoryTracker(name, VideoNetwork(model, prepared(model, load_processor(folder, "Sam2Processor"))))


def prepared(model: Any, processor: Any) -> Any:
    """A picture uint8 [H, W, 3] to the model's input [1, 3, S, S], on its device."""

    def pixels(rgb: Any) -> Tensor:
        # The picture goes to the device as it is; it is resized and normalised there.
        return processor.image_processor(rgb, return_tensors="pt", device=model.device)["pixel_values"]

    return pixels


def _check(frame: Frame, masks: Mapping[int, Mask], size: tuple[int, ...]) -> None:
    if not any(mask.any() for mask in masks.values()):
        raise NoPrompt(f"no mask on frame {frame.index} shows an object to follow; draw or click one first")
    for number, mask in masks.items():
        if mask.shape != size:
            raise MaskSizeMismatch(
                f"the mask of object {number} is {mask.shape[1]}x{mask.shape[0]}, "
                f"frame {frame.index} is {size[1]}x{size[0]}; give a mask of the frame's size"
            )


def _alike(index: int, masks: Mapping[int, Mask], sure: Sequence[Example]) -> list[tuple[int, ...]]:
    """The objects, those together that are known on the same frames."""
    groups: dict[tuple[int, ...], list[int]] = {}
    for number in sorted(masks):
        known = tuple(place for place, example in enumerate(sure) if _is_in(example, index, (number,)))
        groups.setdefault(known, []).append(number)
    return [tuple(numbers) for numbers in groups.values()]


def _is_in(example: Example, begun: int, numbers: Sequence[int]) -> bool:
    """What is said where the tracker begins is said there."""
    return example.frame.index != begun and all(number in example.masks for number in numbers)


def _tracked(numbers: Sequence[int], shown: Sequence[Shown], size: tuple[int, ...]) -> Tracked:
    """What goes back to the host: one map of who has which pixel, and the confidences."""
    import torch

    logits = torch.cat([one.logits for one in shown])
    owners = _owners(logits, size).cpu().numpy()
    confidence = torch.cat([one.confidence for one in shown]).tolist()
    masks: dict[int, Mask] = {number: owners == place for place, number in enumerate(numbers, start=1)}
    return Tracked(masks, dict(zip(numbers, confidence, strict=True)))


def _owners(logits: Tensor, size: tuple[int, ...]) -> Tensor:
    """Logits [n, 1, h, w] -> int [H, W]: 1 + the place of the highest above 0, or 0."""
    import torch
    from torch.nn.functional import interpolate

    best = torch.zeros(size, device=logits.device)
    owners = torch.zeros(size, device=logits.device, dtype=torch.uint8 if len(logits) < 256 else torch.int16)
    for start in range(0, len(logits), _OBJECTS_AT_ONCE):
        part = logits[start : start + _OBJECTS_AT_ONCE].float()
        full = interpolate(part, size=tuple(size), mode="bilinear", align_corners=False)[:, 0]
        highest, place = full.max(0)
        owners = torch.where(highest > best, (place + start + 1).to(owners.dtype), owners)
        best = torch.maximum(best, highest)
    return owners
