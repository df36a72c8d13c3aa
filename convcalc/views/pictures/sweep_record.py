"""A sweep as the scripts of its page read it: its rows as columns, and the chart of two of them."""

from __future__ import annotations

from convcalc.views import words
from convcalc.views.formats.json import Record, filled
from convcalc.views.pictures.charts.scatter import scatter
from convcalc.views.pictures.sweep_columns import alike_of, column_of
from convcalc.views.pictures.sweep_rows import Shown
from convcalc.views.sweep.shared import Swept
from convcalc.visible import visible

MOST_ROWS = 100_000
"""Rows of a page: a browser opens so many in a few seconds."""


def record(swept: Swept, view: Shown) -> Record:
    """All that scripts know of a sweep.

    `columns` are those of `convcalc.views.pictures.sweep_columns`, for so many rows as `count`. `numbers` are the rows
    of the sweep that these are, from 0 on, where some are left out. `x` and `y` are the columns that are drawn first,
    and `chart` is how, without its points, which the columns have.
    """
    sweep = swept.sweep
    columns = [column_of(swept, name, view.rows) for name in sweep.columns]
    columns += [alike_of(sweep, view.rows)] if sweep.pareto and any(sweep.like) else []
    names = [column.name for column in columns]
    chart = scatter(view)
    for series in chart["option"]["series"]:
        series["data"] = []
    asked = f"All rows are on the front of {visible(', '.join(sweep.pareto))}." if sweep.pareto else ""
    return {
        "count": len(view.rows),
        **filled(numbers=None if len(view.rows) == view.of_all else view.rows, asked=asked),
        "columns": [column.record() for column in columns],
        "x": names.index(view.x.name),
        "y": names.index(view.y.name),
        "chart": chart,
    }


def left_out(view: Shown) -> str:
    """How many rows a page has of how many, and why; empty where it has all."""
    count, of_all = len(view.rows), view.of_all
    if count == of_all:
        return ""
    front = f" and the front of {view.x.title} and {view.y.title}" if view.front else ""
    return (
        f"This page has {words.exact(count)} of {words.exact(of_all)} rows, so that a browser can open it: some at "
        f"equal distances{front}. Other fronts are those of the rows on the page. `-o rows.csv` writes all rows, "
        "`--pareto` and `--top` keep fewer."
    )
