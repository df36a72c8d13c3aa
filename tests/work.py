"""Work, counted in calls of Python functions: the same on a busy machine and on a quiet one, where seconds are not."""

from __future__ import annotations

import cProfile
from collections.abc import Iterator
from contextlib import contextmanager


class Work:
    """`calls`: the Python functions that were called, once the counting has ended."""

    calls: int


@contextmanager
def counted() -> Iterator[Work]:
    """Count the calls inside."""
    work, profile = Work(), cProfile.Profile(subcalls=False, builtins=False)
    profile.enable()
    try:
        yield work
    finally:
        profile.disable()
        work.calls = sum(entry.callcount for entry in profile.getstats())
