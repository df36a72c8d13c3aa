"""Networks as one HTML page that opens from disk, asks for nothing else, and runs no script from elsewhere."""

from __future__ import annotations

from convcalc.views import words
from convcalc.views.formats.json import Record
from convcalc.views.output import Output
from convcalc.views.pictures.blocks import blocks
from convcalc.views.pictures.charts import charts
from convcalc.views.pictures.explanations import explanations
from convcalc.views.pictures.findings import findings
from convcalc.views.pictures.headline import headline
from convcalc.views.pictures.page import page
from convcalc.views.pictures.record import record
from convcalc.views.report.shared import Depicted

STYLES = (*("page.css", "drawing.css", "graph.css", "rows.css", "table.css", "charts.css", "details.css", "print.css"),)
SCRIPTS = (
    "vendored/dagre.js",
    "vendored/echarts.js",
    *(f"scripts/{name}.js" for name in ("state", "theme", "format", "keys", "rows")),
    *(
        f"scripts/{name}.js"
        for name in (
            *("amounts", "lettering", "visible", "columns", "layout", "drawing", "graph"),
            *("table", "elements", "formulas", "findings", "details"),
            *("plot", "field", "charts", "page", "address"),
        )
    ),
)


def write(depicted: Depicted, out: Output) -> None:
    """The page."""
    report = depicted.report
    name, shapes, spec = words.title(report, depicted.path)
    network = _network(depicted)
    text = page(
        "network.html",
        {"networks": [network]},
        styles=STYLES,
        scripts=SCRIPTS,
        title=name,
        shapes=shapes,
        spec=spec,
        figures=headline(report),
        blocks=blocks(report, network),
        command=depicted.command,
        convention=words.convention(report.convention),
        notes=words.notes(report),
    )
    out.utf8(text)


def _network(depicted: Depicted) -> Record:
    """The record of the network, with what is only read on a page."""
    network = record(depicted.report, depicted.path)
    return {
        **network,
        "open": depicted.open,
        "mode": depicted.color_by,
        "charts": charts(depicted.report),
        "explanations": explanations(depicted.report),
        "findings": findings(network, depicted.findings),
    }
