"""Configurations of AV2TS: what the switches do to the sizes of the parts, and the way through JSON and back."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from avfusion.errors import CannotRead
from avfusion.sounding.networks.av2ts_config import (
    AV2TS_PVT,
    AV2TS_R50,
    AV2TS_TINY,
    Av2tsConfig,
    from_plain,
    without_ideas,
)  # fmt: skip
from avfusion.sounding.networks.plain_config import as_plain

SOURCE = Path("config.json")


def test_the_published_sizes() -> None:
    assert AV2TS_PVT.tokens == AV2TS_PVT.decoder.queries == 96
    assert AV2TS_PVT.decoder.levels == 4
    assert AV2TS_R50.backbone.widths == (256, 512, 1024, 2048)


def test_the_baseline_has_a_query_for_each_patch_and_three_levels() -> None:
    bare = without_ideas(AV2TS_PVT)
    assert (bare.tokens, bare.decoder.levels, bare.acoustic.blocks) == (24, 3, 0)


@pytest.mark.parametrize("config", [AV2TS_PVT, AV2TS_R50, AV2TS_TINY, replace(AV2TS_TINY, maskige=True, classes=71)])
def test_json_gives_the_same_back(config: Av2tsConfig) -> None:
    assert from_plain(json.loads(json.dumps(as_plain(config))), SOURCE) == config


@pytest.mark.parametrize("change", [{"width": "256"}, {"backbone": 3}, {"depth": 4}, {"maskige": 1}, {"ced": {"x": 1}}])
def test_other_configurations_are_refused(change: dict[str, object]) -> None:
    with pytest.raises(CannotRead, match=r"^config\.json: no configuration of AV2TS"):
        from_plain(as_plain(AV2TS_TINY) | change, SOURCE)
