"""The Engines tab in a real browser, and the downloads behind it."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator

import gradio as gr
import pytest
from playwright.sync_api import Browser, Page, expect

from avfusion.engines.downloads import Fetching, OnFetching
from avfusion.errors import EngineNotReady, UnknownEngine
from avfusion.ui.downloads import Downloads, refusal
from avfusion.ui.page import launch
from tests.engines.hub_server import Hub, serving
from tests.ui.conftest import Server
from tests.ui.visitor import PHONE, Visitor, visitor_in

ENGINE = "segformer-b1-ade"
REPOSITORY = "nvidia/segformer-b1-finetuned-ade-512-512"
Visit = Callable[..., Visitor]


def row(page: Page, engine: str) -> str:
    return f"#engines-table [data-row='{engine}']"


def wait_for(is_so: Callable[[], bool]) -> None:
    for _ in range(500):
        if is_so():
            return
        time.sleep(0.02)
    raise AssertionError("it did not come to that")


# In the browser


@pytest.mark.browser
def test_every_engine_stands_there_with_its_state(visitor: Visitor) -> None:
    visitor.page.click("#engines-tab-button")
    ready = visitor.page.locator(row(visitor.page, "grabcut"))
    expect(ready).to_contain_text("ready")
    waiting = visitor.page.locator(row(visitor.page, "sam-vit-b"))
    for words in ("375 MB", "4.2 GB", "cuda, mps or cpu", "Apache-2.0", "needs a download"):
        expect(waiting).to_contain_text(words)


@pytest.mark.browser
def test_without_network_a_download_says_why_at_once(visit: Visit) -> None:
    visitor = visit(PHONE)
    visitor.page.click("#engines-tab-button")
    waiting = visitor.page.locator(row(visitor.page, "sam-vit-b"))
    waiting.get_by_role("button").click()
    expect(waiting.locator(".problem[role=alert]")).to_contain_text("HF_HUB_OFFLINE is set")
    expect(waiting.get_by_role("button")).to_have_text("Try again")
    assert visitor.page.evaluate("document.documentElement.scrollWidth") <= PHONE[0]


@pytest.fixture(scope="module")
def hub() -> Iterator[Hub]:
    weights = bytes(range(256)) * 16_000  # 4 MB
    files = {"config.json": b"{}", "preprocessor_config.json": b"{}", "model.safetensors": weights}
    with serving(Hub(files, REPOSITORY)) as running:
        yield running


@pytest.mark.browser
def test_a_download_shows_how_far_it_is_stops_and_goes_on(
    browser: Browser, hub: Hub, tmp_path_factory: pytest.TempPathFactory
) -> None:
    hub.gate = threading.Event()
    hub.asked.clear()
    home = tmp_path_factory.mktemp("fetching")
    server = Server(home, HF_HUB_OFFLINE="0", HF_ENDPOINT=hub.url)
    first = visitor_in(browser.new_context(), server.address)
    second = visitor_in(browser.new_context(), server.address)
    try:
        for visitor in (first, second):
            visitor.page.click("#engines-tab-button")
            visitor.page.locator(row(visitor.page, ENGINE)).get_by_role("button").click()
            bar = visitor.page.locator(row(visitor.page, ENGINE)).get_by_role("progressbar")
            expect(bar).to_have_attribute("aria-valuenow", "50")
        own = first.page.locator(row(first.page, ENGINE))
        expect(own).to_contain_text("2 MB of 4 MB")
        assert len(hub.gets("store/model.safetensors")) == 1, "the second visitor's press is the same download"
        own.get_by_role("button", name="Stop").click()
        hub.gate.set()
        expect(own.get_by_role("button")).to_have_text("Go on")
        own.get_by_role("button").click()
        expect(own.locator(".state")).to_have_text("ready")
        again = hub.gets("store/model.safetensors")
        assert len(again) == 2
        assert again[1] is not None
        assert int(re.findall(r"\d+", again[1])[0]) >= 2_000_000, "it goes on from where it was"
        second.page.click("#engines-refresh")
        expect(second.page.locator(row(second.page, ENGINE)).locator(".state")).to_have_text("ready")
    finally:
        for visitor in (first, second):
            visitor.page.context.close()
        server.close()
    assert first.complaints == []


@pytest.mark.browser
def test_a_public_page_fetches_what_its_owner_named_and_nothing_else(
    browser: Browser, hub: Hub, tmp_path_factory: pytest.TempPathFactory
) -> None:
    hub.gate = None
    server = Server(
        tmp_path_factory.mktemp("public"), HF_HUB_OFFLINE="0", HF_ENDPOINT=hub.url, SPACE_ID="someone/space",
        AVFUSION_PRELOAD=ENGINE,
    )  # fmt: skip
    visitor = visitor_in(browser.new_context(), server.address)
    try:
        visitor.page.click("#engines-tab-button")
        expect(visitor.page.locator(row(visitor.page, ENGINE)).locator(".state")).to_have_text("ready")
        visitor.see("engines-note", "AVFUSION_ALLOW_DOWNLOADS=1")
        expect(visitor.page.locator(row(visitor.page, "sam-vit-b"))).to_contain_text("needs a download of 375 MB")
        assert visitor.page.locator("#engines-table button").count() == 0
    finally:
        visitor.page.context.close()
        server.close()


def test_a_name_to_preload_that_is_none_stops_the_page_with_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AVFUSION_PRELOAD", "sam-vit-b,sam-vit-x")
    with gr.Blocks() as page:
        pass
    with pytest.raises(UnknownEngine, match=r"^sam-vit-x: .*Did you mean sam-vit-"):
        launch(page)
    assert not page.is_running


# Downloads without a page


class Pull:
    """Fetches 10 bytes of any engine, one at a time, when it is told to go on."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.goes_on = threading.Event()

    def __call__(self, name: str, on_fetching: OnFetching) -> None:
        self.calls.append(name)
        on_fetching(Fetching(name, 5, 10))
        assert self.goes_on.wait(10)
        on_fetching(Fetching(name, 10, 10))


