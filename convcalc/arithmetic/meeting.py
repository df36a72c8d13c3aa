"""Receptive fields where tensors meet: position by position, or laid end to end."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache, reduce
from itertools import chain
from typing import TypeVar, cast

from msgspec.structs import replace

from convcalc.arithmetic import spans as tables
from convcalc.arithmetic.arrivals import NOT_FOLLOWED, Arrivals, Cover, TooLong, either, end_to_end, met, spread
from convcalc.arithmetic.axes import NOT_WORKED_OUT, Axis, Phases, parts_of, seen_by, union
from convcalc.arithmetic.field import Field, at_most_twice
from convcalc.arithmetic.measuring import centre
from convcalc.arithmetic.spans import SHORT, FieldTooIrregular, Span, checked_length, spend

T = TypeVar("T")


def with_item(values: tuple[T, ...], place: int, value: T) -> tuple[T, ...]:
    """The values, with another one at that place."""
    return (*values[:place], value, *values[place + 1 :])


def merged(fields: Sequence[Field], output: Sequence[int]) -> Field:
    """The field where several tensors meet position by position: the union over the paths."""
    first = fields[0]
    if all(field is first for field in fields):
        return first
    in_one_order = all(field.carries == first.carries for field in fields)
    carries = first.carries if in_one_order else _together_carried([field.carries for field in fields])
    rank = max(len(field.axes) for field in fields)
    outputs = {axis: output[position] for position, axes in enumerate(carries) for axis in axes}
    axes: list[Axis | None] = []
    overall: list[Cover | None] = []
    arrivals: list[Arrivals] = []
    for axis in range(rank):
        having = [field for field in fields if axis < len(field.axes)]
        seeing = [field for field in having if field.axes[axis] is not None]
        local = [cast("Axis", field.axes[axis]) for field in seeing]
        try:
            ordered = len(seeing) < 2 or _have_one_order(frozenset(field.carries for field in seeing), axis)
            axes.append(None if not local else union(local, outputs.get(axis, 1)) if ordered else NOT_WORKED_OUT)
        except FieldTooIrregular:
            axes.append(NOT_WORKED_OUT)
        placed = [field for field in having if field.axes[axis] is not None or _holds(field, axis)]
        known = [field.arrivals[axis] for field in placed or having if field.arrivals]
        together = [met(known)] if known else []
        arrivals += map(spread, together) if _brings_all(having, axis) else together
        try:
            overall.append(reduce(either, (field.overall[axis] for field in having)))
        except TooLong:
            overall.append(None)
            axes[axis] = NOT_WORKED_OUT
            arrivals[axis:] = [NOT_FOLLOWED] if known else []
    if len(axes) > 1 and all(axis == axes[0] for axis in axes):
        axes = [axes[0]] * len(axes)
    sizes = [field.sizes for field in fields if len(field.sizes) == rank]
    largest = tuple(max(of_axis) for of_axis in zip(*sizes, strict=True)) if sizes else ()
    return Field(tuple(axes), tuple(overall), carries, tuple(arrivals), largest)


def _brings_all(fields: Sequence[Field], axis: int) -> bool:
    """Whether one of the tensors brings to every position, as a gate does, what it has seen of an input axis.

    One that has positions along the axis brings it to those of them alone that are not padding.
    """
    gates = (field.overall[axis] for field in fields if field.axes[axis] is None and not _holds(field, axis))
    return any(cover is not None and cover.span is not None for cover in gates)


def _holds(field: Field, axis: int) -> bool:
    """Whether a tensor has positions along an axis of the input, be it that each sees all of them."""
    return any(axis in carried for carried in field.carries)


_Carries = tuple[tuple[int, ...], ...]


@lru_cache
def _have_one_order(carries: frozenset[_Carries], axis: int) -> bool:
    """Whether tensors that meet have the positions along an axis of the input in the same places."""
    orders = {tuple((place, on) for place, on in enumerate(of) if axis in on) for of in carries} - {()}
    if not orders:
        return True
    first = next(iter(orders))
    return len(orders) == len(first) == 1 and len(set(first[0][1])) == len(first[0][1])


def _together_carried(carries: Sequence[_Carries]) -> _Carries:
    together = []
    for tensor_axis in range(max(map(len, carries))):
        here = (carried for field_carries in carries for carried in field_carries[tensor_axis : tensor_axis + 1])
        different = {carried for carried in here if carried}
        together.append(next(iter(different)) if len(different) == 1 else at_most_twice(sorted(chain(*different))))
    return tuple(together)


def concatenated(fields: Sequence[Field], tensor_axis: int, sizes: Sequence[int], output: Sequence[int]) -> Field:
    """The field of tensors of `sizes` laid end to end on one axis: each position sees what it saw in its own tensor."""
    together = merged(fields, output)
    carried = together.carries[tensor_axis]
    if not carried:
        return together
    parts = tuple(zip(sizes, fields, strict=True))
    fields = [_of_rank(len(together.axes), field) for field in fields]
    seeing = [field for field in fields if any(field.axes[axis] is not None for axis in carried)]
    if len(carried) > 1:
        return laid_out(_beside_tokens(together, seeing, carried), tensor_axis, parts)
    (place,) = carried
    known = all(field.carries[tensor_axis] == carried or field.axes[place] is None for field in fields)
    if together.arrivals:
        kept = [
            field.arrivals[place] if field.axes[place] is not None or _holds(field, place) else None for field in fields
        ]
        misplaced = any(  # what sees all positions may have its own on another axis
            field.axes[place] is None
            and axis is not None
            and (field.carries[tensor_axis], axis.count) != (carried, size)
            for field, axis, size in zip(fields, kept, sizes, strict=True)
        )
        along = end_to_end(kept, sizes) if known and not misplaced else NOT_FOLLOWED
        along = spread(along) if _brings_all(fields, place) else along
        together = replace(together, arrivals=with_item(together.arrivals, place, along))
    local = [field.axes[place] for field in fields]
    if not known or NOT_WORKED_OUT in local:
        together = together.unknown_along(carried)
    elif seeing:
        try:
            spans = _laid_end_to_end(local, sizes)
            together = replace(together, axes=with_item(together.axes, place, (Phases(spans, 0, bounded=True),)))
        except FieldTooIrregular:
            together = together.unknown_along(carried)
    return laid_out(together, tensor_axis, parts)


def _of_rank(rank: int, field: Field) -> Field:
    """The field beside those of inputs with more axes, of which it sees nothing."""
    lacking = (None,) * (rank - len(field.axes))
    return replace(field, axes=field.axes + lacking, overall=field.overall + lacking) if lacking else field


def _laid_end_to_end(axes: Sequence[Axis | None], sizes: Sequence[int]) -> Sequence[Span]:
    """What each position sees of tensors laid end to end; None: one that sees nothing."""
    spend(checked_length(sum(sizes)) // 20 + 25)
    shown = [
        (None,) * size
        if axis is None and size <= SHORT
        else tables.nothing(size)
        if axis is None
        else seen_by(parts_of(axis), size)
        for axis, size in zip(axes, sizes, strict=True)
    ]
    if sum(sizes) <= SHORT:
        return tuple(chain.from_iterable(shown))
    return tables.end_to_end([tables.of(spans) for spans in shown])


def laid_out(together: Field, tensor_axis: int, parts: tuple[tuple[int, Field], ...]) -> Field:
    """With the parts; which positions see what operations over all positions bring is known of each of them alone."""
    is_global = any(part.is_global for _, part in parts)
    together = replace(together, parts=parts, laid=tensor_axis, has_global_part=is_global)
    if together.is_global:
        return together
    unlike = {
        axis
        for axis, cover in enumerate(together.overall)
        if any(part.overall[axis : axis + 1] != (cover,) for _, part in parts)
    }
    axes = (NOT_WORKED_OUT if axis in unlike else local for axis, local in enumerate(together.axes))
    return replace(together, axes=tuple(axes))


def _beside_tokens(together: Field, seeing: Sequence[Field], carried: tuple[int, ...]) -> Field:
    """Tensors laid end to end on an axis that mixes several: what sees nothing, as a class token, changes nothing."""
    first, *others = seeing or [together]
    alike = all(other.axes == first.axes and other.arrivals == first.arrivals for other in others)
    if alike and len(first.arrivals) == len(together.arrivals):
        return replace(together, axes=first.axes, arrivals=first.arrivals)
    return together.unknown_along(carried, followed=False)


def aligned(fields: Sequence[Field]) -> bool:
    """Whether the paths that meet look at the same places: equal strides and equal (mean) centres on every axis."""
    for axis in range(max(len(field.axes) for field in fields)):
        local = [a for field in fields for a in field.axes[axis : axis + 1] if a is not None]
        if NOT_WORKED_OUT not in local and any(centre(a) != centre(local[0]) for a in local[1:] if a is not local[0]):
            return False
    return True
