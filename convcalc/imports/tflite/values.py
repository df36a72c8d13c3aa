"""Tensors on the way through a graph, and an operator together with those that enter it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from typing import TYPE_CHECKING, Any

import msgspec

from convcalc.imports.arrays import PlainArray, checked
from convcalc.imports.drafts import NO_KIND, Builder, Draft
from convcalc.imports.elements import Elements, all_of
from convcalc.imports.errors import Inexpressible
from convcalc.imports.layouts import OrderedTensor, as_it_lies, in_file_order
from convcalc.imports.number_formats import format_named
from convcalc.imports.tflite.model import LiteTensor, Operator
from convcalc.imports.tflite.origins import LiteOrigin
from convcalc.layers import Shape

if TYPE_CHECKING:
    from convcalc.imports.tflite.dilation import Spread
    from convcalc.imports.tflite.walk import LiteWalk

Number = int | float


class LiteConstant(msgspec.Struct, frozen=True):
    """Numbers that are known before anything enters, with the tensors of the file that they are made of.

    `elements` says which of a tensor's they are, whose name is given where a layer uses them.
    """

    shape: Shape
    tensors: tuple[LiteTensor, ...] = ()
    elements: Elements | None = None
    worked_out: tuple[Number, ...] | None = None
    making: None = None  # no weights are read of these files

    @property
    def numbers(self) -> tuple[Number, ...] | None:
        """In the order they lie; None where they are many, or not known."""
        if self.worked_out is None and self.elements is not None and self.is_stored:
            return self.tensors[0].numbers
        return self.worked_out

    @property
    def is_stored(self) -> bool:
        """Whether it is a tensor of the file as that lies."""
        return len(self.tensors) == 1 and self.tensors[0].shape == self.shape

    @property
    def is_zero(self) -> bool:
        """Whether it is nothing but zeros, as the state before the first step is."""
        return self.number == 0 or any(tensor.is_zero for tensor in self.tensors)

    @property
    def is_float(self) -> bool:
        """Whether its numbers may be learned, which those that count or choose are not."""
        return any(tensor.type not in (2, 4, 6) for tensor in self.tensors)

    @property
    def number(self) -> Number | None:
        """The number that it is alone, or all over; None where there are several."""
        return self.numbers[0] if self.numbers and self.numbers.count(self.numbers[0]) == len(self.numbers) else None

    def turned(self, axes: tuple[int, ...]) -> LiteConstant:
        """The same with its axes in another order."""
        shape = tuple(self.shape[axis] for axis in axes)
        moves = [axis for axis in axes if self.shape[axis] > 1]
        elements = self.elements and self.elements.transposed(axes)
        numbers = self.numbers if moves == sorted(moves) else None
        return LiteConstant(shape, self.tensors, elements, numbers)

    def reshaped(self, shape: Shape) -> LiteConstant:
        """The same numbers in another shape."""
        elements = self.elements and self.elements.reshaped(shape)
        return LiteConstant(shape, self.tensors, elements, self.numbers)


def of_tensor(tensor: LiteTensor, key: str) -> LiteConstant:
    """The constant that a tensor of the file is, which `key` tells from others."""
    shape = checked(tensor.shape, "a constant")
    return LiteConstant(shape, (tensor,), all_of(key, shape))


def counted(numbers: Sequence[Number], shape: Shape | None = None) -> LiteConstant:
    """A constant that was worked out."""
    return LiteConstant((len(numbers),) if shape is None else shape, worked_out=tuple(numbers))


class LiteValue(msgspec.Struct, frozen=True):
    """A tensor: its shape as the file has it, all axes, and the draft that makes it, or the constant that it is.

    The draft is without axis `batch`, which has one position; where that is None it has all axes. `handle` names a
    variable, and `spread` is a map whose positions were dealt out to a batch, as a dilated convolution is done.
    """

    shape: Shape
    tensor: OrderedTensor | None = None
    batch: int | None = None
    constant: LiteConstant | None = None
    handle: str = ""
    spread: Spread | None = None

    @property
    def known(self) -> bool:
        """Whether its sizes are."""
        return self.tensor is None or not self.tensor.draft.is_unsized

    @property
    def made(self) -> OrderedTensor:
        """What an operator before makes."""
        if self.tensor is None:
            raise Inexpressible("a tensor that nothing makes")
        return self.tensor

    def own(self, axis: int) -> int:
        """An axis of the file's as one of the tensor without its batch."""
        axis = from_front(axis, len(self.shape))
        return axis - (self.batch is not None and axis > self.batch)

    def drawn(self, axis: int) -> int:
        """An axis of the file's as one of the draft's."""
        return self.made.order[self.own(axis)]


class UnknownOfShape(Inexpressible):
    """An operator that no kind expresses, of which it is known what shape leaves."""

    def __init__(self, shape: Shape) -> None:
        super().__init__(NO_KIND)
        self.shape = checked(shape)


def of_constant(constant: LiteConstant) -> LiteValue:
    """The tensor that a constant is."""
    return LiteValue(constant.shape, constant=constant)


