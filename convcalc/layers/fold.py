"""Fold: columns laid back where windows took them from, and added up where windows overlap; col2im.

Example:
    input: [12, 49]
    layers:
      - fold: {output_size: [8, 8], kernel_size: 2}
    # output 3x8x8, params 0, macs 0

The opposite of unfold, whose columns these are: [channels·taps, windows] of a map of `output_size`. Numbers that are
one for all axes need not be repeated. Each element that enters is added to what is there: an element-wise operation,
also of those that fall on `padding`, which is cut off.

Source: PyTorch nn.Fold, for maps of any number of axes; ONNX Col2Im.
"""

import random
from collections.abc import Iterator, Sequence
from typing import Annotated

from msgspec.structs import replace

from convcalc.arithmetic.field import Field
from convcalc.arithmetic.moving import transposed
from convcalc.arithmetic.number import product
from convcalc.arithmetic.window import Window
from convcalc.fields import Listed
from convcalc.layers import Array, Arrays, Check, Engine, Fields, Kind, OnnxGraph, Shape, StandIn, Unprobed
from convcalc.layers._carried import reshaped
from convcalc.layers._onnx import shaped
from convcalc.layers._windows import shown_sizes
from convcalc.layers.unfold import Unfold

_One = tuple[int, ...]


class Fold(Kind, frozen=True, kw_only=True):
    output_size: Annotated[_One, Listed("positions of the map on each axis", minimum=1)]
    kernel_size: Annotated[_One, Listed("taps on each axis", minimum=1)]
    stride: Annotated[_One, Listed("positions the window moves", minimum=1)] = (1,)
    padding: Annotated[_One, Listed("positions around the map that are cut off, as many before as after")] = (0,)
    dilation: Annotated[_One, Listed("distance between taps", minimum=1)] = (1,)

    def _windows(self) -> list[Window]:
        axes = (_each(numbers, self) for numbers in (self.kernel_size, self.stride, self.dilation, self.padding))
        return [Window(k, s, d, p, p) for k, s, d, p in zip(*axes, strict=True)]

    def _counts(self) -> list[int]:
        """Windows on each axis."""
        return [window.outputs(size) for window, size in zip(self._windows(), self.output_size, strict=True)]

    def checks(self, x: Shape) -> Iterator[Check]:
        axes = len(self.output_size)
        yield Check(len(x) == 2, "CC013", "", _no_columns, (x,))
        for name in ("kernel_size", "stride", "padding", "dilation"):
            numbers = getattr(self, name)
            yield Check(len(numbers) in (1, axes), "CC011", name, _other_rank, (name, len(numbers), axes))
        if len(x) != 2 or any(
            len(n) not in (1, axes) for n in (self.kernel_size, self.stride, self.padding, self.dilation)
        ):
            return
        for window, size in zip(self._windows(), self.output_size, strict=True):
            padded = size + window.before + window.after
            yield Check(window.extent <= padded, "CC101", "kernel_size", _too_wide, (window.extent, padded))
        taps = product(_each(self.kernel_size, self))
        yield Check(x[0] % taps == 0, "CC102", "kernel_size", _undivided, (x[0], taps))
        yield Check(x[1] == product(self._counts()), "CC103", "", _other_count, (x, self._counts()))

    def shape(self, x: Shape) -> Shape:
        return (x[0] // product(_each(self.kernel_size, self)), *self.output_size)

    def elementwise_ops(self, x: Shape) -> int:
        return product(x)

    def receptive_field(self, fields: tuple[Field, ...], inputs: tuple[Shape, ...]) -> Field:
        (x,), counts = inputs, self._counts()
        apart = reshaped(fields[0], x, (x[0], *counts), [([0], [0]), ([1], list(range(1, 1 + len(counts))))])
        return transposed(apart.collapsed([0]), self._windows(), self.shape(x))

    def unbounded(self, axis: int | None, inputs: tuple[Shape, ...]) -> Kind:
        if len(self.output_size) > 1:
            raise Unprobed("positions of one axis become those of several")
        return StandIn(of=self, run=_lengthened)

    def thin(self, axis: int | None, inputs: tuple[Shape, ...]) -> Kind:
        if len(self.output_size) > 1:
            raise Unprobed("positions of one axis become those of several")
        return self if axis == 1 else Fold(output_size=(1,), kernel_size=(1,))

    def onnx(self, graph: OnnxGraph, inputs: tuple[str, ...], shapes: tuple[Shape, ...]) -> str:
        kernel, stride, padding, dilation = (
            _each(numbers, self) for numbers in (self.kernel_size, self.stride, self.padding, self.dilation)
        )
        if len(kernel) == 1:  # as two axes, of which runtimes know more than of one
            kernel, stride, dilation, padding = (1, *kernel), (1, *stride), (1, *dilation), (0, *padding)
        sizes = (*[1] * (len(kernel) - len(self.output_size)), *self.output_size)
        map_, window = graph.constant(list(sizes)), graph.constant(list(kernel))
        pads = (*padding, *padding)
        y = graph.node("Col2Im", *inputs, map_, window, strides=stride, pads=pads, dilations=dilation)
        return y if len(sizes) == len(self.output_size) else shaped(graph, y, self.shape(*shapes))

    def summary(self) -> str:
        return f"{shown_sizes(_each(self.kernel_size, self))} to {shown_sizes(self.output_size)}"

    @classmethod
    def case(cls, draw: random.Random) -> tuple[Kind, tuple[Shape, ...]]:
        """ONNX Runtime lays dilated windows of three axes wrongly, and so has none to be held against."""
        unfold, (x,) = Unfold.case(draw)
        if len(x) > 3:
            unfold = replace(unfold, dilation=(1,) * (len(x) - 1))
        padding = tuple(before for before, _ in unfold.padding)  # type: ignore[attr-defined]
        even = Unfold(**{name: getattr(unfold, name) for name in ("kernel_size", "stride", "dilation")},
                      padding=tuple((p, p) for p in padding))  # fmt: skip
        fields = {name: getattr(even, name) for name in ("kernel_size", "stride", "dilation")}
        return cls(output_size=x[1:], padding=padding, **fields), (even.shape(x),)

    @staticmethod
    def reference(engine: Engine, fields: Fields, weights: Arrays, x: Array) -> Array:
        kernel, stride, padding, dilation = (
            _each(numbers, fields) for numbers in (fields.kernel_size, fields.stride, fields.padding, fields.dilation)
        )
        padded = [size + 2 * more for size, more in zip(fields.output_size, padding, strict=True)]
        axes = zip(padded, kernel, stride, dilation, strict=True)
        counts = [len(range(0, size - d * (k - 1), s)) for size, k, s, d in axes]
        columns = x.reshape(len(x), -1, *kernel, *counts)
        y = engine.overlaid(columns, padded, stride, dilation)
        return y[(..., *(slice(p, size - p) for p, size in zip(padding, padded, strict=True)))]


def _each(numbers: Sequence[int], fields: Fields) -> tuple[int, ...]:
    """One number an axis, of a list that may hold one for all."""
    return tuple(numbers) * len(fields.output_size) if len(numbers) == 1 else tuple(numbers)


def _lengthened(engine: Engine, fields: Fields, weights: Arrays, x: Array) -> Array:
    """Any number of columns of one channel, all of whose taps are the same, on a map that is as much longer."""
    window = fields._windows()[0]
    taps = x.repeat(window.kernel, 1) if x.shape[1] == 1 else x
    longer = window.stride * (x.shape[2] - fields._counts()[0])
    fields = Fold(
        output_size=(fields.output_size[0] + longer,), kernel_size=fields.kernel_size, stride=fields.stride,
        padding=fields.padding, dilation=fields.dilation,
    )  # fmt: skip
    return Fold.reference(engine, fields, weights, taps)


def _no_columns(x: Shape) -> str:
    return f"a tensor of shape {list(x)} holds no columns; legal here: [channels·taps, windows]"


def _other_rank(name: str, count: int, axes: int) -> str:
    return f"{name} has {count} numbers for the {axes} axes of output_size; legal here: 1 or {axes}"


def _too_wide(extent: int, padded: int) -> str:
    return f"a window of {extent} positions does not fit a padded axis of {padded}; legal here: up to {padded}"


def _undivided(channels: int, taps: int) -> str:
    return f"{taps} taps do not divide columns of {channels}; legal here: channels times taps"


def _other_count(x: Shape, counts: Sequence[int]) -> str:
    windows = f" ({'·'.join(map(str, counts))})" if len(counts) > 1 else ""
    return f"{x[1]} columns, one for each window; legal here: {product(counts)}{windows}"
