"""Elements moved about: shapes changed, axes turned, cut, joined, repeated; without a layer wherever that can be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any

from convcalc import steps
from convcalc.imports.arrays import checked
from convcalc.imports.drafts import Draft
from convcalc.imports.errors import Inexpressible
from convcalc.imports.layouts import OrderedTensor, arranged, as_it_lies, channels_last, in_file_order
from convcalc.imports.tflite.values import (
    LiteCall,
    LiteConstant,
    LiteValue,
    counted,
    drawn,
    laid,
    of_constant,
    parameter,
    without,
)
from convcalc.layers import Shape

MOST_PARTS = 256
"""Layers that one operator may become."""


def kept(call: LiteCall, value: LiteValue) -> LiteValue:
    """The tensor with its batch as an axis of the draft."""
    if value.batch is None:
        return value
    tensor, batch = value.made, value.batch
    draft = reshaped_draft(call, tensor.draft, (*tensor.draft.shape, 1))
    order = (*tensor.order[:batch], len(tensor.draft.shape), *tensor.order[batch:])
    return laid(OrderedTensor(draft, order), None)


def without_batch(call: LiteCall, value: LiteValue, axis: int = 0) -> LiteValue:
    """The tensor without an axis of one position that its draft has, where it is free."""
    rank = len(value.shape)
    if value.batch is not None or rank < 2 or value.shape[axis] != 1:
        return value
    tensor = value.made
    place = tensor.order[axis]
    draft = reshaped_draft(call, tensor.draft, without(tensor.draft.shape, place))
    order = tuple(own - (own > place) for own in without(tensor.order, axis))
    return laid(OrderedTensor(draft, order), axis)


def reshaped_draft(call: LiteCall, draft: Draft, shape: Shape) -> Draft:
    """The same elements in another shape, of what was there before shapes were changed."""
    while draft.kind in ("reshape", "flatten"):
        draft = draft.inputs[0]
    known = call.walk.reshapes
    if (draft, shape) not in known:
        known[draft, shape] = call.builder.reshaped(draft, shape, call.origins)
    return known[draft, shape]


def narrowed(call: LiteCall, draft: Draft, kernel: Sequence[int]) -> int | None:
    """The axis of one position that a sequence was given to be a map, if a window of this size leaves it alone.

    Converters have no operators on sequences: a window on one is as high as 1 on a map as high as that.
    """
    if draft.kind != "reshape" or len(draft.shape) != len(kernel) + 1 or len(draft.inputs[0].shape) > len(kernel):
        return None
    return next((axis for axis, taps in enumerate(kernel) if taps == draft.shape[axis + 1] == 1), None)


def widened(call: LiteCall, draft: Draft, axis: int) -> Draft:
    """A sequence with the axis of one position back, so that what follows finds a map."""
    place = axis + 1
    wide = reshaped_draft(call, draft, (*draft.shape[:place], 1, *draft.shape[place:]))
    call.walk.widened[wide] = draft, axis
    return wide


def on_elements(call: LiteCall, kind: str, fields: dict[str, Any], draft: Draft) -> Draft:
    """A layer on each element, of a sequence where a map is one."""
    if draft not in call.walk.widened:
        return call.layer(kind, fields, draft)
    narrow, axis = call.walk.widened[draft]
    return widened(call, call.layer(kind, fields, narrow), axis)


def wanted_shape(sizes: Sequence[int], shape: Shape) -> Shape:
    """The shape that RESHAPE is asked for, in which -1 is what is left over."""
    wanted, open_axes = list(sizes), [axis for axis, size in enumerate(sizes) if size == -1]
    if len(open_axes) > 1 or any(size < -1 for size in wanted):
        raise Inexpressible(f"the shape {wanted}")
    if open_axes:
        others = prod(size for size in wanted if size != -1)
        if not others or prod(shape) % others:
            raise Inexpressible(f"the shape {wanted} of a tensor of shape {list(shape)}")
        wanted[open_axes[0]] = prod(shape) // others
    if prod(wanted) != prod(shape):
        raise Inexpressible(f"the shape {wanted} of a tensor of shape {list(shape)}")
    return checked(wanted)


def reshaped(call: LiteCall, value: LiteValue, shape: Shape) -> LiteValue:
    """The same elements in the file's order in another shape; axes are turned only where some are taken apart."""
    if value.constant is not None:
        return of_constant(value.constant.reshaped(shape))
    if shape == value.shape:
        return value
    batch = 0 if len(shape) > 1 and shape[0] == 1 else None
    own, tensor = without(shape, batch), value.made
    return laid(_regrouped(call, tensor, own) or _laid_anew(call, tensor, own), batch)


