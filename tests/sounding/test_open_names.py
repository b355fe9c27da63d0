"""Names for what OV-AVSS finds: what CLIP is shown, what it is asked, and what is painted in which order."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from avfusion.errors import UsageError
from avfusion.sounding.naming import TEMPLATES, ClipNamer, load_clip_namer
from avfusion.sounding.open_names import PUBLISHED, PaintSettings, cut_out, name_shares, paint_closed, paint_names
from tests.sounding.tiny_sounders import tiny_clip

NAMES = ("dog", "cat", "violin")
SIDE = 32


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> tuple[ClipNamer, Any, Any]:
    folder: Path = tmp_path_factory.mktemp("clip")
    theirs = tiny_clip(folder)
    return load_clip_namer(folder, name="clip-vit-b16", device="cpu"), *theirs


def pictures(count: int, side: int = 48) -> np.ndarray:
    return np.random.default_rng(2).integers(0, 256, (count, side, side, 3), np.uint8)


def boxes(*places: tuple[int, int, int, int] | None, side: int = 48) -> torch.Tensor:
    """Logits [T, side, side]: sure of a box (top, left, height, width) in each picture, or of nothing."""
    logits = torch.full((len(places), side, side), -9.0)
    for row, place in zip(logits, places, strict=True):
        if place is not None:
            top, left, height, width = place
            row[top : top + height, left : left + width] = 9.0
    return logits


def by_transformers(clip: tuple[Any, ...], squares: torch.Tensor) -> torch.Tensor:
    """[names]: shares by `CLIPModel` as a whole, sentence by sentence."""
    _, model, processor = clip
    mean, deviation = (torch.tensor(values)[:, None, None] for values in (
        processor.image_processor.image_mean, processor.image_processor.image_std,
    ))  # fmt: skip
    rows = []
    for name in NAMES:
        said = processor.tokenizer([each.format(name) for each in TEMPLATES], padding=True, return_tensors="pt")
        with torch.no_grad():
            whole = model(**said, pixel_values=(squares - mean) / deviation)
        text = whole.text_embeds.mean(0)
        rows.append((whole.image_embeds @ (text / text.norm()) * model.logit_scale.exp()).mean())
    return torch.stack(rows).softmax(0)


def test_shares_are_those_of_transformers_on_the_same_cut_outs(clip: tuple[ClipNamer, Any, Any]) -> None:
    """Boxes as large as CLIP's pictures are, so that nothing is resampled; of the picture without a mask nothing."""
    rgb, logits = pictures(3), boxes((3, 5, SIDE, SIDE), None, (10, 0, SIDE, SIDE))
    sure = torch.tensor(9.0).sigmoid()
    seen = torch.from_numpy(np.stack([rgb[0, 3 : 3 + SIDE, 5 : 5 + SIDE], rgb[2, 10 : 10 + SIDE, :SIDE]]))
    expected = by_transformers(clip, seen.permute(0, 3, 1, 2).float() / 255 * sure)
    torch.testing.assert_close(name_shares(logits, rgb, NAMES, clip[0]), expected, rtol=0, atol=1e-4)
    assert expected.max() - expected.min() > 0.01


def test_without_a_mask_there_is_no_name(clip: tuple[ClipNamer, Any, Any]) -> None:
    assert name_shares(boxes(None, None), pictures(2), NAMES, clip[0]).tolist() == [0.0] * 3


def test_a_square_begins_at_the_box_and_is_as_wide_as_its_longer_side() -> None:
    """A box of 2 x 4 in rows 1 and 2, in a square of 4 x 4 with rows 1 to 4, of a picture that says where it is."""
    picture = torch.arange(64.0).reshape(1, 8, 8).expand(3, -1, -1) / 64
    logits = boxes((1, 2, 2, 4), side=8)[0]
    found = cut_out(picture, logits, 4)
    expected = (picture * logits.sigmoid())[:, 1:5, 2:6]
    torch.testing.assert_close(found, expected)
    assert found[:, 2:].max() < 1e-3


