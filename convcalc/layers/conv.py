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

Where more than one tensor enters, the second is the weight [out_channels, in_channels / groups, *kernel_size] and the
third, if there is one, the bias: filters that another layer makes, each sample its own. What enters is not learned
here, so it adds no params; the MACs are the same, and every output sees all that the filters are made of. ONNX's
filters have no batch, so what is exported with them runs for a batch of 1.

Source: Dumoulin and Visin 2016, relation 6 with dilation (rel. 14); PyTorch nn.Conv2d; TensorFlow for same; Ha, Dai
and Le 2017, "HyperNetworks", for filters that are made.
"""

import random
from collections.abc import Iterator
from typing import Annotated, Any

from convcalc.arithmetic.arrivals import padded_reads
from convcalc.arithmetic.field import Field
from convcalc.arithmetic.moving import windowed
from convcalc.fields import Choice
from convcalc.layers import Array, Arrays, Check, Engine, Fields, Kind, OnnxGraph, Shape
from convcalc.layers._cases import draw_padding
from convcalc.layers._checks import room_to_pad
from convcalc.layers._convolutions import (
    Convolution,
    all_seen,
    biased,
    by_sample,
    draw_convolution,
    filters,
    seen_with,
)
from convcalc.layers._onnx import convolved, ends, entered_or_own, padded

_PADDING_MODES = ("zeros", "reflect", "replicate", "circular")


class Conv(Convolution, frozen=True, kw_only=True):
    padding_mode: Annotated[str, Choice("what stands on the padding", options=_PADDING_MODES)] = "zeros"

    def checks(self, x: Shape, *given: Shape) -> Iterator[Check]:
        yield from super().checks(x, *given)
        yield from room_to_pad(self.padding_mode, [(window.before, window.after) for window in self.windows(x)], x)

    def receptive_field(self, fields: tuple[Field, ...], inputs: tuple[Shape, ...]) -> Field:
        moved, output = self.windows(inputs[0]), self.shape(*inputs)
        reads = padded_reads(self.padding_mode, moved, inputs[0][1:])
        return seen_with(windowed(fields[0].collapsed([0]), moved, output, reads), fields[1:], output)

    def unbounded(self, axis: int | None, inputs: tuple[Shape, ...]) -> Kind:
        return all_seen(self, len(inputs) - 1)

    def onnx(self, graph: OnnxGraph, inputs: tuple[str, ...], shapes: tuple[Shape, ...]) -> str:
        (x, *given), (shape, *_) = inputs, shapes
        pads = [(window.before, window.after) for window in self.windows(shape)]
        if self.padding_mode != "zeros":
            x, pads = padded(graph, x, pads, self.padding_mode), [(0, 0)] * len(pads)
        window: dict[str, Any] = {"kernel_shape": self.kernel_size, "strides": self.stride, "dilations": self.dilation}
        arrays = entered_or_own(graph, given, self.bias)
        return convolved(graph, "Conv", x, shape, *arrays, **window, pads=ends(pads), group=self.groups)

    @classmethod
    def case(cls, draw: random.Random) -> tuple[Kind, tuple[Shape, ...]]:
        fields, channels = draw_convolution(draw, largest_kernel=3)
        kernel, dilation = fields["kernel_size"], fields["dilation"]
        sizes = tuple(d * (k - 1) + draw.randint(1, 5) for k, d in zip(kernel, dilation, strict=True))
        mode, padding = draw.choice(("zeros", *_PADDING_MODES)), draw_padding(draw, kernel)
        if mode == "reflect" and not isinstance(padding, str):
            most = [size - 1 for size in sizes]
            padding = tuple((min(b, room), min(a, room)) for (b, a), room in zip(padding, most, strict=True))
        return cls(**fields, padding=padding, padding_mode=mode), ((channels, *sizes),)

    @staticmethod
    def reference(engine: Engine, fields: Fields, weights: Arrays, x: Array, *given: Array) -> Array:
        pads = engine.pads(fields.padding, x.shape[2:], fields.kernel_size, fields.stride, fields.dilation)

        def convolved(arrays: Arrays, x: Array) -> Array:
            weight, padded = filters(engine, fields, arrays, x), engine.pad(x, pads, fields.padding_mode)
            y = engine.convolve(padded, weight, fields.stride, fields.dilation, fields.groups)
            return biased(engine, fields, arrays, y)

        return by_sample(engine, convolved, weights, given, x)
