"""The program `avfusion`: its commands, its exit statuses, and its errors in one line."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import typer
from typer.main import get_command

from avfusion.cli import (
    app,
    batch,
    compare,
    demo,
    engines,
    evaluate,
    fuse,
    locate,
    make_avs,
    remove,
    resume,
    segment,
    swap,
    train,
    voice,
)
from avfusion.cli.prompts import PromptCommand
from avfusion.cli.streams import outputs, say
from avfusion.errors import AvfusionError, EngineNotReady, InputError, OutputError, Stopped, UsageError

DONE, WRONG_USAGE, CANNOT_USE, NOT_READY, STOPPED = 0, 2, 3, 4, 130

_STATUS = {
    UsageError: WRONG_USAGE,
    InputError: CANNOT_USE,
    OutputError: CANNOT_USE,
    EngineNotReady: NOT_READY,
    Stopped: STOPPED,
}

# What they do is right whatever is said of engines' memory.
_WITHOUT_ENGINES = ("engines", "make-avs")

_WORDS = """Gives a video clip back with a new background, without an object, or with another voice.

Exit status: 0 done; 2 wrong usage; 3 the input or output cannot be used; 4 an engine is not ready; 130 stopped."""

_program = typer.Typer(
    help=_WORDS,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
_program.command("app")(app.app)
_program.command("demo")(demo.demo)
_program.add_typer(engines.commands, name="engines")
_program.command("compare", cls=PromptCommand)(compare.compare)
_program.command("segment", cls=PromptCommand)(segment.segment)
_program.command("swap", cls=PromptCommand)(swap.swap)
_program.command("remove", cls=PromptCommand)(remove.remove)
_program.command("voice")(voice.voice)
_program.command("fuse", cls=PromptCommand)(fuse.fuse)
_program.command("locate")(locate.locate)
_program.command("resume")(resume.resume)
_program.add_typer(evaluate.commands, name="evaluate")
_program.add_typer(train.commands, name="train")
_program.command("make-avs")(make_avs.make_avs)
_program.command("batch")(batch.batch)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command and returns its exit status. What is wrong is said in one line on standard error."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        with outputs():
            status = _run(words)
    except AvfusionError as error:
        say(str(error))
        return next(status for kind, status in _STATUS.items() if isinstance(error, kind))
    except typer.TyperException as error:
        # Typer has values checked by pydantic, which puts these two words before whatever it says.
        say(f"{error.format_message().replace('Value error, ', '').rstrip('.')}. {_where_to_look(error)}")
        return WRONG_USAGE
    except (KeyboardInterrupt, typer.Abort):
        status = STOPPED
    except BrokenPipeError:
        return DONE  # whoever read our output has gone
    if status == STOPPED:
        say("stopped.")
    return status


def _run(words: list[str]) -> int:
    if words == ["engines"]:
        # Typer has every option checked by pydantic, whose import alone takes longer than this whole answer.
        engines.list_engines()
        return DONE
    if words and words[0] not in _WITHOUT_ENGINES and not {"-h", "--help"} & set(words):
        from avfusion.engines.memory import check_variables

        check_variables()
    out, err = sys.stdout, sys.stderr
    try:
        # Typer turns a KeyboardInterrupt into the status 130.
        return int(get_command(_program).main(words or ["--help"], prog_name="avfusion", standalone_mode=False) or DONE)
    except SystemExit as left:
        if isinstance(left.__context__, BrokenPipeError):
            # Where whoever read our output has gone, Typer wraps both streams and leaves.
            sys.stdout, sys.stderr = out, err
            raise left.__context__ from None
        raise


def _where_to_look(error: typer.TyperException) -> str:
    context = getattr(error, "ctx", None)
    return f"See {context.command_path if context else 'avfusion'} --help."
