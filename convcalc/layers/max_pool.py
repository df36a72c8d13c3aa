"""Max pooling: the largest element under a window.

Example:
    input: [64, 112, 112]
    layers:
      - max_pool: {kernel_size: 3, stride: 2, padding: 1}
    # output 64x56x56, params 0, macs 0, field 3

The output's size is the convolution's. With ceil_mode it is rounded up, unless the last window would start behind the
end. `padding` takes what conv's does, causal too, as long as no window lies on padding alone. An output element takes
one comparison for every tap after the first.

Source: PyTorch nn.MaxPool2d and pooling_output_shape (Pool.h), which ONNX follows; TensorFlow for same.
"""

from math import inf
from typing import Annotated

from convcalc.arithmetic.number import product
from convcalc.fields import PerAxis, Sizes
from convcalc.layers import Array, Arrays, Engine, Fields, OnnxGraph, Shape
from convcalc.layers._pools import Pool, placed


class MaxPool(Pool, frozen=True, kw_only=True):
    dilation: Annotated[Sizes, PerAxis("distance between taps")] = (1,)

    def elementwise_ops(self, x: Shape) -> int:
        return (product(self.kernel_size) - 1) * product(self.shape(x))

    def onnx(self, graph: OnnxGraph, inputs: tuple[str, ...], shapes: tuple[Shape, ...]) -> str:
        return self.pooled(graph, "MaxPool", inputs[0], shapes[0], -inf, dilations=self.dilation)

    @staticmethod
    def reference(engine: Engine, fields: Fields, weights: Arrays, x: Array) -> Array:
        stride, _, reached = placed(engine, fields, x, fields.dilation)
        padded = engine.pad(x, reached, fill=-inf)
        return engine.reduced(engine.numpy.maximum, padded, fields.kernel_size, stride, fields.dilation)
