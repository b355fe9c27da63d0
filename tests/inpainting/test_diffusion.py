"""Stable Diffusion on holes: tiny networks through our loader, beside diffusers' own pipeline called by hand."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from safetensors.torch import load_file, save_file

from avfusion.clip import Mask, Rgb
from avfusion.errors import CannotRead, MaskSizeMismatch, Stopped, UsageError
from avfusion.inpainting import PictureInpainter, Wish
from avfusion.inpainting.diffusion import Diffusion, load_sd_inpaint, load_sdxl_inpaint
from tests.inpainting import tiny_diffusion as tiny

SPOTS = np.random.default_rng(3).integers(0, 256, (6, 9, 3), np.uint8)
PICTURE: Rgb = cv2.resize(SPOTS, (tiny.SIDE_PX, tiny.SIDE_PX), interpolation=cv2.INTER_CUBIC)
HOLE: Mask = np.zeros((tiny.SIDE_PX, tiny.SIDE_PX), bool)
HOLE[20:40, 10:50] = True
WISH = Wish(words="a red car", unwanted="blurry", seed=5, steps=4, feather_px=0)

Loader = Callable[..., Diffusion]
KINDS: dict[str, tuple[Callable[..., None], Loader, str]] = {
    "sd": (tiny.tiny_sd, load_sd_inpaint, "StableDiffusionInpaintPipeline"),
    "sdxl": (tiny.tiny_sdxl, load_sdxl_inpaint, "StableDiffusionXLInpaintPipeline"),
}


class Tiny:
    """kind, where its weights lie, and the engine that was loaded from there."""

    def __init__(self, kind: str, folder: Path) -> None:
        make, load, self.pipeline = KINDS[kind]
        self.kind, self.folder = kind, folder
        # In half precision, as they are published.
        make(folder, variant="fp16")
        self.engine = load(folder, name=kind, device="cpu")

    def by_hand(self, picture: Rgb, hole: Mask, wish: Wish) -> Rgb:
        """What diffusers' own pipeline makes of the whole picture."""
        import diffusers
        import torch
        from PIL import Image

        more: dict[str, Any] = {"safety_checker": None, "requires_safety_checker": False} if self.kind == "sd" else {}
        pipeline = getattr(diffusers, self.pipeline).from_pretrained(
            self.folder, variant="fp16", torch_dtype=torch.float32, local_files_only=True, use_safetensors=True, **more
        )
        pipeline.set_progress_bar_config(disable=True)
        made = pipeline(
            prompt=wish.words, negative_prompt=wish.unwanted, image=Image.fromarray(picture),
            mask_image=Image.fromarray(hole.astype(np.uint8) * 255), height=picture.shape[0], width=picture.shape[1],
            strength=wish.strength, num_inference_steps=wish.steps, guidance_scale=wish.guidance, output_type="np",
            generator=torch.Generator("cpu").manual_seed(wish.seed),
        ).images[0]  # fmt: skip
        return np.rint(made * 255).astype(np.uint8)


