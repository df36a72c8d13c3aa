"""What a rule of a counter may ask of a layer: its fields and shapes, our costs, and its place in the network."""

from __future__ import annotations

from typing import Any

import msgspec

from convcalc.analysis.analyze import costs
from convcalc.analysis.framing import framed, pads_of
from convcalc.arithmetic.number import product
from convcalc.counters.calls import calls_of
from convcalc.layers import Kind, Shape
from convcalc.network import Network, Node

Facts = dict[str, Any]
"""Values by the names that `convcalc.counters.facts` lists."""


class AskedLayer(msgspec.Struct, frozen=True):
    """A layer with what rules ask of it; layers that are alike have the same `number`."""

    number: int
    call: str
    facts: Facts
    is_shared: bool


def asked_layers(network: Network, batch: int = 1) -> list[AskedLayer]:
    """What rules may ask of each layer, of so many samples at once; what layers have in common is worked out once."""
    nodes, gradients, alone = network.nodes, _gradients(network), _only_readers(network)
    known: dict[Any, tuple[int, Facts]] = {}
    layers = []
    for index, (node, call) in enumerate(zip(network.layers, calls_of(network), strict=True), network.input_count):
        reader = alone[index]
        after = nodes[reader] if reader is not None else None
        source = node.inputs[0] if node.inputs else None
        before = nodes[source] if source is not None and alone[source] is not None else None
        wanted = tuple(gradients[place] for place in node.inputs)
        shapes = network.shapes_into(node)
        key = node.config, shapes, call, before and before.config, after and after.config, wanted
        if key not in known:
            name = call.partition("(")[0].rpartition(".")[2]
            around = {"callee": name, "gradients": wanted, "batch": batch}
            beside = _neighbour("before", before) | _neighbour("after", after)
            known[key] = len(known), layer_facts(node.config, shapes, node.shape) | beside | around
        layers.append(AskedLayer(known[key][0], call, known[key][1], node.shared is not None))
    return layers


def _only_readers(network: Network) -> list[int | None]:
    """For each node the layer that alone reads it, once; None where there is none, or it leaves the network.

    A layer that holds what it gives, a `parameter`, stands behind another and reads nothing of it.
    """
    readers: list[list[int]] = [[] for _ in network.nodes]
    for index, node in enumerate(network.layers, network.input_count):
        for source in () if node.config.holds_output else node.inputs:
            readers[source].append(index)
    leaving = frozenset(network.outputs)
    return [reading[0] if len(reading) == 1 and index not in leaving else None for index, reading in enumerate(readers)]


def _gradients(network: Network) -> list[int]:
    """For each node 1 if its output depends on something learned, so that it has a gradient in training, else 0."""
    gradients: list[int] = []
    for node in network.nodes:
        learned = not node.is_input and bool(node.config.weights(*network.shapes_into(node)))
        gradients.append(int(learned or any(gradients[source] for source in node.inputs)))
    return gradients


def _neighbour(side: str, node: Node | None) -> Facts:
    """The kind of the layer on that side, empty where there is none, and its fields, as in ``before_bias``."""
    if node is None:
        return {side: ""}
    fields = {f"{side}_{name}": getattr(node.config, name) for name in node.config.__struct_fields__}
    return {side: node.kind, **fields}


def layer_facts(config: Kind, shapes: tuple[Shape, ...], output: Shape) -> Facts:
    """Those of a layer by itself: see `convcalc.counters.facts`."""
    params, buffers, macs, elementwise_ops = costs(config, shapes)
    entering = shapes[0] if shapes else (0,)
    fields = {name: getattr(config, name) for name in config.__struct_fields__}
    sizes = {
        f"{side}_{name}": value
        for side, shape in (("in", entering), ("out", output))
        for name, value in (
            ("elements", product(shape)),
            ("channels", shape[0]),
            ("positions", product(shape[1:])),
            ("sizes", shape[1:]),
        )
    }
    frame = framed(config, entering, output)
    inside = output if config.is_transposed else entering
    return {
        **fields,
        **sizes,
        "params": params,
        "buffers": buffers,
        "macs": macs,
        "elementwise_ops": elementwise_ops,
        "entering": sum(map(product, shapes)),
        "inputs": len(shapes),
        "shapes": shapes,
        "taps": product(fields.get("kernel_size", ())),
        "pads": tuple(pads_of(config, entering)),
        "is_framed": frame is not None,
        "framed_elements": product(frame or inside),
        "features": entering[-1],
        "rows": product(entering[:-1]),
        "rank": len(entering) - 1,
    }
