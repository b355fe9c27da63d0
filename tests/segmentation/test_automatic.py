"""Everything in a picture, against the authors' own generator and transformers' pipeline on the same weights."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from PIL import Image
from segment_anything import SamAutomaticMaskGenerator
from transformers import pipeline

from avfusion.clip import Point
from avfusion.segmentation import Parser, automatic
from avfusion.segmentation.automatic import AutomaticSettings, Found, everything
from avfusion.segmentation.promptable import Promptable
from avfusion.segmentation.sam import load_sam
from avfusion.segmentation.sam2 import load_sam2
from tests.segmentation.tiny_sam import tiny_sam
from tests.segmentation.tiny_transformers import tiny_sam2

SPOTS = np.random.default_rng(3).integers(0, 256, (6, 9, 3), np.uint8)


def picture(width_px: int, height_px: int) -> Any:
    return cv2.resize(SPOTS, (width_px, height_px), interpolation=cv2.INTER_CUBIC)


class Discs(torch.nn.Module):
    """A mask decoder that sees something: roundish masks about the click, small, middle and large ones, whose edges are
    sharper here than there, and which it trusts here more than there."""

    def forward(
        self,
        image_embeddings: Any,
        image_pe: Any,
        sparse_prompt_embeddings: Any,
        dense_prompt_embeddings: Any,
        multimask_output: bool,
    ) -> tuple[Any, Any]:
        near = torch.einsum("nc,chw->nhw", sparse_prompt_embeddings[:, 0], image_pe[0]) / (image_pe.shape[1] / 2)
        here = torch.einsum("nhw,chw->nc", (20 * near).flatten(1).softmax(1).view_as(near), image_embeddings[0])
        large = torch.nn.functional.interpolate(near[:, None], scale_factor=4, mode="bilinear", align_corners=False)
        levels = torch.tensor([0.2, 0.45, 0.7])[:, None, None]
        masks = (20 + 15 * torch.tanh(here[:, :1, None, None])) * (large - levels)
        return masks, 0.9 + 0.1 * torch.tanh(here[:, 1:4])


@pytest.fixture(scope="module")
def seeing(tmp_path_factory: pytest.TempPathFactory) -> Promptable:
    path = tmp_path_factory.mktemp("sam") / "sam.pth"
    tiny_sam(path)
    engine = load_sam(path, name="sam-vit-b", device="cpu")
    sam = engine._model._sam  # type: ignore[attr-defined]
    sam.mask_decoder = Discs()
    torch.nn.init.zeros_(sam.prompt_encoder.point_embeddings[1].weight)
    return engine


def stock(engine: Promptable, settings: AutomaticSettings, rgb: Any) -> list[dict[str, Any]]:
    return SamAutomaticMaskGenerator(
        engine._model._sam,  # type: ignore[attr-defined]
        points_per_side=settings.points_per_side,
        points_per_batch=settings.points_per_batch,
        pred_iou_thresh=settings.least_score,
        stability_score_thresh=settings.least_stability,
        stability_score_offset=settings.stability_offset,
        box_nms_thresh=settings.most_overlap,
        crop_nms_thresh=settings.most_overlap,
        crop_n_layers=settings.crop_layers,
        crop_overlap_ratio=settings.crop_overlap,
        crop_n_points_downscale_factor=settings.crop_point_step,
    ).generate(rgb)


def all_equal(found: list[Found], theirs: list[dict[str, Any]]) -> None:
    """Masks, boxes, scores and stabilities, in that order, to the last bit."""
    assert len(found) == len(theirs)
    for one, other in zip(found, theirs, strict=True):
        np.testing.assert_array_equal(one.mask, other["segmentation"])
        x0, y0, x1, y1 = one.box
        assert other["bbox"] == [x0, y0, x1 - 1 - x0, y1 - 1 - y0], "theirs ends on the last pixel, ours outside"
        assert one.score == other["predicted_iou"]
        assert one.stability == other["stability_score"]


FEW = AutomaticSettings(points_per_side=8, points_per_batch=20, least_stability=0.8)


@pytest.mark.parametrize(
    ("size", "settings"),
    [
        ((140, 90), FEW),
        ((301, 383), FEW),
        ((140, 90), replace(FEW, least_score=0.8, least_stability=0.9, stability_offset=0.5, most_overlap=0.3)),
        ((140, 90), replace(FEW, least_score=0, least_stability=0)),
        ((140, 90), replace(FEW, crop_layers=1)),
        ((301, 200), replace(FEW, crop_layers=2, crop_point_step=2, least_stability=0.7)),
    ],
)
def test_masks_are_those_of_the_authors_generator(
    size: tuple[int, int], settings: AutomaticSettings, seeing: Promptable
) -> None:
    rgb = picture(*size)
    found = everything(seeing._model, rgb, settings)
    assert len(found) > 2
    all_equal(found, stock(seeing, settings, rgb))


def test_masks_of_a_network_are_those_of_the_authors_generator(tmp_path: Path) -> None:
    """Its random masks cover the picture all over, so only the first of many stays."""
    tiny_sam(tmp_path / "sam.pth")
    engine = load_sam(tmp_path / "sam.pth", name="sam-vit-b", device="cpu")
    settings = AutomaticSettings(
        points_per_side=10, points_per_batch=16, least_score=0.5, least_stability=0.3, most_overlap=0.95
    )
    rgb = picture(140, 90)
    found = everything(engine._model, rgb, settings)
    assert len(found) > 0
    all_equal(found, stock(engine, settings, rgb))


def test_only_masks_that_may_pass_are_made_large(seeing: Promptable, monkeypatch: pytest.MonkeyPatch) -> None:
    rgb = picture(140, 90)
    sizes: list[int] = []
    model: Any = seeing._model
    enlarge = model.enlarge
    monkeypatch.setattr(model, "enlarge", lambda of, logits: sizes.append(len(logits)) or enlarge(of, logits))
    monkeypatch.setattr(automatic, "CHUNK_BYTES", 7 * 4 * 140 * 90)
    found = everything(model, rgb, FEW)
    with torch.inference_mode():
        places = [((column + 0.5) * 140 / 8, (row + 0.5) * 90 / 8) for row in range(8) for column in range(8)]
        scores = model.decode_clicks(model.encode(rgb), np.array(places))[1]
    good = int((scores > FEW.least_score).sum())
    assert len(found) < sum(sizes) - len(found) < good < 3 * 64
    assert max(sizes) == 7, "a few at a time, whatever the picture's size"


def test_where_nothing_is_good_enough_nothing_is_found(seeing: Promptable) -> None:
    for crop_layers in (0, 1):
        settings = replace(FEW, least_score=2.0, crop_layers=crop_layers)
        assert everything(seeing._model, picture(140, 90), settings) == []


def test_an_engine_says_everything_with_the_smaller_in_front_and_remembers_it(tmp_path: Path) -> None:
    tiny_sam(tmp_path / "sam.pth")
    engine = load_sam(tmp_path / "sam.pth", name="sam-vit-b", device="cpu")
    sam = engine._model._sam  # type: ignore[attr-defined]
    sam.mask_decoder = Discs()
    torch.nn.init.zeros_(sam.prompt_encoder.point_embeddings[1].weight)
    engine._automatic = FEW
    runs = {"encoder": 0, "decoder": 0}
    for part, module in (("encoder", sam.image_encoder), ("decoder", sam.mask_decoder)):
        module.register_forward_hook(lambda *_, part=part: runs.__setitem__(part, runs[part] + 1))
    rgb = picture(140, 90)
    engine.segment(rgb, [Point(70, 40)])
    found = engine.everything(rgb)
    segments = engine.segments(rgb)
    assert runs == {"encoder": 1, "decoder": 1 + 2 * 4}, "one embedding for a click and for all the grid's batches"
    assert engine.segments(rgb.copy()) is segments
    assert runs["decoder"] == 9
    assert isinstance(engine, Parser)
    assert segments.labels == ("",) * len(found)
    assert segments.scores == tuple(min(1.0, each.score) for each in found)
    np.testing.assert_array_equal(segments.number >= 0, np.any([each.mask for each in found], axis=0))
    for number, each in enumerate(found):
        seen = segments.number == number
        assert not (seen & ~each.mask).any()
        for front in np.unique(segments.number[each.mask & ~seen]):
            assert found[front].mask.sum() <= each.mask.sum()


@pytest.fixture(scope="module")
def sam2(tmp_path_factory: pytest.TempPathFactory) -> tuple[Promptable, Any, Any]:
    folder = tmp_path_factory.mktemp("sam2")
    theirs = tiny_sam2(folder)
    return load_sam2(folder, name="sam2.1-tiny", device="cpu"), *theirs


def test_sam2_finds_what_the_pipeline_of_transformers_finds(sam2: tuple[Promptable, Any, Any]) -> None:
    """On a square picture: on others the pipeline's clicks lie elsewhere than its processor would put them."""
    engine, model, processor = sam2
    rgb = picture(120, 120)
    generate = pipeline("mask-generation", model=model, image_processor=processor.image_processor, device="cpu")
    for score, stability, overlap in ((0, 0.1, 0.99), (0.1, 0.25, 0.9)):
        settings = AutomaticSettings(8, 20, least_score=score, least_stability=stability, most_overlap=overlap)
        theirs = generate(
            Image.fromarray(rgb), points_per_batch=20, points_per_crop=8, pred_iou_thresh=score,
            stability_score_thresh=stability, crops_nms_thresh=overlap,
        )  # fmt: skip
        found = everything(engine._model, rgb, settings)
        assert len(found) == len(theirs["masks"]) > 0
        for one, mask, rated in zip(found, theirs["masks"], theirs["scores"], strict=True):
            assert one.score == pytest.approx(float(rated), abs=1e-5)
            assert (one.mask != np.array(mask)).mean() < 1e-3
