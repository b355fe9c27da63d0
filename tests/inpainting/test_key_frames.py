"""A diffusion engine on a clip: it paints a few key frames, and only what no frame shows."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from avfusion.clip import Mask, Rgb
from avfusion.inpainting import PictureInpainter, Wish
from avfusion.inpainting.diffusion import load_sd_inpaint
from avfusion.inpainting.each_frame import EachFrame
from avfusion.inpainting.flow_fill import FlowFill, FlowFillSettings
from tests.inpainting.passing import Scene
from tests.inpainting.tiny_diffusion import tiny_sd

FRAMES = 60
WISH = Wish(words="a car", steps=1, feather_px=0)


@dataclass
class Counted:
    """A painter, and the holes that it was asked to paint."""

    painter: PictureInpainter
    holes: list[Mask] = field(default_factory=list)

    @property
    def name(self) -> str:
        return self.painter.name

    def paint(
        self, picture: Rgb, hole: Mask, wish: Wish = WISH, *, tell: Callable[[int, int], None] | None = None
    ) -> Rgb:
        self.holes.append(hole)
        return self.painter.paint(picture, hole, wish, tell=tell)


@pytest.fixture(scope="module")
def sd(tmp_path_factory: pytest.TempPathFactory) -> PictureInpainter:
    folder = tmp_path_factory.mktemp("key-frames") / "model"
    tiny_sd(folder)
    return load_sd_inpaint(folder, name="sd", device="cpu")


@pytest.mark.parametrize("replace", [False, True], ids=["remove", "replace"])
def test_key_frames_take_a_tenth_of_the_pictures_that_every_frame_takes(
    replace: bool, sd: PictureInpainter, tmp_path: Path
) -> None:
    # The spots move by half of the hole's width: the other half is never seen.
    scene = Scene(FRAMES, height=64, width=64, spots_px=13 / FRAMES, hole_px=0)
    each, keys = Counted(sd), Counted(sd)
    if not replace:
        for _ in EachFrame(each).fill(scene.clip, scene, WISH, folder=tmp_path, tell=lambda *told: None):
            pass
        assert len(each.holes) == FRAMES
    fill = FlowFill(keys, FlowFillSettings(replace=replace))
    folder = tmp_path / "work"
    folder.mkdir()
    for filled in fill.fill(scene.clip, scene, WISH, folder=folder, tell=lambda *told: None):
        hole = scene.union(filled.index)
        assert np.array_equal(filled.rgb[~hole], scene.frame(filled.index)[~hole])
        assert np.array_equal(filled.seen | filled.invented, hole)
        assert filled.invented.any()
        assert filled.seen.any() != replace
    assert 1 <= len(keys.holes) <= FRAMES // 10
