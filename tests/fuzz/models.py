"""ONNX models: nets that were exported, graphs over every operator that is read, real models; damaged field by field.

A graph is drawn with operators on tensors whose shapes are kept track of, so that most of them fit, and with a share of
odd attributes, sizes, types and wires.
"""

from __future__ import annotations

import gzip
import random
from collections.abc import Callable, Iterator
from functools import cache
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import ModelProto, TensorProto, helper, numpy_helper

from convcalc import steps
from convcalc.exports.onnx.write import model as written
from convcalc.imports.onnx.operators import operators
from convcalc.language import Source, loads
from fuzz.specs import LABELS, WRONG_LABELS, Grammar, on_bits

DATA = Path(__file__).parents[1] / "data" / "onnx"
LARGEST_REAL = 8_000
"""Bytes of a packed file: what is larger takes longer than it is worth."""
ODD_INTEGERS = (0, -1, 1, 2, 3, 7, 2**31 - 1, 2**31, -(2**31), 2**62, 2**63 - 1, -(2**63))
ODD_FLOATS = (0.0, -0.0, -1.0, 0.5, 1e30, 1e-40, float("inf"), float("-inf"), float("nan"))
ODD_TEXTS = ("", "x", "y", "NOTSET", "SAME_LOWER", "VALID", "linear", "reflect", "ai.onnx.ml", *LABELS, *WRONG_LABELS)
ODD_TYPES = (0, 1, 2, 6, 7, 8, 9, 10, 11, 13, 16, 21, 99)
COMPUTED = ["Shape", "Range", "ConstantOfShape", "Constant", "Where", "Equal", "Floor", "Mod", "Size", "NonZero"]
COMPUTED += ["Not", "If", "Loop", "Scan", "Greater", "And", "Ceil", "ScatterND", "TopK", "CumSum", "Trilu"]
COMPUTED += ["ReduceProd", "OneHot"]
"""Operators that are no layers: sizes are computed by them, or nothing is made of them."""
ACTIVATIONS = ["Relu", "Sigmoid", "Tanh", "LeakyRelu", "Elu", "Celu", "HardSigmoid", "Selu", "Softplus", "Exp"]
ACTIVATIONS += ["Sqrt", "Identity", "Dropout", "Neg", "Abs", "Softmax", "LogSoftmax", "Reciprocal", "Mish"]
ACTIVATIONS += ["HardSwish", "Gelu"]
Shape = tuple[int, ...]


def model(draw: random.Random) -> bytes:
    """One input."""
    way = draw.random()
    if way < 0.35:
        proto = exported(draw) or Graph(draw).model()
    elif way < 0.92:
        proto = Graph(draw).model()
    else:
        proto = ModelProto.FromString(draw.choice(real()))
    for _ in range(draw.choice((0, 0, 1, 1, 2, 3, 8))):
        damage(proto, draw)
    data: bytes = proto.SerializeToString()
    return on_bits(data, draw) if draw.random() < 0.1 else data


def exported(draw: random.Random) -> ModelProto | None:
    """A net of the spec language as a model, where it can be written as one."""
    grammar = Grammar(draw, odds=0.0)
    try:
        with steps.run():
            return written(loads(Source("net.yaml", grammar.text())), batch=draw.choice((1, 2, "n")))
    except Exception:  # that such specs load is looked at elsewhere
        return None


@cache
def real() -> tuple[bytes, ...]:
    """Small models as frameworks write them."""
    packed = sorted(path for path in DATA.glob("*.onnx.gz") if path.stat().st_size < LARGEST_REAL)
    return tuple(gzip.decompress(path.read_bytes()) for path in packed)


# ---- damage ---------------------------------------------------------------------------------------------------------


def damage(proto: Any, draw: random.Random) -> None:
    """Change one field somewhere in a message, to another value of its type."""
    fields = list(_fields(proto))
    message, field = draw.choice(fields)
    if field.is_repeated:
        _on_items(getattr(message, field.name), message, field, draw)
    elif draw.random() < 0.2:
        message.ClearField(field.name)
    elif field.message_type is None:
        _set(message, field.name, odd(field, draw))


def _fields(message: Any) -> Iterator[tuple[Any, Any]]:
    """Every field that is set in a message and in those within it, but for the numbers of large arrays."""
    for field, value in message.ListFields():
        yield message, field
        if field.message_type is not None:
            for item in value if field.is_repeated else [value]:
                yield from _fields(item)


