"""Layers as they are being found: drafts, the tensors they make, and what an operator's translation is given.

ONNX has the batch as an axis, and a network of ours has none. At batch 1 that axis holds one position, so a tensor of
ours is ONNX's with that axis left out: `Value.batch` says which, None where the batch has become part of another axis
or where there was none. Of a batch that is fixed at more, one sample is built (see `batches`). An operator asks for its
input with a certain axis left out, and gets a reshape where it must.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any

import msgspec

from convcalc import steps
from convcalc.imports.errors import Inexpressible
from convcalc.imports.onnx.constants import Constant, checked, is_learned
from convcalc.imports.onnx.reading import FLOAT, Attributes, Node
from convcalc.language.tree import number
from convcalc.layers import Kind, Shape, Weights, defaults, field_types, load

INPUT = "input"
"""The kind of a draft that is an input of the network."""

CONFIGURED = 80
"""Steps that it takes to work out a layer unlike those before it."""

UNKNOWN = "opaque"
"""The kind of a draft that no kind says, unless it becomes a part of one that does."""


class Draft:
    """A layer to be: `arrays` are the constants it uses, as its kind calls them, `nodes` what it comes from.

    `array_shapes` are the sizes that the kind has for these.

    Of one that is unknown, `reason` is why.
    """

    __slots__ = ("array_shapes", "arrays", "fields", "inputs", "kind", "name", "nodes", "reason", "shape")

    def __init__(
        self,
        kind: str,
        fields: dict[str, Any],
        inputs: Sequence[Draft],
        shape: Shape,
        nodes: tuple[Node, ...] = (),
        arrays: Mapping[str, Constant] | None = None,
    ) -> None:
        self.kind, self.fields, self.inputs, self.shape = kind, fields, list(inputs), shape
        self.nodes, self.arrays, self.name, self.reason = nodes, arrays or {}, "", ""
        self.array_shapes: Weights = {}

    @property
    def weights(self) -> tuple[str, ...]:
        """The initialisers it uses."""
        return tuple(name for array in self.arrays.values() for name in array.made_of)

    @property
    def op(self) -> str:
        """The type of the operator that made it."""
        return self.nodes[-1].op if self.nodes else ""


class Value(msgspec.Struct):
    """A tensor of the graph: ONNX's shape, and either the draft that makes it or the constant that it is.

    Neither: its shape is not known, or it is nothing that has one. `samples` is the axis along which the samples lie of
    a batch of more than one, of which the shape is that of one.
    """

    shape: Shape
    source: Draft | None = None
    batch: int | None = None
    constant: Constant | None = None
    element_type: int = FLOAT
    samples: int | None = None

    @property
    def known(self) -> bool:
        """Whether anything can be made of it."""
        return self.source is not None or self.constant is not None


def without(shape: Shape, axis: int | None) -> Shape:
    """A shape with one axis left out; one that would then have none keeps it."""
    if axis is None or len(shape) == 1:
        return shape
    return (*shape[:axis], *shape[axis + 1 :])


def constant_value(constant: Constant) -> Value:
    """A constant as a tensor of the graph."""
    return Value(constant.shape, None, None, constant, constant.element_type)


class Builder:
    """All drafts so far, in order."""

    def __init__(self) -> None:
        self.drafts: list[Draft] = []
        self._known: dict[tuple[Any, ...], tuple[dict[str, Any], Shape, Weights]] = {}

    def layer(
        self,
        kind: str,
        fields: dict[str, Any],
        inputs: Sequence[Draft],
        nodes: tuple[Node, ...] = (),
        arrays: Mapping[str, Constant] | None = None,
    ) -> Draft:
        """A layer of a kind; `Inexpressible` if the kind does not take these fields or shapes."""
        shapes = tuple(each.shape for each in inputs)
        key = (kind, repr(fields), shapes)
        if key not in self._known:
            steps.spend(CONFIGURED + 4 * len(inputs))
            self._known[key] = configured(kind, fields, shapes)
        written, shape, array_shapes = self._known[key]
        draft = Draft(kind, written, inputs, shape, nodes, arrays)
        draft.array_shapes = array_shapes
        self.drafts.append(draft)
        return draft

    def reshaped(self, x: Draft, shape: Shape, nodes: tuple[Node, ...] = ()) -> Draft:
        """The same elements in another shape."""
        if x.shape == shape:
            return x
        if len(shape) == 1:
            return self.layer("flatten", {}, [x], nodes)
        return self.layer("reshape", {"sizes": shape}, [x], nodes)

    def viewed(self, value: Value, batch: int | None, rank: int = 0) -> Draft:
        """A value with the axis `batch` left out, of at least `rank` axes with the batch; ones are put before it."""
        shape = (*(1,) * (rank - len(value.shape)), *value.shape)
        if batch is not None and shape[batch] != 1:
            raise Inexpressible(f"axis {batch} of shape {list(shape)} is where the batch should be")
        wanted = without(shape, batch)
        if value.constant is not None:
            return self.parameter(value.constant, wanted)
        assert value.source is not None  # noqa: S101  # operators are not called with what is unknown
        return self.reshaped(value.source, wanted)

    def parameter(self, constant: Constant, shape: Shape) -> Draft:
        """A constant as a tensor."""
        checked(shape)
        fields: dict[str, Any] = {"sizes": shape}
        learned = is_learned(constant)
        if not learned:
            fields["learned"] = False
        arrays = {"weight" if learned else "constant": constant}
        return self.layer("parameter", fields, self.entering(), (), arrays)

    def entering(self) -> list[Draft]:
        """The first input of the network, for what reads none of its own; the inputs are the first drafts."""
        if not self.drafts or self.drafts[0].kind != INPUT:
            raise Inexpressible("a network without an input")
        return self.drafts[:1]


def configured(kind: str, fields: dict[str, Any], shapes: tuple[Shape, ...]) -> tuple[dict[str, Any], Shape, Weights]:
    """The fields as a person would write them, the shape that leaves, and those of the layer's arrays."""
    of = load(kind)
    assert of is not None, kind  # noqa: S101  # operators name kinds that there are
    types, standard, rank = field_types(of), defaults(of), len(shapes[0]) - 1
    values = {name: types[name].expand(value, rank) for name, value in standard.items() if name in types}
    expanded = dict(values)
    for name, value in fields.items():
        try:
            values[name] = types[name].accept(_frozen(value), rank)
            _check_sayable(value)
        except ValueError as error:
            raise Inexpressible(f"{kind} with {name}: {error}") from None
    config: Kind = of(**values)
    least, most = config.inputs
    if len(shapes) < least or (most is not None and len(shapes) > most):
        raise Inexpressible(f"{kind} of {len(shapes)} tensors")
    for check in config.checks(*shapes):
        if not check.holds:
            raise Inexpressible(f"{kind}: {check.message(*check.arguments)}")
    shape = config.shape(*shapes)
    if any(size < 1 for size in shape):
        raise Inexpressible(f"{kind}: nothing is left of it, its shape is {list(shape)}")
    written = {
        name: brief(fields[name])
        for name in types
        if name in fields and not (name in expanded and values[name] == expanded[name])
    }
    return written, checked(shape), {**config.weights(*shapes), **config.buffers(*shapes)}


