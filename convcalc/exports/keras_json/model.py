"""The config of a network: every layer's own layers of Keras, in the order they run."""

from __future__ import annotations

import json
from collections.abc import Mapping

from convcalc import steps
from convcalc.exports.errors import CannotWrite, Unwritten
from convcalc.exports.keras_json.graph import CannotSay, KerasGraph, KerasTensor
from convcalc.exports.keras_json.site import LayerSite, Layout, keras_writers
from convcalc.network import Network

LAYER_STEPS = 120
"""Steps that a layer takes."""


def config(network: Network) -> str:
    """The network as JSON.

    Raises:
        CannotWrite: Keras has no words for some layers, all of them named.
    """
    steps.spend(LAYER_STEPS * len(network.layers))
    names = _names(network)
    graph = KerasGraph(names)
    wanted = _wanted(network)
    tensors: dict[int, KerasTensor] = {}
    for place, node in enumerate(network.inputs):
        tensors[place] = graph.input(names[place], node.shape, is_last=wanted.get(place, "any") != "first")
    lacking: list[Unwritten] = []
    needed = _needed(network)
    for place, node in enumerate(network.layers, start=network.input_count):
        try:
            if place not in needed:
                raise CannotSay("nothing that leaves is made of it, and Keras leaves out such layers")
            tensors[place] = _layer(network, graph, place, names, tensors)
        except CannotSay as error:
            lacking.append(Unwritten(node.name, node.kind, node.line, str(error)))
            tensors[place] = KerasTensor("", 0, node.shape, len(node.shape) > 1)
    if lacking:
        raise CannotWrite(f"{len(lacking)} layers have no form in Keras", tuple(lacking))
    stated = {
        "name": plain_name(network.name) or "network",
        "trainable": True,
        "layers": [*graph.layers.values()],
        "input_layers": [[name, 0, 0] for name in names[: network.input_count]],
        "output_layers": [[tensors[place].layer, tensors[place].call, 0] for place in network.outputs],
    }
    model = {"module": "keras.src.models.functional", "class_name": "Functional"}  # as Keras itself names it
    return json.dumps({**model, "config": stated, "registered_name": "Functional"}, indent=1) + "\n"


def plain_name(name: str) -> str:
    """A name without what Keras refuses; a dot, its backend on torch alone."""
    return name.replace("/", "_").replace(".", "_")


def _names(network: Network) -> list[str]:
    """What every node is called, each by a name of its own."""
    names: dict[str, None] = {}
    for node in network.nodes:
        number, named = 2, plain_name(node.name)
        while named in names:
            named, number = f"{plain_name(node.name)}_{number}", number + 1
        names[named] = None
    return list(names)


def _needed(network: Network) -> set[int]:
    """The nodes of which what leaves is made."""
    needed = set(network.outputs)
    for place in reversed(range(len(network.nodes))):
        if place in needed:
            needed.update(network.nodes[place].inputs)
    return needed


def _wanted(network: Network) -> Mapping[int, Layout]:
    """Where inputs have their channels: as the first layer wants that minds, behind layers that do not."""
    writers = keras_writers()
    origin = {place: place for place in range(network.input_count)}
    wanted: dict[int, Layout] = {}
    for place, node in enumerate(network.layers, start=network.input_count):
        layout = writers[node.kind][0] if node.kind in writers else "any"
        for source in node.inputs:
            if source not in origin:
                continue
            if layout == "any":
                origin.setdefault(place, origin[source])
            else:
                wanted.setdefault(origin[source], layout)
    return wanted


def _layer(
    network: Network, graph: KerasGraph, place: int, names: list[str], tensors: Mapping[int, KerasTensor]
) -> KerasTensor:
    node = network.nodes[place]
    known = keras_writers().get(node.kind)
    if known is None:
        raise CannotSay("Keras has no such layer" if node.config.costed else "nothing says what it computes")
    layout, writer = known
    name = own_name = names[place]
    if node.borrowed:
        raise CannotSay("a layer of Keras has all of another's arrays, or none")
    if node.shared is not None:
        owner = network.nodes[node.shared]
        if owner.config != node.config:
            raise CannotSay(f"it shares the weights of {owner.name}, and has other fields")
        name = names[node.shared]
    entering = tuple(tensors[source] for source in node.inputs)
    if layout != "any":
        entering = tuple(graph.turned(tensor, is_last=layout == "last", name=own_name) for tensor in entering)
    is_positive = network.nodes[node.inputs[0]].config.bounds()[0] >= 0
    return writer(LayerSite(graph, name, own_name, node.config, entering, node.shape, is_positive))
