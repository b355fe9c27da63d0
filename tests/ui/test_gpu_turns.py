"""A job on a card that is lent for a minute: how long is asked for, and that a job goes on where a turn ended.

There is no ZeroGPU here. A package `spaces` written to disk stands in for it: it notes the durations that are asked
for, lets through only what can be pickled, as the real one does, and takes the card back when it is told to.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from avfusion.engines.devices import is_lent
from avfusion.errors import OverLimit, Stopped
from avfusion.jobs.adopt import Started
from avfusion.jobs.run import run, start
from avfusion.jobs.schema import SwapOptions
from avfusion.pipelines.progress import Progress
from avfusion.pipelines.swap import SwapSettings
from avfusion.ui.gpu_turns import run_in_turns, seconds_of
from tests.jobs.making import BOX, ball_clip, heard, shown

SPACES = """
import pickle
import gradio
asked, take_back, refuse = [], [], []

def GPU(task=None, *, duration=None):
    if task is None:
        return lambda task: GPU(task, duration=duration)

    def lent(*arguments):
        asked.append(duration(*arguments))
        if refuse:
            raise gradio.Error(refuse.pop(), print_exception=False)
        stage = take_back.pop() if take_back else None
        said = task(*pickle.loads(pickle.dumps(arguments)))
        try:
            for word in said:
                word = pickle.loads(pickle.dumps(word))
                yield word
                if stage is not None and getattr(word, "stage", "") == stage:
                    raise gradio.Error("GPU task aborted", print_exception=False)
        finally:
            said.close()

    return lent
"""


@pytest.fixture
def spaces(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[object]:
    folder = tmp_path_factory.mktemp("standing-in")
    (folder / "spaces.py").write_text(SPACES)
    monkeypatch.syspath_prepend(folder)
    monkeypatch.delitem(sys.modules, "spaces", raising=False)
    monkeypatch.setenv("SPACES_ZERO_GPU", "true")
    import spaces

    assert spaces.__file__ == str(folder / "spaces.py")
    yield spaces
    monkeypatch.delitem(sys.modules, "spaces")


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return ball_clip(tmp_path_factory.mktemp("clip") / "ball.mp4", frames=60)


def started(clip: Path, out: Path) -> Started:
    options = SwapOptions("#204060")
    settings = SwapSettings(edges="hard")
    return start("swap", inputs={"clip": clip}, out=out, prompts=[BOX], settings=settings, options=options)


def go(job: Started, out: Path, told: list[Progress] | None = None) -> object:
    said = [] if told is None else told
    return run_in_turns(job, out=out, on_progress=said.append, should_stop=lambda: False)


def test_elsewhere_a_job_runs_as_it_is(clip: Path, tmp_path: Path) -> None:
    assert not is_lent()
    go(started(clip, tmp_path / "one.mp4"), tmp_path / "one.mp4")
    run(started(clip, tmp_path / "other.mp4"))
    assert shown(tmp_path / "one.mp4") == shown(tmp_path / "other.mp4")


def test_a_card_that_is_taken_back_costs_no_frame(spaces: object, clip: Path, tmp_path: Path) -> None:
    job = started(clip, tmp_path / "one.mp4")
    spaces.take_back[:] = ["tracking"]  # type: ignore[attr-defined]
    told: list[Progress] = []
    assert is_lent()
    go(job, tmp_path / "one.mp4", told)
    assert is_lent()
    assert len(spaces.asked) == 2  # type: ignore[attr-defined]
    assert told  # what is told is what is newest when somebody looks, so not every stage
    run(started(clip, tmp_path / "other.mp4"))
    assert shown(tmp_path / "one.mp4") == shown(tmp_path / "other.mp4")
    assert heard(tmp_path / "one.mp4") == heard(tmp_path / "other.mp4")


def test_as_long_is_asked_for_as_the_clip_needs_and_no_longer_than_allowed(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = started(clip, tmp_path / "out.mp4").folder
    assert seconds_of(folder) == 30
    monkeypatch.setattr("avfusion.ui.gpu_turns._SECONDS_PER_GIGAPIXEL", 1e6)
    assert seconds_of(folder) == 60
    monkeypatch.setenv("AVFUSION_GPU_TURN_SECONDS", "45")
    assert seconds_of(folder) == 45


def test_what_never_comes_further_is_given_up(spaces: object, clip: Path, tmp_path: Path) -> None:
    asked = spaces.asked  # type: ignore[attr-defined]
    spaces.refuse[:] = ["GPU task aborted"] * 9  # type: ignore[attr-defined]
    with pytest.raises(OverLimit, match="One piece of this job takes longer than the 120 seconds of the card"):
        go(started(clip, tmp_path / "out.mp4"), tmp_path / "out.mp4")
    assert asked == [30, 60, 120]


def test_what_zerogpu_says_of_quotas_is_said(spaces: object, clip: Path, tmp_path: Path) -> None:
    spaces.refuse[:] = ["You have exceeded your GPU quota."]  # type: ignore[attr-defined]
    with pytest.raises(OverLimit, match="exceeded your GPU quota"):
        go(started(clip, tmp_path / "out.mp4"), tmp_path / "out.mp4")


def test_whoever_stops_ends_the_turn(spaces: object, clip: Path, tmp_path: Path) -> None:
    job = started(clip, tmp_path / "out.mp4")
    with pytest.raises(Stopped):
        run_in_turns(job, out=tmp_path / "out.mp4", on_progress=lambda _: None, should_stop=lambda: True)
    assert spaces.asked == [30]  # type: ignore[attr-defined]
    assert list(tmp_path.iterdir()) == []
