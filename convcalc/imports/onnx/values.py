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
from convcalc.imports.onnx.tables import as_table, is_mask
from convcalc.layers import Shape


class Value(msgspec.Struct):
    """A tensor of the graph: ONNX's shape, and either the draft that makes it or the constant that it is.

    A draft of no known size makes one whose shape is not known. Neither: it is nothing that has a shape. `samples` is
    the axis along which the samples lie of a batch of more than one, of which the shape is that of one. `items` are the
    tensors of a sequence.
    """

    shape: Shape
    source: Draft | None = None
    batch: int | None = None
    constant: Constant | None = None
    element_type: int = FLOAT
    samples: int | None = None
    items: tuple[Value, ...] | None = None

    @property
    def known(self) -> bool:
        """Whether anything can be made of it."""
        return self.constant is not None or (self.source is not None and not self.source.is_unsized)

    @property
    def sources(self) -> list[Draft]:
        """The drafts that make it, those of the tensors in a sequence among them."""
        own = [] if self.source is None else [self.source]
        return [*own, *(draft for item in self.items or () for draft in item.sources)]

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
    wanted = without(shape, batch) or (1,)  # of a number alone, which has no axis in the file
    if value.constant is not None:
        return parameter(builder, value.constant, wanted)
    return builder.reshaped(value.draft, wanted)


def parameter(builder: Builder, constant: Constant, shape: Shape, *, is_bias: bool = False) -> Draft:
    """A layer whose output is a constant, or those that work it out; a bias is learned, be it one number."""
    made = constant.recipe and constant.recipe(builder)
    if made is not None:
        return builder.reshaped(made, shape)
    learned = is_bias or (is_learned(constant) and not is_mask(constant))
    constant = as_table(constant) if learned else constant
    fields = {"sizes": checked(shape)} | ({} if learned else {"learned": False})
    arrays = {"weight" if learned else "constant": constant}
    return builder.layer("parameter", fields, builder.entering(), (), arrays)


class Call:
    """A node that is to be translated: its inputs, its attributes, and the drafts made so far.

    `declared` gives the shape that the file has for the output at a place.
    """

    def __init__(
        self,
        builder: Builder,
        node: GraphNode,
        inputs: list[Value | None],
        opset: int,
        declared: Callable[[str], Shape | None] = lambda tensor: None,
    ) -> None:
        self.builder, self.node, self.inputs, self.opset = builder, node, inputs, opset
        self._declared = declared

    def declared(self, what: str, place: int = 0) -> Shape:
        """The shape that the file has for an output, where data say `what` makes it that large."""
        outputs = self.node.outputs
        shape = self._declared(outputs[place]) if place < len(outputs) and outputs[place] else None
        if shape is None:
            unread = any(value is not None and value.constant is not None for value in self.inputs[1:])
            why = "a size or axis that is computed from data" if unread else f"{what} that another layer computes"
            raise Inexpressible(f"{why}, and no shape in the file")
        return shape

    def is_computed(self, index: int) -> bool:
        """Whether an input is there whose numbers are not known: data, or too many."""
        value = self.inputs[index] if index < len(self.inputs) else None
        return value is not None and (value.constant is None or value.constant.numbers is None)

    def note(self, text: str) -> None:
        """Tell a person how the node was read."""
        self.builder.notes.append(f"{self.node.operator} at {self.node.title} {text}")

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

    def declared_beside(self, value: Value, what: str) -> Shape:
        """The shape that the file has for the first output, which has the axes of an input, for one of its samples."""
        shape, axis = self.declared(what), value.samples
        if axis is None or len(shape) != len(value.shape):
            return shape
        return (*shape[:axis], value.shape[axis], *shape[axis + 1 :])

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
        """The tensor a draft makes, the batch put back as an axis; of numbers alone it is one."""
        if batch is None and draft.shape == (1,) and not any(value.shape for value in self.values()):
            return Value((), draft, None, None, self.element_type)
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


def laid_out(call: Call, draft: Draft, shape: Shape, batch: int | None = None) -> Value:
    """A draft as a tensor of that shape in the file; without a batch the first axis is it, where it has one position.

    Axes of one position that the draft lacks, or has beside, are put right.
    """
    if batch is None or batch >= len(shape) or shape[batch] != 1 or len(shape) == 1:
        batch = 0 if len(shape) > 1 and shape[0] == 1 else None
    own = without(shape, batch) or (1,)
    return Value(shape, call.builder.reshaped(draft, own, (call.node,)), batch, None, call.element_type)


def own_axis(axis: int, batch: int | None) -> int:
    """An axis of ONNX as one of ours; the batch itself is none."""
    if axis == batch:
        raise Inexpressible("it works on the batch axis")
    return axis - 1 if batch is not None and axis > batch else axis
