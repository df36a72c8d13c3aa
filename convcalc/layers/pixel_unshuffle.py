"""Pixel unshuffle, space to depth: blocks of positions laid into the channels, by a factor on each spatial axis.

Example:
    input: [4, 16, 16]
    layers:
      - pixel_unshuffle: 2
    # output 16x8x8, params 0, macs 0, field 2

Channels are multiplied by the factor once for each axis, and each axis divided by it. No arithmetic.

Source: PyTorch nn.PixelUnshuffle, here on any number of axes; ONNX SpaceToDepth.
"""

import random
from collections.abc import Iterator
from functools import partial
from itertools import chain
from typing import Annotated

from convcalc.arithmetic.field import Field
from convcalc.arithmetic.moving import windowed
from convcalc.arithmetic.number import product
from convcalc.arithmetic.window import Window
from convcalc.fields import Whole
from convcalc.layers import Array, Arrays, Check, Engine, Fields, Kind, OnnxGraph, Shape, StandIn, Unprobed
from convcalc.layers._cases import draw_shape
from convcalc.layers._checks import divides, has_positions
from convcalc.layers._onnx import shaped


class PixelUnshuffle(Kind, frozen=True, kw_only=True):
    is_map = True

    downscale_factor: Annotated[int, Whole("factor on each spatial axis", minimum=1)]

    def checks(self, x: Shape) -> Iterator[Check]:
        yield has_positions(x)
        for axis, size in enumerate(x[1:]):
            yield divides(self.downscale_factor, size, "downscale_factor", f"spatial axis {axis} of size")

    def shape(self, x: Shape) -> Shape:
        factor = self.downscale_factor
        return (product((x[0], *[factor] * (len(x) - 1))), *(size // factor for size in x[1:]))

    def receptive_field(self, fields: tuple[Field, ...], inputs: tuple[Shape, ...]) -> Field:
        block = Window(self.downscale_factor, self.downscale_factor)
        return windowed(fields[0].collapsed([0]), [block] * (len(inputs[0]) - 1), self.shape(*inputs))

    def no_op(self, x: Shape) -> str:
        return "shuffles by 1" if self.shape(x) == x else ""

    def onnx(self, graph: OnnxGraph, inputs: tuple[str, ...], shapes: tuple[Shape, ...]) -> str:
        (x,), (shape,) = inputs, shapes
        factor, rank = self.downscale_factor, len(shape) - 1
        # SpaceToDepth has the places in a block before the channels.
        apart = shaped(graph, x, [shape[0], *chain.from_iterable((size // factor, factor) for size in shape[1:])])
        places = [0, 1, *range(3, 3 + 2 * rank, 2), *range(2, 2 + 2 * rank, 2)]
        return shaped(graph, graph.node("Transpose", apart, perm=places), self.shape(shape))

    def summary(self) -> str:
        return f"/{self.downscale_factor}"

    def thin(self, axis: int | None, inputs: tuple[Shape, ...]) -> Kind:
        if axis == 0:
            raise Unprobed("positions in the channels are mixed with those of other axes")
        return StandIn(of=self, run=partial(_on_one_line, axis))

    @classmethod
    def case(cls, draw: random.Random) -> tuple[Kind, tuple[Shape, ...]]:
        x, factor = draw_shape(draw, least_rank=1), draw.randint(1, 3)
        return cls(downscale_factor=factor), ((x[0], *(size * factor for size in x[1:])),)

    @staticmethod
    def reference(engine: Engine, fields: Fields, weights: Arrays, x: Array) -> Array:
        factor, rank = fields.downscale_factor, x.ndim - 2
        sizes = [part for size in x.shape[2:] for part in (size // factor, factor)]
        blocks = x.reshape(*x.shape[:2], *sizes)
        laid = blocks.transpose(0, 1, *range(3, 3 + 2 * rank, 2), *range(2, 2 + 2 * rank, 2))
        return laid.reshape(x.shape[0], -1, *laid.shape[2 + rank :])


def _on_one_line(axis: int | None, engine: Engine, fields: Fields, weights: Arrays, x: Array) -> Array:
    """With as many positions on the other axes as it takes, all the same; the channels that come out are one again."""
    for place in range(1, x.ndim - 1):
        if place != axis:
            x = x.repeat(fields.downscale_factor, axis=place + 1)
    return PixelUnshuffle.reference(engine, fields, weights, x).sum(1, keepdims=True)
