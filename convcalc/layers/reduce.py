"""Axes taken together: the mean, the sum or the largest of all elements along them, or where that is.

Example:
    input: [197, 768]
    layers:
      - reduce: {axes: 0}
    # output 768, params 0, macs 0, field 1

Unlike global_avg_pool it takes any axes, as a mean over tokens needs. They are gone, or with `keepdim` stay with one
position each; of a tensor of which no axis is left, one number is. `operation` is what is made of the elements:
    mean, sum, prod, max, min
    l1           the sum of their absolute values
    l2           the root of the sum of their squares
    sum_square   the sum of their squares
    log_sum      the logarithm of their sum
    log_sum_exp  the logarithm of the sum of their exponentials
    argmax       the place of the largest along one axis, counted from 0; of the smallest argmin. Of several equal ones
                 it is the first, with `select_last_index` the last
An output takes an operation for every element that enters it, for the mean the additions and one division. An element
takes one more that is raised or made positive before, and an output one more of whose sum the root or the logarithm is
taken. A square that is added up is no MAC, as it is none in a norm. An output sees the whole of these axes.

Source: PyTorch torch.mean, torch.amax, torch.linalg.vector_norm, torch.logsumexp, torch.argmax; ONNX ReduceMean and
the other reductions, ArgMax, ArgMin.
"""

import random
from collections.abc import Iterator
from typing import Annotated

from msgspec.structs import replace

from convcalc.arithmetic.field import Field
from convcalc.arithmetic.number import product
from convcalc.fields import ANY_SIGN, Choice, Flag, Listed
from convcalc.layers import Array, Arrays, Check, Engine, Fields, Kept, Kind, OnnxGraph, Shape, StandIn, Wanted
from convcalc.layers._cases import draw_flag, draw_shape
from convcalc.layers._checks import axes_exist
from convcalc.layers._elements import root
from convcalc.layers._indices import IS_PLACE
from convcalc.layers._kept import PLACE
from convcalc.layers._onnx import element_type, onnx_axis, shaped

OPERATIONS = {
    "mean": "ReduceMean",
    "sum": "ReduceSum",
    "max": "ReduceMax",
    "min": "ReduceMin",
    "prod": "ReduceProd",
    "l1": "ReduceL1",
    "l2": "ReduceL2",
    "sum_square": "ReduceSumSquare",
    "log_sum": "ReduceLogSum",
    "log_sum_exp": "ReduceLogSumExp",
    "argmax": "ArgMax",
    "argmin": "ArgMin",
}
"""The operations, and what ONNX calls them."""

PLACES = ("argmax", "argmin")
_CHANGED = ("l1", "l2", "sum_square", "log_sum_exp")
_FINISHED = ("l2", "log_sum", "log_sum_exp")


