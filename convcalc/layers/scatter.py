"""Scatter: a tensor in which elements, chosen by a tensor of indices, are replaced by others, or changed by them.

Example:
    inputs: {memory: [64, 8], places: [4], written: [4, 8]}
    layers:
      - scatter: {from: [memory, places, written]}
    # output 64x8, params 0, macs 0, field 1

The inputs are the tensor, the indices, and the updates, in the shape of what gather makes of the first two; `axes` and
`indices` are gather's. Without a `reduction` the updates take the places, the last of several; this is no arithmetic.
With one each update is an element-wise operation: it is added to what is there, multiplied with it, or the larger or
the smaller of both stays. Which places are written depends on data, so each output sees itself, all updates along the
axes that are chosen from, and all of their indices.

Source: ONNX ScatterElements, ScatterND and Scatter; torch.scatter, torch.scatter_reduce, torch.index_copy.
"""

import random
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Annotated, ClassVar

from convcalc.arithmetic.field import Field
from convcalc.arithmetic.number import product
from convcalc.fields import ANY_SIGN, Choice, Listed
from convcalc.layers import Array, Arrays, Check, Engine, Fields, Kept, Kind, OnnxGraph, Shape, StandIn, Wanted
from convcalc.layers._indices import (
    CHOOSES,
    FORMS,
    chosen,
    coordinates,
    fits,
    flat,
    of_own_place,
    on_axes,
    onto_axes,
    span,
)
from convcalc.layers._kept import PLACE
from convcalc.layers._merges import repeated
from convcalc.layers._onnx import shaped
from convcalc.layers.gather import Gather

REDUCTIONS = ("none", "add", "mul", "max", "min")


class Scatter(Kind, frozen=True, kw_only=True):
    without_gradient: ClassVar[dict[int, str]] = {1: CHOOSES}
    inputs: ClassVar[tuple[int, int | None]] = (3, 3)

    axes: Annotated[tuple[int, ...], Listed("the axis that is written along; 0 is channels", minimum=ANY_SIGN)] = (0,)
    indices: Annotated[str, Choice("what an index means", options=FORMS)] = "slices"
    reduction: Annotated[str, Choice("what an update does to what is there", options=REDUCTIONS)] = "none"

    def checks(self, x: Shape, indices: Shape, updates: Shape) -> Iterator[Check]:
        yield from fits(self.axes, self.indices, x, indices)
        if self.indices == "points" and len(indices) <= self.axes[0] % len(x):
            return
        wanted = chosen(self.axes, self.indices, x, indices)
        yield Check(len(updates) == len(wanted), "CC103", "", _unlike, (updates, wanted))
        for size, needed in zip(updates, wanted, strict=False):
            yield Check(size == needed, "CC103", "", _unlike, (updates, wanted))

    def elementwise_ops(self, x: Shape, indices: Shape, updates: Shape) -> int:
        return 0 if self.reduction == "none" else product(updates)

    def kept(self, wanted: Wanted, x: Shape, indices: Shape, updates: Shape) -> Kept:
        """The place of each update, eight bytes each; tensor and updates where they multiply or are compared."""
        of_x, _, of_updates = wanted.inputs
        places = PLACE * product(updates) * (of_updates or (of_x and self.reduction != "add"))
        is_compared = self.reduction in ("max", "min")
        meets = is_compared or self.reduction == "mul"
        inputs = (0,) * (is_compared or (meets and of_updates)) + (2,) * meets
        return Kept(inputs=inputs, numbers=is_compared * product(x), bytes=places).if_(of_x or of_updates)

    def paths(self, fields: tuple[Field, ...], inputs: tuple[Shape, ...]) -> tuple[Field, ...]:
        kept = _kept(self, *(len(x) for x in inputs[:2]))
        seen = [on_axes(field, x, axes) for field, x, axes in zip(fields[1:], inputs[1:], kept, strict=True)]
        return repeated((fields[0], *(field for field, _ in seen)), (inputs[0], *(shape for _, shape in seen)))

    def unbounded(self, axis: int | None, inputs: tuple[Shape, ...]) -> Kind:
        return StandIn(of=self, run=_seeing_all, own=partial(_of_own_place, axis))

    def onnx(self, graph: OnnxGraph, inputs: tuple[str, ...], shapes: tuple[Shape, ...]) -> str:
        data, indices, sizes = flat(graph, self, inputs, shapes)
        updates = shaped(graph, inputs[2], sizes)
        y = graph.node("ScatterElements", data, indices, updates, axis=2, reduction=self.reduction)
        return shaped(graph, y, shapes[0])

    def summary(self) -> str:
        changed = "" if self.reduction == "none" else f", {self.reduction}"
        return f"{self.indices}, {'axis' if len(self.axes) == 1 else 'axes'} {', '.join(map(str, self.axes))}{changed}"

    @classmethod
    def case(cls, draw: random.Random) -> tuple[Kind, tuple[Shape, ...]]:
        gather, shapes = Gather.case(draw)
        fields = {name: getattr(gather, name) for name in ("axes", "indices")}
        return cls(**fields, reduction=draw.choice(REDUCTIONS)), (*shapes, gather.shape(*shapes))

    @staticmethod
    def reference(engine: Engine, fields: Fields, weights: Arrays, x: Array, indices: Array, updates: Array) -> Array:
        np, items = engine.numpy, []
        change = {"add": np.add, "mul": np.multiply, "max": np.maximum, "min": np.minimum}.get(fields.reduction)
        for item, index, update in zip(x, indices, updates, strict=True):
            at = tuple(engine.aside(partial(coordinates, engine, fields, item.shape), index))
            fitted = update.reshape(np.broadcast_shapes(*(places.shape for places in at)))
            items.append(engine.written(change, item, at, fitted))
        return np.stack(items)


def _kept(fields: Fields, rank: int, index_rank: int) -> list[list[int | None]]:
    """The axes of indices and of updates, as they are in the tensor: None where all of them may be written."""
    start, end = span(fields.axes, rank)
    if fields.indices == "elements":
        own: list[int | None] = [None if axis == start else axis for axis in range(rank)]
        return [own, own]
    inner = index_rank if fields.indices == "slices" else index_rank - 1 - start
    written = [None] * (end - start)
    behind = range(start + inner, start + inner + rank - end)
    beside: list[int | None] = [None] * start if fields.indices == "slices" else list(range(start))
    return [[*beside, *written, *[None] * (rank - end)], [*range(start), *written, *behind]]


def _seeing_all(engine: Engine, fields: Fields, weights: Arrays, x: Array, *others: Array) -> Array:
    """Every element as what was there, and the sum of all that may be written to it."""
    return _with_others(fields, x, others)


def _of_own_place(
    positions: int | None, engine: Engine, fields: Fields, weights: Arrays, x: Array, *others: Array
) -> Array:
    """Every element as what was there, and what of the others is at its own place."""
    return _with_others(fields, x, others, of_own_place(engine, positions))


def _with_others(
    fields: Fields, x: Array, others: Sequence[Array], together: Callable[..., Array] | None = None
) -> Array:
    kept = _kept(fields, x.ndim - 1, others[0].ndim - 1)
    return sum((onto_axes(*of, together) for of in zip(others, kept, strict=True)), x)


def _unlike(updates: Shape, wanted: Shape) -> str:
    return f"updates of shape {list(updates)}; legal here: {list(wanted)}, what gather makes of the indices"
