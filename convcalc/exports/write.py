"""A network as an ONNX model: every layer's own ONNX form, in the order the layers run, the batch axis in front."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

import numpy as np
from onnx import GraphProto, ModelProto, TensorProto, ValueInfoProto, defs, helper, numpy_helper

from convcalc import steps
from convcalc.exports.layer import Layer
from convcalc.layers import Array, NoOnnxForm, Shape
from convcalc.network import Network, Node
from convcalc.version import __version__

OPSET = 21
"""The version of ONNX's operators that is written: the first in which every form here means what it should."""

MOST_BYTES = 2**31 - 2**20
"""Bytes of arrays that a model may hold: a file of protocol buffers holds 2 GiB."""

WEIGHTS_FILE = "weights.bin"
"""Where a model without its arrays says they are, unless told: a file of this name beside it."""

LAYER_STEPS = 120
"""Steps that the operators of a layer take."""
NUMBERS_A_STEP = 60
"""Numbers of an array that are drawn and written in a step."""

Arrays = Callable[[int], Mapping[str, Array]]
"""The arrays of the node at an index, by name: learned ones and buffers."""


class Unwritten(NamedTuple):
    """A layer that has no ONNX form, and why."""

    layer: str
    kind: str
    line: int
    reason: str


class CannotWrite(ValueError):
    """A network that cannot be written; `layers` are those without an ONNX form, if that is why."""

    def __init__(self, message: str, layers: tuple[Unwritten, ...] = ()) -> None:
        super().__init__(message)
        self.layers = layers


class TooLarge(CannotWrite):
    """Arrays that one file does not hold; the network can be written without them, or with them beside it."""


def model(
    network: Network,
    arrays: Arrays | None = None,
    *,
    dtype: str = "float32",
    batch: int | str = 1,
    opset: int = OPSET,
    every_layer: bool = False,
    weights_file: str = WEIGHTS_FILE,
) -> ModelProto:
    """The network as a model; `batch` is a size or the name of one that is open.

    A node has the name of its layer, an array the name of its layer and its own (``stem.weight``); arrays that layers
    share are there once. Without `arrays` the model says their shapes, and that their numbers are in `weights_file`,
    one after the other. `every_layer`: the tensors of all layers are outputs.
    """
    if not OPSET <= opset <= defs.onnx_opset_version():
        raise CannotWrite(f"opset {opset}; legal here: {OPSET} to {defs.onnx_opset_version()}")
    steps.spend(LAYER_STEPS * len(network.layers))
    layers = _written(network, dtype)
    held = _held(network, layers)
    leaving = network.layers if every_layer else [network.nodes[index] for index in dict.fromkeys(network.outputs)]
    named = {node.name for node in leaving}
    opsets = [helper.make_opsetid("", opset)]
    written = helper.make_model(
        GraphProto(name=network.name or "network", doc_string=network.source),
        opset_imports=opsets,
        ir_version=helper.find_min_ir_version_for(opsets),
        producer_name="convcalc",
        producer_version=__version__,
    )
    graph = written.graph  # filled where it is: what is put into it is copied, and let go of
    for layer in layers:
        graph.node.extend(layer.nodes)
        layer.nodes.clear()
    graph.initializer.extend(
        _without_numbers(held, dtype, weights_file) if arrays is None else _with_numbers(held, arrays, dtype)
    )
    graph.input.extend(_value(node, dtype, batch) for node in network.inputs)
    graph.output.extend(_value(node, dtype, batch) for node in leaving)
    graph.value_info.extend(_value(node, dtype, batch) for node in network.layers if node.name not in named)
    return written


def _written(network: Network, dtype: str) -> list[Layer]:
    """The operators of every layer; all that have none are named at once."""
    layers, lacking = [], []
    for node in network.layers:
        owner = _owner(network, node)
        layer = Layer(node.name, owner.name, dtype, _borrowed(network, node) if node is owner else None)
        entering = [network.nodes[source] for source in node.inputs]
        names, shapes = tuple(each.name for each in entering), tuple(each.shape for each in entering)
        try:
            layer.ends_at(node.config.onnx(layer, names, shapes))
        except NoOnnxForm as error:
            lacking.append(Unwritten(node.name, node.kind, node.line, str(error)))
        layers.append(layer)
    if lacking:
        said = "; ".join(
            f"{layer.layer} ({layer.kind}{f', line {layer.line}' if layer.line else ''}): {layer.reason}"
            for layer in lacking
        )
        raise CannotWrite(f"no exact ONNX form for {said}", tuple(lacking))
    return layers


def _owner(network: Network, node: Node) -> Node:
    """The layer whose arrays a layer uses."""
    return node if node.shared is None else network.nodes[node.shared]


def _borrowed(network: Network, node: Node) -> dict[str, tuple[str, Shape, Shape]]:
    """The arrays of a layer that are those of others: what they are called, their shape, and the shape needed."""
    arrays = {}
    for array in node.borrowed:
        owner = network.nodes[array.owner]
        shape, wanted = network.arrays_of(owner)[array.array], network.arrays_of(node)[array.name]
        arrays[array.name] = f"{owner.name}.{array.array}", shape, wanted
    return arrays


class _Held(NamedTuple):
    """An array of the model: the first layer that uses it, and what that layer calls it."""

    place: int
    name: str
    shape: Shape


def _held(network: Network, layers: list[Layer]) -> dict[str, _Held]:
    """Every array that an operator uses, once, by its name in the model."""
    found: dict[str, _Held] = {}
    for place, layer in enumerate(layers, start=network.input_count):
        node = network.nodes[place]
        for name, shape in network.arrays_of(node).items():
            if name in layer.used and name not in _owner(network, node).borrowed_names:
                found.setdefault(f"{layer.owner}.{name}", _Held(place, name, shape))
    return found


def _with_numbers(held: dict[str, _Held], arrays: Arrays, dtype: str) -> Iterator[TensorProto]:
    count = sum(math.prod(each.shape) for each in held.values())
    steps.spend(count // NUMBERS_A_STEP)
    size = count * np.dtype(dtype).itemsize
    if size > MOST_BYTES:
        raise TooLarge(f"the arrays are {size:,} bytes, and an ONNX file holds {MOST_BYTES:,}")
    for name, each in held.items():
        array = arrays(each.place)[each.name]
        if array.shape != each.shape:
            raise CannotWrite(f"{name} is an array of {list(array.shape)}, where {list(each.shape)} is needed")
        yield numpy_helper.from_array(np.ascontiguousarray(array, dtype), name)


def _without_numbers(held: dict[str, _Held], dtype: str, weights_file: str) -> Iterator[TensorProto]:
    offset = 0
    for name, each in held.items():
        tensor = TensorProto(
            name=name, data_type=_element_type(dtype), dims=each.shape, data_location=TensorProto.EXTERNAL
        )
        length = math.prod(each.shape) * np.dtype(dtype).itemsize
        for key, value in {"location": weights_file, "offset": offset, "length": length}.items():
            tensor.external_data.add(key=key, value=str(value))
        offset += length
        yield tensor


def _value(node: Node, dtype: str, batch: int | str) -> ValueInfoProto:
    return helper.make_tensor_value_info(node.name, _element_type(dtype), (batch, *node.shape))


def _element_type(dtype: str) -> int:
    return int(helper.np_dtype_to_tensor_dtype(np.dtype(dtype)))
