"""`sd-1.5-inpaint` and `sdxl-inpaint`: latent diffusion that sees the hole's surroundings, and words.

R. Rombach et al., "High-Resolution Image Synthesis with Latent Diffusion Models", CVPR 2022; D. Podell et al., "SDXL",
2023; the pipelines are those of the diffusers package. There is no safety checker: what is made is what comes out.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from avfusion.clip import Mask, Rgb
from avfusion.errors import CannotRead, MaskSizeMismatch
from avfusion.inpainting import Wish
from avfusion.inpainting.diffusion_fit import fit_around, on_cells
from avfusion.inpainting.diffusion_parts import (
    load_network,
    load_scheduler,
    load_tokenizer,
    pipeline_class,
    place,
    quiet,
    read_settings,
)
from avfusion.inpainting.diffusion_wish import check_length, check_wish
from avfusion.inpainting.hole import NO_WISH

TellStep = Callable[[int, int], None]

_SD_ROOMY_BYTES = 4_500_000_000
_SDXL_ROOMY_BYTES = 12_000_000_000
GRID_PX = 8
"""Both sides of what the pipelines take are multiples of this."""

_CHANNELS = 9
"""Of the noise, of the picture without the hole (4 each), and of the hole (1)."""


class Diffusion:
    """A `PictureInpainter` on one of diffusers' inpainting pipelines. It makes one picture at a time."""

    def __init__(self, pipeline: Any, *, name: str) -> None:
        self.name = name
        self._pipeline = pipeline
        self._alone = threading.Lock()

    @property
    def side_px(self) -> int:
        """The longer side of the pictures that the network makes."""
        return int(self._pipeline.unet.config.sample_size) * int(self._pipeline.vae_scale_factor)

    def paint(self, picture: Rgb, hole: Mask, wish: Wish = NO_WISH, *, tell: TellStep | None = None) -> Rgb:
        """As `PictureInpainter.paint` says. A hole of the whole picture works: all of it is made up.

        Raises `UsageError` also for words that are longer than the text encoder reads, and numbers out of range.
        """
        if hole.shape != picture.shape[:2]:
            raise MaskSizeMismatch(
                f"the mask is {hole.shape[1]} x {hole.shape[0]} pixels and the picture {picture.shape[1]} x "
                f"{picture.shape[0]}: masks are of the upright full-size frame."
            )
        self.check(wish)
        if not hole.any() or wish.strength == 0:
            return picture
        fit = fit_around(hole, side_px=self.side_px, grid_px=GRID_PX)
        hidden = on_cells(fit.hidden(hole), int(self._pipeline.vae_scale_factor))
        with self._alone, quiet():
            made = self._make(fit.shown(picture), hidden, wish, tell)
        return fit.pasted(picture, hole, made, hidden, wish.feather_px)

    def check(self, wish: Wish) -> None:
        """What `paint` checks of a wish. Raises `UsageError`: words too long to be read, numbers out of range."""
        check_wish(wish)
        for tokenizer, encoder in self._readers():
            limit = min(tokenizer.model_max_length, encoder.config.max_position_embeddings)
            for words in (wish.words, wish.unwanted):
                check_length(words, tokenizer, limit, self.name)

    def _readers(self) -> list[tuple[Any, Any]]:
        pipeline = self._pipeline
        second = getattr(pipeline, "text_encoder_2", None)
        return [(pipeline.tokenizer, pipeline.text_encoder)] + ([(pipeline.tokenizer_2, second)] if second else [])

    def _make(self, shown: Rgb, hidden: Mask, wish: Wish, tell: TellStep | None) -> NDArray[np.float32]:
        """float32 [H, W, 3] in 0..1, as large as what is shown."""
        import torch
        from PIL import Image

        pipeline = self._pipeline

        def on_step(_: Any, step: int, time: Any, tensors: dict[str, Any]) -> dict[str, Any]:
            if tell is not None:
                tell(step + 1, pipeline.num_timesteps)
            return tensors

        try:
            made = pipeline(
                prompt=wish.words,
                negative_prompt=wish.unwanted or None,
                image=Image.fromarray(shown),
                mask_image=Image.fromarray(hidden.astype(np.uint8) * 255),
                height=shown.shape[0],
                width=shown.shape[1],
                strength=_at_least_a_step(wish),
                num_inference_steps=wish.steps,
                guidance_scale=self._guidance(wish),
                # Noise is drawn on the CPU: then a seed means the same picture on every device.
                generator=torch.Generator("cpu").manual_seed(wish.seed),
                output_type="np",
                callback_on_step_end=on_step,
            ).images[0]
        except BaseException:
            pipeline.maybe_free_model_hooks()
            raise
        return np.asarray(made, np.float32)

    def _guidance(self, wish: Wish) -> float:
        """1, which takes half the time, where there is nothing to guide to: both predictions would be the same."""
        zeroed = self._pipeline.config.get("force_zeros_for_empty_prompt", False) and not wish.unwanted
        return wish.guidance if zeroed or wish.words != wish.unwanted else 1.0


