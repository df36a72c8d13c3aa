"""A network as an ONNX model: every layer's own ONNX form, in the order the layers run, the batch axis in front.

A model with its arrays is there in pieces only, so that no more than one array is in memory at a time.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping

import numpy as np
from onnx import GraphProto, ModelProto, TensorProto, ValueInfoProto, defs, helper

from convcalc import steps
from convcalc.exports.errors import CannotWrite, Unwritten
from convcalc.exports.onnx.layer import OPSET as OPSET
from convcalc.exports.onnx.layer import LayerOperators
from convcalc.files import Part
from convcalc.layers import UNSIZED, Array, NoOnnxForm, Shape
from convcalc.network import Network, Node
from convcalc.version import __version__

LEAST_OPSET, NEWEST_OPSET = 13, 28
"""The versions of ONNX's operators that can be written."""

DOMAIN, STAND_IN = "convcalc", "Opaque"
"""The operator that stands for a layer of unknown cost; its `shape` is that of its output without the batch."""

MOST_BYTES = 2**31 - 2**20
"""Bytes of arrays that a model may hold: a file of protocol buffers holds 2 GiB."""

WEIGHTS_FILE = "weights.bin"
"""The file beside a model without its arrays in which it says they are, where no other is named."""

LAYER_STEPS = 120
"""Steps that the operators of a layer take."""
NUMBERS_A_STEP = 60
"""Numbers of an array that are drawn and written in a step."""

Arrays = Callable[[int], Mapping[str, Array]]
"""The arrays of the node at an index, by name: learned ones and buffers. Nodes are asked for in order."""


class FileTooLarge(CannotWrite):
    """Arrays that one file does not hold; the network can be written without them, or with them beside it."""


def model(
    network: Network,
    *,
    dtype: str = "float32",
    batch: int | str = 1,
    opset: int = OPSET,
    every_layer: bool = False,
    weights_file: str = WEIGHTS_FILE,
    stand_ins: bool = False,
) -> ModelProto:
    """The network as a model without the numbers of its arrays; `batch` is a size or the name of one that is open.

    A node has the name of its layer, an array the name of its layer and its own (``stem.weight``); arrays that layers
    share are there once. The model says their shapes, and that their numbers are in `weights_file`, one after the
    other. `every_layer`: the tensors of all layers are outputs. `stand_ins`: layers of unknown cost are operators of a
    domain of our own, which no runtime has.
    """
    newest = min(NEWEST_OPSET, defs.onnx_opset_version())
    if not LEAST_OPSET <= opset <= newest:
        raise CannotWrite(f"opset {opset}; legal here: {LEAST_OPSET} to {newest}")
    steps.spend(LAYER_STEPS * len(network.layers))
    layers = _written(network, dtype, opset, stand_ins=stand_ins)
    held = _array_shapes(network, layers)
    leaving = network.layers if every_layer else [network.nodes[index] for index in dict.fromkeys(network.outputs)]
    named = {node.name for node in leaving}
    opsets = [helper.make_opsetid("", opset)]
    version = helper.find_min_ir_version_for(opsets)
    if any(node.domain == DOMAIN for layer in layers for node in layer.nodes):
        opsets.append(helper.make_opsetid(DOMAIN, 1))
    written = helper.make_model(
        GraphProto(name=network.name or "network", doc_string=network.source),
        opset_imports=opsets,
        ir_version=version,
        producer_name="convcalc",
        producer_version=__version__,
    )
    graph = written.graph  # filled where it is: what is put into it is copied, and let go of
    for layer in layers:
        graph.node.extend(layer.nodes)
        layer.nodes.clear()
    graph.initializer.extend(_initialisers(held, dtype, weights_file))
    graph.input.extend(_value(node, dtype, batch) for node in network.inputs)
    graph.output.extend(_value(node, dtype, batch) for node in leaving)
    graph.value_info.extend(_value(node, dtype, batch) for node in network.layers if node.name not in named)
    return written


def _written(network: Network, dtype: str, opset: int, *, stand_ins: bool) -> list[LayerOperators]:
    """The operators of every layer; all that have none are named at once."""
    layers, lacking = [], []
    for node in network.layers:
        owner = _owner(network, node)
        borrowed = _borrowed(network, node) if node is owner else None
        layer = LayerOperators(node.name, owner.name, dtype, borrowed, opset)
        entering = [network.nodes[place] for place in node.inputs]
        names, shapes = tuple(source.name for source in entering), tuple(source.shape for source in entering)
        try:
            layer.ends_at(node.config.onnx(layer, names, shapes))
        except NoOnnxForm as error:
            if stand_ins and not node.config.costed:
                shape = () if node.shape == UNSIZED else node.shape
                layer.ends_at(layer.node(STAND_IN, *names, domain=DOMAIN, shape=shape))
                layers.append(layer)
                continue
            lacking.append(Unwritten(node.name, node.kind, node.line, str(error)))
        layers.append(layer)
    if lacking:
        reasons = "; ".join(
            f"{layer.layer} ({layer.kind}{f', line {layer.line}' if layer.line else ''}): {layer.reason}"
            for layer in lacking
        )
        raise CannotWrite(f"no exact ONNX form for {reasons}", tuple(lacking))
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


