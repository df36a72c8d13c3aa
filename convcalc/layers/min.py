"""The least of two tensors or more, element by element.

Example:
    input: [64, 56, 56]
    layers:
      - min: {branches: [[], [tanh]]}
    # output 64x56x56, params 0, macs 0, field 1

Shapes are equal, or 1 where a tensor is repeated; a tensor of fewer axes is aligned at the channels, so (C) meets
(C, ...). An output element takes one comparison for every tensor after the first. Each output sees what any of its
inputs sees; a tensor repeated along an axis makes it global there. With a number in place of a tensor it is
`hard_tanh`, or `relu`.

Source: PyTorch torch.minimum and NumPy broadcasting, but for the alignment at the channels instead of the last axis;
ONNX Min.
"""

from convcalc.layers._merges import Extreme, between_two


class Min(Extreme, frozen=True, kw_only=True):
    onnx_form = "Min"
    reference = between_two(lambda np: np.minimum)