def laid(tensor: OrderedTensor, batch: int | None) -> LiteValue:
    """The tensor of a draft, its batch put back as an axis."""
    own = tensor.shape
    return LiteValue(own if batch is None else (*own[:batch], 1, *own[batch:]), tensor, batch)


def from_front(axis: int, rank: int) -> int:
    """An axis counted from the beginning, which may be written counted from the end."""
    if not -rank <= axis < max(rank, 1):
        raise Inexpressible(f"axis {axis} of a tensor of {rank} axes")
    return axis % max(rank, 1)


class LiteCall:
    """An operator with the tensors that enter it."""

    def __init__(
        self,
        walk: LiteWalk,
        operator: Operator,
        values: list[LiteValue | None],
        origin: LiteOrigin,
        outputs: list[LiteTensor],
    ) -> None:
        self.walk, self.node, self.values, self.origin, self.outputs = walk, operator, values, origin, outputs

    @property
    def builder(self) -> Builder:
        """Has all drafts."""
        return self.walk.builder

    @property
    def origins(self) -> tuple[LiteOrigin]:
        """Where its layers come from."""
        return (self.origin,)

    def option(self, name: str) -> Any:
        """One of the operator's options."""
        return self.node.option(name)

    def has(self, place: int) -> bool:
        """Whether an input is given."""
        return place < len(self.values) and self.values[place] is not None

    def value(self, place: int = 0) -> LiteValue:
        """An input."""
        value = self.values[place] if place < len(self.values) else None
        if value is None:
            raise Inexpressible(f"input {place} is not given")
        return value

    def constant(self, place: int, what: str = "input") -> LiteConstant:
        """An input that is a constant."""
        constant = self.value(place).constant
        if constant is None:
            raise Inexpressible(f"{what} {place} is no constant")
        return constant

    def numbers(self, place: int) -> tuple[int, ...]:
        """The whole numbers that an input holds, which say what is to be done."""
        numbers = self.constant(place).numbers
        if numbers is None:
            raise Inexpressible(f"the numbers of input {place} are not known")
        return tuple(map(int, numbers))

    def layer(
        self,
        kind: str,
        fields: dict[str, Any],
        *inputs: Draft,
        arrays: Mapping[str, tuple[str, LiteConstant]] | None = None,
    ) -> Draft:
        """Add a layer that does what the operator does; of its arrays the names that a person would give them."""
        drafts = {name: self.array(role, constant) for name, (role, constant) in (arrays or {}).items()}
        return self.builder.layer(kind, fields, inputs, self.origins, drafts)

    def array(self, role: str, constant: LiteConstant) -> PlainArray:
        """A constant as an array of a layer, named after the first that used it."""
        formats = self.builder.formats
        if constant.elements is None:
            for tensor in constant.tensors:
                formats.array(tensor.name, format_named(tensor.type_name))
            return PlainArray(constant.shape, tuple(tensor.name for tensor in constant.tensors))
        key = str(constant.elements.tensor)
        name = self.walk.array_name(key, self.origin.path, role)
        for tensor in constant.tensors[:1]:
            formats.array(name, format_named(tensor.type_name))
        return PlainArray(constant.shape, (name,), msgspec.structs.replace(constant.elements, tensor=name))

    def tensor(self, place: int = 0) -> OrderedTensor:
        """An input without its batch; a constant becomes a parameter."""
        return drawn(self, self.value(place)).made

    def file_order(self, place: int = 0) -> Draft:
        """An input with its axes as the file has them."""
        return in_file_order(self.builder, self.tensor(place), self.origins)

    def note(self, text: str) -> None:
        """Say something of this operator that a person must know."""
        self.builder.notes.append(f"{self.origin.operator} at {self.origin.title} {text}")


def drawn(call: LiteCall, value: LiteValue, batch: int | None = None) -> LiteValue:
    """The tensor with a draft: a constant becomes a parameter, without that axis of one position."""
    if value.tensor is not None:
        return value
    constant = value.constant
    if constant is None:
        raise Inexpressible("a tensor that nothing makes")
    shape = without(constant.shape, batch)
    learned = False if constant.is_zero else None
    return laid(as_it_lies(parameter(call, constant.reshaped(shape), learned=learned)), batch)


def parameter(call: LiteCall, constant: LiteConstant, role: str = "", *, learned: bool | None = None) -> Draft:
    """A constant as a layer of its own; whether it is learned is told by where it is used, unless that is known."""
    shape = constant.shape or (1,)
    if prod(shape) < 1:
        raise Inexpressible("a constant that holds nothing")
    is_learned = constant.is_float and learned is not False and (prod(shape) > 1 or role in ("gamma", "beta", "bias"))
    array = call.array(role or "constant", constant)
    fields: dict[str, Any] = {"sizes": shape}
    if is_learned:
        return call.builder.layer("parameter", fields, call.builder.entering(), (), {"weight": array})
    return call.builder.layer(
        "parameter", fields | {"learned": False}, call.builder.entering(), (), {"constant": array}
    )


def without(shape: Shape, axis: int | None) -> Shape:
    """A shape without one of its axes."""
    return shape if axis is None else (*shape[:axis], *shape[axis + 1 :])
