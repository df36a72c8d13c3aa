"""What the merges share: several tensors met element by element, smaller ones repeated over positions.

Tensors are aligned at the channels. On each axis sizes are equal, or 1 and repeated; axes that a tensor does not have
at its end count as 1, so that a gate of shape (C) meets a map of shape (C, ...).
"""

import random
from collections.abc import Callable, Iterator, Sequence
from functools import partial, reduce
from itertools import zip_longest
from typing import Any, ClassVar

from convcalc.arithmetic.field import Field
from convcalc.arithmetic.number import maximum, product
from convcalc.layers import Array, Arrays, Check, Engine, Fields, Kept, Kind, OnnxGraph, Shape, StandIn, Wanted
from convcalc.layers._cases import draw_shape
from convcalc.layers._checks import projection


class Elementwise(Kind, frozen=True, kw_only=True):
    """One operation between every two tensors, on each element of the output."""

    inputs: ClassVar[tuple[int, int | None]] = (2, None)
    is_elementwise = True

    def checks(self, *inputs: Shape) -> Iterator[Check]:
        for axis, largest in enumerate(self.shape(*inputs)):
            for number, x in enumerate(inputs):
                if axis < len(x):
                    holds = (x[axis] == largest) | (x[axis] == 1)
                    advice = _projection if axis == 0 else None
                    yield Check(holds, "CC103", "", _mismatch, (inputs, number, axis, largest), advice)

    def shape(self, *inputs: Shape) -> Shape:
        axes = range(max(len(x) for x in inputs))
        return tuple(reduce(maximum, (x[axis] for x in inputs if axis < len(x))) for axis in axes)

    def elementwise_ops(self, *inputs: Shape) -> int:
        return (len(inputs) - 1) * product(self.shape(*inputs))

    def paths(self, fields: tuple[Field, ...], inputs: tuple[Shape, ...]) -> tuple[Field, ...]:
        return repeated(fields, inputs)

    def unbounded(self, axis: int | None, inputs: tuple[Shape, ...]) -> Kind:
        return repeated_along(self, axis, inputs)

    def onnx(self, graph: OnnxGraph, inputs: tuple[str, ...], shapes: tuple[Shape, ...]) -> str:
        """An operator between every two of the tensors."""
        return reduce(lambda met, x: graph.node(self.onnx_form, met, x), aligned(graph, inputs, shapes))

    @classmethod
    def case(cls, draw: random.Random) -> tuple[Kind, tuple[Shape, ...]]:
        largest = draw_shape(draw)
        inputs = [largest]
        for _ in range(draw.randint(1, 3)):
            sizes = tuple(draw.choice([size, size, 1]) for size in largest)
            inputs.append(sizes[: draw.randint(1, len(sizes))])
        draw.shuffle(inputs)
        return cls(), tuple(inputs[: cls.inputs[1]])


class Extreme(Elementwise, frozen=True, kw_only=True):
    """The larger, or the smaller, of every two elements that meet."""

    merges = "extreme"

    def kept(self, wanted: Wanted, *inputs: Shape) -> Kept:
        """Both sides of each comparison that a gradient comes through: tensors, or what was chosen of those before."""
        met = [place for place in range(1, len(inputs)) if True in wanted.inputs[: place + 1]]
        between = sum(place > 1 for place in met)
        return Kept(inputs=(0, *met) if 1 in met else tuple(met), numbers=between * product(self.shape(*inputs)))


def aligned(graph: OnnxGraph, inputs: tuple[str, ...], shapes: tuple[Shape, ...]) -> list[str]:
    """The tensors with axes of 1 at their end: ONNX aligns at the last axis what we align at the channels."""
    most = max(len(shape) for shape in shapes)
    lacking = [list(range(1 + len(shape), 1 + most)) for shape in shapes]
    return [
        graph.node("Unsqueeze", x, graph.constant(axes)) if axes else x for x, axes in zip(inputs, lacking, strict=True)
    ]


