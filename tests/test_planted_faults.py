"""Faults put into the formulas and references, one at a time: the battery must find each, in the column that is named.

A fault is a formula with something changed, put in place of the right one while the battery tries the kinds, blocks or
networks that it concerns. `right` is the formula as it is.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
import pytest
from conftest import load
from msgspec.structs import replace

from convcalc.arithmetic import meeting, moving, window
from convcalc.arithmetic.axes import Reach, Resampling
from convcalc.arithmetic.moving import windowed
from convcalc.arithmetic.number import ceil_div, product
from convcalc.arithmetic.window import Window
from convcalc.battery.findings import Column
from convcalc.battery.run import Battery, battery
from convcalc.layers import Kind, _merges, _pools
from convcalc.reference import verify

CASES = 30
Formula = Callable[..., Any]


class Fault(NamedTuple):
    """What is wrong; the formula, as its owner and name; what it becomes; what is tried; where it must show."""

    what: str
    owner: Any
    name: str
    wrong: Callable[[Formula], Any]
    subjects: tuple[str, ...]
    column: Column


def conv_windows(self: Any, x: Any) -> tuple[Window, ...]:
    """A convolution's windows, the stride of each axis taken from the other end."""
    return window.windows(x[1:], self.kernel_size, self.stride[::-1], self.dilation, self.padding)


def padded(change: Callable[[Any, tuple[int, int], Window], tuple[int, int]]) -> Callable[[Formula], Formula]:
    """Padding that is worked out otherwise: from what is written, what is right, and the window."""
    return lambda right: lambda padding, axis, w, size: change(padding, right(padding, axis, w, size), w)


