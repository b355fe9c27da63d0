"""Configurations through JSON: the same back, of parts within parts, and nothing else taken for one."""

import json
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from avfusion.errors import CannotRead
from avfusion.sounding.networks.plain_config import as_plain, from_plain

SOURCE = Path("config.json")


@dataclass(frozen=True)
class Part:
    sizes: tuple[int, ...] = (1, 2)
    kind: str = "a"


@dataclass(frozen=True)
class Whole:
    share: float = 0.5
    learns: bool = False
    part: Part = field(default_factory=Part)


def test_json_gives_the_same_back() -> None:
    whole = Whole(0.25, True, Part((3,), "b"))
    assert from_plain(json.loads(json.dumps(as_plain(whole))), Whole(), SOURCE, what="a thing") == whole


def test_what_is_not_said_is_as_the_class_has_it() -> None:
    example = Whole(0.25, True, Part((3,), "b"))
    assert from_plain({"part": {"kind": "c"}}, example, SOURCE, what="a thing") == Whole(part=Part(kind="c"))


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"share": 1}, "share is 1"),
        ({"learns": 0}, "learns is 0"),
        ({"part": {"sizes": 3}}, "sizes is 3"),
        ({"part": {"size": 3}}, "it has no size"),
        ({"part": 7}, "7|iterable"),
        ({"parts": {}}, "it has no parts"),
    ],
)
def test_other_values_are_refused(values: dict[str, object], said: str) -> None:
    with pytest.raises(CannotRead, match=rf"^config\.json: no configuration of a thing: .*({said})"):
        from_plain(values, Whole(), SOURCE, what="a thing")
