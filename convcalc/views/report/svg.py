"""Networks as a picture: the graph with what it costs, as one file of SVG that asks for nothing else."""

from __future__ import annotations

from convcalc.views import words
from convcalc.views.formats.json import readable
from convcalc.views.output import Output
from convcalc.views.pictures.engine import ScriptEngine
from convcalc.views.pictures.record import record
from convcalc.views.pictures.style import in_both
from convcalc.views.report.shared import Depicted, check_size

SCRIPTS = ("dagre", "state", "format", "amounts", "lettering", "visible", "columns", "layout", "drawing", "picture")
ROOM = {"width": 800, "height": 400}
"""What a picture in columns may take, in pixels: a README is about so wide."""


def write(depicted: Depicted, out: Output) -> None:
    """The picture, light or dark as whoever looks at it prefers.

    Raises:
        TooLargeToDraw: more is open than can be looked at.
    """
    report = depicted.report
    network = record(report, depicted.path)
    check_size(network, depicted.open)
    name, shapes, _ = words.title(report, depicted.path)
    options = {
        "open": depicted.open,
        "mode": depicted.color_by,
        "room": ROOM,
        "style": in_both("drawing.css"),
        "title": name,
        "beside": shapes,
        "caption": [" · ".join(words.total_parts(report)), words.convention(report.convention), *words.notes(report)],
    }
    out.utf8(ScriptEngine(SCRIPTS).call("convcalc.picture", readable(network), options))
