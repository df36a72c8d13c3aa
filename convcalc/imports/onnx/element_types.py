"""The element types of a graph's tensors, node by node, and from them the formats of its numbers.

A tensor that is rounded right behind the operator that makes it, or behind an activation that a runtime does in the
same kernel, is held as it is rounded to.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from convcalc.arithmetic.precision import Format, format_of, integer
from convcalc.imports.number_formats import Formats
from convcalc.imports.onnx.nodes import GraphNode
from convcalc.imports.onnx.reading import BOOL, FLOAT, INT64, Tensor

_NAMES = {
    1: "float32", 2: "int8", 3: "int8", 4: "int16", 5: "int16", 6: "int32", 10: "float16", 11: "float64", 12: "int32",
    16: "bfloat16", 17: "fp8", 18: "fp8", 19: "fp8", 20: "fp8", 21: "int4", 22: "int4", 23: "fp4", 25: "int2",
    26: "int2",
}  # fmt: skip
"""Formats by the number of an element type. None holds 64 bits of a whole number, or truths."""

_UINT8, _INT32 = 2, 6

_LEAVING = {
    "Shape": INT64, "Size": INT64, "ArgMax": INT64, "ArgMin": INT64, "NonZero": INT64, "NonMaxSuppression": INT64,
    "ConvInteger": _INT32, "MatMulInteger": _INT32, "DynamicQuantizeMatMul": FLOAT, "MatMulIntegerToFloat": FLOAT,
    **dict.fromkeys(("Equal", "Less", "Greater", "LessOrEqual", "GreaterOrEqual", "IsNaN", "IsInf", "Not"), BOOL),
    **dict.fromkeys(("And", "Or", "Xor"), BOOL),
}  # fmt: skip
"""The element type that leaves an operator, whatever enters it."""

_TYPED_BY = {
    "Where": 1, "QLinearConv": 7, "QLinearMatMul": 7, "QGemm": 8, "QLinearAdd": 7, "QLinearMul": 7, "QLinearConcat": 1,
    "DequantizeLinear": 1, "OneHot": 2, "CastLike": 1,
}  # fmt: skip
"""The input whose element type is that of the output, where it is not the first."""

_STATED = {"Cast": "to", "QuantizeLinear": "output_dtype", "RandomNormal": "dtype", "EyeLike": "dtype"}
"""The attribute that says the element type."""

_PACKED = {"MatMulNBits": "int4", "MatMulBnb4": "fp4", "GatherBlockQuantized": "int4"}
"""Operators on a weight whose numbers are packed into bytes, and their format where no number of bits is said."""

_WITHIN = {"Relu", "Clip", "LeakyRelu", "Identity"}
"""What a runtime does in the kernel of the layer before, so that what it enters with is not held for itself."""


class ElementTypes:
    """Those of the tensors that have been walked over, by name; `initialisers` are those that the file stores.

    `trained` are the formats that tensors are rounded to and brought back, by the name of what is rounded. `readers`
    are how often tensors are read, gone through only where tensors are rounded. `stated` are the element types of a
    file that has one for every tensor, and `restored` the formats of arrays that are stored rounded and used as real
    numbers.
    """

    def __init__(self, initialisers: Mapping[str, Tensor], formats: Formats) -> None:
        self._initialisers, self._formats = initialisers, formats
        self.trained: Mapping[str, Format] = {}
        self.readers: Callable[[], Mapping[str, int]] = dict
        self.stated: Mapping[str, int] = {}
        self.restored: Mapping[str, Format] = {}
        self._types: dict[str, int] = {}
        self._makers: dict[str, GraphNode] = {}
        self._rounded: set[str] = set()

    def enter(self, name: str, element_type: int) -> None:
        """An input of the graph has this element type."""
        self._types[name] = element_type

    def of(self, name: str) -> int | None:
        """The element type of a tensor, None where nothing is known of it."""
        if name in self._types:
            return self._types[name]
        tensor = self._initialisers.get(name)
        return None if tensor is None else tensor.element_type

    def step(self, node: GraphNode) -> None:
        """Take in what a node makes, and what it says of what enters it."""
        element_type = next((self.stated[name] for name in node.outputs[:1] if name in self.stated), None)
        element_type = self._leaving(node) if element_type is None else element_type
        for place, name in enumerate(node.outputs):
            if name:
                self._makers[name] = node
                if element_type is not None:
                    self._types[name] = FLOAT if place and node.op == "DynamicQuantizeLinear" else element_type
        self._formats.operator(node.title, format_of_type(element_type))
        for name in node.inputs[:1]:
            if node.op == "Identity" and name in self.trained:
                self._round(name, self.trained[name])
        for name in node.inputs:
            if name in self._initialisers and name not in self._rounded:
                stored = format_of_type(self._initialisers[name].element_type)
                self._formats.array(name, self.restored.get(name, stored))
        if node.op in _PACKED and len(node.inputs) > 1:
            self._packed(node)
        elif node.op == "Constant" and node.outputs:
            self._formats.array(node.outputs[0], format_of_type(element_type))
        elif node.op == "QuantizeLinear" and node.inputs:
            self._round(node.inputs[0], format_of_type(element_type))

    def _leaving(self, node: GraphNode) -> int | None:
        """The element type of a node's first output."""
        op = node.op
        if op in _LEAVING:
            return _LEAVING[op]
        if op == "Constant":
            stated = next(iter(node.attributes.values()), None)
            return stated.element_type if isinstance(stated, Tensor) else FLOAT
        if op == "ConstantOfShape":
            stated = node.attributes.get("value")
            return stated.element_type if isinstance(stated, Tensor) else FLOAT
        if op == "DynamicQuantizeLinear":
            return _UINT8
        number = node.attributes.get(_STATED.get(op, ""))
        if isinstance(number, int) and number:
            return number
        if op == "QuantizeLinear":
            return self._at(node.inputs, 2) or _UINT8
        if op.startswith("QLinear") and op not in _TYPED_BY:
            return self._at(node.inputs, 4) or self._at(node.inputs, 0)
        return self._at(node.inputs, _TYPED_BY.get(op, 0))

    def _at(self, names: Sequence[str], place: int) -> int | None:
        return self.of(names[place]) if place < len(names) and names[place] else None

    def _packed(self, node: GraphNode) -> None:
        """A weight that is packed has numbers of fewer bits than what it is stored in; what is multiplied has more."""
        bits, name = node.attributes.get("bits"), node.inputs[1]
        held = integer(bits) if isinstance(bits, int) and 1 <= bits <= 8 else format_of(_PACKED[node.op])
        self._formats.array(name, held)
        self._rounded.add(name)

    def _round(self, name: str, held: Format | None) -> None:
        """What is rounded to a format is held in it, from the operator that makes it."""
        if name in self._initialisers:  # a weight that is rounded in the graph, as training leaves it
            self._formats.array(name, held)
            self._rounded.add(name)
        maker, readers = self._makers.get(name), self.readers()
        while maker is not None:
            self._formats.operator(maker.title, held)
            before = maker.inputs[0] if maker.inputs else ""
            if maker.op not in _WITHIN or readers.get(before) != 1:
                return
            maker = self._makers.get(before)


def format_of_type(element_type: int | None) -> Format | None:
    """The format of an element type; None where none is known."""
    name = _NAMES.get(element_type or 0)
    return None if name is None else format_of(name)