@pytest.fixture(scope="module", params=KINDS)
def one(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Tiny:
    return Tiny(request.param, tmp_path_factory.mktemp(request.param) / "model")


@pytest.fixture(scope="module")
def sd(tmp_path_factory: pytest.TempPathFactory) -> Tiny:
    return Tiny("sd", tmp_path_factory.mktemp("sd-alone") / "model")


@pytest.mark.parametrize(
    ("hole", "wish"),
    [(HOLE, WISH), (HOLE, replace(WISH, strength=0.5, seed=6)), (np.ones_like(HOLE), WISH)],
    ids=["hole", "half-strength", "everything"],
)
def test_in_the_hole_it_is_what_diffusers_makes_and_outside_the_picture(hole: Mask, wish: Wish, one: Tiny) -> None:
    assert isinstance(one.engine, PictureInpainter)
    painted = one.engine.paint(PICTURE, hole, wish)
    made = one.by_hand(PICTURE, hole, wish)
    assert np.array_equal(painted[hole], made[hole])
    assert np.array_equal(painted[~hole], PICTURE[~hole])
    assert made[hole].std() > 10, "a picture without content proves nothing"


def test_equal_seeds_make_equal_pictures_and_others_others(sd: Tiny) -> None:
    first = sd.engine.paint(PICTURE, HOLE, WISH)
    assert np.array_equal(sd.engine.paint(PICTURE, HOLE, WISH), first)
    for other in (
        replace(WISH, seed=6),
        replace(WISH, words="a blue car"),
        replace(WISH, unwanted="dark"),
        replace(WISH, strength=0.5),
        replace(WISH, guidance=2.0),
    ):
        assert not np.array_equal(sd.engine.paint(PICTURE, HOLE, other), first), other


def test_without_words_nothing_guides_and_it_is_still_what_diffusers_makes(sd: Tiny) -> None:
    wish = replace(WISH, words="", unwanted="")
    painted, made = sd.engine.paint(PICTURE, HOLE, wish), sd.by_hand(PICTURE, HOLE, wish)
    # Two predictions that are equal are mixed by hand, and ours is only one: the last bit may differ.
    assert np.abs(painted[HOLE].astype(int) - made[HOLE]).max() <= 1


def test_a_large_picture_is_changed_in_the_hole_alone(one: Tiny) -> None:
    picture = cv2.resize(SPOTS, (301, 103), interpolation=cv2.INTER_CUBIC)
    hole = np.zeros((103, 301), bool)
    cv2.circle(hole.view(np.uint8), (220, 50), 40, 1, -1)
    painted = one.engine.paint(picture, hole, replace(WISH, steps=2, feather_px=5))
    assert np.array_equal(painted[~hole], picture[~hole])
    deep = cv2.erode(hole.view(np.uint8), np.ones((3, 3), np.uint8), iterations=6).view(bool)
    assert (painted[deep] != picture[deep]).any(axis=1).mean() > 0.9


def test_what_lay_in_the_hole_does_not_matter(sd: Tiny) -> None:
    other = PICTURE.copy()
    other[HOLE] = 255 - other[HOLE]
    whole, half = replace(WISH, feather_px=6), replace(WISH, strength=0.5)
    assert np.array_equal(sd.engine.paint(other, HOLE, whole), sd.engine.paint(PICTURE, HOLE, whole))
    assert not np.array_equal(sd.engine.paint(other, HOLE, half), sd.engine.paint(PICTURE, HOLE, half))


def test_nothing_to_do_is_not_done(sd: Tiny) -> None:
    def never(step: int, steps: int) -> None:
        raise AssertionError("nothing had to be made")

    assert np.array_equal(sd.engine.paint(PICTURE, np.zeros_like(HOLE), WISH, tell=never), PICTURE)
    assert np.array_equal(sd.engine.paint(PICTURE, HOLE, replace(WISH, strength=0.0), tell=never), PICTURE)


def test_every_step_is_told(sd: Tiny) -> None:
    told: list[tuple[int, int]] = []
    sd.engine.paint(PICTURE, HOLE, WISH, tell=lambda step, steps: told.append((step, steps)))
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]
    told.clear()
    sd.engine.paint(PICTURE, HOLE, replace(WISH, strength=0.01), tell=lambda step, steps: told.append((step, steps)))
    assert told == [(1, 1)], "less than a step is one"


def test_stopped_in_the_middle_it_works_on_as_if_nothing_had_been(one: Tiny) -> None:
    first = one.engine.paint(PICTURE, HOLE, WISH)
    before = PICTURE.copy()

    def stop(step: int, steps: int) -> None:
        if step == 2:
            raise Stopped("stopped")

    with pytest.raises(Stopped):
        one.engine.paint(PICTURE, HOLE, replace(WISH, strength=0.7, seed=9), tell=stop)
    assert np.array_equal(PICTURE, before)
    assert np.array_equal(one.engine.paint(PICTURE, HOLE, WISH), first)


