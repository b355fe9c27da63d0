"""`Sounding` as a prompt: which source it means, and that every verb takes it."""

import numpy as np
import pytest
from PIL import Image

from avfusion.clip import Box, Drawn, Point, Sounding
from avfusion.errors import CannotRead, NothingFound, PromptOutside, UsageError
from avfusion.media.probe import probe
from avfusion.pipelines.by_sound import placed
from avfusion.pipelines.fuse import fuse
from avfusion.pipelines.remove import remove
from avfusion.pipelines.segment import segment
from avfusion.pipelines.swap import swap
from avfusion.pipelines.track import track
from avfusion.sounding import Sources
from tests.pipelines.sounders import scripted, source

SPAN = (0, 12)
A, B, C = (Box(place, 10, place + 20, 40, frame=place) for place in (1, 2, 3))


@pytest.fixture
def three(monkeypatch):
    """Sources a, b, c, the surest first: a sounds in the first half, b in the second, c throughout."""

    def answer(clip, sound, wish):
        return Sources(
            (
                source(1, A, sounds=(1, 0), confidence=0.9, name="a"),
                source(2, B, sounds=(0, 1), confidence=0.8),
                source(3, C, sounds=(1, 1), confidence=0.7),
            ),
            0.5,
        )

    return scripted(answer, monkeypatch)


def boxes(small, prompts, folder, span=SPAN):
    """object -> the frame of its box, which says which source it is."""
    got = placed(probe(small.clip), prompts, folder=folder, span=span).prompts
    return {prompt.object: prompt.frame for prompt in got}


@pytest.mark.parametrize(
    ("prompts", "expected"),
    [
        ([Sounding()], {1: 1}),
        ([Sounding(object=5)], {5: 1}),
        ([Sounding(object=2), Sounding(object=1)], {1: 1, 2: 2}),
        ([Sounding(frame=10)], {1: 2}),
        ([Sounding(frame=2), Sounding(frame=10)], {1: 3}),
        # Who names a frame chooses first: only a and c sound at frame 2.
        ([Sounding(object=1), Sounding(frame=2, object=2)], {1: 2, 2: 1}),
        ([Sounding(frame=5, object=1), Sounding(frame=5, object=2)], {1: 1, 2: 3}),
    ],
)
def test_which_source_is_meant(small, three, tmp_path, prompts, expected):
    assert boxes(small, prompts, tmp_path) == expected


def test_the_rest_of_the_log_stays_in_its_order(small, three, tmp_path):
    log = [Point(9, 9, object=2), Sounding(object=1), Point(5, 5, keep=False, frame=1, object=1), Sounding(object=1)]
    got = placed(probe(small.clip), log, folder=tmp_path, span=SPAN)
    assert got.prompts == (log[0], A, log[2])
    assert got.used["sounding"].engine.name == "scripted"
    assert "Object 1 is what makes the sound (a): 90% sure." in got.notes
    placed(probe(small.clip), log, folder=tmp_path, span=SPAN)
    assert len(three.heard) == 1


def test_a_log_without_it_asks_nobody(small, three, tmp_path):
    log = (Point(9, 9),)
    assert placed(probe(small.clip), log, folder=tmp_path, span=SPAN).prompts == log
    assert three.heard == []


def test_what_is_not_there(small, three, monkeypatch, tmp_path):
    log = [Sounding(object=number) for number in (1, 2, 3, 4)]
    with pytest.raises(NothingFound, match=r"clip.mp4: object 4: only 3 sources of sound were found"):
        boxes(small, log, tmp_path)
    log = [Sounding(frame=2, object=number) for number in (1, 2, 3)]
    with pytest.raises(NothingFound, match=r"object 3: 3 sources .* none that is free sounds at frame 2"):
        boxes(small, log, tmp_path)
    with pytest.raises(PromptOutside, match="frame 2 is not looked for: only frames 6 to 11"):
        boxes(small, [Sounding(frame=2)], tmp_path, span=(6, 12))
    with pytest.raises(PromptOutside, match="outside the clip"):
        boxes(small, [Sounding(frame=12)], tmp_path)
    with pytest.raises(CannotRead, match="no sound"):
        placed(probe(small.scene), [Sounding()], folder=tmp_path, span=(0, 6))
    scripted(lambda clip, sound, wish: Sources((), abstained="The evidence is weak."), monkeypatch)
    with pytest.raises(NothingFound, match=r"not found\. The evidence is weak\. Mark the object itself"):
        boxes(small, [Sounding()], tmp_path / "new")
    with pytest.raises(UsageError, match="nope"):
        placed(probe(small.clip), [Sounding()], folder=tmp_path, locator="nope", span=SPAN)


@pytest.fixture
def ball(small, monkeypatch):
    """The ball, found on frame 8, sounds in the first half alone."""
    answer = Sources((source(1, Drawn(small.truth[4], frame=4), sounds=(1, 0)),), 0.5)
    return scripted(lambda clip, sound, wish: answer, monkeypatch)


def overlap(found, truth):
    return (found & truth).sum() / (found | truth).sum()


def test_the_mask_holds_whether_it_sounds_or_not(small, ball, tmp_path):
    tracking = track(probe(small.clip), [Sounding()], folder=tmp_path)
    assert all(overlap(tracking.track.mask(frame, 1), small.truth[frame]) > 0.7 for frame in (0, 4, 10))
    assert tracking.engines == {"sounding": "scripted", "segmentation": "grabcut", "tracking": "flow"}
    assert isinstance(tracking.prompts[0], Drawn)
    # A correction costs no listening.
    again = track(probe(small.clip), [Sounding(), Drawn(small.truth[10], frame=10)], folder=tmp_path)
    assert len(ball.heard) == 1
    assert overlap(again.track.mask(10, 1), small.truth[10]) == 1


def test_every_verb_takes_it(small, ball, tmp_path):
    span = (3, 6)
    # The engine sees the part alone, and its frame 1 is the clip's frame 4.
    ball.answer = lambda clip, sound, wish: Sources((source(1, Drawn(small.truth[4], frame=1)),), 0.5)
    report = segment(small.clip, [Sounding()], out=tmp_path / "masks", span=span, locator="scripted")
    assert report.engines["sounding"] == "scripted"
    assert overlap(np.asarray(Image.open(tmp_path / "masks" / "00001.png")) > 0, small.truth[4]) == 1
    report = swap(small.clip, [Sounding()], background="#0000ff", out=tmp_path / "swap.mp4", span=span)
    assert report.engines["sounding"] == "scripted"
    swapped = next(probe(tmp_path / "swap.mp4").frames(1)).rgb
    assert (swapped[~small.truth[4]][:, 2] > 200).mean() > 0.9
    report = remove(small.clip, [Sounding()], out=tmp_path / "remove.mp4", span=span, engine="telea")
    assert report.engines["sounding"] == "scripted"
    assert "segmentation" not in report.engines  # a drawn mask is taken as it is
    report = fuse(small.clip, [Sounding()], background="#0000ff", out=tmp_path / "fuse.mp4", span=span)
    assert report.engines["sounding"] == "scripted"
    assert report.engines["tracking"] == "flow"
