"""A stride that passes over positions which no tap ever reads.

A window moved by s reads the positions whose remainder by s one of its taps has. Where the taps have only n of the s
remainders, the share 1 - (n/s on every axis, multiplied) of the input is computed and never used.

Flagged is a convolution or pooling with, on some axis, fewer different values of t·dilation mod s over its taps t
than s. That is not "stride above kernel": 3 taps of dilation 2 reach over 5 positions and at stride 2 still skip
every other one. It is an info for a 1x1 at the end of whose path there is a sum, and nothing but normalisation
between, the shortcut of a ResNet; and where another layer reads all of the same tensor, or it leaves the network.

Not flagged: pooling of one tap whose input another layer reads whole, or which leaves the network: it is there to take
a part, as for the coarsest level of a feature pyramid.

False positives: shortcuts, which are meant so and cost little; averaging before a 1x1 keeps what they drop
(ResNet-D).

Source: He et al., Bag of tricks for image classification with convolutional neural networks (2019), on the 1x1 of
stride 2 that ignores three quarters of its input.

Flagged:
    input: [64, 56, 56]
    layers:
      - conv: {out_channels: 128, kernel_size: 1, stride: 2} # <- CC204
      - relu

Allowed:
    input: [64, 56, 56]
    layers:
      - conv: {out_channels: 128, kernel_size: 2, stride: 2}
      - conv: {out_channels: 128, kernel_size: 3, stride: 2, padding: 1}
      - avg_pool: 2
      - conv: {out_channels: 256, kernel_size: 1}

Allowed:
    input: [256, 16, 16]
    outputs: [p5, p6]
    layers:
      - conv: {name: p5, out_channels: 256, kernel_size: 3, padding: 1}
      - max_pool: {name: p6, kernel_size: 1, stride: 2}
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from convcalc.arithmetic.number import product
from convcalc.arithmetic.window import Window
from convcalc.rules._graph import is_fixed_convolution, keeps_channels, reached
from convcalc.rules._subject import Problem, Subject
from convcalc.rules._windows import Windowed, per_axis, read, residues, shown, windowed, windows_of

SEVERITY = "warning"


def check(subject: Subject) -> Iterator[Problem]:
    """Windows whose taps miss some of the stride's remainders."""
    for layer in windowed(subject):
        if all(residues(window) == window.stride for window in layer.windows):
            continue
        seen = [
            size if residues(window) == window.stride else read(window, size, outputs)
            for window, size, outputs in layer.axes
        ]
        every = product(layer.sizes)
        unread = every - product(seen)
        if not unread:
            continue
        is_point = all(window.kernel == 1 for window in layer.windows)
        is_read_elsewhere = _is_read_elsewhere(subject, layer.index)
        if is_read_elsewhere and layer.node.config.is_pool and is_point:
            continue
        channels = subject.shapes(layer.index)[0][0]
        yield subject.problem(
            layer.index,
            f"{layer.node.name}: {_reading(layer)}: {channels * unread:,} of {channels * every:,} values that enter, "
            f"{100 * unread / every:.0f} %, are never read{' by it' if is_read_elsewhere else ''}",
            _advice(layer, is_point),
            field="stride",
            severity="info" if is_read_elsewhere or (is_point and _is_shortcut(subject, layer.index)) else "",
        )


def _is_read_elsewhere(subject: Subject, index: int) -> bool:
    """Whether what a layer passes over is not lost: another one reads it, or the tensor leaves the network."""
    if not subject.complete:
        return True  # what reads it may be missing
    source = subject.network.nodes[index].inputs[0]  # of a deformable one: the map, before its offsets
    return subject.is_output(source) or any(_reads_all(subject, reader) for reader in subject.consumers(source))


def _reads_all(subject: Subject, index: int) -> bool:
    node = subject.network.nodes[index]
    x = subject.shapes(index)[0]
    return not node.config.cut(x) and all(residues(window) == window.stride for window in windows_of(node.config, x))


def _reading(layer: Windowed) -> str:
    windows = [window for window in layer.windows if residues(window) < window.stride]
    window = windows[0]
    apart = f" {window.dilation} apart" if window.dilation > 1 and window.kernel > 1 else ""
    taps = "1 tap" if window.kernel == 1 else f"{window.kernel} taps{apart}"
    read_ = "reads" if window.kernel == 1 else "read"
    return f"{taps} at stride {window.stride} {read_} {residues(window)} of every {window.stride} positions"


def _is_shortcut(subject: Subject, index: int) -> bool:
    behind = reached(subject, index, keeps_channels)
    if not behind:
        return not subject.complete  # the sum may be what could not be worked out
    nodes = subject.network.nodes
    return all(place is not None and nodes[place].config.merges == "sum" for place in behind)


def _advice(layer: Windowed, is_point: bool) -> str:
    strides = tuple(window.stride for window in layer.windows)
    if is_point and is_fixed_convolution(layer.node.config):
        return f"avg_pool: {per_axis(strides)} and then the 1x1 at stride 1 reads all; or kernel_size {shown(strides)}"
    kernels = [_covering_kernel(window) for window in layer.windows]
    stride = per_axis([_covering_stride(window) for window in layer.windows])
    return (
        f"kernel_size {per_axis(kernels)} or stride {stride} reads all"
        if all(kernels)
        else (f"dilation 1 with kernel_size {per_axis(strides)}, or stride {stride}, reads all")
    )


def _covering_kernel(window: Window) -> int:
    """The nearest kernel_size with a tap for every remainder; 0 where the dilation allows none."""
    return 0 if math.gcd(window.stride, window.dilation) > 1 else max(window.kernel, window.stride)


def _covering_stride(window: Window) -> int:
    """The nearest smaller stride at which every remainder has a tap."""
    strides = range(min(window.stride, window.kernel), 0, -1)
    return next(stride for stride in strides if math.gcd(stride, window.dilation) == 1)