def unpadded_taps(self: Any, x: Any) -> int:
    """Taps of a convolution that stand on the input itself, and not on padding."""
    taps: int = self.out_channels * (x[0] // self.groups)
    for w, size in zip(self.windows(x), x[1:], strict=True):
        seen = [place for o in range(w.outputs(size)) for place in w.sources(o)]
        taps *= sum(0 <= place < size for place in seen)
    return taps


conv, conv_transpose, linear, max_pool = (load(name) for name in ("conv", "conv_transpose", "linear", "max_pool"))

SHAPES = [
    Fault("dilation left out of the extent", Window, "extent",
          lambda right: property(lambda self: self.kernel), ("conv", "max_pool"), "shape"),
    Fault("padding doubled", window, "_padding",
          padded(lambda padding, pair, w: (2 * pair[0], 2 * pair[1])), ("conv",), "shape"),
    Fault("the stride of another axis", conv, "windows", lambda right: conv_windows, ("conv",), "shape"),
    Fault("ceil_mode without the last-window rule", Window, "outputs_ceil",
          lambda right: lambda self, size: ceil_div(size + self.before + self.after - self.extent, self.stride) + 1,
          ("max_pool", "avg_pool"), "shape"),
    Fault("ceil_mode rounds down", Window, "outputs_ceil", lambda right: Window.outputs, ("max_pool",), "shape"),
    Fault("a pool's stride is 1 unless written", max_pool, "steps",
          lambda right: lambda self: self.stride or (1,) * len(self.kernel_size), ("max_pool",), "shape"),
    Fault("output_padding forgotten", conv_transpose, "_added",
          lambda right: lambda self, windows: (0,) * len(windows), ("conv_transpose",), "shape"),
    Fault("a transposed convolution shrinks as a convolution", conv_transpose, "shape",
          lambda right: lambda self, x: (
              self.out_channels, *(max(w.outputs(size), 1) for w, size in zip(self.windows(), x[1:], strict=True))),
          ("conv_transpose",), "shape"),
    Fault("upsampling rounds up", load("upsample"), "shape",
          lambda right: lambda self, x: (x[0], *self.size) if self.size else (
              x[0], *(-(-size * top // bottom)
                      for size, (top, bottom) in zip(x[1:], self.scale_factor, strict=True))),
          ("upsample",), "shape"),
    Fault("concat adds up on the channels whatever the axis", load("concat"), "shape",
          lambda right: lambda self, *xs: (sum(x[0] for x in xs), *xs[0][1:]), ("concat",), "shape"),
    Fault("pixel_shuffle divides by r instead of r^2", load("pixel_shuffle"), "spread",
          lambda right: lambda self, x: self.upscale_factor, ("pixel_shuffle",), "shape"),
    Fault("a slice loses its last step", load("slice"), "shape",
          lambda right: lambda self, x: tuple(
              max((self.ends(x)[1] - self.ends(x)[0]) // self.step, 1) if axis == self.axis % len(x) else size
              for axis, size in enumerate(x)),
          ("slice",), "shape"),
    Fault("pad counts one end twice", load("pad"), "shape",
          lambda right: lambda self, x: (x[0], *(s + 2 * b for s, (b, _) in zip(x[1:], self.padding, strict=True))),
          ("pad",), "shape"),
    Fault("null in adaptive pooling is one cell", load("adaptive_avg_pool"), "shape",
          lambda right: lambda self, x: (x[0], *(o or 1 for o in self.output_size)), ("adaptive_avg_pool",), "shape"),
    Fault("keepdim ignored", _pools.GlobalPool, "shape",
          lambda right: lambda self, x: (x[0],), ("global_avg_pool", "global_max_pool"), "shape"),
    Fault("a merge has the shape of its first tensor", _merges.Elementwise, "shape",
          lambda right: lambda self, *xs: xs[0], ("add", "mul"), "shape"),
    Fault("the offsets of all axes are one", load("deform_conv"), "_maps",
          lambda right: lambda self, x: ((right(self, x)[1][0], *right(self, x)[0][1:]), right(self, x)[1]),
          ("deform_conv",), "shape"),
    Fault("permute by the inverse order", load("permute"), "shape",
          lambda right: lambda self, x: tuple(
              x[[axis % len(x) for axis in self.axes].index(place)] for place in range(len(x))),
          ("permute",), "shape"),
    Fault("a split leaves the rest", load("split"), "shape",
          lambda right: lambda self, x: tuple(
              size - size // self.sections if axis == self.axis % len(x) and self.sections > 2 else now
              for axis, (size, now) in enumerate(zip(x, right(self, x), strict=True))),
          ("split",), "shape"),
]  # fmt: skip


def whole_kernel(self: Any, x: Any) -> dict[str, Any]:
    """A convolution's weights without the division by groups."""
    weight = (self.out_channels, x[0], *self.kernel_size)
    return {"weight": weight, "bias": (self.out_channels,)} if self.bias else {"weight": weight}


def without(name: str) -> Callable[[Formula], Formula]:
    """Weights that lack one."""
    return lambda right: lambda self, *xs: {key: shape for key, shape in right(self, *xs).items() if key != name}


def no_sharing(right: Formula) -> Formula:
    """A report in which no layer shares its weights."""
    return lambda network, **given: right(
        replace(network, nodes=tuple(replace(node, shared=None) for node in network.nodes)), **given
    )


def statistics_learned(right: Formula) -> Formula:
    return lambda self, x: {**right(self, x), "running_mean": (x[0],), "running_var": (x[0],)}


PARAMS = [
    Fault("groups ignored in params", conv, "weights", lambda right: whole_kernel, ("conv",), "params"),
    Fault("groups ignored in the params of a transposed convolution", conv_transpose, "weights",
          lambda right: lambda self, x: {
              **right(self, x), "weight": (x[0], self.out_channels, *self.kernel_size)}, ("conv_transpose",), "params"),
    Fault("groups ignored in a sum of params alone", conv, "params",
          lambda right: lambda self, x: sum(map(product, whole_kernel(self, x).values())), ("conv",), "params"),
    Fault("a linear layer's bias left out", linear, "weights", without("bias"), ("linear",), "params"),
    Fault("a linear layer's bias left out of the sum", linear, "params",
          lambda right: lambda self, x: product(self.weights(x)["weight"]), ("linear",), "params"),
    Fault("running statistics among params", load("batch_norm"), "weights", statistics_learned,
          ("batch_norm",), "params"),
    Fault("buffers forgotten", load("batch_norm"), "buffers", lambda right: lambda self, x: {},
          ("batch_norm",), "params"),
    Fault("affine ignored", load("instance_norm"), "weights",
          lambda right: lambda self, x: {"weight": (x[0],), "bias": (x[0],)}, ("instance_norm",), "params"),
    Fault("layer_norm learns a number a channel", load("layer_norm"), "params",
          lambda right: lambda self, x: (self.elementwise_affine * (1 + self.bias)) * x[0], ("layer_norm",), "params"),
    Fault("every head has projections of its own", load("attention"), "params",
          lambda right: lambda self, x: self.num_heads * right(self, x), ("attention",), "params"),
    Fault("three projections in attention", load("attention"), "weights", without("out_proj.weight"),
          ("attention",), "params"),
    Fault("one bias where there are two", load("lstm"), "weights", without("bias_hh"), ("lstm",), "params"),
    Fault("one slope whatever num_parameters", load("prelu"), "weights",
          lambda right: lambda self, x: {"weight": (1,)}, ("prelu",), "params"),
    Fault("deform_conv learns a kernel for each offset group", load("deform_conv"), "params",
          lambda right: lambda self, *xs: self.offset_groups * right(self, *xs), ("deform_conv",), "params"),
    Fault("an array that nothing reads", load("scale"), "weights",
          lambda right: lambda self, x: {**right(self, x), "more": (x[0],)}, ("scale",), "params"),
    Fault("shared weights counted twice", verify, "as_written", no_sharing, ("shared", "recurrent"), "params"),
]  # fmt: skip


def shared_work_once(right: Formula) -> Formula:
    """A report in which a layer with shared weights costs nothing."""

    def wrong(network: Any, **given: Any) -> Any:
        report = right(network, **given)
        shared = {node.name for node in network.nodes if node.shared is not None}
        rows = tuple(replace(row, macs=0) if row.name in shared else row for row in report.layers)
        return replace(report, layers=rows, totals=replace(report.totals, macs=sum(row.macs for row in rows)))

    return wrong


def plus_output(right: Formula) -> Formula:
    """MACs with one more for each element that leaves."""
    return lambda self, *xs: right(self, *xs) + product(self.shape(*xs))


MACS = [
    Fault("transposed MACs counted at output size", conv_transpose, "macs",
          lambda right: lambda self, x: product((*self.weights(x)["weight"], *self.shape(x)[1:])),
          ("conv_transpose",), "macs"),
    Fault("MACs counted at input size", conv, "macs",
          lambda right: lambda self, x: product((*self.weights(x)["weight"], *x[1:])), ("conv",), "macs"),
    Fault("bias counted as MACs", conv, "macs",
          lambda right: lambda self, x: right(self, x) + self.bias * product(self.shape(x)), ("conv",), "macs"),
    Fault("bias of a linear layer counted as MACs", linear, "macs", plus_output, ("linear",), "macs"),
    Fault("groups ignored in MACs", conv, "macs",
          lambda right: lambda self, x: self.groups * right(self, x), ("conv",), "macs"),
    Fault("taps on padding not counted", conv, "macs", lambda right: unpadded_taps, ("conv",), "macs"),
    Fault("a linear layer runs once, whatever the axes before", linear, "macs",
          lambda right: lambda self, x: product(self.weights(x)["weight"]), ("linear",), "macs"),
    Fault("each head pays for all features", load("attention"), "macs",
          lambda right: lambda self, x: self.num_heads * right(self, x), ("attention",), "macs"),
    Fault("attention without the product with the value", load("attention"), "macs",
          lambda right: lambda self, x: right(self, x) - product(x) * x[-2], ("attention",), "macs"),
    Fault("a recurrent layer without its hidden state", load("gru"), "macs",
          lambda right: lambda self, x, *states: product((*x, self.ways, self.gates, self.hidden_size)),
          ("gru",), "macs"),
    Fault("a recurrent layer that runs one step", load("rnn"), "macs",
          lambda right: lambda self, x, *states: right(self, (*x[:-2], 1, x[-1])), ("rnn",), "macs"),
    Fault("peepholes counted as MACs", load("lstm"), "macs",
          lambda right: lambda self, x, *states:
              right(self, x) + self.peephole * 3 * product((*x[:-1], self.ways, self.hidden_size)), ("lstm",), "macs"),
    Fault("a norm's scale counted as MACs", load("batch_norm"), "macs",
          lambda right: lambda self, x: product(x), ("batch_norm",), "macs"),
    Fault("average pooling counted as MACs", load("avg_pool"), "macs",
          lambda right: lambda self, x: self.elementwise_ops(x), ("avg_pool",), "macs"),
    Fault("interpolation counted as MACs", load("deform_conv"), "macs",
          lambda right: lambda self, *xs: right(self, *xs) + self.elementwise_ops(*xs), ("deform_conv",), "macs"),
    Fault("a product of tensors counted as MACs", load("mul"), "macs", plus_output, ("mul", "squeeze_excite"), "macs"),
    Fault("layers with shared weights run once", verify, "as_written", shared_work_once, ("shared", "recurrent"), "macs"),
]  # fmt: skip


def operations(what: str, kind: str, wrong: Callable[..., Any], *subjects: str) -> Fault:
    """Element-wise operations worked out otherwise: from what is right, the layer, and the shapes that enter."""
    return Fault(what, load(kind), "elementwise_ops",
                 lambda right: lambda self, *xs: wrong(partial(right, self), self, *xs),
                 subjects or (kind,), "elementwise_ops")  # fmt: skip


def shared_operations_once(right: Formula) -> Formula:
    """A report in which a layer with shared weights does nothing to elements."""

    def wrong(network: Any, **given: Any) -> Any:
        report = right(network, **given)
        shared = {node.name for node in network.nodes if node.shared is not None}
        rows = tuple(replace(row, elementwise_ops=0) if row.name in shared else row for row in report.layers)
        total = sum(row.elementwise_ops for row in rows)
        return replace(report, layers=rows, totals=replace(report.totals, elementwise_ops=total))

    return wrong


def mac_is_one_flop(right: Formula) -> Formula:
    """Totals in which a multiplication and its addition are one operation."""

    def wrong(network: Any, **given: Any) -> Any:
        report = right(network, **given)
        totals = report.totals
        return replace(report, totals=replace(totals, flops=totals.macs + totals.elementwise_ops))

    return wrong


OPERATIONS = [
    operations("upsampling reads one position", "upsample", lambda right, self, x: product(self.shape(x))),
    operations("upsampling reads two positions on all axes", "upsample",
               lambda right, self, x: self.taps() * product(self.shape(x))),
    operations("a filter that is not stretched", "upsample",
               lambda right, self, x: self.taps() ** (len(x) - 1) * product(self.shape(x))),
    operations("a group norm that always weighs", "group_norm", lambda right, self, x: 5 * product(x)),
    operations("a group norm that never weighs", "group_norm", lambda right, self, x: 4 * product(x)),
    operations("a layer norm whose mean is known", "layer_norm", lambda right, self, x: right(x) - product(x)),
    operations("an instance norm that keeps no statistics", "instance_norm",
               lambda right, self, x: (4 + bool(self.affine)) * product(x)),
    operations("a batch norm that is not folded", "batch_norm", lambda right, self, x: 4 * product(x)),
    operations("weights of a batch norm that are not folded", "batch_norm",
               lambda right, self, x: right(x) + bool(self.affine) * product(x)),
    operations("a weight that costs nothing", "rms_norm", lambda right, self, x: 3 * product(x)),
    operations("a root for each element", "l2_norm", lambda right, self, x: 4 * product(x)),
    operations("powers that cost nothing", "normalize", lambda right, self, x: 2 * product(x)),
    operations("softmax without its sum", "softmax", lambda right, self, x: 2 * product(x)),
    operations("a logarithm for each element", "log_softmax", lambda right, self, x: 4 * product(x)),
    operations("relu is free", "relu", lambda right, self, x: 0),
    operations("sigmoid by its formula", "sigmoid", lambda right, self, x: 4 * product(x)),
    operations("neighbours of a deformable tap are four", "deform_conv",
               lambda right, self, x, *maps:
                   right(x, *maps) + (4 - 2 ** (len(x) - 1)) * product((x[0], *self.kernel_size, *self.shape(x)[1:]))),
    operations("masks of a deformable convolution are free", "deform_conv",
               lambda right, self, x, *maps: right(x, maps[0])),
    operations("a norm of neighbours without its power", "local_response_norm",
               lambda right, self, x: right(x) - product(x)),
    operations("neighbours on one side", "local_response_norm",
               lambda right, self, x: (4 + min(self.size // 2, x[0] - 1)) * product(x)),
    operations("a mean without its division", "global_avg_pool", lambda right, self, x: product(x) - x[0]),
    operations("the largest compared with itself", "global_max_pool", lambda right, self, x: product(x)),
    operations("a window's mean without its division", "avg_pool",
               lambda right, self, x: right(x) - product(self.shape(x))),
    operations("windows at input size", "avg_pool", lambda right, self, x: product(self.kernel_size) * product(x)),
    operations("a window's first compared too", "max_pool", lambda right, self, x: right(x) + product(self.shape(x))),
    operations("windows taken axis by axis", "max_pool",
               lambda right, self, x: sum(k - 1 for k in self.kernel_size) * product(self.shape(x))),
    operations("cells that do not overlap", "adaptive_avg_pool", lambda right, self, x: product(x)),
    operations("a cell's first compared too", "adaptive_max_pool", lambda right, self, x: self.combined(x)),
    operations("powers only where windows are", "lp_pool", lambda right, self, x: right(x) - product(x)),
    operations("a norm of all without powers", "global_lp_pool", lambda right, self, x: product(x)),
    operations("a linear layer's bias is free", "linear", lambda right, self, x: 0),
    operations("a convolution's bias is free", "conv", lambda right, self, x, *given: 0),
    operations("a bias at input size", "conv",
               lambda right, self, x, *given: self.bias * product((self.out_channels, *x[1:]))),
    operations("a transposed bias at input size", "conv_transpose",
               lambda right, self, x, *given: self.bias * product((self.out_channels, *x[1:]))),
    operations("heads that share their scores", "attention",
               lambda right, self, x: right(x) - 4 * (self.num_heads - 1) * product((*x[:-1], x[-2]))),
    operations("scores that are not scaled", "attention",
               lambda right, self, x: right(x) - self.num_heads * product((*x[:-1], x[-2]))),
    operations("the last bias of attention is free", "attention",
               lambda right, self, x: right(x) - self.bias * product(x)),
    operations("what is masked by its place is free", "scaled_dot_product_attention",
               lambda right, self, query, key, value, *mask: right(query, key, value, *mask) - (
                   self._is_placed() * (not mask) * product(query[:-1]) * key[-2])),
    operations("two masks are added one after the other", "scaled_dot_product_attention",
               lambda right, self, query, key, value, *mask: right(query, key, value, *mask) + (
                   self._is_placed() * len(mask) * product(query[:-1]) * key[-2])),
    operations("a soft cap is one operation", "scaled_dot_product_attention",
               lambda right, self, query, key, value, *mask:
                   right(query, key, value, *mask) - 2 * (self.softcap != 0) * product(query[:-1]) * key[-2]),
    operations("peepholes are one operation each", "lstm",
               lambda right, self, x, *states:
                   right(x, *states) - self.peephole * 3 * product((*x[:-1], self.ways, self.hidden_size))),
    operations("a second bias is free", "gru",
               lambda right, self, x, *states: right(x, *states) - (
                   3 * (self.bias and self.recurrent_bias) * product((*x[:-1], self.ways, self.hidden_size)))),
    operations("a bound is free", "rnn",
               lambda right, self, x, *states: right(x, *states) - (
                   (self.clip is not None) * product((*x[:-1], self.ways, self.hidden_size)))),
    operations("both directions for the price of one", "rnn",
               lambda right, self, x, *states: right(x, *states) // self.ways),
    operations("a merge for every tensor", "add",
               lambda right, self, *xs: len(xs) * product(self.shape(*xs)), "add", "residual"),
    operations("a product of its first tensor's size", "mul",
               lambda right, self, *xs: (len(xs) - 1) * product(xs[0]), "mul", "squeeze_excite"),
    operations("a function of its first tensor's size", "elementwise", lambda right, self, *xs: product(xs[0])),
    operations("a factor of 1 multiplies", "affine", lambda right, self, x: 2 * product(x)),
    operations("an addend that is free", "scale", lambda right, self, x: product(x)),
    operations("squares are free", "reduce", lambda right, self, x: right(x) - (
        self.operation in ("l2", "sum_square") and product(x))),
    operations("roots are free", "reduce", lambda right, self, x: right(x) - (
        self.operation == "l2" and product(self.shape(x)))),
    operations("one position of a grid is read", "grid_sample", lambda right, self, *xs: product(self.shape(*xs))),
    operations("a sample is its four neighbours", "roi_align", lambda right, self, *xs: right(*xs) // 5 * 4),
    operations("tensors laid end to end are worked on", "concat", lambda right, self, *xs: product(self.shape(*xs))),
    operations("patches are laid down, not added", "fold", lambda right, self, x: 0),
    operations("updates as many as there are elements", "scatter",
               lambda right, self, x, indices, updates: (self.reduction != "none") * product(x)),
    operations("only those that are chosen are looked at", "top_k", lambda right, self, x: product(self.shape(x))),
    operations("running sums are free", "cumulate", lambda right, self, x: 0),
    Fault("layers with shared weights work on elements once", verify, "as_written", shared_operations_once,
          ("shared", "recurrent"), "elementwise_ops"),
    Fault("a MAC is one flop", verify, "as_written", mac_is_one_flop, ("conv",), "elementwise_ops"),
    Fault("the count of batches among the buffers", load("batch_norm"), "buffers",
          lambda right: lambda self, x: {**right(self, x), **({"batches": (1,)} if right(self, x) else {})},
          ("batch_norm",), "params"),
    Fault("buffers of one statistic", load("instance_norm"), "buffers", without("running_var"),
          ("instance_norm",), "params"),
]  # fmt: skip


def every(change: Callable[..., Any]) -> Callable[[Formula], Formula]:
    """A window's step of a field, changed where the field is regular: from the field, the window, what is right."""

    def made(right: Formula) -> Formula:
        def wrong(axis: Any, w: Window, outputs: int) -> Any:
            result = right(axis, w, outputs)
            return change(axis, w, result) if isinstance(axis, Reach) and isinstance(result, Reach) else result

        return wrong

    return made


def largest(axes: Any, outputs: int) -> Any:
    """The largest of the paths, in place of their union."""
    return max(axes, key=lambda axis: axis.size if isinstance(axis, Reach) else 0)


def last_start(right: Formula) -> Formula:
    """The union of the paths, begun where the last of them begins."""

    def wrong(axes: Any, outputs: int) -> Any:
        result = right(axes, outputs)
        starts = [axis.start for axis in axes if isinstance(axis, Reach)]
        return replace(result, start=max(starts)) if isinstance(result, Reach) and starts else result

    return wrong


def local_mean(self: Any, fields: Any, inputs: Any) -> Any:
    """The field of a mean over all positions, as if it had seen none of them."""
    return replace(fields[0], carries=fields[0].carries if self.keepdim else fields[0].carries[:1])


def own_path(self: Any, fields: Any, inputs: Any) -> Any:
    return fields[0]


FIELDS = [
    Fault("same padding at the wrong end", window, "_padding",
          padded(lambda padding, pair, w: pair[::-1] if padding == "same" else pair), ("conv",), "receptive_field"),
    Fault("same padding as if there were no stride", window, "_padding",
          padded(lambda padding, pair, w: (0, w.extent - 1) if padding == "same" else pair),
          ("conv",), "receptive_field"),
    Fault("causal padding as same", window, "_padding",
          padded(lambda padding, pair, w: (w.extent // 2, (w.extent - 1) // 2) if padding == "causal" else pair),
          ("causal stack",), "receptive_field"),
    Fault("a transposed convolution cropped at the wrong end", conv_transpose, "_crops",
          lambda right: lambda self, windows: [pair[::-1] for pair in right(self, windows)],
          ("conv_transpose",), "receptive_field"),
    Fault("the middle of an odd crop at the wrong end", load("crop"), "crops",
          lambda right: lambda self, x: tuple(pair[::-1] for pair in right(self, x)), ("crop",), "receptive_field"),
    Fault("the start of a field with the wrong sign", moving, "through_window",
          every(lambda axis, w, outcome: replace(outcome, start=-outcome.start)), ("conv", "pad"), "receptive_field"),
    Fault("dilation left out of a field", moving, "through_window",
          every(lambda axis, w, outcome: replace(outcome, size=axis.size + (w.kernel - 1) * axis.stride)),
          ("conv", "max_pool"), "receptive_field"),
    Fault("a field that grows without the stride before", moving, "through_window",
          every(lambda axis, w, outcome: replace(outcome, size=axis.size + w.extent - 1)), ("gated", "residual"),
          "receptive_field"),
    Fault("a stride forgotten in a field", moving, "through_window",
          every(lambda axis, w, outcome: replace(outcome, stride=axis.stride)), ("conv",), "receptive_field"),
    Fault("the largest instead of the union at a merge", meeting, "union", lambda right: largest, ("paths",),
          "receptive_field"),
    Fault("a union that begins with the last path", meeting, "union", last_start, ("paths", "residual"),
          "receptive_field"),
    Fault("the gate of squeeze-and-excite not marked global", _pools.GlobalPool, "receptive_field",
          lambda right: local_mean, ("squeeze_excite", "gated"), "receptive_field"),
    Fault("nearest upsampling reads the next position", load("upsample"), "_resampling",
          lambda right: lambda self, axis, size, outputs: later(right(self, axis, size, outputs)),
          ("upsample",), "receptive_field"),
    Fault("interpolation reads one position", load("upsample"), "taps", lambda right: lambda self: 0, ("upsample",),
          "receptive_field"),
    Fault("adaptive cells that never overlap", _pools, "cells",
          lambda right: lambda inputs, outputs: shorter(right(inputs, outputs)),
          ("adaptive_avg_pool", "adaptive_max_pool"), "receptive_field"),
    Fault("a transposed field over a zero-stuffed grid", moving, "through_transposed",
          lambda right: lambda axis, w, outputs: Reach(w.extent, 1, 0), ("conv_transpose",), "receptive_field"),
    Fault("axes that leave their positions behind", load("permute"), "receptive_field",
          lambda right: own_path, ("turned",), "receptive_field"),
    Fault("tensors end to end see each other's positions", load("concat"), "receptive_field",
          lambda right: Kind.receptive_field, ("concat",), "receptive_field"),
    Fault("group_norm sees its position alone", load("group_norm"), "receptive_field", lambda right: own_path,
          ("group_norm",), "receptive_field"),
    Fault("a token sees itself alone", load("attention"), "receptive_field", lambda right: own_path,
          ("attention", "tokens"), "receptive_field"),
    Fault("a step sees itself alone", load("gru"), "receptive_field", lambda right: own_path, ("gru",),
          "receptive_field"),
    Fault("softmax sees its position alone", load("softmax"), "receptive_field", lambda right: own_path,
          ("softmax",), "receptive_field"),
    Fault("a slice that begins at 0", load("slice"), "ends",
          lambda right: lambda self, x: (0, right(self, x)[1] - right(self, x)[0]), ("slice",), "identities"),
    Fault("a slice's field begins at 0", load("slice"), "receptive_field",
          lambda right: lambda self, fields, inputs: right(replace(self, start=0, end=None), fields, inputs),
          ("slice",), "receptive_field"),
    Fault("pixel_unshuffle moves by one position", load("pixel_unshuffle"), "receptive_field",
          lambda right: lambda self, fields, inputs: windowed(
              fields[0], [Window(self.downscale_factor)] * (len(inputs[0]) - 1), self.shape(*inputs)),
          ("pixel_unshuffle",), "receptive_field"),
]  # fmt: skip


def later(right: Resampling) -> Resampling:
    """A resampling that reads one position further on."""

    def sources(position: int) -> range:
        places = right.sources(position)
        return range(places.start + 1, places.stop + 1, places.step)

    return replace(right, sources=sources)


def shorter(right: Resampling) -> Resampling:
    """A resampling whose every position reads up to where the next one begins."""

    def sources(position: int) -> range:
        start, end = (min(right.sources(place)) for place in (position, position + 1))
        return range(start, max(end, start + 1))

    return replace(right, sources=sources)


def changed(**fields: Callable[[Any], Any]) -> Callable[[Formula], Any]:
    """A reference that is told other fields than were written."""

    def made(right: Formula) -> Any:
        def wrong(engine: Any, given: Any, weights: Any, *inputs: Any) -> Any:
            values = {**vars(given), **{name: change(getattr(given, name)) for name, change in fields.items()}}
            return right(engine, SimpleNamespace(**values), weights, *inputs)

        return staticmethod(wrong)

    return made


def entering(change: Callable[..., Any]) -> Callable[[Formula], Any]:
    """A reference that gets other inputs."""
    return lambda right: staticmethod(lambda engine, fields, weights, *xs: right(engine, fields, weights, *change(*xs)))


def leaving(change: Callable[..., Any]) -> Callable[[Formula], Any]:
    """A reference whose output becomes another: from it, the fields, and what entered."""
    return lambda right: staticmethod(
        lambda engine, fields, weights, *xs: change(right(engine, fields, weights, *xs), fields, *xs)
    )


def weighed(name: str, change: Callable[[Any], Any]) -> Callable[[Formula], Any]:
    """A reference that gets another array of that name."""

    def made(right: Formula) -> Any:
        def wrong(engine: Any, fields: Any, weights: Any, *xs: Any) -> Any:
            other = {**weights, name: change(weights[name])} if name in weights else weights
            return right(engine, fields, other, *xs)

        return staticmethod(wrong)

    return made


def mirrored(kernel: Any) -> Any:
    """A kernel with its taps in reverse on every axis."""
    return np.flip(kernel, axis=tuple(range(2, kernel.ndim)))


def dealt(x: Any, groups: int) -> Any:
    """Channels of all groups in turn."""
    return x.reshape(len(x), groups, -1, *x.shape[2:]).swapaxes(1, 2).reshape(x.shape)


def swapped(offset: Any, fields: Any) -> Any:
    """Offsets with their axes in reverse."""
    rank = len(fields.kernel_size)
    return offset.reshape(len(offset), -1, rank, *offset.shape[2:])[:, :, ::-1].reshape(offset.shape)


def value(what: str, kind: str, wrong: Callable[[Formula], Any], *subjects: str) -> Fault:
    """A reference that computes other values; what it claims stays right."""
    return Fault(what, load(kind), "reference", wrong, subjects or (kind,), "identities")


VALUES = [
    value("a kernel mirrored", "conv", weighed("weight", mirrored)),
    value("a transposed kernel mirrored", "conv_transpose", weighed("weight", mirrored)),
    value("a bias added twice", "conv", weighed("bias", lambda bias: 2 * bias)),
    value("padding of zeros whatever the mode", "conv", changed(padding_mode=lambda mode: "zeros")),
    value("padding at the ends exchanged", "conv", changed(
        padding=lambda padding: {"same": "same_lower"}.get(padding, padding) if isinstance(padding, str) else padding)),
    value("groups taken in turn", "conv", lambda right: staticmethod(
        lambda engine, fields, weights, x: right(engine, fields, weights, dealt(x, fields.groups)))),
    value("a linear layer's bias counted and not added", "linear", weighed("bias", lambda bias: 0 * bias)),
    value("offsets with axes exchanged", "deform_conv", lambda right: staticmethod(
        lambda engine, fields, weights, x, offset, *mask:
            right(engine, fields, weights, x, swapped(offset, fields), *mask))),
    value("offsets the other way", "deform_conv", entering(lambda x, offset, *mask: (x, -offset, *mask))),
    value("a mask ignored", "deform_conv", entering(lambda x, offset, *mask: (x, offset))),
    value("offsets rounded", "deform_conv", entering(lambda x, offset, *mask: (x, np.floor(offset), *mask))),
    value("max pooling over padding of zeros", "max_pool", leaving(
        lambda y, fields, x: np.maximum(y, 0) if np.any(fields.padding) else y)),
    value("padding never counted in a mean", "avg_pool", changed(count_include_pad=lambda flag: False)),
    value("a sum for a mean", "global_avg_pool", leaving(lambda y, fields, x: y * np.prod(x.shape[2:]))),
    value("cells that keep their first position", "adaptive_max_pool", leaving(
        lambda y, fields, x: x[tuple(slice(0, size) for size in y.shape)] if y.size <= x.size else y)),
    value("aligned corners ignored", "upsample", changed(align_corners=lambda flag: False)),
    value("linear interpolation for nearest", "upsample", changed(
        mode=lambda mode: "linear" if mode == "nearest" else mode)),
    value("channels spread in another order", "pixel_shuffle", entering(lambda x: (x[:, ::-1],))),
    value("a shuffle of its own groups", "channel_shuffle", leaving(lambda y, fields, x: y[:, ::-1])),
    value("attention that is not scaled", "attention", weighed(
        "in_proj_weight", lambda weight: weight * np.linspace(1, 2, len(weight))[:, None])),
    value("tokens attended to in order", "attention", leaving(
        lambda y, fields, x: y + np.arange(x.shape[-2])[:, None])),
    value("both directions forwards", "lstm", changed(
        direction=lambda direction: {"reverse": "forward"}.get(direction, direction))),
    value("a gate that is shut", "lstm", weighed("weight_hh", lambda weight: 0 * weight)),
    value("the reset before the product", "gru", changed(reset_after=lambda flag: False)),
    value("the first state for the last", "rnn", changed(
        direction=lambda direction: {"forward": "reverse", "reverse": "forward"}.get(direction, direction))),
    value("softmax along another axis", "softmax", changed(axis=lambda axis: -1)),
    value("a logarithm of another base", "log_softmax", leaving(lambda y, fields, x: y / np.log(2))),
    value("the variance of a sample", "layer_norm", leaving(lambda y, fields, x: y * 0.9)),
    value("a standard deviation not taken the root of", "batch_norm", weighed("running_var", np.square)),
    value("a scale that is not learned", "batch_norm", weighed("weight", np.ones_like)),
    value("groups of a norm in turn", "group_norm", lambda right: staticmethod(
        lambda engine, fields, weights, x: dealt(
            right(engine, fields, weights, dealt(x, fields.num_groups)), x.shape[1] // fields.num_groups))),
    value("eps outside of the root", "instance_norm", changed(eps=np.square)),
    value("neighbours from the wrong side", "local_response_norm", entering(lambda x: (np.roll(x, 1, axis=1),))),
    value("a scale added", "scale", leaving(lambda y, fields, x: x + y)),
    value("a slope for all channels", "prelu", weighed("weight", lambda slopes: slopes[:1] + 0 * slopes)),
    value("a relu that leaks", "relu", leaving(lambda y, fields, x: np.where(x < 0, 0.01 * x, y))),
    value("gelu always exact", "gelu", changed(approximate=lambda approximate: "none")),
    value("hard_swish without its sixth", "hard_swish", leaving(lambda y, fields, x: 6 * y)),
    value("tensors laid in reverse", "concat", entering(lambda *xs: xs[::-1])),
    value("the second tensor left out", "add", leaving(lambda y, fields, *xs: y - 0.5 * xs[0].mean())),
    value("a product of the first with itself", "mul", leaving(lambda y, fields, *xs: y + y)),
    value("a slice from the end", "slice", leaving(lambda y, fields, x: np.flip(y, fields.axis % (x.ndim - 1) + 1))),
    value("parts counted from the end", "split", lambda right: staticmethod(
        lambda engine, fields, weights, x: right(
            engine, SimpleNamespace(**{**vars(fields), "part": fields.sections - 1 - fields.part}), weights, x))),
    value("a crop of the other end", "crop", leaving(
        lambda y, fields, x: np.flip(x, tuple(range(2, x.ndim)))[tuple(slice(0, size) for size in y.shape)])),
    value("reflected with the edge", "pad", changed(
        mode=lambda mode: {"reflect": "replicate"}.get(mode, mode)), "conv"),
    value("elements in another order", "reshape", lambda right: staticmethod(
        lambda engine, fields, weights, x: right(
            engine, fields, weights, x.reshape(len(x), -1)[:, ::-1].reshape(x.shape)))),
    value("dropout at inference", "dropout", leaving(lambda y, fields, x: y * (1 - fields.p))),
]  # fmt: skip


FAULTS = [*SHAPES, *PARAMS, *MACS, *OPERATIONS, *FIELDS, *VALUES]


def tried(subjects: tuple[str, ...], cases: int = CASES) -> Battery:
    return battery(subjects, cases=cases, most_tries=0)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.what)
def test_the_battery_finds(fault: Fault, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fault.owner, fault.name, fault.wrong(getattr(fault.owner, fault.name)))
    for cases in (5, CASES):  # few are enough for most
        outcome = tried(fault.subjects, cases)
        if any(result.columns[fault.column].disagreements for result in outcome.results):
            return
    pytest.fail(f"not found: {outcome}")


def test_without_a_fault_it_finds_nothing() -> None:
    subjects = tuple(dict.fromkeys(subject for fault in FAULTS for subject in fault.subjects))
    assert [result for result in tried(subjects, cases=4).results if not result.agrees] == []


def test_there_are_faults_in_every_column() -> None:
    assert {fault.column for fault in FAULTS} == {
        *("shape", "params", "macs", "elementwise_ops", "receptive_field", "identities")
    }
    assert len({fault.what for fault in FAULTS}) == len(FAULTS) >= 100
