"""Split: one of the equal parts of an axis, the channels unless another is named.

Example:
    input: [64, 8, 8]
    layers:
      - split: {sections: 4, part: 1}
    # output 16x8x8, params 0, macs 0, field 1

A layer gives one part; the others are layers of their own, from the same input. No arithmetic.

Source: PyTorch torch.chunk, for sizes that divide; NumPy split.
"""

import random
from collections.abc import Iterator
from functools import partial
from typing import Annotated

from convcalc.arithmetic.field import Field
from convcalc.arithmetic.moving import sliced
from convcalc.arithmetic.window import Window
from convcalc.fields import ANY_SIGN, Whole
from convcalc.layers import Array, Arrays, Check, Engine, Fields, Kind, OnnxGraph, Shape, StandIn
from convcalc.layers._axes import behind_batch
from convcalc.layers._cases import draw_axis, draw_shape
from convcalc.layers._checks import axes_exist, divides
from convcalc.layers._onnx import cut, onnx_axis
from convcalc.layers.identity import Identity


class Split(Kind, frozen=True, kw_only=True):
    sections: Annotated[int, Whole("equal parts of the axis", minimum=1)]
    part: Annotated[int, Whole("the part that leaves, counted from 0")]
    axis: Annotated[int, Whole("axis that is split; 0 is channels", minimum=ANY_SIGN)] = 0

    def checks(self, x: Shape) -> Iterator[Check]:
        yield Check(self.part < self.sections, "CC011", "part", _no_part, (self.part, self.sections))
        yield from axes_exist((self.axis,), x, "axis")
        if -len(x) <= self.axis < len(x):
            yield divides(self.sections, x[self.axis], "sections", f"axis {self.axis} of size")

    def shape(self, x: Shape) -> Shape:
        axis = self.axis % len(x)
        return (*x[:axis], x[axis] // self.sections, *x[axis + 1 :])

    def receptive_field(self, fields: tuple[Field, ...], inputs: tuple[Shape, ...]) -> Field:
        size = self.shape(*inputs)[self.axis]
        window = Window(1, before=-self.part * size)
        return sliced(fields[0], self.axis % len(inputs[0]), window, self.shape(*inputs))

    def no_op(self, x: Shape) -> str:
        return "keeps everything" if self.shape(x) == x else ""

    def onnx(self, graph: OnnxGraph, inputs: tuple[str, ...], shapes: tuple[Shape, ...]) -> str:
        size = self.shape(*shapes)[self.axis]
        axis = onnx_axis(self.axis, shapes[0])
        return cut(graph, inputs[0], [self.part * size], [(self.part + 1) * size], [axis])

    def summary(self) -> str:
        return f"part {self.part} of {self.sections}" + (f", axis {self.axis}" if self.axis != 0 else "")

    def unbounded(self, axis: int | None, inputs: tuple[Shape, ...]) -> Kind:
        if axis != self.axis % len(inputs[0]):
            return self
        return StandIn(of=self, run=partial(_lengthened, axis, inputs[0][axis]))

    def thin(self, axis: int | None, inputs: tuple[Shape, ...]) -> Kind:
        return self if axis == self.axis % len(inputs[0]) else Identity()

    @classmethod
    def case(cls, draw: random.Random) -> tuple[Kind, tuple[Shape, ...]]:
        x, sections = draw_shape(draw), draw.randint(1, 4)
        axis = draw_axis(draw, x)
        place = axis % len(x)
        shape = (*x[:place], x[place] * sections, *x[place + 1 :])
        return cls(sections=sections, part=draw.randrange(sections), axis=axis), (shape,)

    @staticmethod
    def reference(engine: Engine, fields: Fields, weights: Arrays, x: Array) -> Array:
        return engine.numpy.split(x, fields.sections, behind_batch(fields.axis))[fields.part]


def _lengthened(axis: int, size: int, engine: Engine, fields: Fields, weights: Arrays, x: Array) -> Array:
    """The part that leaves an axis of `size`, found by splitting its places, made as much longer as the axis is."""
    before, behind = (1,) * (axis + 1), (1,) * (x.ndim - axis - 2)
    places = engine.numpy.arange(size).reshape(*before, size, *behind)
    part = Split.reference(engine, fields, weights, places).ravel()
    longer = slice(part[0], part[-1] + 1 + x.shape[axis + 1] - size)
    return x[(slice(None),) * (axis + 1) + (longer,)]


def _no_part(part: int, sections: int) -> str:
    return f"part {part} of {sections} does not exist; legal here: 0 to {sections - 1}"
