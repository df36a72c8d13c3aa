"""An operation of which convcalc knows only the shape of its output: one that an import could not express.

Example:
    input: [8, 32, 32]
    layers:
      - opaque: [100, 4]
    # output 100x4, params 0, macs 0

What it costs is not known, so it counts as nothing and is said to be uncosted: every total with one in it is a least
one. Each output is taken to see all of every input. On tensors it stands for itself as the sum of all that enters.

Where not even its output shape is known, the field is left out. Then nothing is counted of the output either, and only
another opaque layer, with or without a shape, can read it.

Source: convcalc import, which writes operators so that no layer kind expresses.
"""

import random
from collections.abc import Sequence
from functools import reduce
from typing import Annotated, ClassVar

from convcalc.arithmetic.field import Field
from convcalc.arithmetic.meeting import merged
from convcalc.fields import Listed, optional
from convcalc.layers import UNSIZED, Array, Arrays, Engine, Fields, Kept, Kind, NoOnnxForm, OnnxGraph, Shape, Wanted
from convcalc.layers._cases import draw_shape


class Opaque(Kind, frozen=True, kw_only=True):
    inputs: ClassVar[tuple[int, int | None]] = (1, None)
    costed: ClassVar[bool] = False

    output_shape: Annotated[
        tuple[int, ...] | None,
        optional(Listed("the shape that leaves, channels first; null: it is not known", minimum=1)),
    ] = None

    def shape(self, *inputs: Shape) -> Shape:
        return UNSIZED if self.output_shape is None else self.output_shape

    def kept(self, wanted: Wanted, *inputs: Shape) -> Kept:
        """Nobody knows, so that nothing is counted."""
        return Kept()

    def receptive_field(self, fields: tuple[Field, ...], inputs: tuple[Shape, ...]) -> Field:
        shape = self.shape()
        nowhere: Sequence[tuple[int, ...]] = [()] * len(shape)
        seen = [field.whole(range(len(field.carries))).carrying(tuple(nowhere)) for field in fields]
        return merged(seen, shape)

    def no_gradient(self, place: int) -> str:
        return "what it does is not known"

    def onnx(self, graph: OnnxGraph, inputs: tuple[str, ...], shapes: tuple[Shape, ...]) -> str:
        raise NoOnnxForm("what it does is not known")

    @classmethod
    def case(cls, draw: random.Random) -> tuple[Kind, tuple[Shape, ...]]:
        return cls(output_shape=draw_shape(draw)), tuple(draw_shape(draw) for _ in range(draw.randint(1, 3)))

    @staticmethod
    def reference(engine: Engine, fields: Fields, weights: Arrays, *inputs: Array) -> Array:
        sums = [engine.aside(lambda x: x.sum(tuple(range(1, x.ndim))), x) for x in inputs]
        total = reduce(engine.numpy.add, sums)
        shape = fields.output_shape or (0,)
        ones = (1,) * len(shape)
        return engine.numpy.broadcast_to(total.reshape(-1, *ones), (total.size, *shape))
