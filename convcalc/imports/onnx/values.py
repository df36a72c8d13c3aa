"""The tensors of a graph as drafts make them, and what an operator's translation is given.

ONNX has the batch as an axis, and a network of ours has none. At batch 1 that axis holds one position, so a tensor of
ours is ONNX's with that axis left out: `Value.batch` says which, None where the batch has become part of another axis
or where there was none. Of a batch that is fixed at more, one sample is built (see `batches`). An operator asks for its
input with a certain axis left out, and gets a reshape where it must.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from convcalc.imports.arrays import checked
from convcalc.imports.drafts import Builder, Draft
from convcalc.imports.errors import Inexpressible
from convcalc.imports.onnx.constants import Constant, is_learned, whole
from convcalc.imports.onnx.nodes import Attributes, GraphNode
from convcalc.imports.onnx.reading import FLOAT
from convcalc.layers import Shape


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

    @property
    def draft(self) -> Draft:
        """What makes it, where it is neither constant nor unknown."""
        assert self.source is not None  # noqa: S101  # operators are not called with what is unknown
        return self.source


def without(shape: Shape, axis: int | None) -> Shape:
    """A shape with one axis left out; one that would then have none keeps it."""
    if axis is None or len(shape) == 1:
        return shape
    return (*shape[:axis], *shape[axis + 1 :])


def constant_value(constant: Constant) -> Value:
    """A constant as a tensor of the graph."""
    return Value(constant.shape, None, None, constant, constant.element_type)


def viewed(builder: Builder, value: Value, batch: int | None, rank: int = 0) -> Draft:
    """A value with the axis `batch` left out, of at least `rank` axes with the batch; ones are put before it."""
    shape = (*(1,) * (rank - len(value.shape)), *value.shape)
    if batch is not None and shape[batch] != 1:
        raise Inexpressible(f"axis {batch} of shape {list(shape)} is where the batch should be")
    wanted = without(shape, batch)
    if value.constant is not None:
        return parameter(builder, value.constant, wanted)
    return builder.reshaped(value.draft, wanted)


def parameter(builder: Builder, constant: Constant, shape: Shape) -> Draft:
    """A layer whose output is a constant."""
    learned = is_learned(constant)
    fields = {"sizes": checked(shape)} | ({} if learned else {"learned": False})
    arrays = {"weight" if learned else "constant": constant}
    return builder.layer("parameter", fields, builder.entering(), (), arrays)


class Call:
    """A node that is to be translated: its inputs, its attributes, and the drafts made so far."""

    def __init__(
        self,
        builder: Builder,
        node: GraphNode,
        inputs: list[Value | None],
        opset: int,
        declared: Callable[[str], Value | None] = lambda name: None,
    ) -> None:
        self.builder, self.node, self.inputs, self.opset = builder, node, inputs, opset
        self._declared = declared

    @property
    def attributes(self) -> Attributes:
        return self.node.attributes

    def has(self, index: int) -> bool:
        """Whether the node has an input at this place."""
        return index < len(self.inputs) and self.inputs[index] is not None

    def value(self, index: int) -> Value:
        """An input that the operator cannot do without."""
        value = self.inputs[index] if index < len(self.inputs) else None
        if value is None:
            raise Inexpressible(f"input {index + 1} is missing")
        return value

    def values(self) -> list[Value]:
        """The inputs that the node has, in order."""
        return [value for value in self.inputs if value is not None]

    def constant(self, index: int, what: str = "a tensor") -> Constant:
        """An input that must be a constant."""
        constant = self.value(index).constant
        if constant is None:
            raise Inexpressible(f"{what} that another layer computes")
        return constant

    def declared_shape(self, why: str) -> Shape:
        """The shape that the file declares for the first output, where `why` says that nothing else tells it."""
        value = self._declared(self.node.outputs[0]) if self.node.outputs else None
        if value is None:
            raise Inexpressible(f"{why}, and no shape of what leaves in the file")
        return value.shape

    def numbers(self, index: int, attribute: str = "") -> list[int] | None:
        """Whole numbers given by an attribute, as in older opsets, or by an input; None if by neither."""
        stated = self.attributes.integers(attribute) if attribute else None
        if stated is not None:
            return stated
        if not self.has(index):
            return None
        return self.constant(index, "sizes or axes").integers()

    def set_numbers(self, index: int, numbers: Sequence[int]) -> None:
        """Put other whole numbers in the place of an input."""
        self.inputs[index] = constant_value(whole(numbers))

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
        return viewed(self.builder, value, 0)

    def layer(
        self, kind: str, fields: dict[str, Any], *inputs: Draft, arrays: Mapping[str, Constant] | None = None
    ) -> Draft:
        """Add a layer of a kind that does what the node does."""
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
        return from_front(self.attributes.integer(name, default), rank)

    def flag(self, name: str, default: int = 0) -> bool:
        """Whether an attribute, which is 0 or 1, is set."""
        return bool(self.attributes.integer(name, default))


def from_front(axis: int, rank: int) -> int:
    """An axis counted from the beginning, which may be written counted from the end."""
    if not -rank <= axis < max(rank, 1):
        raise Inexpressible(f"axis {axis} of a tensor of {rank} axes")
    return axis % max(rank, 1)


def own_axis(axis: int, batch: int | None) -> int:
    """An axis of ONNX as one of ours; the batch itself is none."""
    if axis == batch:
        raise Inexpressible("it works on the batch axis")
    return axis - 1 if batch is not None and axis > batch else axis
