"""A painter as a sounding engine: things with their places and times, out of what it paints second after second."""

import tracemalloc
from collections.abc import Callable, Generator
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from avfusion.clip import Clip, Drawn, Frame, Sound
from avfusion.errors import Stopped, UsageError
from avfusion.media.pictures import RgbaPicture
from avfusion.sounding import Locator, Sources, Wish
from avfusion.sounding.painted import Painted, Painter
from avfusion.sounding.painted_sources import pivots_of
from avfusion.sounding.painted_things import Patch, Thing
from tests.sounding.painting import ColourPainter

FPS, WIDTH, HEIGHT = 4, 160, 96
RED, GREEN = (250, 0, 0), (0, 240, 0)
Draw = Callable[[float, NDArray[np.uint8]], object]


def film(seconds: float, draw: Draw, fps: Fraction = Fraction(FPS)) -> Clip:
    """draw(time in seconds, picture): paints on what is black."""

    def read(clip: Clip, start: int, stop: int, backwards: bool) -> Generator[Frame, None, None]:
        for index in reversed(range(start, stop)) if backwards else range(start, stop):
            rgb = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
            draw(float(clip.time(index)), rgb)
            yield Frame(index, clip.time(index), RgbaPicture(rgb))

    count = round(seconds * fps)
    return Clip(Path("made.mp4"), WIDTH, HEIGHT, fps, 1 / fps, np.arange(count), count, "", "", "", read_frames=read)


def loud(*seconds: int) -> Sound:
    """Noise where there is a 1."""
    dice = np.random.default_rng(4)
    return Sound(np.concatenate([on * dice.uniform(-1, 1, 8000) for on in seconds])[None].astype(np.float32), 8000)


def square(rgb: NDArray[np.uint8], left: float, top: int = 30, colour: tuple[int, int, int] = RED) -> None:
    rgb[top : top + 30, round(left) : round(left) + 30] = colour


def drifting(time_s: float, rgb: NDArray[np.uint8]) -> None:
    """10 pixels a second: so that it overlaps itself over two seconds, and not over three."""
    square(rgb, 5 + 10 * time_s)


def located(
    clip: Clip, sound: Sound, painter: ColourPainter | None = None, wish: Wish | None = None,
    tell: Callable[[str, int, int], None] = lambda *told: None,
) -> Sources:  # fmt: skip
    return (painter or ColourPainter()).locate(clip, sound, wish or Wish(), folder=Path(), tell=tell)