def _laid_anew(call: LiteCall, tensor: OrderedTensor, shape: Shape) -> OrderedTensor:
    draft = in_file_order(call.builder, tensor, call.origins)
    return OrderedTensor(reshaped_draft(call, draft, shape), tuple(range(len(shape))))


def _regrouped(call: LiteCall, tensor: OrderedTensor, shape: Shape) -> OrderedTensor | None:
    """The new shape without a turn of axes, where those that are joined or taken apart lie beside each other."""
    places = {place: axis for axis, place in enumerate(tensor.order)}
    lying = [places[place] for place in range(len(tensor.order)) if tensor.draft.shape[place] > 1]
    groups = _groups(tensor.shape, shape)
    new: list[int] = []
    while lying:
        before, after = next((before, after) for before, after in groups if lying[0] in before)
        long = [axis for axis in before if tensor.shape[axis] > 1]
        if lying[: len(long)] != long:
            return None
        del lying[: len(long)]
        new += after
    if len(shape) > 2 and sum(size > 1 for size in shape) < 2:  # a vector as a map: its elements are channels
        new = [len(shape) - 1, *range(len(shape) - 1)]
    if (
        shape and tensor.order[-1:] == (0,) and len(shape) - 1 not in new
    ):  # channels were last, and are, be it a single one
        new.insert(0, len(shape) - 1)
    new += [axis for axis in range(len(shape)) if axis not in new]
    draft = reshaped_draft(call, tensor.draft, tuple(shape[axis] for axis in new))
    return OrderedTensor(draft, tuple(new.index(axis) for axis in range(len(shape))))


def _groups(before: Shape, after: Shape) -> list[tuple[list[int], list[int]]]:
    """The axes of two shapes of the same elements, parted into the smallest runs that hold as many."""
    groups: list[tuple[list[int], list[int]]] = []
    i = j = 0
    while i < len(before) or j < len(after):
        own, other = [], list[int]()
        if i < len(before):
            own.append(i)
            i += 1
        count, wanted = prod(before[axis] for axis in own), 1
        while count != wanted or not own:
            if (count > wanted or i >= len(before)) and j < len(after):
                other.append(j)
                wanted *= after[j]
                j += 1
            elif i < len(before):
                own.append(i)
                count *= before[i]
                i += 1
            else:
                break
        if i >= len(before):
            other += range(j, len(after))
            j = len(after)
        groups.append((own, other))
    return groups


def turned(call: LiteCall, value: LiteValue, axes: Sequence[int]) -> LiteValue:
    """The axes in another order, which takes no layer."""
    if sorted(axes) != list(range(len(value.shape))):
        raise Inexpressible(f"an order {list(axes)} of {len(value.shape)} axes")
    if value.constant is not None:
        return of_constant(value.constant.turned(tuple(axes)))
    batch = None if value.batch is None else list(axes).index(value.batch)
    return laid(value.made.turned([value.own(axis) for axis in axes if axis != value.batch]), batch)


def cut(call: LiteCall, value: LiteValue, ranges: Mapping[int, range]) -> LiteValue:
    """Some places of some axes."""
    for axis, places in ranges.items():
        size = value.shape[axis]
        if places == range(size):
            continue
        if not places:  # as of the steps behind the last, to be joined with others
            shape = tuple(len(ranges.get(other, range(extent))) for other, extent in enumerate(value.shape))
            return of_constant(LiteConstant(shape, worked_out=()))
        if places.step < 0:
            value = chosen(call, value, axis, list(places))
            continue
        value = kept(call, drawn(call, value)) if value.batch == axis else drawn(call, value)
        fields: dict[str, int] = {"axis": value.drawn(axis), "start": places[0]}
        fields |= {"end": places[-1] + 1} if places[-1] + places.step < size or places.step == 1 else {}
        if fields.get("end") == size:
            del fields["end"]
        fields |= {"step": places.step} if places.step > 1 else {}
        draft = call.layer("slice", fields, value.made.draft)
        value = laid(OrderedTensor(draft, value.made.order), value.batch)
    return value


