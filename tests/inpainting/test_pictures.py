"""What every engine for one picture keeps to, and what telea, patches and each-frame add."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from avfusion.errors import MaskSizeMismatch, UsageError
from avfusion.inpainting import ClipInpainter, PictureInpainter
from avfusion.inpainting.each_frame import EachFrame
from avfusion.inpainting.flow_fill import FlowFill
from avfusion.inpainting.patches import Patches
from avfusion.inpainting.telea import Telea
from tests.inpainting.made_scenes import HEIGHT, WIDTH, Holes, Scene, clip_of, disc, psnr_db, view, wall

PICTURE = np.rint(view(wall(), 100, 60)).astype(np.uint8)
ENGINES = [Telea(), Patches(), FlowFill()]


@pytest.mark.parametrize("engine", ENGINES, ids=lambda engine: type(engine).__name__)
class TestEvery:
    def test_is_a_picture_inpainter(self, engine: PictureInpainter) -> None:
        assert isinstance(engine, PictureInpainter)

    @pytest.mark.parametrize("x", [80, 3, 158])
    def test_outside_the_hole_nothing_changes(self, engine: PictureInpainter, x: int) -> None:
        hole = disc(x, 48)
        broken = PICTURE.copy()
        broken[hole] = (250, 30, 200)
        painted = engine.paint(broken, hole)
        assert np.array_equal(painted[~hole], PICTURE[~hole])
        assert (painted[hole] != (250, 30, 200)).any(1).all()
        assert np.array_equal(painted, engine.paint(broken, hole))

    def test_what_was_in_the_hole_does_not_matter(self, engine: PictureInpainter) -> None:
        hole, other = disc(80, 48), PICTURE.copy()
        other[hole] = (0, 255, 0)
        assert np.array_equal(engine.paint(PICTURE, hole), engine.paint(other, hole))

    def test_without_a_hole_it_is_the_picture(self, engine: PictureInpainter) -> None:
        assert np.array_equal(engine.paint(PICTURE, np.zeros((HEIGHT, WIDTH), bool)), PICTURE)

    def test_a_hole_that_leaves_nothing_is_refused(self, engine: PictureInpainter) -> None:
        with pytest.raises(UsageError, match="whole picture"):
            engine.paint(PICTURE, np.ones((HEIGHT, WIDTH), bool))

    def test_a_mask_of_another_size_is_refused(self, engine: PictureInpainter) -> None:
        with pytest.raises(MaskSizeMismatch, match="96 x 160"):
            engine.paint(PICTURE, np.zeros((WIDTH, HEIGHT), bool))

    def test_a_hole_that_leaves_little_is_filled(self, engine: PictureInpainter) -> None:
        hole = np.ones((HEIGHT, WIDTH), bool)
        hole[:2] = False
        assert np.array_equal(engine.paint(PICTURE, hole)[:2], PICTURE[:2])


def test_patches_continue_a_pattern() -> None:
    """Stripes and checks are made of patches that are elsewhere in the picture: telea blurs them, patches do not."""
    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH]
    grey = np.where((columns // 6 + (rows // 8) % 2) % 2, 210, 60)
    truth = np.repeat(grey[..., None], 3, 2).astype(np.float32)
    hole = disc(80, 48)
    broken = truth.astype(np.uint8)
    broken[hole] = 0
    assert np.array_equal(Patches().paint(broken, hole), truth)
    assert psnr_db(Telea().paint(broken, hole), truth, hole) < 15


def test_patches_are_as_rough_as_the_rest() -> None:
    hole = disc(80, 48)

    def roughness(picture: np.ndarray) -> float:
        return float(np.abs(cv2.Laplacian(picture[..., 1].astype(np.float32), cv2.CV_32F))[hole].mean())

    rough, painted, smooth = (
        roughness(what) for what in (PICTURE, Patches().paint(PICTURE, hole), Telea().paint(PICTURE, hole))
    )
    assert painted > 0.6 * rough
    assert painted > 1.3 * smooth


def test_each_frame_paints_every_frame_for_itself() -> None:
    scene = Scene([view(wall(), 100, 60)] * 3, [disc(60, 48), np.zeros((HEIGHT, WIDTH), bool), disc(90, 48)])
    engine = EachFrame(Telea())
    assert isinstance(engine, ClipInpainter)
    assert engine.name == "telea"
    for one, shown, hole in zip(scene.filled_by(engine), scene.shown(), scene.holes, strict=True):
        assert np.array_equal(one.rgb, Telea().paint(shown, hole))
        assert np.array_equal(one.invented, hole)
        assert not one.seen.any()


@pytest.mark.parametrize(("blind", "shown"), [({1, 2}, (0, 0, 0, 3)), ({0, 1}, (2, 2, 2, 3)), ({0, 3}, (1, 1, 2, 2))])
def test_a_frame_that_is_all_hole_shows_its_neighbour(tmp_path: Path, blind: set[int], shown: tuple[int, ...]) -> None:
    pictures = [np.full_like(PICTURE, 40 * index) for index in range(4)]
    clip = clip_of(lambda index: pictures[index], 4)
    holes = Holes(lambda index: np.ones((HEIGHT, WIDTH), bool) if index in blind else disc(60, 48), 4)
    filled = list(EachFrame(Telea()).fill(clip, holes, folder=tmp_path, tell=lambda *_: None))
    for one, index in zip(filled, shown, strict=True):
        assert np.array_equal(one.rgb, Telea().paint(pictures[index], disc(60, 48)))
        assert np.array_equal(one.invented, holes.union(one.index))


def test_nothing_but_holes_is_refused(tmp_path: Path) -> None:
    clip = clip_of(lambda index: PICTURE, 3)
    holes = Holes(lambda index: np.ones((HEIGHT, WIDTH), bool), 3)
    with pytest.raises(UsageError, match="every frame whole"):
        list(EachFrame(Telea()).fill(clip, holes, folder=tmp_path, tell=lambda *_: None))
