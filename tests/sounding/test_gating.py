"""When what sounds: CLAP through its loading code against transformers' own call, and the laws of gating."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from avfusion.clip import Sound
from avfusion.sounding.gating import OFF, ON, Clap, gate, held, intervals, load_clap, nearest, sentence
from tests.sounding.tiny_sounders import tiny_clap

RATE_HZ = 16_000
NAMES = ("dog", "man", "tuba")


def changing() -> Sound:
    """Noise, a tone, and a chirp, each for a second."""
    times_s = np.arange(RATE_HZ) / RATE_HZ
    noise = np.random.default_rng(2).uniform(-0.4, 0.4, RATE_HZ)
    tone, chirp = 0.5 * np.sin(2 * np.pi * 440 * times_s), 0.5 * np.sin(2 * np.pi * (200 + 2500 * times_s) * times_s)
    return Sound(np.concatenate([noise, tone, chirp])[None].astype(np.float32), RATE_HZ)


@pytest.fixture(scope="module")
def clap(tmp_path_factory: pytest.TempPathFactory) -> tuple[Clap, Any, Any]:
    folder: Path = tmp_path_factory.mktemp("clap")
    theirs = tiny_clap(folder)
    return load_clap(folder, device="cpu"), *theirs


def test_shares_are_those_of_transformers_over_all_combinations(clap: tuple[Clap, Any, Any]) -> None:
    ears, model, processor = clap
    wave = np.pad(changing().samples[0], RATE_HZ // 4)
    windows = [wave[step * RATE_HZ : (step + 1) * RATE_HZ + RATE_HZ // 2] for step in range(3)]
    said = [*map(sentence, NAMES), "dog barking; a man speaking", "dog barking; tuba", "a man speaking; tuba",
            "dog barking; a man speaking; tuba"]  # fmt: skip
    inputs = processor(text=said, audio=windows, sampling_rate=RATE_HZ, padding=True, return_tensors="pt")
    with torch.no_grad():
        whole = model(**inputs)
    shares = np.asarray(whole.logits_per_audio.softmax(dim=1))
    expected = np.stack(
        [shares[:, [0, 3, 4, 6]].sum(1), shares[:, [1, 3, 5, 6]].sum(1), shares[:, [2, 4, 5, 6]].sum(1)]
    )
    heard = ears.sounds(changing(), 3, 1.0)
    np.testing.assert_allclose(heard, np.asarray(whole.audio_embeds), atol=1e-5)
    np.testing.assert_allclose(ears.words(said), np.asarray(whole.text_embeds), atol=1e-5)
    ours = gate(ears, heard, NAMES)
    np.testing.assert_allclose(ours, np.stack([held(row) for row in expected]), atol=1e-4)
    assert np.ptp(expected) > 0.1  # else every gate would do


def test_after_the_sound_s_end_there_is_silence(clap: tuple[Clap, Any, Any]) -> None:
    silence = Sound(np.zeros((1, RATE_HZ), np.float32), RATE_HZ)
    longer, nothing = clap[0].sounds(changing(), 6, 1.0), clap[0].sounds(silence, 1, 1.0)
    assert longer.shape[0] == 6
    np.testing.assert_allclose(longer[4:], nothing.repeat(2, axis=0), atol=1e-5)


class Ears:
    """Hears and reads letters: "ab" is a step in which a and b sound."""

    scale = 20.0

    def words(self, sentences: Sequence[str]) -> NDArray[np.float32]:
        rows = np.array([[letter in said for letter in "abc"] for said in sentences], np.float32)
        return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)

    def sounds(self, *given: Any) -> NDArray[np.float32]:
        raise AssertionError("the steps are handed in")


@pytest.mark.parametrize("way", ["steps", "intervals"])
def test_each_name_counts_where_it_is_heard(way: Any) -> None:
    steps = ["a", "a", "ab", "b", "c"]
    found = gate(Ears(), Ears().words(steps), ["a", "b", "c"], way)
    expected = np.array([[letter in step for step in steps] for letter in "abc"])
    if way == "intervals":
        # "a" and "ab" are alike: there is no cut between them, nor before "b"; the best for all of it is both.
        expected[:2, :4] = True
    np.testing.assert_array_equal(found >= ON, expected)


def test_one_name_alone_is_heard_all_the_time() -> None:
    np.testing.assert_array_equal(gate(Ears(), Ears().words(["b", "c"]), ["a"]), np.ones((1, 2)))


def test_a_name_does_not_flicker() -> None:
    shares = np.array([0.4, 0.6, 0.4, 0.35, 0.55, 0.2, 0.4, 0.5])
    assert (held(shares) >= ON).tolist() == [False, True, True, True, True, False, False, True]
    np.testing.assert_allclose(held(shares)[[0, 1, 4, 5, 6]], shares[[0, 1, 4, 5, 6]], atol=1e-6)
    assert OFF < ON


def test_cuts_lie_where_neighbours_are_unlike() -> None:
    assert intervals(Ears().words(["a", "a", "b", "b", "b", "c"])) == [(0, 2), (2, 5), (5, 6)]
    assert intervals(Ears().words(["a"])) == [(0, 1)]


def test_the_nearest_label(clap: tuple[Clap, Any, Any]) -> None:
    assert nearest(clap[0], "Hair dryer", ("dog", "hair-dryer")) == ("hair-dryer", 1.0)
    assert nearest(Ears(), "ab", ("c", "b")) == ("b", pytest.approx(0.5**0.5))
    labels = ("tuba", "a crowd", "wolf")
    rows = clap[0].words([sentence(name) for name in ("dog", *labels)])
    name, likeness = nearest(clap[0], "dog", labels)
    assert name == labels[int((rows[1:] @ rows[0]).argmax())]
    assert likeness == pytest.approx(float((rows[1:] @ rows[0]).max()), abs=1e-6)
