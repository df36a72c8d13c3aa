"""What can be built and may not be what is meant: axes of an input in another order, a linear layer on a map.

Each function looks at nodes that are built and gives what to say: a rule's code, a message, advice; None for nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from convcalc.arithmetic.number import product
from convcalc.layers import Kind, Shape
from convcalc.network import Node


class Misreading(NamedTuple):
    """A rule's code, what is said, and what to write instead."""

    code: str
    message: str
    advice: str


_IMAGE_CHANNELS = (1, 3, 4)
_LEAST_SIDE = 8
"""Positions along an axis from which on it may be that of an image."""
_MANY_TIMES = 32
"""How many times as long as its channels a sequence is, from which on it is told which axis is which."""


def linear_on_map(x: Shape, out_features: int) -> Misreading | None:
    """A linear layer on the last axis of a map, whose positions nothing has laid out as features."""
    rows = product(x[:-1])
    if rows == 1:
        return None
    message = (
        f"linear multiplies the last axis alone, of {_counted(x[-1])}, in each of {rows:,} rows of this map of "
        f"{_shown(x)}"
    )
    advice = (
        "write `flatten` or `global_avg_pool` before it, or in its place `conv: {out_channels: "
        f"{out_features}, kernel_size: 1}}` if each position is meant"
    )
    return Misreading("CC116", message, advice)


def is_map(node: Node, after_map: bool) -> bool:
    """Whether a tensor has channels first and positions behind; `after_map`: one that enters does."""
    if node.is_input:
        return len(node.shape) == 3 and node.shape[0] in _IMAGE_CHANNELS and node.shape[1] == node.shape[2] > 1
    return (node.config.is_map and len(node.shape) > 1) or (after_map and _keeps_axes(node.config))


def _keeps_axes(kind: Kind) -> bool:
    """Whether the axes of the output are those of the input, in their order."""
    return kind.keeps_axes or kind.is_normalisation or type(kind).receptive_field is Kind.receptive_field


def order_of_axes(nodes: Sequence[Node], index: int) -> Misreading | None:
    """An input that begins with a batch axis, or ends with the channels."""
    shape = nodes[index].shape
    begins_with_batch = _begins_with_batch(shape)
    if not begins_with_batch and not ends_with_channels(shape):
        return None
    kernels = list(_first_kernels(nodes, index))
    if any(len(kernel) != len(shape) - 1 or len(set(kernel)) > 1 for kernel in kernels):
        return None  # whoever writes a kernel axis by axis knows which is which
    message = f"reads as {_counted(shape[0], 'channel')} of {_shown(shape[1:])} positions"
    if begins_with_batch:
        return Misreading("CC117", f"{message}: there is no batch axis in a spec", f"write {list(shape[1:])}")
    if any(kernel[0] > 1 for kernel in kernels):
        meant = [shape[-1], *shape[:-1]]
        return Misreading("CC118", f"{message}: channels come first in a spec", f"write {meant}")
    return None


def _begins_with_batch(shape: Shape) -> bool:
    """N x C x H x W read as a map of three axes, the first of which is short; or 1 x C x T as one of two."""
    if len(shape) == 4:
        return shape[1] in _IMAGE_CHANNELS and min(shape[2:]) >= _LEAST_SIDE
    return len(shape) == 3 and shape[0] == 1 and shape[1] in (1, 2, 3) and shape[2] >= _MANY_TIMES * 3


def ends_with_channels(shape: Shape) -> bool:
    """H x W x C or T x C, as other frameworks have it."""
    *sizes, channels = shape
    if len(shape) == 2:
        return channels in (1, 2, 3) and sizes[0] >= _MANY_TIMES * 3
    is_square = len(shape) == 3 and sizes[0] == sizes[1]
    return channels in (_IMAGE_CHANNELS if is_square else (1, 3)) and min(sizes, default=0) >= 2 * _LEAST_SIDE


def _first_kernels(nodes: Sequence[Node], index: int) -> Iterator[tuple[int, ...]]:
    """The kernels of the windows that read an input, past what works on each element."""
    same = {index}
    for place, node in enumerate(nodes):
        if node.is_input or not same.intersection(node.inputs):
            continue
        if node.config.is_windowed or node.config.is_transposed:
            yield node.config.kernel_size  # type: ignore[attr-defined]  # all windows have one
        elif _keeps_axes(node.config):
            same.add(place)


def _counted(number: int, noun: str = "position") -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def _shown(sizes: Shape) -> str:
    return "x".join(map(str, sizes))
