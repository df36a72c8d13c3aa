"""Run in Python the scripts that run in the page, so that a picture is drawn by the same code in both.

The interpreter is QuickJS, of the extra ``report``: it has no files, no network and no clock that anything waits for.
Scripts are the vendored libraries and our own, by their names: ``dagre``, ``echarts``, ``graph``. A call takes and
gives what JSON can hold, and no text from a file is ever evaluated.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import cache
from importlib import resources
from typing import Any, TypeVar

from convcalc.extras import require

FOLDERS = ("vendored", "scripts")
SECONDS = 60
"""Of processor time, for a call: laying out ten thousand layers is the longest that any takes."""
MEBIBYTES = 512
"""Of memory, for all that an engine holds."""
STACK = 128 << 20
"""Bytes of a call's stack, of which memory is taken only as it is used.

A layout walks a chain of layers by recursion, with 8 kB for each: an ordinary thread's 8 MiB hold a thousand of them.
"""
SPARE = 4 << 20
"""What is left of it to the interpreter, which notices that it is full only where a function is called."""

EXACT = 2**53
"""Up to here, every whole number is a double."""

_PLACE = re.compile(r" *at ([\w.$]+) \(")
"""A line of a script's traceback with the name of a function in it; files have no names there."""
_stack_size = threading.Lock()
_Result = TypeVar("_Result")


class ScriptFailed(Exception):
    """A script threw an error, or took more time, memory or stack than it may; the message says which and where."""


@cache
def script(name: str) -> str:
    """The text of a script that ships, as a page may carry it.

    Raises:
        FileNotFoundError: there is none of this name.
    """
    here = resources.files("convcalc.views.pictures")
    for folder in FOLDERS:
        with suppress(FileNotFoundError):
            return here.joinpath(folder, f"{name}.js").read_text("utf-8")
    raise FileNotFoundError(f"no script {name}.js ships with convcalc")


class ScriptEngine:
    """An interpreter with some scripts loaded, in their order; what a call leaves in it is there for the next.

    Another engine knows nothing of it: what counts up within a library begins anew. Each of `seconds` (of processor
    time, for a call) and `mebibytes` (of memory, for all) is a limit that ends a call with `ScriptFailed`. Calls from
    several threads wait for each other.

    Raises:
        NotInstalled: the extra is not installed.
        FileNotFoundError: a script is not there.
        ScriptFailed: a script cannot be loaded.
    """

    def __init__(self, scripts: Iterable[str], *, seconds: float = SECONDS, mebibytes: int = MEBIBYTES) -> None:
        self._seconds = seconds
        self._mebibytes = mebibytes
        self._busy = threading.Lock()
        self._context: Any = _interpreter().Context()
        self._context.set_memory_limit(mebibytes << 20)
        self._context.set_max_stack_size(STACK - SPARE)
        for name in ("engine", *scripts):
            self._load(name, script(name))

    def call(self, function: str, *arguments: object) -> Any:
        """The result of a function, which is named as a script would name it: ``graph.layout``.

        Arguments are what `json.dumps` takes, numbers finite; what JSON has no word for is null in the result, or is
        left out of its object. A number is a double within: an int beyond 2**53 is rounded, and comes back as a float.
        There is no later: a promise or a callback of ``setTimeout`` is never waited for.

        Raises:
            ScriptFailed: there is no such function, it threw, or it met a limit.
        """
        parameters = json.dumps(arguments, allow_nan=False)
        result = self._run(lambda: self._context.get("convcalcEngine")(function, parameters), function)
        return json.loads(result, parse_int=_whole)

    def _load(self, name: str, text: str) -> None:
        """Run a script for what it defines; its value is 0, since not every value can be one in Python."""
        self._run(lambda: self._context.eval(f"{text}\n;0"), f"{name}.js")

    def _run(self, work: Callable[[], _Result], what: str) -> _Result:
        """Do what runs scripts, with a stack that is deep enough, and where an interrupt from the keyboard is heard."""
        results: list[_Result] = []
        errors: list[BaseException] = []

        def attempt() -> None:
            try:
                with self._busy:  # as it may be still, where an interrupt has ended the wait for another call
                    self._context.set_time_limit(self._seconds)
                    results.append(work())
            except BaseException as error:  # it is raised again where it is waited for
                errors.append(error)

        thread = _started(attempt)
        thread.join()
        if errors:
            raise self._failure(what, errors[0]) from None
        return results[0]

    def _failure(self, what: str, error: BaseException) -> BaseException:
        if not isinstance(error, _interpreter().JSException):
            return error
        head, *places = str(error).splitlines() or [""]
        if head.endswith("interrupted"):
            reason = f"it took more than {self._seconds:g} seconds"
        elif head.endswith("out of memory") or head == "null":  # which is thrown where there is none for an error
            reason = f"it took more than {self._mebibytes} MiB of memory"
        elif isinstance(error, _interpreter().StackOverflow):
            reason = "its functions call each other too deep"
        else:
            inside = [match[1] for place in places if (match := _PLACE.match(place))]
            reason = head + (f" (in {' < '.join(inside[:5])})" if inside else "")
        return ScriptFailed(f"{what} failed: {reason}")


def _whole(digits: str) -> int | float:
    """The number that a script wrote; of a large one it writes as many digits as tell doubles apart, and then zeros."""
    number = int(digits)
    return number if abs(number) <= EXACT else float(digits)


def _started(work: Callable[[], None]) -> threading.Thread:
    """A thread with a large stack that does the work; the process may end without waiting for it."""
    thread = threading.Thread(target=work, name="convcalc-engine", daemon=True)
    with _stack_size:  # it is set for all threads to come, and so for this one alone
        before = threading.stack_size(STACK)
        try:
            thread.start()
        except RuntimeError:  # whose message has no reason
            raise ScriptFailed(f"no script can run: there are no {STACK >> 20} MiB of memory for its stack") from None
        finally:
            threading.stack_size(before)
    return thread


def _interpreter() -> Any:
    require("report", "quickjs", purpose="drawing pictures")
    import quickjs

    return quickjs
