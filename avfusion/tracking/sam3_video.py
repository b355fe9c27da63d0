"""The engine `sam3-video`: SAM 3 through transformers, started from masks as SAM 2 is, or from words.

N. Carion et al., "SAM 3: Segment Anything with Concepts", 2025. With words a detector looks for what they say in every
frame; what it finds is followed, and what comes later is found too. One model serves both: its detector's image encoder
works for the tracker.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from avfusion.clip import Frame, Mask
from avfusion.errors import MaskSizeMismatch, NoPrompt
from avfusion.segmentation.pretrained import load_model, load_processor
from avfusion.tracking import Tracked
from avfusion.tracking.sam2_video import MemoryTracker, prepared
from avfusion.tracking.video_network import Tensor, VideoNetwork

_REMEMBERED = ("maskmem_features", "maskmem_pos_enc", "object_pointer")


class Sam3Video(MemoryTracker):
    """As SAM 2 with masks; and `Describable`: an object is everything that its words describe."""

    def __init__(self, name: str, network: VideoNetwork, model: Any, processor: Any) -> None:
        super().__init__(name, network)
        self._model, self._processor = model, processor

    def begin_described(self, frame: Frame, words: Mapping[int, str]) -> tuple[Tracked, DescribedState]:
        """What the words say of the first frame, by object number, and the state for the frames after it.

        Raises NoPrompt.
        """
        said = {number: text.strip() for number, text in words.items() if text.strip()}
        if not said:
            raise NoPrompt(f"no words say what to look for on frame {frame.index}; describe an object first")
        state = DescribedState(self._model, self._processor, self._network, frame, said)
        return state.step(frame), state


class DescribedState:
    """One clip followed in one direction of time, which is the only one that it knows: frames are counted from 0.

    Where two objects claim a pixel, it goes to the instance with the higher score. An object's confidence is the mean
    of its instances', each the detector's when it was found times the tracker's on this frame.
    """

    def __init__(
        self, model: Any, processor: Any, network: VideoNetwork, frame: Frame, words: Mapping[int, str]
    ) -> None:
        self._model, self._processor, self._network = model, processor, network
        self._words = dict(sorted(words.items()))
        self._size = frame.yuv[0].shape
        self._count = 0
        self._session = processor.init_video_session(inference_device=model.device, dtype=model.dtype)
        self._session.processed_frames = _Newest()
        processor.add_text_prompt(self._session, list(dict.fromkeys(self._words.values())))

    def step(self, frame: Frame) -> Tracked:
        """Masks on the next frame. Raises MaskSizeMismatch when it has another size than the last."""
        if frame.yuv[0].shape != self._size:
            raise MaskSizeMismatch(f"frame {frame.index} has another size than the frame before it; start anew there")
        with self._network.computing():
            pixels = self._network.pixels(frame.rgb)
            found = self._model(self._session, frame_idx=self._count, frame=pixels)
            shown = self._processor.postprocess_outputs(self._session, found, original_sizes=[list(self._size)])
            tracked = self._tracked(shown, found.obj_id_to_tracker_score)
        _forget(self._session, self._count, self._model.tracker_model)
        self._count += 1
        return tracked

    def _tracked(self, shown: Mapping[str, Any], tracker_scores: Mapping[int, float]) -> Tracked:
        import torch

        instances = shown["object_ids"].tolist()
        sure = {
            instance: score * tracker_scores.get(instance, 0.0)
            for instance, score in zip(instances, shown["scores"].tolist(), strict=True)
        }
        owner = self._owners(shown["prompt_to_obj_ids"])
        owners = torch.zeros(self._size, dtype=torch.int16, device=shown["masks"].device)
        for place in sorted(range(len(instances)), key=lambda place: sure[instances[place]]):
            owners.masked_fill_(shown["masks"][place], owner[instances[place]])
        on_host = owners.cpu().numpy()
        masks: dict[int, Mask] = {number: on_host == number for number in self._words}
        confidence = {}
        for number in self._words:
            own = [sure[instance] for instance in instances if owner[instance] == number]
            confidence[number] = min(max(sum(own) / len(own), 0.0), 1.0) if own else 0.0
        return Tracked(masks, confidence)

    def _owners(self, instances: Mapping[str, list[int]]) -> dict[int, int]:
        """Instance -> object number; of objects with the same words the first has all."""
        numbers: dict[str, int] = {}
        for number, text in self._words.items():
            numbers.setdefault(text, number)
        return {instance: numbers[text] for text, own in instances.items() for instance in own}


def load_sam3_video(folder: Path, *, name: str, device: str) -> Sam3Video:
    """The engine of that name, from a folder of the hub. Raises CannotRead and EngineNotReady."""
    model, processor = load_model(folder, "Sam3VideoModel", device), load_processor(folder, "Sam3VideoProcessor")
    _fetch_nothing()

    def features(pixels: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        seen = model.detector_model.get_vision_features(pixel_values=pixels)
        found: tuple[list[Tensor], list[Tensor]] = model.get_vision_features_for_tracker(vision_embeds=seen)
        return found

    return Sam3Video(name, VideoNetwork(model.tracker_model, prepared(model, processor), features), model, processor)


def _fetch_nothing() -> None:
    """Where the package `kernels` is installed, transformers would fetch code from the hub in the middle of a step."""
    from transformers.models.sam3_video import modeling_sam3_video

    modeling_sam3_video.cv_utils_kernel = False  # type: ignore[assignment]


class _Newest(dict[int, Any]):
    """The frames of a session of which only the newest is kept, and all are counted: the tracker reads their number."""

    def __init__(self) -> None:
        super().__init__()
        self._counted = 0

    def __setitem__(self, index: int, pixels: Any) -> None:
        self.clear()
        super().__setitem__(index, pixels)
        self._counted = index + 1

    def __len__(self) -> int:
        return self._counted


def _forget(session: Any, index: int, tracker: Any) -> None:
    """Drops from a session what no frame after `index` reads, so that its answers stay what they are.

    What stays for each instance beside the latest memories: a pointer from each frame on which the detector confirmed
    it (every sixteenth at most), since the tracker reads them all.
    """
    reach = tracker.num_maskmem - 1, tracker.config.max_object_pointers_in_encoder - 1
    for outputs in session.output_dict_per_obj.values():
        seen, known = outputs["non_cond_frame_outputs"], outputs["cond_frame_outputs"]
        for frame in [frame for frame in seen if index + 1 - frame > max(reach)]:
            del seen[frame]
        nearest = set(sorted(known)[-tracker.config.max_cond_frame_num :])
        for memories, kept in ((seen, set()), (known, nearest)):
            for frame, memory in memories.items():
                is_read = frame in kept or index + 1 - frame <= reach[0]
                names = _REMEMBERED if is_read else _REMEMBERED[2:]
                memories[frame] = {name: memory[name] for name in names if name in memory}
    for past in (
        *session.frames_tracked_per_obj.values(),
        *session.mask_inputs_per_obj.values(),
        session.obj_id_to_tracker_score_frame_wise,
        session.suppressed_obj_ids,
        session.unmatched_frame_inds,
        session.overlap_pair_to_frame_inds,
    ):
        past.clear()