def _check_sayable(value: Any) -> None:
    """Raises ValueError for a number that no spec says: one that is infinite or none, or has too many digits."""
    if isinstance(value, float):
        if not isfinite(value):
            raise ValueError(f"expected a finite number, found {value}")
        number(repr(value))


def _frozen(value: Any) -> Any:
    return tuple(map(_frozen, value)) if isinstance(value, list | tuple) else value


def brief(value: Any) -> Any:
    """A value in lists, as a file has it."""
    return [brief(item) for item in value] if isinstance(value, tuple | list) else value


class Call:
    """A node that is to be translated: its inputs, its attributes, and the drafts made so far."""

    def __init__(self, builder: Builder, node: Node, inputs: list[Value | None], opset: int) -> None:
        self.builder, self.node, self.inputs, self.opset = builder, node, inputs, opset

    @property
    def attributes(self) -> Attributes:
        return self.node.attributes

    def has(self, index: int) -> bool:
        """Whether an input is given."""
        return index < len(self.inputs) and self.inputs[index] is not None

    def value(self, index: int) -> Value:
        """An input that must be given."""
        found = self.inputs[index] if index < len(self.inputs) else None
        if found is None:
            raise Inexpressible(f"input {index + 1} is missing")
        return found

    def constant(self, index: int, what: str) -> Constant:
        """An input that must be a constant."""
        constant = self.value(index).constant
        if constant is None:
            raise Inexpressible(f"{what} that another layer computes")
        return constant

    def numbers(self, index: int, attribute: str = "") -> list[int] | None:
        """Whole numbers given by an attribute, as in older opsets, or by an input; None if by neither."""
        stated = self.attributes.integers(attribute) if attribute else None
        if stated is not None:
            return stated
        if not self.has(index):
            return None
        return self.constant(index, "sizes or axes").integers()

    def real(self, index: int, attribute: str = "") -> float | None:
        """A number given by an attribute or by an input; None if by neither, or if it is not in the file."""
        if attribute in self.attributes:
            return self.attributes.real(attribute)
        if not self.has(index):
            return None
        numbers = self.constant(index, "a number").numbers
        return float(numbers[0]) if numbers else None

    def map(self, index: int = 0) -> Draft:
        """An input whose first axis is the batch, left out."""
        value = self.value(index)
        if len(value.shape) < 2:
            raise Inexpressible(f"a tensor of shape {list(value.shape)}, where batch and channels are expected")
        return self.builder.viewed(value, 0)

    def layer(
        self, kind: str, fields: dict[str, Any], *inputs: Draft, arrays: Mapping[str, Constant] | None = None
    ) -> Draft:
        """A layer of a kind."""
        return self.builder.layer(kind, fields, inputs, (self.node,), arrays)

    def out(self, draft: Draft, batch: int | None = 0) -> Value:
        """The tensor a draft makes, the batch put back as an axis."""
        shape = draft.shape if batch is None else (*draft.shape[:batch], 1, *draft.shape[batch:])
        return Value(shape, draft, batch, None, self.element_type)

    @property
    def element_type(self) -> int:
        """The element type of the first input."""
        return next((value.element_type for value in self.inputs if value is not None), FLOAT)

    def axis(self, name: str, default: int, rank: int) -> int:
        """An axis given by an attribute, counted from the beginning."""
        axis = self.attributes.integer(name, default)
        if not -rank <= axis < max(rank, 1):
            raise Inexpressible(f"axis {axis} of a tensor of {rank} axes")
        return axis % max(rank, 1)


def own_axis(axis: int, batch: int | None) -> int:
    """An axis of ONNX as one of ours; the batch itself is none."""
    if axis == batch:
        raise Inexpressible("it works on the batch axis")
    return axis - 1 if batch is not None and axis > batch else axis
