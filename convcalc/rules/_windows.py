"""The windows of convolutions and poolings, an axis at a time: what they read, and what stays unread."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

import msgspec

from convcalc.arithmetic.window import Window
from convcalc.fields import PaddingType, PerAxis
from convcalc.language.writing import value_text
from convcalc.layers import Kind, Shape
from convcalc.layers._windows import shown_sizes
from convcalc.network import Node
from convcalc.rules._subject import Subject

_MOST_TAPS = 4096
"""Taps of a window that are looked at one by one; a longer one is passed over."""


class Windowed(msgspec.Struct, frozen=True):
    """A convolution or pooling with its windows, the sizes that enter and those that leave, an entry for each axis."""

    index: int
    node: Node
    windows: tuple[Window, ...]
    sizes: tuple[int, ...]
    outputs: tuple[int, ...]

    @property
    def axes(self) -> Iterator[tuple[Window, int, int]]:
        """Of every axis the window, the size and the outputs."""
        return zip(self.windows, self.sizes, self.outputs, strict=True)

    @property
    def pads_with_zeros(self) -> bool:
        """Whether the padding holds nothing, and not a copy of the input."""
        return getattr(self.node.config, "padding_mode", "zeros") == "zeros"


def windowed(subject: Subject) -> Iterator[Windowed]:
    """The convolutions and poolings that have axes, in the order they run."""
    for layer in _windowed(subject):
        subject.at = layer.index
        yield layer


@lru_cache(maxsize=1)
def _windowed(subject: Subject) -> tuple[Windowed, ...]:
    nodes = subject.network.nodes
    layers = []
    for index, node in enumerate(subject.network.layers, subject.network.input_count):
        if node.config.is_windowed and len(node.shape) > 1:
            x = nodes[node.inputs[0]].shape
            layers.append(Windowed(index, node, windows_of(node.config, x), x[1:], node.shape[1:]))
    return tuple(layers)


@lru_cache(maxsize=512)
def windows_of(config: Any, x: Shape) -> tuple[Window, ...]:
    """The windows on the axes of a tensor of that shape; none for a kind that has none."""
    windows: tuple[Window, ...] = config.windows(x) if config.is_windowed else ()
    return windows


def rounds_up(config: Kind) -> bool:
    """Whether a last window that reaches beyond the end is kept."""
    return bool(getattr(config, "ceil_mode", False))


def left_over(window: Window, size: int) -> int:
    """Positions of the padded axis behind the last window."""
    return (size + window.before + window.after - window.extent) % window.stride


def never_reached(window: Window, size: int) -> int:
    """Positions at the end of an axis, padding not counted, behind the last of windows that leave no gaps."""
    if window.extent < window.stride:
        return 0
    return min(max(left_over(window, size) - window.after, 0), size)


def residues(window: Window) -> int:
    """How many of the stride's residues the taps have: fewer than the stride, and positions are skipped."""
    return min(window.kernel, window.stride // math.gcd(window.stride, window.dilation))


def read(window: Window, size: int, outputs: int) -> int:
    """Positions of an axis that any window reads, for a window whose taps have few of the residues."""
    if outputs * window.kernel > 2**16:  # long enough for the ends not to matter
        return size * residues(window) // window.stride
    return len(
        {
            place
            for first in range(-window.before, outputs * window.stride - window.before, window.stride)
            for place in range(first, first + window.extent, window.dilation)
            if 0 <= place < size
        }
    )


def meetings(window: Window, size: int, outputs: int) -> list[int] | None:
    """For every tap, the outputs at which it meets data and not padding; None for a window of very many taps."""
    if window.kernel > _MOST_TAPS:
        return None
    counts = []
    for tap in range(window.kernel):
        offset = tap * window.dilation - window.before
        first = max(0, -(offset // window.stride))
        last = min(outputs - 1, (size - 1 - offset) // window.stride)
        counts.append(max(0, last - first + 1))
    return counts


def touches_padding(window: Window, size: int, outputs: int) -> bool:
    """Whether any output looks at padding."""
    return window.before > 0 or window.span(outputs) > size + window.before


def redilated(window: Window, dilation: int) -> Window:
    """The window at another dilation, with as much less padding as it is shorter: its outputs stay as many."""
    shorter = (window.dilation - dilation) * (window.kernel - 1)
    before = window.before - shorter // 2
    return Window(window.kernel, window.stride, dilation, before, window.after - shorter + shorter // 2)


def is_causal(node: Node, window: Window) -> bool:
    """Whether a window looks at nothing that comes after its output, on purpose.

    Written as numbers, that is all padding before; on maps two taps padded so are rather one of two sides in turn.
    """
    padding = getattr(node.config, "padding", None)
    if isinstance(padding, str):
        return padding == "causal"
    is_wide = window.extent > 2 or (window.extent == 2 and len(node.shape) == 2)
    return is_wide and window.stride == 1 and window.before == window.extent - 1 and window.after == 0


def shown(numbers: tuple[int, ...]) -> str:
    """A number for each axis: 3, or 3x1 where they differ."""
    return str(numbers[0]) if len(set(numbers)) == 1 else shown_sizes(numbers)


def counted(number: float, noun: str) -> str:
    """1 position, 2 positions."""
    return f"{number:g} {noun}" if number == 1 else f"{number:g} {noun}s"


def per_axis(numbers: Sequence[int]) -> str:
    """A number for each axis as a field takes it: 3, or [3, 1] where they differ."""
    return value_text(PerAxis("").written(tuple(numbers)))


def pads(pairs: Sequence[tuple[int, int]]) -> str:
    """Padding as the field takes it: 1, [1, 2] an axis, or [[0, 1], [0, 1]]."""
    return value_text(PaddingType("").written(tuple(pairs)))
