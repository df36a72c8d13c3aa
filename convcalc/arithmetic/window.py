"""The sliding window on one axis: the only convolution arithmetic there is.

With extent ``K = dilation·(kernel - 1) + 1`` a window at stride ``s`` obeys two rules that invert each other,

    span(o) = s·(o - 1) + K                      input positions that o outputs cover
    outputs(i) = (i + before + after - K)//s + 1     outputs that fit i padded inputs

Convolution and pooling use the second. A transposed convolution is the same window with input and output
exchanged and uses the first. (Dumoulin and Visin, "A guide to convolution arithmetic for deep learning", 2016,
relations 6 and 14; the same as PyTorch's and ONNX's definitions.)
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import reduce
from itertools import chain

import msgspec

from convcalc.arithmetic.number import ceil_div, maximum, minimum, named

Pair = tuple[int, int]
Padding = tuple[Pair, ...] | str
"""Positions added (before, after) on each axis, or one of the words `PADDING_WORDS`."""

PADDING_WORDS = ("same", "same_lower", "valid", "causal")

Rounding = bool | str
"""How the outputs of a pool are rounded: down, up as PyTorch does, or up by the rule of one of `ROUNDING_WORDS`."""

ROUNDING_WORDS = ("caffe", "full")


class Window(msgspec.Struct, frozen=True):
    """A window on one axis: `kernel` taps `dilation` apart, moved by `stride`, over an axis padded at both ends."""

    kernel: int
    stride: int = 1
    dilation: int = 1
    before: int = 0
    after: int = 0

    @property
    def extent(self) -> int:
        """Input positions from the first tap to the last."""
        return self.dilation * (self.kernel - 1) + 1

    def outputs(self, size: int) -> int:
        """Positions the window can take on an axis of `size`."""
        return (size + self.before + self.after - self.extent) // self.stride + 1

    def outputs_full(self, size: int) -> int:
        """As `outputs`, rounded up: no position is left over, and a last window may lie behind the input."""
        return ceil_div(size + self.before + self.after - self.extent, self.stride) + 1

    def outputs_ceil(self, size: int, behind: int = 0) -> int:
        """As `outputs_full`, with the last-window rule: it must start inside the input or the padding before.

        PyTorch's ``pooling_output_shape``, which ONNX follows. So many windows as `behind` may start after that.
        """
        return minimum(self.outputs_full(size), (size + self.before - 1) // self.stride + 1 + behind)

    def span(self, outputs: int) -> int:
        """Input positions that `outputs` adjacent positions of the window cover, padding included."""
        return self.stride * (outputs - 1) + self.extent

    def sources(self, position: int) -> range:
        """The input positions that output `position` reads, on an unbounded axis."""
        first = position * self.stride - self.before
        return range(first, first + self.extent, self.dilation)

    def transposed_sources(self, position: int) -> range:
        """The input positions that write to output `position` when the window runs backwards (conv_transpose).

        Input i writes to it by tap t where ``i·s + t·d = position + before``: every (s / gcd(s, d))-th tap, if any.
        """
        padded, common = position + self.before, math.gcd(self.stride, self.dilation)
        if padded % common:
            return range(0)
        step = self.stride // common
        first_tap = padded // common * pow(self.dilation // common, -1, step) % step
        last, taps = (padded - first_tap * self.dilation) // self.stride, (self.kernel - 1 - first_tap) // step + 1
        apart = self.dilation // common
        return range(last - (taps - 1) * apart, last + 1, apart)


def windows(
    sizes: Sequence[int], kernel: Sequence[int], stride: Sequence[int], dilation: Sequence[int], padding: Padding
) -> tuple[Window, ...]:
    """One window an axis, with the padding worked out.

    ``same`` gives ``ceil(size / stride)`` outputs, the odd position at the end (TensorFlow, Keras, ONNX
    SAME_UPPER; PyTorch at stride 1); ``same_lower`` puts it at the beginning; ``causal`` pads
    before only, so that no output sees what comes after it.
    """
    return tuple(
        Window(k, s, d, *_padding(padding, axis, Window(k, s, d), size))
        for axis, (size, k, s, d) in enumerate(zip(sizes, kernel, stride, dilation, strict=True))
    )


def rounded_outputs(windows: Sequence[Window], sizes: Sequence[int], rounding: Rounding) -> tuple[int, ...]:
    """The outputs on every axis: rounded down, or up by a rule.

    ``full`` is outputs_full. ``caffe`` has PyTorch's last-window rule where there is padding on any axis; where there
    is none, rounding up adds at most one window that it would leave out, and keeps it.
    """
    axes = list(zip(windows, sizes, strict=True))
    if not rounding:
        return tuple(window.outputs(size) for window, size in axes)
    if rounding == "full":
        return tuple(window.outputs_full(size) for window, size in axes)
    behind = 0
    if rounding == "caffe" and axes:
        most = reduce(maximum, chain.from_iterable((window.before, window.after) for window in windows))
        behind = maximum(1 - most, 0)
    return tuple(window.outputs_ceil(size, behind) for window, size in axes)


def _padding(padding: Padding, axis: int, window: Window, size: int) -> Pair:
    if not isinstance(padding, str):
        return padding[axis]
    if padding == "valid":
        return 0, 0
    if padding == "causal":
        return window.extent - 1, 0
    total = named(maximum(window.span(ceil_div(size, window.stride)) - size, 0), "p_total")
    smaller = total // 2
    return (smaller, total - smaller) if padding == "same" else (total - smaller, smaller)
