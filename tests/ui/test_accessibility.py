"""No serious finding of axe-core on any tab, in light and dark, on a desk and on a phone; and the keyboard alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, expect

from avfusion.ui.links import TABS
from tests.ui.conftest import Server
from tests.ui.visitor import PHONE, Visitor, visitor_in

pytestmark = pytest.mark.browser
DESK = (1280, 900)
# Another theme changes colours alone, and so does a page that was looked at in another size.
COLOURS = {"runOnly": ["color-contrast", "link-in-text-block"]}


@pytest.fixture
def arrive(browser: Browser, server: Server) -> Iterator[Callable[..., Visitor]]:
    """arrive(size, theme, "?query"): a visitor whose system is light or dark."""
    contexts = []

    def come(size: tuple[int, int], theme: str, query: str = "") -> Visitor:
        context = browser.new_context(
            viewport={"width": size[0], "height": size[1]}, color_scheme=theme, reduced_motion="reduce"
        )
        contexts.append(context)
        return visitor_in(context, f"{server.address}{query}")

    yield come
    for context in contexts:
        context.close()


@pytest.mark.parametrize(
    ("size", "theme", "other"),
    [(DESK, "light", "dark"), pytest.param(PHONE, "dark", "light", marks=pytest.mark.proof)],
)
def test_nothing_serious_is_found(
    arrive: Callable[..., Visitor], size: tuple[int, int], theme: str, other: str
) -> None:
    visitor = arrive(size, theme)
    visitor.see("background-object-status", "the object fills", timeout_s=60)
    found = []
    for tab in TABS:
        visitor.page.click(f"#{tab}-tab-button")
        expect(visitor.page.locator(f"#{tab}-tab")).to_be_visible(timeout=60_000)
        found += serious(visitor, tab, {})
    visitor.page.evaluate(f"document.body.classList.toggle('dark', {str(other == 'dark').lower()})")
    for tab in TABS:
        visitor.page.click(f"#{tab}-tab-button")
        found += serious(visitor, tab, COLOURS)
    assert found == []


def serious(visitor: Visitor, tab: str, options: dict[str, object]) -> list[tuple[str, ...]]:
    """Findings with an impact that shuts somebody out, once the tab has what it opens with."""
    if tab in ("background", "inpaint", "voice", "sounding", "fusion"):
        expect(visitor.page.locator(f"#{tab}-run")).to_be_enabled(timeout=60_000)
    visitor.page.wait_for_timeout(300)
    answer = Axe().run(visitor.page, options={"resultTypes": ["violations"], **options}).response
    return [
        (tab, one["id"], str(node["target"]), node["failureSummary"])
        for one in answer["violations"]
        for node in one["nodes"]
        if one["impact"] in ("serious", "critical")
    ]


def test_the_tour_goes_by_the_keyboard_and_is_not_offered_again(arrive: Callable[..., Visitor]) -> None:
    page = arrive(DESK, "light").page
    page.locator("[data-tour=start]").press("Enter")
    dialog = page.get_by_role("dialog", name="A tour of three steps")
    for words in ("Your clip, and what stays", "What changes", "All in one run"):
        expect(dialog).to_contain_text(words)
        expect(page.locator(".toured")).to_have_count(1)
        assert page.evaluate("document.activeElement.closest('.tour') !== null")
        page.keyboard.press("Enter")
    expect(dialog).to_be_hidden()
    assert page.evaluate("document.activeElement.id") == "tour-open"
    page.reload()
    expect(page.locator("#tour-open")).to_be_visible(timeout=60_000)
    expect(page.locator(".invitation:has([data-tour])")).to_be_hidden()
    page.locator("#tour-open").press("Enter")
    expect(dialog).to_be_visible()
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()


def test_a_link_opens_the_page_as_it_was_set(arrive: Callable[..., Visitor]) -> None:
    visitor = arrive(DESK, "light", "?tab=fusion&background=blur&blur=0.8&new-voice=0&edges=%3Cb%3E&clip=/etc")
    page = visitor.page
    expect(page.locator("#fusion-run")).to_be_visible(timeout=60_000)
    expect(page.locator("#background-kind input:checked")).to_have_value("blur")
    expect(page.locator("#fusion-use-voice input")).not_to_be_checked()
    expect(page.locator("#link-line")).to_contain_text("Left out: edges, clip")
    page.click("#link-copy")
    address = page.locator("#link-address :is(input, textarea)")
    expect(address).to_have_value(
        f"{visitor.address.partition('?')[0]}?tab=fusion&background=blur&blur=0.8&new-voice=0"
    )


def test_whoever_goes_by_the_keyboard_sees_where_they_are(arrive: Callable[..., Visitor]) -> None:
    page = arrive(DESK, "light").page
    page.locator("#tour-open").focus()
    seen = []
    for _ in range(12):
        page.keyboard.press("Tab")
        seen.append(
            page.evaluate("""() => {
              const one = document.activeElement, style = getComputedStyle(one);
              const own = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
              const around = one.closest("label") && getComputedStyle(one.closest("label")).outlineStyle !== "none";
              return [one.id || one.className || one.tagName, own || Boolean(around)];
            }""")
        )
    assert [name for name, is_marked in seen if not is_marked] == []
    assert len({name for name, _ in seen}) > 6
