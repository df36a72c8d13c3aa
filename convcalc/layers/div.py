"""Quotient of two tensors, element by element.

Example:
    inputs: {first: [64, 14, 14], second: [64, 1, 1]}
    layers:
      - div: {from: [first, second]}
    # output 64x14x14, params 0, macs 0, field 1

Shapes are equal, or 1 where a tensor is repeated; a tensor of fewer axes is aligned at the channels, so (C) meets
(C, ...). An output element takes one division. Each output sees what either input sees; a tensor repeated along an
axis makes it global there.

Source: PyTorch and NumPy broadcasting, but for the alignment at the channels instead of the last axis; ONNX Div.
"""

from typing import ClassVar

from convcalc.layers import Kept, Kind, Shape, Wanted
from convcalc.layers._merges import Elementwise, between_two
from convcalc.layers.sub import Sub


class Div(Elementwise, frozen=True, kw_only=True):
    inputs: ClassVar[tuple[int, int | None]] = (2, 2)
    onnx_form = "Div"
    reference = between_two(lambda np: np.divide)

    def kept(self, wanted: Wanted, *inputs: Shape) -> Kept:
        """The divisor, and for its own gradient what is divided too."""
        return Kept(inputs=(0, 1) if wanted.inputs[1] else (1,)).if_(wanted.of_inputs)

    def unbounded(self, axis: int | None, inputs: tuple[Shape, ...]) -> Kind:
        return Sub().unbounded(axis, inputs)  # which sees the same places, and divides nothing by zero

    def thin(self, axis: int | None, inputs: tuple[Shape, ...]) -> Kind:
        return Sub()
