"""Transposed convolution: the window of a convolution with input and output exchanged, as decoders use it.

Example:
    input: [16, 8, 8]
    layers:
      - conv_transpose: {out_channels: 8, kernel_size: 2, stride: 2}
    # output 8x16x16, params 520, macs 32768, field 1

With K = dilation·(kernel - 1) + 1 an axis of i positions becomes (i - 1)·stride - before - after + K +
output_padding, which lengthens it at the end alone. Every input position multiplies each tap with its group's output
channels, so MACs are the weights without the bias times the *input* positions, whatever is cropped. `padding` crops:
an int, one number an axis, [[before, after], ...], same (i·stride outputs, the odd one cropped at the end), same_lower
(at the beginning) or valid (nothing cropped). With these words a kernel shorter than its stride still yields all
stride positions of every input. As conv it takes its weight, [in_channels, out_channels / groups, *kernel_size], and
its bias from other layers where two or three tensors enter.

Source: Dumoulin and Visin 2016, relation 13; PyTorch nn.ConvTranspose2d; Keras Conv2DTranspose for the words.
"""

import random
from collections.abc import Iterator
from functools import partial
from typing import Annotated, Any, ClassVar

from msgspec.structs import replace

from convcalc.arithmetic.field import Field
from convcalc.arithmetic.moving import transposed
from convcalc.arithmetic.number import maximum, named, product
from convcalc.arithmetic.window import Padding, Pair, Window
from convcalc.fields import Channels, Flag, PaddingType, PerAxis, Sizes
from convcalc.layers import Array, Arrays, Check, Engine, Fields, Kind, OnnxGraph, Shape, Weights
from convcalc.layers._cases import draw_padding
from convcalc.layers._checks import grouped
from convcalc.layers._convolutions import (
    Filtering,
    all_seen,
    biased,
    by_sample,
    draw_convolution,
    given_fit,
    learned,
    not_given,
    seen_with,
)
from convcalc.layers._onnx import convolved, ends, entered_or_own, padded, per_channel
from convcalc.layers._windows import shown_window

WORDS = ("same", "same_lower", "valid")