def _on_items(items: Any, message: Any, field: Any, draw: random.Random) -> None:
    place, change = draw.randrange(len(items)), draw.randrange(5)
    if change == 0:
        del items[place]
    elif field.message_type is not None:
        if change == 1:
            items.add().CopyFrom(items[place])
        elif change == 2:
            items.add()
        elif change == 3:
            items[place].CopyFrom(items[draw.randrange(len(items))])
        else:
            items.reverse()
    elif change < 3:
        try:
            items[place] = odd(field, draw)
        except ValueError:  # larger than the type holds
            items[place] = items[0]
    else:
        items.append(items[draw.randrange(len(items))])


def _set(message: Any, name: str, value: Any) -> None:
    try:
        setattr(message, name, value)
    except ValueError:  # larger than the type holds
        message.ClearField(name)


def odd(field: Any, draw: random.Random) -> Any:
    """A value of a field's type."""
    if field.name in ("data_type", "elem_type", "type"):
        return draw.choice(ODD_TYPES)
    if field.cpp_type in (field.CPPTYPE_FLOAT, field.CPPTYPE_DOUBLE):
        return draw.choice(ODD_FLOATS)
    if field.cpp_type != field.CPPTYPE_STRING:
        return draw.choice(ODD_INTEGERS)
    if field.name == "op_type":
        return draw.choice((*operators(), *COMPUTED))
    text = draw.choice(ODD_TEXTS)
    return text.encode("utf-8", "replace") if field.type == field.TYPE_BYTES else text


# ---- graphs ---------------------------------------------------------------------------------------------------------


