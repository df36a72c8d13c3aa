"""Sweeps as CSV: a line for each point that is kept, exact numbers, one header."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from itertools import islice
from typing import Any

from convcalc.analysis.report import ReceptiveField
from convcalc.views import words
from convcalc.views.formats import csv
from convcalc.views.output import Output
from convcalc.views.sweep import shared
from convcalc.views.sweep.shared import Swept

_AT_ONCE = 10_000
"""Rows that are text at one time."""


def write(swept: Swept, out: Output) -> None:
    """The table; `alike` is for how many further points all that `--pareto` names is the same."""
    sweep = swept.sweep
    header = [*sweep.columns, *(["alike"] if sweep.pareto else [])]
    out.text(csv.text([header] if header else []))
    lines = _lines(swept)
    while part := list(islice(lines, _AT_ONCE)):
        out.text(csv.text(part))


def _lines(swept: Swept) -> Iterator[Iterable[object]]:
    equals = shared.alike(swept.sweep)
    for number, row in enumerate(shared.rows(swept.sweep, partial(_cell, swept))):
        yield [*row, equals[number]] if equals else row


def _cell(swept: Swept, name: str, value: Any) -> object:
    if value is None:
        return ""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, ReceptiveField):
        return words.field(value)
    is_shape = name in ("output", "receptive_field") and name not in swept.swept
    return shared.writer("output")(value) if is_shape else swept.value(name, value)
