"""The layers of a network in ONNX's words: the nodes that are made of them, in order.

What OpenVINO and ONNX do to tensors is nearly the same. What differs is that the numbers of a constant, axes and sizes
among them, are in another file: what these say is told by the sizes that the file has for every tensor.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from math import prod
from typing import Any

from convcalc import steps
from convcalc.arithmetic.precision import Format
from convcalc.imports.arrays import checked
from convcalc.imports.errors import CannotImport, Inexpressible, plain
from convcalc.imports.onnx.element_types import format_of_type
from convcalc.imports.onnx.nodes import Attributes, GraphNode
from convcalc.imports.onnx.reading import FLOAT, FLOATING, INT64
from convcalc.imports.openvino.document import Dimension, IrLayer, IrNet, IrPort, is_fixed
from convcalc.imports.openvino.operators import ir_rule
from convcalc.imports.openvino.rounding import is_rounding, rounded_by

ELEMENT_TYPES = {
    "FP32": 1, "F32": 1, "UI8": 2, "U8": 2, "I8": 3, "UI16": 4, "U16": 4, "I16": 5, "I32": 6, "I64": 7, "STRING": 8,
    "BOOL": 9, "BOOLEAN": 9, "U1": 9, "BIN": 9, "FP16": 10, "F16": 10, "FP64": 11, "F64": 11, "U32": 12, "U64": 13,
    "BF16": 16, "F8E4M3": 17, "F8E5M2": 19, "U4": 21, "I4": 22, "F4E2M1": 23, "F8E8M0": 19, "NF4": 22, "U2": 21,
}  # fmt: skip
"""ONNX's numbers of the element types, by the words of ports and of constants."""

LOW = {2, 3, 4, 5, 17, 19, 21, 22, 23}
"""Those that weights are rounded to, to be brought back by a scale."""

_LAYER = 20
_DEEPEST = 8
"""Layers behind an array of the file that are looked through."""

_PURE = {"convert", "reshape", "transpose", "unsqueeze", "squeeze", "multiply", "subtract", "fakequantize"}
"""Layers between a rounded weight and what uses it."""

Deduced = Callable[[Sequence[tuple[int, ...]]], tuple[Sequence[Sequence[int | float]], dict[str, Any]]]
"""From the shapes that enter, constants that come behind them, and attributes."""

_MOVING = {"Reshape", "Broadcast", "Unsqueeze", "Squeeze", "Transpose", "Tile", "StridedSlice", "Slice", "Pad"}
"""Layers that give an array of the file another shape, whatever their sizes follow from."""


class IrNode(GraphNode):
    """A node that stands for a layer, or a part of one.

    `deduced` completes it when the shapes that enter are known; `reason` is why that is not possible.
    """

    deduced: Deduced | None = None
    reason: str = ""

    def modules(self) -> list[str]:
        """The modules of the program that it was called in, from the outside in."""
        parts = self.name.removesuffix("/WithoutBiases").split("/")
        if parts[0].startswith("__module."):
            return parts[0].removeprefix("__module.").split(".")
        own = GraphNode(self.op, "", "/".join(parts), [], [], self.attributes)
        return own.modules()


