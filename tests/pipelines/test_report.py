"""What a report says of the engines: which weights worked, and where."""

import json
from pathlib import Path

import pytest

from avfusion.cli.results import print_report
from avfusion.clip import Drawn
from avfusion.engines.catalogue import find
from avfusion.engines.folders import weights_file
from avfusion.pipelines.report import Report
from avfusion.pipelines.segment import segment
from avfusion.pipelines.swap import swap


def report(devices: dict[str, str], revisions: dict[str, str] | None = None) -> Report:
    return Report(
        "swap", Path("out.mp4"), 1, 4, 2, 0.5, {"segmentation": "grabcut", "tracking": "big"}, {"tracking": 1.23456},
        devices=devices, revisions=revisions or {},
    )  # fmt: skip


def test_the_device_is_the_card_if_one_was_used() -> None:
    assert report({"segmentation": "cpu", "tracking": "cuda"}).device == "cuda"
    assert report({"segmentation": "mps", "tracking": "cuda"}).device == "cuda, mps"
    assert report({"segmentation": "cpu", "tracking": "cpu"}).device == "cpu"
    assert report({}).device == "cpu"


def test_people_and_programs_read_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    said = report({"segmentation": "cpu", "tracking": "cuda"}, {"tracking": "0123456789ab"})
    print_report(said, as_json=False)
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["segmentation", "grabcut", "on", "cpu"] in lines
    assert ["tracking", "big", "on", "cuda,", "weights", "0123456789ab"] in lines
    print_report(said, as_json=True)
    read = json.loads(capsys.readouterr().out)
    assert read["devices"] == {"segmentation": "cpu", "tracking": "cuda"}
    assert read["revisions"] == {"tracking": "0123456789ab"}
    assert (read["device"], read["stages_s"]) == ("cuda", {"tracking": 1.235})


def test_a_run_names_its_weights_and_those_without_any_have_none(made, tmp_path: Path) -> None:
    pytest.importorskip("segment_anything")
    from tests.segmentation.tiny_sam import tiny_sam

    (source,) = find("sam-vit-b", "segmentation").sources
    weights_file(source).parent.mkdir(parents=True)
    tiny_sam(weights_file(source))
    found = segment(
        made.clip, [Drawn(made.truth[0])], out=tmp_path / "masks", segmenter="sam-vit-b", engine="flow", device="cpu"
    )
    assert found.engines == {"segmentation": "sam-vit-b", "tracking": "flow"}
    assert found.revisions == {"segmentation": source.sha256[:12]}
    assert found.devices == {"segmentation": "cpu", "tracking": "cpu"}
    given = swap(made.clip, masks=tmp_path / "masks", background="#204060", out=tmp_path / "out.mp4")
    assert (given.engines, given.revisions, given.devices) == ({"tracking": "given"}, {}, {})
