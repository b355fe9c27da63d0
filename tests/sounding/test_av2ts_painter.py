"""AV2TS as a painter, from the file on: what it paints is what the network says, whatever the length of the clip."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from avfusion.clip import Sound
from avfusion.datasets.avs_clip import Setting
from avfusion.datasets.classes import CLASSES, NUMBER_OF
from avfusion.errors import InputError, Stopped
from avfusion.sounding import Locator
from avfusion.sounding.av2ts_painter import Av2tsPainter
from avfusion.sounding.checkpoint import read_checkpoint
from avfusion.sounding.networks.av2ts import class_maps
from avfusion.sounding.networks.log_mel import for_pictures, log_mel_examples
from avfusion.sounding.painted import Painter, squashed, windows
from tests.sounding.painting import network_saying, trained_folder


def pictures(count: int, height: int = 64, width: int = 64) -> np.ndarray:
    return np.random.default_rng(7).integers(0, 256, (count, height, width, 3), dtype=np.uint8)


def noise(seconds: float, rate_hz: int = 16_000) -> Sound:
    samples = np.random.default_rng(8).normal(0, 0.1, (1, round(seconds * rate_hz)))
    return Sound(samples.astype(np.float32), rate_hz)


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("trained")
    return {setting: trained_folder(root / setting, setting) for setting in ("s4", "avss")}


def painter(folder: Path) -> Av2tsPainter:
    return Av2tsPainter("mine", read_checkpoint(folder))


@pytest.mark.parametrize(("setting", "count"), [("s4", 5), ("avss", 10)])
def test_it_paints_what_the_network_says(folders: dict[str, Path], setting: Setting, count: int) -> None:
    """By hand: the network's own maps, a softmax over two classes, or the largest of 71."""
    checkpoint = read_checkpoint(folders[setting])
    shown, sound = pictures(count, 96, 80), noise(count)
    seen = torch.from_numpy(np.stack([squashed(picture, 64) for picture in shown])).permute(0, 3, 1, 2).float()
    log_mel = torch.from_numpy(log_mel_examples(sound.samples[0]))
    assert len(log_mel) == count
    with torch.no_grad():
        predictions = checkpoint.network.predict(seen[None], log_mel[None])
        maps = class_maps(predictions, height=96, width=80)
    painted = painter(folders[setting]).paint(shown, sound)
    assert painted.probabilities.shape == (count, 96, 80)
    assert np.array_equal(painted.numbers, maps.argmax(1).numpy())
    if setting == "s4":
        assert painted.names == ("background", "")
        assert np.array_equal(painted.probabilities, maps.softmax(1)[:, 1].numpy())
    else:
        assert painted.names == CLASSES
        assert len(np.unique(painted.numbers)) > 1
        clear = np.abs(painted.probabilities - 0.5) > 1e-6
        assert np.array_equal((painted.probabilities > 0.5)[clear], (painted.numbers > 0)[clear])


@pytest.mark.parametrize(("number", "sure"), [(0, 1.0), (1, 1.0), (1, 0.3)])
def test_the_probability_is_that_of_a_softmax(tmp_path: Path, number: int, sure: float) -> None:
    painted = painter(trained_folder(tmp_path / "x", "ms3", network_saying("ms3", number, sure))).paint(
        pictures(1), noise(1)
    )
    towards = sure if number else -sure
    np.testing.assert_allclose(painted.probabilities, 1 / (1 + math.exp(-towards)), atol=1e-5)
    np.testing.assert_allclose(painted.sure, (1 + towards) / 2, atol=0.02 if sure < 1 else 1e-4)
    assert (painted.numbers == number).all()


def test_a_class_has_its_name(tmp_path: Path) -> None:
    network = network_saying("avss", NUMBER_OF["violin"])
    painted = painter(trained_folder(tmp_path / "x", "avss", network)).paint(pictures(2), noise(2), ("dog",))
    assert {painted.names[number] for number in np.unique(painted.numbers)} == {"violin"}
    assert (painted.probabilities > 0.7).all()


def test_another_shape_may_be_asked_for(folders: dict[str, Path]) -> None:
    mine = painter(folders["s4"])
    painted = mine.paint(pictures(2, 50, 70), noise(2), shape=(32, 48))
    assert painted.numbers.shape == painted.probabilities.shape == (2, 32, 48)


