"""Root mean square normalisation: the elements along the given axes divided by their root mean square.

Example:
    input: [96, 56, 56]
    layers:
      - rms_norm: {axes: 0}
    # output 96x56x56, params 96, macs 0, field 1

It is layer_norm without the mean taken out and without a shift. `axes` are those normalised together: -1 is the last, 0
the channels; the weight has the sizes of these axes. An element takes three operations (its square, its part of the
sum, the quotient), with the weight four. Along positions an element sees its own path and, through the sum, everything.

Source: Zhang and Sennrich 2019; PyTorch nn.RMSNorm (its normalized_shape is the sizes of the last axes); ONNX
RMSNormalization.
"""

import random
from collections.abc import Iterator
from typing import Annotated

from convcalc.arithmetic.field import Field
from convcalc.arithmetic.number import product
from convcalc.fields import ANY_SIGN, Flag, Listed, Real
from convcalc.layers import Array, Arrays, Check, Engine, Fields, Kept, Kind, OnnxGraph, Shape, Wanted, Weights
from convcalc.layers._cases import EPS, draw_flag, draw_shape
from convcalc.layers._checks import axes_exist
from convcalc.layers._norms import Normalisation, laid_along, on_last_axes, scale_and_shift
from convcalc.layers._onnx import ones


class RmsNorm(Normalisation, frozen=True, kw_only=True):
    axes: Annotated[tuple[int, ...], Listed("axes normalised together; 0 is channels", minimum=ANY_SIGN)] = (-1,)
    eps: Annotated[float, Real("added to the mean square", minimum=0)] = 1e-5
    elementwise_affine: Annotated[bool, Flag("learn a scale for each place along the axes")] = True

    def checks(self, x: Shape) -> Iterator[Check]:
        yield from axes_exist(self.axes, x, "axes")

    def weights(self, x: Shape) -> Weights:
        return scale_and_shift(tuple(x[axis] for axis in self.axes), self.elementwise_affine, bias=False)

    def elementwise_ops(self, x: Shape) -> int:
        return (3 + self.elementwise_affine) * product(x)

    def kept(self, wanted: Wanted, x: Shape) -> Kept:
        """The input, and the mean square for each place on the other axes; for a factor what it multiplies."""
        statistics = product(x) // product(x[axis] for axis in self.axes)
        scaled = product(x) * (wanted.weights and self.elementwise_affine)
        is_asked = wanted.of_inputs or (wanted.weights and self.elementwise_affine)
        return Kept(inputs=(0,) * wanted.of_inputs, numbers=statistics * wanted.of_inputs + scaled).if_(is_asked)

    def receptive_field(self, fields: tuple[Field, ...], inputs: tuple[Shape, ...]) -> Field:
        return fields[0].with_global(self.axes)

    def onnx(self, graph: OnnxGraph, inputs: tuple[str, ...], shapes: tuple[Shape, ...]) -> str:
        def normalise(x: str) -> str:
            sizes = [shapes[0][axis] for axis in self.axes]
            scale = graph.weight("weight") if self.elementwise_affine else ones(graph, sizes)
            return graph.node("RMSNormalization", x, scale, axis=-len(sizes), epsilon=self.eps)

        return on_last_axes(graph, inputs[0], shapes[0], self.axes, normalise)

    def summary(self) -> str:
        return f"axes {', '.join(map(str, self.axes))}"

    @classmethod
    def case(cls, draw: random.Random) -> tuple[Kind, tuple[Shape, ...]]:
        x = draw_shape(draw)
        chosen = draw.sample(range(len(x)), draw.randint(1, len(x)))
        axes = tuple(axis - draw.choice([0, len(x)]) for axis in chosen)
        return cls(axes=axes, eps=draw.choice(EPS), elementwise_affine=draw_flag(draw)), (x,)

    @staticmethod
    def reference(engine: Engine, fields: Fields, weights: Arrays, x: Array) -> Array:
        axes = [axis % (x.ndim - 1) + 1 for axis in fields.axes]
        squares = engine.elementwise(engine.numpy.square, x)
        mean = engine.taken_in(engine.numpy.mean, squares, axes)
        scale = laid_along(engine, axes, [weights["weight"]] if fields.elementwise_affine else [], x)
        y = engine.elementwise(lambda x, mean: x / (mean + fields.eps) ** 0.5, x, mean)
        return engine.elementwise(engine.numpy.multiply, y, *scale) if scale else y
