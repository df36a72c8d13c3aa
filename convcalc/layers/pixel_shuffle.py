"""Pixel shuffle, depth to space: channels spread over positions, by a factor on each spatial axis.

Example:
    input: [16, 8, 8]
    layers:
      - pixel_shuffle: 2
    # output 4x16x16, params 0, macs 0, field 1

Channels are divided by the factor once for each axis, and each axis multiplied by it. No arithmetic. Output position o
reads the channels at o // factor.

Source: Shi et al. 2016; PyTorch nn.PixelShuffle, here on any number of axes.
"""

import random
from collections.abc import Iterator
from functools import partial
from itertools import chain
from typing import Annotated

from convcalc.arithmetic.field import Field
from convcalc.arithmetic.moving import resampled
from convcalc.arithmetic.number import product
from convcalc.arithmetic.resampling import Places, nearest
from convcalc.fields import Whole
from convcalc.layers import Array, Arrays, Check, Engine, Fields, Kind, OnnxGraph, Shape, StandIn, Unprobed
from convcalc.layers._cases import draw_shape
from convcalc.layers._checks import has_positions
from convcalc.layers._onnx import shaped


class PixelShuffle(Kind, frozen=True, kw_only=True):
    is_map = True

    upscale_factor: Annotated[int, Whole("factor on each spatial axis", minimum=1)]

    def checks(self, x: Shape) -> Iterator[Check]:
        yield has_positions(x)
        yield Check(x[0] % self.spread(x) == 0, "CC102", "upscale_factor", self._indivisible, (x,))

    def _indivisible(self, x: Shape) -> str:
        axes = len(x) - 1
        legal = [str(factor) for factor in range(1, min(x[0], 1000) + 1) if x[0] % factor**axes == 0]
        return (
            f"upscale_factor {self.upscale_factor} on {axes} axes does not divide channels {x[0]} by "
            f"{self.spread(x)}; legal here: {', '.join(legal)}"
        )

    def spread(self, x: Shape) -> int:
        """Positions that one position becomes."""
        return product([self.upscale_factor] * (len(x) - 1))

    def shape(self, x: Shape) -> Shape:
        return (x[0] // self.spread(x), *(size * self.upscale_factor for size in x[1:]))

    def receptive_field(self, fields: tuple[Field, ...], inputs: tuple[Shape, ...]) -> Field:
        return resampled(
            fields[0].collapsed([0]),
            [nearest(Places(1, self.upscale_factor), size) for size in self.shape(*inputs)[1:]],
        )

    def no_op(self, x: Shape) -> str:
        return "shuffles by 1" if self.shape(x) == x else ""

    def onnx(self, graph: OnnxGraph, inputs: tuple[str, ...], shapes: tuple[Shape, ...]) -> str:
        (x,), (shape,) = inputs, shapes
        factor, rank = self.upscale_factor, len(shape) - 1
        if rank == 2:
            return graph.node("DepthToSpace", x, blocksize=factor, mode="CRD")
        apart = shaped(graph, x, [shape[0] // self.spread(shape), *[factor] * rank, *shape[1:]])
        pairs = ((2 + rank + axis, 2 + axis) for axis in range(rank))
        together = graph.node("Transpose", apart, perm=[0, 1, *chain.from_iterable(pairs)])
        return shaped(graph, together, self.shape(shape))

    def summary(self) -> str:
        return f"x{self.upscale_factor}"

    def thin(self, axis: int | None, inputs: tuple[Shape, ...]) -> Kind:
        if axis == 0:
            raise Unprobed("positions in the channels are dealt to other axes")
        return StandIn(of=self, run=partial(_on_one_channel, axis))

    @classmethod
    def case(cls, draw: random.Random) -> tuple[Kind, tuple[Shape, ...]]:
        x, factor = draw_shape(draw, least_rank=1), draw.randint(1, 3)
        return cls(upscale_factor=factor), ((x[0] * factor ** (len(x) - 1), *x[1:]),)

    @staticmethod
    def reference(engine: Engine, fields: Fields, weights: Arrays, x: Array) -> Array:
        factor, rank = fields.upscale_factor, x.ndim - 2
        blocks = x.reshape(x.shape[0], -1, *(factor,) * rank, *x.shape[2:])
        order = (axis for pair in zip(range(2 + rank, 2 + 2 * rank), range(2, 2 + rank), strict=True) for axis in pair)
        laid = blocks.transpose(0, 1, *order)
        return laid.reshape(*blocks.shape[:2], *(size * factor for size in x.shape[2:]))


def _on_one_channel(axis: int | None, engine: Engine, fields: Fields, weights: Arrays, x: Array) -> Array:
    """With as many channels as it takes, all the same; of the other axes the first position is kept."""
    factor, rank = fields.upscale_factor, x.ndim - 2
    shuffled = PixelShuffle.reference(engine, fields, weights, x.repeat(factor**rank, axis=1))
    kept = [slice(None) if place == axis else slice(0, 1) for place in range(1, rank + 1)]
    return shuffled[(slice(None), slice(None), *kept)]
