"""Batch normalisation, at inference: each channel scaled and shifted by known statistics.

Example:
    input: [64, 14, 14]
    layers:
      - batch_norm
    # output 64x14x14, params 128, macs 0, field 1

A scale and a shift a channel are learned, with `affine: scale` or `affine: shift` the one alone, as Keras' nets without
`scale` have it. A mean and a variance are kept (buffers). At inference all of these fold into one multiplication and
one addition an element. Without `track_running_stats` the statistics are those of the input, as instance_norm's are:
four operations an element, with weights five, and it sees, through mean and variance, everything.

Source: Ioffe and Szegedy 2015; PyTorch nn.BatchNorm2d; Keras BatchNormalization for the one alone.
"""

from convcalc.layers import Array, Arrays, Engine, Fields, Kept, OnnxGraph, Shape, Wanted
from convcalc.layers._norms import ChannelNorm, channels_normalised, learns_scale, learns_shift
from convcalc.layers._onnx import affine, positions


class BatchNorm(ChannelNorm, frozen=True, kw_only=True):
    scales_channels = True

    def kept(self, wanted: Wanted, x: Shape) -> Kept:
        """In training the input, and mean and variance of each channel over all samples."""
        kept = super().kept(wanted, x)
        return Kept(inputs=kept.inputs, shared_numbers=kept.numbers + kept.shared_numbers)

    def onnx(self, graph: OnnxGraph, inputs: tuple[str, ...], shapes: tuple[Shape, ...]) -> str:
        (x,), (shape,) = inputs, shapes
        arrays = affine(graph, shape[0], learns_scale(self.affine), learns_shift(self.affine))
        if self.track_running_stats:
            known = graph.weight("running_mean"), graph.weight("running_var")
            return graph.node("BatchNormalization", x, *arrays, *known, epsilon=self.eps)
        # Statistics of the batch are those of one sample that holds all of it: [1, channels, batch and positions].
        order = [1, 0, *positions(shape)]
        together = graph.node("Reshape", graph.node("Transpose", x, perm=order), graph.constant([1, shape[0], -1]))
        y = graph.node("InstanceNormalization", together, *arrays, epsilon=self.eps)
        apart = graph.node("Reshape", y, graph.constant([shape[0], -1, *shape[1:]]))
        return graph.node("Transpose", apart, perm=order)

    @staticmethod
    def reference(engine: Engine, fields: Fields, weights: Arrays, x: Array) -> Array:
        return channels_normalised(engine, fields, weights, x, (0, *range(2, x.ndim)))
