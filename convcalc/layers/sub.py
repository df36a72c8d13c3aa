"""Difference of two tensors, element by element.

Example:
    inputs: {first: [64, 14, 14], second: [64, 1, 1]}
    layers:
      - sub: {from: [first, second]}
    # output 64x14x14, params 0, macs 0, field 1

Shapes are equal, or 1 where a tensor is repeated; a tensor of fewer axes is aligned at the channels, so (C) meets
(C, ...). An output element takes one subtraction. Each output sees what either input sees; a tensor repeated along an
axis makes it global there.

Source: PyTorch and NumPy broadcasting, but for the alignment at the channels instead of the last axis; ONNX Sub.
"""

from typing import ClassVar

from convcalc.layers._merges import Elementwise, between_two


class Sub(Elementwise, frozen=True, kw_only=True):
    inputs: ClassVar[tuple[int, int | None]] = (2, 2)
    onnx_form = "Sub"
    reference = between_two(lambda np: np.subtract)
