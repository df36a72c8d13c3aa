"""Sweeps for the terminal, as wide as it is and no wider.

What is swept is never left out. Where the names above the columns take too much room, letters stand for them.
"""

from __future__ import annotations

from collections.abc import Iterable
from string import ascii_uppercase

from convcalc.views import words
from convcalc.views.columns import Column, first_words, needed, show
from convcalc.views.formats import terminal
from convcalc.views.output import Output, Pen
from convcalc.views.sweep import shared
from convcalc.views.sweep.shared import Swept
from convcalc.visible import short

_LONGEST_NAME = 12
"""Characters of a name for which rather a total goes."""
_RANKS = {"params": 0, "macs": 0, "peak_activation_bytes": 2, "output": 3}
"""The higher, the sooner a total goes; what is asked for goes last of those that may."""


def write(swept: Swept, out: Output) -> None:
    """Title, rows, counts, why points are refused, and how to see the first row again."""
    sweep, pen = swept.sweep, out.pen
    name, points, path = shared.title(swept)
    pen.print(terminal.line((name, "bold"), "   ", points, "   ", (path, "dim")))
    for text in filter(None, [shared.asked(sweep)]):
        pen.print(terminal.line(text, style="cyan"))
    for text in filter(None, [shared.interrupted(sweep)]):
        pen.print(terminal.line(text, style="bold yellow"))
    if shared.row_count(sweep):
        _print_rows(swept, pen)
    else:
        pen.print(terminal.line(shared.nothing(sweep)))
    rate = [("   ", ""), (shared.rate(sweep), "dim")] if shared.rate(sweep) else []
    pen.print(terminal.line((shared.counts(sweep), "bold"), *rate))
    for text in shared.notes(swept):
        pen.print(terminal.line(text))
    _print_refused(swept, pen)
    if swept.again:
        pen.print(terminal.line("row 1: ", (swept.again, "cyan")), soft_wrap=True)  # in one piece, to be copied
    pen.print(terminal.line(words.convention(sweep.convention), style="dim"))


def _print_rows(swept: Swept, pen: Pen) -> None:
    sweep = swept.sweep
    axes = [_axis(swept, name) for name in swept.swept]
    totals = [_total(swept, name) for name in swept.shown]
    equals = shared.alike(sweep, shared.MOST_ROWS)
    if any(equals):
        totals.append(Column("alike", [f"+{words.exact(number)}" if number else "" for number in equals], rank=1))
    longest = max(len(axis.header) for axis in axes) if axes else 0
    least = [*axes, *(total for total in totals if total.rank == 0)]
    if needed([*axes, *totals]) > pen.width and (longest > _LONGEST_NAME or needed(least) > pen.width):
        _print_letters(axes, pen)
        axes = [_axis(swept, name, letter) for letter, name in zip(_letters(), swept.swept, strict=False)]
    show(pen, [*axes, *totals])
    for text in filter(None, [shared.left_out(sweep)]):
        pen.print(terminal.line(text))


def _axis(swept: Swept, name: str, header: str = "") -> Column:
    """Numbers below each other, words and lists from the left."""
    values = shared.column(swept.sweep, name, shared.MOST_ROWS)
    is_text = any(isinstance(value, str | tuple | list) for value in values)
    return Column(
        header or short(name), [swept.value(name, value) for value in values], "left" if is_text else "right", "cyan"
    )


def _total(swept: Swept, name: str) -> Column:
    write_cell = shared.writer(name)
    cells = [write_cell(value) for value in shared.column(swept.sweep, name, shared.MOST_ROWS)]
    rank = _RANKS.get(name, 1)
    rank = min(rank, 1) if name in swept.named else rank
    return Column(shared.TITLES.get(name, short(name)), cells, rank=rank)


def _letters() -> Iterable[str]:
    """A, B, ..., Z, AA, AB, ..."""
    yield from ascii_uppercase
    for first in _letters():
        for second in ascii_uppercase:
            yield first + second


def _print_letters(axes: list[Column], pen: Pen) -> None:
    """What the letters above the columns stand for."""
    for letter, axis in zip(_letters(), axes, strict=False):
        pen.print(terminal.line((letter, "cyan"), f" {axis.header}"))


def _print_refused(swept: Swept, pen: Pen) -> None:
    """The points that were asked for by `--refused`, each with why."""
    points = swept.sweep.refused_points
    if not points:
        return
    columns = [
        Column(short(name), [swept.value(name, point[name]) for point, _ in points], style="cyan")
        for name in swept.swept
    ]
    reasons = Column("refused because", [short(reason) for _, reason in points], "left", shorten=first_words)
    if needed(columns) > pen.width // 2:
        for point, reason in points:
            pen.print(terminal.line((short(swept.point(point)), "cyan"), f": {short(reason)}"))
        return
    show(pen, [*columns, reasons])
