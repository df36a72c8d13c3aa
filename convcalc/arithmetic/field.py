"""Receptive fields: which input positions can reach an output position, exactly, as if the input were unbounded.

A `Field` holds an `Axis` for every axis of the network's input, and which of them each axis of the tensor carries, so
that permuted and flattened tensors keep their meaning.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import msgspec
from msgspec.structs import replace

from convcalc.arithmetic.arrivals import (
    NOT_FOLLOWED,
    Arrivals,
    Cover,
    Sources,
    TooLong,
    arrives,
    covered,
    either,
    nothing,
    read,
    read_to_the_ends,
    reads_all,
    spread,
)
from convcalc.arithmetic.axes import NOT_WORKED_OUT, Axis, Reach, Resampling
from convcalc.arithmetic.measuring import size_and_start
from convcalc.arithmetic.spans import FieldTooIrregular

_LARGEST_FIELD = 2**62
"""Positions of a field or a stride; what sees more sees the whole of any input."""

How = tuple[Callable[..., Axis], Any, int, Sources]
"""What becomes of an axis: a function of it, of what moves it and of the positions that leave; and what these read."""


def _is_beyond_all(axis: Axis) -> bool:
    """Whether positions see, or are apart, more than any input has."""
    if isinstance(axis, Reach):
        return max(axis.size, axis.stride) > _LARGEST_FIELD
    return any(max(part.advance, size_and_start(part.spans)[0]) > _LARGEST_FIELD for part in axis)


class Field(msgspec.Struct, frozen=True):
    """What a tensor's positions see of the network's input.

    `axes` holds an `Axis` for every spatial axis of the input, None where no local path is left. `overall` holds for
    each what every position of the tensor sees of it, by operations that look at all positions of a tensor; None where
    there is none. `carries` names, for every axis of the tensor (channels first), the input axes whose position it
    holds; one named twice is mixed with something else, as channels and positions are after a flatten. `arrivals` are
    the positions that the tensor has along each axis of the input, of `sizes`; both are empty for an input without
    ends, of which all arrives.

    `parts` are the tensors, with their sizes, that were laid end to end on the tensor's axis `laid` along which there
    are positions. They may see different things, and whoever cuts them apart again has each as it was;
    `has_global_part` says that one of them sees everything.
    """

    axes: tuple[Axis | None, ...]
    overall: tuple[Cover | None, ...]
    carries: tuple[tuple[int, ...], ...]
    arrivals: tuple[Arrivals, ...] = ()
    sizes: tuple[int, ...] = ()
    parts: tuple[tuple[int, Field], ...] = ()
    laid: int = 0
    has_global_part: bool = False

    @property
    def is_global(self) -> bool:
        """Whether operations over all positions bring every position of each axis; an axis of one has no others."""
        if self.parts:
            return self.has_global_part
        if not any(self.overall):
            return False
        sizes = self.sizes or (0,) * len(self.axes)
        covers = zip(self.overall, sizes, strict=True)
        seen = (size == 1 if cover is None else cover.positions is None for cover, size in covers)
        return all(seen)

    def along(self, hows: Mapping[int, How]) -> Field:
        """The field with axes of the tensor moved along, each as is said of it.

        A tensor axis that mixes several input axes (or shares one, after a reshape) has no interval of its own to
        transform; what follows is not worked out there.
        """
        axes, arrivals, places = list(self.axes), list(self.arrivals), _own_places(self.carries)
        before: tuple[Axis | None, Arrivals | None, object] = None, None, None
        moved, far = [], []
        for tensor_axis, (transform, by, outputs, sources) in hows.items():
            place = places[tensor_axis]
            axis = None if place is None else axes[place]
            if place is None:
                continue
            arrival = arrivals[place] if arrivals else None
            # Square nets have the same axis twice: it is worked out once, and kept once.
            if axis is not before[0] or arrival is not before[1] or (by, outputs) != before[2]:
                before = axis, arrival, (by, outputs)
                try:
                    transformed = None if axis is None else transform(axis, by, outputs)
                except FieldTooIrregular:
                    transformed = NOT_WORKED_OUT
                reading = read_to_the_ends if isinstance(by, Resampling) else read
                arrived = arrival and reading(arrival, sources, outputs)
            axes[place] = transformed
            if arrived:
                arrivals[place] = arrived
            moved.append(place)
            if transformed is not None and _is_beyond_all(transformed):
                far.append(tensor_axis)
        field = self
        if moved:
            overall = self.overall
            if any(overall) and arrivals and not all(arrives(arrivals[place]) for place in moved):
                overall = tuple(cover and Cover(cover.size, range(0)) for cover in overall)  # padding alone is seen
                arrivals = [nothing(arrival) for arrival in arrivals]
            field = Field(tuple(axes), overall, self.carries, tuple(arrivals), self.sizes)
        for tensor_axis, how in hows.items():
            if places[tensor_axis] is None and field.carries[tensor_axis]:
                field = field.unknown_along(field.carries[tensor_axis], followed=field._all_read(tensor_axis, how))
        return field.whole(far) if far else field

    def carrying(self, carries: tuple[tuple[int, ...], ...]) -> Field:
        """The field of a tensor with its axes rearranged."""
        return replace(self, carries=carries, parts=())

    def _all_read(self, tensor_axis: int, how: How) -> bool:
        """Whether what is read on an axis that mixes several is all of it."""
        carried = self.carries[tensor_axis]
        if not self.arrivals or len(set(carried)) < len(carried) or sum(carried[0] in on for on in self.carries) > 1:
            return False
        _, _, outputs, sources = how
        return reads_all(read(Arrivals(math.prod(self.arrivals[axis].count for axis in carried)), sources, outputs))

    def unknown_along(self, input_axes: Iterable[int], *, followed: bool = True) -> Field:
        """The field with these axes not worked out; `followed`: what arrives on them still is."""
        lost = set(input_axes)
        axes = (NOT_WORKED_OUT if axis in lost and local else local for axis, local in enumerate(self.axes))
        arrivals = self.arrivals
        if not followed:
            arrivals = tuple(NOT_FOLLOWED if axis in lost else known for axis, known in enumerate(arrivals))
        return replace(self, axes=tuple(axes), arrivals=arrivals, parts=())

    def whole(self, tensor_axes: Iterable[int]) -> Field:
        """The field behind an operation that sees all of the given axes at once."""
        return self.overall_along({axis for tensor_axis in tensor_axes for axis in self.carries[tensor_axis]})

    def overall_along(self, input_axes: Iterable[int], *, local: bool = False) -> Field:
        """The field behind an operation over all positions along axes of the input; `local`: its own place stays."""
        axes, overall, arrivals = list(self.axes), list(self.overall), list(self.arrivals)
        if not all(map(arrives, arrivals)):
            arrivals = [nothing(arrival) for arrival in arrivals]  # what lies on padding along one axis holds no input
        lost: list[int] = []
        for axis in input_axes:
            if axes[axis] is None:
                continue
            cover = covered(arrivals[axis]) if arrivals else Cover(0)
            if cover is None:
                lost.append(axis)
                continue
            try:
                overall[axis] = either(overall[axis], cover)
            except TooLong:
                lost.append(axis)
            else:
                axes[axis] = axes[axis] if local else None
                arrivals[axis : axis + 1] = [spread(arrivals[axis])] if arrivals else []
        field = replace(self, axes=tuple(axes), overall=tuple(overall), arrivals=tuple(arrivals), parts=())
        return field.unknown_along(lost, followed=False) if lost else field

    def collapsed(self, tensor_axes: Iterable[int]) -> Field:
        """The field behind an operation that leaves one position of each of the given axes, having seen them whole."""
        gone = set(tensor_axes)
        if not any(self.carries[axis] for axis in gone):
            return self
        carries = tuple(() if axis in gone else carried for axis, carried in enumerate(self.carries))
        return self.whole(gone).carrying(carries)

    def with_global(self, tensor_axes: Iterable[int]) -> Field:
        """The field behind an operation that looks at a position through a summary of the whole of the given axes.

        Normalisation over positions is one: the local path stays, beside one that sees everything.
        """
        carried = {axis for tensor_axis in tensor_axes for axis in self.carries[tensor_axis]}
        return self.overall_along(carried, local=True) if carried else self


def at_input(rank: int, sizes: Sequence[int] = ()) -> Field:
    """The field of the network's input, of `sizes` or without ends: every position sees itself."""
    position = Reach()
    leaves = {size: Arrivals(size) for size in sizes}  # square nets have the same axis twice
    return Field(
        (position,) * rank,
        (None,) * rank,
        carries=((), *((axis,) for axis in range(rank))),
        arrivals=tuple(leaves[size] for size in sizes),
        sizes=tuple(sizes),
    )


def on_every_axis(rank: int) -> Field:
    """The field of a tensor that has positions of an input without ends on each of its axes, the channels' too."""
    return at_input(rank).carrying(tuple((axis,) for axis in range(rank)))


def at_most_twice(axes: Sequence[int]) -> tuple[int, ...]:
    """What an axis of a tensor carries, with nothing named more than twice, which says no more than twice does.

    Left as they are, the names double with every window that is cut and every path that meets.
    """
    if len(axes) < 3:
        return tuple(axes)
    times = dict.fromkeys(axes, 0)
    kept = []
    for axis in axes:
        times[axis] += 1
        if times[axis] < 3:
            kept.append(axis)
    return tuple(kept)


@lru_cache
def _own_places(carries: tuple[tuple[int, ...], ...]) -> tuple[int | None, ...]:
    """For every axis of a tensor the input axis that it carries, if that is one, and no other axis carries it."""
    return tuple(
        axes[0] if len(axes) == 1 and sum(axes[0] in others for others in carries) == 1 else None for axes in carries
    )
