"""Tensors of indices: numbers that say which places of a tensor are meant, in one of three ways (`FORMS`).

What is chosen depends on data, so that each element sees all of the axes that are chosen from.
"""

from collections.abc import Callable, Iterator, Sequence

from convcalc.arithmetic.field import Field
from convcalc.arithmetic.number import product
from convcalc.layers import Array, Check, Engine, Fields, OnnxGraph, Shape
from convcalc.layers._checks import axes_exist
from convcalc.layers._onnx import held, shaped

FORMS = ("slices", "elements", "points")
"""An index is a place of one axis and means all that is there; or one element there, at the index' own place on the
other axes; or the last axis of the indices has a place on each of several axes."""


CHOOSES = "it says which places are meant, and a place changes by steps or not at all"
"""Why no gradient comes to indices."""

IS_PLACE = "places leave, and a place changes by steps or not at all"
"""Why no gradient comes through what gives indices."""


def span(axes: Sequence[int], rank: int) -> tuple[int, int]:
    """The first of the axes, and the first behind them."""
    start = axes[0] % rank
    return start, start + len(axes)


def fits(axes: Sequence[int], form: str, x: Shape, indices: Shape) -> Iterator[Check]:
    """The axes stand side by side, and the indices have the shape that their form asks for."""
    rank = len(x)
    yield from axes_exist(axes, x, "axes")
    start, end = span(axes, rank)
    follow = [axis % rank for axis in axes] == list(range(start, end))
    yield Check(follow, "CC011", "axes", _apart, (axes,))
    yield Check(form == "points" or len(axes) == 1, "CC011", "axes", _several, (axes, form))
    if form == "elements":
        yield Check(len(indices) == rank, "CC103", "", _other_rank, (x, indices, rank))
        wanted = tuple(size for axis, size in enumerate(x) if axis != start)
        own = tuple(size for axis, size in enumerate(indices) if axis != start)
        for size, needed in zip(own, wanted, strict=False):
            yield Check(size == needed, "CC103", "", _unlike, (x, indices))
    elif form == "points":
        yield Check(len(indices) > start, "CC103", "", _other_rank, (x, indices, start + 1))
        if len(indices) > start:
            yield Check(indices[-1] == len(axes), "CC103", "", _unpointed, (indices, axes))
            for size, needed in zip(indices[:-1], x[:start], strict=False):
                yield Check(size == needed, "CC103", "", _unlike, (x, indices))


def chosen(axes: Sequence[int], form: str, x: Shape, indices: Shape) -> Shape:
    """The shape of what the indices mean."""
    start, end = span(axes, len(x))
    if form == "elements":
        return indices
    inner = indices if form == "slices" else indices[start:-1]
    return (*x[:start], *inner, *x[end:]) or (1,)


def middle(axes: Sequence[int], form: str, x: Shape, indices: Shape) -> tuple[int, int]:
    """The axes, of what the indices mean, that hold one element for each index."""
    start, _ = span(axes, len(x))
    return start, start + {"elements": 1, "slices": len(indices), "points": len(indices) - 1 - start}[form]


def on_axes(field: Field, x: Shape, kept: Sequence[int | None]) -> tuple[Field, Shape]:
    """The field of a tensor, and its shape, with these axes: its own, or new ones of one position (None).

    Of axes that are left out all is seen.
    """
    gone = [axis for axis in range(len(x)) if axis not in kept]
    seen = field.collapsed(gone) if gone else field
    carries = tuple(() if axis is None else seen.carries[axis] for axis in kept)
    return seen.carrying(carries), tuple(1 if axis is None else x[axis] for axis in kept)


def onto_axes(x: Array, kept: Sequence[int | None], together: Callable[..., Array] | None = None) -> Array:
    """An array as `on_axes` has its field: what is on axes that are left out is taken together, summed by default."""
    gone = tuple(axis + 1 for axis in range(x.ndim - 1) if axis not in kept)
    left = (x.sum(gone) if together is None else together(x, gone)) if gone else x
    sizes = [1 if axis is None else x.shape[axis + 1] for axis in kept]
    return left.reshape(x.shape[0], *sizes)


def of_own_place(engine: Engine, positions: int | None) -> Callable[..., Array]:
    """How axes are taken together where only what an element sees of its own place counts: no number if all are none.

    What is at one place of such an axis, a tag among others, then does not show; nor does anything of the axis that
    holds the positions, as no place of it is an element's own.
    """

    def together(x: Array, gone: tuple[int, ...]) -> Array:
        smallest: Array = engine.numpy.fmin.reduce(x, gone)
        return engine.numpy.zeros_like(smallest) if positions is not None and positions + 1 in gone else smallest

    return together


