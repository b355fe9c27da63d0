"""Names for what is heard, through the loading code, against transformers' own calls; and what of it can be seen."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers

from avfusion.clip import Sound
from avfusion.errors import CannotRead
from avfusion.sounding import tagging_visible
from avfusion.sounding.tagging import AstTagger, Tag, load_ast
from avfusion.sounding.tagging_visible import visible
from tests.sounding.tiny_sounders import TAGS, tiny_ast

RATE_HZ = 16_000
WINDOW = RATE_HZ * 64 // 100
NOISE = np.random.default_rng(1).uniform(-0.5, 0.5, 2 * WINDOW + 4000).astype(np.float32)


@pytest.fixture(scope="module")
def ast(tmp_path_factory: pytest.TempPathFactory) -> tuple[AstTagger, Any, Any, Path]:
    folder = tmp_path_factory.mktemp("ast")
    theirs = tiny_ast(folder)
    return load_ast(folder, device="cpu"), *theirs, folder


def by_transformers(ast: tuple[Any, ...], window: np.ndarray) -> np.ndarray:
    _, model, extractor, _ = ast
    with torch.no_grad():
        logits = model(**extractor(window, sampling_rate=RATE_HZ, return_tensors="pt")).logits
    return np.asarray(logits.sigmoid()[0])


def test_a_window_is_heard_as_by_the_package_s_pipeline(ast: tuple[AstTagger, Any, Any, Path]) -> None:
    tagger, model, extractor, _ = ast
    pipeline = transformers.pipeline("audio-classification", model=model, feature_extractor=extractor)
    theirs = {row["label"]: row["score"] for row in pipeline(NOISE[:WINDOW], top_k=6, function_to_apply="sigmoid")}
    ours = dict(zip(TAGS, tagger.probabilities(NOISE[:WINDOW]).tolist(), strict=True))
    assert ours == pytest.approx(theirs, abs=1e-5)


def test_each_name_is_as_likely_as_in_its_likeliest_window(ast: tuple[AstTagger, Any, Any, Path]) -> None:
    windows = [NOISE[:WINDOW], NOISE[WINDOW : 2 * WINDOW], NOISE[2 * WINDOW :]]
    theirs = np.max([by_transformers(ast, window) for window in windows], axis=0)
    found = ast[0].tags(Sound(NOISE[None], RATE_HZ))
    assert {tag.name for tag in found} == set(TAGS) - {"Silence"}
    for tag in found:
        assert tag.probability == pytest.approx(theirs[TAGS.index(tag.name)], abs=1e-5)
    assert [tag.probability for tag in found] == sorted((tag.probability for tag in found), reverse=True)


def test_silence_is_nothing(ast: tuple[AstTagger, Any, Any, Path]) -> None:
    assert ast[0].tags(Sound(np.zeros((1, 3 * WINDOW), np.float32), RATE_HZ)) == ()
    assert ast[0].tags(Sound(np.zeros((1, 0), np.float32), RATE_HZ)) == ()


def test_a_silent_window_is_as_if_it_were_not_there(ast: tuple[AstTagger, Any, Any, Path]) -> None:
    longer = np.concatenate([NOISE[:WINDOW], np.zeros(WINDOW, np.float32)])
    assert ast[0].tags(Sound(longer[None], RATE_HZ)) == ast[0].tags(Sound(NOISE[None, :WINDOW], RATE_HZ))


def test_a_click_is_long_enough(ast: tuple[AstTagger, Any, Any, Path]) -> None:
    assert len(ast[0].tags(Sound(np.ones((1, 7), np.float32), RATE_HZ))) > 0


def test_it_stops_between_windows(ast: tuple[AstTagger, Any, Any, Path]) -> None:
    def stop() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ast[0].tags(Sound(NOISE[None], RATE_HZ), stop)


def test_a_folder_of_something_else_is_refused(ast: tuple[AstTagger, Any, Any, Path], tmp_path: Path) -> None:
    with pytest.raises(CannotRead, match="there is no config"):
        load_ast(tmp_path, device="cpu")
    for name in ("config.json", "preprocessor_config.json"):
        (tmp_path / name).write_bytes((ast[3] / name).read_bytes())
    (tmp_path / "model.safetensors").write_bytes(b"cut short")
    with pytest.raises(CannotRead, match="Delete the folder and fetch it again"):
        load_ast(tmp_path, device="cpu")


# What of it can be seen


def tags(**likely: float) -> list[Tag]:
    return [Tag(name.replace("_", " "), share) for name, share in likely.items()]


def test_names_that_mean_one_thing_are_one() -> None:
    assert visible(tags(Bark=0.4, Dog=0.9, Yip=0.1)) == (Tag("dog", 0.9),)


def test_what_nobody_could_point_at_is_left_out() -> None:
    assert visible(tags(Music=0.9, Silence=0.8, Echo=0.7, Jazz=0.6)) == ()
    assert visible([Tag("Inside, small room", 0.9), Tag("Piano", 0.3)]) == (Tag("piano", 0.3),)


def test_the_general_name_goes_where_the_exact_one_is_heard() -> None:
    heard = [Tag("Speech", 0.9), Tag("Male speech, man speaking", 0.5), Tag("Animal", 0.4), Tag("Bark", 0.3)]
    assert visible(heard) == (Tag("man", 0.5), Tag("dog", 0.3))
    assert visible([Tag("Speech", 0.9)]) == (Tag("person", 0.9),)


def test_no_sound_says_two_things() -> None:
    said = [sound for sounds in tagging_visible._SAYS.values() for sound in sounds.split(" | ")]
    assert len(said) == len(set(said))


def test_some_networks_write_names_with_underscores() -> None:
    assert visible([Tag("Male_speech,_man_speaking", 0.5)]) == (Tag("man", 0.5),)
