"""A session in the child: limits, the learner's file, then one trial after the other, each answer on a line."""

from __future__ import annotations

import contextlib
import faulthandler
import importlib.util
import io
import json
import os
import signal
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any, TextIO

from . import stand_ins, trials
from .arguments import Missing, Unknown
from .forms import ending, form

KEPT = 20_000  # characters of what is printed
LINES = 12  # of those, so many are told


class Printed(io.RawIOBase):
    """Keeps the last of what is printed, however much it is."""

    def __init__(self) -> None:
        self.kept = b""

    def writable(self) -> bool:
        """Yes."""
        return True

    def write(self, text: Any) -> int:
        """Keep the end."""
        self.kept = (self.kept + bytes(text))[-KEPT:]
        return len(text)

    def text(self) -> str:
        """What was printed."""
        return self.kept.decode(errors="replace")


def main(folder: Path) -> None:
    """Answer the request in the folder. Never returns: what the learner left running is not waited for."""
    request = json.loads((folder / "request.json").read_text(encoding="utf-8"))
    _limit(request["bytes"])
    _end_after(request["seconds"], (folder / "hang.txt").open("w", encoding="utf-8"))
    answers = (folder / "answers.jsonl").open("w", encoding="utf-8")
    owner = os.getpid()

    def tell(**line: Any) -> None:
        if os.getpid() != owner:  # a fork that the learner's code made
            os._exit(0)
        answers.write(json.dumps(line) + "\n")
        answers.flush()

    printed = Printed()
    sys.stdout = sys.stderr = io.TextIOWrapper(printed, encoding="utf-8", errors="replace", write_through=True)
    stand_ins.install()
    file = Path(request["file"])

    def attempt(name: str, action: Callable[[], Any]) -> Any:
        tell(begin=name)
        printed.kept = b""
        try:
            result = action()
        except Missing as missing:
            tell(id=name, missing=str(missing))
        except Unknown as unknown:
            tell(id=name, unknown=str(unknown))
        except BaseException as error:  # SystemExit too
            told = {"error": _describe(error, file.parent), "printed": printed.text().splitlines()[-LINES:]}
            tell(id=name, **told)
        else:
            tell(id=name, result=result, printed=printed.text().splitlines())
            return result
        return None

    module = ModuleType(file.stem)

    def load() -> dict[str, Any]:
        nonlocal module
        module = _load(file)
        return {
            "names": [name for name in vars(module) if not name.startswith("_")],
            "form": form(module),
            "ending": ending(module),
        }

    if attempt("import", load):
        for trial in request["trials"]:
            attempt(trial["id"], lambda trial=trial: trials.KINDS[trial["kind"]](module, trial, printed.text))  # type: ignore[misc]
    tell(end=True)
    os._exit(0)


def _end_after(seconds: float, file: TextIO) -> None:
    """End the process after so many seconds, and say at which lines it was.

    An alarm interrupts Python between two instructions; where it is not heard, deep in C, or not known, on Windows,
    another thread ends the process a second later.
    """

    def late(_: int, frame: FrameType | None) -> None:
        for inner, line in traceback.walk_stack(frame):
            file.write(f'File "{inner.f_code.co_filename}", line {line} in {inner.f_code.co_name}\n')
        file.flush()
        os._exit(1)

    if hasattr(signal, "setitimer"):
        signal.signal(signal.SIGALRM, late)
        signal.setitimer(signal.ITIMER_REAL, seconds)
    faulthandler.dump_traceback_later(seconds + 1, file=file, exit=True)


def _load(file: Path) -> ModuleType:
    """The learner's file as a module of its own name, which is not `__main__`."""
    sys.path.insert(0, str(file.parent))
    specification = importlib.util.spec_from_file_location(file.stem, file)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    sys.modules[file.stem] = module
    specification.loader.exec_module(module)
    return module


def _limit(size: int) -> None:
    """Let no more memory be had than that, and no larger file be written, where the platform can."""
    try:
        import resource
    except ImportError:  # Windows
        return
    for name, limit in (("RLIMIT_AS", size), ("RLIMIT_FSIZE", 1 << 28), ("RLIMIT_CORE", 0)):
        with contextlib.suppress(AttributeError, ValueError, OSError):
            resource.setrlimit(getattr(resource, name), (limit, limit))


def _describe(error: BaseException, folder: Path) -> dict[str, Any]:
    """The error, and the learner's own lines on the way to it; the last of them is where to look."""
    here = Path(__file__).parent
    frames = [
        {"file": Path(frame.filename).name, "line": frame.lineno, "function": frame.name, "text": frame.line}
        for frame in traceback.extract_tb(error.__traceback__)
        if Path(frame.filename).is_relative_to(folder) and not Path(frame.filename).is_relative_to(here)
    ]
    if isinstance(error, SyntaxError):
        text = (error.text or "").strip()
        frames.append(
            {"file": Path(error.filename or "").name, "line": error.lineno, "function": "<module>", "text": text}
        )
        return {"type": type(error).__name__, "message": error.msg, "frames": frames[-1:]}
    kinds = [kind.__name__ for kind in type(error).__mro__]
    return {"type": type(error).__name__, "kinds": kinds, "message": str(error)[:500], "frames": frames[-6:]}
