"""SAM 2.1 on clips: our engine from file to file, beside the model alone on frames that are on the device already."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from gpu_models import Sam2Size, install_sam2
from gpu_timing import Row, floor_s, peak_bytes, seconds, wait

from avfusion.clip import Clip, Drawn, Mask, Yuv
from avfusion.compositing.background import planes_like
from avfusion.engines.catalogue import find
from avfusion.engines.engine import HubFiles
from avfusion.engines.folders import hub_snapshot
from avfusion.engines.registry import lend
from avfusion.media.masks import overlay
from avfusion.media.probe import probe
from avfusion.media.write import write_video
from avfusion.pipelines.segment import segment
from avfusion.pipelines.track import track
from avfusion.segmentation.pretrained import load_model, load_processor
from avfusion.segmentation.torch_device import halved
from avfusion.tracking.memory_bank import Bank
from avfusion.tracking.video_network import VideoNetwork

OBJECTS = (1, 4, 10)


@dataclass(frozen=True)
class Clips:
    """frames: of the clip that is tracked; short, long: of the two whose memory is compared."""

    width_px: int
    height_px: int
    frames: int
    steps: int
    short: int
    long: int
    rounds: int


FULL = Clips(1920, 1080, 100, 24, 100, 400, 3)
SMALL = Clips(96, 64, 6, 2, 4, 16, 1)


def make_clip(path: Path, clips: Clips, frames: int) -> Clip:
    """A bright square that crosses drifting spots."""
    spots = np.random.default_rng(1).integers(0, 160, (12, 40, 3), np.uint8)
    ground = cv2.resize(spots, (2 * clips.width_px, clips.height_px), interpolation=cv2.INTER_CUBIC)
    with av.open(str(path), "w") as output:
        stream = output.add_stream("libx264", rate=Fraction(30), options={"crf": "20", "preset": "veryfast"})
        stream.width, stream.height, stream.pix_fmt = clips.width_px, clips.height_px, "yuv420p"
        for index in range(frames):
            at = 2 * index % clips.width_px
            rgb = np.ascontiguousarray(ground[:, at : at + clips.width_px])
            rgb[square(clips, 0, 2 * index)] = 240
            output.mux(stream.encode(av.VideoFrame.from_ndarray(rgb, format="rgb24")))
        output.mux(stream.encode(None))
    return probe(path)


def square(clips: Clips, number: int, moved_px: int = 0) -> Mask:
    """Where object `number` is at first, bool [H, W]; they lie side by side."""
    mask = np.zeros((clips.height_px, clips.width_px), bool)
    side = clips.height_px // 4
    left = (number * clips.width_px // (OBJECTS[-1] + 1) + moved_px) % (clips.width_px - side)
    mask[side : 2 * side, left : left + side] = True
    return mask


def end_to_end_rows(sizes: Sequence[Sam2Size], clips: Clips, device: str, folder: Path) -> Iterator[Row]:
    """Frames a second from a file to a file, beside those of the network alone."""
    clip = make_clip(folder / "clip.mp4", clips, clips.frames)
    for size in sizes:
        install_sam2(size)
        alone = 1 / _alone_s(size, clip, clips, device, 1)
        stock = 1 / _session_s(size, clip, clips, device, 1)
        floor = floor_s(size.gflop + size.memory_gflop, device)
        best = None if floor is None else 1 / floor
        run = partial(_segment, size.engine, clip, clips, folder, device)
        run()  # loads the engine
        report = run()
        yield Row(f"{size.engine}, model alone", alone, "transformers' session, alone", stock, "frames/s", best)
        tracked = clip.frame_count / report.stages_s["tracking"]
        yield Row(f"{size.engine}, tracking stage", tracked, "the model alone", alone, "frames/s", best)
        whole = clip.frame_count / sum(report.stages_s.values())
        yield Row(f"{size.engine}, file to overlay", whole, "the model alone", alone, "frames/s", best)


def overlap_rows(size: Sam2Size, clips: Clips, device: str, folder: Path) -> Iterator[Row]:
    """Decoding, the network and encoding in one pass, beside each for itself."""
    clip = make_clip(folder / "overlap.mp4", clips, clips.frames)
    install_sam2(size)
    count = clip.frame_count
    model_s = count * _alone_s(size, clip, clips, device, 1)
    planes = planes_like(clip, next(iter(clip.frames())).rgb)
    decode_s = seconds(lambda: [frame.rgb for frame in clip.frames()], device, clips.rounds)
    out = folder / "out.mp4"
    encode_s = seconds(lambda: write_video(out, (planes for _ in range(count)), clip=clip), device, clips.rounds)
    with lend(size.engine, "tracking", device) as tracker:
        whole_s = seconds(
            lambda: write_video(out, _overlays(tracker, clip, square(clips, 0)), clip=clip), device, clips.rounds
        )
    what = f"{size.engine}, decode + track + encode in one pass"
    slowest_s = max(model_s, decode_s, encode_s)
    yield Row(what, count / whole_s, "one after the other", count / (model_s + decode_s + encode_s), "frames/s")
    yield Row(what, count / whole_s, "the slowest of the three", count / slowest_s, "frames/s")


def object_rows(size: Sam2Size, clips: Clips, device: str, folder: Path) -> Iterator[Row]:
    """Milliseconds a frame for many objects, beside the same network on one after the other."""
    clip = make_clip(folder / "objects.mp4", clips, clips.steps + 1)
    install_sam2(size)
    for count in OBJECTS:
        together_s = _alone_s(size, clip, clips, device, count)
        apart_s = _alone_s(size, clip, clips, device, count, together=False)
        session_s = _session_s(size, clip, clips, device, count)
        what = f"{size.engine}, {count} object{'s' if count > 1 else ''}"
        yield Row(what, 1000 * together_s, "one after the other", 1000 * apart_s, "ms")
        yield Row(what, 1000 * together_s, "transformers' session", 1000 * session_s, "ms")


def memory_rows(size: Sam2Size, clips: Clips, device: str, folder: Path) -> Iterator[Row]:
    """Peak memory of tracking a long clip beside a short one."""
    install_sam2(size)
    peaks = []
    for frames in (clips.short, clips.long):
        clip = make_clip(folder / f"memory-{frames}.mp4", clips, frames)
        peaks.append(peak_bytes(partial(_track, size.engine, clip, clips, device), device) / 2**20)
    yield Row(f"{size.engine}, {clips.long} frames", peaks[1], f"{clips.short} frames", peaks[0], "MiB")


def _segment(engine: str, clip: Clip, clips: Clips, folder: Path, device: str) -> Any:
    out = folder / "overlay.mp4"
    out.unlink(missing_ok=True)
    return segment(clip, [Drawn(square(clips, 0))], out=out, engine=engine, segmenter="grabcut", device=device)


def _track(engine: str, clip: Clip, clips: Clips, device: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        track(clip, [Drawn(square(clips, 0))], folder=Path(folder), engine=engine, segmenter="grabcut", device=device)


def _overlays(tracker: Any, clip: Clip, mask: Mask) -> Iterator[Yuv]:
    state = None
    with contextlib.closing(clip.frames()) as frames:
        for frame in frames:
            if state is None:
                state, masks = tracker.begin(frame, {1: mask}), {1: mask}
            else:
                masks = state.step(frame).masks
            yield planes_like(clip, overlay(frame.rgb, masks[1].astype(np.uint8)))


def _folder(size: Sam2Size) -> Path:
    (source,) = find(size.engine, "tracking").sources
    assert isinstance(source, HubFiles)
    return hub_snapshot(source)


@lru_cache(maxsize=1)
def _model(size: Sam2Size, device: str) -> Any:
    return load_model(_folder(size), "Sam2VideoModel", device)


def _on_device(size: Sam2Size, clip: Clip, clips: Clips, device: str) -> list[Any]:
    """The first frames as the model takes them, [1, 3, S, S] each."""
    processor = load_processor(_folder(size), "Sam2Processor")
    with contextlib.closing(clip.frames(0, clips.steps + 1)) as frames:
        return [processor(images=frame.rgb, return_tensors="pt")["pixel_values"].to(device) for frame in frames]


def _alone_s(size: Sam2Size, clip: Clip, clips: Clips, device: str, count: int, *, together: bool = True) -> float:
    """Seconds a frame of the network, with nothing read, written or brought to the host."""
    network = VideoNetwork(_model(size, device), lambda pixels: pixels)
    pixels = _on_device(size, clip, clips, device)
    numbers = range(1, count + 1)
    groups = [tuple(numbers)] if together else [(number,) for number in numbers]

    def follow() -> None:
        with network.computing():
            features = network.encode(pixels[0])
            banks = [Bank(group) for group in groups]
            for bank in banks:
                masks = network.on_device([square(clips, number - 1) for number in bank.numbers])
                shown, given = network.given(features, masks)
                bank.known[0] = network.memory(features, shown, given)
            for index in range(1, len(pixels)):
                features = network.encode(pixels[index])
                for bank in banks:
                    shown = network.track(features, bank, index, reverse=False)
                    bank.seen[index] = network.memory(features, shown)
                    bank.forget(index, network.reach, reverse=False)
        wait(device)

    return seconds(follow, device, clips.rounds) / len(pixels)


def _session_s(size: Sam2Size, clip: Clip, clips: Clips, device: str, count: int) -> float:
    """Seconds a frame of transformers' own session, in our precision, with the frames on the device."""
    import torch

    model = _model(size, device)
    processor = load_processor(_folder(size), "Sam2VideoProcessor")
    pixels = _on_device(size, clip, clips, device)
    masks = [square(clips, number) for number in range(count)]

    def follow() -> None:
        session = processor.init_video_session(inference_device=device, dtype=torch.float32)
        processor.add_inputs_to_inference_session(
            session, frame_idx=0, obj_ids=list(range(1, count + 1)), input_masks=masks
        )
        with torch.inference_mode(), halved(device):
            for index, one in enumerate(pixels):
                model(inference_session=session, frame=one[0], frame_idx=index)

    return seconds(follow, device, clips.rounds) / len(pixels)
