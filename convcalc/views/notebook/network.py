"""A network: what enters and leaves it, and its params and MACs. Otherwise it is shown as its report."""

from __future__ import annotations

from typing import Any

from convcalc.analysis.analyze import analyze, costs
from convcalc.network import Network
from convcalc.views import words
from convcalc.views.notebook import report, shared


def line(network: Network) -> str:
    """Params and MACs as it is written, which takes no walk over fields and memory."""
    params, macs = _totals(network)
    uncosted = len(network.uncosted)
    figures = (f"{name} {words.at_least(words.exact(n), uncosted)}" for name, n in (("params", params), ("MACs", macs)))
    leaving = ", ".join(words.shape(network.nodes[index].shape) for index in network.outputs[:2])
    parts = [f"{shared.entering(network)} -> {leaving}", shared.counted(len(network.layers), "layer"), *figures]
    return f"{shared.brief(network.name)}: {', '.join(parts)}"


def _totals(network: Network) -> tuple[int, int]:
    params, macs = 0, 0
    known: dict[Any, tuple[int, int]] = {}
    for node in network.layers:
        key = node.config, network.shapes_into(node), node.borrowed_names
        if key not in known:
            own, _, products, _ = costs(*key)
            known[key] = own, products
        params += known[key][0] if node.shared is None else 0
        macs += known[key][1]
    return params, macs


def html(network: Network) -> str:
    """As its report."""
    return report.html(analyze(network))


def document(network: Network) -> bytes:
    """As `convcalc analyze` prints it."""
    return report.document(analyze(network))


def frame(network: Network) -> Any:
    """As its report."""
    return report.frame(analyze(network))
