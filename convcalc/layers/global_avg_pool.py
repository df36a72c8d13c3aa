"""Global average pooling: the mean of each channel over all positions.

Example:
    input: [2048, 7, 7]
    layers:
      - global_avg_pool
    # output 2048, params 0, macs 0

The axes after the channels are gone, or with `keepdim` stay with one position each. A channel takes an operation an
element: the additions and one division. What follows sees the whole input.

Source: Lin et al. 2014, "Network in network"; Keras GlobalAveragePooling2D, ONNX GlobalAveragePool (keepdim).
"""

from convcalc.arithmetic.number import product
from convcalc.layers import Array, Arrays, Engine, Fields, Shape
from convcalc.layers._pools import GlobalPool


class GlobalAvgPool(GlobalPool, frozen=True, kw_only=True):
    onnx_form = "ReduceMean"

    def elementwise_ops(self, x: Shape) -> int:
        return product(x)

    @staticmethod
    def reference(engine: Engine, fields: Fields, weights: Arrays, x: Array) -> Array:
        return engine.taken_in(engine.numpy.mean, x, range(2, x.ndim), keepdims=fields.keepdim)
