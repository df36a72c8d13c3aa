"""Functions that move elements: reshapes, parts, tensors end to end, padding, resizing, and pools as functions."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from math import prod
from typing import Any

from convcalc.imports.drafts import Draft
from convcalc.imports.errors import Inexpressible
from convcalc.imports.keras.functions import FunctionCall
from convcalc.imports.keras.layers import Leaves
from convcalc.imports.keras.layers.merges import joined
from convcalc.imports.keras.layers.shapes import reshaped
from convcalc.imports.keras.nodes import PlaceRange
from convcalc.imports.layouts import OrderedTensor

Rule = Callable[[FunctionCall], Leaves]


def _same(f: FunctionCall) -> OrderedTensor:
    return f.call.x


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _reshape(f: FunctionCall) -> OrderedTensor:
    """The first size is that of the batch: -1, or nothing known."""
    target = _list(f.given(1, "newshape", "new_shape", "shape"))
    if any(isinstance(size, OrderedTensor) for size in target) or len(target) < 2:
        raise Inexpressible("a shape that the batch is a part of, or that is worked out")
    if target[0] not in (-1, None) and target[0] != 1:
        raise Inexpressible("a shape that the batch is a part of")
    return reshaped(f.call, target[1:])


def _expand(f: FunctionCall) -> OrderedTensor:
    x, axis = f.call.x, f.given(1, "axis", default=-1)
    if not isinstance(axis, int) or axis == 0:
        raise Inexpressible(f"a new axis {axis}")
    rank = len(x.order) + 1
    return _with_axis(f, x, f.call.axis(axis, rank))


def _with_axis(f: FunctionCall, x: OrderedTensor, at: int) -> OrderedTensor:
    """An axis of one place more, the last of ours."""
    draft = f.call.builder.reshaped(x.draft, (*x.draft.shape, 1), f.call.origins)
    order = [*x.order]
    order.insert(at, len(x.order))
    return OrderedTensor(draft, tuple(order))


def _without_axes(f: FunctionCall, x: OrderedTensor, axes: list[int]) -> OrderedTensor:
    """The same without some axes of one place."""
    gone = {x.order[at] for at in axes}
    left = [axis for axis in range(len(x.order)) if axis not in gone]
    draft = f.call.builder.reshaped(x.draft, tuple(x.draft.shape[axis] for axis in left), f.call.origins)
    order = tuple(left.index(x.order[at]) for at in range(len(x.order)) if at not in axes)
    return OrderedTensor(draft, order or (0,))


def _squeeze(f: FunctionCall) -> OrderedTensor:
    x, axis = f.call.x, f.given(1, "axis")
    rank = len(x.order)
    axes = [at for at in range(rank) if x.shape[at] == 1] if axis in (None, []) else f.call.axes(axis, rank)
    if any(x.shape[at] != 1 for at in axes):
        raise Inexpressible(f"axes {axes} of {list(x.shape)}, of which some have several places")
    return _without_axes(f, x, axes)


def _transpose(f: FunctionCall) -> OrderedTensor:
    x, axes = f.call.x, f.given(1, "axes", "perm")
    rank = len(x.order)
    if not isinstance(axes, list) or sorted(axes, key=str) != sorted(range(rank + 1), key=str) or axes[0] != 0:
        raise Inexpressible("an order of axes that moves the batch")
    return x.turned([axis - 1 for axis in axes[1:]])


def _swap(f: FunctionCall) -> OrderedTensor:
    rank = len(f.call.x.order)
    first, second = (f.call.axis(f.given(place, name), rank) for place, name in ((1, "axis1"), (2, "axis2")))
    axes = list(range(rank))
    axes[first], axes[second] = second, first
    return f.call.x.turned(axes)


def _concatenate(f: FunctionCall) -> OrderedTensor:
    tensors = f.given(0, "xs", "values", "arrays")
    if not isinstance(tensors, list) or not all(isinstance(tensor, OrderedTensor) for tensor in tensors):
        raise Inexpressible("tensors beside numbers of the config")
    axis = f.given(1, "axis", default=-1)
    return joined(f.call, tensors, f.call.axis(axis, len(tensors[0].order)))


def _stack(f: FunctionCall) -> OrderedTensor:
    tensors = f.given(0, "x", "values", "xs")
    if not isinstance(tensors, list) or not all(isinstance(tensor, OrderedTensor) for tensor in tensors):
        raise Inexpressible("tensors beside numbers of the config")
    axis = f.call.axis(f.given(1, "axis", default=0), len(tensors[0].order) + 1)
    return joined(f.call, [_with_axis(f, tensor, axis) for tensor in tensors], axis)


def _cut(f: FunctionCall, x: OrderedTensor, at: int, start: int, end: int, step: int = 1) -> OrderedTensor:
    if (start, end, step) == (0, x.shape[at], 1):
        return x
    fields = {"axis": x.order[at], "start": start, "end": end, "step": step}
    return OrderedTensor(f.call.layer("slice", fields, x.draft), x.order)


def _split(f: FunctionCall) -> list[OrderedTensor]:
    """Equal parts, or as large as is said, or cut at some places: Keras 3 names these, TensorFlow the sizes."""
    x, parts = f.call.x, f.given(1, "indices_or_sections", "num_or_size_splits")
    at = f.call.axis(f.given(2, "axis", default=0), len(x.order))
    size = x.shape[at]
    if isinstance(parts, int) and parts > 0 and size % parts == 0:
        if parts > size:
            raise Inexpressible(f"{parts} parts of {size} places")
        fields = {"sections": parts, "axis": x.order[at]}
        return [
            OrderedTensor(f.call.layer("split", {**fields, "part": part}, x.draft), x.order) for part in range(parts)
        ]
    if not isinstance(parts, list) or not all(isinstance(part, int) for part in parts):
        raise Inexpressible("parts whose sizes are not numbers")
    if "num_or_size_splits" in f.options:
        known = sum(part for part in parts if part >= 0)
        sizes = [part if part >= 0 else size - known for part in parts]
        places = [sum(sizes[:place]) for place in range(len(sizes) + 1)]
    else:
        places = [0, *parts, size]
    return [_cut(f, x, at, start, end) for start, end in pairwise(places)]


def _unstack(f: FunctionCall) -> list[OrderedTensor]:
    x = f.call.x
    at = f.call.axis(f.given(2, "axis", default=0), len(x.order))
    if x.shape[at] > 256:
        raise Inexpressible(f"{x.shape[at]} tensors that leave")
    return [_without_axes(f, _cut(f, x, at, place, place + 1), [at]) for place in range(x.shape[at])]


def _get_item(f: FunctionCall) -> OrderedTensor:
    """Ranges and places along axes, from the batch on, all of which stays."""
    x, spec = f.call.x, f.given(1, "slice_spec", "key")
    items = list(spec) if isinstance(spec, list) else [spec]
    count = sum(item is not None and item is not Ellipsis for item in items)
    if Ellipsis in items:
        place = items.index(Ellipsis)
        items[place : place + 1] = [PlaceRange(None, None, None)] * (len(x.order) + 1 - count)
    if not items or items[0] != PlaceRange(None, None, None):
        raise Inexpressible("a part of the batch")
    at, gone, added = 0, [], 0
    for item in items[1:]:
        if item is None:
            x, at, added = _with_axis(f, x, at), at + 1, added + 1
            continue
        if at >= len(x.order):
            raise Inexpressible("more axes than enter")
        size = x.shape[at]
        if isinstance(item, int) and not isinstance(item, bool):
            start = item + size if item < 0 else item
            x = _cut(f, x, at, start, start + 1)
            gone.append(at)
        elif isinstance(item, PlaceRange) and all(value is None or isinstance(value, int) for value in item):
            start, end, step = slice(*item).indices(size)
            if step < 1:
                raise Inexpressible("a range from the end")
            x = _cut(f, x, at, start, end, step)
        else:
            raise Inexpressible("places that a tensor says")
        at += 1
    return _without_axes(f, x, gone) if gone else x


def _pad(f: FunctionCall) -> OrderedTensor:
    x, pairs = f.call.x, f.given(1, "pad_width", "paddings")
    mode = str(f.given(2, "mode", default="constant")).lower()
    rank = len(x.order)
    if not isinstance(pairs, list) or len(pairs) != rank + 1 or pairs[0] != [0, 0] or mode != "constant" or rank < 2:
        raise Inexpressible("a padding of the batch, or not of zeros")
    last = x if x.order[-1] == 0 else f.call.with_first(x, rank - 1)
    if pairs[-1] != [0, 0]:
        raise Inexpressible("a padding of the channels")
    by_axis = {last.order[at]: tuple(pairs[at + 1]) for at in range(rank)}
    fields = {"padding": [by_axis[axis] for axis in range(1, rank)]}
    return OrderedTensor(f.call.layer("pad", fields, last.draft), last.order)


def _resize(f: FunctionCall) -> OrderedTensor:
    size, mode = f.given(1, "size"), f.given(2, "interpolation", "method", default="bilinear")
    modes = {"bilinear": "bilinear", "nearest": "nearest", "bicubic": "bicubic"}
    if mode not in modes or not isinstance(size, list) or not all(isinstance(item, int) for item in size):
        raise Inexpressible(f"a resizing to {size} by {mode}")
    x = f.call.map(rank=2)
    return f.call.from_map(f.call.layer("upsample", {"size": size, "mode": modes[mode]}, x))


def _window(value: Any, rank: int) -> list[int]:
    values = value if isinstance(value, list) else [value]
    if len(values) == rank + 2:  # of the batch and the channels as well
        values = values[1:-1]
    values = values * rank if len(values) == 1 else values
    if len(values) != rank or not all(isinstance(item, int) for item in values):
        raise Inexpressible(f"a window of {value}")
    return values


def _pool(f: FunctionCall, kind: str) -> OrderedTensor:
    rank = len(f.call.x.order) - 1
    size = _window(f.given(1, "pool_size", "ksize"), rank)
    stride = _window(f.given(2, "strides", default=size), rank)
    padding = f.given(3, "padding", default="valid")
    if not isinstance(padding, str) or padding.lower() not in ("same", "valid"):
        raise Inexpressible("a padding that is no word")
    fields: dict[str, Any] = {"kernel_size": size, "stride": stride}
    fields["padding"] = "same" if padding.lower() == "same" else 0
    if kind == "avg_pool":
        fields["count_include_pad"] = padding.lower() != "same"
    return f.call.from_map(f.call.layer(kind, fields, f.call.map(rank=rank)))


def _blocks(f: FunctionCall, kind: str, field: str) -> OrderedTensor:
    """Depth to space and back; channels are counted in another order than ours, which changes no cost."""
    factor = f.given(1, "block_size")
    return f.call.from_map(f.call.layer(kind, {field: factor}, f.call.map(rank=2)))


def _tile(f: FunctionCall) -> OrderedTensor:
    x, counts = f.call.x, f.given(1, "repeats", "multiples")
    rank = len(x.order)
    if not isinstance(counts, list) or len(counts) != rank + 1 or counts[0] != 1 or prod(counts) > 64:
        raise Inexpressible("copies of the batch, or very many")
    for at, count in enumerate(counts[1:]):
        if count > 1:
            x = joined(f.call, [x] * count, at)
    return x


def _repeat(f: FunctionCall) -> OrderedTensor:
    """Each place of an axis several times, as resizing by the nearest does it."""
    x, count = f.call.x, f.given(1, "repeats")
    at = f.call.axis(f.given(2, "axis"), len(x.order))
    if not isinstance(count, int) or count < 1:
        raise Inexpressible("counts that differ")
    shape = x.draft.shape
    axis = x.order[at]
    before, behind = prod(shape[:axis]), prod(shape[axis + 1 :])
    draft: Draft = f.call.builder.reshaped(x.draft, (before, shape[axis], behind), f.call.origins)
    draft = f.call.layer("upsample", {"scale_factor": (count, 1)}, draft)
    shape = (*shape[:axis], shape[axis] * count, *shape[axis + 1 :])
    return OrderedTensor(f.call.builder.reshaped(draft, shape, f.call.origins), x.order)


def _take(f: FunctionCall) -> OrderedTensor:
    """One place of an axis, or several that are evenly apart."""
    x, places = f.call.x, f.given(1, "indices")
    at = f.call.axis(f.given(2, "axis"), len(x.order))
    many = _list(places)
    if not many or not all(isinstance(place, int) and 0 <= place < x.shape[at] for place in many):
        raise Inexpressible("places that a tensor says")
    step = many[1] - many[0] if len(many) > 1 else 1
    if step < 1 or many != list(range(many[0], many[-1] + 1, step)):
        raise Inexpressible("places that are not evenly apart")
    y = _cut(f, x, at, many[0], many[-1] + 1, step)
    return y if isinstance(places, list) else _without_axes(f, y, [at])


RULES: dict[str, Rule] = {
    "cast": _same,
    "identity": _same,
    "stop_gradient": _same,
    "convert_to_tensor": _same,
    "reshape": _reshape,
    "expand_dims": _expand,
    "squeeze": _squeeze,
    "transpose": _transpose,
    "swapaxes": _swap,
    "concatenate": _concatenate,
    "stack": _stack,
    "split": _split,
    "unstack": _unstack,
    "get_item": _get_item,
    "pad": _pad,
    "resize": _resize,
    "max_pool": lambda f: _pool(f, "max_pool"),
    "average_pool": lambda f: _pool(f, "avg_pool"),
    "depth_to_space": lambda f: _blocks(f, "pixel_shuffle", "upscale_factor"),
    "space_to_depth": lambda f: _blocks(f, "pixel_unshuffle", "downscale_factor"),
    "tile": _tile,
    "repeat": _repeat,
    "take": _take,
}
