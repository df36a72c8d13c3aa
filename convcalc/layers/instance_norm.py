"""Instance normalisation: each channel brought to mean 0 and variance 1 over its positions.

Example:
    input: [32, 64, 64]
    layers:
      - instance_norm: {affine: true}
    # output 32x64x64, params 64, macs 0, field 1

An element takes four operations (the sums for mean and variance, the difference, the quotient), with weights five; it
sees its own path and, through mean and variance, everything. With `track_running_stats` the statistics are
known at inference, as batch_norm's are: two operations an element, and only its own path.

Source: Ulyanov, Vedaldi and Lempitsky 2016; PyTorch nn.InstanceNorm2d.
"""

import random
from collections.abc import Iterator
from typing import Annotated

from convcalc.arithmetic.field import Field
from convcalc.arithmetic.number import product
from convcalc.fields import Flag, Real
from convcalc.layers import Array, Arrays, Check, Engine, Fields, Kind, OnnxGraph, Shape, Weights
from convcalc.layers._cases import draw_eps, draw_flag, draw_shape
from convcalc.layers._checks import has_positions
from convcalc.layers._norms import channels_normalised, operations, running_statistics, scale_and_shift
from convcalc.layers._onnx import affine
from convcalc.layers.identity import Identity


class InstanceNorm(Kind, frozen=True, kw_only=True):
    is_normalisation = True

    eps: Annotated[float, Real("added to the variance", minimum=0)] = 1e-5
    momentum: Annotated[float, Real("weight of a new batch in the running statistics", minimum=0, maximum=1)] = 0.1
    affine: Annotated[bool, Flag("learn a scale and a shift for each channel")] = False
    track_running_stats: Annotated[bool, Flag("keep a mean and a variance for each channel")] = False

    def checks(self, x: Shape) -> Iterator[Check]:
        yield has_positions(x)

    def weights(self, x: Shape) -> Weights:
        return scale_and_shift((x[0],), self.affine)

    def buffers(self, x: Shape) -> Weights:
        return running_statistics(x, self.track_running_stats)

    def elementwise_ops(self, x: Shape) -> int:
        return operations(self.affine, self.track_running_stats) * product(x)

    def receptive_field(self, fields: tuple[Field, ...], inputs: tuple[Shape, ...]) -> Field:
        return fields[0] if self.track_running_stats else fields[0].with_global(range(1, len(inputs[0])))

    def centres_channels(self, x: Shape) -> bool:
        return True

    def own_path(self) -> Kind:
        return Identity()

    def onnx(self, graph: OnnxGraph, inputs: tuple[str, ...], shapes: tuple[Shape, ...]) -> str:
        arrays = affine(graph, shapes[0][0], self.affine)
        if not self.track_running_stats:
            return graph.node("InstanceNormalization", inputs[0], *arrays, epsilon=self.eps)
        known = graph.weight("running_mean"), graph.weight("running_var")
        return graph.node("BatchNormalization", inputs[0], *arrays, *known, epsilon=self.eps)

    @classmethod
    def case(cls, draw: random.Random) -> tuple[Kind, tuple[Shape, ...]]:
        given = {"affine": draw_flag(draw), "track_running_stats": draw_flag(draw)}
        return cls(eps=draw_eps(draw), **given), (draw_shape(draw, least_rank=1),)

    @staticmethod
    def reference(engine: Engine, fields: Fields, weights: Arrays, x: Array) -> Array:
        return channels_normalised(engine, fields, weights, x, range(2, x.ndim))
