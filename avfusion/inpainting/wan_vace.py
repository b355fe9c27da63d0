"""`wan-vace-1.3b`: whole stretches of a clip at once, by a diffusion network for videos.

Z. Jiang et al., "VACE: All-in-One Video Creation and Editing", ICCV 2025, on Wan 2.1; the pipeline is that of the
diffusers package. There is no safety checker: what is made is what comes out.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from avfusion.clip import Clip, Mask, Masks, Rgb
from avfusion.inpainting import Filled, Tell, Wish
from avfusion.inpainting.diffusion_fit import Fit, fit_whole
from avfusion.inpainting.diffusion_parts import load_network, load_scheduler, pipeline_class, place, quiet
from avfusion.inpainting.diffusion_wish import check_wish
from avfusion.inpainting.hole import NO_WISH, check_count, hole_of
from avfusion.inpainting.wan_vace_windows import Span, crossfaded, whole_length, windows
from avfusion.inpainting.wan_vace_words import WordReader

OnStep = Callable[[int], None]

_ROOMY_BYTES = 15_000_000_000
_GREY = 128
"""What the network sees where it has to make something up, as in its training."""

Made = NDArray[np.float32]
"""float32 [n, H, W, 3] in 0..1, of the network's size."""


@dataclass(frozen=True)
class WanVaceSettings:
    """window: frames that are made at once, 4 k + 1. overlap: of them, those that the next window is given as known.

    area_px: what the network was trained for; larger frames are made smaller, and only the hole is enlarged again.
    """

    window: int = 81
    overlap: int = 9
    area_px: int = 480 * 832


class WanVace:
    """A `ClipInpainter`. It makes one window at a time, and holds no more than that of any clip."""

    def __init__(
        self, pipeline: Any, reader: WordReader, *, name: str, settings: WanVaceSettings | None = None
    ) -> None:
        self.name = name
        self._pipeline = pipeline
        self._reader = reader
        self._settings = settings or WanVaceSettings()
        self._alone = threading.Lock()

    def fill(
        self, clip: Clip, holes: Masks, wish: Wish = NO_WISH, *, folder: Path, tell: Tell
    ) -> Generator[Filled, None, None]:
        """As `ClipInpainter.fill` says; `strength` changes nothing: what was in the hole is not looked at.

        A window without any hole is not made. Nothing is written to `folder`. Raises `UsageError` also for words that
        are longer than the text encoder reads, and numbers out of range.
        """
        check_count(clip, holes)
        self.check(wish)
        fit = fit_whole(clip.height_px, clip.width_px, area_px=self._settings.area_px, grid_px=self._grid_px)
        spans = windows(clip.frame_count, self._settings.window, self._settings.overlap)
        total = len(spans) * wish.steps
        tail: Made | None = None
        for number, span in enumerate(spans):
            tell("generating", number * wish.steps, total)

            def on_step(done: int, before: int = number * wish.steps) -> None:
                tell("generating", before + done, total)

            made = self._window(clip, holes, span, fit, tail, wish, wish.seed + number, on_step)
            is_last = number == len(spans) - 1
            stop = span[1] if is_last else span[1] - self._settings.overlap
            yield from _pasted(clip, holes, (span[0], stop), fit, made, wish)
            tail = None if made is None or is_last else made[stop - span[0] :].copy()
        tell("generating", total, total)

    def check(self, wish: Wish) -> None:
        """What `fill` checks of a wish. Raises `UsageError`: words too long to be read, numbers out of range."""
        check_wish(wish)
        self._reader.check(wish.words)
        self._reader.check(wish.unwanted)

    @property
    def _grid_px(self) -> int:
        return int(self._pipeline.vae_scale_factor_spatial) * int(self._pipeline.transformer.config.patch_size[1])

    def _window(
        self,
        clip: Clip,
        holes: Masks,
        span: Span,
        fit: Fit,
        tail: Made | None,
        wish: Wish,
        seed: int,
        on_step: OnStep,
    ) -> Made | None:
        """What the network makes of the frames of a span; None where there is no hole in any of them.

        tail: how the window before ended; those frames are given as known.
        """
        shown, hidden = _seen(clip, holes, span, fit)
        if not any(hole.any() for hole in hidden):
            return None
        for number, known in enumerate(() if tail is None else tail):
            picture = np.rint(np.clip(known, 0, 1) * 255).astype(np.uint8)
            shown[number] = np.where(hidden[number][..., None], picture, shown[number])
            hidden[number] = np.zeros_like(hidden[number])
        made = self._make(shown, hidden, wish, seed, on_step)
        if tail is not None:
            made[: len(tail)] = crossfaded(tail, made[: len(tail)])
        return made

    def _make(
        self, shown: list[Rgb], hidden: list[Mask], wish: Wish, seed: int, on_step: Callable[[int], None]
    ) -> Made:
        """One run of the pipeline, over as many frames as it takes: the last one stands still for what is missing."""
        import torch
        from PIL import Image

        count = len(shown)
        missing = whole_length(count) - count
        video = [np.where(hole[..., None], np.uint8(_GREY), rgb) for rgb, hole in zip(shown, hidden, strict=True)]
        is_guided = wish.guidance > 1 and wish.words != wish.unwanted
        with self._alone, quiet():
            meanings = self._reader.read(wish.words, *([wish.unwanted] if is_guided else []))

            def after_step(_: Any, step: int, time: Any, tensors: dict[str, Any]) -> dict[str, Any]:
                on_step(step + 1)
                return tensors

            try:
                made = self._pipeline(
                    video=[Image.fromarray(rgb) for rgb in video + video[-1:] * missing],
                    mask=[Image.fromarray(hole.astype(np.uint8) * 255) for hole in hidden + hidden[-1:] * missing],
                    prompt_embeds=meanings[0].to(self._pipeline.transformer.dtype),
                    negative_prompt_embeds=meanings[1].to(self._pipeline.transformer.dtype) if is_guided else None,
                    height=shown[0].shape[0],
                    width=shown[0].shape[1],
                    num_frames=count + missing,
                    num_inference_steps=wish.steps,
                    guidance_scale=wish.guidance if is_guided else 1.0,
                    # Noise is drawn on the CPU: then a seed means the same picture on every device.
                    generator=torch.Generator("cpu").manual_seed(seed),
                    output_type="np",
                    callback_on_step_end=after_step,
                ).frames[0]
            except BaseException:
                self._pipeline.maybe_free_model_hooks()
                raise
        return np.asarray(made[:count], np.float32)


