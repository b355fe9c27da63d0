"""AutoVC loads whole or says why not, computes what AutoVC computes, and keeps the length of what it converts."""

import math
from functools import cache
from pathlib import Path
from typing import Any

import librosa
import numpy as np
import pytest
import torch

from avfusion.clip import Sound
from avfusion.errors import CannotRead, InputError, NothingFound, UsageError
from avfusion.voice import Reference, Speaker
from avfusion.voice.autovc import AutoVc
from avfusion.voice.autovc_file import read_autovc
from avfusion.voice.autovc_mel import mel_of, wave_of
from avfusion.voice.autovc_network import AutoVcConfig, codes, embed, generator_shapes, speaker_shapes, spoken
from tests.voice.tiny_autovc import TINY, generator, save_both, speaker
from tests.voice.tiny_rvc import Malice
from tests.voice.tiny_sounds import hum, noise


def listed(shared_data: Path) -> list[dict[str, tuple[int, ...]]]:
    """Name -> shape of both networks, as published."""
    networks: list[dict[str, tuple[int, ...]]] = []
    for line in (shared_data.parent / "reference" / "shapes" / "autovc.txt").read_text().splitlines():
        if line.startswith("#"):
            networks.append({})
        elif line.strip():
            name, shape = line.split("\t")
            networks[-1][name] = tuple(int(size) for size in shape.strip("()").split(",") if size.strip())
    return networks


@pytest.mark.real_data
def test_names_and_shapes_are_those_of_the_published_layout(shared_data: Path) -> None:
    autoencoder, voices = listed(shared_data)
    assert generator_shapes(AutoVcConfig()) == autoencoder
    assert speaker_shapes() == {name.removeprefix("module."): shape for name, shape in voices.items()}


def test_the_autoencoder_has_its_published_size() -> None:
    shapes = generator_shapes(AutoVcConfig())
    learnt = [shape for name, shape in shapes.items() if not name.endswith(("running_mean", "running_var", "tracked"))]
    assert len(shapes) == 107
    assert round(sum(math.prod(shape) for shape in learnt) / 1e6, 1) == 28.4


@pytest.mark.real_data
def test_every_array_of_the_reference_is_reproduced(shared_data: Path, tmp_path: Path) -> None:
    model = read_autovc(*save_both(tmp_path, AutoVcConfig()))
    arrays = np.load(shared_data / "parity" / "autovc_generator.npz")
    given = {key: torch.from_numpy(arrays[key]) for key in arrays}
    with torch.inference_mode():
        code = codes(model.generator, model.config, given["mel"], given["source"])
        before, after = spoken(model.generator, model.config, code, given["target"])
    for key, ours in {"codes": code.reshape(1, -1), "before_postnet": before[None], "output": after[None]}.items():
        assert ours.shape == given[key].shape
        assert (ours - given[key]).abs().max() < 1e-4 * given[key].abs().max(), key
    voices = np.load(shared_data / "parity" / "autovc_dvector.npz")
    with torch.inference_mode():
        ours = embed(model.speaker, torch.from_numpy(voices["mel"])).numpy()
    assert np.abs(ours - voices["embedding"]).max() < 1e-4 * np.abs(voices["embedding"]).max()


# The files


def test_sizes_are_those_of_the_weights(tmp_path: Path) -> None:
    paths = save_both(tmp_path, TINY)
    assert read_autovc(*paths, every=16).config == TINY
    assert read_autovc(*paths).config.every == TINY.neck
    for every in (0, 5000):
        with pytest.raises(UsageError, match=str(every)):
            read_autovc(*paths, every=every)


@cache
def wrong_files() -> dict[str, tuple[Any, Any, str]]:
    """Name -> (what each file holds, what the message must say)."""
    first, second = generator(TINY), speaker(TINY.embedding)
    bias = "decoder.linear_projection.linear_layer.bias"
    less = {name: weight for name, weight in first["model"].items() if name != bias}
    return {
        "swapped": (second, first, "other way round"),
        "missing": ({"model": less}, second, bias),
        "left over": ({"model": first["model"] | {"more": torch.zeros(1)}}, second, "more"),
        "other shape": ({"model": first["model"] | {bias: torch.zeros(79)}}, second, "do not match"),
        "no autoencoder": ({"model": {"weight": torch.zeros(1)}}, second, "no weights of its encoder"),
        "of another embedding": (first, speaker(12), "embedding"),
        "no numbers": ({"model": first["model"] | {bias: torch.full((80,), math.inf)}}, second, bias),
        "nothing": ({}, second, "no `model`"),
    }


@pytest.mark.parametrize("name", sorted(wrong_files()))
def test_what_is_no_autovc_is_refused_with_its_reason(tmp_path: Path, name: str) -> None:
    first, second, says = wrong_files()[name]
    torch.save(first, tmp_path / "a.ckpt")
    torch.save(second, tmp_path / "b.ckpt")
    with pytest.raises(CannotRead, match=says) as refusal:
        read_autovc(tmp_path / "a.ckpt", tmp_path / "b.ckpt")
    assert "\n" not in str(refusal.value)


