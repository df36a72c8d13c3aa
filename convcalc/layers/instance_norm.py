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

from collections.abc import Iterator
from typing import Annotated

from convcalc.fields import Flag
from convcalc.layers import Array, Arrays, Check, Engine, Fields, OnnxGraph, Shape
from convcalc.layers._checks import has_positions
from convcalc.layers._norms import LEARNED_FIELD, ChannelNorm, Learned, channels_normalised, learns_scale, learns_shift
from convcalc.layers._onnx import affine


class InstanceNorm(ChannelNorm, frozen=True, kw_only=True):
    affine: Annotated[Learned, LEARNED_FIELD] = False
    track_running_stats: Annotated[bool, Flag("keep a mean and a variance for each channel")] = False

    least_rank = 1

    def checks(self, x: Shape) -> Iterator[Check]:
        yield has_positions(x)

    def onnx(self, graph: OnnxGraph, inputs: tuple[str, ...], shapes: tuple[Shape, ...]) -> str:
        arrays = affine(graph, shapes[0][0], learns_scale(self.affine), learns_shift(self.affine))
        if not self.track_running_stats:
            return graph.node("InstanceNormalization", inputs[0], *arrays, epsilon=self.eps)
        known = graph.weight("running_mean"), graph.weight("running_var")
        return graph.node("BatchNormalization", inputs[0], *arrays, *known, epsilon=self.eps)

    @staticmethod
    def reference(engine: Engine, fields: Fields, weights: Arrays, x: Array) -> Array:
        return channels_normalised(engine, fields, weights, x, range(2, x.ndim))