def test_beyond_the_picture_is_black_and_what_is_unsure_is_dim() -> None:
    white = torch.ones(3, 8, 8)
    # A box of 2 x 4 in the last two rows, which therefore needs two rows more than there are.
    low = cut_out(white, boxes((6, 0, 2, 4), side=8)[0], 4)
    assert bool((low[:, :2] > 0.99).all())
    # Which of the two it is at the rim itself is left to ROI align, which goes on with the last pixel for one more.
    assert not low[:, 3:].any()
    unsure = torch.where(boxes((0, 0, 8, 8), side=8)[0] > 0, 0.4, -9.0)
    torch.testing.assert_close(cut_out(white, unsure, 4), torch.full((3, 4, 4), torch.tensor(0.4).sigmoid().item()))


def said(*shares: tuple[float, ...]) -> torch.Tensor:
    return torch.tensor(shares).clamp(min=1e-9).log()


def test_what_scores_best_is_painted_first_and_stays() -> None:
    """Three queries of four classes (background, 1, 2) and nothing."""
    logits = said((0.0, 0.5, 0.4, 0.1), (0.0, 0.1, 0.6, 0.3), (0.0, 0.29, 0.0, 0.71))
    masks = torch.stack(
        [
            boxes((0, 0, 4, 8), None, side=8),
            boxes((2, 0, 4, 8), None, side=8),
            boxes((0, 0, 8, 8), (0, 0, 8, 8), side=8),
        ]
    )
    painted = paint_closed(logits, masks, (8, 8))
    assert painted.numbers[0, :, 0].tolist() == [1, 1, 2, 2, 2, 2, 0, 0]
    assert not painted.numbers[1].any()
    assert [(one.query, one.number) for one in painted.scored] == [(1, 2), (0, 1), (0, 2)]
    assert [one.score for one in painted.scored] == pytest.approx([0.6, 0.5, 0.4])
    assert len(paint_closed(logits, masks, (8, 8), PaintSettings(pairs=2)).scored) == 2
    assert not paint_closed(logits, masks, (8, 8), PaintSettings(score=0.61)).numbers.any()


def test_numbers_are_of_the_pictures_size() -> None:
    masks = boxes((0, 0, 4, 4), side=8)[None]
    painted = paint_closed(said((0.0, 1.0, 0.0)), masks, (16, 24))
    assert painted.numbers.shape == (1, 16, 24)
    assert painted.numbers[0, 0, 0] == 1
    assert painted.numbers[0, 15, 23] == 0
    assert painted.numbers[0].mean() == pytest.approx(0.25, abs=0.05)


def test_names_are_scored_by_what_sounds_only_where_it_is_wished(clip: tuple[ClipNamer, Any, Any]) -> None:
    rgb = pictures(2)
    masks = torch.stack([boxes((0, 0, 20, 20), None), boxes((20, 20, 20, 28), (8, 8, 30, 9))])
    shares = torch.stack([name_shares(logits, rgb, NAMES, clip[0]) for logits in masks])
    sounds = torch.tensor([0.9, 0.2])
    logits = torch.stack([sounds, 1 - sounds], dim=1).log()
    loose = replace(PUBLISHED, score=0.0)
    by_name = paint_names(logits, masks, rgb, NAMES, clip[0], loose)
    assert {(one.query, one.number): one.score for one in by_name.scored} == pytest.approx(
        {(query, name + 1): shares[query, name].item() for query in range(2) for name in range(3)}
    )
    both = paint_names(logits, masks, rgb, NAMES, clip[0], replace(loose, with_objectness=True))
    for one in both.scored:
        assert one.score == pytest.approx((sounds[one.query] * shares[one.query, one.number - 1]).item())
    # What is too unlikely to sound is not even looked at, and nothing would have come of it.
    strict = paint_names(logits, masks, rgb, NAMES, clip[0], PaintSettings(score=0.25))
    assert strict.scored == tuple(one for one in both.scored if one.score > 0.25)
    assert strict.scored
    assert all(one.query == 0 for one in strict.scored)
    assert strict.numbers[0, 5, 5] == strict.scored[0].number


def test_names_are_counted(clip: tuple[ClipNamer, Any, Any]) -> None:
    for names in ((), ("a",) * 256):
        with pytest.raises(UsageError, match=f"^{len(names)} names"):
            paint_names(torch.zeros(1, 2), boxes(None)[None], pictures(1), names, clip[0])
