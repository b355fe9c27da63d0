"""What sounds: an engine's prompts followed, shown while they sound, told of, and written."""

import json
from fractions import Fraction

import numpy as np
import pytest
from PIL import Image
from pycocotools import mask as coco

from avfusion.clip import Box, Drawn, Sound
from avfusion.engines.engine import Engine
from avfusion.errors import CannotRead, EngineNotReady, InputError, NothingFound, OutputIsInput, Stopped, UsageError
from avfusion.media.probe import probe
from avfusion.pipelines.keep import Keep
from avfusion.pipelines.locate import LocateSettings, find, locate
from avfusion.segmentation import Segmented
from avfusion.sounding import Sources
from avfusion.sounding.naming import Named
from tests.pipelines.sounders import scripted, source

# 12 frames at 12 fps: four steps of three frames.
STEP_S = 0.25


@pytest.fixture
def other(small) -> np.ndarray:
    """bool [H, W]: a second thing, which does not move and lies where the first never comes."""
    mask = np.zeros(small.truth[0].shape, bool)
    mask[4:16, 4:24] = True
    return mask


@pytest.fixture
def two(small, other, monkeypatch):
    """Two sources: the ball sounds in the steps 1 and 2, the other thing in step 3; the surer one comes second."""

    def answer(clip, sound, wish):
        ball = Drawn(small.truth[4], frame=4, object=2)
        still = Drawn(other, frame=3, object=1)
        return Sources(
            (
                source(1, still, sounds=(0.1, 0.2, 0.4, 0.8), confidence=0.6),
                source(2, ball, sounds=(0.0, 0.9, 0.5, 0.4), confidence=0.9, name="ball"),
            ),
            STEP_S,
            notes=("The engine says so.",),
        )

    return scripted(answer, monkeypatch)


def overlap(found, truth):
    return (found & truth).sum() / (found | truth).sum()


