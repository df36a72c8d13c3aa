"""A convolution whose input has already seen the whole image along every path.

Once the shortest path to a layer has a field as large as the input, further windows find no context that is new: such
layers hardly advance what the net knows, and nets without them are as accurate with fewer weights.

Flagged is a convolution of more than one tap if, on every axis, the field of the shortest path that ends in it is
larger than the input, and that of the shortest path that enters it at least as large. It is an info where that is so
on some axes alone; on sequences and for depthwise convolutions, which are not what the evidence is about; and where the
map that enters is no larger than the padded window on any axis, so that it acts as a fully connected layer.

Not flagged: nets with an output for every position, of which the evidence says nothing; paths through a gate or
global pooling, which have no end, are left out; a window without padding that leaves one position, a fully connected
layer on purpose.

False positives: evidence is from classification on images; textures, and nets linted at a toy size.

Source: Richter, Byttner, Krumnack, Wiedenroth, Schallner and Shenk, Should you go deeper? (ICMLA 2021,
arXiv:2106.12307), border layer, with the minimum field as in the authors' rfa_toolbox.

Flagged:
    input: [3, 8, 8]
    layers:
      - conv: {out_channels: 8, kernel_size: 5, padding: 2}
      - conv: {out_channels: 8, kernel_size: 5, padding: 2}
      - conv: {out_channels: 8, kernel_size: 3, padding: 1} # <- CC208
      - global_avg_pool
      - linear: 10

Allowed:
    input: [3, 11, 11]
    layers:
      - conv: {out_channels: 8, kernel_size: 5, padding: 2}
      - conv: {out_channels: 8, kernel_size: 5, padding: 2}
      - add: {branches: [[], [squeeze_excite: {reduction: 2}]]}
      - conv: {out_channels: 8, kernel_size: 3, padding: 1}
      - conv: {out_channels: 8, kernel_size: 1}
      - global_avg_pool
      - linear: 10
"""

from __future__ import annotations

from collections.abc import Iterator

from convcalc.layers._windows import shown_sizes
from convcalc.rules._border import convolutions
from convcalc.rules._graph import is_depthwise
from convcalc.rules._paths import Path
from convcalc.rules._subject import Problem, Subject
from convcalc.rules._windows import Windowed, per_axis, shown

SEVERITY = "warning"


def check(subject: Subject) -> Iterator[Problem]:
    """Convolutions behind a field as large as the input."""
    for layer, entering, leaving in convolutions(subject):
        seen = [
            axis
            for axis, (before, after) in enumerate(zip(entering, leaving, strict=True))
            if after.size > after.limit and before.size >= before.limit
        ]
        if any(layer.windows[axis].kernel > 1 for axis in seen):
            yield _seen(subject, layer, entering, seen)
        elif _acts_as_fully_connected(layer):
            yield _fully_connected(subject, layer)


def _seen(subject: Subject, layer: Windowed, entering: tuple[Path, ...], axes: list[int]) -> Problem:
    row = subject.row(layer.index)
    sizes = tuple(int(entering[axis].size) for axis in axes)
    limits = tuple(entering[axis].limit for axis in axes)
    partly = len(axes) < len(entering)
    along = f" along axis {', '.join(map(str, axes))}" if partly else ""
    kernel = shown_sizes(tuple(window.kernel for window in layer.windows))
    return subject.problem(
        layer.index,
        f"{layer.node.name}: the shortest path already sees {shown(sizes)} positions of an input of {shown(limits)}"
        f"{along} before this {kernel}, which adds none: {row.params:,} params and {row.macs:,} MACs",
        f"remove it, stride less before it, or use an input of {per_axis([size + 1 for size in sizes])} or more{along}",
        severity="info" if partly or len(entering) == 1 or is_depthwise(subject, layer.index) else "",
    )


def _acts_as_fully_connected(layer: Windowed) -> bool:
    on_purpose = set(layer.outputs) == {1} and all(window.before == window.after == 0 for window in layer.windows)
    return not on_purpose and all(size <= window.extent for window, size, _ in layer.axes)


def _fully_connected(subject: Subject, layer: Windowed) -> Problem:
    extents = tuple(window.extent for window in layer.windows)
    return subject.problem(
        layer.index,
        f"{layer.node.name}: its window of {shown(extents)} is as large as the map of {shown(layer.sizes)}: it acts as "
        f"a fully connected layer, with {subject.row(layer.index).params:,} params",
        f"give it a map of {per_axis([extent + 1 for extent in extents])} or more, or pool and use linear",
        severity="info",
    )
