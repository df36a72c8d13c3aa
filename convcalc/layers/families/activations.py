"""The activations: element by element, the shape stays, nothing is multiplied and added up.

Convention: an activation is one element-wise operation an element whatever its formula, as ptflops and DeepSpeed count
it; softmax and log_softmax are three (the exponential, its sum, the division).
"""

import math
import random
from collections.abc import Iterator
from typing import Annotated, ClassVar

from convcalc.arithmetic.field import Field
from convcalc.arithmetic.number import product
from convcalc.fields import ANY_SIGN, Channels, Choice, Real, Whole
from convcalc.layers import Array, Arrays, Check, Engine, Fields, Kept, Kind, OnnxGraph, Shape, Wanted, Weights
from convcalc.layers._axes import behind_batch
from convcalc.layers._cases import draw_axis, draw_shape
from convcalc.layers._checks import axes_exist
from convcalc.layers._elements import Activation, Clamp, bent, error_function, of_elements, softplus
from convcalc.layers._onnx import onnx_axis, per_channel
from convcalc.layers.identity import Identity


class LeakyRelu(Activation, frozen=True, kw_only=True):
    """x, below zero negative_slope·x. Source: Maas, Hannun and Ng 2013; PyTorch nn.LeakyReLU.

    Example:
        input: [64, 56, 56]
        layers:
          - leaky_relu: {negative_slope: 0.1}
        # output 64x56x56, params 0, macs 0, field 1
    """

    negative_slope: Annotated[float, Real("slope below zero")] = 0.01

    samples: ClassVar = {"negative_slope": (0.01, 0.2, -0.5)}
    reference = of_elements(lambda np, x, fields: bent(np, x, lambda x: fields.negative_slope * x))

    def onnx(self, graph: OnnxGraph, inputs: tuple[str, ...], shapes: tuple[Shape, ...]) -> str:
        return graph.node("LeakyRelu", inputs[0], alpha=self.negative_slope)


class Prelu(Activation, frozen=True, kw_only=True):
    """x, below zero a learned slope times x: one slope for all, or one a channel.

    Example:
        input: [64, 56, 56]
        layers:
          - prelu: {num_parameters: 64}
        # output 64x56x56, params 64, macs 0, field 1

    Source: He et al. 2015; PyTorch nn.PReLU.
    """

    num_parameters: Annotated[int, Channels("slopes learned: 1, or the number of channels", minimum=1)] = 1

    def checks(self, x: Shape) -> Iterator[Check]:
        fits = (self.num_parameters == 1) | (self.num_parameters == x[0])
        yield Check(fits, "CC011", "num_parameters", _unlike_channels, (self.num_parameters, x[0]))

    def weights(self, x: Shape) -> Weights:
        return {"weight": (self.num_parameters,)}

    def kept(self, wanted: Wanted, x: Shape) -> Kept:
        """The input, for the gradients of it and of the slopes."""
        return Kept(inputs=(0,)).if_(wanted.anything)

    def onnx(self, graph: OnnxGraph, inputs: tuple[str, ...], shapes: tuple[Shape, ...]) -> str:
        return graph.node("PRelu", inputs[0], per_channel(graph, graph.weight("weight"), shapes[0]))

    @classmethod
    def case(cls, draw: random.Random) -> tuple[Kind, tuple[Shape, ...]]:
        x = draw_shape(draw)
        return cls(num_parameters=draw.choice([1, x[0]])), (x,)

    @staticmethod
    def reference(engine: Engine, fields: Fields, weights: Arrays, x: Array) -> Array:
        np, weight = engine.numpy, weights["weight"]
        slope = engine.fitting(weight, [1]) if fields.num_parameters == 1 else engine.per_channel(weight, x)
        return engine.elementwise(lambda x, slope: bent(np, x, lambda x: slope * x), x, slope)


def _unlike_channels(slopes: int, channels: int) -> str:
    return f"{slopes} slopes do not match channels {channels}; legal here: 1, or one for each"