class IrCall:
    """The layer that is to be put in other words: what enters it, and what is known of the sizes."""

    def __init__(self, translation: IrTranslation, layer: IrLayer, sources: list[str]) -> None:
        self.translation, self.layer, self.sources = translation, layer, sources
        self._parts = 0

    # ---- attributes --------------------------------------------------------------------------------------------------

    def text(self, name: str, default: str = "") -> str:
        return self.layer.data.get(name, default).strip()

    def integer(self, name: str, default: int = 0) -> int:
        text = self.text(name)
        return _whole(name, text) if text else default

    def real(self, name: str, default: float = 0.0) -> float:
        text = self.text(name)
        if not text:
            return default
        try:
            if len(text) < 60:
                return float(text)
        except ValueError:
            pass
        raise CannotImport(f"{name}={plain(text)!r}, where a number is expected")

    def flag(self, name: str, default: bool = False) -> bool:
        text = self.text(name).lower()
        return text in ("true", "1") if text else default

    def integers(self, name: str) -> list[int]:
        """Whole numbers with commas between them."""
        text = self.text(name)
        return [_whole(name, part.strip()) for part in text.split(",")] if text else []

    # ---- tensors -----------------------------------------------------------------------------------------------------

    def has(self, place: int) -> bool:
        """Whether anything enters there."""
        return place < len(self.sources) and bool(self.sources[place])

    def tensor(self, place: int = 0) -> str:
        """The tensor that enters there."""
        if not self.has(place):
            raise Inexpressible(f"input {place + 1} is missing")
        return self.translation.read(self.sources[place])

    def dims(self, place: int = 0) -> list[Dimension]:
        """The sizes that the file has for what enters."""
        if not self.has(place):
            raise Inexpressible(f"input {place + 1} is missing")
        return self.translation.ports[self.sources[place]].dims

    def shape(self, place: int) -> tuple[int, ...]:
        """The sizes of what enters, which must be fixed."""
        dims = self.dims(place)
        if not is_fixed(dims):
            raise Inexpressible(f"sizes {dims} that are open")
        return tuple(size or 0 for size in dims)

    def is_constant(self, place: int) -> bool:
        """Whether what enters is in the file, or follows from what is."""
        return self.has(place) and self.sources[place] in self.translation.constant

    def after(self, place: int = 0) -> list[Dimension]:
        """The sizes that the file has for what leaves."""
        if place >= len(self.layer.outputs):
            raise Inexpressible("nothing leaves it")
        return self.layer.outputs[place].dims

    def element_type(self, place: int = 0) -> int:
        return self.translation.element_type(self.sources[place])

    # ---- nodes -------------------------------------------------------------------------------------------------------

    @property
    def outputs(self) -> list[str]:
        return [self.translation.name_of((self.layer.number, port.number)) for port in self.layer.outputs]

    def node(self, op: str, *inputs: str, deduced: Deduced | None = None, out: str = "", **attributes: Any) -> str:
        """A node with one output, the name of which it gives."""
        if not out:
            self._parts += 1
            out = f"{self.outputs[0]}/{self._parts}"
        self.nodes(op, inputs, [out], deduced=deduced, **attributes)
        return out

    def nodes(
        self, op: str, inputs: Sequence[str], outputs: Sequence[str], deduced: Deduced | None = None, **more: Any
    ) -> None:
        """A node with several outputs."""
        title = self.layer.name
        node = IrNode(op, "", title, list(inputs), list(outputs), Attributes(more), deduced=deduced)
        self.translation.nodes.append(node)

    def leaves(self, op: str, *inputs: str, deduced: Deduced | None = None, **attributes: Any) -> None:
        """A node that makes what the layer makes."""
        self.node(op, *inputs, deduced=deduced, out=self.outputs[0], **attributes)

    def constant(self, numbers: Sequence[int | float], shape: Sequence[int] | None = None, kind: int = INT64) -> str:
        """Numbers as a tensor."""
        return self.translation.numbers(tuple(numbers), (len(numbers),) if shape is None else tuple(shape), kind)

    def filled(self, sizes: Sequence[int], number: float = 0.0) -> str:
        """So many times a number, which no array of the network is."""
        value = self.node("Identity", self.constant([number], (1,), FLOAT))
        return self.node("Expand", value, self.constant(sizes))

    def learned(self, place: int) -> str:
        """An array as numbers with fractions: where it was rounded, that which it stands for."""
        return self.translation.restored(self.sources[place]) or self.tensor(place)

    def note(self, text: str) -> None:
        self.translation.notes.setdefault(text, []).append(plain(self.layer.name))


def _whole(name: str, text: str) -> int:
    try:
        if len(text) < 20:
            return int(text)
    except ValueError:
        pass
    raise CannotImport(f"{name}={plain(text)!r}, where a whole number is expected")