def chosen(call: LiteCall, value: LiteValue, axis: int, places: Sequence[int]) -> LiteValue:
    """Places of an axis in any order, some perhaps several times: by indices that are a constant."""
    value = drawn(call, value)
    value = kept(call, value) if value.batch == axis else value
    indices = parameter(call, counted(list(places)), learned=False)
    draft = call.layer("gather", {"axes": (value.drawn(axis),)}, value.made.draft, indices)
    return laid(OrderedTensor(draft, value.made.order), value.batch)


def joined(call: LiteCall, values: Sequence[LiteValue], axis: int) -> LiteValue:
    """Tensors laid end to end on an axis."""
    values = [value for value in values if 0 not in value.shape] or list(values)
    first = next((value for value in values if value.tensor is not None), values[0])
    batch = first.batch if first.batch != axis else None
    if any(len(value.shape) != len(first.shape) for value in values):
        raise Inexpressible("tensors of unlike numbers of axes laid end to end")
    if len(values) == 1:
        return values[0]
    same = [aligned(call, drawn(call, value, batch), batch) for value in values]
    order = aligned(call, drawn(call, first, batch), batch).made.order
    drafts = [arranged(call.builder, value.made, order, call.origins) for value in same]
    place = order[axis - (batch is not None and axis > batch)]
    return laid(OrderedTensor(call.layer("concat", {"axis": place}, *drafts), order), batch)


def aligned(call: LiteCall, value: LiteValue, batch: int | None) -> LiteValue:
    """The tensor with that axis left out of its draft, or none."""
    if value.batch == batch:
        return value
    value = kept(call, value)
    if batch is None:
        return value
    if value.shape[batch] != 1:
        raise Inexpressible(f"{value.shape[batch]} samples beside one")
    return without_batch(call, value, batch)


def repeated(call: LiteCall, value: LiteValue, times: Mapping[int, int]) -> LiteValue:
    """The whole of some axes as often, end to end."""
    for axis, count in times.items():
        if count == 1:
            continue
        if not 1 <= count <= MOST_PARTS:
            raise Inexpressible(f"{count} copies")
        steps.spend(count)
        value = joined(call, [value] * count, axis)
    return value


def spread_to(call: LiteCall, value: LiteValue, shape: Shape) -> LiteValue:
    """Axes of one position repeated until the shape is that: added to zeros, as NumPy broadcasts."""
    own = (1,) * (len(shape) - len(value.shape)) + value.shape
    value = reshaped(call, value, own)
    if own == shape:
        return value
    if any(size not in (1, wanted) for size, wanted in zip(own, shape, strict=True)):
        raise Inexpressible(f"shape {list(value.shape)} spread to {list(shape)}")
    value = drawn(call, value)
    if value.batch is not None and shape[value.batch] != 1:
        value = kept(call, value)
    order = value.made.order
    sizes = without(shape, value.batch)
    zeros = counted([0.0] * 0, tuple(sizes[order.index(axis)] for axis in range(len(order))))
    draft = call.layer("add", {}, value.made.draft, parameter(call, zeros, learned=False))
    return laid(OrderedTensor(draft, order), value.batch)


def as_channels(call: LiteCall, value: LiteValue) -> tuple[Draft, int | None]:
    """The draft with what the file has last as its channels; a batch that is no single sample is its second axis."""
    value = aligned(call, drawn(call, value), 0 if len(value.shape) > 1 and value.shape[0] == 1 else None)
    rank = len(value.made.order)
    if not rank:
        raise Inexpressible("a number alone, where a map is expected")
    return arranged(call.builder, value.made, channels_last(rank), call.origins), value.batch


def as_made(call: LiteCall, draft: Draft, batch: int | None) -> LiteValue:
    """What a layer of maps makes, with its channels last in the file."""
    return laid(OrderedTensor(draft, channels_last(len(draft.shape))), batch)


def lying(call: LiteCall, draft: Draft, batch: int | None = None) -> LiteValue:
    """What a layer makes that has its axes as the file does."""
    return laid(as_it_lies(draft), batch)
