"""One frame of a removal before the whole clip."""

import numpy as np
import pytest

from avfusion.errors import MaskCountMismatch, MaskSizeMismatch, PromptOutside, Stopped, UsageError
from avfusion.inpainting.telea import Telea
from avfusion.media.cut import cut, later
from avfusion.media.mask_folder import MaskFolder
from avfusion.media.probe import probe
from avfusion.pipelines.frame import one_frame
from avfusion.pipelines.remove_holes import grown, in_blocks
from avfusion.pipelines.remove_preview import preview, thinned
from avfusion.pipelines.remove_settings import RemoveSettings
from tests.pipelines.conftest import FRAMES


def test_it_is_what_the_engine_paints_on_that_frame(made):
    clip, settings = probe(made.clip), RemoveSettings(grow_px=4)
    shown = preview(clip, 9, made.truth[9], engine="telea", settings=settings)
    frame = one_frame(clip, 9)
    assert np.array_equal(shown.hole, in_blocks(grown(made.truth[9], 4)))
    assert np.array_equal(shown.rgb, Telea().paint(frame.rgb, shown.hole))
    assert np.array_equal(shown.invented, shown.hole)
    assert not shown.seen.any()
    assert not shown.shadow.any()
    assert shown.engine == "telea"


@pytest.mark.parametrize("kind", ["the mask of that frame", "the masks of the clip"])
def test_neighbours_show_what_lies_behind(made, kind):
    clip = probe(made.clip)
    mask = made.truth[12] if kind == "the mask of that frame" else MaskFolder(made.masks, clip)
    told = []
    shown = preview(clip, 12, mask, on_progress=told.append)
    frame = one_frame(clip, 12)
    assert np.array_equal(shown.rgb[~shown.hole], frame.rgb[~shown.hole])
    assert np.array_equal(shown.seen | shown.invented, shown.hole)
    assert not (shown.seen & shown.invented).any()
    assert shown.seen.sum() > 0.4 * shown.hole.sum()
    assert (shown.hole & made.truth[12]).sum() == made.truth[12].sum()
    assert "holes" in {p.stage for p in told}


def test_every_few_frames_are_a_clip_of_their_own(made):
    clip = probe(made.clip)
    few = thinned(clip, 5)
    assert few.frame_count == 5
    assert [few.time(k) for k in range(5)] == [clip.time(5 * k) for k in range(5)]
    assert [frame.index for frame in few.frames()] == [0, 1, 2, 3, 4]
    assert [frame.index for frame in few.frames(1, 4, backwards=True)] == [3, 2, 1]
    whole = list(clip.frames())
    for frame in few.frames():
        assert np.array_equal(frame.rgb, whole[5 * frame.index].rgb)
    assert thinned(clip, 1) is clip


def test_shadows_are_shown_before_the_run(made):
    """The ball has none: what is taken for one stays small, and apart from the ball."""
    shown = preview(made.clip, 12, made.truth[12], engine="telea", settings=RemoveSettings(shadows=True))
    assert shown.shadow.sum() < 0.1 * shown.hole.sum()
    assert (shown.shadow & ~shown.hole).sum() == 0


@pytest.mark.parametrize(
    ("frame", "mask", "error", "words"),
    [
        (FRAMES, "whole", PromptOutside, "frames 0 to 23"),
        (3, np.ones((9, 9), bool), MaskSizeMismatch, "9 x 9"),
        (3, np.zeros((180, 320), bool), UsageError, "empty"),
        (3, "part", MaskCountMismatch, "10 frames"),
    ],
)
def test_bad_requests_are_refused(made, frame, mask, error, words):
    clip = probe(made.clip)
    if isinstance(mask, str):
        whole = MaskFolder(made.masks, clip)
        mask = whole if mask == "whole" else later(whole, 0, 10)
    with pytest.raises(error, match=words):
        preview(clip, frame, mask, engine="telea")


def test_it_can_be_stopped(made):
    with pytest.raises(Stopped):
        preview(made.clip, 5, made.truth[5], engine="telea", should_stop=lambda: True)


def test_a_picture_is_its_own_clip(made):
    clip = cut(probe(made.clip), 4, 5)
    shown = preview(clip, 0, made.truth[4])
    assert np.array_equal(shown.invented, shown.hole)
