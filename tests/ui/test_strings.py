"""The words of the page's frame, of Sounding and of Fusion, by key."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import avfusion.ui
from avfusion.ui import strings
from avfusion.ui.strings import ENGLISH, LANGUAGES, language_of, languages, say, told

UI = Path(avfusion.ui.__file__).parent
# Before the first one that a key is put together from: which kinds of objects, tabs and files there are.
PUT_TOGETHER = {
    "fusion-{}": ("background", "remove", "voice", "before", "after"),
    "fusion-to-{}": ("background", "inpaint", "voice"),
    "fusion-format-{}": ("mp4", "webm", "mov"),
    "sounding-to-{}": ("background", "inpaint"),
    "sounding-control-{}": ("mute", "swap"),
    "tab-{}": ("compare", "background", "inpaint", "voice", "sounding", "fusion", "engines"),
    "tour-{}": ("1", "2", "3"),
    "tour-{}-head": ("1", "2", "3"),
}


def keys_in(source: str) -> tuple[set[str], set[str]]:
    """Keys that are asked for as they are, and those that are put together, with {} for what is put in."""
    plain, joined = set(), set()
    for call in ast.walk(ast.parse(source)):
        if not isinstance(call, ast.Call) or getattr(call.func, "id", "") not in ("say", "told", "step", "_button"):
            continue
        for argument in call.args:
            for node in ast.walk(argument):
                if isinstance(node, ast.JoinedStr):
                    parts = [part.value if isinstance(part, ast.Constant) else "{}" for part in node.values]
                    joined.add("".join(map(str, parts)))
                elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                    plain.add(node.value)
    return plain, joined


@pytest.fixture(scope="module")
def sources() -> str:
    return "\n".join(file.read_text() for file in UI.glob("*.py") if file.name != "strings.py")


def test_no_key_is_missing(sources: str) -> None:
    plain, joined = keys_in(sources)
    prefixes = tuple({key.partition("-")[0] + "-" for key in ENGLISH})
    asked = {key for key in plain if key.startswith(prefixes) and re.fullmatch(r"[a-z0-9-]+[a-z0-9]", key)}
    assert asked - ENGLISH.keys() == set()
    assert "fusion-lacks-clip" in sources
    unknown = {key for key in joined if key.startswith(prefixes)} - PUT_TOGETHER.keys()
    assert unknown == set()
    assert {key.format(one) for key, each in PUT_TOGETHER.items() for one in each} - ENGLISH.keys() == set()


def test_no_words_are_left_over(sources: str) -> None:
    made = {key.format(one) for key, each in PUT_TOGETHER.items() for one in each}
    assert [key for key in ENGLISH if f'"{key}"' not in sources and f"'{key}'" not in sources and key not in made] == []


def test_every_language_says_all_of_it_as_plain_text() -> None:
    for texts in LANGUAGES.values():
        assert texts.keys() == ENGLISH.keys()
        assert [text for text in texts.values() if not text.strip() or set(text) & set("<>&\"'{}`")] == []
    assert set(languages().translations_dict) == set(LANGUAGES)


def test_a_key_that_is_none_is_refused() -> None:
    for how in (say, told):
        with pytest.raises(KeyError, match="fusion-nothing"):
            how("fusion-nothing")


def test_what_the_browser_puts_in_is_marked_and_what_an_event_gives_is_said() -> None:
    assert '"key": "fusion-run"' in say("fusion-run")
    assert told("fusion-stays") == "stays"


@pytest.mark.parametrize(
    ("asked", "taken"),
    [
        ("", "en"),
        ("fr", "en"),
        ("de-AT,de;q=0.9,en;q=0.5", "de"),
        ("fr-FR,en-US;q=0.8,de;q=0.1", "en"),
        ("pt-BR", "pt-BR"),
    ],
)
def test_the_first_language_that_is_there_is_taken(monkeypatch: pytest.MonkeyPatch, asked: str, taken: str) -> None:
    monkeypatch.setattr(strings, "LANGUAGES", dict.fromkeys(("en", "de", "pt-BR"), ENGLISH))
    assert language_of(asked) == taken