def test_an_engine_is_downloaded_once_at_a_time() -> None:
    pull = Pull()
    downloads = Downloads(pull)
    for _ in range(8):
        threading.Thread(target=downloads.start, args=(["one"],)).start()
    wait_for(lambda: (downloads.of("one") or 0) != 0 and downloads.of("one").done_bytes == 5)  # type: ignore[union-attr]
    downloads.start(["one"])
    pull.goes_on.set()
    wait_for(lambda: not downloads.is_busy)
    assert pull.calls == ["one"]
    assert downloads.of("one").stage == "done"  # type: ignore[union-attr]


def test_named_engines_come_one_after_the_other_and_can_be_stopped() -> None:
    pull = Pull()
    downloads = Downloads(pull)
    downloads.start(["one", "two"])
    wait_for(lambda: pull.calls == ["one"])
    assert downloads.of("two").stage == "waiting"  # type: ignore[union-attr]
    downloads.stop("one")
    downloads.stop("two")
    pull.goes_on.set()
    wait_for(lambda: not downloads.is_busy)
    assert pull.calls == ["one"], "what is stopped before its turn is not begun"
    assert [downloads.of(name).stage for name in ("one", "two")] == ["stopped", "stopped"]  # type: ignore[union-attr]


def test_why_a_download_failed_is_kept_until_the_next_try() -> None:
    problems = [EngineNotReady("one: no connection."), None]

    def pull(name: str, on_fetching: OnFetching) -> None:
        problem = problems.pop(0)
        if problem is not None:
            raise problem

    downloads = Downloads(pull)
    downloads.start(["one"])
    wait_for(lambda: not downloads.is_busy)
    assert downloads.of("one").problem == "one: no connection."  # type: ignore[union-attr]
    downloads.start(["one"])
    wait_for(lambda: not downloads.is_busy)
    assert downloads.of("one").stage == "done"  # type: ignore[union-attr]
    assert downloads.of("one").problem == ""  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("address", "is_shared", "variables", "allowed"),
    [
        ("127.0.0.1", False, {}, True),
        ("localhost", False, {}, True),
        ("::1", False, {}, True),
        ("127.0.0.1", True, {}, False),
        ("0.0.0.0", False, {}, False),
        ("example.org", False, {}, False),
        (None, False, {}, False),
        ("127.0.0.1", False, {"SPACE_ID": "a/b"}, False),
        ("0.0.0.0", False, {"SPACE_ID": "a/b", "AVFUSION_ALLOW_DOWNLOADS": "1"}, True),
        ("127.0.0.1", False, {"AVFUSION_ALLOW_DOWNLOADS": "0"}, False),
    ],
)
def test_who_may_download(
    monkeypatch: pytest.MonkeyPatch, address: str | None, is_shared: bool, variables: dict[str, str], allowed: bool
) -> None:
    for name in ("SPACE_ID", "AVFUSION_ALLOW_DOWNLOADS"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert (refusal(address, is_shared=is_shared) == "") == allowed
