"""The totals of a network whose numbers may vary: those of `convcalc.analyze`, and what budgets call them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from convcalc.analysis.analyze import alive_bytes, costs_in
from convcalc.analysis.bounds import times
from convcalc.analysis.terms import Terms
from convcalc.analysis.traffic import Traffic, buffer_bytes, traffic_of
from convcalc.arithmetic.varying import largest, maximum, ratio, total
from convcalc.network import Network

FIELD = "receptive_field"
OUTPUT = "output"
COUNTED = ("params", "buffers", "macs", "elementwise_ops")
TOTALS = (
    *COUNTED, "flops", "weight_bytes", "buffer_bytes", "activation_bytes", "peak_activation_bytes", "bit_operations",
    OUTPUT,
)  # fmt: skip
"""The totals of a point, without its field."""
MEMORIES = ("sram", "flash")
"""What activations and what weights and buffers must fit into, as budgets name it."""
BOUND_PS, BOUND_MS = "bound_ps", "bound_ms"
BOUNDS = (BOUND_PS, BOUND_MS)
"""The least time on a device."""
ASKABLE = (*TOTALS, *MEMORIES, *BOUNDS, FIELD)
"""All that an expression may name, on some terms."""
_PS_IN_MS = 10**9

LayerCosts = Sequence[Any]
"""Params, buffers, MACs, element-wise operations, bytes of weights and bit operations of one layer and sample."""


def shown_totals(terms: Terms, named: Collection[str]) -> tuple[str, ...]:
    """The totals that a sweep has columns of: on a device those that it limits, and else those of them it is asked."""
    more = [name for name in (*MEMORIES, *BOUNDS) if name in named or terms.device is not None]
    return (*TOTALS, *more, *([FIELD] if FIELD in named else []))


def layer_costs(network: Network, terms: Terms) -> list[LayerCosts]:
    """What each layer costs by itself."""
    return [
        costs_in(terms.formats(node), node.config, network.shapes_into(node), node.borrowed_names)
        for node in network.layers
    ]


def totals_of(network: Network, layers: Sequence[LayerCosts], terms: Terms) -> dict[str, Any]:
    """As `convcalc.analyze` has them, by name.

    Raises:
        ValueError: the device has no peak for a format that is used.
    """
    owned = [costs for node, costs in zip(network.layers, layers, strict=True) if node.shared is None]
    params, buffers = total(costs[0] for costs in owned), total(costs[1] for costs in owned)
    macs, elementwise_ops = (total(costs[index] for costs in layers) * terms.batch for index in (2, 3))
    moved = [traffic_of(network, node, terms, *costs[4:]) for node, costs in zip(network.layers, layers, strict=True)]
    weight_bytes, activation_bytes, bit_operations = (total(traffic[index] for traffic in moved) for index in (1, 2, 3))
    kept = total(buffer_bytes(network, node, terms) for node in network.layers)
    peak = largest(alive_bytes(network, terms))
    return {
        "params": params,
        "buffers": buffers,
        "macs": macs,
        "elementwise_ops": elementwise_ops,
        "flops": 2 * macs + elementwise_ops,
        "weight_bytes": weight_bytes,
        "buffer_bytes": kept,
        "activation_bytes": activation_bytes,
        "peak_activation_bytes": peak,
        "bit_operations": bit_operations,
        OUTPUT: network.nodes[network.outputs[0]].shape if network.outputs else None,
        "sram": peak,
        "flash": weight_bytes + kept,
        **_bounds(network, layers, moved, terms),
    }


def _bounds(network: Network, layers: Sequence[LayerCosts], moved: Sequence[Traffic], terms: Terms) -> dict[str, Any]:
    """The least time on the device, where there is one."""
    if terms.device is None:
        return {}
    device, batch = terms.device, terms.batch
    picoseconds = total(
        maximum(*times(network, node, terms, device, costs[2] * batch, costs[3] * batch, traffic))
        for node, costs, traffic in zip(network.layers, layers, moved, strict=True)
    )
    return {BOUND_PS: picoseconds, BOUND_MS: ratio(picoseconds, _PS_IN_MS)}