def test_a_malicious_file_is_refused_and_its_code_does_not_run(tmp_path: Path) -> None:
    paths = save_both(tmp_path, TINY)
    for path, held in zip(paths, (generator(TINY), speaker(TINY.embedding)), strict=True):
        whole = path.read_bytes()
        torch.save(held | {"optimizer": Malice(tmp_path / "ran")}, path)
        with pytest.raises(CannotRead, match="refused"):
            read_autovc(*paths)
        path.write_bytes(whole)
    assert not (tmp_path / "ran").exists()
    read_autovc(*paths)


# Mel spectra


def test_mel_spectra_are_those_of_librosa() -> None:
    # Loud enough that neither the noise nor the floor counts, and nothing at the ends.
    wave = noise(16000, 16000, 0.2).samples[0] * np.hanning(16000).astype(np.float32)
    power = librosa.feature.melspectrogram(
        y=0.96 * wave, sr=16000, n_fft=1024, hop_length=256, n_mels=80, fmin=90, fmax=7600, power=1, pad_mode="reflect"
    )
    expected = (20 * np.log10(np.maximum(power.T, 1e-5)) - 16 + 100) / 100
    ours = mel_of(wave, seed=0)
    assert ours.shape == expected.shape
    middle = slice(5, -5)
    assert np.abs(ours[middle] - np.clip(expected, 0, 1)[middle]).max() < 0.02
    assert ours.min() >= 0
    assert ours.max() <= 1


@pytest.mark.parametrize("count", [1, 255, 256, 8000, 12345])
def test_sound_comes_back_from_its_mel_spectra(count: int) -> None:
    wave = hum(count, 16000).samples[0]
    mel = mel_of(wave, seed=0)
    assert mel.shape == (count // 256 + 1, 80)
    back = wave_of(mel, count=count, seed=0)
    assert back.shape == (count,)
    if count > 5000:
        # 80 bands say less than 513 bins: what must come back is what they say, where there is sound.
        again, loud = mel_of(back, seed=0), mel > 0.5
        assert np.abs(again - mel)[loud].mean() < 0.05


# The engine


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> AutoVc:
    return AutoVc(read_autovc(*save_both(tmp_path_factory.mktemp("autovc"), TINY), every=16))


@pytest.fixture(scope="module")
def target() -> Reference:
    return Reference((hum(24000, 16000), hum(20000, 22050)))


@pytest.mark.parametrize(
    ("rate_hz", "count", "channels"),
    [(16000, 16000, 1), (22050, 12345, 1), (44100, 4410, 2), (8000, 801, 6), (48000, 1, 1)],
)
def test_as_many_samples_as_before(engine: AutoVc, target: Reference, rate_hz: int, count: int, channels: int) -> None:
    out = engine.convert(hum(count, rate_hz, channels), target)
    assert (out.samples.shape, out.samples.dtype, out.rate_hz) == ((channels, count), np.float32, rate_hz)
    assert np.isfinite(out.samples).all()


def test_the_same_every_time(engine: AutoVc, target: Reference) -> None:
    given = hum(8000, 16000)
    first, again, other = (engine.convert(given, target, seed=seed).samples for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_silence_stays_silence(engine: AutoVc, target: Reference) -> None:
    assert not engine.convert(Sound(np.zeros((2, 9000), np.float32), 44100), target).samples.any()


def test_the_reference_decides_the_voice(engine: AutoVc, target: Reference) -> None:
    given = hum(8000, 16000)
    higher = Reference((Sound(hum(24000, 16000).samples, 24000),))
    assert not np.allclose(engine.convert(given, target).samples, engine.convert(given, higher).samples, atol=1e-4)


def test_a_long_recording_is_one_voice(engine: AutoVc) -> None:
    """Crops cover it: of a recording and itself said twice the voice is nearly the same."""
    mel = [mel_of(np.tile(hum(32000, 16000).samples[0], times), seed=0) for times in (1, 2)]
    assert all(len(rows) < 2 * 128 for rows in mel)
    once, twice = (engine._voice(np.tile(hum(32000, 16000).samples[0], times), 0) for times in (1, 2))
    assert torch.nn.functional.cosine_similarity(once, twice, dim=0) > 0.95


def test_what_cannot_be_done_is_said(engine: AutoVc, target: Reference) -> None:
    given = hum(8000, 16000)
    for wrong in (Speaker(), Reference(())):
        with pytest.raises(UsageError, match="recording"):
            engine.convert(given, wrong)
    with pytest.raises(UsageError, match="semitones"):
        engine.convert(given, target, semitones=2)
    for nobody in (noise(32000, 16000, 1e-4), Sound(np.zeros((1, 32000), np.float32), 16000), hum(3000, 16000)):
        with pytest.raises(NothingFound, match="no voice"):
            engine.convert(given, Reference((nobody,)))
    with pytest.raises(InputError, match="no numbers"):
        engine.convert(given, Reference((Sound(np.full((1, 32000), np.nan, np.float32), 16000),)))
