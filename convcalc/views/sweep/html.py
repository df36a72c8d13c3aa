"""Sweeps as one HTML page: a scatter with the front of any two columns, and a table, each row a point of it."""

from __future__ import annotations

from convcalc.sweeping.axes import Space
from convcalc.sweeping.record import Sweep
from convcalc.views import words
from convcalc.views.output import Output
from convcalc.views.pictures.headline import HeadFigure
from convcalc.views.pictures.page import page
from convcalc.views.pictures.sweep_record import MOST_ROWS, left_out, record
from convcalc.views.pictures.sweep_rows import shown
from convcalc.views.sweep import shared
from convcalc.views.sweep.shared import Swept
from convcalc.visible import short

STYLES = ("page.css", "rows.css", "sweep.css", "print.css")
SCRIPTS = ("state", "theme", "format", "keys")
"""What any page has; the others are for one with rows."""
OF_ROWS = ("elements", "plot", "rows", "sweep", "scatter", "sweep_page", "sweep_address")


def write(swept: Swept, out: Output) -> None:
    """The page; of more rows than a browser can open it has some, and says so."""
    sweep = swept.sweep
    view = shown(swept, MOST_ROWS)
    name, points, path = shared.title(swept)
    scripts = [f"scripts/{script}.js" for script in (*SCRIPTS, *(OF_ROWS if view else ()))]
    text = page(
        "sweep.html",
        {"sweep": record(swept, view)} if view else {},
        styles=STYLES,
        scripts=["vendored/echarts.js", *scripts] if view else scripts,
        title=name,
        points=points,
        spec=path,
        asked=shared.queries(sweep),
        partial=shared.interrupted(sweep),
        figures=_figures(sweep),
        convention=words.convention(sweep.convention),
        notes=[text for text in (left_out(view) if view else "", shared.unmoved(sweep)) if text],
        nothing="" if view else shared.nothing(sweep),
        again=swept.again,
        refusals=_refusals(swept),
        refused_points=[(short(swept.point(point)), short(reason)) for point, reason in sweep.refused_points],
    )
    out.utf8(text)


def _figures(sweep: Sweep) -> list[HeadFigure]:
    """How many points there were, and what became of them."""
    of_all = (f"of {words.exact(sweep.points)}",) if sweep.is_partial else ()
    figures = [HeadFigure("points", words.exact(sweep.done), of_all)]
    figures += [HeadFigure("satisfy", words.exact(sweep.satisfying))] if sweep.where else []
    figures += [HeadFigure("refused", words.exact(sweep.refused))] if sweep.refused else []
    kept = shared.row_count(sweep)
    return [*figures, *([HeadFigure("kept", words.exact(kept))] if kept != sweep.satisfying else [])]


def _refusals(swept: Swept) -> list[tuple[str, str, str]]:
    space = Space(swept.sweep.axes)
    return [
        (short(refusal.message), words.exact(refusal.count), short(swept.point(space.point(refusal.first))))
        for refusal in swept.sweep.refusals
    ]