def of_data(axes: Sequence[int], form: str, rank: int, index_rank: int) -> list[int | None]:
    """The axes of the tensor that is chosen from, as they are in what is chosen: None where indices stand."""
    start, end = span(axes, rank)
    if form == "elements":
        return [None if axis == start else axis for axis in range(rank)]
    inner = index_rank if form == "slices" else index_rank - 1 - start
    kept: list[int | None] = [*range(start), *[None] * inner, *range(end, rank)]
    return kept or [None]


def of_indices(axes: Sequence[int], form: str, rank: int, index_rank: int) -> list[int | None]:
    """The axes of the indices, as they are in what is chosen."""
    start, end = span(axes, rank)
    if form == "elements":
        return list(range(rank))
    own = range(index_rank) if form == "slices" else range(index_rank - 1)
    kept: list[int | None] = [*[None] * (start if form == "slices" else 0), *own, *[None] * (rank - end)]
    return kept or [None]


def coordinates(engine: Engine, fields: Fields, x: Shape, indices: Array) -> list[Array]:
    """For each axis of one tensor the places that its indices mean, in the shape of what they mean."""
    np, form = engine.numpy, fields.indices
    start, end = span(fields.axes, len(x))
    if form != "points":
        indices = indices[..., None]
    if form == "points" and end - start == len(x) and indices.ndim == 1:
        return [places(engine, indices[place : place + 1], x[place]) for place in range(len(x))]
    numbers = [places(engine, indices[..., place], x[axis]) for place, axis in enumerate(range(start, end))]
    inner = numbers[0].shape[start:] if form == "points" else numbers[0].shape
    if form == "elements":
        grid = list(np.indices(inner))
        return [*grid[:start], *numbers, *grid[end:]]
    grid = list(np.indices((*x[:start], *inner, *x[end:])))
    before, behind = grid[:start], grid[start + len(inner) :]
    at = grid[start : start + len(inner)] if form == "slices" else grid[: start + len(inner)]
    return [*before, *(number[tuple(at)] for number in numbers), *behind]


def places(engine: Engine, indices: Array, size: int) -> Array:
    """Indices as places of an axis: whole, negative ones counted from the end, those outside at the nearest end."""
    np = engine.numpy
    within = np.clip(np.nan_to_num(indices), -size, size - 1).astype(int)
    return within + size * (within < 0)


def flat(graph: OnnxGraph, fields: Fields, inputs: Sequence[str], shapes: Sequence[Shape]) -> tuple[str, str, Shape]:
    """The tensor as [before, the axes, behind], the indices likewise, each the place of one element; and its sizes."""
    (x, indices, *_), (shape, of_index, *_) = inputs, shapes
    start, end = span(fields.axes, len(shape))
    sizes = shape[start:end]
    before, count, after = product(shape[:start]), product(sizes), product(shape[end:])
    data = shaped(graph, x, [before, count, after])
    numbers = held(graph, indices, sizes)
    if fields.indices == "elements":
        return data, shaped(graph, numbers, [before, of_index[start], after]), (before, of_index[start], after)
    if fields.indices == "slices":
        count_of, times = product(of_index), before
        lined = shaped(graph, numbers, [1, count_of, 1])
    else:
        count_of, times = product(of_index[start:-1]), 1
        steps = [product(sizes[place + 1 :]) for place in range(len(sizes))]
        counted = graph.node("Mod", numbers, graph.constant(list(sizes)))
        linear = graph.node("Mul", counted, graph.constant(steps))
        lined = shaped(graph, graph.node("ReduceSum", linear, graph.constant([-1]), keepdims=0), [before, count_of, 1])
    spread = graph.node("Expand", lined, graph.constant([1, times, 1, after]))
    return data, spread, (before, count_of, after)


def _apart(axes: Sequence[int]) -> str:
    return f"{list(axes)} are not side by side; legal here: axes that follow one another, in their order"


def _several(axes: Sequence[int], form: str) -> str:
    return f"{len(axes)} axes for indices of {form}, which have one; legal here: one axis, or indices: points"


def _other_rank(x: Shape, indices: Shape, rank: int) -> str:
    return f"indices of shape {list(indices)} for a tensor of shape {list(x)}; legal here: {rank} axes"


def _unlike(x: Shape, indices: Shape) -> str:
    return (
        f"indices of shape {list(indices)} do not match the tensor of shape {list(x)} on the axes that they do not "
        "choose from; legal here: equal sizes there"
    )


def _unpointed(indices: Shape, axes: Sequence[int]) -> str:
    return (
        f"the last axis of indices of shape {list(indices)} has {indices[-1]} places for {len(axes)} axes; legal here: "
        f"{len(axes)}"
    )
