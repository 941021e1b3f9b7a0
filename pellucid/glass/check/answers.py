"""The child's answers, and what they say where a trial did not come to a result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pellucid.glass.check.child.encoding import decode
from pellucid.glass.check.mistake import Array, Check, Finding, Mistake

EXITS = Mistake(
    "exits",
    "the program ends Python",
    "`sys.exit`, `exit` or `quit` ends the whole process, and with it whoever imported the file or called the "
    "function.",
    'Return from the function instead, or raise an error; keep `sys.exit` for the block `if __name__ == "__main__":`.',
)
NEVER_ENDS = Mistake(
    "never-ends",
    "the call does not come to an end",
    "With a handful of examples each call takes less than a millisecond, so a loop goes on for ever.",
    "Look at the line below: does what the loop waits for change in every round (`start += batch_size`)?",
)
TRAINS_AT_IMPORT = Mistake(
    "trains-at-import",
    "the file does its work as soon as it is imported",
    "Statements that stand outside of functions run at every import, also when only a function of the file is wanted.",
    'Put what trains below `if __name__ == "__main__":`; that block runs only when the file is the program.',
)
TOO_MUCH_MEMORY = Mistake(
    "too-much-memory",
    "an array is larger than the memory that is allowed",
    "With a handful of examples every array is tiny. Often two arrays that broadcast make a third of (N, N), or a "
    "matrix product stands the wrong way round, or sizes are multiplied that should be added.",
    "Print the shapes in the line below; compare them with the shapes in the formula.",
)
RETURNS_NOTHING = Mistake(
    "returns-nothing",
    "None comes back",
    "A Python function without `return` gives None, so the next step has nothing to compute with.",
    "End the function with `return` and the result.",
)
LIST_FOR_ARRAY = Mistake(
    "list-for-array",
    "a list comes back where an array is needed",
    "Lists have no shape and no `@`, `.T` or `*`: `[1, 2] * 2` is `[1, 2, 1, 2]`.",
    "Compute on whole arrays, `np.maximum(0, z)` instead of a loop; or end with `np.array(result)`.",
)
GENERAL = (EXITS, NEVER_ENDS, TRAINS_AT_IMPORT, TOO_MUCH_MEMORY, RETURNS_NOTHING, LIST_FOR_ARRAY)

# What often lies behind an error of Python's or NumPy's, by a piece of its message.
HINTS = {
    "matmul: Input operand": "The columns of the left matrix must be as many as the rows of the right one: "
    "(a, b) @ (b, c) is (a, c). A transpose may be missing, or the factors stand the wrong way round.",
    "not aligned": "The columns of the left matrix must be as many as the rows of the right one: "
    "(a, b) @ (b, c) is (a, c). A transpose may be missing, or the factors stand the wrong way round.",
    "could not be broadcast": "Two arrays meet whose shapes do not fit. (n,) is a row to NumPy: a column is (n, 1), "
    "with `keepdims=True` or `.reshape(-1, 1)`.",
    "non-broadcastable output": "The right side is larger than the array it is written into. (n, 1) and (n,) make "
    "(n, n): give the sum or mean `keepdims=True`.",
    "required positional argument": "The specification calls it with other arguments; see the call above.",
    "positional arguments but": "The specification calls it with other arguments; see the call above.",
    "truth value of an array": "`if` and `max` want one number; for arrays there are `np.maximum` and `np.where`.",
    "NoneType": "Something is None here: a function without `return`, or an attribute that was never set.",
    "Cannot cast ufunc": "Whole numbers are changed in place by broken ones: make the array floats, `x.astype(float)`.",
    "has no attribute 'T'": "This is a list or a number, not an array: `np.array(...)`.",
    "No module named": "Install it for this Python, or import it inside of the function that needs it, so that "
    "all others can be checked without it.",
    "EOF when reading": "Nobody is there to answer `input()` while a file is checked.",
}


@dataclass(frozen=True)
class Hang:
    """The child had to be ended, or ended by itself, in the midst of a trial."""

    trial: str
    words: str
    mistake: Mistake | None
    lines: tuple[str, ...] = ()


@dataclass
class Answers:
    """What the child told, by trial."""

    told: Mapping[str, Mapping[str, Any]]
    hang: Hang | None = None
    stubs: frozenset[str] = field(default_factory=frozenset)  # functions that the learner has not filled in

    def result(
        self, trial: str, name: str, called: str, needs: Sequence[str] = ()
    ) -> tuple[Mapping[str, Any], Check | None]:
        """The result of a trial; or a check that says why there is none, such as that what it needs has no body yet."""
        line = self.told.get(trial)
        empty = [one for one in (name.split(" ")[0], *needs) if one in self.stubs]
        if line is not None and empty:
            return {}, Check(name, "missing", note=empty[0])
        if line is not None and isinstance(line.get("result"), Mapping):
            return line["result"], None
        if line is not None and "error" in line:
            return {}, self._error(line, name, called)
        if line is not None and "unknown" in line:
            return {}, Check(name, "skipped", note=str(line["unknown"]))
        if line is not None:
            return {}, Check(name, "missing", note=str(line.get("missing", name)))
        if self.hang and self.hang.trial == trial:
            hang = self.hang
            return {}, Check(name, "failed", Finding(hang.words, hang.mistake, called, notes=hang.lines))
        return {}, Check(name, "skipped", note="the program did not come so far")

    def _error(self, line: Mapping[str, Any], name: str, called: str) -> Check:
        error = line["error"]
        kinds = error.get("kinds", [error["type"]])
        if "NotImplementedError" in kinds:
            return Check(name, "missing", note=name)
        return Check(name, "failed", error_finding(name, called, line))


def error_finding(name: str, called: str, line: Mapping[str, Any]) -> Finding:
    """An exception of the learner's code, with their own lines and what was printed."""
    error = line["error"]
    kinds = error.get("kinds", [error["type"]])
    message = str(error["message"])
    notes = [
        f"{frame['file']}, line {frame['line']}, in {frame['function']}:  {frame['text']}" for frame in error["frames"]
    ]
    hint = next((words for piece, words in HINTS.items() if piece in message), "")
    if printed := line.get("printed"):
        notes += ["printed before:", *(f"  {text}" for text in printed)]
    if "SystemExit" in kinds:
        return Finding(f"{name} ends the program (SystemExit).", EXITS, called, notes=tuple(notes))
    if "MemoryError" in kinds:
        return Finding(f"{name} runs out of memory: {message}", TOO_MUCH_MEMORY, called, notes=tuple(notes))
    if "Unfit" in kinds:
        return Finding(message, None, called, notes=tuple(notes))
    notes += [hint] if hint else []
    return Finding(f"{name} raises {error['type']}: {message}", None, called, notes=tuple(notes))


def array_of(told: Any, name: str, called: str) -> tuple[Array | None, Finding | None]:
    """The array that a function gave, or what it gave instead."""
    kind = told.get("type") if isinstance(told, Mapping) else "?"
    if kind == "NoneType":
        return None, Finding(f"{name} gives None.", RETURNS_NOTHING, called)
    if kind == "list":
        return None, Finding(f"{name} gives a list.", LIST_FOR_ARRAY, called)
    array = decode(told)
    if array is None:
        came = told.get("text") if isinstance(told, Mapping) else told
        what = f"an array of dtype {told['dtype']}" if kind == "ndarray" and "text" in told else f"a {kind}"
        return None, Finding(f"{name} gives {what}, where an array of numbers is needed: {came}", None, called)
    return array, None
