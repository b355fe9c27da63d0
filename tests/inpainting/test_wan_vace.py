"""Wan VACE on the holes of clips: a tiny network through our loader, beside diffusers' own pipeline called by hand."""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from avfusion.clip import Mask, Rgb
from avfusion.errors import MaskCountMismatch, MaskSizeMismatch, Stopped, UsageError
from avfusion.inpainting import ClipInpainter, Filled, Wish
from avfusion.inpainting.wan_vace import WanVace, WanVaceSettings, load_wan_vace
from avfusion.inpainting.wan_vace_windows import whole_length, windows
from tests.inpainting import tiny_diffusion as tiny
from tests.inpainting.passing import Scene

HEIGHT, WIDTH = 32, 48
SETTINGS = WanVaceSettings(window=9, overlap=5, area_px=HEIGHT * WIDTH)
WISH = Wish(words="a red car", unwanted="blurry", seed=5, steps=2, guidance=3.0, feather_px=0)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("wan") / "model"
    tiny.tiny_wan_vace(place)
    return place


@pytest.fixture(scope="module")
def engine(folder: Path) -> WanVace:
    return load_wan_vace(folder, name="wan", device="cpu", settings=SETTINGS)


def fill(engine: WanVace, scene: Scene, wish: Wish, tell: Any = lambda stage, done, total: None) -> list[Filled]:
    return list(engine.fill(scene.clip, scene, wish, folder=Path("nowhere"), tell=tell))  # type: ignore[arg-type]


def by_hand(folder: Path, frames: list[Rgb], holes: list[Mask], wish: Wish) -> NDArray[np.float32]:
    """What diffusers' own pipeline makes of the frames; words read with the padding, as its own reader does."""
    import diffusers
    import torch
    import transformers
    from PIL import Image

    parts = {
        "transformer": diffusers.WanVACETransformer3DModel.from_pretrained(folder / "transformer"),
        "vae": diffusers.AutoencoderKLWan.from_pretrained(folder / "vae"),
        "scheduler": diffusers.UniPCMultistepScheduler.from_pretrained(folder / "scheduler"),
    }
    pipeline = diffusers.WanVACEPipeline(**parts, tokenizer=None, text_encoder=None)
    pipeline.set_progress_bar_config(disable=True)
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder / "tokenizer")
    encoder = transformers.UMT5EncoderModel.from_pretrained(folder / "text_encoder").eval()

    def meaning(words: str) -> torch.Tensor:
        tokens = tokenizer(words, padding="max_length", max_length=512, truncation=True, return_tensors="pt")
        with torch.no_grad():
            states = encoder(tokens.input_ids, tokens.attention_mask).last_hidden_state
        return states * tokens.attention_mask[..., None]

    grey = [np.where(hole[..., None], np.uint8(128), rgb) for rgb, hole in zip(frames, holes, strict=True)]
    made: NDArray[np.float32] = pipeline(
        video=[Image.fromarray(rgb) for rgb in grey],
        mask=[Image.fromarray(hole.astype(np.uint8) * 255) for hole in holes],
        prompt_embeds=meaning(wish.words), negative_prompt_embeds=meaning(wish.unwanted), height=HEIGHT, width=WIDTH,
        num_frames=len(frames), num_inference_steps=wish.steps, guidance_scale=wish.guidance, output_type="np",
        generator=torch.Generator("cpu").manual_seed(wish.seed),
    ).frames[0]  # fmt: skip
    return made


def in_bytes(made: NDArray[np.float32]) -> NDArray[np.int64]:
    return np.rint(np.clip(made, 0, 1) * 255).astype(int)


def test_in_the_hole_it_is_what_diffusers_makes_and_outside_the_clip(folder: Path, engine: WanVace) -> None:
    scene = Scene(9)
    assert isinstance(engine, ClipInpainter)
    frames, holes = [scene.frame(index) for index in range(9)], [scene.union(index) for index in range(9)]
    made = in_bytes(by_hand(folder, frames, holes, WISH))
    for index, filled in enumerate(fill(engine, scene, WISH)):
        assert filled.index == index
        # Words are read without padding here: the last bit may differ.
        assert np.abs(filled.rgb[holes[index]] - made[index][holes[index]]).max() <= 1
        assert np.array_equal(filled.rgb[~holes[index]], frames[index][~holes[index]])
        assert not filled.seen.any()
        assert np.array_equal(filled.invented, holes[index])
    assert made[0][holes[0]].std() > 5, "pictures without content prove nothing"


