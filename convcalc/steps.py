"""How much work one run may do, counted in steps and never by a clock, so that every input ends, and ends alike.

A step is about a microsecond of one core and at most some hundred bytes. Whoever works through what an input can make
long (expressions, layers, tables of receptive fields, alignments, rules, rows) spends steps as it goes, in proportion
to the time it takes. What cannot be afforded is not guessed: a figure becomes unknown, or a diagnostic says at which
place the limit was met.

Outside of a `run` nothing is counted: the command line opens one for every file, or every pair, that it works on.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar

import msgspec

MOST_STEPS = 3_000_000
"""Steps of one run."""


class OutOfSteps(Exception):
    """The work would take more steps than are left; `str` names the limit, for a message that names the place."""

    def __init__(self) -> None:
        super().__init__(limit())


class _Meter(msgspec.Struct):
    most: int
    left: int


_UNCOUNTED = _Meter(MOST_STEPS, 10**100)
"""Outside of a run: more than anything costs."""

_meter = ContextVar("meter", default=_UNCOUNTED)


def limit() -> str:
    """How a message names the limit in force, that of a run that is not told another where nothing is counted."""
    return f"more work than the {_meter.get().most:,} steps that one run may take"


@contextmanager
def run(most: int = MOST_STEPS) -> Iterator[None]:
    """Within, work is counted anew, and takes at most so many steps."""
    token = _meter.set(_Meter(most, most))
    try:
        yield
    finally:
        _meter.reset(token)


def afresh() -> AbstractContextManager[None]:
    """Within a run, another one of its own for work that stands alone, such as the next of many files."""
    return nullcontext() if _meter.get() is _UNCOUNTED else run()


def part(share: float = 0.5) -> AbstractContextManager[None]:
    """Within, at most this share of the steps that are left, so that work of less weight does not use up all."""
    left = _meter.get().left
    return _kept(left - int(left * share))


def spare(share: float) -> AbstractContextManager[None]:
    """Within, only steps beyond this share of the run's own, for what is done again and again and can be left out."""
    meter = _meter.get()
    return _kept(min(meter.left, int(meter.most * share)))


@contextmanager
def _kept(count: int) -> Iterator[None]:
    meter = _meter.get()
    meter.left -= count
    try:
        yield
    finally:
        meter.left += count


def spend(count: int) -> None:
    """Spend steps before they are taken.

    Raises:
        OutOfSteps: fewer are left, and none is spent.
    """
    if not afford(count):
        raise OutOfSteps


def afford(count: int) -> bool:
    """Spend steps if so many are left; whether they were."""
    meter = _meter.get()
    if count > meter.left:
        return False
    if meter is not _UNCOUNTED:
        meter.left -= count
    return True
