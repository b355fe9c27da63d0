"""The tracking engines with learnt weights: rows for the catalogue, the best first.

Sizes of downloads are four bytes for each weight. Peak memory is estimated for float32 and a few objects, and rounded
up; it does not grow with the clip.
"""

from __future__ import annotations

from functools import partial

from avfusion.engines.engine import MIB, Engine, HubFiles, WebFile
from avfusion.engines.folders import hub_snapshot, weights_file
from avfusion.engines.segmenters import CLICKED, SAM3

_TRANSFORMERS = ("torch", "torchvision", "transformers")


def _load_sam2_video(name: str, source: HubFiles, device: str) -> object:
    from avfusion.tracking.sam2_video import load_sam2_video

    return load_sam2_video(hub_snapshot(source), name=name, device=device)


def _load_edgetam(source: HubFiles, device: str) -> object:
    from avfusion.tracking.edgetam import load_edgetam

    return load_edgetam(hub_snapshot(source), name="edgetam", device=device)


def _load_sam_iou(source: WebFile, device: str) -> object:
    from avfusion.tracking.sam_iou import load_sam_iou

    return load_sam_iou(weights_file(source), device=device)


def _load_sam3_video(source: HubFiles, device: str) -> object:
    from avfusion.tracking.sam3_video import load_sam3_video

    return load_sam3_video(hub_snapshot(source), name="sam3-video", device=device)


def _sam2_video(size: str, memory_mib: int) -> Engine:
    """The weights are those of the engine for pictures: who has one has both."""
    picture = next(row for row in CLICKED if row.name == f"sam2.1-{size}")
    source = next(source for source in picture.sources if isinstance(source, HubFiles))
    return Engine(
        name=picture.name,
        ability="tracking",
        words=f"Segment Anything 2.1, {size}: remembers what the objects look like.",
        licence=picture.licence,
        load=partial(_load_sam2_video, picture.name, source),
        peak_memory_bytes=memory_mib * MIB,
        sources=(source,),
        download_bytes=picture.download_bytes,
        packages=_TRANSFORMERS,
        needs_card=True,
    )


_EDGETAM = HubFiles("yonigozlan/EdgeTAM-hf", "main")

TRACKED: tuple[Engine, ...] = (
    Engine(
        name="sam3-video",
        ability="tracking",
        words="Segment Anything 3: follows masks, or everything that words describe.",
        licence="SAM License",
        load=partial(_load_sam3_video, SAM3),
        peak_memory_bytes=9000 * MIB,
        sources=(SAM3,),
        download_bytes=3_440_000_000,
        packages=_TRANSFORMERS,
        understands=("clicks", "words"),
        needs_card=True,
    ),
    _sam2_video("large", 5000),
    _sam2_video("base-plus", 4000),
    _sam2_video("small", 3500),
    _sam2_video("tiny", 3000),
    Engine(
        name="edgetam",
        ability="tracking",
        words="EdgeTAM: Segment Anything 2 made small.",
        licence="Apache-2.0",
        load=partial(_load_edgetam, _EDGETAM),
        peak_memory_bytes=2500 * MIB,
        sources=(_EDGETAM,),
        download_bytes=55_900_000,
        packages=(*_TRANSFORMERS, "timm"),
        needs_card=True,
    ),
)
"""Masks carried from frame to frame."""


def _sam_iou() -> Engine:
    """The weights are those of the smallest SAM for pictures: who has one has both."""
    picture = next(row for row in CLICKED if row.name == "sam-vit-b")
    (source,) = picture.sources
    assert isinstance(source, WebFile)
    return Engine(
        name="sam-iou",
        ability="tracking",
        words="Segment Anything, ViT-B, frame by frame: the mask that overlaps most with where the object should be.",
        licence=picture.licence,
        load=partial(_load_sam_iou, source),
        peak_memory_bytes=picture.peak_memory_bytes,
        sources=(source,),
        download_bytes=picture.download_bytes,
        packages=picture.packages,
        needs_card=True,
    )


MATCHED: tuple[Engine, ...] = (_sam_iou(),)
"""Masks of each frame for itself, matched to those of the frame before: the AutoVisual Fusion paper's way. Here for the
comparison: nothing says that it is better than what needs no weights, so `auto` takes it last."""
