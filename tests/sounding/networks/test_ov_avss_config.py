"""Configurations of OV-AVSS: sizes of the parts, and the way through JSON and back."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from avfusion.errors import CannotRead
from avfusion.sounding.networks.ov_avss_config import OV_AVSS_R50, OV_AVSS_TINY, OvAvssConfig, from_plain
from avfusion.sounding.networks.plain_config import as_plain

SOURCE = Path("config.json")


def test_the_published_sizes() -> None:
    assert (OV_AVSS_R50.fusion.inner, OV_AVSS_R50.fusion.heard, OV_AVSS_R50.dropout) == (1024, 128, 0.1)
    decoder = OV_AVSS_R50.decoder
    assert (decoder.classes, decoder.queries, decoder.layers, decoder.levels, decoder.pictures) == (1, 100, 9, 3, 5)
    assert (OV_AVSS_R50.pixels.layers, OV_AVSS_R50.pixels.levels) == (6, 3)


def test_the_tiny_one_learns_its_ears_and_drops_nothing() -> None:
    assert OV_AVSS_TINY.learns_ears
    assert OV_AVSS_TINY.dropout == 0
    assert (OV_AVSS_TINY.decoder.heard, OV_AVSS_TINY.fusion.heard) == (32, 32)


@pytest.mark.parametrize("config", [OV_AVSS_R50, OV_AVSS_TINY, replace(OV_AVSS_TINY, classes=71)])
def test_json_gives_the_same_back(config: OvAvssConfig) -> None:
    assert from_plain(json.loads(json.dumps(as_plain(config))), SOURCE) == config


@pytest.mark.parametrize("change", [{"width": "256"}, {"vggish": 3}, {"depth": 4}, {"vggish": {"channels": 8}}])
def test_other_configurations_are_refused(change: dict[str, object]) -> None:
    with pytest.raises(CannotRead, match=r"^config\.json: no configuration of OV-AVSS"):
        from_plain(as_plain(OV_AVSS_TINY) | change, SOURCE)