def test_the_next_window_knows_how_the_one_before_ended(folder: Path, engine: WanVace) -> None:
    """13 frames in windows of 9 that share 5: by hand, the shared ones are given as known and then faded over."""
    scene = Scene(13)
    frames, holes = [scene.frame(index) for index in range(13)], [scene.union(index) for index in range(13)]
    first = by_hand(folder, frames[:9], holes[:9], WISH)
    tail = in_bytes(first[4:]).astype(np.uint8)
    known = [np.where(holes[4 + n][..., None], tail[n], frames[4 + n]) for n in range(5)]
    nothing = [np.zeros_like(hole) for hole in holes[:5]]
    second = by_hand(folder, known + frames[9:], nothing + holes[9:], replace(WISH, seed=WISH.seed + 1))
    share = np.arange(1, 6, dtype=np.float32).reshape(-1, 1, 1, 1) / 6
    shared = (1 - share) * first[4:] + share * second[:5]
    made = in_bytes(np.concatenate([first[:4], shared, second[5:]]))
    for filled, hole, whole in zip(fill(engine, scene, WISH), holes, made, strict=True):
        assert np.abs(filled.rgb[hole] - whole[hole]).max() <= 1, filled.index


@pytest.mark.parametrize("count", [1, 2, 5, 6])
def test_short_clips_are_filled(count: int, engine: WanVace) -> None:
    scene = Scene(count)
    all_filled = fill(engine, scene, WISH)
    assert [filled.index for filled in all_filled] == list(range(count))
    for filled in all_filled:
        hole = scene.union(filled.index)
        assert np.array_equal(filled.rgb[~hole], scene.frame(filled.index)[~hole])
        assert (filled.rgb[hole] != scene.frame(filled.index)[hole]).any()


def test_equal_seeds_make_equal_clips_and_others_others(engine: WanVace) -> None:
    first, again, other = (
        [filled.rgb for filled in fill(engine, Scene(5), wish)] for wish in (WISH, WISH, replace(WISH, seed=6))
    )
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_no_more_than_a_window_is_read_and_windows_without_holes_are_not_made(engine: WanVace) -> None:
    scene = Scene(25, last=3)
    told: list[tuple[str, int, int]] = []
    all_filled = fill(engine, scene, WISH, lambda stage, done, total: told.append((stage, done, total)))
    assert len(all_filled) == 25
    assert all(np.array_equal(filled.rgb, scene.frame(filled.index)) for filled in all_filled[4:])
    assert max(stop - start for start, stop in scene.asked) <= SETTINGS.window
    steps = [done for _, done, _ in told]
    assert steps == sorted(steps)
    assert {total for _, _, total in told} == {5 * WISH.steps}
    assert {1, 2} <= set(steps), "the first window's steps are told"
    assert {3, 5, 7, 9}.isdisjoint(steps), "the others have none in the middle"


def test_large_frames_are_made_small_and_only_the_hole_comes_back(engine: WanVace) -> None:
    scene = Scene(5, height=75, width=131)
    for filled in fill(engine, scene, replace(WISH, feather_px=4)):
        hole, before = scene.union(filled.index), scene.frame(filled.index)
        assert np.array_equal(filled.rgb[~hole], before[~hole])
        assert (filled.rgb[hole] != before[hole]).any(axis=1).mean() > 0.8


def test_a_hole_of_everything_is_filled(engine: WanVace) -> None:
    class Everything(Scene):
        def union(self, frame: int) -> Mask:
            return np.ones((self.height, self.width), bool)

    scene = Everything(5)
    assert all((filled.rgb != scene.frame(filled.index)).any() for filled in fill(engine, scene, WISH))


def test_stopped_in_the_middle_it_works_on_as_if_nothing_had_been(engine: WanVace) -> None:
    first = [filled.rgb for filled in fill(engine, Scene(5), WISH)]

    def stop(stage: str, done: int, total: int) -> None:
        if done == 1:
            raise Stopped("stopped")

    with pytest.raises(Stopped):
        fill(engine, Scene(5), replace(WISH, seed=9), stop)
    assert np.array_equal([filled.rgb for filled in fill(engine, Scene(5), WISH)], first)


def test_what_cannot_be_meant_is_refused(engine: WanVace) -> None:
    with pytest.raises(UsageError, match=r"wan reads 512 tokens of text.*513.*it would lose the end"):
        fill(engine, Scene(1), replace(WISH, words="a" * 511))
    with pytest.raises(UsageError, match="steps"):
        fill(engine, Scene(1), replace(WISH, steps=0))
    with pytest.raises(MaskCountMismatch):
        list(engine.fill(Scene(5).clip, Scene(4), WISH, folder=Path(), tell=print))  # type: ignore[arg-type]
    with pytest.raises(MaskSizeMismatch):
        list(engine.fill(Scene(1).clip, Scene(1, width=64), WISH, folder=Path(), tell=print))  # type: ignore[arg-type]


@given(st.integers(1, 400), st.integers(2, 20), st.integers(1, 4))
def test_windows_cover_a_clip_and_share_frames(count: int, quarter: int, share: int) -> None:
    length, overlap = 4 * quarter + 1, share
    spans = windows(count, length, overlap)
    assert spans[0][0] == 0
    assert spans[-1][1] == count
    assert all(0 < stop - start <= length for start, stop in spans)
    for (_, end), (start, stop) in pairwise(spans):
        assert end - start == overlap
        assert stop > end


def test_lengths_that_the_network_takes() -> None:
    assert [whole_length(count) for count in (1, 2, 5, 6, 80, 81)] == [1, 5, 5, 9, 81, 81]
