"""Lp pooling: the p-norm of the elements under a window.

Example:
    input: [64, 56, 56]
    layers:
      - lp_pool: {norm_type: 2, kernel_size: 3, stride: 2, padding: 1}
    # output 64x28x28, params 0, macs 0, field 3

The sum of the absolute values to the power of `norm_type`, and of that the root: 1 adds up, 2 is the length, and the
larger the number, the nearer it comes to max pooling. The output's size is max_pool's; of nothing the norm is 0. An
element that enters takes an operation to be raised; one that leaves takes one for every tap: the additions and the
root.

PyTorch's modules have no padding and no dilation, and differ twice. They raise the elements with their signs, so that
an odd norm_type subtracts what is below zero: with 1 the sum may be negative, with 3 the root of such a sum has no
value. And with ceil_mode a window that reaches beyond the end is scaled up as if it were full.

Source: ONNX LpPool (18); PyTorch nn.LPPool1d, nn.LPPool2d and nn.LPPool3d.
"""

from typing import Annotated, Any, ClassVar

from convcalc.arithmetic.number import maximum, product
from convcalc.fields import PerAxis, Sizes, Whole
from convcalc.layers import Array, Arrays, Engine, Fields, Kept, OnnxFields, OnnxGraph, Shape, Wanted
from convcalc.layers._elements import root
from convcalc.layers._pools import Pool, placed


def _the_first_power_is_an_average_unscaled(bench: Any, config: Any, x: Shape) -> tuple[Array, Array] | None:
    """With norm_type 1, without dilation, it is the mean of the absolute values times the taps, padding counted."""
    if set(config.dilation) != {1} or config.ceil_mode:
        return None
    (a,) = bench.entering([x])
    window = {"kernel_size": config.kernel_size, "stride": config.steps(), "padding": config.padding}
    mean = bench.run("avg_pool", abs(a), **window, count_include_pad=True)
    return bench.layer(config, {}, a, norm_type=1), mean * product(config.kernel_size)


def _powers_are_filtered_by_ones(bench: Any, config: Any, x: Shape) -> tuple[Array, Array] | None:
    """Raised to norm_type, it is a depthwise convolution with ones of the raised absolute values."""
    if config.ceil_mode:
        return None
    (a,), p = bench.entering([x]), config.norm_type
    window = {"kernel_size": config.kernel_size, "stride": config.steps(), "padding": config.padding}
    ones = {"weight": bench.engine.numpy.ones((x[0], 1, *config.kernel_size))}
    channels = {"out_channels": x[0], "groups": x[0], "dilation": config.dilation, "bias": False}
    return bench.layer(config, {}, a) ** p, bench.run("conv", abs(a) ** p, arrays=ones, **window, **channels)


def _scaling_passes_through(bench: Any, config: Any, x: Shape) -> tuple[Array, Array]:
    """Elements three times as large, of the other sign, have a norm three times as large."""
    (a,) = bench.entering([x])
    return bench.layer(config, {}, -3 * a), 3 * bench.layer(config, {}, a)


class LpPool(Pool, frozen=True, kw_only=True):
    identities = (_the_first_power_is_an_average_unscaled, _powers_are_filtered_by_ones, _scaling_passes_through)
    samples: ClassVar = {"norm_type": (1, 2, 3, 4)}
    onnx_operators: ClassVar[OnnxFields] = {"LpPool": {"norm_type": ("p", 2)}}

    norm_type: Annotated[int, Whole("the power, and the root", minimum=1)] = 2
    dilation: Annotated[Sizes, PerAxis("distance between taps")] = (1,)

    def elementwise_ops(self, x: Shape) -> int:
        return product(x) + product(self.kernel_size) * product(self.shape(x))

    def kept(self, wanted: Wanted, x: Shape) -> Kept:
        """The input, and the sums before the root."""
        return Kept(inputs=(0,), numbers=product(self._summed(x))).if_(wanted.of_inputs)

    def _summed(self, x: Shape) -> Shape:
        """The sizes of what the sums stand in: axes of one tap that come last are skipped over where they lie."""
        summed, is_summed = [], 0
        for window, size, outputs in reversed(list(zip(self.windows(x), x[1:], self.shape(x)[1:], strict=True))):
            is_summed = maximum(is_summed, window.kernel != 1)
            reached = maximum(size + window.before + window.after, window.stride * (outputs - 1) + 1)
            summed.append(reached + (outputs - reached) * is_summed)
        return (x[0], *summed)

    def no_op(self, x: Shape) -> str:
        return ""  # of a single position it takes the absolute value

    def onnx(self, graph: OnnxGraph, inputs: tuple[str, ...], shapes: tuple[Shape, ...]) -> str:
        return self.pooled(graph, "LpPool", inputs[0], shapes[0], dilations=self.dilation, p=self.norm_type)

    def summary(self) -> str:
        return f"L{self.norm_type} {super().summary()}"

    @staticmethod
    def reference(engine: Engine, fields: Fields, weights: Arrays, x: Array) -> Array:
        np, p = engine.numpy, fields.norm_type
        stride, _, reached = placed(engine, fields, x, fields.dilation)
        raised = engine.pad(engine.elementwise(lambda x: np.power(np.abs(x), p), x), reached)
        sums = engine.reduced(np.add, raised, fields.kernel_size, stride, fields.dilation)
        return engine.elementwise(lambda sums: root(np, sums, p), sums)