class IrTranslation:
    """The nodes that are made of a network, and the arrays that they read.

    `constant` are tensors that only arrays of the file go into, `derived` those that follow from sizes as well.
    """

    def __init__(self, net: IrNet) -> None:
        self.net = net
        self.nodes: list[IrNode] = []
        self.arrays: dict[str, tuple[tuple[int, ...], int, tuple[int | float, ...] | None]] = {}
        self.ports: dict[str, IrPort] = {}
        self.makers: dict[str, IrLayer] = {}
        self.inputs: list[str] = []
        self.outputs: list[str] = []
        self.constant: set[str] = set()
        self.derived: set[str] = set()
        self.notes: dict[str, list[str]] = {}
        self.folded: dict[str, str] = {}
        self.passed: set[str] = set()
        self.unlearned: set[str] = set()
        self.held: dict[str, Format] = {}
        self.rounded: dict[str, Format] = {}
        self._names: dict[tuple[str, str], str] = {}
        self._numbers: dict[tuple[Any, ...], str] = {}
        self.layers = _ordered(net)
        self._name()
        self.readers: dict[str, list[IrLayer]] = {}
        for layer in self.layers:
            for source in self.sources(layer):
                self.readers.setdefault(source, []).append(layer)

    def _name(self) -> None:
        """Give every tensor a name: that of its layer, where no other has it."""
        taken: set[str] = set()
        for layer in self.layers:
            for port in layer.outputs:
                name = layer.name if len(layer.outputs) == 1 else f"{layer.name}:{port.number}"
                if name in taken or not name:
                    name = f"{name}#{layer.number}:{port.number}"
                taken.add(name)
                self._names[layer.number, port.number] = name
                self.ports[name], self.makers[name] = port, layer

    def name_of(self, place: tuple[str, str]) -> str:
        return self._names[place]

    def sources(self, layer: IrLayer) -> list[str]:
        """The tensors that enter a layer, "" where none does."""
        places = [self.net.edges.get((layer.number, port.number)) for port in layer.inputs]
        return [self._names.get(place, "") if place else "" for place in places]

    def go(self) -> None:
        """Put every layer in other words; one for which there are none stays what it is."""
        for layer in self.layers:
            steps.spend(_LAYER)
            if layer.type == "Const":
                self._const(layer)
            elif layer.type == "Parameter":
                self.inputs += [self.name_of((layer.number, port.number)) for port in layer.outputs]
            elif layer.type == "Result":
                self.outputs += [self.read(source) for source in self.sources(layer) if source]
            elif layer.outputs:
                self._layer(layer)

    def _const(self, layer: IrLayer) -> None:
        for port in layer.outputs:
            name = self.name_of((layer.number, port.number))
            if not is_fixed(port.dims):
                raise CannotImport(f"{layer.place}: an array with a size that is open")
            shape = checked([size or 0 for size in port.dims], f"array {plain(name)}")
            self.arrays[name] = shape, self.element_type(name), None
            self.constant.add(name)

    def _layer(self, layer: IrLayer) -> None:
        sources = self.sources(layer)
        call = IrCall(self, layer, sources)
        if self._is_derived(layer, sources):
            self.derived.update(call.outputs)
            return
        if sources and all(source in self.constant or source in self.derived for source in sources):
            self.constant.update(call.outputs)
        start = len(self.nodes)
        rule = None if layer.version in ("custom", "extension") else ir_rule(layer.type)
        try:
            if rule is None:
                raise Inexpressible("")
            rule(call)
        except Inexpressible as error:
            del self.nodes[start:]
            self._unknown(call, str(error))
        except CannotImport as error:
            raise CannotImport(f"{layer.place}: {error}") from None
        except (IndexError, KeyError, TypeError, ValueError, ZeroDivisionError):
            raise CannotImport(f"{layer.place}: its attributes and what enters it do not go together") from None

    def _is_derived(self, layer: IrLayer, sources: list[str]) -> bool:
        """Whether what leaves follows from sizes alone, or from these and numbers that are not read."""
        if layer.type in ("ShapeOf", "PriorBox", "PriorBoxClustered"):
            return True
        deciding = sources[:1] if layer.type in _MOVING else sources
        follows = [source in self.derived for source in deciding]
        known = all(source in self.constant or source in self.derived for source in sources)
        return bool(sources) and known and (any(follows) or layer.type in ("Range", "Eye"))

    def _unknown(self, call: IrCall, reason: str) -> None:
        """A node that nobody knows, which reads and makes what the layer does."""
        inputs = [self.read(source) for source in dict.fromkeys(call.sources) if source]
        layer = call.layer
        domain = layer.version if "opset" in layer.version else ""
        node = IrNode(layer.type, domain or "openvino", layer.name, inputs, call.outputs, Attributes(), reason=reason)
        self.nodes.append(node)

    def read(self, name: str) -> str:
        """A tensor that a node reads; one that follows from sizes is an array, which nobody learned."""
        if name in self.derived and name not in self.arrays:
            dims = self.ports[name].dims
            sizes = [1 if size is None and self.is_batch_open else size for size in dims]
            if not is_fixed(sizes):
                raise Inexpressible("it reads numbers that are worked out from sizes which are open")
            shape = checked([size or 0 for size in sizes], f"tensor {plain(name)}")
            self.arrays[name] = shape, self.element_type(name), None
            self.unlearned.add(name)
        stored = self._stored(name)
        return self.folded.get(stored, stored)

    def _stored(self, name: str) -> str:
        """The array of the file that a tensor is in another floating type, as in files of half precision."""
        source = name
        for _ in range(_DEEPEST):
            maker = self.makers.get(source)
            if maker is None or maker.type not in ("Convert", "FakeQuantize"):
                break
            source = self.sources(maker)[0]
        maker = self.makers.get(source)
        is_array = maker is not None and maker.type == "Const"
        return source if is_array and {self.element_type(source), self.element_type(name)} <= FLOATING else name

    @property
    def is_batch_open(self) -> bool:
        """Whether of what enters nothing is open but the first axis."""
        return all(is_fixed(self.ports[name].dims[1:]) for name in self.inputs)

    def element_type(self, name: str) -> int:
        return ELEMENT_TYPES.get(self.ports[name].precision.upper(), FLOAT)

    def numbers(self, numbers: tuple[int | float, ...], shape: tuple[int, ...], kind: int) -> str:
        """An array of numbers that are said here; equal ones are one."""
        key = (tuple(map(repr, numbers)), shape, kind)
        if key not in self._numbers:
            name = self._numbers[key] = f"numbers#{len(self._numbers)}"
            self.arrays[name] = shape, kind, numbers
            self.unlearned.add(name)
        return self._numbers[key]

    def restored(self, name: str) -> str:
        """A weight that is stored rounded, as an array with fractions of the shape that it is used in; "" for others.

        Behind it come a scale and perhaps a zero point, or both in a FakeQuantize.
        """
        if name not in self.constant:
            return ""
        held, source = None, name
        while (maker := self.makers[source]).type != "Const":
            if maker.type.lower() not in _PURE:
                return ""
            held = rounded_by(maker) if is_rounding(maker) else held
            source = self.sources(maker)[0]
        if self.element_type(source) in LOW:
            held = format_of_type(self.element_type(source))
        if held is None or name == source:
            return ""
        own = f"{source}/restored"
        shape = checked([size or 0 for size in self.ports[name].dims], f"array {plain(name)}")
        if own in self.arrays and self.arrays[own][0] != shape:
            return ""
        self.arrays[own] = shape, FLOAT, None
        self.held[own] = held
        return own

    def floats(self) -> int:
        """How many numbers with fractions the file holds as constants."""
        names = [name for name, maker in self.makers.items() if maker.type == "Const"]
        return sum(prod(shape) for shape, kind, _ in map(self.arrays.__getitem__, names) if kind in FLOATING)


