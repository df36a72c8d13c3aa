"""Unfold: every window of a map as a column of its own, as im2col makes them of a convolution's input.

Example:
    input: [3, 8, 8]
    layers:
      - unfold: {kernel_size: 3, padding: 1}
    # output 27x64, params 0, macs 0, field 3

A column holds the taps of the first channel, then those of the second, and so on; the columns are in the order of the
windows, of which there are as many as for conv. Elements are copied: no arithmetic. Each column sees its window.

Source: PyTorch nn.Unfold, for maps of any number of axes; MATLAB im2col.
"""

import random
from collections.abc import Iterator
from itertools import product as places
from typing import Annotated

from convcalc import steps
from convcalc.arithmetic.field import Field
from convcalc.arithmetic.moving import windowed
from convcalc.arithmetic.number import product
from convcalc.arithmetic.window import Window, windows
from convcalc.fields import PaddingType, PerAxis, Sizes
from convcalc.layers import Array, Arrays, Check, Engine, Fields, Kind, NoOnnxForm, OnnxGraph, Shape, StandIn, Unprobed
from convcalc.layers._carried import reshaped
from convcalc.layers._cases import draw_axes, draw_shape
from convcalc.layers._checks import fits, has_positions
from convcalc.layers._onnx import padded, positions, shaped
from convcalc.layers._windows import shown_window


class Unfold(Kind, frozen=True, kw_only=True):
    kernel_size: Annotated[Sizes, PerAxis("taps on each axis")]
    stride: Annotated[Sizes, PerAxis("positions the window moves")] = (1,)
    padding: Annotated[tuple[tuple[int, int], ...], PaddingType("zeros added around the input", options=())] = ((0, 0),)
    dilation: Annotated[Sizes, PerAxis("distance between taps")] = (1,)

    def windows(self, x: Shape) -> tuple[Window, ...]:
        return windows(x[1:], self.kernel_size, self.stride, self.dilation, self.padding)

    def checks(self, x: Shape) -> Iterator[Check]:
        yield has_positions(x)
        yield from fits(self.windows(x), x)

    def _apart(self, x: Shape) -> Shape:
        """The taps of all channels, and the positions of the windows, each axis by itself."""
        moved = zip(self.windows(x), x[1:], strict=True)
        return (product((x[0], *self.kernel_size)), *(window.outputs(size) for window, size in moved))

    def shape(self, x: Shape) -> Shape:
        taps, *outputs = self._apart(x)
        return (taps, product(outputs))

    def receptive_field(self, fields: tuple[Field, ...], inputs: tuple[Shape, ...]) -> Field:
        (x,), apart = inputs, self._apart(*inputs)
        seen = windowed(fields[0].collapsed([0]), self.windows(x), apart)
        return reshaped(seen, apart, self.shape(x), [([0], [0]), (list(range(1, len(x))), [1])])

    def unbounded(self, axis: int | None, inputs: tuple[Shape, ...]) -> Kind:
        if len(inputs[0]) > 2:
            raise Unprobed("positions of several axes become those of one")
        return self

    def thin(self, axis: int | None, inputs: tuple[Shape, ...]) -> Kind:
        if len(inputs[0]) > 2:
            raise Unprobed("positions of several axes become those of one")
        return StandIn(of=super().thin(axis, inputs), run=_taps_together)

    def onnx(self, graph: OnnxGraph, inputs: tuple[str, ...], shapes: tuple[Shape, ...]) -> str:
        """Every tap by a slice of its own, side by side."""
        (x,), (shape,) = inputs, shapes
        if not steps.afford(4 * product(self.kernel_size)):
            raise NoOnnxForm(f"its {product(self.kernel_size):,} taps take {steps.limit()}")
        x = padded(graph, x, self.padding)
        taps, *outputs = self._apart(shape)
        axes, seen = positions(shape), []
        for tap in places(*map(range, self.kernel_size)):
            starts = [place * apart for place, apart in zip(tap, self.dilation, strict=True)]
            moved = zip(starts, outputs, self.stride, strict=True)
            ends = [start + (count - 1) * stride + 1 for start, count, stride in moved]
            every = graph.constant(list(self.stride))
            numbers = [graph.constant(list(of_axes)) for of_axes in (starts, ends, axes)]
            seen.append(shaped(graph, graph.node("Slice", x, *numbers, every), [shape[0], 1, product(outputs)]))
        together = graph.node("Concat", *seen, axis=2) if len(seen) > 1 else seen[0]
        return shaped(graph, together, [taps, product(outputs)])

    def summary(self) -> str:
        return shown_window(self.kernel_size, self.stride, self.dilation)

    @classmethod
    def case(cls, draw: random.Random) -> tuple[Kind, tuple[Shape, ...]]:
        x = draw_shape(draw, least_rank=1)
        kernel = tuple(draw.randint(1, min(size, 3)) for size in x[1:])
        widest = (max(1, (size - 1) // max(k - 1, 1)) for k, size in zip(kernel, x[1:], strict=True))
        return cls(
            kernel_size=kernel,
            stride=draw_axes(draw, len(kernel), 3),
            padding=tuple((draw.randint(0, 2), draw.randint(0, 2)) for _ in kernel),
            dilation=tuple(draw.randint(1, min(most, 2)) for most in widest),
        ), (x,)

    @staticmethod
    def reference(engine: Engine, fields: Fields, weights: Arrays, x: Array) -> Array:
        rank = x.ndim - 2
        seen = engine.windows(engine.pad(x, fields.padding), fields.kernel_size, fields.stride, fields.dilation)
        taps = seen.transpose(0, 1, *range(2 + rank, 2 + 2 * rank), *range(2, 2 + rank))
        columns = x.shape[1]
        for taps_of_axis in fields.kernel_size:
            columns *= taps_of_axis
        return taps.reshape(len(x), columns, -1)


def _taps_together(engine: Engine, fields: Fields, weights: Arrays, x: Array) -> Array:
    """The taps of all channels summed, so that one channel leaves."""
    together: Array = Unfold.reference(engine, fields, weights, x).sum(1, keepdims=True)
    return together