def test_masks_are_shown_in_the_steps_in_which_their_source_sounds(small, other, two, tmp_path):
    located = find(small.clip, folder=tmp_path)
    assert [one.name for one in located.sources.found] == ["ball", ""]
    assert [one.number for one in located.sources.found] == [1, 2]
    for frame in range(12):
        assert overlap(located.whole.mask(frame, 1), small.truth[frame]) > 0.7
        assert located.track.mask(frame, 1).any() == (frame // 3 in (1, 2))
        assert located.track.mask(frame, 2).any() == (frame // 3 == 3)
        if frame // 3 in (1, 2):
            assert np.array_equal(located.track.mask(frame, 1), located.whole.mask(frame, 1))
    assert located.track.confidence[1][4] == pytest.approx(0.9 * 0.9)  # the pivot's mask is sure
    assert not located.track.confidence[1][:3].any()
    assert overlap(located.whole.mask(3, 2), other) == 1
    assert located.engines == {"sounding": "scripted", "segmentation": "grabcut", "tracking": "flow"}
    assert "The engine says so." in located.notes


def test_the_report_says_who_sounds_when(small, two, tmp_path):
    report = locate(small.clip, out=tmp_path / "masks", settings=LocateSettings(sounds_at=0.4))
    first, second = report.sources
    assert (first.name, first.confidence, first.pivots) == ("ball", 0.9, (4,))
    assert first.spans == ((0.25, 1.0),)
    assert second.spans == ((0.5, 1.0),)
    assert (second.name, second.label) == ("", "source 2")
    plain = report.as_json()
    assert json.loads(json.dumps(plain))["sources"] == plain["sources"]
    assert plain["sources"][1]["sounds"] == [0.1, 0.2, 0.4, 0.8]
    assert (plain["verb"], plain["abstained"], plain["step_s"]) == ("locate", "", STEP_S)


def test_a_folder_holds_masks_and_what_they_are(small, two, tmp_path):
    locate(small.clip, out=tmp_path / "masks")
    names = sorted(path.name for path in (tmp_path / "masks").iterdir())
    assert names == [*(f"{index:05d}.png" for index in range(12)), "sources.json"]
    image = Image.open(tmp_path / "masks" / "00004.png")
    assert image.mode == "P"
    assert set(np.unique(np.asarray(image))) == {0, 1}
    assert set(np.unique(np.asarray(Image.open(tmp_path / "masks" / "00000.png")))) == {0}
    said = json.loads((tmp_path / "masks" / "sources.json").read_text())
    assert [one["number"] for one in said["sources"]] == [1, 2]
    assert said["sources"][0]["name"] == "ball"
    assert said["sources"][0]["spans_s"] == [[0.25, 0.75]]
    assert said["sources"][0]["pivots"] == [4]


def test_json_holds_the_same_masks_with_their_names(small, two, tmp_path):
    located = find(small.clip, folder=tmp_path / "work")
    locate(small.clip, out=tmp_path / "masks.json")
    document = json.loads((tmp_path / "masks.json").read_text())
    assert [one["name"] for one in document["categories"]] == ["ball", "source 2"]
    assert document["located"]["sources"][0]["name"] == "ball"
    assert {(row["image_id"] // 3, row["category_id"]) for row in document["annotations"]} == {(1, 1), (2, 1), (3, 2)}
    for row in document["annotations"]:
        mask = coco.decode(row["segmentation"]).astype(bool)
        assert np.array_equal(mask, located.track.mask(row["image_id"], row["category_id"]))


def test_a_film_shows_masks_and_names_while_they_sound(small, two, tmp_path):
    locate(small.clip, out=tmp_path / "out.mp4")
    clip, out = probe(small.clip), probe(tmp_path / "out.mp4")
    assert [out.time(k) for k in range(out.frame_count)] == [clip.time(k) for k in range(clip.frame_count)]
    assert len(out.sounds) == 1
    for before, after, truth in zip(clip.frames(), out.frames(), small.truth, strict=True):
        changed = np.abs(after.rgb.astype(int) - before.rgb).max(axis=2) > 40
        if before.index // 3 in (1, 2):
            assert changed[truth].mean() > 0.6
            rows, columns = np.nonzero(truth)
            above = changed[max(0, rows.min() - 14) : rows.min(), columns.min() : columns.min() + 60]
            assert above.mean() > 0.4  # its name
        else:
            assert changed[truth].mean() < 0.05


def test_only_a_part_of_the_clip(small, monkeypatch, tmp_path):
    """The engine sees a clip of its own, whose frame 0 is the part's first; what comes out counts as the clip does."""

    def answer(clip, sound, wish):
        assert clip.frame_count == 6
        assert sound.duration_s == pytest.approx(0.5, abs=1e-3)
        return Sources((source(1, Drawn(small.truth[4], frame=1), sounds=(0.0, 1.0)),), STEP_S)

    scripted(answer, monkeypatch)
    located = find(small.clip, folder=tmp_path / "work", span=(3, 9))
    assert located.heard[0].pivots == (4,)
    shown = [frame for frame in range(12) if located.track.mask(frame, 1).any()]
    assert shown == list(range(6, 9))
    assert overlap(located.whole.mask(4, 1), small.truth[4]) == 1
    locate(small.clip, out=tmp_path / "masks", span=(3, 9))
    assert len(list((tmp_path / "masks").glob("*.png"))) == 6
    assert (np.asarray(Image.open(tmp_path / "masks" / "00003.png")) > 0).any()
    assert not np.asarray(Image.open(tmp_path / "masks" / "00002.png")).any()


def test_abstaining_is_an_answer(small, monkeypatch, tmp_path):
    scripted(lambda clip, sound, wish: Sources((), abstained="Nothing moves with the sound."), monkeypatch)
    report = locate(small.clip, out=tmp_path / "masks")
    assert (report.abstained, report.sources) == ("Nothing moves with the sound.", ())
    assert not any(np.asarray(Image.open(path)).any() for path in (tmp_path / "masks").glob("*.png"))
    assert json.loads((tmp_path / "masks" / "sources.json").read_text())["abstained"] == report.abstained
    assert report.engines == {"sounding": "scripted"}
    locate(small.clip, out=tmp_path / "out.mp4")
    assert json.loads((tmp_path / "masks" / "sources.json").read_text())["sources"] == []


def test_the_same_is_not_asked_twice_and_another_sound_is(small, two, monkeypatch, tmp_path):
    find(small.clip, folder=tmp_path)
    again = find(small.clip, folder=tmp_path)
    assert len(two.heard) == 1
    assert again.tracking.frames_tracked == 0
    assert isinstance(again.sources.found[0].prompts[0], Drawn)
    own = two.heard[0][1]
    find(small.clip, folder=tmp_path, sound=Sound(own.samples[:, ::-1], own.rate_hz))
    find(small.clip, folder=tmp_path, labels=("dog",))
    assert len(two.heard) == 3
    assert two.heard[2][2].labels == ("dog",)
    monkeypatch.setenv("AVFUSION_VLM_MODEL", "another that decides")
    find(small.clip, folder=tmp_path)
    assert len(two.heard) == 4


def test_sound_begins_with_the_first_frame(small, monkeypatch, tmp_path):
    """The clip's own sound is a tone of 440 Hz from its first sample to its last; a longer one is cut."""
    locator = scripted(lambda clip, sound, wish: Sources((), abstained="No."), monkeypatch)
    clip = probe(small.clip)
    for sound in (None, Sound(np.ones((2, 30_000), np.float32), 8_000), Sound(np.ones((1, 2_000), np.float32), 8_000)):
        located = find(clip, folder=tmp_path, sound=sound)
    find(clip, folder=tmp_path / "file", sound=small.clip)
    assert "The sound ends 0.8 s before the pictures: from there on nothing sounds." in located.notes
    own, other, short, file = (sound for _, sound, _ in locator.heard)
    assert abs(own.duration_s - clip.duration_s) < Fraction(1, 20)
    assert np.abs(np.fft.rfft(own.samples[0])).argmax() / own.duration_s == pytest.approx(440, abs=1)
    assert other.samples.shape == (2, 8_000)
    assert short.samples.shape == (1, 2_000)
    assert file.samples.shape == own.samples.shape


def test_a_clip_without_sound_needs_one_unless_something_is_described(small, monkeypatch, tmp_path):
    def answer(clip, sound, wish):
        return Sources((source(1, Drawn(small.truth[0]), sounds=(0.0, 0.0)),), 0.5)

    locator = scripted(answer, monkeypatch, understands=("words",))
    with pytest.raises(CannotRead, match="no sound"):
        locate(small.scene, out=tmp_path / "masks")
    assert not (tmp_path / "masks").exists()
    located = find(small.scene, folder=tmp_path / "work", text="a red ball")
    assert all(located.track.mask(frame, 1).any() for frame in (0, 3))
    assert locator.heard[0][2].text == "a red ball"
    assert locator.heard[0][1].samples.shape[1] == 0
    located = find(small.scene, folder=tmp_path / "work", sound=small.clip)
    assert not located.track.mask(0, 1).any()


def test_a_single_picture_is_no_clip(small, two, tmp_path):
    frame = next(probe(small.clip).frames()).rgb
    Image.fromarray(frame).save(tmp_path / "picture.png")
    with pytest.raises(InputError, match=r"picture\.png: a single picture cannot be held against a sound"):
        find(tmp_path / "picture.png", folder=tmp_path / "work", sound=small.clip)


def test_words_go_to_engines_that_understand_them(small, two, tmp_path):
    with pytest.raises(EngineNotReady, match="sounding by words"):
        find(small.clip, folder=tmp_path, text="a ball")
    with pytest.raises(UsageError, match="scripted does not find things by words"):
        find(small.clip, folder=tmp_path, text="a ball", engine="scripted")


def test_what_cannot_be_written_is_said_before_any_work(small, two, tmp_path):
    with pytest.raises(OutputIsInput):
        locate(small.clip, out=small.clip)
    with pytest.raises(UsageError, match="sounds_at"):
        LocateSettings(sounds_at=0)
    with pytest.raises(UsageError, match="sources"):
        LocateSettings(sources=0)
    with pytest.raises(Stopped):
        locate(small.clip, out=tmp_path / "masks", should_stop=lambda: True)
    assert two.heard == []
    assert list(tmp_path.iterdir()) == []


def test_at_most_so_many_sources_the_surest(small, two, tmp_path):
    located = find(small.clip, folder=tmp_path, settings=LocateSettings(sources=1))
    assert [one.name for one in located.sources.found] == ["ball"]
    assert two.heard[0][2].sources == 1


class Seer:
    """A segmenter that sees nothing on the left, and takes a box as a mask elsewhere."""

    def segment(self, rgb, prompts, *, prior=None, motion=None):
        masks = {}
        for box in prompts:
            if box.x0 < 20:
                raise NothingFound(f"no object was found where the prompts of object {box.object} point")
            masks[box.object] = np.zeros(rgb.shape[:2], bool)
            masks[box.object][int(box.y0) : int(box.y1), int(box.x0) : int(box.x1)] = True
        return Segmented(masks, dict.fromkeys(masks, 0.9))


def test_a_source_where_nothing_can_be_cut_out_does_not_stop_the_others(small, monkeypatch, tmp_path):
    seer = Engine("seer", "segmentation", "For tests.", "none", lambda device: Seer(), 1)
    left, right = Box(4, 4, 16, 16), Box(80, 8, 104, 32)
    found = [source(1, left, sounds=(1, 1)), source(2, right, sounds=(1, 1), confidence=0.5)]
    scripted(lambda clip, sound, wish: Sources(tuple(found), 0.5), monkeypatch, seer)
    located = find(small.clip, folder=tmp_path / "two")
    assert [one.number for one in located.heard] == [2]
    assert located.whole.mask(0, 2)[8:32, 80:104].all()
    assert "Source 1 was left out: no object could be cut out where it is." in located.notes
    found.pop()
    located = find(small.clip, folder=tmp_path / "one")
    assert located.sources.abstained == "Something sounds, but no object could be cut out where it is."
    assert located.tracking is None


class Labeller:
    """A namer that writes down what it is shown."""

    name = "labeller"

    def __init__(self):
        self.shown = []

    def call(self, views, labels=(), *, objectness=1.0):
        self.shown.append(list(views))
        return Named(labels[0], 0.5 * objectness, tuple(labels), (1.0,) * len(labels))


def test_what_has_no_name_is_shown_to_a_namer_while_it_sounds(small, two, monkeypatch, tmp_path):
    labeller = Labeller()
    row = Engine("labeller", "naming", "For tests.", "none", lambda device: labeller, 1)
    scripted(two.answer, monkeypatch, row)
    located = find(small.clip, folder=tmp_path, labels=("box", "hat"))
    assert [(one.name, one.label) for one in located.heard] == [("ball", "ball"), ("box", "box")]
    assert located.heard[1].name_confidence == pytest.approx(0.3)
    assert located.engines["naming"] == "labeller"
    (views,) = labeller.shown
    assert [int(rgb[..., 1].astype(int).sum()) for rgb, _ in views] == [
        int(frame.rgb[..., 1].astype(int).sum()) for frame in probe(small.clip).frames(9, 12)
    ]
    assert all(np.array_equal(mask, located.track.mask(9 + k, 2)) for k, (_, mask) in enumerate(views))
    scripted(two.answer, monkeypatch)
    located = find(small.clip, folder=tmp_path / "none", labels=("box",))
    assert any("Nothing could be named by your labels" in note for note in located.notes)
    assert located.heard[1].name == ""


def test_a_run_that_was_killed_goes_on_with_what_it_had_heard(small, two, tmp_path):
    keep = Keep(tmp_path / "kept")
    told = []

    def stop():
        return bool(told) and told[-1] == "tracking"

    with pytest.raises(Stopped):
        locate(small.clip, out=tmp_path / "masks", keep=keep, on_progress=lambda one: told.append(one.stage),
               should_stop=stop)  # fmt: skip
    assert len(two.heard) == 1
    report = locate(small.clip, out=tmp_path / "masks", keep=keep)
    assert len(two.heard) == 1
    assert [one.name for one in report.sources] == ["ball", ""]