def between_two(function: Callable[[Any], Callable[..., Array]]) -> Callable[..., Array]:
    """The reference of a merge, by NumPy's function of two arrays."""

    def reference(engine: Engine, fields: Fields, weights: Arrays, *inputs: Array) -> Array:
        first, *others = engine.aligned(*inputs)
        shape = engine.numpy.broadcast_shapes(first.shape, *(other.shape for other in others))
        spread = [engine.numpy.broadcast_to(first, shape), *others]  # so that every meeting is of elements that leave
        return reduce(partial(engine.elementwise, function(engine.numpy)), spread)

    return staticmethod(reference)


def repeated_along(kind: Kind, axis: int | None, inputs: tuple[Shape, ...]) -> Kind:
    """The form in which a merge is probed where some of its tensors are repeated along the axis."""
    sizes = [1 if axis is None or axis >= len(x) else x[axis] for x in inputs]
    if axis is None or len(set(sizes)) == 1:
        return kind
    repeated = [size == 1 for size in sizes]
    return StandIn(of=kind, run=partial(_repeated, axis, repeated, 1), own=partial(_repeated, axis, repeated, 0))


def _repeated(
    axis: int, repeated: list[bool], times: int, engine: Engine, fields: Fields, weights: Arrays, *inputs: Array
) -> Array:
    """The merge, each tensor of one position on a longer axis standing for all there could be; 0 times: for none."""
    place = axis + 1
    once = [x.sum(place, keepdims=True) if x.ndim > place else x for x in inputs]
    standing = once if times else [engine.numpy.zeros_like(x) for x in once]
    ends = [alone if is_repeated else x for x, alone, is_repeated in zip(inputs, standing, repeated, strict=True)]
    return type(fields).reference(engine, fields, weights, *ends)


def _mismatch(inputs: tuple[Shape, ...], number: int, axis: int, largest: int) -> str:
    other = next(i for i, x in enumerate(inputs) if axis < len(x) and x[axis] == largest)
    return (
        f"input {number + 1} of shape {list(inputs[number])} does not match input {other + 1} of shape "
        f"{list(inputs[other])} on axis {axis}: {inputs[number][axis]} against {largest}; legal here: {largest}, or 1"
    )


def _projection(inputs: tuple[Shape, ...], number: int, axis: int, largest: int) -> str:
    return projection(inputs[number], largest)


def repeated(fields: tuple[Field, ...], inputs: tuple[Shape, ...]) -> tuple[Field, ...]:
    """The fields of tensors that are to meet; one that is repeated along an input axis sees the same everywhere.

    Its interval on that axis belongs to no position of the output, so it is no local path but a global one.
    """
    places = [_places(field, x) for field, x in zip(fields, inputs, strict=True)]
    placed = set().union(*places)
    sizes = [max(of_axis) for of_axis in zip_longest(*inputs, fillvalue=1)]
    gone = [
        (placed - own)
        | {axis for axes, size, most in zip(field.carries, x, sizes, strict=False) if size != most for axis in axes}
        for field, x, own in zip(fields, inputs, places, strict=True)
    ]
    return tuple(_without(field, axes) if axes else field for field, axes in zip(fields, gone, strict=True))


def _places(field: Field, x: Shape) -> set[int]:
    """The input axes along which the tensor has positions of its own."""
    return {axes[0] for axes, size in zip(field.carries, x, strict=True) if len(axes) == 1 and size != 1}


def _without(field: Field, gone: set[int]) -> Field:
    carries = tuple(tuple(axis for axis in axes if axis not in gone) for axes in field.carries)
    return field.overall_along(gone & set(range(len(field.axes)))).carrying(carries)


def matrices_met(
    fields: tuple[Field, ...], inputs: tuple[Shape, ...], output: Shape, summed: Sequence[Sequence[int]]
) -> tuple[Field, ...]:
    """The fields of matrices on the last two axes that are multiplied: each element sees all of the matrices.

    `summed` are the axes of each tensor that are not those of the product: rows meet columns, and are gone.
    """
    last = len(output) - 1
    seen = []
    shapes = []
    for field, x, gone in zip(fields, inputs, summed, strict=False):
        carries = tuple(() if axis in gone else carried for axis, carried in enumerate(field.carries))
        seen.append(field.whole([last - 1, last]).carrying(carries))
        shapes.append(tuple(output[axis] if axis in gone else size for axis, size in enumerate(x)))
    return repeated(tuple(seen), tuple(shapes))
