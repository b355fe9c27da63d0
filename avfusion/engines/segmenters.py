"""The segmentation engines with learnt weights: rows for the catalogue, by family, the best of each first.

Sizes of downloads are those of the published files where they are known, else four bytes for each weight. Peak memory
is estimated for float32 and rounded up.
"""

from __future__ import annotations

from functools import partial

from avfusion.engines.engine import MIB, Engine, HubFiles, WebFile
from avfusion.engines.folders import hub_snapshot, weights_file

_TORCH = ("torch", "torchvision")
_TRANSFORMERS = (*_TORCH, "transformers")


def _load_sam(name: str, source: WebFile, device: str) -> object:
    from avfusion.segmentation.sam import load_sam

    return load_sam(weights_file(source), name=name, device=device)


def _load_sam2(name: str, source: HubFiles, device: str) -> object:
    from avfusion.segmentation.sam2 import load_sam2

    return load_sam2(hub_snapshot(source), name=name, device=device)


def _load_sam3(source: HubFiles, device: str) -> object:
    from avfusion.segmentation.sam3 import load_sam3

    return load_sam3(hub_snapshot(source), name="sam3", device=device)


def _load_panoptic(name: str, source: HubFiles, device: str) -> object:
    from avfusion.segmentation.panoptic import load_detr, load_mask2former

    load = load_detr if name.startswith("detr") else load_mask2former
    return load(hub_snapshot(source), name=name, device=device)


def _load_segformer(name: str, source: HubFiles, device: str) -> object:
    from avfusion.segmentation.semantic import load_segformer

    return load_segformer(hub_snapshot(source), name=name, device=device)


def _load_clipseg(name: str, source: HubFiles, device: str) -> object:
    from avfusion.segmentation.clipseg import load_clipseg

    return load_clipseg(hub_snapshot(source), name=name, device=device)


def _load_grounding_dino(name: str, source: HubFiles, sam: HubFiles, device: str) -> object:
    from avfusion.segmentation.grounding import load_grounding_dino

    return load_grounding_dino(hub_snapshot(source), hub_snapshot(sam), name=name, device=device)


def _sam(size: str, file: str, sha256: str, count_bytes: int, memory_mib: int) -> Engine:
    """The sums are not published by the authors; micro-sam and 3D Slicer's extension, among others, agree on them."""
    name = f"sam-vit-{size.lower()}"
    source = WebFile(f"https://dl.fbaipublicfiles.com/segment_anything/{file}", sha256)
    return Engine(
        name=name,
        ability="segmentation",
        words=f"Segment Anything, ViT-{size}: clicks, boxes and known masks to a mask.",
        licence="Apache-2.0",
        load=partial(_load_sam, name, source),
        peak_memory_bytes=memory_mib * MIB,
        sources=(source,),
        download_bytes=count_bytes,
        packages=(*_TORCH, "segment-anything"),
        needs_card=size != "B",
    )


def _sam2(size: str, source: HubFiles, count_bytes: int, memory_mib: int) -> Engine:
    name = f"sam2.1-{size}"
    return Engine(
        name=name,
        ability="segmentation",
        words=f"Segment Anything 2.1, {size}: clicks, boxes and known masks to a mask.",
        licence="Apache-2.0",
        load=partial(_load_sam2, name, source),
        peak_memory_bytes=memory_mib * MIB,
        sources=(source,),
        download_bytes=count_bytes,
        packages=_TRANSFORMERS,
        needs_card=size == "large",
    )


_SAM2_TINY = HubFiles("facebook/sam2.1-hiera-tiny", "de431c4043854a71d8101e17995dfe596bf101a5")
_SAM2_TINY_BYTES = 155_908_064

SAM3 = HubFiles("facebook/sam3", "main", ("config.json", "processor_config.json", "tokenizer_config.json"), gated=True)
"""For pictures and for videos."""
SAM3_BYTES = 3_440_000_000

CLICKED: tuple[Engine, ...] = (
    Engine(
        name="sam3",
        ability="segmentation",
        words="Segment Anything 3: words to every instance of what they say; clicks, boxes and known masks to a mask.",
        licence="SAM License",
        load=partial(_load_sam3, SAM3),
        peak_memory_bytes=6000 * MIB,
        sources=(SAM3,),
        download_bytes=SAM3_BYTES,
        packages=_TRANSFORMERS,
        understands=("clicks", "words"),
        needs_card=True,
    ),
    _sam2("large", HubFiles("facebook/sam2.1-hiera-large", "main"), 897_800_000, 3000),
    _sam2("base-plus", HubFiles("facebook/sam2.1-hiera-base-plus", "main"), 323_500_000, 2000),
    _sam2("small", HubFiles("facebook/sam2.1-hiera-small", "main"), 184_300_000, 1500),
    _sam2("tiny", _SAM2_TINY, _SAM2_TINY_BYTES, 1500),
    _sam(
        "H", "sam_vit_h_4b8939.pth", "a7bf3b02f3ebf1267aba913ff637d9a2d5c33d3173bb679e46d9f338c26f262e",
        2_564_550_879, 8000,
    ),
    _sam(
        "L", "sam_vit_l_0b3195.pth", "3adcc4315b642a4d2101128f611684e8734c41232a17c648ed1693702a49a622",
        1_249_524_607, 6000,
    ),
    _sam(
        "B", "sam_vit_b_01ec64.pth", "ec2df62732614e57411cdcf32a23ffdf28910380d03139ee0f4fcbe91eb8c912",
        375_042_383, 4000,
    ),
)  # fmt: skip
"""Click by click, any object."""


