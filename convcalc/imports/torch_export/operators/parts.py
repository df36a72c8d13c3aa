"""Tensors laid end to end, and parts of one: cuts, and places that indices name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from convcalc.imports.errors import Inexpressible
from convcalc.imports.torch_export.graph import NumberName, TensorName

if TYPE_CHECKING:
    from convcalc.imports.torch_export.translation import TorchCall

END = 2**31
"""As far as there is."""


def _cat(given: TorchCall) -> None:
    tensors = [name for name in given.tensors("tensors") if 0 not in given.meta(name).dims]
    axis = given.axis("dim", tensors[0])
    given.leaves("Concat", *tensors, axis=axis) if len(tensors) > 1 else given.leaves("Identity", tensors[0])


def _stack(given: TorchCall) -> None:
    tensors = given.tensors("tensors")
    axis = given.integer("dim") % (given.rank(tensors[0]) + 1)
    apart = [given.node("Unsqueeze", name, given.constant([axis])) for name in tensors]
    given.leaves("Concat", *apart, axis=axis)


def _names(given: TorchCall) -> list[str]:
    return [name or "" for name in given.operation.outputs]


def _split(given: TorchCall) -> None:
    x = given.x
    axis = given.axis("dim", x)
    size = given.shape_on(x, axis)
    stated = given.argument("split_size", given.argument("split_sizes", given.argument("split_size_or_sections")))
    if isinstance(stated, int):
        sizes = [min(stated, size - start) for start in range(0, size, stated)]
    else:
        sizes = given.integers("split_sizes") or given.integers("split_size") or []
    given.nodes("Split", [x, given.constant(sizes)], _names(given), axis=axis)


def _chunk(given: TorchCall) -> None:
    x = given.x
    axis = given.axis("dim", x)
    size = given.shape_on(x, axis)
    part = -(-size // given.integer("chunks", 1))
    sizes = [min(part, size - start) for start in range(0, size, part)]
    given.nodes("Split", [x, given.constant(sizes)], _names(given), axis=axis)


def _tensor_split(given: TorchCall) -> None:
    """Parts that are as even as they come, the first ones larger, or those between places that are named."""
    x = given.x
    axis = given.axis("dim", x)
    size = given.shape_on(x, axis)
    places = given.integers("indices")
    if places is None:
        count = max(given.integer("sections", 1), 1)
        sizes = [size // count + (part < size % count) for part in range(count)]
    else:
        ends = [slice(place).indices(size)[1] for place in places]
        sizes = [max(end - start, 0) for start, end in zip([0, *ends], [*ends, size], strict=True)]
    given.nodes("Split", [x, given.constant(sizes)], _names(given), axis=axis)


def _repeat_interleave(given: TorchCall) -> None:
    """Every position of an axis several times, before the next."""
    x, times = given.x, given.integer("repeats", 1)
    if given.argument("dim") is None and given.rank(x) > 1:
        raise Inexpressible("elements of all axes that are repeated")
    axis = given.axis("dim", x)
    shape = given.shape(x)
    apart = given.node("Unsqueeze", x, given.constant([axis + 1]))
    repeated = given.node("Expand", apart, given.constant([*shape[: axis + 1], times, *shape[axis + 1 :]]))
    given.leaves("Reshape", repeated, given.constant([*shape[:axis], shape[axis] * times, *shape[axis + 1 :]]))


def _unbind(given: TorchCall) -> None:
    x = given.x
    axis = given.axis("dim", x)
    for place, name in enumerate(given.operation.outputs):
        if name:
            given.node("Gather", x, given.constant([place], ()), out=name, axis=axis)


def _slice(given: TorchCall) -> None:
    x = given.x
    axis = given.axis("dim", x)
    start, end, step = given.argument("start", 0), given.argument("end", END), given.integer("step", 1)
    if (start, step) == (0, 1) and isinstance(end, int) and end >= END:
        given.leaves("Identity", x)
        return
    bounds = [given.number(min(bound, END) if isinstance(bound, int) else bound) for bound in (start, end)]
    given.leaves("Slice", x, *bounds, given.constant([axis]), given.constant([step]))


def _narrow(given: TorchCall) -> None:
    start, length = given.integer("start"), given.integer("length")
    axis = given.axis("dim", given.x)
    bounds = given.constant([start]), given.constant([start + length]), given.constant([axis])
    given.leaves("Slice", given.x, *bounds)


def _select(given: TorchCall) -> None:
    x = given.x
    axis, index = given.axis("dim", x), given.argument("index", 0)
    if isinstance(index, NumberName):
        given.leaves("Gather", x, given.node("Reshape", index.name, given.constant([], (0,))), axis=axis)
        return
    given.leaves("Gather", x, given.constant([given.integer("index")], ()), axis=axis)


def _index_select(given: TorchCall) -> None:
    given.leaves("Gather", given.x, given.first("index"), axis=given.axis("dim", given.x))


def _gather(given: TorchCall) -> None:
    given.leaves("GatherElements", given.x, given.first("index"), axis=given.axis("dim", given.x))


def _index(given: TorchCall) -> None:
    """Places that one tensor names on one axis; on several, all by itself."""
    indices = given.argument("indices", [])
    named = [(axis, item) for axis, item in enumerate(indices) if isinstance(item, TensorName)]
    if len(named) == 1:
        ((axis, item),) = named
        name = given.translation.name_of(item)
        if given.element_type(name) == 9:
            raise Inexpressible("elements that are chosen by what is true of them")
        given.leaves("Gather", given.x, name, axis=axis)
        return
    axes = [axis for axis, _ in named]
    if axes != list(range(len(axes))) or not axes:
        raise Inexpressible("places on several axes apart")
    names = [given.translation.name_of(item) for _, item in named]
    shape = given.shape(given.output)
    rank = max(given.rank(name) for name in names)
    sizes = given.constant(shape[:rank])
    parts = [given.node("Unsqueeze", given.node("Expand", name, sizes), given.constant([rank])) for name in names]
    given.leaves("GatherND", given.x, given.node("Concat", *parts, axis=rank))


def _embedding(given: TorchCall) -> None:
    given.leaves("Gather", given.first("weight"), given.first("indices"), axis=0)


RULES = {
    **dict.fromkeys(("cat", "concat", "concatenate"), _cat),
    "stack": _stack,
    **dict.fromkeys(("split", "split_with_sizes", "unsafe_split", "split_with_sizes_copy"), _split),
    **dict.fromkeys(("chunk", "unsafe_chunk"), _chunk),
    "tensor_split": _tensor_split,
    "repeat_interleave": _repeat_interleave,
    "unbind": _unbind,
    "slice": _slice,
    "narrow": _narrow,
    "select": _select,
    "index_select": _index_select,
    "gather": _gather,
    "index": _index,
    "embedding": _embedding,
}