def test_long_clips_are_painted_window_by_window(folders: dict[str, Path]) -> None:
    mine = painter(folders["s4"])
    shown, sound = pictures(12), noise(12)
    whole = mine.paint(shown, sound)
    parts = [
        mine.paint(shown[start:stop], Sound(sound.samples[:, start * 16_000 : stop * 16_000], 16_000))
        for start, stop in windows(12, 5)
    ]
    assert np.array_equal(whole.numbers, np.concatenate([part.numbers for part in parts]))
    assert np.array_equal(whole.probabilities, np.concatenate([part.probabilities for part in parts]))
    times = 0

    def waiting() -> None:
        nonlocal times
        times += 1
        if times == 2:
            raise Stopped

    with pytest.raises(Stopped):
        mine.paint(shown, sound, waiting=waiting)


def test_windows_are_even_and_leave_nothing_out() -> None:
    for count in range(40):
        parts = windows(count, 10)
        assert [place for start, stop in parts for place in range(start, stop)] == list(range(count))
        lengths = {stop - start for start, stop in parts}
        assert not lengths or (max(lengths) <= 10 and max(lengths) - min(lengths) <= 1)


def test_a_short_sound_is_filled_up_as_in_its_data_set(folders: dict[str, Path]) -> None:
    shown = pictures(4)
    for setting, folder in folders.items():
        mine, sound = painter(folder), noise(2)
        wave = sound.samples[0]
        filled = for_pictures(log_mel_examples(wave), 4, repeat_last=setting == "s4")
        assert (filled[3] == filled[1]).all() == (setting == "s4")
        with torch.no_grad():
            rgb = torch.from_numpy(shown).permute(0, 3, 1, 2).float()[None]
            maps = class_maps(mine._network.predict(rgb, torch.from_numpy(filled)[None]), height=64, width=64)
        assert np.array_equal(mine.paint(shown, sound).numbers, maps.argmax(1).numpy())


def test_sound_of_any_rate_and_number_of_channels(folders: dict[str, Path]) -> None:
    mine = painter(folders["s4"])
    loud = noise(3, 44_100)
    both = Sound(np.concatenate([loud.samples, loud.samples]), 44_100)
    one, other = mine.paint(pictures(3), loud), mine.paint(pictures(3), both)
    np.testing.assert_allclose(one.probabilities, other.probabilities, atol=1e-5)
    silent = mine.paint(pictures(3), Sound(np.zeros((1, 0), np.float32), 16_000))
    assert not np.allclose(one.probabilities, silent.probabilities, atol=1e-4)
    loud.samples[0, 5] = np.nan
    with pytest.raises(InputError, match="no numbers"):
        mine.paint(pictures(3), loud)


@pytest.mark.parametrize("part", ["classes", "masks"])
def test_predictions_that_are_no_numbers_are_told(
    folders: dict[str, Path], part: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = painter(folders["s4"])
    told = mine._predicted(torch.zeros(1, 1, 3, 64, 64), torch.zeros(1, 1, 96, 64))
    astray = getattr(told, part)[-1].clone()
    astray[..., -1] = math.nan
    monkeypatch.setattr(mine, "_predicted", lambda rgb, log_mel: replace(told, **{part: (astray,)}))
    with pytest.raises(InputError, match=r"^engine mine: its predictions are no numbers; .*$"):
        mine.paint(pictures(1), noise(1))


def test_negative_variances_are_told(folders: dict[str, Path]) -> None:
    checkpoint = read_checkpoint(folders["s4"])
    for name, part in checkpoint.network.state().items():
        if name.endswith("running_var"):
            part.fill_(-1)
    with pytest.raises(InputError, match="no numbers"):
        Av2tsPainter("mine", checkpoint).paint(pictures(1), noise(1))


def test_it_is_both(folders: dict[str, Path]) -> None:
    mine = painter(folders["s4"])
    assert isinstance(mine, Painter)
    assert isinstance(mine, Locator)
    assert (mine.at_once, painter(folders["avss"]).at_once) == (5, 10)
