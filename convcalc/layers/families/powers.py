"""Absolute values, exponentials, logarithms, roots and powers: element by element, the shape stays.

Convention: one element-wise operation an element whatever the function, as with the activations.
"""

import random
from collections.abc import Iterator
from typing import Annotated

from convcalc.fields import Real
from convcalc.layers import Array, Arrays, Check, Engine, Fields, Kind, OnnxGraph, Shape
from convcalc.layers._cases import draw_shape
from convcalc.layers.families.activations import Activation


class Abs(Activation, frozen=True, kw_only=True):
    """The absolute value.

    Example:
        input: [64, 56, 56]
        layers:
          - abs
        # output 64x56x56, params 0, macs 0, field 1

    Source: PyTorch torch.abs; ONNX Abs.
    """

    is_activation = False

    def onnx(self, graph: OnnxGraph, inputs: tuple[str, ...], shapes: tuple[Shape, ...]) -> str:
        return graph.node("Abs", inputs[0])

    @staticmethod
    def reference(engine: Engine, fields: Fields, weights: Arrays, x: Array) -> Array:
        return engine.elementwise(engine.numpy.abs, x)


class Exp(Activation, frozen=True, kw_only=True):
    """e to the power of x.

    Example:
        input: [64, 56, 56]
        layers:
          - exp
        # output 64x56x56, params 0, macs 0, field 1

    Source: PyTorch torch.exp; ONNX Exp.
    """

    is_activation = False

    def onnx(self, graph: OnnxGraph, inputs: tuple[str, ...], shapes: tuple[Shape, ...]) -> str:
        return graph.node("Exp", inputs[0])

    @staticmethod
    def reference(engine: Engine, fields: Fields, weights: Arrays, x: Array) -> Array:
        return engine.elementwise(engine.numpy.exp, x)


class NotEverywhere(Activation, frozen=True, kw_only=True):
    """The base of what has no value, or none that is finite, for some numbers."""

    is_activation = False

    def unbounded(self, axis: int | None, inputs: tuple[Shape, ...]) -> Kind:
        return Abs()  # which sees the same places, and has a value everywhere


class Log(NotEverywhere, frozen=True, kw_only=True):
    """The natural logarithm.

    Example:
        input: [64, 56, 56]
        layers:
          - log
        # output 64x56x56, params 0, macs 0, field 1

    Source: PyTorch torch.log; ONNX Log.
    """

    def onnx(self, graph: OnnxGraph, inputs: tuple[str, ...], shapes: tuple[Shape, ...]) -> str:
        return graph.node("Log", inputs[0])

    @staticmethod
    def reference(engine: Engine, fields: Fields, weights: Arrays, x: Array) -> Array:
        return engine.elementwise(engine.numpy.log, x)


class Sqrt(NotEverywhere, frozen=True, kw_only=True):
    """The square root.

    Example:
        input: [64, 56, 56]
        layers:
          - sqrt
        # output 64x56x56, params 0, macs 0, field 1

    Source: PyTorch torch.sqrt; ONNX Sqrt.
    """

    def onnx(self, graph: OnnxGraph, inputs: tuple[str, ...], shapes: tuple[Shape, ...]) -> str:
        return graph.node("Sqrt", inputs[0])

    @staticmethod
    def reference(engine: Engine, fields: Fields, weights: Arrays, x: Array) -> Array:
        return engine.elementwise(engine.numpy.sqrt, x)


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

    def checks(self, x: Shape) -> Iterator[Check]:
        message = "exponent 0 makes 1 of whatever enters; legal here: any other number"
        yield Check(self.exponent != 0, "CC011", "exponent", lambda: message)

    def onnx(self, graph: OnnxGraph, inputs: tuple[str, ...], shapes: tuple[Shape, ...]) -> str:
        return graph.node("Pow", inputs[0], graph.constant(self.exponent))

    def summary(self) -> str:
        return f"to the {self.exponent:g}"

    @classmethod
    def case(cls, draw: random.Random) -> tuple[Kind, tuple[Shape, ...]]:
        return cls(exponent=draw.choice([2.0, 3.0, 0.5, -1.0])), (draw_shape(draw),)

    @staticmethod
    def reference(engine: Engine, fields: Fields, weights: Arrays, x: Array) -> Array:
        return engine.elementwise(lambda x: engine.numpy.power(x, fields.exponent), x)


KINDS: dict[str, type[Kind]] = {"abs": Abs, "exp": Exp, "log": Log, "pow": Pow, "sqrt": Sqrt}
