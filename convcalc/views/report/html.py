"""Networks as one HTML page that opens from disk, asks for nothing else, and runs no script from elsewhere."""

from __future__ import annotations

from convcalc.views import words
from convcalc.views.output import Output
from convcalc.views.pictures.page import page
from convcalc.views.pictures.record import record
from convcalc.views.report.shared import Depicted

STYLES = ("page.css", "graph.css", "table.css", "charts.css", "details.css")
SCRIPTS = (
    "vendored/dagre.js",
    "vendored/echarts.js",
    *(
        f"scripts/{name}.js"
        for name in ("state", "theme", "format", "visible", "drawing", "graph", "table", "details", "charts", "page")
    ),
)


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