def _panoptic(
    name: str, words: str, licence: str, source: HubFiles, count_bytes: int, memory_mib: int, *packages: str
) -> Engine:
    return Engine(
        name=name,
        ability="segmentation",
        words=words,
        licence=licence,
        load=partial(_load_panoptic, name, source),
        peak_memory_bytes=memory_mib * MIB,
        sources=(source,),
        download_bytes=count_bytes,
        packages=(*_TRANSFORMERS, *packages),
        understands=("clicks", "words"),
    )


def _segformer(size: str, side_px: int, revision: str, count_bytes: int) -> Engine:
    name = f"segformer-{size}-ade"
    source = HubFiles(f"nvidia/segformer-{size}-finetuned-ade-{side_px}-{side_px}", revision)
    return Engine(
        name=name,
        ability="segmentation",
        words=f"SegFormer {size.upper()}: one of 150 names (ADE20K) for every pixel; a click or a name chooses.",
        licence="NVIDIA, research only",
        load=partial(_load_segformer, name, source),
        # Its memory is that of 150 maps at the picture's size, whichever network made them.
        peak_memory_bytes=3500 * MIB,
        sources=(source,),
        download_bytes=count_bytes,
        packages=_TRANSFORMERS,
        understands=("clicks", "words"),
    )


LABELLED: tuple[Engine, ...] = (
    _panoptic(
        "mask2former-swin-tiny-coco",
        "Mask2Former, Swin-T: things and stuff by 133 names (COCO); a click or a name chooses.",
        "CC BY-NC 4.0",
        HubFiles("facebook/mask2former-swin-tiny-coco-panoptic", "main"),
        189_800_000,
        3000,
    ),
    _panoptic(
        "detr-r50-panoptic",
        "DETR, ResNet-50: things and stuff by 133 names (COCO); a click or a name chooses.",
        "Apache-2.0",
        # The commit that transformers' own pipeline is pinned to.
        HubFiles("facebook/detr-resnet-50-panoptic", "d53b52a799403a8867920f82c869e40732b47037"),
        172_000_000,
        4000,
        "timm",
    ),
    _segformer("b5", 640, "main", 338_800_000),
    _segformer("b4", 512, "main", 256_400_000),
    _segformer("b3", 512, "main", 189_400_000),
    _segformer("b2", 512, "main", 109_800_000),
    _segformer("b1", 512, "main", 54_900_000),
    _segformer("b0", 512, "489d5cd81a0b59fab9b7ea758d3548ebe99677da", 15_000_000),
)
"""Whole pictures by name."""

_GROUNDING_DINO = HubFiles(
    "IDEA-Research/grounding-dino-tiny",
    "a2bb814dd30d776dcf7e30523b00659f4f141c71",
    ("config.json", "preprocessor_config.json", "tokenizer_config.json"),
)
_CLIPSEG = HubFiles(
    "CIDAS/clipseg-rd64-refined", "main", ("config.json", "preprocessor_config.json", "tokenizer_config.json")
)

DESCRIBED: tuple[Engine, ...] = (
    Engine(
        name="grounding-dino-tiny",
        ability="segmentation",
        words="Grounding DINO, Swin-T, with Segment Anything 2.1, tiny: words to every instance of what they say.",
        licence="Apache-2.0",
        load=partial(_load_grounding_dino, "grounding-dino-tiny", _GROUNDING_DINO, _SAM2_TINY),
        peak_memory_bytes=5000 * MIB,
        sources=(_GROUNDING_DINO, _SAM2_TINY),
        download_bytes=689_359_096 + _SAM2_TINY_BYTES,
        packages=_TRANSFORMERS,
        understands=("words",),
    ),
    Engine(
        name="clipseg",
        ability="segmentation",
        words="CLIPSeg: words to a coarse mask.",
        licence="Apache-2.0",
        load=partial(_load_clipseg, "clipseg", _CLIPSEG),
        peak_memory_bytes=1500 * MIB,
        sources=(_CLIPSEG,),
        download_bytes=603_000_000,
        packages=_TRANSFORMERS,
        understands=("words",),
    ),
)
"""Whatever words say."""
