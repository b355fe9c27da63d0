"""The progress line on a terminal and elsewhere."""

import io

from avfusion.cli.progress import ProgressLine, in_words
from avfusion.pipelines.progress import Progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True

    def screen(self) -> list[str]:
        """The lines as a person sees them: what follows a carriage return and an erase replaces the line."""
        return [line.rpartition("\r\x1b[K")[2] for line in self.getvalue().split("\n")]


def progress(done: int, *, remaining_s: float | None = 6.4) -> Progress:
    return Progress("tracking", done, 300, 31.52, remaining_s)


def test_a_terminal_shows_one_line_that_rewrites_itself_and_goes() -> None:
    terminal = Terminal()
    with ProgressLine(quiet=False, stream=terminal) as line:
        for done in (10, 120):
            line(progress(done))
        assert terminal.screen() == ["tracking 120/300 frames, 40 %, 31.5 frames/s, 0:06 left"]
        line.say("rendering")
        line(progress(150, remaining_s=None))
        assert terminal.screen() == ["rendering", "tracking 150/300 frames, 50 %, 31.5 frames/s"]
    assert terminal.screen() == ["rendering", ""]


def test_a_narrow_terminal_never_wraps(monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setenv("COLUMNS", "20")
    terminal = Terminal()
    with ProgressLine(quiet=False, stream=terminal) as line:
        line(progress(10))
        assert terminal.screen() == ["tracking 10/300 fra"]


def test_a_file_gets_plain_lines_at_the_end_of_stages() -> None:
    file = io.StringIO()
    with ProgressLine(quiet=False, stream=file) as line:
        for done in (1, 120, 299, 300):
            line(progress(done))
    assert file.getvalue() == "tracking 300/300 frames, 100 %, 31.5 frames/s\n"


def test_quiet_is_quiet() -> None:
    terminal = Terminal()
    with ProgressLine(quiet=True, stream=terminal) as line:
        line(progress(300))
        line.say("rendering")
    assert terminal.getvalue() == ""


def test_an_error_leaves_the_line_clean_for_its_own_words() -> None:
    terminal = Terminal()
    try:
        with ProgressLine(quiet=False, stream=terminal) as line:
            line(progress(10))
            raise ValueError
    except ValueError:
        terminal.write("avfusion: wrong")
    assert terminal.screen() == ["avfusion: wrong"]


def test_a_single_frame_has_no_rate() -> None:
    assert in_words(Progress("checking", 1, 1, 28181.7, None)) == "checking 1/1 frame, 100 %"
