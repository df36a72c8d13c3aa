"""Layer normalisation: the elements along the given axes, brought to mean 0 and variance 1 together.

Example:
    input: [96, 56, 56]
    layers:
      - layer_norm: {axes: 0}
    # output 96x56x56, params 192, macs 0, field 1

`axes` are those normalised together: -1 is the last, 0 the channels, as ConvNeXt has it on a map. Weights have the
sizes of these axes: a scale and a shift, with `bias: false` the scale, with `elementwise_affine: shift` the shift.
An element takes four operations (the sums for mean and variance, the difference, the quotient), with weights five.
Along positions an element sees its own path and, through mean and variance, everything.

Source: Ba, Kiros and Hinton 2016; PyTorch nn.LayerNorm (its normalized_shape is the sizes of the last axes).
"""

import random
from collections.abc import Iterator
from typing import Annotated, Any

from convcalc.arithmetic.field import Field
from convcalc.arithmetic.number import product
from convcalc.fields import ANY_SIGN, Flag, FlagOrWord, Listed, Real
from convcalc.layers import Array, Arrays, Check, Engine, Fields, Kept, Kind, OnnxGraph, Shape, Wanted, Weights
from convcalc.layers._cases import EPS, draw_flag, draw_shape
from convcalc.layers._checks import axes_exist
from convcalc.layers._norms import (
    Learned,
    Normalisation,
    kept_of_measured,
    laid_along,
    named,
    on_last_axes,
    operations,
    scale_and_shift,
    with_neutral,
)
from convcalc.layers._onnx import ones


class LayerNorm(Normalisation, frozen=True, kw_only=True):
    axes: Annotated[tuple[int, ...], Listed("axes normalised together; 0 is channels", minimum=ANY_SIGN)] = (-1,)
    eps: Annotated[float, Real("added to the variance", minimum=0)] = 1e-5
    elementwise_affine: Annotated[
        Learned,
        FlagOrWord("learn a scale and a shift for each place along the axes, or the shift", options=("shift",)),
    ] = True
    bias: Annotated[bool, Flag("learn the shift, where the scale is learned")] = True

    def checks(self, x: Shape) -> Iterator[Check]:
        yield from axes_exist(self.axes, x, "axes")

    def weights(self, x: Shape) -> Weights:
        return scale_and_shift(tuple(x[axis] for axis in self.axes), self.elementwise_affine, self.bias)

    def elementwise_ops(self, x: Shape) -> int:
        return operations(self.elementwise_affine) * product(x)

    def kept(self, wanted: Wanted, x: Shape) -> Kept:
        """The input, and mean and variance for each place on the other axes."""
        together = product(x[axis] for axis in self.axes)
        is_alone = self.elementwise_affine is True and not self.bias
        affine = "scale" if is_alone else self.elementwise_affine
        return kept_of_measured(wanted, affine, together, product(x) // together)

    def receptive_field(self, fields: tuple[Field, ...], inputs: tuple[Shape, ...]) -> Field:
        return fields[0].with_global(self.axes)

    def onnx(self, graph: OnnxGraph, inputs: tuple[str, ...], shapes: tuple[Shape, ...]) -> str:
        def normalise(x: str) -> str:
            sizes = [shapes[0][axis] for axis in self.axes]
            held = self.weights(shapes[0])
            scale = graph.weight("weight") if "weight" in held else ones(graph, sizes)
            bias = graph.weight("bias") if "bias" in held else ""
            return graph.node("LayerNormalization", x, scale, bias, axis=-len(sizes), epsilon=self.eps)

        return on_last_axes(graph, inputs[0], shapes[0], self.axes, normalise)

    def summary(self) -> str:
        return f"axes {', '.join(map(str, self.axes))}"

    @classmethod
    def case(cls, draw: random.Random) -> tuple[Kind, tuple[Shape, ...]]:
        x = draw_shape(draw)
        chosen = draw.sample(range(len(x)), draw.randint(1, len(x)))
        axes = tuple(axis - draw.choice([0, len(x)]) for axis in chosen)
        given: dict[str, Any] = {"elementwise_affine": draw.choice((False, True, "shift")), "bias": draw_flag(draw)}
        return cls(axes=axes, eps=draw.choice(EPS), **given), (x,)

    @staticmethod
    def reference(engine: Engine, fields: Fields, weights: Arrays, x: Array) -> Array:
        axes = [axis % (x.ndim - 1) + 1 for axis in fields.axes]
        names = named(fields.elementwise_affine, fields.bias)
        laid = laid_along(engine, axes, [weights[name] for name in names], x)
        neutral = with_neutral(engine, fields.elementwise_affine, laid)
        return engine.normalised(x, axes, fields.eps, *neutral)
