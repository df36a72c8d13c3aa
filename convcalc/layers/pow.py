"""x to the power of a number.

Example:
    input: [64, 56, 56]
    layers:
      - pow: 2
    # output 64x56x56, params 0, macs 0, field 1

An element takes one operation, whatever the exponent. The exponent is not 0: the power would then be 1 whatever enters.
A power that is not whole has no value for a negative number. With a tensor of exponents it is `elementwise: pow`.

Source: PyTorch torch.pow; ONNX Pow.
"""

from collections.abc import Iterator
from typing import Annotated, ClassVar

from convcalc.fields import Real
from convcalc.layers import Check, OnnxGraph, Shape
from convcalc.layers._elements import NotEverywhere, of_elements


class Pow(NotEverywhere, frozen=True, kw_only=True):
    exponent: Annotated[float, Real("the power, not 0")]

    samples: ClassVar = {"exponent": (2.0, 3.0, 0.5, -1.0)}
    reference = of_elements(lambda np, x, fields: np.power(x, fields.exponent))

    def checks(self, x: Shape) -> Iterator[Check]:
        message = "exponent 0 makes 1 of whatever enters; legal here: any other number"
        yield Check(self.exponent != 0, "CC011", "exponent", lambda: message)

    def onnx(self, graph: OnnxGraph, inputs: tuple[str, ...], shapes: tuple[Shape, ...]) -> str:
        return graph.node("Pow", inputs[0], graph.constant(self.exponent))

    def summary(self) -> str:
        return f"to the {self.exponent:g}"
