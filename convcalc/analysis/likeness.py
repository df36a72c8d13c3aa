"""Whether two layers do the same in other words.

`same` padding or the numbers that it comes to, a linear layer or a convolution of one tap, a pool over all positions
or one whose window is as large as the map.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from math import isclose, prod
from typing import Any

import msgspec

from convcalc.layers import Kind, Shape
from convcalc.network import Node

_BY_WINDOW = {"kernel_size", "stride", "dilation", "padding", "ceil_mode", "bias"}
"""Fields of which windows and arrays tell more than their words."""
_BY_SHAPE = {"keepdim", "size", "scale_factor", "bias"}
"""Fields that say in other words what the shapes say."""


class Standing(msgspec.Struct, frozen=True):
    """A layer where it stands: the shape that enters it, and by how much what enters was padded before each axis."""

    node: Node
    entering: Shape
    padded: dict[int, int]

    @property
    def befores(self) -> tuple[int, ...]:
        """Positions of padding before the first on each axis, as far as a window may see them."""
        return tuple(before for *_, before in self._windows())

    @property
    def windows(self) -> list[tuple[int, ...]]:
        """Kernel, stride and dilation on each axis that has more than one position; the rest is in the shapes."""
        return [tuple(window) for *window, _ in self._windows()]

    def _windows(self) -> Iterator[tuple[int, int, int, int]]:
        config: Any = self.node.config
        for axis, window in enumerate(config.windows(self.entering), start=1):
            before = window.before + self.padded.get(axis, 0)
            if (window.kernel, window.before, window.after, self.entering[axis]) != (1, 0, 0, 1):
                stride = window.stride if self.node.shape[axis] > 1 else 1
                yield window.kernel, stride, window.dilation if window.kernel > 1 else 1, before


def is_alike(base: Standing, head: Standing) -> bool:
    """Whether two layers do the same to what enters, a bias, the place of the window and numbers like `eps` aside."""
    before, after = base.node.config, head.node.config
    if positions(base.node.shape) != positions(head.node.shape):
        return False
    if base.node.kind == head.node.kind:
        aside = _BY_WINDOW if before.is_windowed else _BY_SHAPE
        return (not before.is_windowed or base.windows == head.windows) and not _differing(before, after, aside)
    if before.is_pool and after.is_pool:
        is_one = all(prod(place.node.shape[1:]) == 1 for place in (base, head))
        is_kind = _pooled(base.node.kind) == _pooled(head.node.kind)
        return is_one and is_kind and prod(base.entering) == prod(head.entering)
    if before.scales_channels and after.scales_channels:
        return sum(map(prod, before.weights(base.entering).values())) == sum(
            map(prod, after.weights(head.entering).values())
        )
    return all(place.node.config.is_linear or _is_dense(place) for place in (base, head))


def is_placed_alike(base: Standing, head: Standing) -> bool:
    """Whether the windows of two layers that are alike begin at the same position."""
    if not (base.node.config.is_windowed and head.node.config.is_windowed) or base.node.kind != head.node.kind:
        return True
    return base.befores == head.befores


def numbers(before: Kind, after: Kind) -> dict[str, tuple[float, float]]:
    """The numbers that differ in two layers of one kind, as far as a float32 tells them apart."""
    if type(before) is not type(after):
        return {}
    first, second = msgspec.structs.asdict(before), msgspec.structs.asdict(after)
    pairs = {name: (value, second[name]) for name, value in first.items()}
    return {name: pair for name, pair in pairs.items() if _are_numbers(*pair) and not isclose(*pair, rel_tol=1e-6)}


def positions(shape: Shape) -> Shape:
    """The axes of more than one position."""
    return tuple(size for size in shape if size != 1)


def _differing(before: Kind, after: Kind, aside: Collection[str]) -> list[str]:
    """The fields that differ in other things than a number."""
    first, second = msgspec.structs.asdict(before), msgspec.structs.asdict(after)
    pairs = {name: (value, second[name]) for name, value in first.items() if name not in aside}
    return [name for name, pair in pairs.items() if pair[0] != pair[1] and not _are_numbers(*pair)]


def _are_numbers(first: object, second: object) -> bool:
    both = {type(first), type(second)}
    return both <= {float, int} and float in both


def _is_dense(place: Standing) -> bool:
    """Whether a convolution has one tap, or sees all there is at once: it is a linear layer then."""
    config: Any = place.node.config
    if not (config.is_convolution and config.is_windowed and config.groups == 1) or any(place.befores):
        return False
    sizes = [size for size in place.entering[1:] if size != 1]
    windows = place.windows
    has_one_tap = all(kernel == stride == 1 for kernel, stride, _ in windows)
    return has_one_tap or ([kernel for kernel, _, _ in windows] == sizes and prod(place.node.shape[1:]) == 1)


def _pooled(kind: str) -> str:
    return kind.removeprefix("global_").removeprefix("adaptive_")
