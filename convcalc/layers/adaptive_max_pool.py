"""Adaptive max pooling: the largest elements of as many cells as asked for, whatever the input's size.

Example:
    input: [16, 12, 9]
    layers:
      - adaptive_max_pool: [4, 3]
    # output 16x4x3, params 0, macs 0, field 3

The cells are adaptive_avg_pool's. A cell takes one comparison for every element after its first.

Source: PyTorch nn.AdaptiveMaxPool2d (AdaptivePooling.h: start_index, end_index).
"""

from convcalc.arithmetic.number import product
from convcalc.layers import Kept, Shape, Wanted
from convcalc.layers._kept import PLACE
from convcalc.layers._pools import AdaptivePool, over_cells


class AdaptiveMaxPool(AdaptivePool, frozen=True, kw_only=True):
    onnx_form = "MaxPool"
    reference = over_cells(lambda engine, cell, axes: engine.largest(cell, axes))

    def elementwise_ops(self, x: Shape) -> int:
        return self.combined(x) - product(self.shape(x))

    def kept(self, wanted: Wanted, x: Shape) -> Kept:
        """Where the largest of each cell is, eight bytes each."""
        return Kept(bytes=PLACE * product(self.shape(x))).if_(wanted.of_inputs)
