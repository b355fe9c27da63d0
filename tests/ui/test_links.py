"""Links with settings: what anybody may write into one, and what the page makes of it."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import gradio as gr
import pytest

from avfusion.ui.links import ignored, parsed, query_of, read

Components = dict[str, Any]


@pytest.fixture(scope="module")
def components() -> Components:
    return {
        "background": gr.Radio([("Picture", "picture"), ("Blur", "blur")], value="picture"),
        "blur": gr.Slider(0, 1, value=0.5, step=0.05),
        "colour": gr.ColorPicker("#1e6b52"),
        "shadows": gr.Checkbox(False),
        "format": gr.Dropdown([("MP4", ".mp4"), ("WebM", ".webm")], value=".mp4"),
    }


def test_settings_go_through_a_link_unchanged(components: Components) -> None:
    values = {"background": "blur", "blur": 0.85, "colour": "#ff00aa", "shadows": True, "format": ".webm"}
    query = query_of("fusion", values, components)
    assert read(parsed(query[1:]), components) == ("fusion", values, [])


def test_what_is_as_the_page_begins_with_is_left_out(components: Components) -> None:
    values = {key: component.value for key, component in components.items()}
    assert query_of("fusion", values, components) == "?tab=fusion"
    assert query_of("nowhere", values, components) == ""
    assert query_of("", values | {"background": "picture", "blur": 0.4}, components) == "?blur=0.4"


def test_a_colour_that_is_no_plain_one_stays_out_of_the_link(components: Components) -> None:
    values = {key: component.value for key, component in components.items()} | {"colour": "rgba(1, 2, 3, 1)"}
    assert query_of("", values, components) == ""


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("background", "picture "), ("background", "/etc/passwd"), ("background", "Blur"), ("background", ""),
        ("blur", "nan"), ("blur", "1e0"), ("blur", "-0.1"), ("blur", "1.01"), ("blur", "inf"), ("blur", "0.5;1"),
        ("colour", "red"), ("colour", "#1e6b52"), ("colour", "1e6b5"), ("colour", "url(x)"),
        ("shadows", "true"), ("shadows", "2"), ("format", "../x.mp4"), ("format", ".gif"),
        ("clip", "/etc/passwd"), ("tab", "settings"), ("tab", "<script>"), ("", "x"),
    ],
)  # fmt: skip
def test_what_is_no_setting_is_left_out_and_named(components: Components, key: str, text: str) -> None:
    tab, values, refused = read(parsed(urlencode({key: text, "shadows_": "1"})), components)
    assert (tab, values) == ("", {})
    assert refused == [key, "shadows_"]


def test_a_setting_that_is_given_twice_is_left_out(components: Components) -> None:
    assert read(parsed("blur=0.2&blur=0.9&shadows=1"), components) == ("", {"shadows": True}, ["blur"])


def test_gradios_own_keys_are_not_complained_of(components: Components) -> None:
    assert read(parsed("__theme=dark"), components) == ("", {}, [])


def test_no_markup_and_no_flood_comes_out_of_a_link() -> None:
    said = ignored(["<img src=x onerror=alert(1)>", *(f"{number:04d}" * 50 for number in range(40))])
    assert "<img" not in said
    assert len(said) < 400
    assert ignored([]) == ""
    assert len(parsed("&".join(f"k{number}=1" for number in range(5000)))) == 1
