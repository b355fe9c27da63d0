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

SPAN = (0, 24)
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


def boxes(made, prompts, folder, span=SPAN):
    """object -> the frame of its box, which says which source it is."""
    got = placed(probe(made.clip), prompts, folder=folder, span=span).prompts
    return {prompt.object: prompt.frame for prompt in got}


@pytest.mark.parametrize(
    ("prompts", "expected"),
    [
        ([Sounding()], {1: 1}),
        ([Sounding(object=5)], {5: 1}),
        ([Sounding(object=2), Sounding(object=1)], {1: 1, 2: 2}),
        ([Sounding(frame=20)], {1: 2}),
        ([Sounding(frame=2), Sounding(frame=20)], {1: 3}),
        # Who names a frame chooses first: only a and c sound at frame 2.
        ([Sounding(object=1), Sounding(frame=2, object=2)], {1: 2, 2: 1}),
        ([Sounding(frame=11, object=1), Sounding(frame=11, object=2)], {1: 1, 2: 3}),
    ],
)
def test_which_source_is_meant(made, three, tmp_path, prompts, expected):
    assert boxes(made, prompts, tmp_path) == expected


def test_the_rest_of_the_log_stays_in_its_order(made, three, tmp_path):
    log = [Point(9, 9, object=2), Sounding(object=1), Point(5, 5, keep=False, frame=1, object=1), Sounding(object=1)]
    got = placed(probe(made.clip), log, folder=tmp_path, span=SPAN)
    assert got.prompts == (log[0], A, log[2])
    assert got.used["sounding"].engine.name == "scripted"
    assert "Object 1 is what makes the sound (a): 90% sure." in got.notes
    placed(probe(made.clip), log, folder=tmp_path, span=SPAN)
    assert len(three.heard) == 1


def test_a_log_without_it_asks_nobody(made, three, tmp_path):
    log = (Point(9, 9),)
    assert placed(probe(made.clip), log, folder=tmp_path, span=SPAN).prompts == log
    assert three.heard == []


def test_what_is_not_there(made, three, monkeypatch, tmp_path):
    log = [Sounding(object=number) for number in (1, 2, 3, 4)]
    with pytest.raises(NothingFound, match=r"clip.mp4: object 4: only 3 sources of sound were found"):
        boxes(made, log, tmp_path)
    log = [Sounding(frame=2, object=number) for number in (1, 2, 3)]
    with pytest.raises(NothingFound, match=r"object 3: 3 sources .* none that is free sounds at frame 2"):
        boxes(made, log, tmp_path)
    with pytest.raises(PromptOutside, match="frame 2 is not looked for: only frames 6 to 23"):
        boxes(made, [Sounding(frame=2)], tmp_path, span=(6, 24))
    with pytest.raises(PromptOutside, match="outside the clip"):
        boxes(made, [Sounding(frame=24)], tmp_path)
    with pytest.raises(CannotRead, match="no sound"):
        placed(probe(made.scene), [Sounding()], folder=tmp_path, span=(0, 12))
    scripted(lambda clip, sound, wish: Sources((), abstained="The evidence is weak."), monkeypatch)
    with pytest.raises(NothingFound, match=r"not found\. The evidence is weak\. Click on the object"):
        boxes(made, [Sounding()], tmp_path / "new")
    with pytest.raises(UsageError, match="nope"):
        placed(probe(made.clip), [Sounding()], folder=tmp_path, locator="nope", span=SPAN)


@pytest.fixture
def ball(made, monkeypatch):
    """The ball, found on frame 8, sounds in the first half alone."""
    answer = Sources((source(1, Drawn(made.truth[8], frame=8), sounds=(1, 0)),), 0.5)
    return scripted(lambda clip, sound, wish: answer, monkeypatch)


def overlap(found, truth):
    return (found & truth).sum() / (found | truth).sum()


def test_the_mask_holds_whether_it_sounds_or_not(made, ball, tmp_path):
    tracking = track(probe(made.clip), [Sounding()], folder=tmp_path)
    assert all(overlap(tracking.track.mask(frame, 1), made.truth[frame]) > 0.7 for frame in (0, 8, 20))
    assert tracking.engines == {"sounding": "scripted", "segmentation": "grabcut", "tracking": "flow"}
    assert isinstance(tracking.prompts[0], Drawn)
    # A correction costs no listening.
    again = track(probe(made.clip), [Sounding(), Drawn(made.truth[20], frame=20)], folder=tmp_path)
    assert len(ball.heard) == 1
    assert overlap(again.track.mask(20, 1), made.truth[20]) == 1


def test_every_verb_takes_it(made, ball, tmp_path):
    span = (6, 12)
    # The engine sees the part alone, and its frame 2 is the clip's frame 8.
    ball.answer = lambda clip, sound, wish: Sources((source(1, Drawn(made.truth[8], frame=2)),), 0.5)
    report = segment(made.clip, [Sounding()], out=tmp_path / "masks", span=span, locator="scripted")
    assert report.engines["sounding"] == "scripted"
    assert overlap(np.asarray(Image.open(tmp_path / "masks" / "00002.png")) > 0, made.truth[8]) == 1
    report = swap(made.clip, [Sounding()], background="#0000ff", out=tmp_path / "swap.mp4", span=span)
    assert report.engines["sounding"] == "scripted"
    swapped = next(probe(tmp_path / "swap.mp4").frames(2)).rgb
    assert (swapped[~made.truth[8]][:, 2] > 200).mean() > 0.9
    report = remove(made.clip, [Sounding()], out=tmp_path / "remove.mp4", span=span, engine="telea")
    assert report.engines["sounding"] == "scripted"
    assert "segmentation" not in report.engines  # a drawn mask is taken as it is
    report = fuse(made.clip, [Sounding()], background="#0000ff", out=tmp_path / "fuse.mp4", span=span)
    assert report.engines["sounding"] == "scripted"
    assert report.engines["tracking"] == "flow"
