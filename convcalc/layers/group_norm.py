"""Group normalisation: groups of channels, each brought to mean 0 and variance 1 over its positions.

Example:
    input: [64, 28, 28]
    layers:
      - group_norm: 32
    # output 64x28x28, params 128, macs 0, field 1

A scale and a shift a channel are learned, with `affine: scale` or `affine: shift` the one alone. An
element takes four operations (the sums for mean and variance, the difference, the quotient), with weights five. It sees
its own path and, through mean and variance, everything.

Source: Wu and He 2018; PyTorch nn.GroupNorm.
"""

import random
from collections.abc import Iterator
from typing import Annotated

from convcalc.arithmetic.field import Field
from convcalc.arithmetic.number import product
from convcalc.fields import Channels, Real
from convcalc.layers import Array, Arrays, Check, Engine, Fields, Kept, Kind, OnnxGraph, Shape, Wanted, Weights
from convcalc.layers._cases import EPS, LEARNED, draw_shape
from convcalc.layers._checks import divides
from convcalc.layers._norms import (
    LEARNED_FIELD,
    Learned,
    Normalisation,
    kept_of_measured,
    learned,
    learns_scale,
    learns_shift,
    operations,
    scale_and_shift,
)
from convcalc.layers._onnx import affine, per_channel, shaped

OF_CHANNELS = 21
"""The opset from which on ONNX's scale is one of each channel; before, it was one of each group."""


class GroupNorm(Normalisation, frozen=True, kw_only=True):
    num_groups: Annotated[int, Channels("parts the channels are split into, each normalised alone", minimum=1)]
    eps: Annotated[float, Real("added to the variance", minimum=0)] = 1e-5
    affine: Annotated[Learned, LEARNED_FIELD] = True

    def checks(self, x: Shape) -> Iterator[Check]:
        yield divides(self.num_groups, x[0], "num_groups", "channels")

    def weights(self, x: Shape) -> Weights:
        return scale_and_shift((x[0],), self.affine)

    def elementwise_ops(self, x: Shape) -> int:
        return operations(self.affine) * product(x)

    def kept(self, wanted: Wanted, x: Shape) -> Kept:
        """The input, and mean and variance of each group."""
        return kept_of_measured(wanted, self.affine, x[0], self.num_groups)

    def receptive_field(self, fields: tuple[Field, ...], inputs: tuple[Shape, ...]) -> Field:
        return fields[0].with_global(range(len(inputs[0])))

    def onnx(self, graph: OnnxGraph, inputs: tuple[str, ...], shapes: tuple[Shape, ...]) -> str:
        if graph.opset < OF_CHANNELS:
            return self._as_channels(graph, inputs[0], shapes[0])
        arrays = affine(graph, shapes[0][0], learns_scale(self.affine), learns_shift(self.affine))
        return graph.node("GroupNormalization", inputs[0], *arrays, num_groups=self.num_groups, epsilon=self.eps)

    def _as_channels(self, graph: OnnxGraph, x: str, shape: Shape) -> str:
        """Groups as the channels of an instance normalisation, and what is learned behind it."""
        together = graph.node("Reshape", x, graph.constant([0, self.num_groups, -1]))
        plain = affine(graph, self.num_groups, scale=False, shift=False)
        normalised = graph.node("InstanceNormalization", together, *plain, epsilon=self.eps)
        y = shaped(graph, normalised, shape)
        if learns_scale(self.affine):
            y = graph.node("Mul", y, per_channel(graph, graph.weight("weight"), shape))
        if learns_shift(self.affine):
            y = graph.node("Add", y, per_channel(graph, graph.weight("bias"), shape))
        return y

    def summary(self) -> str:
        return f"{self.num_groups} groups"

    def centres_channels(self, x: Shape) -> bool:
        return self.num_groups == x[0] and len(x) > 1

    @classmethod
    def case(cls, draw: random.Random) -> tuple[Kind, tuple[Shape, ...]]:
        groups = draw.randint(1, 4)
        x = draw_shape(draw, channels=groups * draw.randint(1, 3))
        return cls(num_groups=groups, eps=draw.choice(EPS), affine=draw.choice(LEARNED)), (x,)

    @staticmethod
    def reference(engine: Engine, fields: Fields, weights: Arrays, x: Array) -> Array:
        parts = x.reshape(x.shape[0], fields.num_groups, -1, *x.shape[2:])
        of_channels = learned(engine, fields.affine, weights, x)
        of_parts = [array.reshape(fields.num_groups, -1, *array.shape[1:]) for array in of_channels]
        return engine.normalised(parts, range(2, parts.ndim), fields.eps, *of_parts).reshape(x.shape)
