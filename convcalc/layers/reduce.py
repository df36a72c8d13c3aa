"""Axes taken together: the mean, the sum or the largest of all elements along them.

Example:
    input: [197, 768]
    layers:
      - reduce: {axes: 0}
    # output 768, params 0, macs 0, field 1

Unlike global_avg_pool it takes any axes, as a mean over tokens needs. They are gone, or with `keepdim` stay with one
position each. An output takes an operation for every element that enters it: for the mean the additions and one
division. It sees the whole of these axes.

Source: PyTorch torch.mean; ONNX ReduceMean, ReduceSum, ReduceMax, ReduceMin.
"""

import random
from collections.abc import Iterator
from typing import Annotated

from convcalc.arithmetic.field import Field
from convcalc.arithmetic.number import product
from convcalc.fields import ANY_SIGN, Choice, Flag, Listed
from convcalc.layers import Array, Arrays, Check, Engine, Fields, Kind, OnnxGraph, Shape
from convcalc.layers._cases import draw_flag, draw_shape
from convcalc.layers._checks import axes_exist
from convcalc.layers._onnx import onnx_axis

OPERATIONS = {"mean": "ReduceMean", "sum": "ReduceSum", "max": "ReduceMax", "min": "ReduceMin"}


class Reduce(Kind, frozen=True, kw_only=True):
    axes: Annotated[tuple[int, ...], Listed("axes taken together; 0 is channels", minimum=ANY_SIGN)]
    operation: Annotated[str, Choice("what is made of the elements", options=tuple(OPERATIONS))] = "mean"
    keepdim: Annotated[bool, Flag("keep each axis, with one position")] = False

    def checks(self, x: Shape) -> Iterator[Check]:
        yield from axes_exist(self.axes, x, "axes")
        yield Check(self.keepdim | (len(self.axes) < len(x)), "CC011", "axes", _none_left, (self.axes, len(x)))

    def _along(self, x: Shape) -> list[int]:
        return [axis % len(x) for axis in self.axes]

    def shape(self, x: Shape) -> Shape:
        along = self._along(x)
        if self.keepdim:
            return tuple(1 if axis in along else size for axis, size in enumerate(x))
        return tuple(size for axis, size in enumerate(x) if axis not in along)

    def elementwise_ops(self, x: Shape) -> int:
        return product(x)

    def receptive_field(self, fields: tuple[Field, ...], inputs: tuple[Shape, ...]) -> Field:
        along = self._along(inputs[0])
        field = fields[0].collapsed(along)
        if self.keepdim:
            return field
        return field.carrying(tuple(axes for axis, axes in enumerate(field.carries) if axis not in along))

    def onnx(self, graph: OnnxGraph, inputs: tuple[str, ...], shapes: tuple[Shape, ...]) -> str:
        axes = graph.constant([onnx_axis(axis, shapes[0]) for axis in self.axes])
        return graph.node(OPERATIONS[self.operation], inputs[0], axes, keepdims=int(self.keepdim))

    def summary(self) -> str:
        return f"{self.operation}, axes {', '.join(map(str, self.axes))}"

    @classmethod
    def case(cls, draw: random.Random) -> tuple[Kind, tuple[Shape, ...]]:
        x = draw_shape(draw)
        keepdim = draw_flag(draw) or len(x) == 1
        chosen = draw.sample(range(len(x)), draw.randint(1, len(x) if keepdim else len(x) - 1))
        axes = tuple(axis - draw.choice([0, len(x)]) for axis in chosen)
        return cls(axes=axes, operation=draw.choice(list(OPERATIONS)), keepdim=keepdim), (x,)

    @staticmethod
    def reference(engine: Engine, fields: Fields, weights: Arrays, x: Array) -> Array:
        along = tuple(axis % (x.ndim - 1) + 1 for axis in fields.axes)
        taken = {"mean": x.mean, "sum": x.sum, "max": x.max, "min": x.min}
        return taken[fields.operation](along, keepdims=fields.keepdim)


def _none_left(axes: tuple[int, ...], rank: int) -> str:
    return f"{list(axes)} leaves no axis of a tensor of {rank}; legal here: fewer, or keepdim: true"
