"""The engine `mutual-information` on made scenes whose truth is known, and on a real one."""

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest

from avfusion.clip import Clip, Frame, Point, Sound
from avfusion.datasets.scenes import Scene, draw_scene
from avfusion.datasets.scenes_settings import PRESETS
from avfusion.engines.catalogue import find
from avfusion.errors import Stopped, UsageError
from avfusion.media.audio import read_sound
from avfusion.media.pictures import RgbaPicture
from avfusion.media.probe import probe
from avfusion.sounding import Locator, Sources, Wish
from avfusion.sounding.mutual_information import MutualInformation


def clip_of(scene: Scene) -> Clip:
    def read(clip: Clip, start: int, stop: int, backwards: bool) -> Iterator[Frame]:
        for index in reversed(range(start, stop)) if backwards else range(start, stop):
            rgba = np.dstack([scene.frames[index], np.full(scene.frames.shape[1:3], 255, np.uint8)])
            yield Frame(index, Fraction(index) / scene.fps, RgbaPicture(rgba))

    count, height, width = scene.frames.shape[:3]
    return Clip(
        Path("made"), width, height, scene.fps, 1 / scene.fps, np.arange(count), count, "", "", "rgb24",
        read_frames=read,
    )  # fmt: skip


def located(clip: Clip, sound: Sound, wish: Wish = Wish()) -> Sources:  # noqa: B008
    return MutualInformation().locate(clip, sound, wish, folder=Path(), tell=lambda *_: None)


def thing_at(scene: Scene, point: Point) -> list[int]:
    return np.flatnonzero(scene.masks[:, point.frame, int(point.y), int(point.x)]).tolist()


@pytest.fixture(scope="module")
def scene() -> Scene:
    return draw_scene(PRESETS["one"], 3)


@pytest.fixture(scope="module")
def found(scene: Scene) -> Sources:
    return located(clip_of(scene), scene.sound)


def test_the_catalogue_lends_it() -> None:
    engine = find("mutual-information", "sounding").load("cpu")
    assert isinstance(engine, Locator)
    assert engine.name == "mutual-information"


def test_what_moves_with_the_sound_is_pointed_at(scene: Scene, found: Sources) -> None:
    (source,) = found.found
    points = [prompt for prompt in source.prompts if isinstance(prompt, Point)]
    assert len(points) == len(source.prompts) > 0
    assert [thing_at(scene, point) for point in points] == [[0]] * len(points)
    assert {point.object for point in points} == {source.number} == {1}
    assert 0.5 <= source.confidence <= 1


def test_its_heat_lies_on_what_sounds(scene: Scene, found: Sources) -> None:
    assert found.heat is not None
    assert found.heat.shape[0] == scene.settings.seconds == len(found.found[0].sounds)
    assert 0 <= found.heat.min() <= found.heat.max() <= 1
    covered = scene.masks[0].mean(axis=0).astype(np.float32)
    truth = cv2.resize(covered, found.heat.shape[:0:-1], interpolation=cv2.INTER_AREA) > 0.5
    hot = found.heat.max(axis=0) > 0.5
    assert (hot & truth).sum() / (hot | truth).sum() > 0.55


def test_two_that_sound_at_once_are_both_found() -> None:
    scene = draw_scene(PRESETS["two"], 1)
    sources = located(clip_of(scene), scene.sound)
    assert sorted(thing_at(scene, source.prompts[0])[0] for source in sources.found) == [0, 1]  # type: ignore[arg-type]
    assert [source.number for source in sources.found] == [1, 2]
    one = located(clip_of(scene), scene.sound, Wish(sources=1))
    assert len(one.found) == 1


def test_it_sounds_in_no_silent_second() -> None:
    settings = replace(PRESETS["one"], rest_share=0.4, seconds=8)
    scene = draw_scene(settings, 2)
    assert not scene.sounds[0].all()
    sources = located(clip_of(scene), scene.sound)
    assert ((sources.found[0].sounds >= 0.5) == scene.sounds[0]).all()


def test_with_other_sounds_it_abstains(scene: Scene) -> None:
    for seed in (41, 42):
        sources = located(clip_of(scene), draw_scene(PRESETS["one"], seed).sound)
        assert sources.found == ()
        assert sources.heat is None
        assert "by more than chance" in sources.abstained


@pytest.mark.parametrize("count", [0, 3000, 80000])
def test_silence_is_said_to_be_silent(scene: Scene, count: int) -> None:
    sources = located(clip_of(scene), Sound(np.zeros((1, count), np.float32), 16000))
    assert sources.found == ()
    assert "silent" in sources.abstained


def test_a_still_picture_and_a_sound_shorter_than_the_clip_are_no_errors(scene: Scene) -> None:
    still = replace(clip_of(scene), ticks=np.arange(1), end_tick=125)
    assert located(still, scene.sound).abstained
    short = Sound(scene.sound.samples[:, :8000], 16000)
    assert all(source.sounds[2:].max() < 0.5 for source in located(clip_of(scene), short).found)


def test_words_are_refused(scene: Scene) -> None:
    with pytest.raises(UsageError, match="understands no words"):
        located(clip_of(scene), scene.sound, Wish(text="the dog"))


def test_it_says_how_far_it_is_and_can_be_stopped(scene: Scene) -> None:
    told: list[tuple[int, int]] = []

    def tell(stage: str, done: int, total: int) -> None:
        told.append((done, total))
        if done == 10:
            raise Stopped("stopped")

    with pytest.raises(Stopped):
        MutualInformation().locate(clip_of(scene), scene.sound, folder=Path(), tell=tell)
    assert told == [(done, 125) for done in range(1, 11)]


@pytest.mark.real_data
def test_the_dog_that_barks_is_found_while_it_barks(shared_data: Path) -> None:
    clip = probe(shared_data / "sounding" / "dog_barking.mp4")
    (source,) = located(clip, read_sound(clip)).found
    # Barks in seconds 0, 2, 4, 5 and 6; from 8 to 9 there is nothing but the room.
    assert (source.sounds[[0, 2, 4, 5, 6]] >= 0.5).all()
    assert source.sounds[8] < 0.5
    truth = cv2.imread(str(shared_data / "sounding" / "dog_barking_masks" / "00112.png"), cv2.IMREAD_GRAYSCALE)
    assert truth is not None
    for point in source.prompts:
        assert isinstance(point, Point)
        assert truth[int(point.y), int(point.x)] > 0
