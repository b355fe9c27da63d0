"""A small CLIP for made things: what its training gives, and that it learns at all."""

from pathlib import Path

import numpy as np
import pytest
import torch

from avfusion.errors import Stopped
from avfusion.sounding.naming import load_clip_namer
from avfusion.sounding.training.words_lessons import LOOKS, caption
from avfusion.sounding.training.words_model import (
    WordsSettings,
    _drawn,
    _loss,
    draw_views,
    taught,
    train_words_model,
    words_processor,
)  # fmt: skip

FEW = WordsSettings(views=2, steps=8, seed=3)


def quiet(what: str, done: int, total: int) -> None:
    pass


def test_a_folder_is_a_namer_in_full_precision(tmp_path: Path) -> None:
    told: list[tuple[str, int, int]] = []
    train_words_model(tmp_path / "words", 3, 2, lambda *said: told.append(said), views=1)
    assert told[-1] == ("learning words for made things", 2, 2)
    namer = load_clip_namer(tmp_path / "words", name="made-words", device="cpu")
    assert namer.size_px == 64
    assert {part.dtype for part in namer._model.parameters()} == {torch.float32}
    names = tuple(caption(look) for look in LOOKS[:5])
    likeness = namer.likeness(torch.rand(3, 3, 64, 64, generator=torch.Generator().manual_seed(0)), names)
    assert likeness.shape == (3, 5)
    assert likeness.dtype == torch.float32
    assert likeness.isfinite().all()
    named = namer.call([(np.full((40, 40, 3), 99, np.uint8), np.ones((40, 40), bool))], ["dog", *names])
    assert named.confidence > 0
    assert sum(file.stat().st_size for file in (tmp_path / "words").iterdir()) < 1e6


def test_it_learns_and_a_seed_gives_one_model() -> None:
    views, processor = draw_views(FEW, quiet), words_processor()
    before = torch.random.get_rng_state()
    model, again = (taught(views, processor, FEW, quiet) for _ in range(2))
    assert torch.equal(before, torch.random.get_rng_state())
    assert all(part.equal(other) for part, other in zip(model.parameters(), again.parameters(), strict=True))
    seen = views[:, 0].float() / 255
    with torch.no_grad():
        first, last = (
            _loss(one, processor.tokenizer, seen, np.random.default_rng(0)).item()
            for one in (_drawn(processor.tokenizer, FEW.seed), model)
        )
    assert last < first - 0.3


def test_it_can_be_stopped(tmp_path: Path) -> None:
    def stop(what: str, done: int, total: int) -> None:
        raise Stopped("enough")

    with pytest.raises(Stopped):
        train_words_model(tmp_path / "words", on_step=stop)
    assert not (tmp_path / "words").exists()