def test_words_that_are_too_long_are_refused_and_not_cut(one: Tiny) -> None:
    fits = "a" * (tiny.READS - 2)
    one.engine.paint(PICTURE, HOLE, replace(WISH, words=fits, steps=1))
    for wish in (replace(WISH, words=fits + "xyz"), replace(WISH, unwanted=fits + "xyz")):
        with pytest.raises(UsageError, match=rf"{one.kind} reads 77 tokens of text.* 80: .*\(xyz\)") as raised:
            one.engine.paint(PICTURE, HOLE, wish)
        assert "\n" not in str(raised.value)


@pytest.mark.parametrize("change", [{"steps": 0}, {"strength": 1.1}, {"strength": -0.1}, {"seed": -1}, {"seed": 2**63}])
def test_numbers_that_mean_nothing_are_refused(change: dict[str, Any], sd: Tiny) -> None:
    with pytest.raises(UsageError):
        sd.engine.paint(PICTURE, HOLE, replace(WISH, **change))


def test_a_mask_of_another_size_is_refused(sd: Tiny) -> None:
    with pytest.raises(MaskSizeMismatch, match="64 x 32 pixels and the picture 64 x 64"):
        sd.engine.paint(PICTURE, HOLE[:32], WISH)


def truncate(folder: Path) -> None:
    path = folder / "unet" / "diffusion_pytorch_model.fp16.safetensors"
    path.write_bytes(path.read_bytes()[:5000])


def drop_weight(folder: Path) -> None:
    path = folder / "vae" / "diffusion_pytorch_model.fp16.safetensors"
    weights = load_file(path)
    del weights["decoder.conv_in.weight"]
    save_file(weights, path, {"format": "pt"})


def drop_encoder_weight(folder: Path) -> None:
    path = folder / "text_encoder" / "model.fp16.safetensors"
    weights = load_file(path)
    weights.pop(next(name for name in weights if name.endswith("fc1.weight")))
    save_file(weights, path, {"format": "pt"})


def only_a_pickle(folder: Path) -> None:
    import torch

    path = folder / "unet" / "diffusion_pytorch_model.fp16.safetensors"
    torch.save(load_file(path), path.with_name("diffusion_pytorch_model.bin"))
    path.unlink()


def for_no_holes(folder: Path) -> None:
    import diffusers

    shutil.rmtree(folder / "unet")
    diffusers.UNet2DConditionModel(
        sample_size=32, block_out_channels=(8,), down_block_types=("DownBlock2D",), up_block_types=("UpBlock2D",),
        norm_num_groups=4, attention_head_dim=4,
    ).save_pretrained(folder / "unet")  # fmt: skip


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (truncate, "unet: cannot be read as a UNet2DConditionModel"),
        (drop_weight, "vae: .* AutoencoderKL"),
        (drop_encoder_weight, "text_encoder: 1 weights of CLIPTextModel are not there"),
        (only_a_pickle, "unet: cannot be read as a UNet2DConditionModel"),
        (for_no_holes, "takes 4 channels, and one for inpainting takes 9"),
        (lambda folder: shutil.rmtree(folder / "vae"), "vae: there is no config.json in it"),
        (lambda folder: shutil.rmtree(folder / "tokenizer"), "tokenizer: cannot be read as a CLIPTokenizer"),
        (
            lambda folder: (folder / "scheduler" / "scheduler_config.json").write_text('{"_class_name": "os"}'),
            "scheduler: names no scheduler that is known",
        ),
        (
            lambda folder: (folder / "scheduler" / "scheduler_config.json").write_text("{"),
            "scheduler_config.json: cannot be read",
        ),
    ],
)
def test_a_folder_that_is_not_whole_is_named(
    damage: Callable[[Path], object], words: str, sd: Tiny, tmp_path: Path
) -> None:
    folder = tmp_path / "model"
    shutil.copytree(sd.folder, folder)
    damage(folder)
    with pytest.raises(CannotRead, match=words) as raised:
        load_sd_inpaint(folder, name="sd", device="cpu")
    assert "\n" not in str(raised.value)
