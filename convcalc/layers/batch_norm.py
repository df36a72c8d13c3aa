"""Batch normalisation, at inference: each channel scaled and shifted by known statistics.

Example:
    input: [64, 14, 14]
    layers:
      - batch_norm
    # output 64x14x14, params 128, macs 0, field 1

A scale and a shift a channel are learned, a mean and a variance kept (buffers). At inference they fold into one
multiplication and one addition an element.

Source: Ioffe and Szegedy 2015; PyTorch nn.BatchNorm2d.
"""

import random
from typing import Annotated

from convcalc.arithmetic.number import product
from convcalc.fields import Flag, Real
from convcalc.layers import Array, Arrays, Engine, Fields, Kind, Shape, Weights
from convcalc.layers._cases import draw_eps, draw_flag, draw_shape
from convcalc.layers._norms import (
    KNOWN_STATISTICS,
    channels_normalised,
    running_statistics,
    scale_and_shift,
)


class BatchNorm(Kind, frozen=True, kw_only=True):
    eps: Annotated[float, Real("added to the variance", minimum=0)] = 1e-5
    momentum: Annotated[float, Real("weight of a new batch in the running statistics", minimum=0, maximum=1)] = 0.1
    affine: Annotated[bool, Flag("learn a scale and a shift for each channel")] = True
    track_running_stats: Annotated[bool, Flag("keep a mean and a variance for each channel")] = True

    def weights(self, x: Shape) -> Weights:
        return scale_and_shift((x[0],), self.affine)

    def buffers(self, x: Shape) -> Weights:
        return running_statistics(x, self.track_running_stats)

    def elementwise_ops(self, x: Shape) -> int:
        return KNOWN_STATISTICS * product(x)

    @classmethod
    def case(cls, draw: random.Random) -> tuple[Kind, tuple[Shape, ...]]:
        given = {"affine": draw_flag(draw), "track_running_stats": draw_flag(draw)}
        return cls(eps=draw_eps(draw), **given), (draw_shape(draw),)

    @staticmethod
    def reference(engine: Engine, fields: Fields, weights: Arrays, x: Array) -> Array:
        return channels_normalised(engine, fields, weights, x, (0, *range(2, x.ndim)))
