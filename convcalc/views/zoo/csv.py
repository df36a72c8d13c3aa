"""The zoo as CSV: a line a network, raw integers."""

from __future__ import annotations

from collections.abc import Sequence

from convcalc.analysis.report import Totals
from convcalc.analysis.zoo import ZooNetwork
from convcalc.views import words
from convcalc.views.formats import csv
from convcalc.views.output import Output
from convcalc.views.zoo import shared

_TOTALS = tuple(name for name in Totals.__struct_fields__ if name not in ("macs_by_format", "bound_ps"))
_HEADER = ("name", "spec", "inputs", "outputs", *_TOTALS, *csv.FIELD, "variables", "source")


def write(networks: Sequence[ZooNetwork], out: Output) -> None:
    """The table, with its header."""
    out.text(csv.text([_HEADER, *map(_cells, networks)]))


def _cells(network: ZooNetwork) -> list[object]:
    return [
        *(network.name, network.spec),
        *(" ".join(map(words.shape, shapes.values())) for shapes in (network.inputs, network.outputs)),
        *(getattr(network.totals, name) for name in _TOTALS),
        *csv.field(network.receptive_field),
        "; ".join(shared.variables(network)),
        network.source,
    ]
