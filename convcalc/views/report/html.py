"""Networks as one HTML page that opens from disk, asks for nothing else, and runs no script from elsewhere."""

from __future__ import annotations

from convcalc import steps
from convcalc.views import words
from convcalc.views.compare import shared
from convcalc.views.formats.json import Record
from convcalc.views.output import Output
from convcalc.views.pictures import sides as beside
from convcalc.views.pictures.blocks import blocks
from convcalc.views.pictures.charts import charts
from convcalc.views.pictures.explanations import explanations
from convcalc.views.pictures.findings import findings
from convcalc.views.pictures.headline import headline
from convcalc.views.pictures.page import page
from convcalc.views.pictures.record import record
from convcalc.views.report.shared import Depicted, SideBySide, check_size

STYLES = (*("page.css", "drawing.css", "graph.css", "rows.css", "table.css", "charts.css", "details.css", "print.css"),)
SCRIPTS = (
    "vendored/dagre.js",
    "vendored/echarts.js",
    *(f"scripts/{name}.js" for name in ("state", "theme", "format", "elements", "keys", "rows")),
    *(
        f"scripts/{name}.js"
        for name in (
            *("amounts", "lettering", "visible", "columns", "layout", "drawing", "graph"),
            *("table", "formulas", "findings", "details"),
            *("plot", "field", "charts", "page", "address", "paper"),
        )
    ),
)

SIDES = ("pairing", "differences", "changes", "sides")
"""The scripts of a page with several networks, which the script that puts it together begins with."""


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


def write_sides(depicted: SideBySide, out: Output) -> None:
    """The page of several networks: the first, and beside it another at a time."""
    sides, base = depicted.sides, depicted.networks[0]
    first, *others = map(_afresh, depicted.networks)
    networks = [first, *(map(beside.of_variant, others) if sides.variants else others)]
    compared = list(beside.compared(sides))
    _, shapes, spec = words.title(base.report, sides.path)
    before = SCRIPTS.index("scripts/page.js")
    text = page(
        "sides.html",
        {"networks": networks, "sides": {"marks": beside.MARKS, "heads": beside.heads(sides, networks)}},
        styles=(*STYLES, "sides.css"),
        scripts=(*SCRIPTS[:before], *(f"scripts/{name}.js" for name in SIDES), *SCRIPTS[before:]),
        title=beside.title(sides),
        shapes=shapes,
        spec=spec,
        base=sides.label,
        heads=[beside.summary(sides, candidate, comparison) for _, candidate, comparison in compared],
        ranking=beside.ranking(sides) if len(sides.candidates) > 1 else None,
        key=beside.legend(sides),
        command=base.command,
        convention=shared.convention(sides),
    )
    out.utf8(text)


def _afresh(depicted: Depicted) -> Record:
    """The record of a network that stands beside others, which is worked out as if it were alone."""
    with steps.afresh():
        return _network(depicted)


def _network(depicted: Depicted) -> Record:
    """The record of the network, with what is only read on a page."""
    network = record(depicted.report, depicted.path)
    check_size(network, depicted.open)
    return {
        **network,
        "open": depicted.open,
        "mode": depicted.color_by,
        "charts": charts(depicted.report),
        "explanations": explanations(depicted.report),
        "findings": findings(network, depicted.report.network, depicted.findings),
    }
