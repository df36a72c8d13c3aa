"""What must hold of anything that convcalc answers."""

from __future__ import annotations

import contextlib
import re
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

from convcalc import Diagnostic

HANG = 300.0
"""Seconds of CPU after which what does not end is a failure; nothing that ends is judged by a clock."""
MEMORY = 2**31
"""Bytes that any text may take."""


def check_diagnostic(problem: Diagnostic, path: str, lines: list[str]) -> None:
    """It says what and where, and the place exists."""
    assert re.fullmatch(r"CC\d{3}", problem.code), problem
    assert problem.message.strip(), problem
    assert problem.path == path, problem
    assert 0 <= problem.line <= len(lines), problem
    if problem.line:
        line = lines[problem.line - 1]
        assert 1 <= problem.column <= len(line) + 1, (problem, line)
        assert problem.column < problem.end_column <= len(line) + 2, (problem, line)
        assert line.startswith(problem.text), (problem, line)
    else:
        assert (problem.column, problem.end_column) == (0, 0), problem


@contextlib.contextmanager
def bounded() -> Iterator[None]:
    """What hangs or eats the memory fails, where the system can see to it."""
    if sys.platform != "linux":
        yield
        return
    import resource

    def stop(*_: object) -> None:
        raise TimeoutError

    before, limits = signal.signal(signal.SIGPROF, stop), resource.getrlimit(resource.RLIMIT_AS)
    used = int(Path("/proc/self/statm").read_text("ascii").split()[0]) * resource.getpagesize()
    signal.setitimer(signal.ITIMER_PROF, HANG)
    resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY, limits[1]))
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)
        resource.setrlimit(resource.RLIMIT_AS, limits)
