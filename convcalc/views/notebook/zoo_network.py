"""A network of the zoo, in a line."""

from __future__ import annotations

from convcalc.analysis.zoo import ZooNetwork
from convcalc.views import words
from convcalc.views.notebook import shared


def line(network: ZooNetwork) -> str:
    """What enters it, and its totals."""
    shapes = ", ".join(map(words.shape, network.inputs.values()))
    totals = f"params {words.exact(network.totals.params)}, MACs {words.exact(network.totals.macs)}"
    return f"{shared.brief(network.spec)}: {shapes}, {totals}"
