"""Laws of flow-fill on clips with known truth."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from avfusion.clip import Mask, Rgb
from avfusion.errors import MaskCountMismatch, MaskSizeMismatch, Stopped, UsageError
from avfusion.inpainting import ClipInpainter, Filled, PictureInpainter, Wish
from avfusion.inpainting.flow_fill import FlowFill, FlowFillSettings
from avfusion.inpainting.patches import Patches
from avfusion.inpainting.telea import Telea
from tests.inpainting.made_scenes import HEIGHT, WIDTH, Holes, Scene, clip_of, disc, psnr_db, view, wall

WALL = wall()
COUNT = 12
CROSSING = [disc(40 + 7 * index, 48) for index in range(COUNT)]
STAYING = [disc(80, 48)] * COUNT


def still() -> Scene:
    return Scene([view(WALL, 100, 60)] * COUNT, CROSSING)


def panning(x_px: float, y_px: float = 0.0, holes: list[Mask] = STAYING) -> Scene:
    return Scene([view(WALL, 100 + x_px * index, 60 + y_px * index) for index in range(COUNT)], holes)


def border() -> Scene:
    return panning(3, holes=[disc(156, 48)] * COUNT)


def check_shape(scene: Scene, filled: list[Filled]) -> None:
    assert [one.index for one in filled] == list(range(len(scene.truth)))
    for one, shown, hole in zip(filled, scene.shown(), scene.holes, strict=True):
        assert np.array_equal(one.rgb[~hole], shown[~hole])
        assert np.array_equal(one.seen | one.invented, hole)
        assert not (one.seen & one.invented).any()
        assert one.rgb.dtype == np.uint8


def mean_psnr_db(scene: Scene, filled: list[Filled]) -> float:
    scores = [
        psnr_db(one.rgb, truth, one.seen) for one, truth in zip(filled, scene.truth, strict=True) if one.seen.any()
    ]
    return float(np.mean(scores))


class Flat:
    """A `PictureInpainter` that paints one colour and remembers what it was given."""

    name = "flat"

    def __init__(self) -> None:
        self.asked: list[tuple[Mask, Wish]] = []

    def paint(
        self,
        picture: Rgb,
        hole: Mask,
        wish: Wish = Wish(),  # noqa: B008
        *,
        tell: Callable[[int, int], None] | None = None,
    ) -> Rgb:
        self.asked.append((hole, wish))
        out = picture.copy()
        out[hole] = (10, 200, 60)
        return out


def test_it_is_both_kinds_of_engine() -> None:
    assert isinstance(FlowFill(), ClipInpainter)
    assert isinstance(FlowFill(), PictureInpainter)


@pytest.mark.parametrize("make", [still, lambda: panning(2.3, 0.4), border], ids=["still", "panning", "border"])
def test_outside_the_hole_nothing_changes_and_inside_all_is_told(make: Callable[[], Scene]) -> None:
    scene = make()
    check_shape(scene, scene.filled_by(FlowFill()))


def test_a_still_camera_gets_the_background_back() -> None:
    scene = still()
    filled = scene.filled_by(FlowFill())
    assert all(np.array_equal(one.seen, hole) for one, hole in zip(filled, CROSSING, strict=True))
    assert mean_psnr_db(scene, filled) > 45


@pytest.mark.parametrize("step", [(3.0, 0.0), (2.3, 0.4), (-1.7, 0.6)], ids=str)
def test_a_panning_camera_gets_the_background_back(step: tuple[float, float]) -> None:
    scene = panning(*step, holes=CROSSING)
    filled = scene.filled_by(FlowFill())
    assert np.mean([one.seen.sum() / hole.sum() for one, hole in zip(filled, CROSSING, strict=True)]) > 0.95
    assert mean_psnr_db(scene, filled) > 35


def test_only_what_was_shown_counts_as_seen() -> None:
    """The hole keeps its place in the picture while the camera moves by 11 pixels in all: its middle never shows."""
    scene = panning(1.0)
    filled = scene.filled_by(FlowFill())
    for index, one in enumerate(filled):
        ever = np.zeros((HEIGHT, WIDTH), bool)
        for other in range(COUNT):
            ever |= ~np.roll(scene.holes[other], other - index, axis=1)
        assert not (one.seen & ~ever).sum() > 0.1 * one.seen.sum()
        assert one.invented.any()


def test_exposure_is_followed() -> None:
    gains = np.linspace(0.6, 1.0, COUNT)
    scene = panning(2.3, holes=CROSSING)
    scene = Scene([truth * gain for truth, gain in zip(scene.truth, gains, strict=True)], CROSSING)
    assert mean_psnr_db(scene, scene.filled_by(FlowFill())) > 34
    scene = Scene([view(WALL, 100, 60) * np.float32(gain) for gain in gains], CROSSING)
    assert mean_psnr_db(scene, scene.filled_by(FlowFill())) > 40


def test_nothing_comes_from_another_shot() -> None:
    """The second shot shows green behind the hole: the first has none of it, nor the second anything of the first."""
    other = np.zeros_like(WALL)
    other[...] = (20, 160, 40)
    other += 40 * (wall(3) - 128) / 128
    truth = [view(WALL, 100, 60)] * 6 + [view(other, 100 + 2 * index, 60) for index in range(6)]
    scene = Scene(truth, [disc(30 + 6 * index, 48) for index in range(COUNT)])
    filled = scene.filled_by(FlowFill())
    check_shape(scene, filled)
    assert all(psnr_db(one.rgb, what, one.seen) > 35 for one, what in zip(filled, truth, strict=True))


def test_one_invention_serves_a_hole_that_stays() -> None:
    scene = Scene([view(WALL, 100, 60)] * COUNT, STAYING, noise=0)
    inventor, wish = Flat(), Wish("a green wall", seed=3)
    engine = FlowFill(inventor)
    filled = scene.filled_by(engine, wish)
    assert engine.inventions == len(inventor.asked) == 1
    assert np.array_equal(inventor.asked[0][0], STAYING[0])
    assert inventor.asked[0][1] == wish
    assert all((one.rgb[hole] == (10, 200, 60)).all() for one, hole in zip(filled, STAYING, strict=True))


def test_what_is_invented_stays_the_same_on_a_still_wall() -> None:
    scene = Scene([view(WALL, 100, 60)] * COUNT, STAYING)
    filled = scene.filled_by(FlowFill())
    first = filled[0].rgb[STAYING[0]].astype(int)
    assert all(np.abs(one.rgb[STAYING[0]] - first).max() <= 1 for one in filled)
    assert all(np.array_equal(one.invented, STAYING[0]) for one in filled)


def test_what_is_invented_moves_with_the_wall() -> None:
    scene = panning(1.0)
    filled = scene.filled_by(FlowFill())
    first, last = filled[0], filled[8]
    moved = np.roll(first.rgb, -8, axis=1)
    both = np.roll(first.invented, -8, axis=1) & last.invented
    assert both.sum() > 50
    assert np.abs(moved[both].astype(int) - last.rgb[both]).mean() < 8


def test_inventions_are_few() -> None:
    count = 60
    truth = [view(WALL, 60 + 2.5 * index, 60) for index in range(count)]
    scene = Scene(truth, [disc(160, 48, 30)] * count)
    engine = FlowFill(Flat())
    check_shape(scene, scene.filled_by(engine))
    assert engine.inventions <= 6


def test_replacing_uses_nothing_seen() -> None:
    inventor = Flat()
    scene = panning(1.0, holes=[disc(90 - index, 48) for index in range(COUNT)])
    filled = scene.filled_by(FlowFill(inventor, FlowFillSettings(replace=True)))
    check_shape(scene, filled)
    assert not any(one.seen.any() for one in filled)
    painted = np.mean([np.abs(one.rgb[one.invented].astype(int) - (10, 200, 60)).max(1).mean() for one in filled])
    assert painted < 10
    assert len(inventor.asked) == 1


def test_a_clip_of_one_frame_is_a_picture() -> None:
    scene = Scene([view(WALL, 100, 60)], [disc(80, 48)])
    (filled,) = scene.filled_by(FlowFill())
    assert np.array_equal(filled.rgb, Patches().paint(scene.shown()[0], scene.holes[0]))


def test_without_holes_the_frames_come_back() -> None:
    scene = panning(2.0, holes=[np.zeros((HEIGHT, WIDTH), bool)] * COUNT)
    engine = FlowFill()
    check_shape(scene, scene.filled_by(engine))
    assert engine.inventions == 0


@pytest.mark.parametrize("whole", [0, 5, COUNT - 1])
def test_a_frame_that_is_all_hole_is_filled_from_the_others(whole: int) -> None:
    scene = Scene([view(WALL, 100, 60)] * COUNT, [*CROSSING[:whole], np.ones_like(CROSSING[0]), *CROSSING[whole + 1 :]])
    filled = scene.filled_by(FlowFill())
    check_shape(scene, filled)
    assert psnr_db(filled[whole].rgb, scene.truth[whole], filled[whole].seen) > 40
    assert filled[whole].seen.mean() > 0.9


def test_nothing_at_all_is_an_error() -> None:
    scene = Scene([view(WALL, 100, 60)] * 3, [np.ones((HEIGHT, WIDTH), bool)] * 3)
    with pytest.raises(UsageError, match="whole picture"):
        scene.filled_by(FlowFill())


def test_masks_must_fit(tmp_path: Path) -> None:
    shown = panning(1.0).shown()
    clip = clip_of(shown.__getitem__, COUNT)
    small = Holes(lambda index: np.ones((HEIGHT, WIDTH - 1), bool), COUNT)
    with pytest.raises(MaskSizeMismatch, match="159 x 96"):
        list(FlowFill().fill(clip, small, folder=tmp_path, tell=lambda *_: None))
    few = Holes(STAYING.__getitem__, COUNT - 1)
    with pytest.raises(MaskCountMismatch, match="11 masks"):
        list(FlowFill().fill(clip, few, folder=tmp_path, tell=lambda *_: None))


def test_it_stops_when_told(tmp_path: Path) -> None:
    def tell(stage: str, done: int, total: int) -> None:
        if stage == "filling" and done == 3:
            raise Stopped("stopped")

    shown = panning(2.0).shown()
    with pytest.raises(Stopped):
        list(
            FlowFill().fill(
                clip_of(shown.__getitem__, COUNT), Holes(STAYING.__getitem__, COUNT), folder=tmp_path, tell=tell
            )
        )


def test_twice_gives_the_same() -> None:
    scene = panning(2.3, 0.4)
    one, two = scene.filled_by(FlowFill()), scene.filled_by(FlowFill())
    assert all(np.array_equal(a.rgb, b.rgb) and np.array_equal(a.seen, b.seen) for a, b in zip(one, two, strict=True))


def test_what_is_kept_does_not_grow_with_the_clip(tmp_path: Path) -> None:
    """What was computed for a frame is gone from the folder once the frame is handed out, and memory stays flat."""
    import tracemalloc

    def peak_bytes(count: int) -> int:
        shown = [np.rint(view(WALL, 100 + 2.3 * index, 60)).astype(np.uint8) for index in range(30)]
        there_and_back = [*range(30), *range(28, 0, -1)]
        clip = clip_of(lambda index: shown[there_and_back[index % 58]], count)
        holes = Holes(lambda index: disc(60 + index % 40, 48), count)
        folder = tmp_path / str(count)
        tracemalloc.start(1)
        for _ in FlowFill(Flat()).fill(clip, holes, folder=folder, tell=lambda *_: None):
            pass
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert not any(path.is_file() for path in folder.rglob("*"))
        return peak

    assert peak_bytes(66) < 1.1 * peak_bytes(40)


@pytest.mark.real_data
def test_a_real_background_comes_back(shared_data: Path, tmp_path: Path) -> None:
    """Holes in the shape of a moving car, over the background of another clip: far nearer the truth than telea."""
    folder = shared_data / "vos"
    names = [f"{index:05d}" for index in range(10)]
    truth = [cv2.imread(str(folder / "JPEGImages" / "bmx-trees" / f"{name}.jpg"))[..., ::-1] for name in names]
    own, others = (
        [cv2.imread(str(folder / "Annotations" / clip / f"{name}.png"), 0) > 127 for name in names]
        for clip in ("bmx-trees", "car-shadow")
    )
    holes = [np.roll(hole, 6 * index, 1) for index, hole in enumerate(others)]
    shown = [np.where(hole[..., None], 127, frame).astype(np.uint8) for hole, frame in zip(holes, truth, strict=True)]
    clip = clip_of(shown.__getitem__, len(shown))
    gains = []
    for one in FlowFill(Flat()).fill(clip, Holes(holes.__getitem__, 10), folder=tmp_path, tell=lambda *_: None):
        moving = cv2.dilate(own[one.index].astype(np.uint8), np.ones((15, 15), np.uint8)) > 0
        where = one.seen & ~moving
        exact = truth[one.index].astype(np.float32)
        plain = Telea().paint(shown[one.index], holes[one.index])
        gains.append(psnr_db(one.rgb, exact, where) - psnr_db(plain, exact, where))
    assert np.mean(gains) > 4