def load_sd_inpaint(folder: Path, *, name: str, device: str) -> Diffusion:
    """Stable Diffusion 1.5 for inpainting from a folder in diffusers' layout. Raises CannotRead."""
    pipeline = pipeline_class("StableDiffusionInpaintPipeline")(
        **_parts(folder, device),
        text_encoder=_encoder(folder / "text_encoder", "CLIPTextModel", device),
        tokenizer=load_tokenizer(folder / "tokenizer", "CLIPTokenizer"),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    place(pipeline, device, _SD_ROOMY_BYTES)
    return Diffusion(pipeline, name=name)


def load_sdxl_inpaint(folder: Path, *, name: str, device: str) -> Diffusion:
    """Stable Diffusion XL for inpainting from a folder in diffusers' layout. Raises CannotRead."""
    settings = read_settings(folder / "model_index.json")
    pipeline = pipeline_class("StableDiffusionXLInpaintPipeline")(
        **_parts(folder, device),
        text_encoder=_encoder(folder / "text_encoder", "CLIPTextModel", device),
        text_encoder_2=_encoder(folder / "text_encoder_2", "CLIPTextModelWithProjection", device),
        tokenizer=load_tokenizer(folder / "tokenizer", "CLIPTokenizer"),
        tokenizer_2=load_tokenizer(folder / "tokenizer_2", "CLIPTokenizer"),
        force_zeros_for_empty_prompt=bool(settings.get("force_zeros_for_empty_prompt", True)),
        requires_aesthetics_score=bool(settings.get("requires_aesthetics_score", False)),
        # Else it would depend on which packages happen to be installed.
        add_watermarker=False,
    )
    place(pipeline, device, _SDXL_ROOMY_BYTES)
    return Diffusion(pipeline, name=name)


def _parts(folder: Path, device: str) -> dict[str, Any]:
    """What both pipelines have. Raises CannotRead, also for a network that is not for inpainting."""
    unet = load_network(folder / "unet", "diffusers", "UNet2DConditionModel", _precision(device))
    if unet.config.in_channels != _CHANNELS:
        raise CannotRead(
            f"{folder}: its network takes {unet.config.in_channels} channels, and one for inpainting takes {_CHANNELS}."
        )
    vae = load_network(folder / "vae", "diffusers", "AutoencoderKL", _precision(device))
    return {"unet": unet, "vae": vae, "scheduler": load_scheduler(folder / "scheduler")}


def _encoder(folder: Path, kind: str, device: str) -> Any:
    return load_network(folder, "transformers", kind, _precision(device))


def _precision(device: str) -> Any:
    """float16 on a CUDA card, which is how the weights are published; float32 elsewhere."""
    import torch

    return torch.float16 if torch.device(device).type == "cuda" else torch.float32


def _at_least_a_step(wish: Wish) -> float:
    """The strength; where it is so small that not one step would be left, what leaves one."""
    return wish.strength if int(wish.strength * wish.steps) >= 1 else min(1.0, 1.5 / wish.steps)
