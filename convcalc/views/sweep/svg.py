"""Sweeps as a picture: the rows as points over two columns, with the front of these."""

from __future__ import annotations

from convcalc.views.output import Output
from convcalc.views.pictures.charts.scatter import scatter
from convcalc.views.pictures.plot import svg
from convcalc.views.pictures.sweep_rows import NothingToShow, shown
from convcalc.views.sweep import shared
from convcalc.views.sweep.shared import Swept

MOST_ROWS = 5_000
"""Points of a picture, of which no more could be told apart."""


def write(swept: Swept, out: Output) -> None:
    """The picture; of more points than can be told apart some at equal distances, and the front of all.

    Raises:
        NothingToShow: there is no row.
    """
    view = shown(swept, MOST_ROWS)
    if view is None:
        raise NothingToShow(shared.nothing(swept.sweep))
    out.utf8(svg(scatter(view)))
