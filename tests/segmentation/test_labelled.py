"""DETR, Mask2Former and SegFormer through their loading code, against transformers' own post-processing; and what
clicks, boxes and words choose of it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch

from avfusion.clip import Box, Drawn, Point, Words
from avfusion.errors import NoPrompt, NothingFound, UsageError
from avfusion.segmentation.labelled import Labelled
from avfusion.segmentation.panoptic import load_detr, load_mask2former
from avfusion.segmentation.semantic import load_segformer
from tests.segmentation.tiny_transformers import NAMES, tiny_detr, tiny_mask2former, tiny_segformer

HEIGHT, WIDTH = 90, 140
RGB = cv2.resize(
    np.random.default_rng(3).integers(0, 256, (6, 9, 3), np.uint8), (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC
)
KINDS: dict[str, tuple[Callable[[Path], tuple[Any, Any]], Callable[..., Labelled]]] = {
    "detr": (tiny_detr, load_detr),
    "mask2former": (tiny_mask2former, load_mask2former),
    "segformer": (tiny_segformer, load_segformer),
}


@pytest.fixture(scope="module", params=KINDS)
def engine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Labelled, Any, Any]:
    make, load = KINDS[request.param]
    folder = tmp_path_factory.mktemp(request.param)
    model, processor = make(folder)
    return load(folder, name=request.param, device="cpu"), model, processor


def by_transformers(model: Any, processor: Any) -> list[tuple[str, Any]]:
    """(label, mask bool [H, W]) of each panoptic segment, or of each class."""
    inputs = processor(images=RGB, return_tensors="pt")
    with torch.no_grad():
        outputs = model(**inputs)
    if hasattr(processor, "post_process_panoptic_segmentation"):
        (found,) = processor.post_process_panoptic_segmentation(
            outputs, target_sizes=[(HEIGHT, WIDTH)], label_ids_to_fuse=set()
        )
        raw = found["segmentation"].numpy()
        return [(NAMES[info["label_id"]], raw == info["id"]) for info in found["segments_info"]]
    (classes,) = processor.post_process_semantic_segmentation(outputs, target_sizes=[(HEIGHT, WIDTH)])
    return [(NAMES[int(kind)], classes.numpy() == kind) for kind in np.unique(classes.numpy())]


def test_segments_are_those_of_transformers(engine: tuple[Labelled, Any, Any]) -> None:
    ours, model, processor = engine
    theirs = by_transformers(model, processor)
    segments = ours.segments(RGB)
    assert len(segments.labels) > 1
    for label in NAMES.values():
        expected = np.zeros((HEIGHT, WIDTH), bool)
        for _, mask in [pair for pair in theirs if pair[0] == label]:
            expected |= mask
        found = segments.mask([number for number, name in enumerate(segments.labels) if name == label])
        np.testing.assert_array_equal(found, expected, err_msg=label)
    if hasattr(processor, "post_process_panoptic_segmentation"):
        assert list(segments.labels) == [label for label, _ in theirs], "each instance is a segment of its own"
    assert all(0 <= score <= 1 for score in segments.scores)


def test_words_name_every_instance(engine: tuple[Labelled, Any, Any]) -> None:
    ours, model, processor = engine
    theirs = by_transformers(model, processor)
    labels = [label for label, _ in theirs]
    most = max(set(labels), key=labels.count)
    expected = np.any([mask for label, mask in theirs if label == most], axis=0)
    for words in (most, f"  {most.upper()} "):
        np.testing.assert_array_equal(ours.segment(RGB, [Words(words)]).masks[1], expected)


def test_a_click_takes_the_segment_under_it_and_another_gives_it_back(engine: tuple[Labelled, Any, Any]) -> None:
    ours = engine[0]
    segments = ours.segments(RGB)
    area = np.bincount(segments.number[segments.number >= 0])
    large, other = np.argsort(-area)[:2]
    (y, x), (v, u) = (np.argwhere(segments.number == number)[0] for number in (large, other))
    one = ours.segment(RGB, [Point(x, y)])
    np.testing.assert_array_equal(one.masks[1], segments.number == large)
    assert one.confidence[1] == pytest.approx(segments.scores[large])
    both = ours.segment(RGB, [Point(x, y), Point(u, v)]).masks[1]
    np.testing.assert_array_equal(both, np.isin(segments.number, [large, other]))
    back = ours.segment(RGB, [Point(x, y), Point(u, v), Point(u, v, keep=False)]).masks[1]
    np.testing.assert_array_equal(back, one.masks[1])
    apart = ours.segment(RGB, [Point(x, y), Point(u, v, object=4)]).masks
    np.testing.assert_array_equal(apart[4], segments.number == other)


def test_clicks_correct_what_was_known(engine: tuple[Labelled, Any, Any]) -> None:
    ours = engine[0]
    segments = ours.segments(RGB)
    known = np.zeros((HEIGHT, WIDTH), bool)
    known[10:60, 20:90] = True
    under = segments.number == segments.number[30, 40]
    dropped = ours.segment(RGB, [Point(40, 30, keep=False)], prior={1: known}).masks[1]
    np.testing.assert_array_equal(dropped, known & ~under)
    kept = ours.segment(RGB, [Point(40, 30)], prior={1: known}).masks[1]
    np.testing.assert_array_equal(kept, known | under)
    np.testing.assert_array_equal(ours.segment(RGB, [Drawn(known)]).masks[1], known)
    with pytest.raises(NoPrompt):
        ours.segment(RGB, [Point(40, 30, keep=False)])


def test_a_box_takes_what_lies_in_it(engine: tuple[Labelled, Any, Any]) -> None:
    ours = engine[0]
    segments = ours.segments(RGB)
    found = ours.segment(RGB, [Box(0, 0, WIDTH, HEIGHT)]).masks[1]
    np.testing.assert_array_equal(found, segments.number >= 0)


def test_unknown_words_are_refused_with_what_is_near(engine: tuple[Labelled, Any, Any]) -> None:
    with pytest.raises(UsageError, match="no name for 'dinning table' among its 6; near are dining table"):
        engine[0].segment(RGB, [Words("dinning table")])
    with pytest.raises(UsageError, match="empty"):
        engine[0].segment(RGB, [Words("  ")])
    there = set(engine[0].segments(RGB).labels)
    absent = next(label for label in ("person", "dog", "sky-other-merged") if label not in there)
    with pytest.raises(NothingFound, match="was not found in the picture"):
        engine[0].segment(RGB, [Words(absent)])
