"""An ONNX file as records: nodes, attributes, and of tensors where their numbers lie.

Weights are never read and references to other files never followed. What is read takes steps of the run (see
`convcalc.steps`), and subgraphs are read only where they are asked for.
"""

from __future__ import annotations

import struct
import sys
from collections.abc import Callable, Sequence
from math import prod

import msgspec

from convcalc import steps
from convcalc.fields import MOST_AXES
from convcalc.imports import Buffer, not_read, wire
from convcalc.imports.errors import CannotImport, OverLimit, plain
from convcalc.imports.onnx import FORMAT
from convcalc.imports.onnx.nodes import AttributeReference, Attributes, GraphNode, Number
from convcalc.imports.wire import Malformed, Place
from convcalc.steps import OutOfSteps

MOST_NUMBERS = 65_536
"""Numbers of a constant that are read; a longer one is a weight."""

MANY_NUMBERS = 2**20
"""Numbers of a constant that are looked at for what it is: a mask, or a table that was written out."""

_KEPT = 6
"""The price of a field of which a record is kept."""

FLOAT, INT64, BOOL = 1, 7, 9
FORMATS = {1: "f", 2: "B", 3: "b", 4: "H", 5: "h", 6: "i", 7: "q", 9: "?", 10: "e", 11: "d", 12: "I", 13: "Q"}
"""How the numbers of an element type lie in raw data."""

FLOATING = {1, 10, 11, 16, 17, 18, 19, 20, 23}
"""Element types that hold numbers with a fraction."""

Dimension = int | str | None
"""A size, the name of one that is open, or nothing known."""


