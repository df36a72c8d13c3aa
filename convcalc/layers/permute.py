"""Permute: the axes in another order.

Example:
    input: [64, 8, 12]
    layers:
      - permute: [1, 2, 0]
    # output 8x12x64, params 0, macs 0, field 1

`axes` names every axis once, in the order they leave; negative ones count from the end. No arithmetic. Each axis takes
its positions along.

Source: PyTorch torch.permute, without the batch axis.
"""

import random
from collections.abc import Iterator
from typing import Annotated

from convcalc.arithmetic.field import Field
from convcalc.fields import ANY_SIGN, Listed
from convcalc.layers import Array, Arrays, Check, Engine, Fields, Kind, OnnxGraph, Shape
from convcalc.layers._cases import draw_shape
from convcalc.layers._checks import axes_exist
from convcalc.layers._onnx import onnx_axis


class Permute(Kind, frozen=True, kw_only=True):
    axes: Annotated[tuple[int, ...], Listed("axes in the order they leave; 0 is channels", minimum=ANY_SIGN)]

    def checks(self, x: Shape) -> Iterator[Check]:
        yield from axes_exist(self.axes, x, "axes")
        yield Check(len(self.axes) == len(x), "CC011", "axes", self._miscounted, (len(x),))

    def _miscounted(self, rank: int) -> str:
        legal = f"each axis once, such as {list(range(rank))}"
        return f"{list(self.axes)} names {len(self.axes)} axes of a tensor of {rank}; legal here: {legal}"

    def shape(self, x: Shape) -> Shape:
        return tuple(x[axis] for axis in self.axes)

    def receptive_field(self, fields: tuple[Field, ...], inputs: tuple[Shape, ...]) -> Field:
        return fields[0].carrying(tuple(fields[0].carries[axis] for axis in self.axes))

    def no_op(self, x: Shape) -> str:
        return "leaves the axes in their order" if [axis % len(x) for axis in self.axes] == list(range(len(x))) else ""

    def onnx(self, graph: OnnxGraph, inputs: tuple[str, ...], shapes: tuple[Shape, ...]) -> str:
        return graph.node("Transpose", inputs[0], perm=[0, *(onnx_axis(axis, shapes[0]) for axis in self.axes)])

    def summary(self) -> str:
        return ", ".join(map(str, self.axes))

    @classmethod
    def case(cls, draw: random.Random) -> tuple[Kind, tuple[Shape, ...]]:
        x = draw_shape(draw)
        order = draw.sample(range(len(x)), len(x))
        return cls(axes=tuple(axis - draw.choice([0, len(x)]) for axis in order)), (x,)

    @staticmethod
    def reference(engine: Engine, fields: Fields, weights: Arrays, x: Array) -> Array:
        return x.transpose(0, *(axis % (x.ndim - 1) + 1 for axis in fields.axes))
