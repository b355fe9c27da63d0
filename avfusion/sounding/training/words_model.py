"""A small CLIP that knows made things by words: what stands in for the published one where a set is made.

It sees single things, silent and out of their scenes, of all looks but those of the novel kinds, beside words for them:
"a photo of a striped star.", and also "a photo of a star." and "a photo of a striped.". So it knows every shape and
every texture of the novel kinds, and has never seen one of them on the other.

train_words_model(folder, seed=0)
namer = load_clip_namer(folder, name="made-words", device="cpu")
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from avfusion.datasets.scenes_looks import SHAPES, TEXTURES
from avfusion.media.target import writing
from avfusion.sounding.naming import TEMPLATES
from avfusion.sounding.networks.layers import Tensor
from avfusion.sounding.training.words_lessons import LOOKS, caption, draw_cut_out
from avfusion.sounding.training.words_tokens import word_tokenizer

SIZE_PX = 64
_MIDDLE = 0.3
"""Mean and deviation of pictures that are black around the thing."""
_SHARPEST = 50.0
"""Largest scale of likeness: at 100, as in the published one, so few looks would be told apart beyond all doubt."""
_STRONGER = 3.0
"""Times the usual first weights, which are for networks that are wider and learn longer."""
_LONGEST = 64
"""Tokens of a sentence. A word that it does not know has as many as it has letters."""

OnStep = Callable[[str, int, int], None]
"""on_step(what, done, total); it may raise to stop."""


@dataclass(frozen=True)
class WordsSettings:
    """views: of each look, drawn once; steps: of learning, each from one view of every look."""

    views: int = 40
    steps: int = 1500
    rate: float = 2e-3
    weight_decay: float = 0.05
    seed: int = 0


def train_words_model(
    folder: Path,
    seed: int = 0,
    steps: int = WordsSettings.steps,
    on_step: OnStep | None = None,
    *,
    views: int = WordsSettings.views,
) -> None:
    """Writes a folder that `naming.load_clip_namer` reads, below 1 MB. Raises `CannotWrite`, and what on_step does."""
    settings = WordsSettings(views, steps, seed=seed)
    tell: OnStep = on_step or (lambda what, done, total: None)
    processor = words_processor()
    model = taught(draw_views(settings, tell), processor, settings, tell)
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        _write(folder, model, processor)


def _write(folder: Path, model: Any, processor: Any) -> None:
    """Weights are kept in half precision, and read in the full one that the configuration says."""
    import torch
    from safetensors.torch import save

    processor.save_pretrained(folder)
    model.config.dtype = torch.float32
    model.config.save_pretrained(folder)
    halves = {name: part.detach().half().contiguous() for name, part in model.state_dict().items()}
    (folder / "model.safetensors").write_bytes(save(halves, metadata={"format": "pt"}))


def draw_views(settings: WordsSettings, tell: OnStep) -> Tensor:
    """uint8 [looks, views, 3, SIZE_PX, SIZE_PX]."""
    import torch

    random = np.random.default_rng([settings.seed, 0])
    rows = []
    for number, look in enumerate(LOOKS):
        views = torch.stack([draw_cut_out(look, SIZE_PX, random) for _ in range(settings.views)])
        rows.append((views * 255).round().to(torch.uint8))
        tell("drawing made things", number + 1, len(LOOKS))
    return torch.stack(rows)


def words_processor() -> Any:
    """For pictures and for words: all those of the looks and of the sentences that names are put in."""
    sentences = [template.format("").lower().replace(".", " ") for template in TEMPLATES]
    tokenizer = word_tokenizer([*" ".join(sentences).split(), *SHAPES, *TEXTURES], longest=_LONGEST)
    transformers: Any = importlib.import_module("transformers")
    images = transformers.CLIPImageProcessor(
        size={"shortest_edge": SIZE_PX}, crop_size={"height": SIZE_PX, "width": SIZE_PX},
        image_mean=[_MIDDLE] * 3, image_std=[_MIDDLE] * 3,
    )  # fmt: skip
    return transformers.CLIPProcessor(images, tokenizer)


def taught(views: Tensor, processor: Any, settings: WordsSettings, tell: OnStep) -> Any:
    """A `CLIPModel` that has learnt from views, in evaluation mode."""
    import torch

    model = _drawn(processor.tokenizer, settings.seed)
    learnt = list(model.parameters())
    optimizer = torch.optim.AdamW(learnt, lr=settings.rate, betas=(0.9, 0.98), weight_decay=settings.weight_decay)
    rates = torch.optim.lr_scheduler.OneCycleLR(optimizer, settings.rate, total_steps=settings.steps, pct_start=0.1)
    random = np.random.default_rng([settings.seed, 1])
    for step in range(settings.steps):
        loss = _loss(model, processor.tokenizer, _seen(views, random), random)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(learnt, 1.0)
        optimizer.step()
        rates.step()
        with torch.no_grad():
            model.logit_scale.clamp_(max=float(np.log(_SHARPEST)))
        tell("learning words for made things", step + 1, settings.steps)
    return model.eval()


def _drawn(tokenizer: Any, seed: int) -> Any:
    """The state of torch's own generators stays as it is."""
    import torch

    transformers: Any = importlib.import_module("transformers")
    size = {"hidden_size": 64, "intermediate_size": 128, "num_attention_heads": 4}
    end, start = len(tokenizer) - 1, len(tokenizer) - 2
    config = transformers.CLIPConfig(
        text_config={**size, "num_hidden_layers": 2, "vocab_size": len(tokenizer),
                     "max_position_embeddings": _LONGEST, "bos_token_id": start, "eos_token_id": end},
        vision_config={**size, "num_hidden_layers": 4, "image_size": SIZE_PX, "patch_size": 8},
        projection_dim=64,
    )  # fmt: skip
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.default_generator.manual_seed(seed)
        model = transformers.CLIPModel(config)
        for part in model.parameters():
            if part.dim() > 1:
                part.mul_(_STRONGER)
    return model.train()


