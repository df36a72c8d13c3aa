"""An ONNX file as records: nodes, attributes, and of tensors where their numbers lie.

Weights are never read and references to other files never followed. What is read takes steps of the run (see
`convcalc.steps`), and subgraphs are read only where they are asked for.
"""

from __future__ import annotations

import struct
from math import prod
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import NoReturn

import msgspec

from convcalc import steps
from convcalc.fields import MOST_AXES
from convcalc.imports.errors import CannotImport, Inexpressible, OverLimit, plain
from convcalc.imports.onnx import wire
from convcalc.imports.onnx.wire import Buffer, Malformed, Place
from convcalc.steps import OutOfSteps

MOST_NUMBERS = 65_536
"""Numbers of a constant that are read; a longer one is a weight."""

KEPT = 6
"""The price of a field of which a record is kept."""

FLOAT, INT64, BOOL = 1, 7, 9
FORMATS = {1: "f", 2: "B", 3: "b", 4: "H", 5: "h", 6: "i", 7: "q", 9: "?", 10: "e", 11: "d", 12: "I", 13: "Q"}
"""How the numbers of an element type lie in raw data."""

FLOATING = {1, 10, 11, 16, 17, 18, 19, 20, 23}
"""Element types that hold numbers with a fraction."""

Number = int | float

Dimension = int | str | None
"""A size, the name of one that is open, or nothing known."""