class Elu(Activation, frozen=True, kw_only=True):
    """x, below zero alpha·(exp(x) - 1). Source: Clevert, Unterthiner and Hochreiter 2016; PyTorch nn.ELU.

    Example:
        input: [64, 56, 56]
        layers:
          - elu: {alpha: 0.5}
        # output 64x56x56, params 0, macs 0, field 1
    """

    alpha: Annotated[float, Real("what it tends to far below zero, negated")] = 1.0

    onnx_form = "Elu"
    samples: ClassVar = {"alpha": (0.5, 1.0)}
    reference = of_elements(lambda np, x, fields: bent(np, x, lambda x: fields.alpha * np.expm1(x)))


class Celu(Activation, frozen=True, kw_only=True):
    """x, below zero alpha·(exp(x / alpha) - 1). Source: Barron 2017; PyTorch nn.CELU.

    Example:
        input: [64, 56, 56]
        layers:
          - celu
        # output 64x56x56, params 0, macs 0, field 1
    """

    alpha: Annotated[float, Real("what it tends to far below zero, negated; not 0")] = 1.0

    onnx_form = "Celu"
    samples: ClassVar = {"alpha": (0.5, 1.0)}
    reference = of_elements(lambda np, x, fields: bent(np, x, lambda x: fields.alpha * np.expm1(x / fields.alpha)))

    def checks(self, x: Shape) -> Iterator[Check]:
        yield Check(self.alpha != 0, "CC011", "alpha", lambda: "alpha 0 is divided by; legal here: any other number")


class HardTanh(Clamp, frozen=True, kw_only=True):
    """min(max(x, min_val), max_val). Source: PyTorch nn.Hardtanh.

    Example:
        input: [64, 56, 56]
        layers:
          - hard_tanh: {min_val: 0, max_val: 6}
        # output 64x56x56, params 0, macs 0, field 1
    """

    min_val: Annotated[float, Real("the least that leaves")] = -1.0
    max_val: Annotated[float, Real("the most that leaves")] = 1.0

    samples: ClassVar = {"min_val": (-1.0, 0.0), "max_val": (0.5, 6.0)}

    def checks(self, x: Shape) -> Iterator[Check]:
        yield Check(self.min_val < self.max_val, "CC011", "max_val", _empty, (self.min_val, self.max_val))

    def onnx(self, graph: OnnxGraph, inputs: tuple[str, ...], shapes: tuple[Shape, ...]) -> str:
        return graph.node("Clip", inputs[0], graph.constant(self.min_val), graph.constant(self.max_val))

    @staticmethod
    def reference(engine: Engine, fields: Fields, weights: Arrays, x: Array) -> Array:
        return engine.bounded(x, fields.min_val, fields.max_val)


class Shrink(Activation, frozen=True, kw_only=True):
    """Zero from -lambd to lambd, beyond it x, closer to zero by bias.

    Example:
        input: [64, 56, 56]
        layers:
          - shrink: {lambd: 0.5, bias: 0.5}
        # output 64x56x56, params 0, macs 0, field 1

    Source: PyTorch nn.Hardshrink, which has no bias, and nn.Softshrink, whose bias is lambd; ONNX Shrink.
    """

    lambd: Annotated[float, Real("where it begins to be other than zero, on both sides", minimum=0)] = 0.5
    bias: Annotated[float, Real("by how much what is beyond is moved towards zero")] = 0.0

    onnx_form = "Shrink"
    samples: ClassVar = {"lambd": (0.0, 0.5, 2.0), "bias": (0.0, 0.5)}

    @staticmethod
    def reference(engine: Engine, fields: Fields, weights: Arrays, x: Array) -> Array:
        np, lambd, bias = engine.numpy, fields.lambd, fields.bias
        return engine.elementwise(
            lambda x: np.where(x < -lambd, x + bias, np.where(x > lambd, x - bias, 0 * x)).astype(x.dtype), x
        )