def overlap(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> float:
    return float(np.count_nonzero(one & other) / np.count_nonzero(one | other))


def is_red(clip: Clip, frame: int) -> NDArray[np.bool_]:
    return next(clip.frames(frame, frame + 1)).rgb[..., 0] > 127


def test_the_painter_of_these_tests_is_one() -> None:
    assert isinstance(ColourPainter(), Painter)
    assert isinstance(ColourPainter(), Locator)


def test_a_thing_that_moves_is_one_source_with_places_from_all_of_its_time() -> None:
    clip = film(6, drifting)
    sources = located(clip, loud(1, 1, 1, 0, 1, 1))
    (source,) = sources.found
    assert (sources.step_s, sources.abstained) == (1.0, "")
    np.testing.assert_allclose(source.sounds, np.array([1, 1, 1, 0, 1, 1]) * source.sounds[0], atol=0.05)
    assert 0.8 < source.sounds[0] <= 1
    assert 0.8 < source.confidence <= 1
    assert source.name == "devil"
    # Seconds 0 to 2, 4 and 5: the surest of each third, at k + 15/16 s.
    frames = [prompt.frame for prompt in source.prompts]
    assert len(frames) == 3
    assert {frame % FPS for frame in frames} == {FPS - 1}
    assert frames[0] < 2 * FPS < frames[1] < 5 * FPS < frames[2]
    for prompt in source.prompts:
        assert isinstance(prompt, Drawn)
        assert prompt.object == source.number == 1
        assert prompt.mask.shape == (HEIGHT, WIDTH)
        assert overlap(prompt.mask, is_red(clip, prompt.frame)) > 0.85
    assert sources.heat is not None
    assert sources.heat.shape == (6, 19, 32)
    assert sources.heat[3].max() == 0
    assert sources.heat[0][9, 7] > 0.8
    assert sources.heat[0][1].max() < 0.1


def both(time_s: float, rgb: NDArray[np.uint8]) -> None:
    square(rgb, 10)
    square(rgb, 100, colour=(0, 200, 0))


def test_things_of_two_names_are_two_sources_the_surer_one_first() -> None:
    first, second = located(film(3, both), loud(1, 1, 1)).found
    assert [(one.number, one.name) for one in (first, second)] == [(1, "devil"), (2, "frog")]
    assert first.confidence > second.confidence > 0.6
    assert {prompt.object for prompt in second.prompts} == {2}
    assert 0 < second.name_confidence <= second.confidence


def test_what_touches_and_has_another_name_is_another_source() -> None:
    def touching(time_s: float, rgb: NDArray[np.uint8]) -> None:
        square(rgb, 40)
        square(rgb, 70, colour=GREEN)

    assert {one.name for one in located(film(2, touching), loud(1, 1)).found} == {"devil", "frog"}


def test_labels_leave_out_names_and_not_things() -> None:
    found = located(film(3, both), loud(1, 1, 1), wish=Wish(labels=("frog", "cat"))).found
    assert [(one.name, one.name_confidence > 0) for one in found] == [("", False), ("frog", True)]


def test_no_more_sources_than_wished_for_and_those_that_were_there_longest() -> None:
    def brief(time_s: float, rgb: NDArray[np.uint8]) -> None:
        if time_s < 1:
            square(rgb, 10)
        square(rgb, 100, colour=(0, 200, 0))

    (one,) = located(film(4, brief), loud(1, 1, 1, 1), wish=Wish(sources=1)).found
    assert one.name == "frog"


def test_what_comes_back_to_its_place_is_the_same_and_elsewhere_it_is_another() -> None:
    for there, count in ((12.0, 1), (110.0, 2)):

        def returning(time_s: float, rgb: NDArray[np.uint8], there: float = there) -> None:
            square(rgb, 10.0 if time_s < 3 else there)

        found = located(film(6, returning), loud(1, 1, 0, 0, 1, 1)).found
        assert len(found) == count
        assert (found[0].sounds > 0.5).tolist() == [True, True, False, False, count == 1, count == 1]


@pytest.mark.parametrize(
    ("colour", "sound", "why"),
    [
        (RED, loud(0, 0, 0), "The sound is silent throughout."),
        (RED, Sound(np.zeros((2, 0), np.float32), 8000), "The sound is silent throughout."),
        ((20, 20, 20), loud(1, 1, 1), "colours paints nothing as sounding."),
        ((145, 0, 0), loud(1, 1, 1), "colours is not sure of anything: 57% at most."),
    ],
    ids=["silent", "none", "nothing", "doubtful"],
)
def test_it_abstains_in_a_line(colour: tuple[int, int, int], sound: Sound, why: str) -> None:
    sources = located(film(3, lambda time_s, rgb: square(rgb, 20, colour=colour)), sound)
    assert (sources.found, sources.abstained) == ((), why)
    assert (sources.heat is None) == ("silent" in why)


def test_specks_are_no_things() -> None:
    def specks(time_s: float, rgb: NDArray[np.uint8]) -> None:
        rgb[::24, ::24] = RED

    assert located(film(2, specks), loud(1, 1)).found == ()


def test_it_understands_no_words() -> None:
    with pytest.raises(UsageError, match="colours understands no words"):
        located(film(1, both), loud(1), wish=Wish(text="the red one"))


def test_a_clip_that_ends_within_a_second_has_a_step_for_it() -> None:
    (source,) = located(film(2.5, drifting), loud(1, 1, 1)).found
    assert len(source.sounds) == 3
    assert source.sounds.min() > 0.5
    assert max(prompt.frame for prompt in source.prompts) == 9


def test_a_sound_that_ends_before_the_pictures() -> None:
    (source,) = located(film(5, drifting), loud(1, 1)).found
    assert (source.sounds > 0.5).tolist() == [True, True, False, False, False]


def test_what_is_left_of_a_sound_by_its_coding_is_none() -> None:
    sound = loud(1, 1, 0, 0)
    sound.samples[0, 16_000:16_300] = 0.01
    sound.samples[0, 24_000:26_000] = 0.01
    clip = film(4, lambda time_s, rgb: square(rgb, 20))

    class Hears(ColourPainter):
        def paint(self, pictures: NDArray[np.uint8], sound: Sound, *labels: object, **more: object) -> Painted:
            return super().paint(pictures, loud(1, 1, 1, 1))

    (source,) = located(clip, sound, Hears()).found
    assert (source.sounds > 0.5).tolist() == [True, True, False, True]


def test_a_picture_that_is_shown_for_seconds_is_prompted_once() -> None:
    clip = film(6, lambda time_s, rgb: square(rgb, 20), Fraction(1, 3))
    assert clip.frame_count == 2
    (source,) = located(clip, loud(1, 1, 1, 1, 1, 1)).found
    assert [prompt.frame for prompt in source.prompts] == [0, 1]
    assert len(source.sounds) == 6


def test_pictures_are_shown_in_even_windows_and_it_stops_between_frames() -> None:
    painter = ColourPainter()
    told: list[tuple[str, int, int]] = []
    located(film(23, drifting), loud(*[1] * 23), painter, tell=lambda *each: told.append(each))
    assert painter.windows == [7, 8, 8]
    assert {total for _, _, total in told} == {23 * FPS}
    assert [done for _, done, _ in told] == list(range(1, 23 * FPS + 1))

    def stop(stage: str, done: int, total: int) -> None:
        if done == 9 * FPS:
            raise Stopped

    with pytest.raises(Stopped):
        located(film(23, drifting), loud(*[1] * 23), painter, tell=stop)
    assert painter.windows == [7, 8, 8, 7]


def test_memory_grows_by_kilobytes_a_second() -> None:
    def peak(seconds: int) -> int:
        clip = film(seconds, both, Fraction(1))
        sound = Sound(np.ones((1, seconds * 100), np.float32), 100)
        tracemalloc.start()
        located(clip, sound)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    peak(10)
    assert peak(330) - peak(30) < 300 * 8000


def thing(**scores: float) -> Thing:
    full = np.full((2, 2), 255, np.uint8)
    return Thing({int(second[1:]): [Patch(1, 0, 0, full, score, 4)] for second, score in scores.items()})


def test_pivots() -> None:
    assert pivots_of(thing(s4=0.9)) == [4]
    assert pivots_of(thing(s1=0.9, s2=0.95)) == [1, 2]
    assert pivots_of(thing(s0=0.8, s1=0.9, s2=0.9, s3=0.7, s4=0.8, s5=0.95)) == [1, 2, 5]
    # What is doubtful beside the best says little of the place.
    assert pivots_of(thing(s0=0.9, s1=0.65, s2=0.75)) == [0, 2]
