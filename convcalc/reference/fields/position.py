"""Which layer and which position of its output are looked at, and what the theory says that this position sees."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from convcalc.analysis.analyze import measured, receptive_fields
from convcalc.analysis.report import ReceptiveField, place_of_field
from convcalc.arithmetic.axes import NOT_WORKED_OUT, Axis, parts_of
from convcalc.arithmetic.field import Field
from convcalc.arithmetic.spans import Span, enclosing
from convcalc.language.suggestions import did_you_mean
from convcalc.network import Network

_MOST_NAMES = 12
"""Names that are listed where one is not known."""


class NoEffectiveField(ValueError):
    """There is nothing to show of the layer, the input or the position asked for; the message says why."""


class Sight(NamedTuple):
    """A position of a layer's output, and its theoretical field.

    `places` has for every axis of the tensor (without the batch) where on it the position is, and None where it has
    none, as on that of the channels. `spans` are the first and the last input position on each axis, as if the input
    had no ends, None for all of the axis.
    """

    places: tuple[int | None, ...]
    shape: tuple[int, ...]
    spans: tuple[Span, ...]
    receptive_field: ReceptiveField

    @property
    def position(self) -> tuple[int, ...]:
        """Where it is on the axes that have positions."""
        return tuple(place for place in self.places if place is not None)

    @property
    def sizes(self) -> tuple[int, ...]:
        """How many positions these axes have."""
        return tuple(size for size, place in zip(self.shape, self.places, strict=True) if place is not None)


def place_of(network: Network, name: str | None) -> int:
    """The node of a layer; of the last one of a block or repeat; without a name of that whose field is the network's.

    Raises:
        NoEffectiveField: there is none.
    """
    if not network.layers:
        raise NoEffectiveField("the network has no layers")
    if name is None:
        fields, _ = receptive_fields(network)
        start = network.input_count
        seen = [measured(field, node.shape) for field, node in zip(fields[start:], network.layers, strict=True)]
        return start + (place_of_field(network, seen) or 0)
    for index, node in enumerate(network.nodes):
        if node.name == name and not node.is_input:
            return index
    for group in network.groups:
        if group.name == name and group.last > group.first:
            return group.last - 1
    known = [*(group.name for group in network.groups), *(node.name for node in network.layers)]
    listed = [layer for layer in known if "." not in layer] or known
    more = ", ..." if len(listed) > _MOST_NAMES else ""
    advice = did_you_mean(name, known) or f"there is {', '.join(listed[:_MOST_NAMES])}{more}"
    raise NoEffectiveField(f"there is no layer or block `{name}`; {advice}")


def sight(network: Network, place: int, position: Sequence[int] | None = None) -> Sight:
    """What the position of a node's output sees in theory; the centre one, size // 2 on each axis, unless it is given.

    Raises:
        NoEffectiveField: there is no such position.
    """
    fields, _ = receptive_fields(network)
    field, node = fields[place], network.nodes[place]
    axes = [axis for axis, carried in enumerate(field.carries) if carried]
    sizes = [node.shape[axis] for axis in axes]
    at = [size // 2 for size in sizes] if position is None else list(position)
    if len(at) != len(sizes) or not all(0 <= index < size for index, size in zip(at, sizes, strict=True)):
        asked, grid = ("x".join(map(str, numbers)) or "none" for numbers in (at, sizes))
        if not sizes:
            raise NoEffectiveField(f"position {asked}: `{node.name}` has no positions, so none can be chosen")
        ends = f"0 to {'x'.join(str(size - 1) for size in sizes)}"
        raise NoEffectiveField(f"position {asked}: `{node.name}` has {grid} positions, expected {ends}")
    index: list[int | None] = [None] * len(node.shape)
    for axis, number in zip(axes, at, strict=True):
        index[axis] = number
    seen = measured(field, node.shape)
    if not seen.is_global and seen.size is not None and not any(seen.size) and seen.size:
        raise NoEffectiveField(f"`{node.name}` sees nothing of the input")
    spans = tuple(_span(field, axis, index, is_global=seen.is_global) for axis in range(len(field.axes)))
    return Sight(tuple(index), node.shape, spans, seen)


def _span(field: Field, axis: int, index: Sequence[int | None], *, is_global: bool) -> Span:
    """What the position sees of an input axis, with what paths over all positions bring of a part of it."""
    local = _local(field.axes[axis], [(carried, at) for carried, at in zip(field.carries, index, strict=True)], axis)
    cover = field.overall[axis]
    if local is None or is_global or cover is None:
        return local
    return enclosing((local, cover.span))


def _local(axis: Axis | None, carried: Sequence[tuple[tuple[int, ...], int | None]], place: int) -> Span:
    """The interval that the local paths see; None where there is none, or it is not known."""
    if axis is None or axis == NOT_WORKED_OUT:
        return None
    on = [(axes, at) for axes, at in carried if place in axes]
    if len(on) > 1 or any(len(axes) > 1 for axes, _ in on):  # positions that are mixed with others
        return None
    at = (on[0][1] or 0) if on else 0
    return enclosing(part.at(at) for part in parts_of(axis))
