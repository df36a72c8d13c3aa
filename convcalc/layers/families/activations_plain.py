"""The activations without a field: element by element, the shape stays, nothing is multiplied and added up."""

from math import inf

from convcalc.layers import OnnxGraph, Shape
from convcalc.layers._elements import Activation, Clamp, bent, held, of_elements, sigmoid, softplus, within

_SLOPE, _ALPHA = 1.0507009873554805, 1.6732632423543772
"""Of selu."""


class Relu(Clamp, frozen=True, kw_only=True):
    """max(x, 0). Source: Nair and Hinton 2010; PyTorch nn.ReLU.

    Example:
        input: [64, 56, 56]
        layers:
          - relu
        # output 64x56x56, params 0, macs 0, field 1
    """

    onnx_form = "Relu"
    is_clamp = True
    reference = within(0)

    def bounds(self) -> tuple[float, float]:
        return 0, inf


class Relu6(Clamp, frozen=True, kw_only=True):
    """min(max(x, 0), 6). Source: Krizhevsky 2010; PyTorch nn.ReLU6.

    Example:
        input: [64, 56, 56]
        layers:
          - relu6
        # output 64x56x56, params 0, macs 0, field 1
    """

    is_clamp = True
    reference = within(0, 6)

    def bounds(self) -> tuple[float, float]:
        return 0, 6

    def onnx(self, graph: OnnxGraph, inputs: tuple[str, ...], shapes: tuple[Shape, ...]) -> str:
        return graph.node("Clip", inputs[0], graph.constant(0.0), graph.constant(6.0))


class Selu(Activation, frozen=True, kw_only=True):
    """1.0507·x, below zero 1.0507·1.6733·(exp(x) - 1). Source: Klambauer et al. 2017; PyTorch nn.SELU.

    Example:
        input: [64, 56, 56]
        layers:
          - selu
        # output 64x56x56, params 0, macs 0, field 1
    """

    onnx_form = "Selu"
    reference = of_elements(lambda np, x, _: bent(np, x, lambda x: _SLOPE * _ALPHA * np.expm1(x), _SLOPE))


class Sigmoid(Activation, frozen=True, kw_only=True):
    """1 / (1 + exp(-x)). Source: PyTorch nn.Sigmoid.

    Example:
        input: [64, 56, 56]
        layers:
          - sigmoid
        # output 64x56x56, params 0, macs 0, field 1
    """

    onnx_form = "Sigmoid"
    reference = of_elements(lambda np, x, _: sigmoid(np, x))

    def bounds(self) -> tuple[float, float]:
        return 0.0, 1.0


class LogSigmoid(Activation, frozen=True, kw_only=True):
    """log(1 / (1 + exp(-x))). Source: PyTorch nn.LogSigmoid.

    Example:
        input: [64, 56, 56]
        layers:
          - log_sigmoid
        # output 64x56x56, params 0, macs 0, field 1
    """

    reference = of_elements(lambda np, x, _: -softplus(np, -x))

    def onnx(self, graph: OnnxGraph, inputs: tuple[str, ...], shapes: tuple[Shape, ...]) -> str:
        return graph.node("Neg", graph.node("Softplus", graph.node("Neg", inputs[0])))


class HardSigmoid(Activation, frozen=True, kw_only=True):
    """min(max(x + 3, 0), 6) / 6. Source: Howard et al. 2019; PyTorch nn.Hardsigmoid.

    Example:
        input: [64, 56, 56]
        layers:
          - hard_sigmoid
        # output 64x56x56, params 0, macs 0, field 1
    """

    reference = of_elements(lambda np, x, _: held(np, x + 3, 0, 6) / 6)

    def bounds(self) -> tuple[float, float]:
        return 0.0, 1.0

    def onnx(self, graph: OnnxGraph, inputs: tuple[str, ...], shapes: tuple[Shape, ...]) -> str:
        return graph.node("HardSigmoid", inputs[0], alpha=1 / 6, beta=0.5)


class Tanh(Activation, frozen=True, kw_only=True):
    """The hyperbolic tangent. Source: PyTorch nn.Tanh.

    Example:
        input: [64, 56, 56]
        layers:
          - tanh
        # output 64x56x56, params 0, macs 0, field 1
    """

    onnx_form = "Tanh"
    reference = of_elements(lambda np, x, _: np.tanh(x))


class Silu(Activation, frozen=True, kw_only=True):
    """x·sigmoid(x), also called swish. Source: Ramachandran, Zoph and Le 2017; PyTorch nn.SiLU.

    Example:
        input: [64, 56, 56]
        layers:
          - silu
        # output 64x56x56, params 0, macs 0, field 1
    """

    reference = of_elements(lambda np, x, _: x * sigmoid(np, x))

    def onnx(self, graph: OnnxGraph, inputs: tuple[str, ...], shapes: tuple[Shape, ...]) -> str:
        return graph.node("Mul", inputs[0], graph.node("Sigmoid", inputs[0]))


class HardSwish(Activation, frozen=True, kw_only=True):
    """x·min(max(x + 3, 0), 6) / 6. Source: Howard et al. 2019; PyTorch nn.Hardswish.

    Example:
        input: [64, 56, 56]
        layers:
          - hard_swish
        # output 64x56x56, params 0, macs 0, field 1
    """

    onnx_form = "HardSwish"
    reference = of_elements(lambda np, x, _: x * held(np, x + 3, 0, 6) / 6)


class Mish(Activation, frozen=True, kw_only=True):
    """x·tanh(log(1 + exp(x))). Source: Misra 2019; PyTorch nn.Mish.

    Example:
        input: [64, 56, 56]
        layers:
          - mish
        # output 64x56x56, params 0, macs 0, field 1
    """

    onnx_form = "Mish"
    reference = of_elements(lambda np, x, _: x * np.tanh(softplus(np, x)))


class Softsign(Activation, frozen=True, kw_only=True):
    """x / (1 + abs(x)). Source: PyTorch nn.Softsign.

    Example:
        input: [64, 56, 56]
        layers:
          - softsign
        # output 64x56x56, params 0, macs 0, field 1
    """

    onnx_form = "Softsign"
    reference = of_elements(lambda np, x, _: x / (1 + np.abs(x)))
