"""Which inpainter works and how: what it is told, what it tells, and how often it paints."""

from dataclasses import replace

import numpy as np
import pytest

from avfusion.clip import Drawn
from avfusion.engines import registry
from avfusion.engines.catalogue import find
from avfusion.errors import EngineNotReady, Stopped, UsageError
from avfusion.inpainting import Wish
from avfusion.inpainting.each_frame import EachFrame
from avfusion.inpainting.flow_fill import FlowFill
from avfusion.inpainting.telea import Telea
from avfusion.pipelines.remove import RemoveSettings, remove
from avfusion.pipelines.remove_fill import Tells, filler, settled_inpainter
from avfusion.pipelines.remove_holes import grow_px_of
from avfusion.pipelines.remove_preview import preview

STEPS = 4


class Painter:
    """Paints one colour in steps, and remembers what it was asked."""

    name = "painter"

    def __init__(self):
        self.wishes = []

    def paint(self, picture, hole, wish=None, *, tell=None):
        self.wishes.append(wish)
        for step in range(STEPS):
            if tell is not None:
                tell(step + 1, STEPS)
        return np.where(hole[..., None], np.uint8((200, 30, 220)), picture)


class ByWindows:
    """Makes all frames of a clip at once, as video models do."""

    name = "by-windows"

    def fill(self, clip, holes, wish=None, *, folder, tell):
        tell("generating", 0, 2 * wish.steps)
        tell("generating", 2 * wish.steps, 2 * wish.steps)
        yield from EachFrame(Telea()).fill(clip, holes, wish, folder=folder, tell=tell)


@pytest.fixture
def painter(monkeypatch):
    """A painter that understands words, beside the engines without weights, in this process's registry."""
    one = Painter()
    row = find("flow-fill", "inpainting")
    rows = (
        row,
        replace(row, name="painter", load=lambda device: one, understands=("words",)),
        replace(row, name="by-windows", load=lambda device: ByWindows(), understands=("words",)),
        find("telea", "inpainting"),
        find("flow", "tracking"),
        find("grabcut", "segmentation"),
    )
    monkeypatch.setattr(registry, "_REGISTRY", registry.Registry(rows))
    return one


def test_words_choose_an_engine_that_takes_them(painter):
    assert settled_inpainter("auto", "cpu", RemoveSettings()).engine.name == "flow-fill"
    assert settled_inpainter("auto", "cpu", RemoveSettings(words="grass")).engine.name == "painter"
    with pytest.raises(UsageError, match="telea takes no words"):
        settled_inpainter("telea", "cpu", RemoveSettings(unwanted="people"))


def test_where_no_engine_for_words_is_ready_it_is_said():
    with pytest.raises(EngineNotReady, match="avfusion engines pull"):
        settled_inpainter("auto", "cpu", RemoveSettings(words="grass"))


def test_key_frames_cost_a_tenth_of_each_frame(painter, made, tmp_path):
    """The same words in every frame or on key frames: what is asked of the painter, and how often."""
    settings = RemoveSettings(words="grass", unwanted="people", seed=7, steps=STEPS, replace=True)
    told = []
    few = remove(made.clip, masks=made.masks, out=tmp_path / "a.mp4", settings=settings, on_progress=told.append)
    assert few.engines["inpainting"] == "painter"
    assert few.generations == len(painter.wishes)
    assert few.generations <= few.frames / 10
    assert few.invented_share == 1
    assert {(wish.words, wish.unwanted, wish.seed, wish.steps) for wish in painter.wishes} == {
        ("grass", "people", 7, STEPS)
    }
    painting = [p for p in told if p.stage == "painting 1"]
    assert (painting[-1].done, painting[-1].total, painting[-1].unit) == (STEPS, STEPS, "steps")
    each = remove(made.clip, masks=made.masks, out=tmp_path / "b.mp4", settings=replace(settings, each_frame=True))
    assert each.generations == each.frames


def test_stopping_between_steps_leaves_nothing(painter, made, tmp_path):
    told = []
    with pytest.raises(Stopped):
        remove(
            made.clip, masks=made.masks, out=tmp_path / "a.mp4", on_progress=told.append,
            settings=RemoveSettings(words="grass", each_frame=True),
            should_stop=lambda: any(p.stage.startswith("painting") for p in told),
        )  # fmt: skip
    assert len(painter.wishes) == 1
    assert list(tmp_path.iterdir()) == []


def test_an_engine_for_clips_works_by_itself(painter, made, tmp_path):
    settings = RemoveSettings(words="grass", steps=5)
    report = remove(
        made.clip, masks=made.masks, engine="by-windows", span=(0, 3), out=tmp_path / "a.mp4", settings=settings
    )
    assert (report.generations, report.frames) == (2, 3)
    with pytest.raises(UsageError, match="cannot paint each frame"):
        remove(
            made.clip, masks=made.masks, engine="by-windows", out=tmp_path / "b.mp4",
            settings=replace(settings, each_frame=True),
        )  # fmt: skip


def test_a_preview_asks_the_same_engine(painter, made):
    shown = preview(made.clip, 4, made.truth[4], settings=RemoveSettings(words="grass", each_frame=True))
    assert shown.engine == "painter"
    assert (shown.rgb[shown.hole] == (200, 30, 220)).all()


def test_a_feathered_hole_is_grown_further(painter, made):
    from avfusion.media.probe import probe

    clip, settings = probe(made.clip), RemoveSettings(feather_px=6)
    plain, by_words = (grow_px_of(settings, clip, find(name, "inpainting")) for name in ("telea", "sd-1.5-inpaint"))
    assert by_words == plain + 6
    assert grow_px_of(RemoveSettings(grow_px=3), clip, find("sd-1.5-inpaint", "inpainting")) == 3


def test_how_each_kind_of_engine_fills_a_clip():
    tells = Tells(None, None)
    assert isinstance(filler(Telea(), RemoveSettings(), tells)[0], EachFrame)
    assert isinstance(filler(Painter(), RemoveSettings(), tells)[0], FlowFill)
    assert isinstance(filler(Painter(), RemoveSettings(each_frame=True), tells)[0], EachFrame)
    replacing, _ = filler(FlowFill(), RemoveSettings(replace=True, words="grass"), tells)
    assert isinstance(replacing, FlowFill)
    assert replacing.settings.replace
    with pytest.raises(TypeError):
        filler(object(), RemoveSettings(), tells)


def test_every_tell_asks_whether_to_stop():
    for stage in ("looking", "filling", "inventing", "generating"):
        with pytest.raises(Stopped):
            Tells(None, lambda: True)(stage, 1, 5)
    with pytest.raises(Stopped):
        Tells(None, lambda: True).painting(1, 1, 1)


def test_what_is_drawn_on_one_frame_is_followed(painter, made, tmp_path):
    report = remove(
        made.clip, [Drawn(made.truth[0])], engine="painter", out=tmp_path / "a.mp4", span=(0, 4),
        settings=RemoveSettings(each_frame=True),
    )  # fmt: skip
    assert report.engines == {"tracking": "flow", "inpainting": "painter"}  # nobody had to make a mask
    assert painter.wishes == [Wish()] * 4
