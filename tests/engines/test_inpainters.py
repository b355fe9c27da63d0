"""Inpainting rows: through the registry from tiny weights where the real ones would lie, `auto`, and honest sizes."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from avfusion.engines import inpainters
from avfusion.engines.catalogue import choose, find
from avfusion.engines.engine import HubFiles
from avfusion.engines.folders import hub_snapshot
from avfusion.engines.inpainters import INPAINTED
from avfusion.engines.registry import Registry
from avfusion.engines.state import state
from avfusion.errors import EngineNotReady, NotEnoughMemory
from avfusion.inpainting import ClipInpainter, PictureInpainter, Wish
from tests.engines.test_segmenters import put

ROWS = {row.name: row for row in INPAINTED}
DIFFUSION = ("sd-1.5-inpaint", "sdxl-inpaint", "wan-vace-1.3b")
PICTURE = np.random.default_rng(0).integers(0, 256, (48, 64, 3), np.uint8)
HOLE = np.zeros((48, 64), bool)
HOLE[10:30, 10:40] = True

# Counted in the published architectures, built without memory on torch's device "meta".
SD_UNET, SDXL_UNET, VAE, CLIP_L, CLIP_G = 859_535_364, 2_567_478_084, 83_653_863, 123_060_480, 694_659_840
WAN, WAN_VAE, UMT5 = 2_153_972_032, 126_892_531, 5_680_910_336


def pulled(name: str) -> HubFiles:
    """Tiny weights where `avfusion engines pull` would put the real ones."""
    from tests.inpainting import tiny_diffusion as tiny

    makers: dict[str, Callable[[Path], None]] = {
        "sd-1.5-inpaint": lambda folder: tiny.tiny_sd(folder, variant="fp16"),
        "sdxl-inpaint": lambda folder: tiny.tiny_sdxl(folder, variant="fp16"),
        "wan-vace-1.3b": tiny.tiny_wan_vace,
    }
    (source,) = ROWS[name].sources
    assert isinstance(source, HubFiles)
    put(source, makers[name])
    return source


def test_the_engine_without_weights_is_auto_s_and_words_go_to_one_that_reads_them() -> None:
    assert choose("inpainting").engine.name == "flow-fill"
    with pytest.raises(EngineNotReady, match="inpainting by words is ready: sdxl-inpaint"):
        choose("inpainting", understands="words")
    pulled("sd-1.5-inpaint")
    assert choose("inpainting").engine.name == "flow-fill"
    choice = choose("inpainting", understands="words", is_card=lambda device: False)
    assert choice.engine.name == "sd-1.5-inpaint"
    assert "without a graphics card it is slow" in choice.why


@pytest.mark.parametrize("name", DIFFUSION)
def test_an_engine_is_lent_from_the_folder_that_it_was_pulled_into(name: str) -> None:
    row = find(name, "inpainting")
    found = state(row)
    assert found.kind == "needs download"
    assert f"avfusion engines pull {name}" in found.words
    source = pulled(name)
    assert state(row).is_ready
    with Registry(free=lambda device: 10**12).lend(name, "inpainting", "cpu") as engine:
        assert engine.name == name
        if name == "wan-vace-1.3b":
            assert isinstance(engine, ClipInpainter)
        else:
            assert isinstance(engine, PictureInpainter)
            painted = engine.paint(PICTURE, HOLE, Wish(words="a car", steps=1))
            assert np.array_equal(painted[~HOLE], PICTURE[~HOLE])
            assert (painted[HOLE] != PICTURE[HOLE]).any()
    # Every file that is asked of the hub is one that the loader can use, and no pickle.
    assert all((hub_snapshot(source) / file).is_file() for file in (*source.files, *source.weights))
    assert not any(file.endswith((".bin", ".ckpt", ".pt")) for file in (*source.files, *source.weights))


@pytest.mark.parametrize("name", DIFFUSION)
def test_an_engine_that_does_not_fit_is_refused_before_it_is_loaded(name: str) -> None:
    for other in {name, "sd-1.5-inpaint"}:
        pulled(other)
    row = ROWS[name]
    fits = "No other engine" if name == "sd-1.5-inpaint" else r"What fits: sd-1.5-inpaint \(3.1 GB\)"
    registry = Registry(
        budget=lambda device: 10**12, free=lambda device: row.peak_memory_bytes - 1, pick=lambda engine, wanted: "cuda"
    )
    with (
        pytest.raises(NotEnoughMemory, match=rf"{name}: needs .* of memory, .* {fits}") as raised,
        registry.lend(name, "inpainting"),
    ):
        pass
    assert (raised.value.engine, raised.value.ability, raised.value.device) == (name, "inpainting", "cuda")
    assert registry.holdings() == ()


@pytest.mark.parametrize("name", DIFFUSION)
def test_on_a_cpu_they_ask_for_what_full_precision_takes(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    pulled(name)
    row = ROWS[name]
    monkeypatch.setattr(inpainters, "free_memory", lambda device: row.peak_memory_bytes)
    registry = Registry(free=lambda device: row.peak_memory_bytes)
    with (
        pytest.raises(NotEnoughMemory, match=rf"{name}: needs .* of the machine's memory on cpu") as raised,
        registry.lend(name, "inpainting", "cpu"),
    ):
        pass
    assert (raised.value.engine, raised.value.ability, raised.value.device) == (name, "inpainting", "cpu")
    assert registry.holdings() == ()


@pytest.mark.parametrize(
    ("name", "fetched", "largest"),
    [
        ("sd-1.5-inpaint", 2 * (SD_UNET + VAE + CLIP_L), 2 * SD_UNET),
        ("sdxl-inpaint", 2 * (SDXL_UNET + VAE + CLIP_L + CLIP_G), 2 * SDXL_UNET),
        ("wan-vace-1.3b", 4 * (WAN + WAN_VAE) + 2 * UMT5, 2 * WAN),
    ],
)
def test_sizes_follow_from_the_number_of_weights(name: str, fetched: int, largest: int) -> None:
    """fetched: bytes of the files; largest: of the part that must fit on a card, beside what it computes."""
    assert ROWS[name].download_bytes == pytest.approx(fetched, rel=0.01)
    assert 1.3 * largest < ROWS[name].peak_memory_bytes < 3 * largest
