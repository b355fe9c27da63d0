"""The page of a training: how it stands, whatever is there by now, and nothing from anywhere else."""

import csv
import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import Browser, sync_playwright

from avfusion.errors import CannotWrite
from avfusion.sounding.training.live_page import PAGE, page, write_live_page
from avfusion.sounding.training.live_page_read import read_columns
from avfusion.sounding.training.tables import LOSS_COLUMNS, LOSSES, SCORES

STEPS = 40


def run_folder(folder: Path, *, rows: int = 30) -> Path:
    """A training that has done so many of 40 steps, with a validation at each tenth."""
    (folder / "looks").mkdir(parents=True)
    with (folder / LOSSES).open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(LOSS_COLUMNS)
        for step in range(1, rows + 1):
            loss = 60 / step
            table.writerow([step, 1e-3 * (1 - step / STEPS), loss, loss / 2, loss / 4, loss / 4, 0, 2.5, 16])
    with (folder / SCORES).open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["step", "M_J", "M_F"])
        for step in range(10, rows + 1, 10):
            table.writerow([step, 0.5 - abs(step - 20) / 100, 0.6])
            Image.new("RGB", (32, 16), (step, 0, 0)).save(folder / "looks" / f"{step:06d}.png")
    facts = {
        "kind": "av2ts",
        "setting": "ms3",
        "settings": {"batch": 8, "losses": {"dice": 5.0}},
        "note": "made <clips>",
    }
    (folder / "training.json").write_text(json.dumps(facts))
    return folder


def html(folder: Path, state: str = "training") -> str:
    return "".join(page(folder, state=state, steps=STEPS))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("state", "words", "reloads"),
    [
        ("training", "<b>Training</b>", True),
        ("stopped", "<b>Stopped at step 30: go on with --resume</b>", False),
        ("broken", "<b>Broken off after step 30: mend what was said, then go on with --resume</b>", False),
        ("done", "<b>Done: 40 steps</b>", False),
    ],
)
def test_it_says_how_the_training_stands(state: str, words: str, reloads: bool, tmp_path: Path) -> None:
    said = html(run_folder(tmp_path / "run"), state)
    assert words in said
    assert ('http-equiv="refresh" content="10"' in said) == reloads
    assert ("data-every=" in said) == reloads
    assert 'aria-valuemax="40" aria-valuenow="30"' in said
    assert "<title>run: 30 of 40 steps</title>" in said


def test_it_says_what_was_found(tmp_path: Path) -> None:
    said = html(run_folder(tmp_path / "run"))
    assert "<dt>Time left</dt><dd><b>1 min</b>" in said  # ten steps of 8 clips at 16 clips a second
    assert "<dt>Best so far</dt><dd><b>0.500</b> <span>M_J at step 20</span>" in said
    assert "<dt>Speed</dt><dd><b>16</b>" in said
    assert "<dt>settings: losses: dice</dt><dd>5.0</dd>" in said
    assert "made &lt;clips&gt;" in said
    for name in ("Loss", "Class", "Mask", "Dice", "Scores", "Learning rate", "Clips a second"):
        assert f"<title>{name} by step</title><desc>" in said
    assert "Picture to picture" not in re.findall(r"<title>(.*?) by step", said), "what does not count is not drawn"
    assert '<tr class=best><th scope="row">20 <em>best</em></th>' in said


def test_the_best_is_what_the_training_chose(tmp_path: Path) -> None:
    folder = run_folder(tmp_path / "run")
    (folder / "training.json").write_text(json.dumps({"best": {"step": 30, "score": 0.4}}))
    assert "<span>M_J at step 30</span>" in html(folder)
    (folder / "training.json").write_text('{"best": {"step": 7}}')
    assert "<span>M_J at step 20</span>" in html(folder)


def test_pictures_are_those_of_the_newest_validation(tmp_path: Path) -> None:
    folder = run_folder(tmp_path / "run")
    (folder / "looks" / "notes.txt").write_text("mine")
    Image.new("RGB", (8, 8)).save(folder / "looks" / "000030-dog.png")
    said = html(folder)
    assert said.count("data:image/png;base64,") == 2
    assert "Clips of the validation at step 30" in said
    assert "<figcaption>dog</figcaption>" in said


