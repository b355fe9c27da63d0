"""A memory tracker through the product: from the hub's folder, both ways, corrected, from masks to a finished track."""

from pathlib import Path

import numpy as np
import pytest
import torch

from avfusion.clip import Box, Clip, Drawn
from avfusion.engines.catalogue import find
from avfusion.engines.engine import HubFiles
from avfusion.media.probe import probe
from avfusion.pipelines.segment import segment
from avfusion.pipelines.track import track
from avfusion.tracking.sam2_video import load_sam2_video
from tests.engines.test_segmenters import put
from tests.pipelines.conftest import encode
from tests.tracking.tiny_video import tiny_sam2_video

FRAMES, HEIGHT, WIDTH = 13, 64, 96


@pytest.fixture
def source() -> HubFiles:
    torch.manual_seed(0)
    (source,) = find("sam2.1-tiny", "tracking").sources
    assert isinstance(source, HubFiles)
    put(source, tiny_sam2_video)
    return source


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    spots = np.kron(np.random.default_rng(5).integers(0, 256, (8, 24, 3), np.uint8), np.ones((8, 8, 1), np.uint8))
    frames = np.stack([spots[:, 2 * index : 2 * index + WIDTH] for index in range(FRAMES)])
    return probe(encode(frames, tmp_path_factory.mktemp("neural") / "clip.mp4", sound=False))


def square(left: int) -> np.ndarray:
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[16:44, left : left + 30] = True
    return mask


def test_both_ways_from_a_middle_frame_with_a_correction(source: HubFiles, clip: Clip, tmp_path: Path) -> None:
    from avfusion.engines.folders import hub_snapshot

    log = [Drawn(square(20), frame=6), Drawn(square(60), frame=6, object=2)]
    found = track(clip, log, folder=tmp_path, engine="sam2.1-tiny", device="cpu")
    assert found.engines["tracking"] == "sam2.1-tiny"
    assert found.frames_tracked == FRAMES - 1
    assert found.track.objects == (1, 2)
    own = load_sam2_video(hub_snapshot(source), name="sam2.1-tiny", device="cpu")
    middle = next(clip.frames(6, 7))
    for indices in (range(7, FRAMES), range(5, -1, -1)):
        state = own.begin(middle, {1: square(20), 2: square(60)})
        for index in indices:
            tracked = state.step(next(clip.frames(index, index + 1)))
            for number in (1, 2):
                np.testing.assert_array_equal(found.track.mask(index, number), tracked.masks[number])
    shown = [found.track.mask(index, 1).mean() for index in range(FRAMES)]
    assert len(set(shown)) > 5

    right = Drawn(square(30), frame=10)
    corrected = track(clip, [*log, right], folder=tmp_path, engine="sam2.1-tiny", device="cpu")
    np.testing.assert_array_equal(corrected.track.mask(10, 1), right.mask & ~corrected.track.mask(10, 2))
    assert corrected.track.confidence[1][10] == 1
    np.testing.assert_array_equal(corrected.track.mask(3, 1), found.track.mask(3, 1))
    assert any((corrected.track.mask(index, 1) != found.track.mask(index, 1)).any() for index in (11, 12))


def test_a_segment_by_name_says_who_made_it(source: HubFiles, clip: Clip, tmp_path: Path) -> None:
    box = Box(16, 12, 60, 50)
    done = segment(clip, [box], out=tmp_path / "masks", engine="sam2.1-tiny", segmenter="grabcut", device="cpu")
    assert len(list((tmp_path / "masks").glob("*.png"))) == FRAMES
    assert "sam2.1-tiny" in str(done.engines)
