"""Max pooling: the largest element under a window.

Example:
    input: [64, 112, 112]
    layers:
      - max_pool: {kernel_size: 3, stride: 2, padding: 1}
    # output 64x56x56, params 0, macs 0, field 3

The output's size is the convolution's. With ceil_mode it is rounded up, unless the last window would start behind the
end. Two words keep more: `caffe` leaves that window out only where an axis is padded, `full` never does. What reads
nothing is then the lowest number there is. `padding` takes what conv's does, causal too, as long as no window lies on
padding alone. An output element takes one comparison for every tap after the first.

Source: PyTorch nn.MaxPool2d and pooling_output_shape (Pool.h), which ONNX follows; TensorFlow for same; Caffe's
pooling_layer.cpp and ncnn's pooling.cpp for ceil_mode's words.
"""

from math import inf
from typing import Annotated

from convcalc.arithmetic.number import product
from convcalc.arithmetic.window import ROUNDING_WORDS
from convcalc.fields import PerAxis, Sizes
from convcalc.layers import Array, Arrays, Engine, Fields, Kept, OnnxGraph, Shape, Wanted
from convcalc.layers._kept import tap_bytes
from convcalc.layers._pools import Pool, placed


class MaxPool(Pool, frozen=True, kw_only=True):
    dilation: Annotated[Sizes, PerAxis("distance between taps")] = (1,)

    def elementwise_ops(self, x: Shape) -> int:
        return (product(self.kernel_size) - 1) * product(self.shape(x))

    def kept(self, wanted: Wanted, x: Shape) -> Kept:
        """Which tap of each window is the largest: one byte of up to 256 taps, then two."""
        return Kept(bytes=tap_bytes(product(self.kernel_size)) * product(self.shape(x))).if_(wanted.of_inputs)

    def onnx(self, graph: OnnxGraph, inputs: tuple[str, ...], shapes: tuple[Shape, ...]) -> str:
        import numpy

        least = -inf if self.ceil_mode not in ROUNDING_WORDS else float(numpy.finfo(graph.dtype).min)
        return self.pooled(graph, "MaxPool", inputs[0], shapes[0], least, dilations=self.dilation)

    @staticmethod
    def reference(engine: Engine, fields: Fields, weights: Arrays, x: Array) -> Array:
        stride, _, reached = placed(engine, fields, x, fields.dilation)
        np = engine.numpy
        least = -inf if fields.ceil_mode not in ROUNDING_WORDS else engine.least(x)  # where those two begin
        padded = engine.pad(x, reached, fill=least)
        return engine.reduced(np.maximum, padded, fields.kernel_size, stride, fields.dilation)
