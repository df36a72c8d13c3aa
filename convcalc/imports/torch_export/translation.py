"""What PyTorch's operators are in ONNX's words: the nodes that are made of a graph, in order."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf, isfinite, prod
from typing import Any

from convcalc import steps
from convcalc.arithmetic.precision import Format
from convcalc.imports.arrays import checked
from convcalc.imports.errors import CannotImport, Inexpressible, plain
from convcalc.imports.onnx.nodes import Attributes, GraphNode
from convcalc.imports.onnx.reading import BOOL, FLOAT, INT64
from convcalc.imports.spelling import CodePlace
from convcalc.imports.torch_export.graph import (
    Argument,
    NumberName,
    TensorMeta,
    TensorName,
    TorchGraph,
    TorchOperation,
)
from convcalc.imports.torch_export.operators import rule_of

ELEMENT_TYPES = {1: 2, 2: 3, 3: 5, 4: 6, 5: 7, 6: 10, 7: 1, 8: 11, 12: 9, 13: 16, 28: 4, 29: 17, 30: 19}
"""ONNX's numbers of the element types, by PyTorch's."""

_OPERATION = 20

Numbers = tuple[int | float, ...]


class TorchNode(GraphNode):
    """A node that stands for an operator of PyTorch's, or a part of one.

    `path` are the modules that it was called in, `place` is what is known of how.
    """

    path: tuple[str, ...] = ()
    place: CodePlace | None = None

    def modules(self) -> list[str]:
        """The modules of the program that it was called in, from the outside in."""
        return list(self.path)


class TorchCall:
    """The operator that is to be put in other words: its arguments by name, and what is known of their sizes."""

    def __init__(self, translation: Translation, operation: TorchOperation) -> None:
        self.translation, self.operation = translation, operation
        self._parts = 0

    # ---- arguments ---------------------------------------------------------------------------------------------------

    def argument(self, name: str, default: Argument = None) -> Argument:
        """An argument as it was given, or the default that the operator has for it."""
        value = self.operation.arguments.get(name)
        return default if value is None else value

    def first(self, *names: str) -> str:
        """The tensor under the first of these names that was given."""
        for name in names:
            value = self.argument(name)
            if isinstance(value, TensorName):
                return self.translation.name_of(value)
        raise Inexpressible(f"no tensor is given as {names[0]}")

    @property
    def x(self) -> str:
        """The tensor that an operator is about."""
        return self.first("self", "input", "x", "tensor")

    def tensor(self, name: str) -> str:
        """A tensor, or "" where it is left out."""
        value = self.argument(name)
        return self.translation.name_of(value) if isinstance(value, TensorName) else ""

    def tensors(self, name: str) -> list[str]:
        """A list of tensors."""
        values = self.argument(name, [])
        if not isinstance(values, list) or not all(isinstance(value, TensorName) for value in values):
            raise Inexpressible(f"{name} is no list of tensors")
        return [self.translation.name_of(value) for value in values]

    def integer(self, name: str, default: int = 0) -> int:
        value = self.argument(name, default)
        if not isinstance(value, int):
            raise Inexpressible(f"{name} is no whole number that is known")
        return value

    def real(self, name: str, default: float = 0.0) -> float:
        value = self.argument(name, default)
        if isinstance(value, str):
            value = {"Infinity": inf, "-Infinity": -inf}.get(value, value)
        if not isinstance(value, int | float):
            raise Inexpressible(f"{name} is no number that is known")
        return float(value)

    def flag(self, name: str, default: bool = False) -> bool:
        return bool(self.argument(name, default))

    def text(self, name: str, default: str = "") -> str:
        value = self.argument(name, default)
        return value if isinstance(value, str) else default

    def integers(self, name: str) -> list[int] | None:
        """Whole numbers; one alone is a list of it; None where they are left out."""
        value = self.argument(name)
        if value is None:
            return None
        values = value if isinstance(value, list) else [value]
        if not all(isinstance(item, int) for item in values):
            raise Inexpressible(f"{name} holds numbers that are not known")
        return list(values)

    def per_axis(self, name: str, rank: int, default: int) -> list[int]:
        """A number for each axis, where one may stand for all."""
        values = self.integers(name) or [default]
        values = values * rank if len(values) == 1 else values
        if len(values) != rank:
            raise Inexpressible(f"{name} {values} for {rank} axes")
        return values

    def sizes(self, name: str) -> str:
        """A list of sizes as a tensor, some of which may be worked out while the network runs."""
        value = self.argument(name, [])
        values = value if isinstance(value, list) else [value]
        if all(isinstance(item, int) for item in values):
            return self.constant(values)
        parts = [self.number(item) for item in values]
        return self.node("Concat", *parts, axis=0)

    def number(self, value: Argument) -> str:
        """A whole number as a tensor of one axis."""
        if isinstance(value, NumberName):
            return value.name
        if isinstance(value, TensorName):
            return self.node("Reshape", self.translation.name_of(value), self.constant([1]))
        if not isinstance(value, int):
            raise Inexpressible("a size that is no whole number")
        return self.constant([value])

    def maker(self, name: str) -> str:
        """The operator that makes an argument, without its overload; "" where none does."""
        value = self.argument(name)
        return self.translation.makers.get(value.name, "") if isinstance(value, TensorName) else ""

    def operand(self, name: str, beside: str = "") -> str:
        """A tensor, or a number as one; its type is that of the tensor it meets."""
        value = self.argument(name)
        if isinstance(value, TensorName):
            return self.translation.name_of(value)
        if isinstance(value, NumberName):
            return value.name
        if isinstance(value, str):
            value = {"Infinity": inf, "-Infinity": -inf}.get(value, value)
        if not isinstance(value, int | float):
            raise Inexpressible(f"{name} is no number that is known")
        return self.scalar(float(value) if self.element_type(beside) in (1, 10, 11, 16) else value)

    # ---- sizes -------------------------------------------------------------------------------------------------------

    def meta(self, name: str) -> TensorMeta:
        meta = self.translation.meta(name)
        if meta is None:
            raise Inexpressible("nothing is known of the size of what enters")
        return meta

    def rank(self, name: str) -> int:
        return len(self.meta(name).dims)

    def shape(self, name: str) -> tuple[int, ...]:
        """The sizes of a tensor, which must be fixed."""
        dims = self.meta(name).dims
        if not all(isinstance(size, int) for size in dims):
            raise Inexpressible(f"sizes {list(dims)} that are open")
        return tuple(size for size in dims if isinstance(size, int))

    def shape_on(self, name: str, axis: int) -> int:
        """The size of one axis, which must be fixed."""
        size = self.meta(name).dims[axis]
        if not isinstance(size, int):
            raise Inexpressible(f"an axis of {size}, which is open")
        return size

    def element_type(self, name: str) -> int:
        meta = self.translation.meta(name)
        return FLOAT if meta is None else ELEMENT_TYPES.get(meta.dtype, FLOAT)

    def axis(self, name: str, of: str, default: int = 0) -> int:
        """An axis of a tensor, counted from the first."""
        rank = max(self.rank(of), 1)
        axis = self.integer(name, default)
        if not -rank <= axis < rank:
            raise Inexpressible(f"axis {axis} of a tensor of {rank} axes")
        return axis % rank

    # ---- nodes -------------------------------------------------------------------------------------------------------

    @property
    def output(self) -> str:
        """The name of the first thing that leaves."""
        return next((name for name in self.operation.outputs if name), "")

    def fresh(self) -> str:
        """A name for what is made on the way."""
        self._parts += 1
        return f"{self.operation.name}/{self._parts}"

    def node(self, op: str, *inputs: str, out: str = "", domain: str = "", **attributes: Any) -> str:
        """A node with one output, the name of which it gives."""
        return self.nodes(op, inputs, (out or self.fresh(),), **attributes)[0]

    def nodes(self, op: str, inputs: Sequence[str], outputs: Sequence[str], **attributes: Any) -> Sequence[str]:
        """A node with several outputs."""
        title, known = self.operation.name, Attributes(attributes)
        path, place = self.operation.path, self.operation.place
        node = TorchNode(op, "", title, list(inputs), list(outputs), known, path=path, place=place)
        self.translation.nodes.append(node)
        return outputs

    def leaves(self, op: str, *inputs: str, **attributes: Any) -> None:
        """A node that makes what the operator makes."""
        self.node(op, *inputs, out=self.output, **attributes)

    def constant(self, numbers: Sequence[int | float], shape: Sequence[int] | None = None, kind: int = INT64) -> str:
        """Numbers as a tensor."""
        return self.translation.constant(tuple(numbers), (len(numbers),) if shape is None else tuple(shape), kind)

    def scalar(self, number: float) -> str:
        """One number as a tensor without axes."""
        if isinstance(number, float) and not isfinite(number):
            number = 3.4e38 if number > 0 else -3.4e38
        kind = BOOL if isinstance(number, bool) else INT64 if isinstance(number, int) else FLOAT
        return self.constant([number], (), kind)

    def filled(self, size: int, number: float) -> str:
        """So many times a number, which no array of the network is."""
        sizes = self.constant([size])
        value = self.constant([number], (1,), FLOAT)
        return self.node("Expand", self.node("Identity", value), sizes)


class Translation:
    """The nodes that are made of a graph, and the arrays that they read.

    `held` are the formats of arrays that are rounded and used as real numbers, `rounded` those that tensors are rounded
    to, by the name of what is rounded.
    """

    def __init__(self, graph: TorchGraph) -> None:
        self.graph = graph
        self.nodes: list[GraphNode] = []
        self.stored: dict[str, tuple[tuple[int, ...], int, Numbers | None]] = {}
        self.makers: dict[str, str] = {}
        self.held: dict[str, Format] = {}
        self.rounded: dict[str, Format] = {}
        for operation in graph.operations:
            word = operation.target.removeprefix("torch.ops.aten.").partition(".")[0]
            self.makers |= {name: word for name in operation.outputs if name}
        self._constants: dict[tuple[Any, ...], str] = {}
        arguments = [value for operation in graph.operations for value in operation.arguments.values()]
        references = [item for value in arguments for item in (value if isinstance(value, list) else [value])]
        self._read = {item.name for item in references if isinstance(item, TensorName | NumberName)}
        self._read |= set(graph.outputs)
        for name, own in graph.arrays.items():
            meta = graph.tensors.get(name)
            if meta is not None and all(isinstance(size, int) for size in meta.dims):
                shape = checked([size for size in meta.dims if isinstance(size, int)], f"array {plain(own)}")
                self.stored[own] = (shape, ELEMENT_TYPES.get(meta.dtype, FLOAT), None)

    def go(self) -> None:
        """Put every operator in other words; one for which there are none stays what it is."""
        for operation in self.graph.operations:
            steps.spend(_OPERATION)
            given = TorchCall(self, operation)
            start = len(self.nodes)
            rule = rule_of(operation.target)
            try:
                if rule is None:
                    raise Inexpressible("no rule")
                rule(given)
            except Inexpressible:
                del self.nodes[start:]
                self._unknown(operation, given)
            except (IndexError, KeyError, TypeError, ValueError, ZeroDivisionError):
                raise CannotImport(
                    f"{plain(operation.target)} at {plain(operation.name)}: its arguments do not go together"
                ) from None

    def _unknown(self, operation: TorchOperation, given: TorchCall) -> None:
        """A node that nobody knows, which reads and makes what the operator does."""
        values = [
            item for value in operation.arguments.values() for item in (value if isinstance(value, list) else [value])
        ]
        inputs = [self.name_of(value) for value in values if isinstance(value, TensorName)]
        outputs = [name or "" for name in operation.outputs]
        if any(outputs):
            given.nodes(short(operation.target), list(dict.fromkeys(inputs)), outputs)

    def is_read(self, name: str) -> bool:
        """Whether an operator reads it, or it leaves the graph."""
        return name in self._read

    def name_of(self, reference: TensorName) -> str:
        """What a tensor is called: an array by the program's own name."""
        return self.graph.arrays.get(reference.name, reference.name)

    def meta(self, name: str) -> TensorMeta | None:
        """What is known of a tensor."""
        if name in self.stored:
            shape, kind, _ = self.stored[name]
            return TensorMeta(shape, next((own for own, other in ELEMENT_TYPES.items() if other == kind), 7))
        return self.graph.tensors.get(name)

    def constant(self, numbers: Numbers, shape: tuple[int, ...], kind: int) -> str:
        """An array of numbers that stand in the graph; equal ones are one."""
        key = (tuple(map(repr, numbers)), shape, kind)
        if key not in self._constants:
            name = self._constants[key] = f"constant_{len(self._constants)}"
            self.stored[name] = (shape, kind, numbers if prod(shape) == len(numbers) else None)
        return self._constants[key]


def short(target: str) -> str:
    """The name of an operator without what all have in front: `aten.conv2d.default`."""
    return target.removeprefix("torch.ops.")