class Tensor:
    """An initialiser or constant: sizes and element type, and where its numbers are."""

    __slots__ = ("_buffer", "_data", "_numbers", "dims", "element_type", "external", "name")

    def __init__(self, buffer: Buffer, place: Place) -> None:
        data: list[tuple[int, int, int, int]] = []
        self._buffer = buffer
        self._data: list[tuple[int, int, int, int]] | None = data
        self._numbers: tuple[Number, ...] | None = None
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

    def numbers(self) -> tuple[Number, ...] | None:
        """Its numbers, where they are in the file and few."""
        if self._data is not None:
            self._numbers, self._data = self._read(self._data), None
        return self._numbers

    def _read(self, data: list[tuple[int, int, int, int]]) -> tuple[Number, ...] | None:
        if self.external or len(self.dims) > MOST_AXES:
            return None
        count = prod(self.dims)
        if not 0 < count <= MOST_NUMBERS:
            return () if count == 0 else None
        steps.spend(count // 2)
        found: list[Number] = []
        for number, kind, start, end in data:
            found += self._decoded(number, kind, start, end, count)
        if self.element_type == 10 and any(field == 5 for field, *_ in data):
            found = [struct.unpack("<e", struct.pack("<H", int(bits) & 0xFFFF))[0] for bits in found]
        return tuple(found) if len(found) == count else None

    def _decoded(self, number: int, kind: int, start: int, end: int, most: int) -> list[int] | list[float]:
        if kind == wire.BYTES and end - start > 10 * most:
            return []
        if number == 9:
            letter = FORMATS.get(self.element_type)
            size = struct.calcsize(letter) if letter else 0
            if not size or (end - start) % size:
                return []
            return list(struct.unpack(f"<{(end - start) // size}{letter}", self._buffer[start:end]))
        if number == 4:
            return wire.floats(self._buffer, kind, start, end)
        if number == 10:
            return wire.doubles(self._buffer, kind, start, end)
        return wire.integers(self._buffer, kind, start, end)


class Attributes(dict[str, object]):
    """A node's attributes: numbers, texts, lists, `Tensor` and `Subgraph`, by name.

    Raises `Inexpressible` where one of another type is asked for than there is.
    """

    def integer(self, name: str, default: int = 0) -> int:
        """A whole number."""
        value = self.get(name, default)
        return value if isinstance(value, int) else _reject(name, "a whole number")

    def real(self, name: str, default: float = 0.0) -> float:
        value = self.get(name, default)
        return float(value) if isinstance(value, int | float) else _reject(name, "a number")

    def text(self, name: str, default: str = "") -> str:
        value = self.get(name, default)
        return value if isinstance(value, str) else _reject(name, "a text")

    def integers(self, name: str) -> list[int] | None:
        """A list of whole numbers; None if there is none."""
        value = self.get(name)
        if value is None:
            return None
        if isinstance(value, list) and all(isinstance(item, int) for item in value):
            return list(value)
        return _reject(name, "a list of whole numbers")


def _reject(name: str, expected: str) -> NoReturn:
    raise Inexpressible(f"attribute {plain(name)} is not {expected}")


class Node(msgspec.Struct):
    """One operator. `scopes` is what PyTorch's newer exporter says of the modules it was called in."""

    op: str
    domain: str
    name: str
    inputs: list[str]
    outputs: list[str]
    attributes: Attributes
    scopes: str = ""

    @property
    def title(self) -> str:
        """Its name, or that of its output if it has none."""
        return plain(self.name or next(filter(None, self.outputs), "without a name"))

    @property
    def operator(self) -> str:
        """Its type, with the domain if it is not ONNX's own."""
        return plain(f"{self.domain}.{self.op}") if self.domain else plain(self.op)


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
        self.name = ""
        nodes: list[Place] = []
        self.nodes: list[Node] = []
        self.initialisers: dict[str, Tensor] = {}
        self.inputs: list[ValueInfo] = []
        self.outputs: list[ValueInfo] = []
        self.stated: list[Place] = []
        for number, kind, start, end in wire.fields(buffer, place, KEPT):
            if kind != wire.BYTES:
                continue
            if number == 1:
                nodes.append((start, end))
            elif number == 2:
                self.name = wire.text(buffer, start, end)
            elif number == 5:
                tensor = Tensor(buffer, (start, end))
                self.initialisers[tensor.name] = tensor
            elif number == 15:
                tensor = _sparse(buffer, (start, end))
                self.initialisers[tensor.name] = tensor
            elif number == 11:
                self.inputs.append(value_info(buffer, (start, end)))
            elif number == 12:
                self.outputs.append(value_info(buffer, (start, end)))
            elif number == 13:
                self.stated.append((start, end))
        self.nodes = [_node(buffer, each) for each in nodes]


class Subgraph(msgspec.Struct):
    """A graph that is an attribute, not yet read."""

    buffer: Buffer
    place: Place

    def read(self) -> Graph:
        """The graph."""
        return Graph(self.buffer, self.place)


class Function(msgspec.Struct):
    """A function of the model: nodes that stand for one of another type."""

    inputs: list[str]
    outputs: list[str]
    nodes: list[Node]
    defaults: Attributes


class Model(msgspec.Struct):
    """A file that was read. `opsets` are versions by domain, ONNX's own being the empty one."""

    buffer: Buffer
    graph: Graph
    opsets: dict[str, int]
    producer: str
    functions: dict[tuple[str, str, str], Function]

    @property
    def opset(self) -> int:
        """The version of ONNX's own operators."""
        return self.opsets.get("", self.opsets.get("ai.onnx", 1))

    def stated(self) -> dict[str, ValueInfo]:
        """What the file says of tensors within the graph."""
        infos = [value_info(self.buffer, place) for place in self.graph.stated]
        return {info.name: info for info in (*infos, *self.graph.outputs)}


def read(path: str | Path) -> Model:
    """The model in a file. Raises `CannotImport`; nothing but the file is opened."""
    try:
        with Path(path).open("rb") as file:
            buffer = mmap(file.fileno(), 0, access=ACCESS_READ)
    except ValueError:
        raise CannotImport("the file is empty; an ONNX model was expected") from None
    except OSError as error:
        raise CannotImport(f"cannot be read: {error.strerror or error}") from None
    return parse(buffer)


def parse(buffer: Buffer) -> Model:
    """The model in a buffer."""
    try:
        return _model(buffer)
    except Malformed as error:
        raise _something_else(buffer) or cut_off(error) from None
    except OutOfSteps:
        raise OverLimit from None
    except (struct.error, RecursionError) as error:
        raise CannotImport(f"not an ONNX model: {error}") from None


SIGNATURES = (
    (b"version https://git-lfs", "a pointer of Git LFS, not the model: `git lfs pull` fetches it"),
    (b"PK\x03\x04", "a ZIP archive, not an ONNX model; if that is in it, unpack it"),
    (b"\x1f\x8b", "compressed, not an ONNX model; if that is in it, gunzip it"),
    (b"\x89HDF", "an HDF5 file, as Keras writes them, not an ONNX model: tf2onnx converts it"),
    (b"<", "a page of HTML or XML, not an ONNX model: fetch the file itself"),
)
"""How files begin that are taken for ONNX models, and what they are."""


def _something_else(buffer: Buffer) -> CannotImport | None:
    """What is said of a file that is no ONNX model but something known."""
    first = buffer[:512]
    for begin, said in SIGNATURES:
        if first.lstrip().startswith(begin):
            return CannotImport(f"this is {said}")
    try:
        text = first.decode()
    except UnicodeDecodeError:
        return None
    if any(character < " " and character not in "\t\n\r" for character in text):
        return None
    return CannotImport("this is text, not an ONNX model; if it is a spec, call it .yaml")


def cut_off(error: Malformed) -> CannotImport:
    """What is said of a file that breaks off, or in which bytes are wrong."""
    return CannotImport(f"not a whole ONNX model: {error}; export it again, or copy it anew")


def _model(buffer: Buffer) -> Model:
    producer, version, graph = "", "", None
    opsets: dict[str, int] = {}
    functions: dict[tuple[str, str, str], Function] = {}
    place = (0, len(buffer))
    for number, kind, start, end in wire.fields(buffer, place, KEPT):
        if number == 8 and kind == wire.BYTES:
            domain, since = "", 0
            for field, wire_type, first, last in wire.fields(buffer, (start, end)):
                if field == 1 and wire_type == wire.BYTES:
                    domain = wire.text(buffer, first, last)
                elif field == 2:
                    since = first
            opsets["" if domain == "ai.onnx" else domain] = since
        elif number == 2 and kind == wire.BYTES:
            producer = wire.text(buffer, start, end)
        elif number == 3 and kind == wire.BYTES:
            version = wire.text(buffer, start, end)
        elif number == 7 and kind == wire.BYTES:
            graph = (start, end)
        elif number == 25 and kind == wire.BYTES:
            key, function = _function(buffer, (start, end))
            functions[key] = function
        elif number == 0 or number > 1000:
            raise Malformed(f"field {number}, which no model has")
    if graph is None:
        raise CannotImport("not an ONNX model: it holds no graph")
    return Model(buffer, Graph(buffer, graph), opsets, plain(f"{producer} {version}".strip()), functions)


def _node(buffer: Buffer, place: Place) -> Node:
    op = domain = name = overload = scopes = ""
    inputs: list[str] = []
    outputs: list[str] = []
    attributes = Attributes()
    for number, kind, start, end in wire.fields(buffer, place):
        if kind != wire.BYTES:
            raise Malformed(f"a node is expected at byte {place[0]:,}")
        if number == 1:
            inputs.append(wire.text(buffer, start, end))
        elif number == 2:
            outputs.append(wire.text(buffer, start, end))
        elif number == 3:
            name = wire.text(buffer, start, end)
        elif number == 4:
            op = wire.text(buffer, start, end)
        elif number == 5:
            _attribute(buffer, (start, end), attributes)
        elif number == 7:
            domain = wire.text(buffer, start, end)
        elif number == 8:
            overload = wire.text(buffer, start, end)
        elif number == 9:
            key, value = _entry(buffer, (start, end))
            if key == "pkg.torch.onnx.name_scopes":
                scopes = value
    if overload:
        attributes["__overload__"] = overload
    return Node(op, "" if domain == "ai.onnx" else domain, name, inputs, outputs, attributes, scopes)


def _entry(buffer: Buffer, place: Place) -> tuple[str, str]:
    key = value = ""
    for number, kind, start, end in wire.fields(buffer, place):
        if number == 1 and kind == wire.BYTES:
            key = wire.text(buffer, start, end)
        elif number == 2 and kind == wire.BYTES:
            value = wire.text(buffer, start, end)
    return key, value


class Reference(msgspec.Struct, frozen=True):
    """An attribute of a node in a function that is an attribute of the function's call."""

    name: str


def _attribute(buffer: Buffer, place: Place, into: Attributes) -> None:
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
            value = Reference(wire.text(buffer, start, end))
        elif number == 22 and kind == wire.BYTES:
            value = _sparse(buffer, (start, end))
    if value is None and stated in (1, 2, 3):  # numbers and texts at their defaults may be left out of a file
        value = {1: 0.0, 2: 0, 3: ""}[stated]
    into[name] = value if value is not None else texts or numbers


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
    name, type_ = "", None
    for number, kind, start, end in wire.fields(buffer, place):
        if number == 1 and kind == wire.BYTES:
            name = wire.text(buffer, start, end)
        elif number == 2 and kind == wire.BYTES:
            type_ = (start, end)
    tensor = None
    for number, kind, start, end in wire.fields(buffer, type_ or (0, 0)):
        if number == 1 and kind == wire.BYTES:
            tensor = (start, end)
    element_type, shape = 0, None
    for number, kind, start, end in wire.fields(buffer, tensor or (0, 0)):
        if number == 1 and kind == wire.VARINT:
            element_type = start
        elif number == 2 and kind == wire.BYTES:
            shape = (start, end)
    return ValueInfo(name, None if shape is None else _dims(buffer, shape), element_type, tensor is not None)


def _dims(buffer: Buffer, place: Place) -> list[Dimension]:
    found: list[Dimension] = []
    for number, kind, start, end in wire.fields(buffer, place):
        if number == 1 and kind == wire.BYTES:
            size: Dimension = None
            for field, wire_type, first, last in wire.fields(buffer, (start, end)):
                if field == 1 and wire_type == wire.VARINT:
                    size = wire.signed(first)
                    size = None if size < 0 else size  # PaddlePaddle writes -1 for an open axis
                elif field == 2 and wire_type == wire.BYTES:
                    size = wire.text(buffer, first, last) or None
            found.append(size)
    return found


def _function(buffer: Buffer, place: Place) -> tuple[tuple[str, str, str], Function]:
    name = domain = overload = ""
    inputs: list[str] = []
    outputs: list[str] = []
    nodes: list[Place] = []
    defaults = Attributes()
    for number, kind, start, end in wire.fields(buffer, place, KEPT):
        if kind != wire.BYTES:
            continue
        if number == 1:
            name = wire.text(buffer, start, end)
        elif number == 4:
            inputs.append(wire.text(buffer, start, end))
        elif number == 5:
            outputs.append(wire.text(buffer, start, end))
        elif number == 7:
            nodes.append((start, end))
        elif number == 10:
            domain = wire.text(buffer, start, end)
        elif number == 11:
            _attribute(buffer, (start, end), defaults)
        elif number == 13:
            overload = wire.text(buffer, start, end)
    key = ("" if domain == "ai.onnx" else domain, name, overload)
    return key, Function(inputs, outputs, [_node(buffer, each) for each in nodes], defaults)
