"""A sweep: the first points that are kept, and what is known of all."""

from __future__ import annotations

from typing import Any

from convcalc.frames import dataframe
from convcalc.sweeping.record import Sweep
from convcalc.sweeping.typed import typed_columns
from convcalc.views import words
from convcalc.views.notebook import shared
from convcalc.views.notebook.markup import MOST_ROWS, page, table
from convcalc.views.sweep import shared as sweeping
from convcalc.views.sweep.shared import Swept


def line(sweep: Sweep) -> str:
    """What is swept, and how many points there are, satisfy and are kept."""
    _, points, _ = sweeping.title(Swept(sweep, sweep.path))
    kept = f"{words.exact(sweeping.row_count(sweep))} kept"
    return f"{shared.brief(sweep.network)}: {', '.join([points, *sweeping.counts(sweep).split('   ')[1:], kept])}"


def html(sweep: Sweep) -> str:
    """The first rows; why points are refused."""
    swept = Swept(sweep, sweep.path)
    asked, partial = sweeping.asked(sweep), sweeping.interrupted(sweep)
    return page(
        _rows(swept),
        totals=[*sweeping.counts(sweep).split("   "), *filter(None, [partial])],
        notes=[*([asked] if asked else []), *sweeping.notes(swept)],
        end=words.convention(sweep.convention),
    )


def _rows(swept: Swept) -> str:
    sweep, names = swept.sweep, [*swept.swept, *swept.shown]
    title = " · ".join(filter(None, sweeping.title(swept)))
    columns = []
    for name in names:
        write = sweeping.writer(name)
        cells = sweeping.column(sweep, name, MOST_ROWS)
        columns.append([swept.value(name, cell) if name in swept.swept else write(cell) for cell in cells])
    header = [name if name in swept.swept else sweeping.TITLES.get(name, name) for name in names]
    equals = sweeping.alike(sweep, MOST_ROWS)
    if any(equals):
        header.append("alike")
        columns.append([f"+{words.exact(number)}" if number else "" for number in equals])
    rows = list(zip(*columns, strict=True))
    return table(title, header, "r" * len(header), rows, sweeping.row_count(sweep) - len(rows), sweeping.nothing(sweep))


def document(sweep: Sweep) -> bytes:
    """As `convcalc sweep` prints it."""
    return shared.document("sweep", Swept(sweep, sweep.path))


def frame(sweep: Sweep) -> Any:
    """A row a point that is kept."""
    return dataframe(typed_columns(sweep))