def _array_shapes(network: Network, layers: list[LayerOperators]) -> dict[str, Shape]:
    """Every array that an operator uses, once, by its name in the model."""
    shapes: dict[str, Shape] = {}
    for node, layer in zip(network.layers, layers, strict=True):
        for name, shape in network.arrays_of(node).items():
            if name in layer.used and name not in _owner(network, node).borrowed_names:
                shapes.setdefault(f"{layer.owner}.{name}", shape)
    return shapes


def _initialisers(shapes: Mapping[str, Shape], dtype: str, weights_file: str) -> Iterator[TensorProto]:
    offset = 0
    for name, shape in shapes.items():
        tensor = TensorProto(name=name, data_type=_element_type(dtype), dims=shape, data_location=TensorProto.EXTERNAL)
        length = math.prod(shape) * np.dtype(dtype).itemsize
        for key, value in {"location": weights_file, "offset": offset, "length": length}.items():
            tensor.external_data.add(key=key, value=str(value))
        offset += length
        yield tensor


def with_arrays(
    network: Network,
    arrays: Arrays,
    *,
    dtype: str = "float32",
    batch: int | str = 1,
    opset: int = OPSET,
    stand_ins: bool = False,
) -> Iterator[Part]:
    """A model that holds its arrays, as the bytes of a file, piece by piece: each array is asked for in its turn."""
    written = model(network, dtype=dtype, batch=batch, opset=opset, stand_ins=stand_ins)
    count = sum(math.prod(tensor.dims) for tensor in written.graph.initializer)
    steps.spend(count // NUMBERS_A_STEP)
    size = count * np.dtype(dtype).itemsize
    if size > MOST_BYTES:
        raise FileTooLarge(f"the arrays are {size:,} bytes, and an ONNX file holds {MOST_BYTES:,}")
    return _pieces(written, numbers(network, written, arrays, dtype), np.dtype(dtype).itemsize)


def _pieces(written: ModelProto, arrays: Iterable[Part], itemsize: int) -> Iterator[Part]:
    """The fields of a model in the order of their numbers, the arrays among them."""
    graph, heads, sizes = written.graph, list[bytes](), list[int]()
    for tensor in graph.initializer:
        length = math.prod(tensor.dims) * itemsize
        head = TensorProto(name=tensor.name, data_type=tensor.data_type, dims=tensor.dims).SerializeToString()
        head += _field(TensorProto.RAW_DATA_FIELD_NUMBER, length)
        heads.append(_field(GraphProto.INITIALIZER_FIELD_NUMBER, len(head) + length) + head)
        sizes.append(len(heads[-1]) + length)
    front = ModelProto(
        ir_version=written.ir_version, producer_name=written.producer_name, producer_version=written.producer_version
    ).SerializeToString()
    before = GraphProto(node=graph.node, name=graph.name).SerializeToString()
    behind = GraphProto(
        doc_string=graph.doc_string, input=graph.input, output=graph.output, value_info=graph.value_info
    ).SerializeToString()
    opsets = ModelProto(opset_import=written.opset_import).SerializeToString()
    yield front + _field(ModelProto.GRAPH_FIELD_NUMBER, len(before) + sum(sizes) + len(behind)) + before
    for head, array in zip(heads, arrays, strict=True):
        yield head
        yield array
    yield behind + opsets


def _field(number: int, length: int) -> bytes:
    """What stands before a field of so many bytes."""
    start = bytearray([number << 3 | 2])
    while length > 127:
        start.append(length & 127 | 128)
        length >>= 7
    return bytes([*start, length])


def numbers(network: Network, written: ModelProto, arrays: Arrays, dtype: str) -> Iterator[Part]:
    """The numbers of every array of a model, as they lie in a file."""
    owned = {
        f"{node.name}.{name}": (place, name)
        for place, node in enumerate(network.nodes[network.input_count :], start=network.input_count)
        for name in network.arrays_of(node)
    }
    for tensor in written.graph.initializer:
        place, name = owned[tensor.name]
        array = arrays(place)[name]
        if array.shape != tuple(tensor.dims):
            wanted = list(tensor.dims)
            raise CannotWrite(f"{tensor.name} is an array of {list(array.shape)}, where {wanted} is needed")
        yield np.ascontiguousarray(array, np.dtype(dtype).newbyteorder("<")).reshape(-1).view(np.uint8).data


def _value(node: Node, dtype: str, batch: int | str) -> ValueInfoProto:
    shape = None if node.shape == UNSIZED else (batch, *node.shape)
    return helper.make_tensor_value_info(node.name, _element_type(dtype), shape)


def _element_type(dtype: str) -> int:
    return int(helper.np_dtype_to_tensor_dtype(np.dtype(dtype)))
