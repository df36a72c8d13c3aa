"""Product of two tensors or more, element by element: the gate of squeeze-and-excitation.

Example:
    input: [64, 14, 14]
    layers:
      - mul: {branches: [[], [global_avg_pool, {linear: 64}, sigmoid]]}
    # output 64x14x14, params 4160, macs 4096, field 1

Shapes are equal, or 1 where a tensor is repeated; a tensor of fewer axes is aligned at the channels, so (C) meets
(C, ...). An output element takes one multiplication for every tensor after the first; nothing is added up, so these
are no MACs. Each output sees what any of its inputs sees; a tensor repeated along an axis makes it global there.

Source: PyTorch and NumPy broadcasting, but for the alignment at the channels instead of the last axis; ONNX Mul.
"""

from convcalc.arithmetic.number import product
from convcalc.layers import Kept, Shape, Wanted
from convcalc.layers._merges import Elementwise, between_two


class Mul(Elementwise, frozen=True, kw_only=True):
    merges = "product"
    onnx_form = "Mul"
    reference = between_two(lambda np: np.multiply)

    def kept(self, wanted: Wanted, *inputs: Shape) -> Kept:
        """For each factor what it is multiplied with: another tensor, or the product of those before it."""
        behind = [place for place in range(1, len(inputs)) if True in wanted.inputs[:place]]
        products = sum(wanted.inputs[2:])
        return Kept(
            inputs=(0, *behind) if wanted.inputs[1] else tuple(behind), numbers=products * product(self.shape(*inputs))
        )
