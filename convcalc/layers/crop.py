"""Crop: positions cut off around a map, or its middle of a given size.

Example:
    input: [64, 64, 64]
    layers:
      - crop: {size: 56}
    # output 64x56x56, params 0, macs 0, field 1

Either `cropping` (an int, one number an axis, or [[before, after], ...]) or `size`, which leaves the middle; where the
rest is odd, the odd position is cut at the end. No arithmetic.

Source: Keras Cropping2D; Ronneberger, Fischer and Brox 2015 for the middle (torchvision's rounds half to even).
"""

import random
from collections.abc import Iterator
from functools import partial
from typing import Annotated

from msgspec.structs import replace

from convcalc.arithmetic.field import Field
from convcalc.arithmetic.moving import windowed
from convcalc.arithmetic.window import Pair, Window
from convcalc.fields import PaddingType, PerAxis, Sizes, optional
from convcalc.layers import Array, Arrays, Check, Engine, Fields, Kind, OnnxGraph, Shape, StandIn
from convcalc.layers._cases import draw_flag, draw_shape
from convcalc.layers._checks import has_positions, one_of_two
from convcalc.layers._onnx import cut, positions
from convcalc.layers._windows import shown_pairs, shown_sizes


class Crop(Kind, frozen=True, kw_only=True):
    keeps_axes = True

    cropping: Annotated[
        tuple[Pair, ...] | None, optional(PaddingType("positions cut off around the input", options=()))
    ] = None
    size: Annotated[Sizes | None, optional(PerAxis("positions that are left, from the middle"))] = None

    def crops(self, x: Shape) -> tuple[Pair, ...]:
        """Positions cut off before and after, on each axis."""
        if self.cropping is not None:
            return self.cropping
        rests = [size - left for size, left in zip(x[1:], self.size or (), strict=True)]
        return tuple((rest // 2, rest - rest // 2) for rest in rests)

    def checks(self, x: Shape) -> Iterator[Check]:
        yield has_positions(x)
        yield one_of_two(self.cropping, self.size, ("cropping", "size"))
        if self.size is None and self.cropping is not None:
            for size, (before, after) in zip(x[1:], self.cropping, strict=True):
                yield Check(before + after < size, "CC101", "cropping", _cut_away, (before, after, size))
        elif self.size is not None and self.cropping is None:
            for size, left in zip(x[1:], self.size, strict=True):
                yield Check(left <= size, "CC101", "size", _too_large, (left, size))

    def shape(self, x: Shape) -> Shape:
        if self.size is not None:
            return (x[0], *self.size)
        return (x[0], *(size - before - after for size, (before, after) in zip(x[1:], self.crops(x), strict=True)))

    def receptive_field(self, fields: tuple[Field, ...], inputs: tuple[Shape, ...]) -> Field:
        shifts = [Window(1, before=-before, after=-after) for before, after in self.crops(inputs[0])]
        return windowed(fields[0], shifts, self.shape(*inputs))

    def cut(self, x: Shape) -> dict[int, tuple[int, int]]:
        return dict(enumerate(self.crops(x), start=1))

    def no_op(self, x: Shape) -> str:
        return "crops nothing" if self.size is None and self.shape(x) == x else ""

    def onnx(self, graph: OnnxGraph, inputs: tuple[str, ...], shapes: tuple[Shape, ...]) -> str:
        (x,), (shape,) = inputs, shapes
        pairs = list(zip(shape[1:], self.crops(shape), strict=True))
        starts, stops = [before for _, (before, _) in pairs], [size - after for size, (_, after) in pairs]
        return cut(graph, x, starts, stops, positions(shape))

    def summary(self) -> str:
        return shown_pairs(self.cropping) if self.cropping is not None else f"to {shown_sizes(self.size or ())}"

    def unbounded(self, axis: int | None, inputs: tuple[Shape, ...]) -> Kind:
        if not axis or self.size is None:
            return self
        return StandIn(of=self, run=partial(_lengthened, axis, inputs[0][axis]))

    @classmethod
    def case(cls, draw: random.Random) -> tuple[Kind, tuple[Shape, ...]]:
        x = draw_shape(draw, least_rank=1)
        if draw_flag(draw):
            return cls(size=tuple(draw.randint(1, size) for size in x[1:])), (x,)
        before = [draw.randint(0, size - 1) for size in x[1:]]
        cropping = tuple((b, draw.randint(0, size - 1 - b)) for b, size in zip(before, x[1:], strict=True))
        return cls(cropping=cropping), (x,)

    @staticmethod
    def reference(engine: Engine, fields: Fields, weights: Arrays, x: Array) -> Array:
        cropping = fields.cropping
        if cropping is None:
            rests = [size - left for size, left in zip(x.shape[2:], fields.size, strict=True)]
            cropping = [(rest // 2, rest - rest // 2) for rest in rests]
        left = (slice(before, size - after) for size, (before, after) in zip(x.shape[2:], cropping, strict=True))
        return x[(..., *left)]


def _lengthened(axis: int, size: int, engine: Engine, fields: Fields, weights: Arrays, x: Array) -> Array:
    """As much cut off an axis that is longer than its `size`."""
    sizes = list(fields.size)
    sizes[axis - 1] += x.shape[axis + 1] - size
    return Crop.reference(engine, replace(fields, size=tuple(sizes)), weights, x)


def _cut_away(before: int, after: int, size: int) -> str:
    return f"{before} + {after} leave nothing of an axis of {size}; legal here: {size - 1} together"


def _too_large(left: int, size: int) -> str:
    return f"size {left} is more than the axis of {size} holds; legal here: 1 to {size}"
