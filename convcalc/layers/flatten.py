"""Flatten: neighbouring axes laid out as one, by default all of them.

Example:
    input: [256, 6, 6]
    layers:
      - flatten
    # output 9216, params 0, macs 0, field 1

No arithmetic. The axis that comes out holds the positions of all that went in, so a linear layer on it sees them all.

Source: PyTorch nn.Flatten, but that channels are axis 0 here, as there is no batch axis.
"""

import random
from collections.abc import Iterator
from typing import Annotated

from convcalc.arithmetic.field import Field
from convcalc.arithmetic.number import product
from convcalc.fields import ANY_SIGN, Whole
from convcalc.layers import Array, Arrays, Check, Engine, Fields, Kind, OnnxGraph, Shape
from convcalc.layers._carried import Runs, landing, merging, reshaped
from convcalc.layers._cases import draw_flag, draw_shape
from convcalc.layers._checks import axes_exist
from convcalc.layers._onnx import shaped


class Flatten(Kind, frozen=True, kw_only=True):
    is_view = True

    start_axis: Annotated[int, Whole("first axis of those that become one; 0 is channels", minimum=ANY_SIGN)] = 0
    end_axis: Annotated[int, Whole("last axis of those that become one", minimum=ANY_SIGN)] = -1

    def checks(self, x: Shape) -> Iterator[Check]:
        yield from axes_exist((self.start_axis,), x, "start_axis")
        yield from axes_exist((self.end_axis,), x, "end_axis")
        start, end = self.start_axis % len(x), self.end_axis % len(x)
        yield Check(start <= end, "CC011", "end_axis", self._reversed, (start, len(x)))

    def _reversed(self, start: int, rank: int) -> str:
        return (
            f"end_axis {self.end_axis} is before start_axis {self.start_axis} in a tensor of {rank} axes; "
            f"legal here: {start} to {rank - 1}"
        )

    def shape(self, x: Shape) -> Shape:
        start, end = self.start_axis % len(x), self.end_axis % len(x)
        return (*x[:start], product(x[start : end + 1]), *x[end + 1 :])

    def receptive_field(self, fields: tuple[Field, ...], inputs: tuple[Shape, ...]) -> Field:
        return reshaped(fields[0], inputs[0], self.shape(*inputs), self._runs(inputs[0]))

    def drops(self, axis: int, inputs: tuple[Shape, ...]) -> bool:
        return landing(axis, inputs[0], self.shape(*inputs), self._runs(inputs[0])) is None

    def _runs(self, x: Shape) -> Runs:
        return merging(len(x), self.start_axis % len(x), self.end_axis % len(x))

    def no_op(self, x: Shape) -> str:
        return "flattens a single axis" if self.shape(x) == x else ""

    def onnx(self, graph: OnnxGraph, inputs: tuple[str, ...], shapes: tuple[Shape, ...]) -> str:
        shape = self.shape(*shapes)
        return graph.node("Flatten", inputs[0], axis=1) if len(shape) == 1 else shaped(graph, inputs[0], shape)

    @classmethod
    def case(cls, draw: random.Random) -> tuple[Kind, tuple[Shape, ...]]:
        x = draw_shape(draw)
        start, end = sorted((draw.randrange(len(x)), draw.randrange(len(x))))
        return cls(start_axis=start, end_axis=end - len(x) if draw_flag(draw) else end), (x,)

    @staticmethod
    def reference(engine: Engine, fields: Fields, weights: Arrays, x: Array) -> Array:
        first, last = (axis % (x.ndim - 1) + 1 for axis in (fields.start_axis, fields.end_axis))
        return x.reshape(*x.shape[:first], -1, *x.shape[last + 1 :])
