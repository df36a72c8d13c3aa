"""Convolution: standard, grouped, depthwise (groups = in_channels) or dilated, on any number of axes.

Example:
    input: [3, 224, 224]
    layers:
      - conv: {out_channels: 64, kernel_size: 7, stride: 2, padding: 3, bias: false}
    # output 64x112x112, params 9408, macs 118013952, field 7

Every output position multiplies each kernel tap with its group's input channels, taps on padding included,
so MACs are the weights without the bias times the output positions. `padding` takes an int, one number an axis,
[[before, after], ...], same (ceil(size / stride) outputs, the odd position at the end), same_lower (at the
beginning), valid (none) or causal (all before, 1-D). The padding mode changes values, never a cost.

Source: Dumoulin and Visin 2016, relation 6 with dilation (rel. 14); PyTorch nn.Conv2d; TensorFlow for same.
"""

import random
from collections.abc import Iterator
from typing import Annotated

from convcalc.arithmetic.arrivals import padded_reads
from convcalc.arithmetic.field import Field
from convcalc.arithmetic.moving import windowed
from convcalc.arithmetic.number import product
from convcalc.arithmetic.window import Padding, Window, windows
from convcalc.fields import Channels, Choice, Flag, PaddingType, PerAxis, Sizes
from convcalc.layers import Array, Arrays, Check, Engine, Fields, Kind, OnnxGraph, Shape, Weights
from convcalc.layers._cases import draw_axes, draw_flag, draw_padding
from convcalc.layers._checks import fits, grouped, room_to_pad
from convcalc.layers._filters import biased, filters
from convcalc.layers._onnx import convolved, ends, padded
from convcalc.layers._windows import shown_window

_PADDING_MODES = ("zeros", "reflect", "replicate", "circular")


class Conv(Kind, frozen=True, kw_only=True):
    is_windowed = is_convolution = mixes_channels = is_map = True

    out_channels: Annotated[int, Channels("filters: channels that leave", minimum=1)]
    kernel_size: Annotated[Sizes, PerAxis("taps on each axis")]
    stride: Annotated[Sizes, PerAxis("positions the window moves")] = (1,)
    padding: Annotated[Padding, PaddingType("positions added around the input")] = ((0, 0),)
    dilation: Annotated[Sizes, PerAxis("distance between taps")] = (1,)
    groups: Annotated[int, Channels("parts the channels are split into, each convolved alone", minimum=1)] = 1
    bias: Annotated[bool, Flag("one learned number added to each output channel")] = True
    padding_mode: Annotated[str, Choice("what stands on the padding", options=_PADDING_MODES)] = "zeros"

    def windows(self, x: Shape) -> tuple[Window, ...]:
        return windows(x[1:], self.kernel_size, self.stride, self.dilation, self.padding)

    def checks(self, x: Shape) -> Iterator[Check]:
        yield grouped(self.groups, x[0], self.out_channels)
        if len(x) == 1:
            return
        windows = self.windows(x)
        yield from fits(windows, x)
        yield from room_to_pad(self.padding_mode, [(window.before, window.after) for window in windows], x)

    def shape(self, x: Shape) -> Shape:
        return self._shape(x, self.windows(x))

    def _shape(self, x: Shape, moved: tuple[Window, ...]) -> Shape:
        return (self.out_channels, *(window.outputs(size) for window, size in zip(moved, x[1:], strict=True)))

    def weights(self, x: Shape) -> Weights:
        weight = (self.out_channels, x[0] // self.groups, *self.kernel_size)
        return {"weight": weight, "bias": (self.out_channels,)} if self.bias else {"weight": weight}

    def macs(self, x: Shape) -> int:
        return product(self.weights(x)["weight"]) * product(self.shape(x)[1:])

    def elementwise_ops(self, x: Shape) -> int:
        return product(self.shape(x)) if self.bias else 0

    def receptive_field(self, fields: tuple[Field, ...], inputs: tuple[Shape, ...]) -> Field:
        moved = self.windows(inputs[0])
        reads = padded_reads(self.padding_mode, moved, inputs[0][1:])
        return windowed(fields[0].collapsed([0]), moved, self._shape(inputs[0], moved), reads)

    def onnx(self, graph: OnnxGraph, inputs: tuple[str, ...], shapes: tuple[Shape, ...]) -> str:
        (x,), (shape,) = inputs, shapes
        pads = [(window.before, window.after) for window in self.windows(shape)]
        if self.padding_mode != "zeros":
            x, pads = padded(graph, x, pads, self.padding_mode), [(0, 0)] * len(pads)
        bias = graph.weight("bias") if self.bias else ""
        return convolved(
            graph,
            "Conv",
            x,
            shape,
            graph.weight("weight"),
            bias,
            kernel_shape=self.kernel_size,
            strides=self.stride,
            dilations=self.dilation,
            pads=ends(pads),
            group=self.groups,
        )

    def summary(self) -> str:
        return shown_window(self.kernel_size, self.stride, self.dilation, self.groups)

    @classmethod
    def case(cls, draw: random.Random) -> tuple[Kind, tuple[Shape, ...]]:
        rank, groups = draw.choice([0, 1, 1, 2, 2, 2, 3]), draw.randint(1, 3)
        kernel, stride, dilation = draw_axes(draw, rank, 3), draw_axes(draw, rank, 3), draw_axes(draw, rank, 2)
        sizes = tuple(d * (k - 1) + draw.randint(1, 5) for k, d in zip(kernel, dilation, strict=True))
        mode, padding = draw.choice(("zeros", *_PADDING_MODES)), draw_padding(draw, kernel)
        if mode == "reflect" and not isinstance(padding, str):
            most = [size - 1 for size in sizes]
            padding = tuple((min(b, room), min(a, room)) for (b, a), room in zip(padding, most, strict=True))
        config = cls(
            out_channels=groups * draw.randint(1, 3),
            kernel_size=kernel,
            stride=stride,
            padding=padding,
            dilation=dilation,
            groups=groups,
            bias=draw_flag(draw),
            padding_mode=mode,
        )
        return config, ((groups * draw.randint(1, 3), *sizes),)

    @staticmethod
    def reference(engine: Engine, fields: Fields, weights: Arrays, x: Array) -> Array:
        pads = engine.pads(fields.padding, x.shape[2:], fields.kernel_size, fields.stride, fields.dilation)
        padded = engine.pad(x, pads, fields.padding_mode)
        y = engine.convolve(padded, filters(engine, fields, weights, x), fields.stride, fields.dilation, fields.groups)
        return biased(engine, fields, weights, y)