def _seen(views: Tensor, random: np.random.Generator) -> Tensor:
    """float32 [looks, 3, SIZE_PX, SIZE_PX]: a view of each look, a little shifted, smaller or larger, darker or
    brighter, and in other colours."""
    import torch
    from torch.nn import functional

    count = len(views)
    chosen = torch.from_numpy(random.integers(views.shape[1], size=count))
    colours = torch.from_numpy(random.permuted(np.tile(np.arange(3), (count, 1)), axis=1))
    seen = views[torch.arange(count)[:, None], chosen[:, None], colours].float() / 255
    moves = torch.zeros(count, 2, 3)
    moves[:, 0, 0] = moves[:, 1, 1] = torch.from_numpy(random.uniform(0.85, 1.1, count))
    moves[:, :, 2] = torch.from_numpy(random.uniform(-0.1, 0.1, (count, 2)))
    grid = functional.affine_grid(moves, list(seen.shape), align_corners=False)
    brighter = torch.from_numpy(random.uniform(0.6, 1.4, (count, 1, 1, 1))).float()
    return (functional.grid_sample(seen, grid, align_corners=False) * brighter).clamp(0, 1)


def _loss(model: Any, tokenizer: Any, seen: Tensor, random: np.random.Generator) -> Tensor:
    """Each picture against the words for all looks and these against it (A. Radford et al., ICML 2021, section 2.3);
    and against the words for shapes alone and for textures alone."""
    import torch
    from torch.nn import functional

    shapes, textures = list(SHAPES), list(TEXTURES)
    names = [*map(caption, LOOKS), *shapes, *textures]
    sentences = [TEMPLATES[random.integers(len(TEMPLATES))].format(name) for name in names]
    said = model.get_text_features(**tokenizer(sentences, padding=True, return_tensors="pt")).pooler_output
    looked = model.get_image_features(pixel_values=(seen - _MIDDLE) / _MIDDLE).pooler_output
    likeness = model.logit_scale.exp() * functional.normalize(looked, dim=-1) @ functional.normalize(said, dim=-1).T
    both, of_shape, of_texture = likeness.split([len(LOOKS), len(shapes), len(textures)], dim=1)
    own = torch.arange(len(LOOKS))
    shape, texture = (
        torch.tensor([words.index(look[part]) for look in LOOKS]) for part, words in enumerate((shapes, textures))
    )
    loss = (functional.cross_entropy(both, own) + functional.cross_entropy(both.T, own)) / 2
    return loss + functional.cross_entropy(of_shape, shape) + functional.cross_entropy(of_texture, texture)