class Tensor:
    """An initialiser or constant: sizes and element type, and where its numbers are."""

    __slots__ = ("_buffer", "_data", "_is_read", "_numbers", "dims", "element_type", "external", "name", "place")

    def __init__(self, buffer: Buffer, place: Place) -> None:
        data: list[tuple[int, int, int, int]] = []
        self._buffer, self.place = buffer, place
        self._data = data
        self._numbers: tuple[Number, ...] | None = None
        self._is_read = False
        self.name, self.element_type, self.external = "", 0, False
        dims: list[int] = []
        for number, kind, start, end in wire.fields(buffer, place):
            if number == 1:
                dims += wire.integers(buffer, kind, start, end)
            elif number == 2:
                self.element_type = start
            elif number == 8 and kind == wire.BYTES:
                self.name = wire.text(buffer, start, end)
            elif number == 14:
                self.external = start == 1
            elif number in (4, 5, 7, 9, 10, 11):
                data.append((number, kind, start, end))
        self.dims = tuple(dims)

    @property
    def count_read(self) -> int:
        """How many of its numbers have been read."""
        return len(self._numbers or ())

    def is_same(self, other: Tensor) -> bool:
        """Whether it is that one, which was read from the same place in the file."""
        return self.place == other.place

    def numbers(self) -> tuple[Number, ...] | None:
        """Its numbers, where they are in the file and few."""
        if not self._is_read:
            self._numbers, self._is_read = self._read(self._data), True
        return self._numbers

    def view(self) -> Sequence[Number]:
        """Its numbers where they lie in the file, of a longer one too; empty where they are not there as they are."""
        entry = self._data[0] if len(self._data) == 1 else (0, 0, 0, 0)
        lies = entry[0] in (4, 9) and entry[1] == wire.BYTES and self.element_type == FLOAT and not self.external
        count = prod(self.dims)
        if not lies or sys.byteorder != "little" or entry[3] - entry[2] != 4 * count or count > MANY_NUMBERS:
            return self.numbers() or ()
        return memoryview(self._buffer[entry[2] : entry[3]]).cast("f")

    def _read(self, data: list[tuple[int, int, int, int]]) -> tuple[Number, ...] | None:
        if self.external or len(self.dims) > MOST_AXES:
            return None
        count = prod(self.dims)
        if not 0 < count <= MOST_NUMBERS:
            return () if count == 0 else None
        steps.spend(count // 2)
        numbers: list[Number] = []
        for number, kind, start, end in data:
            numbers += self._decoded(number, kind, start, end, count)
        if self.element_type == 10 and any(field == 5 for field, *_ in data):
            numbers = [struct.unpack("<e", struct.pack("<H", int(bits) & 0xFFFF))[0] for bits in numbers]
        if self.element_type == 13:
            numbers = [int(number) % 2**64 for number in numbers]
        return tuple(numbers) if len(numbers) == count else None

    def _decoded(self, number: int, kind: int, start: int, end: int, most: int) -> list[int] | list[float]:
        if kind == wire.BYTES and end - start > 10 * most:
            return []
        if number == 9:
            letter = FORMATS.get(self.element_type)
            size = struct.calcsize(letter) if letter else 0
            if not size or (end - start) % size:
                return []
            return list(struct.unpack(f"<{(end - start) // size}{letter}", self._buffer[start:end]))
        if number in (4, 10):
            return wire.floats(self._buffer, kind, start, end, "f" if number == 4 else "d")
        return wire.integers(self._buffer, kind, start, end)


class ValueInfo(msgspec.Struct):
    """What a file says of a tensor: sizes where it says any, and whether it is a tensor at all."""

    name: str
    dims: list[Dimension] | None
    element_type: int
    is_tensor: bool


class Graph:
    """A graph, read as far as it is needed."""

    __slots__ = ("initialisers", "inputs", "name", "nodes", "outputs", "stated")

    def __init__(self, buffer: Buffer, place: Place) -> None:
        parts = wire.parts(buffer, place, _KEPT)
        sparse = [_sparse(buffer, tensor) for tensor in parts[15]]
        tensors = [*(Tensor(buffer, tensor) for tensor in parts[5]), *sparse]
        self.name = wire.last_text(buffer, parts[2])
        self.initialisers = {tensor.name: tensor for tensor in tensors}
        self.inputs = [value_info(buffer, value) for value in parts[11]]
        self.outputs = [value_info(buffer, value) for value in parts[12]]
        self.stated = parts[13]
        self.nodes = [_node(buffer, node) for node in parts[1]]


class Subgraph(msgspec.Struct):
    """A graph that is an attribute, not yet read, and what is to be changed in it then."""

    buffer: Buffer
    place: Place
    changes: tuple[Callable[[Graph], None], ...] = ()

    def read(self) -> Graph:
        """The graph that the attribute holds."""
        graph = Graph(self.buffer, self.place)
        for change in self.changes:
            change(graph)
        return graph


class _Function(msgspec.Struct):
    """A function of the model: nodes that stand for one of another type."""

    inputs: list[str]
    outputs: list[str]
    nodes: list[GraphNode]
    defaults: Attributes


class Model(msgspec.Struct):
    """A file that was read. `opsets` are versions by domain, ONNX's own being the empty one."""

    buffer: Buffer
    graph: Graph
    opsets: dict[str, int]
    producer: str
    functions: dict[tuple[str, str, str], _Function]

    @property
    def opset(self) -> int:
        """The version of ONNX's own operators."""
        return self.opsets.get("", self.opsets.get("ai.onnx", 1))

    def stated(self) -> dict[str, ValueInfo]:
        """What the file says of tensors within the graph."""
        infos = [value_info(self.buffer, place) for place in self.graph.stated]
        return {info.name: info for info in (*infos, *self.graph.outputs)}


def parse(buffer: Buffer) -> Model:
    """The model in the bytes of a file, or a `CannotImport` that says what these are."""
    try:
        return _model(buffer)
    except Malformed as error:
        raise not_read.refusal(buffer, "", FORMAT) or cut_off(error) from None
    except OutOfSteps:
        raise OverLimit from None
    except (struct.error, RecursionError) as error:
        raise CannotImport(f"not an ONNX model: {error}") from None


def cut_off(error: Malformed) -> CannotImport:
    """The error for a file that breaks off, or in which bytes are wrong."""
    return CannotImport(f"not a whole ONNX model: {error}; export it again, or copy it anew")


def _model(buffer: Buffer) -> Model:
    parts = wire.parts(buffer, (0, len(buffer)), _KEPT, most=1000)
    opsets: dict[str, int] = {}
    for place in parts[8]:
        domain, since = "", 0
        for number, kind, start, end in wire.fields(buffer, place):
            if number == 1 and kind == wire.BYTES:
                domain = wire.text(buffer, start, end)
            elif number == 2:
                since = start
        opsets["" if domain == "ai.onnx" else domain] = since
    producer = f"{wire.last_text(buffer, parts[2])} {wire.last_text(buffer, parts[3])}".strip()
    functions = dict(_function(buffer, place) for place in parts[25])
    if not parts[7]:
        raise not_read.refusal(buffer, "", FORMAT) or CannotImport("not an ONNX model: it holds no graph")
    return Model(buffer, Graph(buffer, parts[7][-1]), opsets, plain(producer), functions)


def _node(buffer: Buffer, place: Place) -> GraphNode:
    parts = wire.parts(buffer, place, message="a node")
    inputs, outputs = ([wire.text(buffer, *name) for name in parts[number]] for number in (1, 2))
    name, op, domain, overload = (wire.last_text(buffer, parts[number]) for number in (3, 4, 7, 8))
    attributes = Attributes(_attribute(buffer, attribute) for attribute in parts[5])
    if overload:
        attributes["__overload__"] = overload
    entries = [wire.parts(buffer, entry) for entry in parts[9]]
    properties = {wire.last_text(buffer, entry[1]): wire.last_text(buffer, entry[2]) for entry in entries}
    scopes, classes, trace = (
        properties.get(f"pkg.torch.onnx.{key}", "") for key in ("name_scopes", "class_hierarchy", "stack_trace")
    )
    line = trace.rstrip().rpartition("\n")[2].strip()
    domain = "" if domain == "ai.onnx" else domain
    return GraphNode(op, domain, name, inputs, outputs, attributes, scopes, classes, line)


def _attribute(buffer: Buffer, place: Place) -> tuple[str, object]:
    name, stated = "", 0
    value: object = None
    numbers: list[Number] = []
    texts: list[str] = []
    for number, kind, start, end in wire.fields(buffer, place):
        if number == 1 and kind == wire.BYTES:
            name = wire.text(buffer, start, end)
        elif number == 2:
            value = wire.floats(buffer, kind, start, end)[0]
        elif number == 3 and kind == wire.VARINT:
            value = wire.signed(start)
        elif number == 4 and kind == wire.BYTES:
            value = wire.text(buffer, start, end)
        elif number == 5 and kind == wire.BYTES:
            value = Tensor(buffer, (start, end))
        elif number == 6 and kind == wire.BYTES:
            value = Subgraph(buffer, (start, end))
        elif number == 7:
            numbers += wire.floats(buffer, kind, start, end)
        elif number == 8:
            numbers += wire.integers(buffer, kind, start, end)
        elif number == 9 and kind == wire.BYTES:
            texts.append(wire.text(buffer, start, end))
        elif number == 20:
            stated = start
        elif number == 21 and kind == wire.BYTES:
            value = AttributeReference(wire.text(buffer, start, end))
        elif number == 22 and kind == wire.BYTES:
            value = _sparse(buffer, (start, end))
    if value is None and stated in (1, 2, 3):  # numbers and texts at their defaults may be left out of a file
        value = {1: 0.0, 2: 0, 3: ""}[stated]
    return name, value if value is not None else texts or numbers


def _sparse(buffer: Buffer, place: Place) -> Tensor:
    """A tensor written by its non-zero numbers, of which the sizes are known and the numbers are not."""
    values, dims = None, list[int]()
    for number, kind, start, end in wire.fields(buffer, place):
        if number == 1 and kind == wire.BYTES:
            values = Tensor(buffer, (start, end))
        elif number == 3:
            dims += wire.integers(buffer, kind, start, end)
    if values is None:
        raise Malformed(f"a sparse tensor without values at byte {place[0]:,}")
    values.dims, values.external = tuple(dims), True
    return values


def value_info(buffer: Buffer, place: Place) -> ValueInfo:
    """A tensor's name and what is known of its type."""
    parts = wire.parts(buffer, place)
    tensor = wire.parts(buffer, parts[2][-1])[1] if parts[2] else []
    element_type, shape = 0, None
    for number, kind, start, end in wire.fields(buffer, tensor[-1] if tensor else (0, 0)):
        if number == 1 and kind == wire.VARINT:
            element_type = start
        elif number == 2 and kind == wire.BYTES:
            shape = (start, end)
    dims = None if shape is None else _dims(buffer, shape)
    return ValueInfo(wire.last_text(buffer, parts[1]), dims, element_type, bool(tensor))


def _dims(buffer: Buffer, place: Place) -> list[Dimension]:
    dims: list[Dimension] = []
    for dim in wire.parts(buffer, place)[1]:
        size: Dimension = None
        for number, kind, start, end in wire.fields(buffer, dim):
            if number == 1 and kind == wire.VARINT:
                size = None if wire.signed(start) < 0 else start  # PaddlePaddle writes -1 for an open axis
            elif number == 2 and kind == wire.BYTES:
                size = wire.text(buffer, start, end) or None
        dims.append(size)
    return dims


def _function(buffer: Buffer, place: Place) -> tuple[tuple[str, str, str], _Function]:
    parts = wire.parts(buffer, place, _KEPT)
    inputs, outputs = ([wire.text(buffer, *name) for name in parts[number]] for number in (4, 5))
    name, domain, overload = (wire.last_text(buffer, parts[number]) for number in (1, 10, 13))
    defaults = Attributes(_attribute(buffer, attribute) for attribute in parts[11])
    key = ("" if domain == "ai.onnx" else domain, name, overload)
    return key, _Function(inputs, outputs, [_node(buffer, node) for node in parts[7]], defaults)