class Graph:
    """A graph of a few nodes, drawn."""

    def __init__(self, draw: random.Random) -> None:
        self.draw = draw
        self.odds = draw.choice((0.0, 0.0, 0.02, 0.08))
        """How many of the values are odd ones."""
        self.nodes: list[Any] = []
        self.arrays: list[Any] = []
        self.tensors: list[tuple[str, Shape]] = []
        """What there is to be read, and its shape."""

    def model(self) -> ModelProto:
        """A model of one to eight nodes behind one input or two."""
        draw = self.draw
        inputs = [("x", self.shape())] + [("z", self.shape())] * (draw.random() < 0.2)
        self.tensors += inputs
        for _ in range(draw.choice((1, 2, 3, 4, 8))):
            self.add()
        last = self.tensors[-1][0]
        infos = [helper.make_tensor_value_info(name, self.type(), self.dims(shape)) for name, shape in inputs]
        out = [helper.make_tensor_value_info(last, self.type(), draw.choice((None, None, self.shape())))]
        graph = helper.make_graph(self.nodes, "g", infos, out, self.arrays)
        opsets = [helper.make_opsetid("", draw.choice((7, 11, 13, 17, 20, 21, 21, 23)))]
        return helper.make_model(graph, opset_imports=[*opsets, helper.make_opsetid("com.microsoft", 1)], ir_version=10)

    def shape(self) -> Shape:
        draw = self.draw
        largest = draw.choice((1, 6, 16))
        positions = [draw.randint(1, largest) for _ in range(draw.choice((0, 1, 2, 2, 2, 3)))]
        return 1, draw.choice((1, 2, 3, 4, 8)), *positions

    def type(self) -> int:
        return self.draw.choice(ODD_TYPES) if self.is_odd() else TensorProto.FLOAT

    def dims(self, shape: Shape) -> list[Any]:
        """Sizes as a model's input has them: some open, some odd."""
        draw = self.draw
        open_batch: list[Any] = ["n"] if draw.random() < 0.2 else [shape[0]]
        sizes = open_batch + list(shape[1:])
        return [draw.choice((0, -1, None, "n", 2**31, 2**62)) if self.is_odd() else size for size in sizes]

    def is_odd(self) -> bool:
        return self.draw.random() < self.odds

    def number(self, value: int) -> int:
        return self.draw.choice(ODD_INTEGERS) if self.is_odd() else value

    def weight(self, *dims: int) -> str:
        """An array of sizes alone."""
        sizes = [self.number(size) for size in dims]
        return self.array(TensorProto(data_type=self.type(), dims=sizes))

    def numbers(self, values: Any, dtype: str = "int64") -> str:
        """An array with its numbers; a scalar or of other numbers where it is odd."""
        if self.is_odd():
            values = self.draw.choice((0, [], -1, [values], self.draw.choice(ODD_INTEGERS)))
        return self.array(numpy_helper.from_array(np.asarray(values, dtype)))

    def array(self, proto: Any) -> str:
        name = f"w{len(self.arrays)}"
        proto.name = name
        self.arrays.append(proto)
        return name

    def add(self) -> None:
        """One more node; with a recipe it fits what it reads, else it is drawn from ONNX's schema of it."""
        draw = self.draw
        x, shape = self.tensors[-1] if draw.random() < 0.8 else draw.choice(self.tensors)
        recipe = draw.choice(RECIPES)
        if draw.random() < 0.85:
            op, inputs, attributes, leaves = getattr(self, recipe)(x, shape)
            inputs = [x, *inputs]
        else:
            op, inputs, attributes, leaves = self.any_operator(x, shape)
        if self.is_odd():
            attributes |= self.attributes(op)
        if self.is_odd() and inputs:
            inputs[draw.randrange(len(inputs))] = draw.choice(["", "nowhere", "y", *(name for name, _ in self.tensors)])
        outputs = [f"t{len(self.nodes)}" if not self.is_odd() else draw.choice(("", "x", "t0", "a\nb"))]
        outputs += [f"t{len(self.nodes)}b"] if op == "Split" or self.is_odd() else []
        name = draw.choice(ODD_TEXTS) if draw.random() < 0.05 else draw.choice(("", f"/block/{op}_{len(self.nodes)}"))
        attributes = {key: _utf8(value) for key, value in attributes.items() if value is not None and value != []}
        domain = draw.choice(("com.microsoft", "odd.domain")) if self.is_odd() else ""
        self.nodes.append(helper.make_node(op, inputs, outputs, name=_utf8(name), domain=domain, **attributes))
        self.tensors.append((outputs[0], tuple(min(max(1, size), 10**6) for size in leaves)))

    def any_operator(self, x: str, shape: Shape) -> tuple[str, list[str], dict[str, Any], Shape]:
        """An operator with inputs and attributes as its schema has them."""
        draw = self.draw
        op = draw.choice((*operators(), *COMPUTED)).rpartition(".")[2]
        schema = _schema(op)
        count = 2 if schema is None else draw.randint(schema.min_input, min(schema.max_input, schema.min_input + 2))
        others: list[Callable[[], str]] = [
            lambda: x,
            lambda: self.numbers(draw.choice((1, [1], list(shape), [0, 1]))),
            lambda: "",
        ]
        others += [lambda: self.weight(*draw.choice((shape, shape[1:], (shape[1],), ()))), lambda: self.tensors[0][0]]
        return op, [x, *(draw.choice(others)() for _ in range(count - 1))][:count], self.attributes(op), shape

    def attributes(self, op: str) -> dict[str, Any]:
        """Some of those that ONNX's schema has for an operator, of the right type."""
        draw, schema = self.draw, _schema(op)
        of_type: dict[str, Any] = {
            "INT": lambda: draw.choice(ODD_INTEGERS),
            "FLOAT": lambda: draw.choice(ODD_FLOATS),
            "STRING": lambda: draw.choice(ODD_TEXTS),
            "INTS": lambda: [draw.choice(ODD_INTEGERS) for _ in range(draw.choice((1, 2, 4)))],
            "FLOATS": lambda: [draw.choice(ODD_FLOATS) for _ in range(draw.choice((1, 2, 4)))],
            "TENSOR": lambda: numpy_helper.from_array(np.asarray(draw.choice((1, [1, 2], [], [[0]])), "int64")),
        }
        known = [a for a in schema.attributes.values() if a.type.name in of_type] if schema is not None else []
        known.sort(key=lambda attribute: str(attribute.name))
        drawn = draw.sample(known, min(len(known), draw.choice((1, 1, 2, 9))))
        return {attribute.name: of_type[attribute.type.name]() for attribute in drawn}

    # ---- recipes: operator, inputs behind the first, attributes, and the shape that leaves

    def window(self, shape: Shape) -> tuple[dict[str, Any], Shape, Shape]:
        """Attributes of a window, its sizes, and the positions that leave."""
        draw, positions = self.draw, shape[2:]
        kernel = tuple(draw.randint(1, min(3, size)) for size in positions)
        stride, pad = draw.choice((1, 1, 2)), draw.choice((0, 0, 1))
        pad = pad if all(size > pad for size in kernel) else 0
        leaves = tuple((size + 2 * pad - k) // stride + 1 for size, k in zip(positions, kernel, strict=True))
        strides, pads = [self.number(stride) for _ in kernel], [self.number(pad) for _ in kernel] * 2
        attributes: dict[str, Any] = {"kernel_shape": list(kernel), "strides": strides, "pads": pads}
        return attributes, kernel, leaves

    def convolution(self, x: str, shape: Shape) -> tuple[str, list[str], dict[str, Any], Shape]:
        draw, channels = self.draw, shape[1]
        if len(shape) < 3:
            return self.activation(x, shape)
        attributes, kernel, positions = self.window(shape)
        groups, out = (channels, channels) if draw.random() < 0.2 else (1, draw.choice((1, 2, 4, 8)))
        bias = [self.weight(out)] if draw.random() < 0.5 else []
        attributes["group"] = self.number(groups)
        if draw.random() < 0.2 and groups == 1:
            last = tuple((size - 1) * stride - 2 * pad + k for size, stride, pad, k in
                         zip(shape[2:], attributes["strides"], attributes["pads"], kernel, strict=False))  # fmt: skip
            return "ConvTranspose", [self.weight(channels, out, *kernel), *bias], attributes, (shape[0], out, *last)
        weight = self.weight(out, channels // groups, *kernel)
        return "Conv", [weight, *bias], attributes, (shape[0], out, *positions)

    def pool(self, x: str, shape: Shape) -> tuple[str, list[str], dict[str, Any], Shape]:
        if len(shape) < 3:
            return self.activation(x, shape)
        attributes, _, positions = self.window(shape)
        if self.draw.random() < 0.3:
            op = self.draw.choice(("GlobalAveragePool", "GlobalMaxPool"))
            return op, [], {}, (*shape[:2], *(1 for _ in shape[2:]))
        attributes |= self.draw.choice(({}, {}, {"ceil_mode": self.number(0)}))
        return self.draw.choice(("MaxPool", "AveragePool")), [], attributes, (*shape[:2], *positions)

    def normalisation(self, x: str, shape: Shape) -> tuple[str, list[str], dict[str, Any], Shape]:
        c = shape[1]
        epsilon = {"epsilon": self.draw.choice(ODD_FLOATS) if self.is_odd() else 1e-5}
        way = self.draw.randrange(4)
        if way == 0:
            return "LayerNormalization", [self.weight(shape[-1]), self.weight(shape[-1])], epsilon, shape
        if way == 1 and len(shape) > 2:
            return "LRN", [], {"size": self.number(3)}, shape
        if way == 2 and len(shape) > 2:
            return "InstanceNormalization", [self.weight(c), self.weight(c)], epsilon, shape
        return "BatchNormalization", [self.weight(c) for _ in range(4)], epsilon, shape

    def activation(self, x: str, shape: Shape) -> tuple[str, list[str], dict[str, Any], Shape]:
        draw = self.draw
        way = draw.random()
        if way < 0.15:
            bounds = [self.numbers(draw.choice((*ODD_FLOATS, 6.0)), "float32") for _ in range(2)]
            return "Clip", bounds, {}, shape
        if way < 0.25:
            return "PRelu", [self.weight(shape[1], *(1 for _ in shape[2:]))], {}, shape
        if way < 0.3:
            return "Pow", [self.numbers(draw.choice((2.0, 0.5, -1.0)), "float32")], {}, shape
        op = draw.choice(ACTIVATIONS)
        has_alpha = "alpha" in getattr(_schema(op), "attributes", {})
        return op, [], {"alpha": draw.choice((0.1, 1.0, *ODD_FLOATS))} if has_alpha and way < 0.7 else {}, shape

    def merge(self, x: str, shape: Shape) -> tuple[str, list[str], dict[str, Any], Shape]:
        draw = self.draw
        alike = [name for name, of in self.tensors if of == shape]
        other = draw.choice((draw.choice(alike), self.weight(shape[1], *(1 for _ in shape[2:])), self.weight(1)))
        if draw.random() < 0.3:
            other = draw.choice(alike)
            return "Concat", [other], {"axis": self.number(1)}, (shape[0], 2 * shape[1], *shape[2:])
        return draw.choice(("Add", "Mul", "Sub", "Div", "Max", "Min", "Sum")), [other], {}, shape

    def rearrangement(self, x: str, shape: Shape) -> tuple[str, list[str], dict[str, Any], Shape]:
        draw, size = self.draw, prod(shape[1:])
        way = draw.randrange(8)
        if way == 0:
            return "Flatten", [], {"axis": self.number(1)}, (shape[0], size)
        if way == 1:
            to = draw.choice(([shape[0], -1], [0, 0, -1], list(shape), [0, -1, shape[-1]]))
            known = tuple(shape[place] if s == 0 and place < len(shape) else s for place, s in enumerate(to))
            leaves = tuple(max(1, prod(shape) // max(1, -prod(known))) if s == -1 else s for s in known)
            return "Reshape", [self.numbers([self.number(s) for s in to])], {}, leaves
        if way == 2:
            order = list(range(1, len(shape)))
            draw.shuffle(order)
            return "Transpose", [], {"perm": [0, *map(self.number, order)]}, (shape[0], *(shape[i] for i in order))
        if way == 3:
            axis = draw.randrange(1, len(shape))
            place = [self.numbers([self.number(value)]) for value in (0, max(1, shape[axis] - 1), axis)]
            return "Slice", place, {}, (*shape[:axis], max(1, shape[axis] - 1), *shape[axis + 1 :])
        if way == 4:
            return "Unsqueeze", [self.numbers([self.number(len(shape))])], {}, (*shape, 1)
        if way == 5 and len(shape) > 2:
            pads = [0, 0, *(1 for _ in shape[2:])] * 2
            mode = draw.choice(("constant", "reflect", "edge", "wrap"))
            return "Pad", [self.numbers([self.number(p) for p in pads])], {"mode": mode}, (
                *shape[:2], *(s + 2 for s in shape[2:]))  # fmt: skip
        if way == 6 and shape[1] > 1:
            half = shape[1] // 2
            return "Split", [self.numbers([half, shape[1] - half])], {"axis": self.number(1)}, (
                shape[0], half, *shape[2:])  # fmt: skip
        return "Gather", [self.numbers(draw.choice((0, [0], self.number(0))))], {"axis": 1}, (shape[0], 1, *shape[2:])

    def resampling(self, x: str, shape: Shape) -> tuple[str, list[str], dict[str, Any], Shape]:
        draw = self.draw
        if len(shape) != 4 or draw.random() < 0.5:
            scales = [1.0, 1.0, *(2.0 for _ in shape[2:])]
            scales = [draw.choice(ODD_FLOATS) if self.is_odd() else scale for scale in scales]
            mode = draw.choice(("nearest", "linear", "cubic", "area"))
            return "Resize", ["", self.numbers(scales, "float32")], {"mode": mode}, (
                *shape[:2], *(2 * s for s in shape[2:]))  # fmt: skip
        if shape[1] % 4 == 0:
            leaves = (shape[0], shape[1] // 4, 2 * shape[2], 2 * shape[3])
            return "DepthToSpace", [], {"blocksize": self.number(2)}, leaves
        return "Tile", [self.numbers([1, 1, 1, self.number(2)])], {}, (*shape[:3], 2 * shape[3])

    def reduction(self, x: str, shape: Shape) -> tuple[str, list[str], dict[str, Any], Shape]:
        draw = self.draw
        axis, keep = draw.randrange(1, len(shape)), draw.random() < 0.7
        leaves = (*shape[:axis], *([1] if keep else []), *shape[axis + 1 :])
        op = draw.choice(("ReduceMean", "ReduceSum", "ReduceMax", "ReduceMin"))
        return op, [self.numbers([self.number(axis)])], {"keepdims": int(keep)}, leaves if len(leaves) > 1 else (1, 1)

    def product(self, x: str, shape: Shape) -> tuple[str, list[str], dict[str, Any], Shape]:
        out = self.draw.choice((1, 4, 8))
        if len(shape) == 2 and self.draw.random() < 0.6:
            factors = {"alpha": self.draw.choice(ODD_FLOATS)} if self.is_odd() else {}
            return "Gemm", [self.weight(out, shape[1]), self.weight(out)], {"transB": 1, **factors}, (shape[0], out)
        return "MatMul", [self.weight(shape[-1], out)], {}, (*shape[:-1], out)


RECIPES = ["convolution", "convolution", "pool", "normalisation", "activation", "activation", "merge"]
RECIPES += ["rearrangement", "rearrangement", "resampling", "reduction", "product"]


@cache
def _schema(op: str) -> Any:
    return onnx.defs.get_schema(op) if onnx.defs.has(op) else None


def _utf8(value: Any) -> Any:
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else value
