"""Sum of two tensors or more, element by element: the end of a residual block.

Example:
    input: [64, 56, 56]
    layers:
      - add: {branches: [[], []]}
    # output 64x56x56, params 0, macs 0, field 1

Shapes are equal, or 1 where a tensor is repeated; a tensor of fewer axes is aligned at the channels, so (C) meets
(C, ...). An output element takes one addition for every tensor after the first. Each output sees what any of its
inputs sees; a tensor repeated along an axis makes it global there.

Source: PyTorch and NumPy broadcasting, but for the alignment at the channels instead of the last axis; ONNX Sum.
"""

from convcalc.layers._merges import Elementwise, between_two


class Add(Elementwise, frozen=True, kw_only=True):
    merges = "sum"
    onnx_form = "Add"
    reference = between_two(lambda np: np.add)
