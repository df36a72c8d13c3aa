"""What the convolutions share: the window of two of them, and the learned arrays of all."""

import random
from collections.abc import Iterator
from typing import Annotated, Any

from convcalc.arithmetic.number import product
from convcalc.arithmetic.window import Padding, Window, windows
from convcalc.fields import Channels, Flag, PaddingType, PerAxis, Sizes
from convcalc.layers import Array, Arrays, Check, Engine, Fields, Kind, Shape, Weights
from convcalc.layers._cases import draw_axes, draw_flag
from convcalc.layers._checks import fits, grouped
from convcalc.layers._windows import shown_window


class Convolution(Kind, frozen=True, kw_only=True):
    """A window on the input, whose taps are multiplied with learned weights."""

    is_windowed = is_convolution = mixes_channels = is_map = True

    out_channels: Annotated[int, Channels("filters: channels that leave", minimum=1)]
    kernel_size: Annotated[Sizes, PerAxis("taps on each axis")]
    stride: Annotated[Sizes, PerAxis("positions the window moves")] = (1,)
    padding: Annotated[Padding, PaddingType("positions added around the input")] = ((0, 0),)
    dilation: Annotated[Sizes, PerAxis("distance between taps")] = (1,)
    groups: Annotated[int, Channels("parts the channels are split into, each convolved alone", minimum=1)] = 1
    bias: Annotated[bool, Flag("one learned number added to each output channel")] = True

    def windows(self, x: Shape) -> tuple[Window, ...]:
        return windows(x[1:], self.kernel_size, self.stride, self.dilation, self.padding)

    def checks(self, x: Shape, *maps: Shape) -> Iterator[Check]:
        yield grouped(self.groups, x[0], self.out_channels)
        if len(x) > 1:
            yield from fits(self.windows(x), x)

    def shape(self, x: Shape, *maps: Shape) -> Shape:
        moved = zip(self.windows(x), x[1:], strict=True)
        return (self.out_channels, *(window.outputs(size) for window, size in moved))

    def weights(self, x: Shape, *maps: Shape) -> Weights:
        return learned((self.out_channels, x[0] // self.groups, *self.kernel_size), self.out_channels, self.bias)

    def macs(self, x: Shape, *maps: Shape) -> int:
        return product(self.weights(x)["weight"]) * product(self.shape(x)[1:])

    def elementwise_ops(self, x: Shape, *maps: Shape) -> int:
        return product(self.shape(x)) if self.bias else 0

    def summary(self) -> str:
        return shown_window(self.kernel_size, self.stride, self.dilation, self.groups)


def learned(weight: Shape, features: int, bias: bool) -> Weights:
    """The weight and, where there is one, the bias of each feature that leaves."""
    return {"weight": weight, "bias": (features,)} if bias else {"weight": weight}


def draw_convolution(draw: random.Random, largest_kernel: int) -> tuple[dict[str, Any], int]:
    """Fields of a convolution, but for its padding, and the channels that enter it."""
    rank, groups = draw.choice([0, 1, 1, 2, 2, 2, 3]), draw.randint(1, 3)
    window = {"kernel_size": largest_kernel, "stride": 3, "dilation": 2}
    fields: dict[str, Any] = {name: draw_axes(draw, rank, largest) for name, largest in window.items()}
    fields |= {"groups": groups, "out_channels": groups * draw.randint(1, 3), "bias": draw_flag(draw)}
    return fields, groups * draw.randint(1, 3)


def filters(engine: Engine, fields: Fields, weights: Arrays, x: Array) -> Array:
    """The weight [out_channels, in_channels / groups, *kernel], held to that shape."""
    shape = (fields.out_channels, x.shape[1] // fields.groups, *fields.kernel_size)
    return engine.fitting(weights["weight"], shape)


def biased(engine: Engine, fields: Fields, weights: Arrays, y: Array) -> Array:
    """The output with its channel's bias added, where there is one."""
    return engine.elementwise(engine.numpy.add, y, engine.per_channel(weights["bias"], y)) if fields.bias else y
