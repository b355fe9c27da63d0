"""A track that is stopped anywhere and gone on with has the same masks, bit for bit."""

from pathlib import Path

import pytest

from avfusion.clip import Box, Clip, Point, Prompt
from avfusion.errors import Stopped
from avfusion.media.probe import probe
from avfusion.pipelines.keep import Keep
from avfusion.pipelines.track import Tracking, track
from tests.jobs.making import FRAMES, ball_clip

PIECE = 4
LOGS: dict[str, list[Prompt]] = {
    "both ways, two objects": [Box(66, 28, 106, 68, frame=12), Box(10, 10, 40, 40, frame=12, object=2)],
    "corrected later": [Box(30, 28, 70, 68), Point(98, 48, frame=16), Point(70, 80, keep=False, frame=16)],
}


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    return probe(ball_clip(tmp_path_factory.mktemp("clip") / "ball.mp4"))


def rows(tracking: Tracking) -> dict[int, tuple[list[bytes], list[float]]]:
    found = tracking.track
    return {
        number: ([found.bits[number][frame].tobytes() for frame in range(FRAMES)], found.confidence[number].tolist())
        for number in found.objects
    }


@pytest.mark.parametrize("log", LOGS.values(), ids=LOGS.keys())
def test_stopped_anywhere_the_masks_are_the_same(clip: Clip, tmp_path: Path, log: list[Prompt]) -> None:
    plain = track(clip, log, folder=tmp_path / "plain", engine="flow", segmenter="grabcut")
    keep = Keep(tmp_path / "kept", segment_frames=PIECE)
    made: list[int] = []
    for _ in range(40):
        # The shots are looked for first; they are not kept half-way, and are soon there.
        questions = iter(range(FRAMES + PIECE + 2))
        try:
            pieced = track(
                clip, log, folder=tmp_path / "none", engine="flow", segmenter="grabcut", keep=keep,
                should_stop=lambda: next(questions, None) is None,  # noqa: B023
            )  # fmt: skip
            break
        except Stopped:
            made.append(1)
    assert made, "it was never stopped"
    assert rows(pieced) == rows(plain)
    assert pieced.frames_tracked < plain.frames_tracked
    assert not (tmp_path / "none").exists()
    assert not list((tmp_path / "kept").rglob("*.part"))
    assert not list((tmp_path / "kept").rglob("*.aside"))


def test_a_track_of_another_wish_is_not_taken(clip: Clip, tmp_path: Path) -> None:
    keep = Keep(tmp_path / "kept", segment_frames=PIECE)
    wishes = ([Box(30, 28, 70, 68)], [Box(10, 10, 40, 40)], [Box(30, 28, 70, 68)])
    found = []
    for log in wishes:
        made = track(clip, log, folder=tmp_path, engine="flow", segmenter="grabcut", keep=keep)
        found.append((made.frames_tracked, rows(made)))
    assert [frames for frames, _ in found] == [FRAMES - 1, FRAMES - 1, 0]
    assert found[0][1] == found[2][1] != found[1][1]
