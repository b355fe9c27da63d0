"""SAM 2's video networks with an object axis: a picture is encoded once, all the rest runs once for all objects.

transformers runs memory attention, decoder and memory encoder object by object. Here its modules are called on all
objects that share a history at once; what is remembered is gathered by its own methods, so that nothing of the order
or the encoding of memories is said twice.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np

from avfusion.clip import Mask, Rgb
from avfusion.segmentation.torch_device import halved
from avfusion.tracking.memory_bank import Bank, Memory, Reach

Tensor: TypeAlias = Any

# Logits of a mask that is given: as the authors' code has them.
_GIVEN_SCALE, _GIVEN_BIAS = 20.0, -10.0
# The logit of every pixel of an object that the network does not see.
_NOWHERE = -1024.0
# Memory tokens of all objects that go through memory attention at once. A CPU gains nothing from more than its caches
# hold, and loses time to fresh pages; a card gains, until its memory is full (this is about 18 objects of SAM 2).
_TOKENS_AT_ONCE = {"cpu": 8192, "mps": 131072, "cuda": 524288}


@dataclass(frozen=True, eq=False)
class Features:
    """One encoded picture. maps: [h*w, 1, C] each, from fine to coarse; position: that of the coarsest."""

    maps: list[Tensor]
    position: Tensor


@dataclass(frozen=True, eq=False)
class Shown:
    """n objects on one frame. logits: [n, 1, h, w], above 0 on the object; score: [n, 1, 1], above 0 where it is seen
    at all; overlap: [n], the overlap with the truth that the network expects; pointer: [n, C]."""

    logits: Tensor
    score: Tensor
    overlap: Tensor
    pointer: Tensor

    @property
    def confidence(self) -> Tensor:
        """[n] in 0..1: that the object is there, times the overlap expected."""
        return self.score.flatten().float().sigmoid() * self.overlap.float().clamp(0, 1)

    def only(self, places: list[int]) -> Shown:
        return Shown(self.logits[places], self.score[places], self.overlap[places], self.pointer[places])


class VideoNetwork:
    """A video model of transformers (Sam2VideoModel, EdgeTamVideoModel, Sam3TrackerVideoModel) on its device.

    pixels: a picture to the model's input [1, 3, S, S]. features: that to feature maps [h*w, 1, C], fine to coarse,
    and their positions; the model's own encoder if it is left out.
    """

    def __init__(
        self,
        model: Any,
        pixels: Callable[[Rgb], Tensor],
        features: Callable[[Tensor], tuple[list[Tensor], list[Tensor]]] | None = None,
    ) -> None:
        self._model = model
        self.pixels = pixels
        self._features = features or self._own_features
        # EdgeTAM's memories have the object axis first, the others' second.
        self._object_axis = 0 if hasattr(model, "spatial_perceiver") else 1
        config = model.config
        self.reach = Reach(config.num_maskmem - 1, config.max_object_pointers_in_encoder - 1)

    @property
    def device(self) -> Any:
        return self._model.device

    def encode(self, rgb: Rgb) -> Features:
        maps, positions = self._features(self.pixels(rgb))
        return Features(list(maps), positions[-1])

    def track(self, features: Features, bank: Bank, index: int, *, reverse: bool) -> Shown:
        """The bank's objects on frame `index`, from what is remembered of the frames around it."""
        memory, position, pointers, frames = self._remembered(bank, index, reverse)
        lot = max(1, _TOKENS_AT_ONCE[self.device.type] // len(memory))
        fused = [self._fused(features, part, position, pointers, frames) for part in memory.split(lot, dim=1)]
        return self._decoded(_joined(fused), features, several=self._model._use_multimask(False, None))

    def given(self, features: Features, masks: Tensor) -> tuple[Shown, Tensor]:
        """What masks bool [n, H, W] are to the network: as if it had seen them, and their logits [n, 1, S, S]."""
        import torch

        side = self._model.image_size
        masks = masks[:, None].to(self._model.dtype)
        if masks.shape[-2:] != (side, side):
            masks = (_shrunk(masks, (side, side)) >= 0.5).to(masks.dtype)
        full = masks * _GIVEN_SCALE + _GIVEN_BIAS
        size = self._model.prompt_encoder.mask_input_size
        prompt = self._model.mask_downsample(masks)
        if prompt.shape[-2:] != size:
            prompt = _shrunk(prompt, size)
        plain = self._map(features.maps[-1], -1).expand(len(masks), -1, -1, -1)
        pointer = self._decoded(plain, features, several=True, prompt=prompt).pointer
        here = (masks.flatten(1) > 0).any(1, keepdim=True).to(masks.dtype)
        pointer = here * pointer + (1 - here) * self._model.no_object_pointer
        score = (here * _GIVEN_SCALE + _GIVEN_BIAS)[..., None]
        return Shown(_shrunk(full, size), score, torch.ones_like(here[:, 0]), pointer), full

    def memory(self, features: Features, shown: Shown, given: Tensor | None = None) -> Memory:
        """What to remember of a frame. given: the logits [n, 1, S, S] of masks that the user has given."""
        from torch.nn.functional import interpolate

        side = self._model.image_size
        full = given
        if full is None:
            full = interpolate(shown.logits.float(), size=(side, side), mode="bilinear", align_corners=False)
            full = full.to(shown.logits.dtype)
        kept, position = self._model._encode_new_memory(
            current_vision_feats=features.maps[-1],
            pred_masks_high_res=full,
            object_score_logits=shown.score,
            is_mask_from_pts=given is not None,
        )
        # The position is the same for every object.
        position = position.narrow(self._object_axis, 0, 1).clone()
        return {"maskmem_features": kept, "maskmem_pos_enc": position, "object_pointer": shown.pointer}

    def pick(self, memory: Memory, places: list[int]) -> Memory:
        """The memory of the objects at those places."""
        import torch

        out = dict(memory, object_pointer=memory["object_pointer"][places])
        if "maskmem_features" in memory:
            chosen = torch.tensor(places, device=memory["maskmem_features"].device)
            out["maskmem_features"] = memory["maskmem_features"].index_select(self._object_axis, chosen)
        return out

    def computing(self) -> Any:
        """The context for all of the above: no gradients, and half precision on a card."""
        import contextlib

        import torch

        stack = contextlib.ExitStack()
        stack.enter_context(torch.inference_mode())
        stack.enter_context(halved(self.device))
        return stack

    def on_device(self, masks: list[Mask]) -> Tensor:
        """bool [n, H, W]."""
        import torch

        return torch.from_numpy(np.stack(masks)).to(self.device)

    def _own_features(self, pixels: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        found = self._model.get_image_features(pixels, return_dict=True)
        return found.fpn_hidden_states, found.fpn_position_encoding

    def _map(self, flat: Tensor, level: int) -> Tensor:
        """[h*w, 1, C] -> [1, C, h, w]."""
        return flat.permute(1, 2, 0).unflatten(2, tuple(self._model.backbone_feature_sizes[level]))

    def _remembered(self, bank: Bank, index: int, reverse: bool) -> tuple[Tensor, Tensor, int, int]:
        """Memory tokens [s, n, C], their positions [s, 1, C], how many at the end are pointers, from how many frames
        the others come."""
        import torch

        model, device = self._model, self.device
        frames = model._gather_memory_frame_outputs(bank, 0, index, reverse)
        memories, positions = model._build_memory_attention_inputs(frames, device)
        count, spatial = len(bank.numbers), len(memories)
        offsets, pointers, most = model._get_object_pointers(bank, 0, index, None, device, reverse, True)
        tokens = 0
        if pointers:
            summed, where = model._process_object_pointers(offsets, pointers, most, count, model.hidden_dim, device)
            memories.append(summed)
            positions.append(where[:, :1])
            tokens = summed.shape[0]
        return torch.cat([each.to(model.dtype) for each in memories]), torch.cat(positions), tokens, spatial

    def _fused(self, features: Features, memory: Tensor, position: Tensor, pointers: int, frames: int) -> Tensor:
        """The picture as each of n objects is looked for in it: [n, C, h, w]."""
        # EdgeTAM has to be told how many frames its memories come from.
        counted = {"num_spatial_memory_tokens": frames} if self._object_axis == 0 else {}
        fused = self._model.memory_attention(
            current_vision_features=features.maps[-1].expand(-1, memory.shape[1], -1),
            current_vision_position_embeddings=features.position,
            memory=memory,
            memory_posision_embeddings=position,
            num_object_pointer_tokens=pointers,
            **counted,
        )[0]
        return fused.transpose(1, 2).unflatten(2, tuple(self._model.backbone_feature_sizes[-1]))

    def _decoded(self, fused: Tensor, features: Features, *, several: bool, prompt: Tensor | None = None) -> Shown:
        """fused: [n, C, h, w]. several: the best of three masks. prompt: logits of known masks [n, 1, h, w]."""
        import torch

        model, count = self._model, len(fused)
        none = torch.zeros(count, 1, 1, 2, device=fused.device, dtype=fused.dtype)
        sparse, dense = model.prompt_encoder(none, -torch.ones_like(none[..., 0], dtype=torch.int32), None, prompt)
        logits, overlap, tokens, score = model.mask_decoder(
            image_embeddings=fused,
            image_positional_embeddings=self._grid.expand(count, -1, -1, -1),
            sparse_prompt_embeddings=sparse,
            dense_prompt_embeddings=dense,
            multimask_output=several,
            high_resolution_features=[self._map(flat, level) for level, flat in enumerate(features.maps[:-1])],
        )
        rows = torch.arange(count, device=fused.device)
        best = overlap[:, 0].argmax(-1) if several else torch.zeros_like(rows)
        token = tokens[rows, 0, best] if tokens.shape[2] > 1 else tokens[:, 0, 0]
        pointer = model.object_pointer_proj(token)
        is_there = score[:, 0] > 0
        there = is_there.to(pointer.dtype)
        pointer = there * pointer + (1 - there) * model.no_object_pointer
        shown = torch.where(is_there[..., None, None], logits[rows, 0, best][:, None], _NOWHERE)
        return Shown(shown, score, overlap[rows, 0, best], pointer)

    @cached_property
    def _grid(self) -> Tensor:
        return self._model.get_image_wide_positional_embeddings()


def _joined(parts: list[Tensor]) -> Tensor:
    import torch

    return parts[0] if len(parts) == 1 else torch.cat(parts)


def _shrunk(masks: Tensor, size: tuple[int, int]) -> Tensor:
    from torch.nn.functional import interpolate

    out = interpolate(masks.float(), size=size, mode="bilinear", align_corners=False, antialias=True)
    return out.to(masks.dtype)
