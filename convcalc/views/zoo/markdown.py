"""The zoo as a Markdown table."""

from __future__ import annotations

from collections.abc import Sequence

from convcalc.analysis.zoo import ZooNetwork
from convcalc.views import words
from convcalc.views.formats.markdown import code, table
from convcalc.views.output import Output
from convcalc.views.zoo import shared


def write(networks: Sequence[ZooNetwork], out: Output) -> None:
    """The table and what is counted in it."""
    rows = [
        (
            code(network.name),
            shared.inputs(network),
            words.exact(network.totals.params),
            words.exact(network.totals.macs),
            words.field(network.receptive_field),
            words.binary(network.totals.peak_activation_bytes),
            " ".join(map(code, shared.variables(network))),
        )
        for network in networks
    ]
    header = ("network", "input", "params", "MACs", "field", "peak activations", "variables")
    out.text("\n".join([*table(header, "lrrrrrl", rows), "", shared.convention(networks), ""]))