class Threshold(Activation, frozen=True, kw_only=True):
    """x where it is above a threshold, elsewhere a value.

    Example:
        input: [64, 56, 56]
        layers:
          - threshold: {threshold: 0.1}
        # output 64x56x56, params 0, macs 0, field 1

    Source: PyTorch nn.Threshold; with value 0 ONNX ThresholdedRelu.
    """

    threshold: Annotated[float, Real("above it x leaves as it is")]
    value: Annotated[float, Real("what leaves where x is not above the threshold")] = 0.0

    samples: ClassVar = {"threshold": (-0.5, 0.0, 1.0), "value": (0.0, 2.0)}
    reference = of_elements(lambda np, x, fields: np.where(x <= fields.threshold, fields.value, x).astype(x.dtype))

    def onnx(self, graph: OnnxGraph, inputs: tuple[str, ...], shapes: tuple[Shape, ...]) -> str:
        if self.value == 0:
            return graph.node("ThresholdedRelu", inputs[0], alpha=self.threshold)
        above = graph.node("Greater", inputs[0], graph.constant(self.threshold))
        return graph.node("Where", above, inputs[0], graph.constant(self.value))


def _empty(least: float, most: float) -> str:
    return f"max_val {most:g} is not above min_val {least:g}; legal here: any number above it"


class Gelu(Activation, frozen=True, kw_only=True):
    """x times the normal distribution's share below x, exact or approximated with tanh.

    Example:
        input: [64, 56, 56]
        layers:
          - gelu: {approximate: tanh}
        # output 64x56x56, params 0, macs 0, field 1

    Source: Hendrycks and Gimpel 2016; PyTorch nn.GELU.
    """

    approximate: Annotated[str, Choice("exact, or with tanh", options=("none", "tanh"))] = "none"

    onnx_form = "Gelu"
    samples: ClassVar = {"approximate": ("none", "tanh")}

    @staticmethod
    def reference(engine: Engine, fields: Fields, weights: Arrays, x: Array) -> Array:
        np = engine.numpy
        if fields.approximate == "tanh":
            return engine.elementwise(
                lambda x: x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x * x * x))) / 2, x
            )
        return engine.elementwise(lambda x: x * (1 + error_function(np, x / math.sqrt(2))) / 2, x)


_SOFTPLUS_IS_ITS_INPUT = 17.5
"""From here on log(1 + exp(x)) is x, in float32."""


class Softplus(Activation, frozen=True, kw_only=True):
    """log(1 + exp(beta·x)) / beta, above threshold / beta x itself. Source: Glorot et al. 2011; PyTorch nn.Softplus.

    Example:
        input: [64, 56, 56]
        layers:
          - softplus
        # output 64x56x56, params 0, macs 0, field 1
    """

    beta: Annotated[float, Real("steepness at zero; not 0")] = 1.0
    threshold: Annotated[float, Real("value of beta·x above which x is returned")] = 20.0

    samples: ClassVar = {"beta": (0.5, 1.0, 20.0), "threshold": (5.0, 20.0)}
    reference = of_elements(
        lambda np, x, fields: np.where(
            fields.beta * x > fields.threshold, x, softplus(np, fields.beta * x) / fields.beta
        )
    )

    def checks(self, x: Shape) -> Iterator[Check]:
        yield Check(self.beta != 0, "CC011", "beta", lambda: "beta 0 is divided by; legal here: any other number")

    def bounds(self) -> tuple[float, float]:
        return (0.0 if self.beta > 0 and self.threshold >= 0 else -math.inf), math.inf

    def onnx(self, graph: OnnxGraph, inputs: tuple[str, ...], shapes: tuple[Shape, ...]) -> str:
        x, steep = inputs[0], inputs[0]
        if self.beta != 1:
            steep = graph.node("Mul", x, graph.constant(self.beta))
        y = graph.node("Softplus", steep)
        if self.beta != 1:
            y = graph.node("Div", y, graph.constant(self.beta))
        if self.beta == 1 and self.threshold >= _SOFTPLUS_IS_ITS_INPUT and graph.dtype == "float32":
            return y
        return graph.node("Where", graph.node("Greater", steep, graph.constant(self.threshold)), x, y)


