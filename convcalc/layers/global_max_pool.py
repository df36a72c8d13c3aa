"""Global max pooling: the largest element of each channel.

Example:
    input: [512, 7, 7]
    layers:
      - global_max_pool: {keepdim: true}
    # output 512x1x1, params 0, macs 0

The axes after the channels are gone, or with `keepdim` stay with one position each. A channel takes one comparison for
every element after its first. What follows sees the whole input.

Source: Keras GlobalMaxPooling2D, ONNX GlobalMaxPool (keepdim).
"""

from convcalc.arithmetic.number import product
from convcalc.layers import Array, Arrays, Engine, Fields, Kept, Shape, Wanted
from convcalc.layers._kept import PLACE
from convcalc.layers._pools import GlobalPool


class GlobalMaxPool(GlobalPool, frozen=True, kw_only=True):
    onnx_form = "ReduceMax"

    def elementwise_ops(self, x: Shape) -> int:
        return product(x) - x[0]

    def kept(self, wanted: Wanted, x: Shape) -> Kept:
        """Where the largest of each channel is, eight bytes each."""
        return Kept(bytes=PLACE * product(self.shape(x))).if_(wanted.of_inputs)

    @staticmethod
    def reference(engine: Engine, fields: Fields, weights: Arrays, x: Array) -> Array:
        return engine.largest(x, range(2, x.ndim), keepdims=fields.keepdim)