class Reduce(Kind, frozen=True, kw_only=True):
    axes: Annotated[tuple[int, ...], Listed("axes taken together; 0 is channels", minimum=ANY_SIGN)]
    operation: Annotated[str, Choice("what is made of the elements", options=tuple(OPERATIONS))] = "mean"
    keepdim: Annotated[bool, Flag("keep each axis, with one position")] = False
    select_last_index: Annotated[bool, Flag("the place of the last of equal ones, not of the first")] = False

    def checks(self, x: Shape) -> Iterator[Check]:
        yield from axes_exist(self.axes, x, "axes")
        is_place = self.operation in PLACES
        yield Check(not is_place or len(self.axes) == 1, "CC011", "axes", _one_place, (self.operation, self.axes))
        yield Check(is_place or not self.select_last_index, "CC011", "select_last_index", _no_place, (self.operation,))

    def _along(self, x: Shape) -> list[int]:
        return [axis % len(x) for axis in self.axes]

    def shape(self, x: Shape) -> Shape:
        along = self._along(x)
        if self.keepdim:
            return tuple(1 if axis in along else size for axis, size in enumerate(x))
        return tuple(size for axis, size in enumerate(x) if axis not in along) or (1,)

    def elementwise_ops(self, x: Shape) -> int:
        finished = product(self.shape(x)) if self.operation in _FINISHED else 0
        return (1 + (self.operation in _CHANGED)) * product(x) + finished

    def kept(self, wanted: Wanted, x: Shape) -> Kept:
        """Of sum and mean nothing, of max and min a place of eight bytes, else the elements, or what they came to."""
        along = {axis % len(x) for axis in self.axes}
        left = product(size for axis, size in enumerate(x) if axis not in along)
        elements = (0,) if self.operation in ("prod", "l1", "l2", "sum_square", "log_sum_exp") else ()
        sums = {"l2": 1, "log_sum": 1, "log_sum_exp": 2}.get(self.operation, 0)
        places = PLACE * (self.operation in ("max", "min"))
        return Kept(inputs=elements, numbers=sums * left, bytes=places * left).if_(wanted.of_inputs)

    def receptive_field(self, fields: tuple[Field, ...], inputs: tuple[Shape, ...]) -> Field:
        along = self._along(inputs[0])
        field = fields[0].collapsed(along)
        if self.keepdim:
            return field
        return field.carrying(tuple(axes for axis, axes in enumerate(field.carries) if axis not in along) or ((),))

    def unbounded(self, axis: int | None, inputs: tuple[Shape, ...]) -> Kind:
        return StandIn(of=self, run=_summed) if self.operation in PLACES else self

    def no_gradient(self, place: int) -> str:
        return IS_PLACE if self.operation in PLACES else ""

    def onnx(self, graph: OnnxGraph, inputs: tuple[str, ...], shapes: tuple[Shape, ...]) -> str:
        axes, operator = [onnx_axis(axis, shapes[0]) for axis in self.axes], OPERATIONS[self.operation]
        kept = {"keepdims": int(self.keepdim)}
        if self.operation in PLACES:
            last = {"select_last_index": 1} if self.select_last_index else {}
            y = graph.node(operator, inputs[0], axis=axes[0], **kept, **last)
            y = graph.node("Cast", y, to=element_type(graph))
        else:
            y = graph.node(operator, inputs[0], graph.constant(axes), **kept)
        return y if self.keepdim or len(axes) < len(shapes[0]) else shaped(graph, y, [1])

    def summary(self) -> str:
        return f"{self.operation}, axes {', '.join(map(str, self.axes))}"

    @classmethod
    def case(cls, draw: random.Random) -> tuple[Kind, tuple[Shape, ...]]:
        x, operation = draw_shape(draw), draw.choice(list(OPERATIONS))
        is_place, of_one_axis = operation in PLACES, operation in (*PLACES, "prod")  # a longer product overflows
        chosen = draw.sample(range(len(x)), 1 if of_one_axis else draw.randint(1, len(x)))
        axes, last = tuple(axis - draw.choice([0, len(x)]) for axis in chosen), is_place and draw_flag(draw)
        return cls(axes=axes, operation=operation, keepdim=draw_flag(draw), select_last_index=last), (x,)

    @staticmethod
    def reference(engine: Engine, fields: Fields, weights: Arrays, x: Array) -> Array:
        along = tuple(axis % (x.ndim - 1) + 1 for axis in fields.axes)
        if fields.operation in PLACES:
            y = _place(engine, fields.operation, x, along[0], last=fields.select_last_index)
        else:
            y = _taken(engine, fields.operation, x, along)
        if fields.keepdim:
            return y
        left = engine.numpy.squeeze(y, along)
        return left if left.ndim > 1 else left.reshape(-1, 1)


def _place(engine: Engine, operation: str, x: Array, axis: int, *, last: bool) -> Array:
    """Where the largest or the smallest element along an axis is; the axis stays."""
    np = engine.numpy
    chosen = np.argmax if operation == "argmax" else np.argmin

    def place(x: Array, axes: tuple[int, ...], *, keepdims: bool) -> Array:
        first = chosen(np.flip(x, axis) if last else x, *axes, keepdims=keepdims)
        return (x.shape[axis] - 1 - first if last else first).astype(x.dtype)

    return engine.taken_in(place, x, [axis])


def _taken(engine: Engine, operation: str, x: Array, along: tuple[int, ...]) -> Array:
    """What is made of the elements along some axes, each of which stays."""
    np = engine.numpy
    if operation == "log_sum_exp":
        most = engine.aside(lambda x: x.max(along, keepdims=True), x)
        powers = engine.elementwise(lambda x, most: np.exp(x - most), x, most)
        total = engine.taken_in(np.sum, powers, along)
        return engine.elementwise(lambda most, total: most + np.log(total), most, total)
    if operation in ("l1", "l2", "sum_square"):
        changed = engine.elementwise(np.abs if operation == "l1" else np.square, x)
        total = engine.taken_in(np.sum, changed, along)
        return engine.elementwise(lambda total: root(np, total, 2), total) if operation == "l2" else total
    if operation == "log_sum":
        return engine.elementwise(np.log, engine.taken_in(np.sum, x, along))
    made = {"mean": np.mean, "sum": np.sum, "max": np.max, "min": np.min, "prod": np.prod}
    return engine.taken_in(made[operation], x, along)


def _summed(engine: Engine, fields: Fields, weights: Arrays, x: Array) -> Array:
    """Every place as the sum of all that is chosen from."""
    return Reduce.reference(engine, replace(fields, operation="sum"), weights, x)


def _one_place(operation: str, axes: tuple[int, ...]) -> str:
    return f"{operation} along {len(axes)} axes, {list(axes)}; legal here: one"


def _no_place(operation: str) -> str:
    return f"{operation} leaves no place; legal here: false, or argmax and argmin as the operation"
