"""The zoo for the terminal, as wide as it is and no wider."""

from __future__ import annotations

from collections.abc import Sequence

from convcalc.analysis.zoo import ZooNetwork
from convcalc.views import words
from convcalc.views.columns import GAP, Column, first_words, needed, print_list, show
from convcalc.views.formats import terminal
from convcalc.views.output import Output
from convcalc.views.zoo import shared

_NARROWEST_SOURCE = 40
"""Characters of a source that are worth a column."""


def write(networks: Sequence[ZooNetwork], out: Output) -> None:
    """A line a network; its variables in it where all of it fits, else below."""
    console = out.console
    columns = [
        Column("network", [network.name for network in networks], "left", "bold"),
        Column("input", [shared.inputs(network) for network in networks], rank=3),
        Column("params", [words.exact(network.totals.params) for network in networks], rank=1),
        Column("MACs", [words.scaled(network.totals.macs) for network in networks]),
        Column("field", [words.field(network.receptive_field) for network in networks], rank=2),
        Column("peak", [words.binary(network.totals.peak_activation_bytes) for network in networks], rank=4),
    ]
    variables = Column("variables", [", ".join(shared.variables(network)) for network in networks], "left", "cyan")
    beside = needed([*columns, variables]) + GAP + _NARROWEST_SOURCE <= console.width
    if beside:
        columns.append(variables)
    sources = [shared.publication(network) for network in networks]
    if console.width - needed(columns) - GAP >= _NARROWEST_SOURCE:
        columns.append(Column("source", sources, "left", "dim", 6, first_words))
    show(console, columns)
    if not beside:
        console.print()
        rows = [(network.name, ", ".join(shared.variables(network))) for network in networks if network.variables]
        print_list(console, rows, ("bold", "cyan"), ("network", "variables, for --set"))
    first = networks[0].name
    advice = f"`convcalc analyze zoo:{first}` has the layers of one, `convcalc zoo {first}` its spec"
    console.print(terminal.line(advice))
    console.print(terminal.line(shared.convention(networks), style="dim"))