class ConvTranspose(Filtering, frozen=True, kw_only=True):
    inputs: ClassVar[tuple[int, int | None]] = (1, 3)
    is_transposed = is_convolution = mixes_channels = is_map = True

    out_channels: Annotated[int, Channels("filters: channels that leave", minimum=1)]
    kernel_size: Annotated[Sizes, PerAxis("taps on each axis")]
    stride: Annotated[Sizes, PerAxis("positions between the windows of neighbouring inputs")] = (1,)
    padding: Annotated[Padding, PaddingType("positions cropped from the output", options=WORDS)] = ((0, 0),)
    output_padding: Annotated[Sizes, PerAxis("positions added at the end of the output", minimum=0)] = (0,)
    dilation: Annotated[Sizes, PerAxis("distance between taps")] = (1,)
    groups: Annotated[int, Channels("parts the channels are split into, each convolved alone", minimum=1)] = 1
    bias: Annotated[bool, Flag("one learned number added to each output channel")] = True

    def windows(self) -> tuple[Window, ...]:
        bare = [Window(k, s, d) for k, s, d in zip(self.kernel_size, self.stride, self.dilation, strict=True)]
        return tuple(
            replace(window, before=before, after=after)
            for window, (before, after) in zip(bare, self._crops(bare), strict=True)
        )

    def _crops(self, windows: list[Window]) -> list[Pair]:
        if not isinstance(self.padding, str):
            return list(self.padding)
        if self.padding == "valid":
            return [(0, 0)] * len(windows)
        totals = [named(maximum(window.extent - window.stride, 0), "p_total") for window in windows]
        crops = [(total // 2, total - total // 2) for total in totals]
        return crops if self.padding == "same" else [(larger, smaller) for smaller, larger in crops]

    def _added(self, windows: tuple[Window, ...]) -> Sizes:
        if isinstance(self.padding, str):
            return tuple(maximum(window.stride - window.extent, 0) for window in windows)
        return self.output_padding

    def checks(self, x: Shape, *given: Shape) -> Iterator[Check]:
        yield grouped(self.groups, x[0], self.out_channels)
        windows = self.windows()
        for window, added in zip(windows, self.output_padding, strict=True):
            if isinstance(self.padding, str):
                yield Check(added == 0, "CC105", "output_padding", _added_twice, (added, self.padding))
            else:
                holds = (added < window.stride) | (added < window.dilation)
                yield Check(holds, "CC105", "output_padding", _added_too_much, (added, window))
        for window, added, size in zip(windows, self._added(windows), x[1:], strict=True):
            uncropped = window.span(size) + added
            cropped = window.before + window.after
            yield Check(cropped < uncropped, "CC101", "padding", _cropped_away, (cropped, uncropped))
        yield from given_fit(self.all_arrays(x), given)

    def shape(self, x: Shape, *given: Shape) -> Shape:
        windows = self.windows()
        spans = (window.span(size) - window.before - window.after for window, size in zip(windows, x[1:], strict=True))
        return (self.out_channels, *(span + added for span, added in zip(spans, self._added(windows), strict=True)))

    def all_arrays(self, x: Shape) -> Weights:
        """The weight and, where there is one, the bias, whether they are learned or made by another layer."""
        return learned((x[0], self.out_channels // self.groups, *self.kernel_size), self.out_channels, self.bias)

    def weights(self, x: Shape, *given: Shape) -> Weights:
        return not_given(self.all_arrays(x), given)

    def macs(self, x: Shape, *given: Shape) -> int:
        return product((*self.all_arrays(x)["weight"], *x[1:]))

    def elementwise_ops(self, x: Shape, *given: Shape) -> int:
        return product(self.shape(x)) if self.bias else 0

    def receptive_field(self, fields: tuple[Field, ...], inputs: tuple[Shape, ...]) -> Field:
        output = self.shape(*inputs)
        return seen_with(transposed(fields[0].collapsed([0]), self.windows(), output), fields[1:], output)

    def unbounded(self, axis: int | None, inputs: tuple[Shape, ...]) -> Kind:
        return all_seen(self, len(inputs) - 1)

    def onnx(self, graph: OnnxGraph, inputs: tuple[str, ...], shapes: tuple[Shape, ...]) -> str:
        (x, *given), (shape, *_) = inputs, shapes
        weight, bias = entered_or_own(graph, given, self.bias)
        windows = self.windows()
        crops, added = [(window.before, window.after) for window in windows], self._added(windows)
        attributes: dict[str, Any] = {"kernel_shape": self.kernel_size, "strides": self.stride, "group": self.groups}
        write = partial(convolved, graph, "ConvTranspose", x, shape, weight, dilations=self.dilation, **attributes)
        if all(more < window.stride for more, window in zip(added, windows, strict=True)):
            return write(bias=bias, pads=ends(crops), output_padding=added)
        # ONNX adds less than a stride. What is added is first cropped less, and beyond that it is positions of zero.
        less = [(before, maximum(after - more, 0)) for (before, after), more in zip(crops, added, strict=True)]
        beyond = [(0, maximum(more - after, 0)) for (_, after), more in zip(crops, added, strict=True)]
        y = padded(graph, write(bias="", pads=ends(less)), beyond)
        return graph.node("Add", y, per_channel(graph, bias, shape)) if self.bias else y

    def summary(self) -> str:
        return shown_window(self.kernel_size, self.stride, self.dilation, self.groups)

    @classmethod
    def case(cls, draw: random.Random) -> tuple[Kind, tuple[Shape, ...]]:
        fields, channels = draw_convolution(draw, largest_kernel=4)
        kernel, padding = fields["kernel_size"], draw_padding(draw, fields["kernel_size"])
        if padding == "causal":
            padding = "same"
        distances = zip(fields["stride"], fields["dilation"], strict=True)
        most = [0 if isinstance(padding, str) else max(pair) - 1 for pair in distances]
        config = cls(**fields, padding=padding, output_padding=tuple(draw.randint(0, more) for more in most))
        # An axis longer than 2·kernel is longer than what the padding above crops.
        return config, ((channels, *(2 * k + draw.randint(1, 3) for k in kernel)),)

    @staticmethod
    def reference(engine: Engine, fields: Fields, weights: Arrays, x: Array, *given: Array) -> Array:
        of_input = (x.shape[1], fields.out_channels // fields.groups, *fields.kernel_size)

        def convolved(arrays: Arrays, x: Array) -> Array:
            weight = engine.fitting(arrays["weight"], of_input)
            y = engine.convolve_transposed(x, weight, fields.stride, fields.dilation, fields.groups)
            return biased(engine, fields, arrays, _cropped(engine, fields, x, y))

        return by_sample(engine, convolved, weights, given, x)


def _cropped(engine: Engine, fields: Fields, x: Array, y: Array) -> Array:
    """What is left of all that was written, or that and what is added at the end."""
    if isinstance(fields.padding, str):
        sizes = zip(y.shape[2:], fields.stride, x.shape[2:], strict=True)
        crops = [_crop(fields.padding, written - s * inputs) for written, s, inputs in sizes]
    else:
        pairs = zip(fields.padding, fields.output_padding, strict=True)
        crops = [(before, after - added) for (before, after), added in pairs]
    longer = engine.pad(y, [(0, max(-after, 0)) for _, after in crops])
    ends = (size - max(after, 0) for size, (_, after) in zip(longer.shape[2:], crops, strict=True))
    left = (slice(before, end) for (before, _), end in zip(crops, ends, strict=True))
    return longer[(..., *left)]


def _added_twice(added: int, word: str) -> str:
    return f"output_padding {added} beside padding {word}, which fixes the size alone; legal here: 0"


def _added_too_much(added: int, window: Window) -> str:
    legal = maximum(window.stride, window.dilation) - 1
    return (
        f"output_padding {added} is not below stride {window.stride} or dilation {window.dilation}; legal here: 0 to "
        f"{legal}"
    )


def _cropped_away(cropped: int, uncropped: int) -> str:
    return f"padding crops {cropped} of {uncropped} positions; legal here: before and after of {uncropped - 1} together"


def _crop(word: str, more: int) -> Pair:
    """What a word crops where `more` is written than stride positions for each input; what is missing is added."""
    if word == "valid" or more < 0:
        return 0, min(more, 0)
    smaller = more // 2
    return (smaller, more - smaller) if word == "same" else (more - smaller, smaller)