def _ordered(net: IrNet) -> list[IrLayer]:
    """The layers, each behind those that it reads."""
    readers: dict[str, list[str]] = {}
    waits = dict.fromkeys(net.layers, 0)
    for (reader, port), (maker, leaving) in net.edges.items():
        for number in (reader, maker):
            if number not in net.layers:
                raise CannotImport(f"an edge to or from layer {plain(number)}, which there is not")
        if not any(own.number == leaving for own in net.layers[maker].outputs):
            place = net.layers[maker].place
            raise CannotImport(f"{place}: an edge from its port {plain(leaving)}, which it has not")
        if not any(own.number == port for own in net.layers[reader].inputs):
            raise CannotImport(f"{net.layers[reader].place}: an edge to its port {plain(port)}, which it has not")
        readers.setdefault(maker, []).append(reader)
        waits[reader] += 1
    ready = deque(number for number, count in waits.items() if not count)
    placed: list[IrLayer] = []
    while ready:
        number = ready.popleft()
        placed.append(net.layers[number])
        for reader in readers.get(number, ()):
            waits[reader] -= 1
            if not waits[reader]:
                ready.append(reader)
    if len(placed) < len(net.layers):
        stuck = [net.layers[number] for number, count in waits.items() if count]
        raise CannotImport(f"{stuck[0].place}: the layers go in a circle, through it")
    return placed
