"""Networks as one HTML page that opens from disk, asks for nothing else, and runs no script from elsewhere."""

from __future__ import annotations

from convcalc.views import words
from convcalc.views.compare import shared
from convcalc.views.output import Output
from convcalc.views.pictures import sides as beside
from convcalc.views.pictures.page import page
from convcalc.views.pictures.record import record
from convcalc.views.report.shared import Depicted, SideBySide

STYLES = ("page.css", "graph.css", "table.css", "charts.css", "details.css")
SCRIPTS = (
    "vendored/dagre.js",
    "vendored/echarts.js",
    *(
        f"scripts/{name}.js"
        for name in ("state", "theme", "format", "visible", "drawing", "graph", "table", "details", "charts", "page")
    ),
)

OF_SIDES = (*SCRIPTS[:-1], *(f"scripts/{name}.js" for name in ("rows", "pairing", "changes", "sides")), SCRIPTS[-1])


def write(depicted: Depicted, out: Output) -> None:
    """The page."""
    report = depicted.report
    name, shapes, spec = words.title(report, depicted.path)
    text = page(
        "network.html",
        {"networks": [record(report, depicted.path)]},
        styles=STYLES,
        scripts=SCRIPTS,
        title=name,
        shapes=shapes,
        spec=spec,
        totals=words.total_parts(report),
        convention=words.convention(report.convention),
        notes=words.notes(report),
    )
    out.utf8(text)


def write_sides(depicted: SideBySide, out: Output) -> None:
    """The page of several networks: the first, and beside it another at a time."""
    sides, base = depicted.sides, depicted.networks[0]
    networks = [record(network.report, network.path) for network in depicted.networks]
    compared = list(beside.compared(sides))
    _, shapes, spec = words.title(base.report, sides.path)
    text = page(
        "sides.html",
        {"networks": networks, "sides": {"marks": beside.MARKS, "heads": beside.heads(sides, networks)}},
        styles=(*STYLES, "sides.css"),
        scripts=OF_SIDES,
        title=beside.title(sides),
        shapes=shapes,
        spec=spec,
        base=sides.label,
        heads=[beside.summary(sides, candidate, comparison) for _, candidate, comparison in compared],
        ranking=beside.ranking(sides) if len(sides.candidates) > 1 else None,
        key=beside.legend(sides),
        convention=shared.convention(sides),
    )
    out.utf8(text)
