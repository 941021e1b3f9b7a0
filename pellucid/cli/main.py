"""The command `pellucid`: its subcommands, and what becomes of their errors."""

from __future__ import annotations

import io
import logging
import os
import signal
import sys
import threading
from collections.abc import Sequence
from importlib import import_module
from typing import TextIO

import typer
from typer.exceptions import TyperException

from pellucid import __version__
from pellucid.cli.output import emit, say
from pellucid.errors import PellucidError

INTERRUPTED = 130

COMMANDS = (
    "train",
    "test",
    "predict",
    "explain",
    "show",
    "scalar",
    "report",
    "diff",
    "gradcheck",
    "check",
    "find-lr",
    "reproduce",
    "data",
    "info",
    "bench",
)
SETTINGS = {"scalar": {"ignore_unknown_options": True}}  # -x**2 is an expression


def _version(wanted: bool) -> None:
    if wanted:
        print(f"pellucid {__version__}")
        raise typer.Exit


def _options(
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Print the version."),
) -> None:
    """Options before the command."""


def _app(words: Sequence[str]) -> typer.Typer:
    """The command that is asked for, or all if it is none of them: importing all takes longer than some of them do."""
    app = typer.Typer(
        name="pellucid",
        help="A neural network from scratch that reads handwritten digits, and that you can see through.",
        epilog="Every command takes --json (one JSON object on stdout) and --debug (show the traceback of an error).",
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )
    app.callback()(_options)
    for name in words[:1] if words[0] in COMMANDS else COMMANDS:
        app.command(name=name, context_settings=SETTINGS.get(name))(
            import_module(f"pellucid.cli.{name.replace('-', '_')}").command
        )
    return app


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command, and see that what it printed has left.

    Returns:
        0 ok · 1 failed check · 2 usage · 3 data · 4 model file · 5 numeric · 130 interrupted.
    """
    sys.stdout, sys.stderr = sys.stdout or io.StringIO(), sys.stderr or io.StringIO()  # None where it was closed
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal without × or █ shows a question mark
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends as Ctrl-C does: what was trained is kept
    try:
        code = _run(arguments)
        sys.stdout.flush()
    except OSError as error:  # the reader has left, as `head` does, or the disk is full
        code = 1
        _discard(sys.stdout)
        if not isinstance(error, BrokenPipeError):
            say(f"pellucid: the result cannot be written: {error.strerror}")
    try:
        sys.stderr.flush()
    except OSError:
        _discard(sys.stderr)
    return code


def _discard(stream: TextIO) -> None:
    """Let a stream that cannot be written lead nowhere, so that Python's own farewell does not fail on it."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _run(arguments: Sequence[str] | None) -> int:
    words = list(sys.argv[1:] if arguments is None else arguments) or ["--help"]
    debug = "--debug" in words
    words = [word for word in words if word != "--debug"]
    logging.basicConfig(format="pellucid: %(message)s", level=logging.WARNING, stream=sys.stderr, force=True)
    try:
        code = _app(words)(words, prog_name="pellucid", standalone_mode=False) or 0
        if code != INTERRUPTED:
            return code
        message = "interrupted"
    except TyperException as error:
        code, message = error.exit_code, error.format_message()
    except PellucidError as error:
        code, message = error.exit_code, str(error)
        if debug:
            raise
    except (OSError, MemoryError) as error:
        if debug:
            raise
        code, message = 1, _of_the_system(error)
    except Exception as error:
        if debug:
            raise
        code = 1
        message = (
            f"an error of pellucid's own: {type(error).__name__}: {error}. Run it again with --debug and report it."
        )
    say(f"pellucid: {message}")
    if "--json" in words:
        emit({"error": message, "exit_code": code})
    return code


def _of_the_system(error: OSError | MemoryError) -> str:
    """What the system refused."""
    if isinstance(error, MemoryError):
        return f"there is not enough memory. {error}"
    return f"{error.filename}: {error.strerror}" if error.filename else str(error)
