"""A job file gives back what was written, and whatever is not as it should be is refused by its name."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from avfusion.clip import Box, Point, Scribble, Words
from avfusion.errors import CannotRead, UsageError
from avfusion.jobs.job_file import DrawnInput, Input, Job, located, parse_job, read_job, write_job
from avfusion.jobs.schema import Nothing, SegmentOptions, SwapOptions, VoiceOptions
from avfusion.media.write import Encoding
from avfusion.pipelines.convert_voice import VoiceSettings
from avfusion.pipelines.remove import RemoveSettings
from avfusion.pipelines.swap import SwapSettings

ONE = Input("inputs/clip/a.mp4", "0" * 64)


def swap_job(**changes: Any) -> Job:
    values: dict[str, Any] = {
        "verb": "swap",
        "inputs": {"clip": ONE, "drawn-1": Input("inputs/drawn-1/mask.png", "1" * 64)},
        "out": "out.mp4",
        "settings": SwapSettings(edges="hard", position=(0.25, 1.0), encoding=Encoding(quality=3)),
        "options": SwapOptions("#204060"),
        "prompts": (Point(1, 2.5, keep=False, frame=3, object=2), Box(0, 0, 4, 4), Words("a dog"),
                    Scribble(((0.0, 1.0), (2.0, 3.0))), DrawnInput("drawn-1", 4)),
        "engines": {"engine": "flow", "device": "cpu"},
        "span": (2, 9),
        "also": {"matte": "matte.mp4"},
        "revisions": {"tracking": "abc"},
    }  # fmt: skip
    return Job(**(values | changes))


OTHERS = [
    Job("segment", {"clip": ONE}, "masks", Nothing(), SegmentOptions("rle")),
    Job("remove", {"clip": ONE}, "out.mp4", RemoveSettings(grow_px=3.0, words="grass"), Nothing()),
    Job(
        "voice", {"media": ONE, "target-2": ONE}, "out.wav", VoiceSettings(semitones=-2.0),
        VoiceOptions(spans=((0.5, None), (1.0, 2.0)), only_speaker=1, seed=7),
    ),
]  # fmt: skip


@pytest.mark.parametrize("job", [swap_job(), swap_job(span=None, also={}, prompts=()), *OTHERS])
def test_reading_gives_what_was_written(job: Job, tmp_path: Path) -> None:
    write_job(job, tmp_path / "job.json")
    assert read_job(tmp_path / "job.json") == job


def test_what_is_left_out_is_as_the_verb_has_it() -> None:
    text = json.dumps({"avfusion_job": 1, "verb": "swap", "inputs": {"clip": vars(ONE)}, "out": "out.mp4"})
    job = parse_job(text)
    assert (job.settings, job.options, job.prompts, job.span) == (SwapSettings(), SwapOptions(), (), None)


def changed(path: str, value: Any) -> str:
    """The JSON of a swap with one value changed, `path` like `settings.edges`; None takes the key away."""
    plain = swap_job().as_json()
    place: Any = plain
    *way, last = [int(key) if key.isdigit() else key for key in path.split(".")]
    for key in way:
        place = place[key]
    if value is None:
        del place[last]
    else:
        place[last] = value
    return json.dumps(plain)


@pytest.mark.parametrize(
    ("path", "value", "named"),
    [
        ("avfusion_job", 2, "avfusion_job: version 2"),
        ("avfusion_job", None, "avfusion_job"),
        ("verb", "fly", "verb: 'fly'"),
        ("verb", 3, "verb: give text"),
        ("verb", None, "verb: is missing"),
        ("extra", 1, "extra: there is no such key"),
        ("inputs", [], "inputs: give an object"),
        ("inputs.clip", None, "inputs.clip: is missing"),
        ("inputs.target-1", vars(ONE), "inputs.target-1: swap has no such input"),
        ("inputs.drawn-x", vars(ONE), "inputs.drawn-x: swap has no such input"),
        ("inputs.clip.path", "/etc/passwd", "inputs.clip.path: '/etc/passwd' leads out"),
        ("inputs.clip.path", "a/../../b", "inputs.clip.path"),
        ("inputs.clip.path", "..\\b", "inputs.clip.path"),
        ("inputs.clip.path", "c:/b", "inputs.clip.path"),
        ("inputs.clip.path", "a\0b", "inputs.clip.path"),
        ("inputs.clip.path", "\ud8ff", "inputs.clip.path"),
        ("inputs.clip.path", "", "inputs.clip.path"),
        ("inputs.clip.sha256", "0" * 63, "inputs.clip.sha256"),
        ("inputs.clip.size", 3, "inputs.clip: give a path and a sha256"),
        ("out", "a/b.mp4", "out: 'a/b.mp4' is not the name of a file"),
        ("out", "..", "out: '..'"),
        ("out", "x" * 256, "out: "),
        ("also.matte", "/x.mp4", "also.matte"),
        ("also.map", "x.mp4", "also.map: there is no such key here"),
        ("engines.engine", 1, "engines.engine: give text"),
        ("engines.tracker", "flow", "engines.tracker: there is no such key"),
        ("span", [1], "span: give 2 values"),
        ("span", [0, True], "span[1]: give a whole number"),
        ("options.colour", "red", "options.colour: there is no such setting"),
        ("options.background", 7, "options.background: give text"),
        ("settings.edges", "wavy", "settings.edges: 'wavy' is none of"),
        ("settings.blur", "1", "settings.blur: give a number"),
        ("settings.blur", 10**400, "settings.blur: give a number"),
        ("settings.blur", 7, "blur 7: give a number from 0 to 1"),
        ("settings.position", [0.5], "settings.position: give 2 values"),
        ("settings.encoding.quality", 3.5, "settings.encoding.quality: give a whole number"),
        ("settings.encoding.speed", 3, "settings.encoding.speed: there is no such setting"),
        ("prompts", {}, "prompts: give a list"),
        ("prompts.0.kind", "circle", "prompts[0].kind"),
        ("prompts.0.x", "3", "prompts[0].x: give a number"),
        ("prompts.0.x", None, "prompts[0]: missing 1 required positional argument: 'x'"),
        ("prompts.0.object", 0, "prompts[0].object"),
        ("prompts.0.frame", -1, "prompts[0].frame"),
        ("prompts.4.mask", "drawn-2", "prompts[4].mask: there is no input 'drawn-2'"),
    ],
)
def test_what_is_wrong_is_named(path: str, value: Any, named: str) -> None:
    with pytest.raises(UsageError) as raised:
        parse_job(changed(path, value))
    assert named in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"a": 1, "a": 2}', "[" * 100_000, '{"avfusion_job": NaN}', "3"])
def test_what_is_no_job_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="this is no job"):
        parse_job(text)


def test_what_cannot_be_read_is_said(tmp_path: Path) -> None:
    with pytest.raises(CannotRead, match="cannot be read"):
        read_job(tmp_path / "none.json")
    (tmp_path / "bytes.json").write_bytes(b"\xff\xfe")
    with pytest.raises(CannotRead, match="cannot be read"):
        read_job(tmp_path / "bytes.json")


def test_pipes_and_folders_are_refused_without_waiting_for_them(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.json")
    for path in (tmp_path / "pipe.json", tmp_path, Path("/dev/zero")):
        with pytest.raises(CannotRead, match="is no file"):
            read_job(path)


def test_a_link_that_leads_out_is_refused(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("x")
    folder = tmp_path / "job"
    (folder / "masks").mkdir(parents=True)
    (folder / "here").write_text("x")
    (folder / "inner").symlink_to("here")
    (folder / "clip.mp4").symlink_to("../secret")
    (folder / "masks" / "00000.png").symlink_to("../../secret")
    assert located(folder, Input("inner", "0" * 64), "inputs.clip") == folder / "inner"
    for path in ("clip.mp4", "masks"):
        with pytest.raises(UsageError, match="leads out of the job's folder"):
            located(folder, Input(path, "0" * 64), "inputs.clip")


def test_a_path_that_leads_nowhere_is_refused(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "masks").mkdir()
    (tmp_path / "masks" / "loop").symlink_to("loop")
    for path in ("loop", "masks", "a" * 300):
        with pytest.raises(UsageError, match=r"inputs\.clip\.path: .* cannot be followed") as raised:
            located(tmp_path, Input(path, "0" * 64), "inputs.clip")
        assert str(tmp_path) not in str(raised.value)
