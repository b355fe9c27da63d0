"""How far a whole run is: by what its stages cost, and never back."""

import pytest

from avfusion.pipelines.progress import Overall, Progress, Teller


def told_by(costs: dict[str, float], stages: list[tuple[str, int, int]]) -> list[float | None]:
    told: list[Progress] = []
    overall = Overall(told.append, costs)
    for stage, done, total in stages:
        overall(Progress(stage, done, total, 1.0, None))
    return [now.overall for now in told]


def test_each_stage_has_its_share() -> None:
    stages = [("tracking", 5, 10), ("tracking", 10, 10), ("rendering", 1, 4), ("rendering", 4, 4)]
    assert told_by({"tracking": 3, "rendering": 1}, stages) == pytest.approx([0.375, 0.75, 0.8125, 1])


def test_what_nobody_reckoned_with_moves_nothing() -> None:
    stages = [("tracking", 1, 2), ("learning", 9, 10), ("rendering", 1, 2)]
    assert told_by({"tracking": 1, "rendering": 1}, stages) == pytest.approx([0.25, 0.25, 0.75])


def test_it_never_goes_back() -> None:
    stages = [("tracking", 8, 10), ("tracking", 8, 20), ("rendering", 0, 5)]
    assert told_by({"tracking": 1, "rendering": 1}, stages) == pytest.approx([0.4, 0.4, 0.5])


def test_a_teller_alone_says_nothing_of_it() -> None:
    told: list[Progress] = []
    Teller("rendering", 1, told.append, None).step()
    assert told[0].overall is None