def load_wan_vace(folder: Path, *, name: str, device: str, settings: WanVaceSettings | None = None) -> WanVace:
    """Wan 2.1 VACE from a folder in diffusers' layout: bfloat16 on a CUDA card, float32 elsewhere. Raises CannotRead.

    The text encoder is read when there are words, and let go again.
    """
    import torch

    precision = torch.bfloat16 if torch.device(device).type == "cuda" else torch.float32
    pipeline = pipeline_class("WanVACEPipeline")(
        tokenizer=None,
        text_encoder=None,
        # In half precision its colours drift.
        vae=load_network(folder / "vae", "diffusers", "AutoencoderKLWan", torch.float32),
        scheduler=load_scheduler(folder / "scheduler"),
        transformer=load_network(folder / "transformer", "diffusers", "WanVACETransformer3DModel", precision),
    )
    place(pipeline, device, _ROOMY_BYTES)
    return WanVace(pipeline, WordReader(folder, name=name), name=name, settings=settings)


def _seen(clip: Clip, holes: Masks, span: Span, fit: Fit) -> tuple[list[Rgb], list[Mask]]:
    """The frames of a span at the network's size, and the holes in them."""
    with contextlib.closing(clip.frames(*span)) as frames:
        shown = [fit.shown(frame.rgb) for frame in frames]
    return shown, [fit.hidden(hole_of(clip, holes, index)) for index in range(*span)]


def _pasted(
    clip: Clip, holes: Masks, span: Span, fit: Fit, made: Made | None, wish: Wish
) -> Generator[Filled, None, None]:
    """The frames of a span as they are, but for what was made in their holes."""
    with contextlib.closing(clip.frames(*span)) as frames:
        for frame in frames:
            hole = hole_of(clip, holes, frame.index)
            rgb = frame.rgb
            if made is not None and hole.any():
                rgb = fit.pasted(rgb, hole, made[frame.index - span[0]], fit.hidden(hole), wish.feather_px)
            yield Filled(frame.index, rgb, np.zeros_like(hole), hole)
