"""Batch normalisation, at inference: each channel scaled and shifted by known statistics.

Example:
    input: [64, 14, 14]
    layers:
      - batch_norm
    # output 64x14x14, params 128, macs 0, field 1

A scale and a shift a channel are learned, a mean and a variance kept (buffers). At inference they fold into one
multiplication and one addition an element. Without `track_running_stats` the statistics are those of the input, as
instance_norm's are: four operations an element, with weights five, and it sees, through mean and variance, everything.

Source: Ioffe and Szegedy 2015; PyTorch nn.BatchNorm2d.
"""

import random
from typing import Annotated

from convcalc.arithmetic.field import Field
from convcalc.arithmetic.number import product
from convcalc.fields import Flag, Real
from convcalc.layers import Array, Arrays, Engine, Fields, Kind, OnnxGraph, Shape, Weights
from convcalc.layers._cases import draw_eps, draw_flag, draw_shape
from convcalc.layers._norms import channels_normalised, operations, running_statistics, scale_and_shift
from convcalc.layers._onnx import affine, positions
from convcalc.layers.identity import Identity


class BatchNorm(Kind, frozen=True, kw_only=True):
    is_normalisation = scales_channels = True

    eps: Annotated[float, Real("added to the variance", minimum=0)] = 1e-5
    momentum: Annotated[float, Real("weight of a new batch in the running statistics", minimum=0, maximum=1)] = 0.1
    affine: Annotated[bool, Flag("learn a scale and a shift for each channel")] = True
    track_running_stats: Annotated[bool, Flag("keep a mean and a variance for each channel")] = True

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
        (x,), (shape,) = inputs, shapes
        arrays = affine(graph, shape[0], self.affine)
        if self.track_running_stats:
            known = graph.weight("running_mean"), graph.weight("running_var")
            return graph.node("BatchNormalization", x, *arrays, *known, epsilon=self.eps)
        # Statistics of the batch are those of one sample that holds all of it: [1, channels, batch and positions].
        order = [1, 0, *positions(shape)]
        together = graph.node("Reshape", graph.node("Transpose", x, perm=order), graph.constant([1, shape[0], -1]))
        y = graph.node("InstanceNormalization", together, *arrays, epsilon=self.eps)
        apart = graph.node("Reshape", y, graph.constant([shape[0], -1, *shape[1:]]))
        return graph.node("Transpose", apart, perm=order)

    @classmethod
    def case(cls, draw: random.Random) -> tuple[Kind, tuple[Shape, ...]]:
        given = {"affine": draw_flag(draw), "track_running_stats": draw_flag(draw)}
        return cls(eps=draw_eps(draw), **given), (draw_shape(draw),)

    @staticmethod
    def reference(engine: Engine, fields: Fields, weights: Arrays, x: Array) -> Array:
        return channels_normalised(engine, fields, weights, x, (0, *range(2, x.ndim)))
