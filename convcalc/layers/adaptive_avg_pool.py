"""Adaptive average pooling: means over as many cells as asked for, whatever the input's size.

Example:
    input: [256, 6, 6]
    layers:
      - adaptive_avg_pool: 1
    # output 256x1x1, params 0, macs 0

On an axis of i positions cell t of o holds those from floor(t·i / o) to before ceil((t + 1)·i / o). The cells may
overlap, and hold i + o - gcd(i, o) positions together: one operation for each, the additions and a division a cell.
null leaves an axis as it is. A single cell sees the whole axis.

Source: PyTorch nn.AdaptiveAvgPool2d (AdaptivePooling.h: start_index, end_index).
"""

from convcalc.layers import Shape
from convcalc.layers._pools import AdaptivePool, over_cells


class AdaptiveAvgPool(AdaptivePool, frozen=True, kw_only=True):
    onnx_form = "AveragePool"
    reference = over_cells(lambda engine, cell, axes: engine.taken_in(engine.numpy.mean, cell, axes))

    def elementwise_ops(self, x: Shape) -> int:
        return self.combined(x)
