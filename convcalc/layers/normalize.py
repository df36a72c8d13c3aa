"""Normalisation to length 1: the elements along an axis, the channels unless another is named, over their norm.

Example:
    input: [128]
    layers:
      - normalize
    # output 128, params 0, macs 0

The norm is the root of the sum of squares, with `p: 1` the sum of magnitudes; one below `eps` is taken to be `eps`. An
element takes three operations: its power, its part of the sum, the division. Along positions an element
sees its own path and, through the norm, everything. Where eps is added to the sum of squares it is an l2_norm.

Source: PyTorch torch.nn.functional.normalize; ONNX LpNormalization.
"""

import random
from collections.abc import Iterator
from typing import Annotated

from convcalc.arithmetic.field import Field
from convcalc.arithmetic.number import product
from convcalc.fields import ANY_SIGN, Real, Whole
from convcalc.layers import Array, Arrays, Check, Engine, Fields, Kept, Kind, OnnxGraph, Shape, Wanted
from convcalc.layers._cases import EPS, draw_axis, draw_shape
from convcalc.layers._checks import axes_exist
from convcalc.layers._elements import root
from convcalc.layers._norms import Normalisation
from convcalc.layers._onnx import onnx_axis

NO_EPS = 1e-12
"""What LpNormalization, which leaves zeros as they are, comes to."""


class Normalize(Normalisation, frozen=True, kw_only=True):
    axis: Annotated[int, Whole("axis along which the norm is taken; 0 is channels", minimum=ANY_SIGN)] = 0
    p: Annotated[int, Whole("exponent of the norm, 1 or 2", minimum=1)] = 2
    eps: Annotated[float, Real("the least that is divided by", minimum=0)] = NO_EPS

    def checks(self, x: Shape) -> Iterator[Check]:
        yield from axes_exist((self.axis,), x, "axis")
        yield Check(
            self.p <= 2, "CC011", "p", lambda: f"p {self.p} is none of the norms that are known; legal here: 1, 2"
        )

    def elementwise_ops(self, x: Shape) -> int:
        return 3 * product(x)

    def kept(self, wanted: Wanted, x: Shape) -> Kept:
        """The input, and the sums along the axis."""
        return Kept(inputs=(0,), numbers=product(x) // x[self.axis]).if_(wanted.of_inputs)

    def receptive_field(self, fields: tuple[Field, ...], inputs: tuple[Shape, ...]) -> Field:
        return fields[0].with_global((self.axis,))

    def onnx(self, graph: OnnxGraph, inputs: tuple[str, ...], shapes: tuple[Shape, ...]) -> str:
        if self.eps <= NO_EPS:
            return graph.node("LpNormalization", inputs[0], axis=onnx_axis(self.axis, shapes[0]), p=self.p)
        (x,), axes = inputs, graph.constant([onnx_axis(self.axis, shapes[0])])
        norm = graph.node("ReduceL1" if self.p == 1 else "ReduceL2", x, axes, keepdims=1)
        return graph.node("Div", x, graph.node("Max", norm, graph.constant(self.eps)))

    def summary(self) -> str:
        return f"axis {self.axis}" + (f", p {self.p}" if self.p != 2 else "")

    @classmethod
    def case(cls, draw: random.Random) -> tuple[Kind, tuple[Shape, ...]]:
        x = draw_shape(draw)
        return cls(axis=draw_axis(draw, x), p=draw.choice((1, 2)), eps=draw.choice((NO_EPS, *EPS))), (x,)

    @staticmethod
    def reference(engine: Engine, fields: Fields, weights: Arrays, x: Array) -> Array:
        np, p = engine.numpy, fields.p
        powers = engine.elementwise(lambda x: np.abs(x) ** p, x)
        total = engine.taken_in(np.sum, powers, [fields.axis % (x.ndim - 1) + 1])
        return engine.elementwise(lambda x, total: x / np.maximum(root(np, total, p), fields.eps), x, total)
