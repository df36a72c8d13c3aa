"""Absolute values, exponentials, logarithms, roots and powers: element by element, the shape stays.

Convention: one element-wise operation an element whatever the function, as with the activations.
"""

from collections.abc import Iterator
from typing import Annotated, ClassVar

from convcalc.fields import Real
from convcalc.layers import Check, OnnxGraph, Shape
from convcalc.layers._elements import NotEverywhere, Pointwise, of_elements


class Abs(Pointwise, frozen=True, kw_only=True):
    """The absolute value.

    Example:
        input: [64, 56, 56]
        layers:
          - abs
        # output 64x56x56, params 0, macs 0, field 1

    Source: PyTorch torch.abs; ONNX Abs.
    """

    onnx_form = "Abs"
    reference = of_elements(lambda np, x, _: np.abs(x))


class Exp(Pointwise, frozen=True, kw_only=True):
    """e to the power of x.

    Example:
        input: [64, 56, 56]
        layers:
          - exp
        # output 64x56x56, params 0, macs 0, field 1

    Source: PyTorch torch.exp; ONNX Exp.
    """

    onnx_form = "Exp"
    reference = of_elements(lambda np, x, _: np.exp(x))


class Log(NotEverywhere, frozen=True, kw_only=True):
    """The natural logarithm.

    Example:
        input: [64, 56, 56]
        layers:
          - log
        # output 64x56x56, params 0, macs 0, field 1

    Source: PyTorch torch.log; ONNX Log.
    """

    onnx_form = "Log"
    reference = of_elements(lambda np, x, _: np.log(x))


class Sqrt(NotEverywhere, frozen=True, kw_only=True):
    """The square root.

    Example:
        input: [64, 56, 56]
        layers:
          - sqrt
        # output 64x56x56, params 0, macs 0, field 1

    Source: PyTorch torch.sqrt; ONNX Sqrt.
    """

    onnx_form = "Sqrt"
    reference = of_elements(lambda np, x, _: np.sqrt(x))


class Pow(NotEverywhere, frozen=True, kw_only=True):
    """x to the power of a number.

    Example:
        input: [64, 56, 56]
        layers:
          - pow: 2
        # output 64x56x56, params 0, macs 0, field 1

    The exponent is not 0: the power would then be 1 whatever enters. A power that is not whole has no value for a
    negative number.

    Source: PyTorch torch.pow; ONNX Pow.
    """

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
