"""Slice: part of one axis, the channels unless another is named.

Example:
    input: [64, 8, 8]
    layers:
      - slice: {start: 16, end: 48}
    # output 32x8x8, params 0, macs 0, field 1

From start up to end, the latter not included, every step-th. Negative ones count from the end, and no end is the end. A
place outside the axis is an error, not cut to it. No arithmetic.

Source: Python slicing; ONNX Slice.
"""

import random
from collections.abc import Iterator
from functools import partial
from typing import Annotated

from msgspec.structs import replace

from convcalc.arithmetic.field import Field
from convcalc.arithmetic.moving import sliced
from convcalc.arithmetic.number import ceil_div
from convcalc.arithmetic.window import Window
from convcalc.fields import ANY_SIGN, Whole, optional
from convcalc.layers import Array, Arrays, Check, Engine, Fields, Kind, OnnxGraph, Shape, StandIn
from convcalc.layers._cases import draw_axis, draw_flag, draw_shape
from convcalc.layers._checks import axes_exist
from convcalc.layers._onnx import cut, onnx_axis
from convcalc.layers.identity import Identity


class Slice(Kind, frozen=True, kw_only=True):
    keeps_axes = True

    axis: Annotated[int, Whole("axis that is cut; 0 is channels", minimum=ANY_SIGN)] = 0
    start: Annotated[int, Whole("first place that is kept", minimum=ANY_SIGN)] = 0
    end: Annotated[int | None, optional(Whole("first place that is not; null: the end", minimum=ANY_SIGN))] = None
    step: Annotated[int, Whole("distance between the places that are kept", minimum=1)] = 1

    def checks(self, x: Shape) -> Iterator[Check]:
        yield from axes_exist((self.axis,), x, "axis")
        if not -len(x) <= self.axis < len(x):
            return
        size, (start, end) = x[self.axis], self.ends(x)
        starts_within, ends_within = (start >= 0) & (start < size), (end >= 0) & (end <= size)
        yield Check(starts_within, "CC011", "start", _outside, ("start", self.start, size, -size, size - 1))
        yield Check(ends_within, "CC011", "end", _outside, ("end", self.end, size, 1 - size, size))
        outside = (start < 0) | (start >= size) | (end < 0) | (end > size)
        yield Check((start < end) | outside, "CC101", "end", _empty, (start, end, size))

    def ends(self, x: Shape) -> tuple[int, int]:
        """First place that is kept and first that is not, counted from the beginning."""
        size = x[self.axis]
        start = self.start if self.start >= 0 else size + self.start
        if self.end is None:
            return start, size
        return start, self.end if self.end >= 0 else size + self.end

    def shape(self, x: Shape) -> Shape:
        axis, (start, end) = self.axis % len(x), self.ends(x)
        return (*x[:axis], ceil_div(end - start, self.step), *x[axis + 1 :])

    def receptive_field(self, fields: tuple[Field, ...], inputs: tuple[Shape, ...]) -> Field:
        start, _ = self.ends(inputs[0])
        window = Window(1, self.step, before=-start)
        return sliced(fields[0], self.axis % len(inputs[0]), window, self.shape(*inputs))

    def cut(self, x: Shape) -> dict[int, tuple[int, int]]:
        axis, (start, end) = self.axis % len(x), self.ends(x)
        return {axis: (start, x[axis] - end)}

    def no_op(self, x: Shape) -> str:
        return "keeps everything" if self.end is None and self.shape(x) == x else ""

    def onnx(self, graph: OnnxGraph, inputs: tuple[str, ...], shapes: tuple[Shape, ...]) -> str:
        start, end = self.ends(shapes[0])
        return cut(graph, inputs[0], [start], [end], [onnx_axis(self.axis, shapes[0])], self.step)

    def summary(self) -> str:
        step = f":{self.step}" if self.step != 1 else ""
        return f"{self.start}:{'' if self.end is None else self.end}{step}, axis {self.axis}"

    def unbounded(self, axis: int | None, inputs: tuple[Shape, ...]) -> Kind:
        if axis != self.axis % len(inputs[0]):
            return self
        return StandIn(of=self, run=partial(_lengthened, axis, inputs[0][axis]))

    def thin(self, axis: int | None, inputs: tuple[Shape, ...]) -> Kind:
        return self if axis == self.axis % len(inputs[0]) else Identity()

    @classmethod
    def case(cls, draw: random.Random) -> tuple[Kind, tuple[Shape, ...]]:
        x = draw_shape(draw)
        axis = draw_axis(draw, x)
        start = draw.randrange(draw.randint(1, x[axis]))
        end = max(draw.randint(start + 1, x[axis]) for _ in range(2))
        start -= x[axis] * draw_flag(draw)
        if end == x[axis]:
            return cls(axis=axis, start=start, end=None, step=draw.randint(1, 3)), (x,)
        return cls(axis=axis, start=start, end=end - x[axis] * draw_flag(draw), step=draw.randint(1, 3)), (x,)

    @staticmethod
    def reference(engine: Engine, fields: Fields, weights: Arrays, x: Array) -> Array:
        kept = slice(fields.start, fields.end, fields.step)
        return x[(slice(None),) * (fields.axis % (x.ndim - 1) + 1) + (kept,)]


def _lengthened(axis: int, size: int, engine: Engine, fields: Fields, weights: Arrays, x: Array) -> Array:
    """On an axis longer than its `size` the start stays as far from the beginning, and the end from the end."""
    longer, start, end = max(x.shape[axis + 1] - size, 0), fields.start, fields.end
    moved = replace(
        fields,
        start=start if start >= 0 else start - longer,
        end=end if end is None or end < 0 else end + longer,
    )
    return Slice.reference(engine, moved, weights, x)


def _outside(field: str, value: int, size: int, least: int, most: int) -> str:
    return f"{field} {value} is outside an axis of {size}; legal here: {least} to {most}"


def _empty(start: int, end: int, size: int) -> str:
    return f"nothing is left from {start} up to {end} of an axis of {size}; legal here: an end of {start + 1} to {size}"