class Softmax(Kind, frozen=True, kw_only=True):
    """exp(x) over its sum along an axis, the channels unless another is named; three operations an element.

    Example:
        input: [21, 64, 64]
        layers:
          - softmax
        # output 21x64x64, params 0, macs 0, field 1

    Along positions an element sees its own path and, through the sum, everything. Source: PyTorch nn.Softmax.
    """

    is_activation = True
    onnx_form = "Softmax"

    axis: Annotated[int, Whole("axis summed along; 0 is channels", minimum=ANY_SIGN)] = 0

    def checks(self, x: Shape) -> Iterator[Check]:
        yield from axes_exist((self.axis,), x, "axis")

    def elementwise_ops(self, x: Shape) -> int:
        return 3 * product(x)

    def kept(self, wanted: Wanted, x: Shape) -> Kept:
        """The output."""
        return Kept(output=True).if_(wanted.of_inputs)

    def receptive_field(self, fields: tuple[Field, ...], inputs: tuple[Shape, ...]) -> Field:
        return fields[0].with_global([self.axis])

    def bounds(self) -> tuple[float, float]:
        return 0.0, 1.0

    def onnx(self, graph: OnnxGraph, inputs: tuple[str, ...], shapes: tuple[Shape, ...]) -> str:
        return graph.node(self.onnx_form, inputs[0], axis=onnx_axis(self.axis, shapes[0]))

    def summary(self) -> str:
        return "" if self.axis == 0 else f"axis {self.axis}"

    def own_path(self) -> Kind:
        return Identity()

    @classmethod
    def case(cls, draw: random.Random) -> tuple[Kind, tuple[Shape, ...]]:
        x = draw_shape(draw)
        return cls(axis=draw_axis(draw, x)), (x,)

    @staticmethod
    def reference(engine: Engine, fields: Fields, weights: Arrays, x: Array) -> Array:
        return engine.softmax(x, behind_batch(fields.axis))


class LogSoftmax(Softmax, frozen=True, kw_only=True):
    """The logarithm of softmax, in as many operations. Source: PyTorch nn.LogSoftmax.

    Example:
        input: [1000]
        layers:
          - log_softmax
        # output 1000, params 0, macs 0
    """

    onnx_form = "LogSoftmax"

    def kept(self, wanted: Wanted, x: Shape) -> Kept:
        """The input, and along the axis the largest and the sum of the powers."""
        return Kept(inputs=(0,), numbers=2 * (product(x) // x[self.axis])).if_(wanted.of_inputs)

    def bounds(self) -> tuple[float, float]:
        return -math.inf, 0.0

    @staticmethod
    def reference(engine: Engine, fields: Fields, weights: Arrays, x: Array) -> Array:
        np, axis = engine.numpy, behind_batch(fields.axis)
        most = engine.aside(lambda x: x.max(axis, keepdims=True), x)
        powers = engine.elementwise(lambda x, most: np.exp(x - most), x, most)
        total = engine.taken_in(np.sum, powers, [axis])
        return engine.elementwise(lambda x, most, total: x - most - np.log(total), x, most, total)


class Hardmax(Softmax, frozen=True, kw_only=True):
    """1 at the largest element along an axis, the first where several are, and 0 elsewhere.

    Example:
        input: [21, 64, 64]
        layers:
          - hardmax
        # output 21x64x64, params 0, macs 0, field 1

    An element takes one operation, the comparison with the largest so far. Along positions an element sees its own path
    and everything. Source: ONNX Hardmax.
    """

    without_gradient: ClassVar[dict[int, str]] = {0: "what leaves is 1 or 0, and changes by steps or not at all"}
    onnx_form = "Hardmax"

    def elementwise_ops(self, x: Shape) -> int:
        return product(x)

    def kept(self, wanted: Wanted, x: Shape) -> Kept:
        """Nothing: no gradient passes."""
        return Kept()

    def unbounded(self, axis: int | None, inputs: tuple[Shape, ...]) -> Kind:
        return Softmax(axis=self.axis)  # which sees the same places, and passes on what is no number

    @staticmethod
    def reference(engine: Engine, fields: Fields, weights: Arrays, x: Array) -> Array:
        np, axis = engine.numpy, behind_batch(fields.axis)
        y = np.zeros_like(x)
        place = engine.taken_in(lambda x, axes, keepdims: x.argmax(*axes, keepdims=keepdims), x, [axis])
        np.put_along_axis(y, place, 1, axis)
        return y