def test_it_asks_nobody_for_anything(tmp_path: Path) -> None:
    said = html(run_folder(tmp_path / "run"))
    assert re.findall(r'(?:src|href)="(?!data:)', said) == []
    assert "url(" not in said
    assert "http:" not in said
    assert "https:" not in said


def test_it_is_there_before_the_first_step(tmp_path: Path) -> None:
    write_live_page(tmp_path, state="training", steps=STEPS)
    said = (tmp_path / PAGE).read_text()
    assert "No step is done yet." in said
    assert 'aria-valuenow="0"' in said
    assert "Validation" not in said


def test_a_table_is_read_as_far_as_it_makes_sense(tmp_path: Path) -> None:
    table = tmp_path / LOSSES
    table.write_text("step,total,class\r\n1,5,\r\n2,nan,3\r\nx,1,1\r\n3,4\r\n4,4,2\r\n5,2,1")
    found = read_columns(table)
    assert found["step"].tolist() == [1, 2, 4]
    assert str(found["total"].tolist()) == "[5.0, nan, 4.0]"
    assert str(found["class"].tolist()) == "[nan, 3.0, 2.0]"
    for words in ("", "\n", "step", "a,b\n1,2\n", "step,total\n"):
        table.write_text(words)
        assert len(read_columns(table)["step"]) == 0
    table.write_bytes(b"\xff\xfe\n\x00,\n")
    assert len(html(tmp_path)) > 1000


def test_of_a_long_table_few_rows_are_read_and_the_last_ones_all(tmp_path: Path) -> None:
    (tmp_path / LOSSES).write_text("step,total\n" + "".join(f"{step},1\n" for step in range(1, 30_001)))
    steps = read_columns(tmp_path / LOSSES)["step"]
    assert len(steps) == 2050
    assert steps[0] == 1
    assert steps[-50:].tolist() == list(range(29_951, 30_001))
    assert (steps[1:] > steps[:-1]).all()


def test_it_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    write_live_page(run_folder(tmp_path / "run"), state="done", steps=STEPS)
    assert sorted(path.name for path in (tmp_path / "run").iterdir()) == [
        "looks", LOSSES, SCORES, PAGE, "training.json",
    ]  # fmt: skip
    with pytest.raises(CannotWrite):
        write_live_page(tmp_path / "nowhere", state="done", steps=STEPS)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    executable = shutil.which("chromium-headless-shell") or shutil.which("chromium")
    if executable is None:
        pytest.skip("no Chromium here")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


@pytest.mark.browser
@pytest.mark.parametrize(("width_px", "scheme"), [(1280, "light"), (390, "dark"), (320, "light")])
def test_anyone_can_read_it(browser: Browser, width_px: int, scheme: str, tmp_path: Path) -> None:
    write_live_page(run_folder(tmp_path / "run"), state="training", steps=STEPS)
    visit = browser.new_context(viewport={"width": width_px, "height": 800}, color_scheme=scheme)  # type: ignore[arg-type]
    shown = visit.new_page()
    said: list[str] = []
    shown.on("console", lambda message: said.append(message.text))
    shown.on("pageerror", lambda error: said.append(str(error)))
    shown.goto((tmp_path / "run" / PAGE).as_uri())
    assert shown.evaluate("document.documentElement.scrollWidth") == width_px
    found = Axe().run(shown)
    assert found.violations_count == 0, found.generate_report()
    assert said == []
    visit.close()


@pytest.mark.browser
def test_it_shows_what_came_since_unless_it_is_held(browser: Browser, tmp_path: Path) -> None:
    folder = run_folder(tmp_path / "run", rows=20)
    write_live_page(folder, state="training", steps=STEPS)
    visit = browser.new_context()
    shown = visit.new_page()
    shown.clock.install()
    shown.goto((folder / PAGE).as_uri())
    shown.click("text=Hold")
    shutil.rmtree(folder)
    write_live_page(run_folder(folder, rows=30), state="training", steps=STEPS)
    shown.clock.run_for(15_000)
    assert shown.title() == "run: 20 of 40 steps"
    assert shown.get_attribute(".hold", "aria-pressed") == "true"
    shown.click("text=Hold")
    with shown.expect_navigation():
        shown.clock.run_for(2_000)
    assert shown.title() == "run: 30 of 40 steps"
    assert shown.is_hidden(".late")
    shown.click("text=Hold")
    shown.clock.run_for(900_000)
    assert shown.is_visible(".late")
    visit.close()
